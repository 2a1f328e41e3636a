/* net/s3error: what each answer means. */
#include "net/s3error.h"

#include "core/mem.h"
#include "core/time.h"
#include "tap.h"

static struct ab_s3_name name;

static void
header(struct ab_s3_reply *reply, const char *line)
{
	ab_s3_reply_header(reply, line, strlen(line));
}

struct expected {
	enum ab_s3_method method;
	bool conditional;
	const char *status, *header, *code; /* code: of the body; NULL: no body */
	enum ab_s3_verdict verdict;
	enum ab_errcode errcode;
	const char *says; /* stands in the message */
};

static void
judge(const struct expected *row, struct ab_error *err)
{
	const struct ab_s3_asked asked = { row->method, &name, "us-east-1", row->conditional };
	struct ab_s3_reply reply;
	char text[256];

	ab_s3_reply_begin(&reply);
	snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n", row->status);
	header(&reply, text);
	if (row->header != NULL)
		header(&reply, row->header);
	if (row->code != NULL) {
		snprintf(text, sizeof(text), "<?xml version=\"1.0\"?>\n<Error><Code>%s</Code><Message>secret</Message></Error>", row->code);
		ab_s3_reply_body(&reply, text, strlen(text));
	}
	if (!CHECK_INT(ab_s3_judge(&reply, &asked, err), row->verdict))
		printf("# of %s %s\n", row->status, row->code != NULL ? row->code : "");
}

