/* Names of objects. */
#include "net/s3name.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/text.h"

enum { ENDPOINT_MAX = 1024, ADDRESS_MAX = 16 << 10 };
static const char SMALL[] = "abcdefghijklmnopqrstuvwxyz0123456789";

/* "Buckets names must not be formatted as an IP address". */
static bool
is_address(const char *text)
{
	unsigned dots = 0;

	for (; *text != '\0'; text++) {
		dots += *text == '.';
		if (*text != '.' && !isdigit((unsigned char)*text))
			return false;
	}
	return dots == 3;
}

static bool
is_bucket(const char *text)
{
	size_t len = strlen(text);

	return len >= 3 && len <= AB_S3_BUCKET_MAX && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len &&
	    strchr(SMALL, text[0]) != NULL && strchr(SMALL, text[len - 1]) != NULL && strstr(text, "..") == NULL && !is_address(text);
}

/* The beginning of it, cut between two characters. */
static void
show(struct ab_s3_name *name)
{
	size_t room = sizeof(name->shown) - sizeof("s3:///…") - strlen(name->bucket), len = strlen(name->key);

	if (len <= room) {
		snprintf(name->shown, sizeof(name->shown), "s3://%s/%s", name->bucket, name->key);
		return;
	}
	snprintf(name->shown, sizeof(name->shown), "s3://%s/%.*s…", name->bucket, (int)ab_utf8_prefix(name->key, room), name->key);
}

int
ab_s3_name_parse(const char *url, struct ab_s3_name *name, struct ab_error *err)
{
	if (strncmp(url, "s3://", 5) != 0) {
		ab_fail(err, AB_E_INPUT_INVALID, "\"%.200s\" is no name of an object", url);
		ab_error_hint(err, "s3://BUCKET/KEY");
		return -1;
	}
	const char *bucket = url + 5, *slash = strchr(bucket, '/');
	if (slash == NULL || slash[1] == '\0')
		return ab_fail(err, AB_E_INPUT_INVALID, "\"%.200s\" names a bucket and no object in it", url);
	snprintf(name->bucket, sizeof(name->bucket), "%.*s", (int)(slash - bucket), bucket);
	if ((size_t)(slash - bucket) != strlen(name->bucket) || !is_bucket(name->bucket)) {
		ab_fail(err, AB_E_INPUT_INVALID, "\"%.*s\" is no name of a bucket", slash - bucket > 200 ? 200 : (int)(slash - bucket), bucket);
		ab_error_hint(err, "3 to 63 small letters, digits, '.' and '-', with a letter or digit at both ends");
		return -1;
	}
	size_t len = strlen(slash + 1);
	if (len > AB_S3_KEY_MAX)
		return ab_fail(err, AB_E_INPUT_INVALID, "a key of %zu bytes: S3 allows %d", len, AB_S3_KEY_MAX);
	if (!ab_utf8_valid(slash + 1, len))
		return ab_fail(err, AB_E_INPUT_INVALID, "the key is no UTF-8");
	memcpy(name->key, slash + 1, len + 1);
	show(name);
	return 0;
}

/* RFC 3986, section 2.3, as Signature Version 4 wants it: big hexadecimal digits, and '/' stands. */
static void
put_encoded(struct ab_buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~/", *text) != NULL)
			ab_buf_putc(out, *text);
		else
			ab_buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

/* Scheme, host and path of an endpoint: nothing that a URL may have beside them. */
static int
split_endpoint(const char *endpoint, bool *secure, char **host, char **base, struct ab_error *err)
{
	*secure = strncasecmp(endpoint, "https://", 8) == 0;
	const char *from = *secure ? endpoint + 8 : endpoint + 7;
	size_t len = strlen(endpoint);
	bool valid = len <= ENDPOINT_MAX && (*secure || strncasecmp(endpoint, "http://", 7) == 0);

	for (const char *at = endpoint; valid && *at != '\0'; at++)
		valid = isalnum((unsigned char)*at) || strchr("-._~:/[]", *at) != NULL;
	size_t host_len = valid ? strcspn(from, "/") : 0;
	if (host_len == 0 || from[0] == ':') {
		ab_fail(err, AB_E_INPUT_INVALID, "the endpoint is no http://HOST[:PORT] or https://HOST[:PORT]");
		ab_error_hint(err, "--endpoint http://127.0.0.1:9000; or AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, if it comes from there");
		return -1;
	}
	*host = ab_strndup(from, host_len);
	for (char *at = *host; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	const char *port = *secure ? ":443" : ":80";
	if (host_len > strlen(port) && strcmp(*host + host_len - strlen(port), port) == 0)
		(*host)[host_len - strlen(port)] = '\0';
	size_t base_len = strlen(from + host_len);
	while (base_len > 0 && from[host_len + base_len - 1] == '/')
		base_len--;
	*base = ab_strndup(from + host_len, base_len);
	return 0;
}

static bool
is_region(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= AB_S3_REGION_MAX && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == len;
}

int
ab_s3_address_make(const struct ab_s3_name *name, const char *endpoint, const char *region, struct ab_s3_address *address, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf path = AB_BUF_INIT(ADDRESS_MAX);
	AB_AUTO_FREE char *host = NULL, *base = NULL;
	bool secure = true, in_path = true;

	if (!is_region(region)) {
		ab_fail(err, AB_E_INPUT_INVALID, "\"%.64s\" is no name of a region", region);
		ab_error_hint(err, "--region us-east-1; or AWS_REGION or AWS_DEFAULT_REGION, if it comes from there");
		return -1;
	}
	if (endpoint != NULL) {
		if (split_endpoint(endpoint, &secure, &host, &base, err) < 0)
			return -1;
	} else {
		const char *china = strncmp(region, "cn-", 3) == 0 ? ".cn" : "";
		in_path = strchr(name->bucket, '.') != NULL;
		host = ab_asprintf("%s%ss3.%s.amazonaws.com%s", in_path ? "" : name->bucket, in_path ? "" : ".", region, china);
	}
	if (base != NULL)
		ab_buf_puts(&path, base);
	if (in_path)
		ab_buf_printf(&path, "/%s", name->bucket);
	ab_buf_putc(&path, '/');
	put_encoded(&path, name->key);
	address->path = ab_buf_take(&path);
	address->host = ab_steal(&host);
	address->url = ab_asprintf("%s://%s%s", secure ? "https" : "http", address->host, address->path);
	return 0;
}

void
ab_s3_address_release(struct ab_s3_address *address)
{
	ab_free_indirect(&address->url);
	ab_free_indirect(&address->host);
	ab_free_indirect(&address->path);
}
