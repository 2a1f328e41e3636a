/* Signature Version 4: canonical request, string to sign, key, signature. */
#include "net/sigv4.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "data/hash.h"

enum { DAY_LEN = 8, REQUEST_MAX = 64 << 10 };

const char *
ab_sigv4_time(char text[static AB_SIGV4_TIME_SIZE], int64_t unix_ms)
{
	const time_t seconds = (time_t)(unix_ms / 1000);
	struct tm at;

	gmtime_r(&seconds, &at);
	if (strftime(text, AB_SIGV4_TIME_SIZE, "%Y%m%dT%H%M%SZ", &at) == 0)
		text[0] = '\0'; /* not before the year 10000 */
	return text;
}

static void
put_names(const struct ab_sigv4_request *request, struct ab_buf *out)
{
	for (size_t i = 0; i < request->header_count; i++)
		ab_buf_printf(out, "%s%s", i > 0 ? ";" : "", request->headers[i].name);
}

/* "Task 1: Create a Canonical Request", hashed. There is never a query. */
static const char *
hash_request(const struct ab_sigv4_request *request, char text[static AB_SHA256_TEXT])
{
	AB_AUTO_BUF struct ab_buf canonical = AB_BUF_INIT(REQUEST_MAX);
	unsigned char hash[AB_SHA256_SIZE];

	ab_buf_printf(&canonical, "%s\n%s\n\n", request->method, request->path);
	for (size_t i = 0; i < request->header_count; i++) {
		assert(i == 0 || strcmp(request->headers[i - 1].name, request->headers[i].name) < 0);
		ab_buf_printf(&canonical, "%s:%s\n", request->headers[i].name, request->headers[i].value);
	}
	ab_buf_putc(&canonical, '\n');
	put_names(request, &canonical);
	ab_buf_printf(&canonical, "\n%s", request->payload_sha256);
	ab_sha256(canonical.data, canonical.len, hash);
	return ab_sha256_text(text, hash);
}

static void
chain(unsigned char key[static AB_SHA256_SIZE], const char *text)
{
	ab_hmac_sha256(key, AB_SHA256_SIZE, text, strlen(text), key);
}

/* "Task 3: Calculate Signature": the key is good for one day, region and service. */
static void
derive_key(const struct ab_sigv4_signer *signer, const char *day, unsigned char key[static AB_SHA256_SIZE])
{
	AB_AUTO_BUF struct ab_buf secret = AB_BUF_INIT(REQUEST_MAX);

	ab_buf_printf(&secret, "AWS4%s", signer->secret_key);
	ab_hmac_sha256(secret.data, secret.len, day, DAY_LEN, key);
	explicit_bzero(secret.data, secret.len);
	chain(key, signer->region);
	chain(key, signer->service);
	chain(key, "aws4_request");
}

void
ab_sigv4_sign(const struct ab_sigv4_signer *signer, const struct ab_sigv4_request *request, const char *time, struct ab_buf *out)
{
	AB_AUTO_BUF struct ab_buf scope = AB_BUF_INIT(REQUEST_MAX), text = AB_BUF_INIT(REQUEST_MAX);
	unsigned char key[AB_SHA256_SIZE];
	char hex[AB_SHA256_TEXT];

	ab_buf_printf(&scope, "%.*s/%s/%s/aws4_request", DAY_LEN, time, signer->region, signer->service);
	ab_buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", time, scope.data, hash_request(request, hex));
	derive_key(signer, time, key);
	chain(key, text.data);
	ab_buf_printf(out, "AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=", signer->access_key, scope.data);
	put_names(request, out);
	ab_buf_printf(out, ",Signature=%s", ab_sha256_text(hex, key));
	explicit_bzero(key, sizeof(key));
}