static void
test_table(void)
{
	static const struct expected rows[] = {
		{ AB_S3_PUT, false, "200 OK", NULL, NULL, AB_S3_DONE, AB_E_NONE, "" },
		{ AB_S3_GET, false, "200 OK", NULL, NULL, AB_S3_DONE, AB_E_NONE, "" },
		{ AB_S3_GET, false, "206 Partial", NULL, NULL, AB_S3_FAILED, AB_E_INPUT_INVALID, "HTTP 206" },
		{ AB_S3_GET, true, "304 Not Modified", NULL, NULL, AB_S3_DONE, AB_E_NONE, "" },
		{ AB_S3_GET, false, "304 Not Modified", NULL, NULL, AB_S3_FAILED, AB_E_INPUT_INVALID, "elsewhere" },
		{ AB_S3_DELETE, false, "204 No Content", NULL, NULL, AB_S3_DONE, AB_E_NONE, "" },
		{ AB_S3_DELETE, false, "404 Not Found", NULL, "NoSuchKey", AB_S3_DONE, AB_E_NONE, "" },
		{ AB_S3_DELETE, false, "404 Not Found", NULL, NULL, AB_S3_DONE, AB_E_NONE, "" },
		{ AB_S3_DELETE, false, "404 Not Found", NULL, "NoSuchBucket", AB_S3_FAILED, AB_E_NOT_FOUND, "\"bkt\": no such bucket" },
		{ AB_S3_GET, false, "404 Not Found", NULL, "NoSuchKey", AB_S3_FAILED, AB_E_NOT_FOUND, "\"s3://bkt/key\": no such object (HTTP 404 NoSuchKey)" },
		{ AB_S3_GET, false, "404 Not Found", NULL, NULL, AB_S3_FAILED, AB_E_NOT_FOUND, "no such object (HTTP 404)" },
		{ AB_S3_PUT, true, "404 Not Found", NULL, "NoSuchKey", AB_S3_FAILED, AB_E_CONFLICT, "no such object" },
		{ AB_S3_PUT, true, "404 Not Found", NULL, "NoSuchBucket", AB_S3_FAILED, AB_E_NOT_FOUND, "no such bucket" },
		{ AB_S3_PUT, true, "412 Precondition Failed", NULL, "PreconditionFailed", AB_S3_FAILED, AB_E_CONFLICT, "not as the condition says" },
		{ AB_S3_PUT, true, "412 Precondition Failed", NULL, NULL, AB_S3_FAILED, AB_E_CONFLICT, "not as the condition says" },
		{ AB_S3_PUT, true, "409 Conflict", NULL, "ConditionalRequestConflict", AB_S3_FAILED, AB_E_CONFLICT, "another writer" },
		{ AB_S3_PUT, true, "409 Conflict", NULL, "OperationAborted", AB_S3_AGAIN, AB_E_UNAVAILABLE, "OperationAborted" },
		{ AB_S3_PUT, false, "403 Forbidden", NULL, "InvalidAccessKeyId", AB_S3_FAILED, AB_E_AUTH_FAILED, "does not know the access key" },
		{ AB_S3_PUT, false, "403 Forbidden", NULL, "SignatureDoesNotMatch", AB_S3_FAILED, AB_E_AUTH_FAILED, "secret key is not that" },
		{ AB_S3_PUT, false, "400 Bad Request", NULL, "ExpiredToken", AB_S3_FAILED, AB_E_AUTH_FAILED, "has expired" },
		{ AB_S3_PUT, false, "400 Bad Request", NULL, "InvalidToken", AB_S3_FAILED, AB_E_AUTH_FAILED, "is not valid" },
		{ AB_S3_PUT, false, "403 Forbidden", NULL, "AccessDenied", AB_S3_FAILED, AB_E_AUTH_FAILED, "PUT s3://bkt/key: access denied" },
		{ AB_S3_GET, false, "403 Forbidden", NULL, NULL, AB_S3_FAILED, AB_E_AUTH_FAILED, "access denied (HTTP 403)" },
		{ AB_S3_GET, false, "401 Unauthorized", NULL, NULL, AB_S3_FAILED, AB_E_AUTH_FAILED, "HTTP 401" },
		{ AB_S3_GET, false, "403 Forbidden", NULL, "RequestTimeTooSkewed", AB_S3_OTHER_CLOCK, AB_E_AUTH_FAILED, "clock" },
		{ AB_S3_GET, false, "403 Forbidden", NULL, "InvalidObjectState", AB_S3_FAILED, AB_E_UNSUPPORTED, "archive" },
		{ AB_S3_GET, false, "301 Moved", "x-amz-bucket-region: eu-west-1\r\n", "PermanentRedirect", AB_S3_OTHER_REGION, AB_E_INPUT_INVALID,
		    "\"bkt\" is in the region \"eu-west-1\", not in \"us-east-1\"" },
		{ AB_S3_GET, false, "301 Moved", "X-Amz-Bucket-Region: eu-west-1\r\n", NULL, AB_S3_OTHER_REGION, AB_E_INPUT_INVALID, "eu-west-1" },
		{ AB_S3_GET, false, "400 Bad Request", NULL, "AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region><Code>", AB_S3_OTHER_REGION, AB_E_INPUT_INVALID, "eu-west-1" },
		{ AB_S3_GET, false, "400 Bad Request", NULL, "AuthorizationHeaderMalformed", AB_S3_FAILED, AB_E_INPUT_INVALID, "wrong region" },
		{ AB_S3_GET, false, "301 Moved", "x-amz-bucket-region: us-east-1\r\n", NULL, AB_S3_FAILED, AB_E_INPUT_INVALID, "elsewhere" },
		{ AB_S3_GET, false, "307 Temporary Redirect", "Location: http://evil/\r\n", NULL, AB_S3_FAILED, AB_E_INPUT_INVALID, "not followed" },
		{ AB_S3_GET, false, "429 Too Many Requests", NULL, NULL, AB_S3_AGAIN, AB_E_UNAVAILABLE, "too many requests" },
		{ AB_S3_GET, false, "503 Slow Down", NULL, "SlowDown", AB_S3_AGAIN, AB_E_UNAVAILABLE, "HTTP 503 SlowDown" },
		{ AB_S3_GET, false, "500 Internal", NULL, "InternalError", AB_S3_AGAIN, AB_E_UNAVAILABLE, "HTTP 500 InternalError" },
		{ AB_S3_GET, false, "502 Bad Gateway", NULL, NULL, AB_S3_AGAIN, AB_E_UNAVAILABLE, "HTTP 502" },
		{ AB_S3_GET, false, "504 Gateway Timeout", NULL, NULL, AB_S3_AGAIN, AB_E_UNAVAILABLE, "HTTP 504" },
		{ AB_S3_PUT, false, "400 Bad Request", NULL, "RequestTimeout", AB_S3_AGAIN, AB_E_UNAVAILABLE, "in time" },
		{ AB_S3_PUT, false, "408 Request Timeout", NULL, NULL, AB_S3_AGAIN, AB_E_UNAVAILABLE, "in time" },
		{ AB_S3_PUT, false, "400 Bad Request", NULL, "XAmzContentSHA256Mismatch", AB_S3_AGAIN_A_LITTLE, AB_E_UNAVAILABLE, "what arrived" },
		{ AB_S3_PUT, false, "501 Not Implemented", NULL, "NotImplemented", AB_S3_FAILED, AB_E_UNSUPPORTED, "cannot do it" },
		{ AB_S3_PUT, false, "507 Insufficient Storage", NULL, "XMinioStorageFull", AB_S3_FAILED, AB_E_LIMIT_STORAGE, "full" },
		{ AB_S3_PUT, false, "507 Insufficient Storage", NULL, NULL, AB_S3_FAILED, AB_E_LIMIT_STORAGE, "full" },
		{ AB_S3_PUT, false, "409 Conflict", NULL, "QuotaExceeded", AB_S3_FAILED, AB_E_LIMIT_QUOTA, "quota" },
		{ AB_S3_PUT, false, "400 Bad Request", NULL, "EntityTooLarge", AB_S3_FAILED, AB_E_LIMIT_SIZE, "more bytes" },
		{ AB_S3_PUT, false, "413 Too Large", NULL, NULL, AB_S3_FAILED, AB_E_LIMIT_SIZE, "more bytes" },
		{ AB_S3_PUT, false, "400 Bad Request", NULL, "SomethingNew", AB_S3_FAILED, AB_E_INPUT_INVALID, "refused it (HTTP 400 SomethingNew)" },
		/* What is no word is not repeated. */
		{ AB_S3_PUT, false, "400 Bad Request", NULL, "a b\x1b[31m", AB_S3_FAILED, AB_E_INPUT_INVALID, "refused it (HTTP 400)" },
	};

	for (size_t i = 0; i < AB_COUNT_OF(rows); i++) {
		struct ab_error err = AB_ERROR_INIT;
		judge(&rows[i], &err);
		CHECK_INT(err.code, rows[i].errcode);
		if (!CHECK(strstr(err.msg, rows[i].says) != NULL) || !CHECK(strstr(err.msg, "secret") == NULL || rows[i].errcode == AB_E_AUTH_FAILED))
			printf("# %s %s: %s\n", rows[i].status, rows[i].code, err.msg);
		if (err.code == AB_E_AUTH_FAILED)
			CHECK(err.hint[0] != '\0');
	}
}

