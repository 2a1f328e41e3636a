/* What a store's answer means. */
#include "net/s3error.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/mem.h"
#include "core/time.h"

enum { RETRY_AFTER_MAX_S = 24 * 3600 };

const char *
ab_s3_method_name(enum ab_s3_method method)
{
	return method == AB_S3_PUT ? "PUT" : method == AB_S3_DELETE ? "DELETE" : "GET";
}

void
ab_s3_reply_begin(struct ab_s3_reply *reply)
{
	*reply = (struct ab_s3_reply){ .status = 0, .retry_after_ms = -1, .date_unix_ms = -1 };
}

/* RFC 9110, section 5.6.7, the form that servers must send; -1 for any other. */
static int64_t
parse_date(const char *text)
{
	struct tm at = { .tm_sec = 0 };
	const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &at);

	return end != NULL && *end == '\0' ? (int64_t)timegm(&at) * 1000 : -1;
}

/* RFC 9110, section 10.2.3: seconds, or a date, which is taken by the server's own clock where it told that. */
static int64_t
parse_retry_after(const char *text, int64_t server_ms)
{
	char *end;
	long seconds = strtol(text, &end, 10);

	if (end != text && *end == '\0')
		return seconds < 0 ? -1 : (int64_t)(seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S) * 1000;
	int64_t at = parse_date(text), now = server_ms >= 0 ? server_ms : ab_now_unix_ms();
	return at < 0 ? -1 : at > now ? at - now : 0;
}

/* Words alone: what is not one is as if it had not come. */
static void
copy_word(char *to, size_t size, const char *from, size_t len)
{
	bool valid = len > 0 && len < size;

	for (size_t i = 0; valid && i < len; i++)
		valid = isalnum((unsigned char)from[i]) || strchr("._-", from[i]) != NULL;
	snprintf(to, size, "%.*s", valid ? (int)len : 0, from);
}

static void
copy_printable(char *to, size_t size, const char *from)
{
	bool valid = strlen(from) < size;

	for (const char *at = from; valid && *at != '\0'; at++)
		valid = isgraph((unsigned char)*at) != 0;
	snprintf(to, size, "%s", valid ? from : "");
}

void
ab_s3_reply_header(struct ab_s3_reply *reply, const char *line, size_t len)
{
	char text[512];

	while (len > 0 && strchr("\r\n \t", line[len - 1]) != NULL)
		len--;
	if (len >= sizeof(text) || memchr(line, '\0', len) != NULL)
		return; /* none of those that are looked for */
	snprintf(text, sizeof(text), "%.*s", (int)len, line);
	if (strncmp(text, "HTTP/", 5) == 0) {
		const char *blank = strchr(text, ' ');
		ab_s3_reply_begin(reply);
		reply->status = blank != NULL ? strtol(blank, NULL, 10) : 0;
		return;
	}
	char *value = strchr(text, ':');
	if (value == NULL)
		return;
	*value++ = '\0';
	value += strspn(value, " \t");
	if (strcasecmp(text, "etag") == 0)
		copy_printable(reply->etag, sizeof(reply->etag), value);
	else if (strcasecmp(text, "x-amz-bucket-region") == 0)
		copy_word(reply->region, sizeof(reply->region), value, strlen(value));
	else if (strcasecmp(text, "date") == 0)
		reply->date_unix_ms = parse_date(value);
	else if (strcasecmp(text, "content-length") == 0)
		reply->framed = value[0] != '\0' && strlen(value) < 19 && strspn(value, "0123456789") == strlen(value);
	else if (strcasecmp(text, "transfer-encoding") == 0)
		reply->framed = strcasecmp(value, "chunked") == 0;
	else if (strcasecmp(text, "retry-after") == 0)
		reply->retry_after_ms = parse_retry_after(value, reply->date_unix_ms);
}

