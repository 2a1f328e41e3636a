/* What a store sends, and names and endpoints: whatever they hold, verdicts come with their error, and what is sent and shown is clean. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "net/s3error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
want(bool ok)
{
	if (!ok)
		abort();
}

static void
reply(const char *text, size_t len, enum ab_s3_method method)
{
	struct ab_s3_reply reply;
	struct ab_s3_name name = { .bucket = "bkt", .key = "key", .shown = "s3://bkt/key" };
	const struct ab_s3_asked asked = { method, &name, "us-east-1", len % 2 == 0 };
	struct ab_error err = AB_ERROR_INIT;
	const char *end = text + len, *line;

	ab_s3_reply_begin(&reply);
	while (text < end && (line = memchr(text, '\n', (size_t)(end - text))) != NULL && line > text) {
		ab_s3_reply_header(&reply, text, (size_t)(line + 1 - text));
		text = line + 1;
	}
	ab_s3_reply_body(&reply, text, (size_t)(end - text));
	enum ab_s3_verdict verdict = ab_s3_judge(&reply, &asked, &err);
	want((verdict == AB_S3_DONE) == (err.code == AB_E_NONE));
	want(verdict != AB_S3_OTHER_REGION || reply.region[0] != '\0');
	for (const char *at = err.msg; *at != '\0'; at++)
		want((unsigned char)*at >= 0x20);
}

static void
place(const char *url, const char *endpoint)
{
	AB_AUTO_S3_ADDRESS struct ab_s3_address address = { .url = NULL };
	struct ab_s3_name name;
	struct ab_error err = AB_ERROR_INIT;

	if (ab_s3_name_parse(url, &name, &err) < 0) {
		want(err.code == AB_E_INPUT_INVALID);
		return;
	}
	want(ab_utf8_valid(name.shown, strlen(name.shown)));
	if (ab_s3_address_make(&name, endpoint, "r", &address, &err) < 0) {
		want(err.code == AB_E_INPUT_INVALID);
		return;
	}
	for (const char *at = address.url; *at != '\0'; at++)
		want(*at > 0x20 && *at < 0x7f && strchr("\"<>\\@?#", *at) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AB_AUTO_FREE char *text = ab_strndup((const char *)data, size);
	AB_AUTO_FREE char *url = ab_asprintf("s3://%s", text);

	if (size == 0)
		return 0;
	reply((const char *)data + 1, size - 1, (enum ab_s3_method)(data[0] % 3));
	place(text, NULL);
	place(url, NULL);
	place("s3://bkt/key", text);
	return 0;
}