static void
test_headers(void)
{
	struct ab_s3_reply reply;

	ab_s3_reply_begin(&reply);
	header(&reply, "HTTP/1.1 100 Continue\r\n");
	header(&reply, "ETag: \"old\"\r\n");
	header(&reply, "HTTP/1.1 503 Slow Down\r\n");
	CHECK_INT(reply.status, 503);
	CHECK_STRING(reply.etag, "");
	header(&reply, "etag:\"new\"  \r\n");
	CHECK_STRING(reply.etag, "\"new\"");
	header(&reply, "ETag: a\x01b\r\n");
	CHECK_STRING(reply.etag, "");
	header(&reply, "Retry-After: 3\r\n");
	CHECK_INT(reply.retry_after_ms, 3000);
	header(&reply, "Retry-After: soon\r\n");
	CHECK_INT(reply.retry_after_ms, -1);
	header(&reply, "Retry-After: -1\r\n");
	CHECK_INT(reply.retry_after_ms, -1);
	header(&reply, "Retry-After: 999999999999\r\n");
	CHECK_INT(reply.retry_after_ms, 24 * 3600 * 1000);
	header(&reply, "Date: Fri, 24 May 2013 00:00:00 GMT\r\n");
	CHECK_INT(reply.date_unix_ms, 1369353600000);
	header(&reply, "Retry-After: Fri, 24 May 2013 00:00:07 GMT\r\n");
	CHECK_INT(reply.retry_after_ms, 7000);
	header(&reply, "Retry-After: Fri, 24 May 2013 00:00:00 GMT\r\n");
	CHECK_INT(reply.retry_after_ms, 0);
	header(&reply, "Date: yesterday\r\n");
	CHECK_INT(reply.date_unix_ms, -1);
	header(&reply, "x-amz-bucket-region: eu\r\n");
	CHECK_STRING(reply.region, "eu");
	header(&reply, "x-amz-bucket-region: e u\r\n");
	CHECK_STRING(reply.region, "");
	CHECK(!reply.framed);
	header(&reply, "Content-Length: 99999999999999999999\r\n");
	CHECK(!reply.framed);
	header(&reply, "Content-Length: 0\r\n");
	CHECK(reply.framed);
	header(&reply, "Transfer-Encoding: gzip\r\n");
	CHECK(!reply.framed);
	header(&reply, "Transfer-Encoding: Chunked\r\n");
	CHECK(reply.framed);
	header(&reply, "no colon\r\n");
	header(&reply, "\r\n");
}

/* Only the first KiB is looked at, however it comes. */
static void
test_body(void)
{
	const struct ab_s3_asked asked = { AB_S3_GET, &name, "r", false };
	struct ab_s3_reply reply;
	struct ab_error err = AB_ERROR_INIT;

	for (size_t before = 900; before <= 1100; before += 10) {
		ab_s3_reply_begin(&reply);
		header(&reply, "HTTP/1.1 403 x");
		for (size_t i = 0; i < before; i++)
			ab_s3_reply_body(&reply, " ", 1);
		ab_s3_reply_body(&reply, "<Code>ExpiredToken</Code>", 25);
		CHECK_INT(ab_s3_judge(&reply, &asked, &err), AB_S3_FAILED);
		CHECK_INT(strstr(err.msg, "ExpiredToken") != NULL, before + 19 <= AB_S3_BODY_SEEN);
	}
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "answers", test_table },
		{ "header lines", test_headers },
		{ "bodies", test_body },
	};
	struct ab_error err = AB_ERROR_INIT;

	if (ab_s3_name_parse("s3://bkt/key", &name, &err) < 0)
		return 1;
	return tap_run(tests, AB_COUNT_OF(tests));
}