void
ab_s3_reply_body(struct ab_s3_reply *reply, const void *data, size_t len)
{
	size_t room = AB_S3_BODY_SEEN - reply->body_len, part = len < room ? len : room;

	memcpy(reply->body + reply->body_len, data, part);
	reply->body_len += part;
}

/* The text of the first element of that name: no parser, since nothing hangs on it but words. */
static void
find_element(const struct ab_s3_reply *reply, const char *open, char *to, size_t size)
{
	const char *from = memmem(reply->body, reply->body_len, open, strlen(open));

	if (from == NULL)
		return;
	from += strlen(open);
	const char *end = memchr(from, '<', reply->body_len - (size_t)(from - reply->body));
	if (end != NULL)
		copy_word(to, size, from, (size_t)(end - from));
}

/* ---- the table of codes ---- */

/* What a row's message tells of beside its words. */
enum about { OBJECT, BUCKET, REQUEST, NOTHING };

struct row {
	const char *code;
	enum ab_s3_verdict verdict;
	enum ab_errcode errcode;
	enum about about;
	const char *text, *hint;
};

#define NEW_TOKEN "get new ones: aws sso login, then eval \"$(aws configure export-credentials --format env)\""

static const struct row ROWS[] = {
	{ "InvalidAccessKeyId", AB_S3_FAILED, AB_E_AUTH_FAILED, REQUEST, "the store does not know the access key",
	    "check AWS_ACCESS_KEY_ID, and whether the endpoint is the one it is for" },
	{ "SignatureDoesNotMatch", AB_S3_FAILED, AB_E_AUTH_FAILED, REQUEST, "the signature does not match: the secret key is not that of the access key",
	    "check AWS_SECRET_ACCESS_KEY" },
	{ "ExpiredToken", AB_S3_FAILED, AB_E_AUTH_FAILED, REQUEST, "the session token has expired", NEW_TOKEN },
	{ "TokenRefreshRequired", AB_S3_FAILED, AB_E_AUTH_FAILED, REQUEST, "the session token has expired", NEW_TOKEN },
	{ "InvalidToken", AB_S3_FAILED, AB_E_AUTH_FAILED, REQUEST, "the session token is not valid, or not that of the access key",
	    "check AWS_SESSION_TOKEN; with a long-lived key it must not be set" },
	{ "AccessDenied", AB_S3_FAILED, AB_E_AUTH_FAILED, REQUEST, "access denied", "check the policy of the credentials, and that of the bucket" },
	{ "AllAccessDisabled", AB_S3_FAILED, AB_E_AUTH_FAILED, REQUEST, "the store has switched off all access", NULL },
	{ "RequestTimeTooSkewed", AB_S3_OTHER_CLOCK, AB_E_AUTH_FAILED, REQUEST, "this machine's clock is wrong", "date -u; then see to what sets it" },
	{ "NoSuchKey", AB_S3_FAILED, AB_E_NOT_FOUND, OBJECT, "no such object", NULL },
	{ "NoSuchBucket", AB_S3_FAILED, AB_E_NOT_FOUND, BUCKET, "no such bucket", "check its name, --endpoint and --region" },
	{ "PreconditionFailed", AB_S3_FAILED, AB_E_CONFLICT, OBJECT, "the object is not as the condition says", NULL },
	{ "ConditionalRequestConflict", AB_S3_FAILED, AB_E_CONFLICT, OBJECT, "another writer was at it", NULL },
	{ "OperationAborted", AB_S3_AGAIN, AB_E_UNAVAILABLE, REQUEST, "another operation is under way", NULL },
	{ "AuthorizationHeaderMalformed", AB_S3_OTHER_REGION, AB_E_INPUT_INVALID, BUCKET, "wrong region", NULL },
	{ "PermanentRedirect", AB_S3_OTHER_REGION, AB_E_INPUT_INVALID, BUCKET, "wrong region", NULL },
	{ "TemporaryRedirect", AB_S3_OTHER_REGION, AB_E_INPUT_INVALID, BUCKET, "wrong region", NULL },
	{ "IllegalLocationConstraintException", AB_S3_OTHER_REGION, AB_E_INPUT_INVALID, BUCKET, "wrong region", NULL },
	{ "RequestTimeout", AB_S3_AGAIN, AB_E_UNAVAILABLE, REQUEST, "it did not get the request in time", NULL },
	{ "IncompleteBody", AB_S3_AGAIN, AB_E_UNAVAILABLE, REQUEST, "it did not get the whole body", NULL },
	{ "SlowDown", AB_S3_AGAIN, AB_E_UNAVAILABLE, REQUEST, "too many requests", NULL },
	{ "BadDigest", AB_S3_AGAIN_A_LITTLE, AB_E_UNAVAILABLE, REQUEST, "what arrived is not what was sent", NULL },
	{ "XAmzContentSHA256Mismatch", AB_S3_AGAIN_A_LITTLE, AB_E_UNAVAILABLE, REQUEST, "what arrived is not what was sent", NULL },
	{ "NotImplemented", AB_S3_FAILED, AB_E_UNSUPPORTED, REQUEST, "the store cannot do it", "conditional writes need a store that knows them" },
	{ "InvalidObjectState", AB_S3_FAILED, AB_E_UNSUPPORTED, OBJECT, "the object lies in an archive", "aws s3api restore-object" },
	{ "EntityTooLarge", AB_S3_FAILED, AB_E_LIMIT_SIZE, OBJECT, "more bytes than the store takes at once", NULL },
	{ "QuotaExceeded", AB_S3_FAILED, AB_E_LIMIT_QUOTA, BUCKET, "the quota is reached", NULL },
	{ "XMinioAdminBucketQuotaExceeded", AB_S3_FAILED, AB_E_LIMIT_QUOTA, BUCKET, "the quota is reached", NULL },
	{ "XMinioStorageFull", AB_S3_FAILED, AB_E_LIMIT_STORAGE, NOTHING, "the store is full", NULL },
};

/* Where there is no code, or one that is not in the table: by status. */
static const struct {
	long status;
	struct row row;
} BY_STATUS[] = {
	{ 401, { "", AB_S3_FAILED, AB_E_AUTH_FAILED, REQUEST, "the credentials were refused", "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN" } },
	{ 403, { "", AB_S3_FAILED, AB_E_AUTH_FAILED, REQUEST, "access denied", "check the policy of the credentials, and that of the bucket" } },
	{ 404, { "", AB_S3_FAILED, AB_E_NOT_FOUND, OBJECT, "no such object", "check --endpoint: a store would say more than that" } },
	{ 408, { "", AB_S3_AGAIN, AB_E_UNAVAILABLE, REQUEST, "it did not get the request in time", NULL } },
	{ 409, { "", AB_S3_FAILED, AB_E_CONFLICT, OBJECT, "another writer was at it", NULL } },
	{ 412, { "", AB_S3_FAILED, AB_E_CONFLICT, OBJECT, "the object is not as the condition says", NULL } },
	{ 413, { "", AB_S3_FAILED, AB_E_LIMIT_SIZE, OBJECT, "more bytes than the store takes at once", NULL } },
	{ 429, { "", AB_S3_AGAIN, AB_E_UNAVAILABLE, REQUEST, "too many requests", NULL } },
	{ 501, { "", AB_S3_FAILED, AB_E_UNSUPPORTED, REQUEST, "the store cannot do it", "conditional writes need a store that knows them" } },
	{ 505, { "", AB_S3_FAILED, AB_E_UNSUPPORTED, REQUEST, "the store cannot do it", NULL } },
	{ 507, { "", AB_S3_FAILED, AB_E_LIMIT_STORAGE, NOTHING, "the store is full", NULL } },
};

static const struct row *
find_row(const struct ab_s3_reply *reply)
{
	static const struct row trouble = { "", AB_S3_AGAIN, AB_E_UNAVAILABLE, REQUEST, "the store is in trouble", NULL };
	static const struct row elsewhere = { "", AB_S3_OTHER_REGION, AB_E_INPUT_INVALID, REQUEST, "the store sends us elsewhere, and that is not followed", NULL };
	static const struct row refused = { "", AB_S3_FAILED, AB_E_INPUT_INVALID, REQUEST, "the store refused it", NULL };

	for (size_t i = 0; i < AB_COUNT_OF(ROWS); i++)
		if (strcmp(reply->code, ROWS[i].code) == 0)
			return &ROWS[i];
	for (size_t i = 0; i < AB_COUNT_OF(BY_STATUS); i++)
		if (reply->status == BY_STATUS[i].status)
			return &BY_STATUS[i].row;
	return reply->status >= 500 ? &trouble : reply->status / 100 == 3 ? &elsewhere : &refused;
}

/* "s3://b/k: no such object (HTTP 404 NoSuchKey)" */
static void
word_it(const struct row *row, const struct ab_s3_reply *reply, const struct ab_s3_asked *asked, struct ab_error *err)
{
	char what[AB_S3_SHOWN_MAX + 64];

	if (row->about == REQUEST)
		snprintf(what, sizeof(what), "%s %s: ", ab_s3_method_name(asked->method), asked->name->shown);
	else if (row->about == NOTHING)
		what[0] = '\0';
	else
		snprintf(what, sizeof(what), "\"%s\": ", row->about == BUCKET ? asked->name->bucket : asked->name->shown);
	ab_fail(err, row->errcode, "%s%s (HTTP %ld%s%s)", what, row->text, reply->status, reply->code[0] != '\0' ? " " : "", reply->code);
	if (row->hint != NULL)
		ab_error_hint(err, "%s", row->hint);
}

static enum ab_s3_verdict
judge_region(const struct row *row, const struct ab_s3_reply *reply, const struct ab_s3_asked *asked, struct ab_error *err)
{
	if (reply->region[0] == '\0' || strcmp(reply->region, asked->region) == 0) {
		word_it(row, reply, asked, err);
		ab_error_hint(err, "check --endpoint and --region");
		return AB_S3_FAILED;
	}
	ab_fail(err, AB_E_INPUT_INVALID, "the bucket \"%s\" is in the region \"%s\", not in \"%s\" (HTTP %ld%s%s)", asked->name->bucket, reply->region,
	    asked->region, reply->status, reply->code[0] != '\0' ? " " : "", reply->code);
	ab_error_hint(err, "--region %s", reply->region);
	return AB_S3_OTHER_REGION;
}

enum ab_s3_verdict
ab_s3_judge(struct ab_s3_reply *reply, const struct ab_s3_asked *asked, struct ab_error *err)
{
	if (reply->status / 100 == 2 && (asked->method != AB_S3_GET || reply->status == 200))
		return AB_S3_DONE;
	if (reply->status == 304 && asked->method == AB_S3_GET && asked->conditional)
		return AB_S3_DONE;
	find_element(reply, "<Code>", reply->code, sizeof(reply->code));
	if (reply->region[0] == '\0')
		find_element(reply, "<Region>", reply->region, sizeof(reply->region));
	const struct row *row = find_row(reply);
	if (row->verdict == AB_S3_OTHER_REGION)
		return judge_region(row, reply, asked, err);
	if (row->errcode == AB_E_NOT_FOUND && row->about == OBJECT && asked->method == AB_S3_DELETE)
		return AB_S3_DONE;
	word_it(row, reply, asked, err);
	/* If-Match of what has been deleted since: the condition did not hold. */
	if (row->errcode == AB_E_NOT_FOUND && row->about == OBJECT && asked->method == AB_S3_PUT && asked->conditional)
		err->code = AB_E_CONFLICT;
	return row->verdict;
}
