/* net/s3: tries, what is sent in each, and when it is over. */
#include "net/s3.h"

#include "core/io.h"
#include "core/mem.h"
#include "core/time.h"
#include "data/hash.h"
#include "net/sigv4.h"
#include "s3_store.h"

static struct ab_s3_name name;
static const char ACCESS[] = "AKEXAMPLE", SECRET[] = "s3cr3t/+=key", TOKEN[] = "t0ken/+=";

#define XML(code) "<?xml version=\"1.0\"?><Error><Code>" code "</Code></Error>"

static struct ab_s3_place
place_of(const struct store *store, int64_t patience_ms)
{
	return (struct ab_s3_place){ .endpoint = store->endpoint, .region = "eu-north-1", .credentials = { ACCESS, SECRET, NULL }, .deadline_ms = ab_deadline(patience_ms) };
}

static int
begin(void *data, struct ab_error *err)
{
	(void)err;
	ab_buf_truncate(data, 0);
	return 0;
}
static int
take(void *data, const void *bytes, size_t len, struct ab_error *err)
{
	return ab_buf_add(data, bytes, len) ? 0 : ab_fail(err, AB_E_LIMIT_SIZE, "too much");
}
static int
end(void *data, struct ab_error *err)
{
	(void)data, (void)err;
	return 0;
}

/* One GET at a store; out: the object. */
static int
get(struct ab_s3 *s3, const struct ab_s3_place *place, struct ab_buf *out, struct ab_s3_outcome *outcome, struct ab_error *err)
{
	const struct ab_s3_sink sink = { begin, take, end, out };
	const struct ab_s3_request request = { .method = AB_S3_GET, .name = &name, .body_fd = -1, .sink = &sink };

	return ab_s3_send(s3, place, &request, outcome, err);
}

/* One GET by a client of its own, at a store that answers so. */
static enum ab_errcode
get_once(const struct store_answer *answers, int64_t patience_ms, struct store *store, struct ab_s3_outcome *outcome, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(1 << 20);
	struct ab_s3 *s3 = ab_s3_new();

	store_start(store, answers);
	const struct ab_s3_place place = place_of(store, patience_ms);
	int rc = get(s3, &place, &out, outcome, err);
	ab_s3_free(s3);
	store_stop(store);
	if (rc == 0)
		CHECK_STRING(out.data, "hello");
	return rc == 0 ? AB_E_NONE : err->code;
}

static int
put(struct ab_s3 *s3, const struct ab_s3_place *place, const char *body, const char *if_match, const char *if_none_match, struct ab_s3_outcome *outcome,
    struct ab_error *err)
{
	AB_AUTO_CLOSE int fd = ab_memory_file("body", body, strlen(body));
	unsigned char hash[AB_SHA256_SIZE];
	char hex[AB_SHA256_TEXT];

	ab_sha256(body, strlen(body), hash);
	const struct ab_s3_request request = { .method = AB_S3_PUT,
		.name = &name,
		.if_match = if_match,
		.if_none_match = if_none_match,
		.body_fd = fd,
		.body_bytes = (int64_t)strlen(body),
		.body_sha256 = ab_sha256_text(hex, hash) };
	return ab_s3_send(s3, place, &request, outcome, err);
}

/* Whether a request's Authorization is what net/sigv4 (which has Amazon's own examples) makes of what was sent. */
static void
check_signature(const struct store *store, unsigned index, const char *method, const char *region, const char *const *names)
{
	AB_AUTO_BUF struct ab_buf want = AB_BUF_INIT(4096);
	struct ab_sigv4_header headers[8];
	char values[8][512], path[512], date[64];
	size_t count = 0;

	for (; names[count] != NULL; count++) {
		snprintf(values[count], sizeof(values[count]), "%s", store_header(store, index, names[count]));
		headers[count] = (struct ab_sigv4_header){ names[count], values[count] };
	}
	const char *from = strchr(store->page->seen[index].head, ' ') + 1;
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(from, " "), from);
	snprintf(date, sizeof(date), "%s", store_header(store, index, "x-amz-date"));
	const struct ab_sigv4_signer signer = { ACCESS, SECRET, region, "s3" };
	const char *sha256 = store_header(store, index, "x-amz-content-sha256");
	ab_sigv4_sign(&signer, &(struct ab_sigv4_request){ method, path, headers, count, sha256 }, date, &want);
	CHECK_STRING(store_header(store, index, "authorization"), want.data);
}

/* Everything that a request has, and nothing twice. */
static void
test_request(void)
{
	static const struct store_answer answers[] = { { .status = "200 OK", .headers = "ETag: \"e1\"\r\n" }, { .status = NULL } };
	struct store store;
	struct ab_s3 *s3 = ab_s3_new();
	struct ab_s3_outcome outcome;
	struct ab_error err = AB_ERROR_INIT;

	store_start(&store, answers);
	struct ab_s3_place place = place_of(&store, 5000);
	place.credentials.session_token = TOKEN;
	CHECK_INT(put(s3, &place, "hello", "\"e0\"", NULL, &outcome, &err), 0);
	CHECK_STRING(outcome.etag, "\"e1\"");
	CHECK_INT(outcome.tries, 1);
	CHECK_INT(put(s3, &place, "", NULL, "*", &outcome, &err), 0);
	ab_s3_free(s3);
	store_stop(&store);
	const char *head = store.page->seen[0].head;
	CHECK(strncmp(head, "PUT /bkt/a%20b%2B%C3%A9%3D HTTP/1.1\r\n", 37) == 0);
	CHECK_STRING(store_header(&store, 0, "host"), store.host);
	CHECK_STRING(store_header(&store, 0, "user-agent"), "ab/" AB_VERSION);
	CHECK_STRING(store_header(&store, 0, "content-length"), "5");
	CHECK_STRING(store_header(&store, 0, "x-amz-content-sha256"), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
	CHECK_STRING(store_header(&store, 0, "x-amz-security-token"), TOKEN);
	CHECK_STRING(store_header(&store, 0, "if-match"), "\"e0\"");
	CHECK_STRING(store_header(&store, 0, "expect"), "");
	CHECK(strcasestr(head, "expect") == NULL && strcasestr(head, "transfer-encoding") == NULL && strstr(head, SECRET) == NULL);
	CHECK_INT(store.page->seen[0].body_len, 5);
	check_signature(&store, 0, "PUT", "eu-north-1",
	    (const char *const[]){ "host", "if-match", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", NULL });
	CHECK_STRING(store_header(&store, 1, "if-none-match"), "*");
	CHECK_STRING(store_header(&store, 1, "content-length"), "0");
	CHECK_INT(store.page->connections, 1); /* it was kept */
	const char *twice = strcasestr(head, "\r\nx-amz-date:");
	CHECK(twice != NULL && strcasestr(twice + 2, "\r\nx-amz-date:") == NULL);
	store_forget(&store);
}

/* What passes is tried again, and nothing of a try that failed is kept. */
static void
test_again(void)
{
	static const struct store_answer answers[] = {
		{ .status = "503 Slow Down", .body = XML("SlowDown") },
		{ .status = "500 Internal Server Error", .how = STORE_CLOSE },
		{ .status = "", .how = STORE_RESET },
		{ .status = "", .how = STORE_HANG_UP },
		{ .status = "200 OK", .body = "HELLO", .how = STORE_SHORT },
		{ .status = "200 OK", .headers = "Transfer-Encoding: chunked\r\n", .body = "5\r\nHELLO\r\n", .how = STORE_ENDLESS },
		{ .status = "200 OK", .body = "hello" },
		{ .status = NULL },
	};
	struct store store;
	struct ab_s3_outcome outcome;
	struct ab_error err = AB_ERROR_INIT;

	if (!CHECK_INT(get_once(answers, 20000, &store, &outcome, &err), AB_E_NONE))
		printf("# %s\n", err.msg);
	CHECK_INT(outcome.tries, 7);
	CHECK_INT(store.page->count, 7);
	check_signature(&store, 6, "GET", "eu-north-1", (const char *const[]){ "host", "x-amz-content-sha256", "x-amz-date", NULL });
	store_forget(&store);
}

/* A body that ends where the connection does may be any part of the object. */
static void
test_unframed(void)
{
	static const struct store_answer endless[] = { { .status = "200 OK", .body = "hello", .how = STORE_ENDLESS }, { .status = NULL } };
	static const struct store_answer chunked[] = {
		{ .status = "200 OK", .headers = "Transfer-Encoding: chunked\r\n", .body = "5\r\nhello\r\n0\r\n\r\n", .how = STORE_ENDLESS }, { .status = NULL }
	};
	struct store store;
	struct ab_s3_outcome outcome;
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(get_once(endless, 20000, &store, &outcome, &err), AB_E_CONNECTION_LOST);
	CHECK_INT(store.page->count, 3);
	store_forget(&store);
	CHECK_INT(get_once(chunked, 20000, &store, &outcome, &err), AB_E_NONE);
	store_forget(&store);
}

static void
test_retry_after(void)
{
	static const struct store_answer later[] = { { .status = "503 x", .headers = "Retry-After: 1\r\n" }, { .status = "200 OK", .body = "hello" }, { .status = NULL } };
	static const struct store_answer never[] = { { .status = "429 x", .headers = "Retry-After: 60\r\n" }, { .status = NULL } };
	struct store store;
	struct ab_s3_outcome outcome;
	struct ab_error err = AB_ERROR_INIT;
	int64_t before = ab_now_ms();

	CHECK_INT(get_once(later, 10000, &store, &outcome, &err), AB_E_NONE);
	CHECK(ab_now_ms() - before >= 1000);
	store_forget(&store);
	/* It would be too late: nobody waits for it. */
	before = ab_now_ms();
	CHECK_INT(get_once(never, 10000, &store, &outcome, &err), AB_E_UNAVAILABLE);
	CHECK(ab_now_ms() - before < 5000);
	CHECK(strstr(err.msg, "HTTP 429") != NULL);
	store_forget(&store);
}

/* Patience ends: what the last trouble was, and how often it was tried. */
static void
test_patience(void)
{
	static const struct store_answer trouble[] = { { .status = "503 x", .body = XML("SlowDown") }, { .status = NULL } };
	static const struct store_answer broken[] = { { .status = "", .how = STORE_RESET }, { .status = NULL } };
	static const struct store_answer silent[] = { { .status = "", .how = STORE_STALL }, { .status = NULL } };
	struct store store;
	struct ab_s3_outcome outcome;
	struct ab_error err = AB_ERROR_INIT;
	int64_t before = ab_now_ms();

	CHECK_INT(get_once(trouble, 700, &store, &outcome, &err), AB_E_UNAVAILABLE);
	CHECK(strstr(err.msg, "HTTP 503 SlowDown") != NULL && strstr(err.msg, "; it was tried ") != NULL);
	store_forget(&store);
	CHECK_INT(get_once(broken, 500, &store, &outcome, &err), AB_E_CONNECTION_LOST);
	store_forget(&store);
	CHECK_INT(get_once(silent, 500, &store, &outcome, &err), AB_E_TIMEOUT);
	store_forget(&store);
	CHECK(ab_now_ms() - before < 10000);
	/* Nobody listens there any more. */
	struct ab_s3 *s3 = ab_s3_new();
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(1000);
	store_start(&store, trouble);
	store_stop(&store);
	struct ab_s3_place place = place_of(&store, 500);
	CHECK_INT(get(s3, &place, &out, &outcome, &err), -1);
	CHECK_INT(err.code, AB_E_UNAVAILABLE);
	CHECK(strstr(err.msg, "onnect") != NULL && strstr(err.msg, "; it was tried ") != NULL);
	store_forget(&store);
	ab_s3_free(s3);
}

/* At once, whatever patience there is. */
static void
test_final(void)
{
	static const struct {
		const char *status, *body;
		enum ab_errcode code;
	} rows[] = {
		{ "404 x", XML("NoSuchKey"), AB_E_NOT_FOUND },
		{ "404 x", XML("NoSuchBucket"), AB_E_NOT_FOUND },
		{ "412 x", XML("PreconditionFailed"), AB_E_CONFLICT },
		{ "403 x", XML("InvalidAccessKeyId"), AB_E_AUTH_FAILED },
		{ "403 x", XML("SignatureDoesNotMatch"), AB_E_AUTH_FAILED },
		{ "403 x", XML("AccessDenied"), AB_E_AUTH_FAILED },
		{ "400 x", XML("ExpiredToken"), AB_E_AUTH_FAILED },
		{ "501 x", XML("NotImplemented"), AB_E_UNSUPPORTED },
		{ "507 x", NULL, AB_E_LIMIT_STORAGE },
	};

	for (size_t i = 0; i < AB_COUNT_OF(rows); i++) {
		const struct store_answer answers[] = { { .status = rows[i].status, .body = rows[i].body }, { .status = NULL } };
		struct store store;
		struct ab_s3_outcome outcome;
		struct ab_error err = AB_ERROR_INIT;
		CHECK_INT(get_once(answers, 60000, &store, &outcome, &err), rows[i].code);
		CHECK_INT(store.page->count, 1);
		CHECK(strstr(err.msg, SECRET) == NULL);
		store_forget(&store);
	}
}

static int64_t
sent_at(const struct store *store, unsigned index)
{
	struct tm at = { .tm_sec = 0 };

	CHECK(strptime(store_header(store, index, "x-amz-date"), "%Y%m%dT%H%M%SZ", &at) != NULL);
	return (int64_t)timegm(&at);
}

/* The store is more than a day behind: the day that the signature is for changes too. Once it is known, it stays known. */
static void
test_clock(void)
{
	enum { SHIFT_S = -30 * 3600 };
	static const struct store_answer answers[] = {
		{ .status = "403 Forbidden", .body = XML("RequestTimeTooSkewed"), .date_shift_s = SHIFT_S },
		{ .status = "200 OK", .body = "hello" },
		{ .status = "200 OK", .body = "hello" },
		{ .status = "403 Forbidden", .body = XML("RequestTimeTooSkewed") },
		{ .status = NULL },
	};
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(1000);
	struct store store;
	struct ab_s3 *s3 = ab_s3_new();
	struct ab_s3_outcome outcome;
	struct ab_error err = AB_ERROR_INIT;

	store_start(&store, answers);
	struct ab_s3_place place = place_of(&store, 10000);
	CHECK_INT(get(s3, &place, &out, &outcome, &err), 0);
	CHECK_INT(outcome.tries, 2);
	CHECK_INT(get(s3, &place, &out, &outcome, &err), 0);
	CHECK_INT(outcome.tries, 1);
	/* One that is never content is believed once a request. */
	CHECK_INT(get(s3, &place, &out, &outcome, &err), -1);
	CHECK_INT(err.code, AB_E_AUTH_FAILED);
	CHECK(strstr(err.msg, "clock") != NULL);
	ab_s3_free(s3);
	store_stop(&store);
	CHECK_INT(store.page->count, 5);
	int64_t now = (int64_t)time(NULL);
	CHECK(llabs(sent_at(&store, 0) - now) < 60);
	CHECK(llabs(sent_at(&store, 1) - now - SHIFT_S) < 60);
	CHECK(llabs(sent_at(&store, 2) - now - SHIFT_S) < 60);
	check_signature(&store, 1, "GET", "eu-north-1", (const char *const[]){ "host", "x-amz-content-sha256", "x-amz-date", NULL });
	store_forget(&store);
}

static void
test_region(void)
{
	static const struct store_answer answers[] = {
		{ .status = "400 Bad Request", .headers = "x-amz-bucket-region: us-west-2\r\n", .body = XML("AuthorizationHeaderMalformed") },
		{ .status = "200 OK", .body = "hello" },
		{ .status = "200 OK", .body = "hello" },
		{ .status = "301 Moved Permanently", .headers = "x-amz-bucket-region: eu-central-1\r\n", .body = XML("PermanentRedirect") },
		{ .status = "301 Moved Permanently", .headers = "x-amz-bucket-region: eu-central-2\r\n", .body = XML("PermanentRedirect") },
		{ .status = NULL },
	};
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(1000);
	struct store store;
	struct ab_s3 *s3 = ab_s3_new();
	struct ab_s3_outcome outcome;
	struct ab_error err = AB_ERROR_INIT;

	store_start(&store, answers);
	struct ab_s3_place place = place_of(&store, 10000);
	CHECK_INT(get(s3, &place, &out, &outcome, &err), 0);
	CHECK_INT(outcome.tries, 2);
	CHECK_INT(get(s3, &place, &out, &outcome, &err), 0);
	CHECK_INT(outcome.tries, 1); /* it is known where it is */
	/* Sent on and on: once is enough. */
	CHECK_INT(get(s3, &place, &out, &outcome, &err), -1);
	CHECK_INT(err.code, AB_E_INPUT_INVALID);
	CHECK(strstr(err.msg, "\"eu-central-2\"") != NULL);
	CHECK_STRING(err.hint, "--region eu-central-2");
	ab_s3_free(s3);
	store_stop(&store);
	CHECK_INT(store.page->count, 5);
	check_signature(&store, 1, "GET", "us-west-2", (const char *const[]){ "host", "x-amz-content-sha256", "x-amz-date", NULL });
	check_signature(&store, 2, "GET", "us-west-2", (const char *const[]){ "host", "x-amz-content-sha256", "x-amz-date", NULL });
	store_forget(&store);
}

/* A connection that was kept and is dead now, and a body that has to be sent from its beginning. */
static void
test_put_again(void)
{
	static const struct store_answer answers[] = {
		{ .status = "200 OK", .headers = "ETag: \"1\"\r\n" },
		{ .status = "", .how = STORE_RESET },
		{ .status = "503 x" },
		{ .status = "200 OK", .headers = "ETag: \"2\"\r\n" },
		{ .status = NULL },
	};
	struct store store;
	struct ab_s3 *s3 = ab_s3_new();
	struct ab_s3_outcome outcome;
	struct ab_error err = AB_ERROR_INIT;

	store_start(&store, answers);
	struct ab_s3_place place = place_of(&store, 10000);
	CHECK_INT(put(s3, &place, "one", NULL, NULL, &outcome, &err), 0);
	if (!CHECK_INT(put(s3, &place, "twotwo", NULL, NULL, &outcome, &err), 0))
		printf("# %s\n", err.msg);
	CHECK_STRING(outcome.etag, "\"2\"");
	CHECK_INT(outcome.tries, 3); /* also the one that libcurl made by itself */
	ab_s3_free(s3);
	store_stop(&store);
	CHECK_INT(store.page->count, 4);
	CHECK_INT(store.page->seen[3].body_len, 6);
	CHECK(memcmp(store.page->object, "twotwo", 6) == 0);
	store_forget(&store);
}

/* It was done, and nobody heard of it: what the condition says then is about one's own write. */
static void
test_own_conflict(void)
{
	static const struct store_answer answers[] = { { .status = "", .how = STORE_HANG_UP }, { .status = "412 x", .body = XML("PreconditionFailed") }, { .status = NULL } };
	struct store store;
	struct ab_s3 *s3 = ab_s3_new();
	struct ab_s3_outcome outcome;
	struct ab_error err = AB_ERROR_INIT;

	store_start(&store, answers);
	struct ab_s3_place place = place_of(&store, 10000);
	CHECK_INT(put(s3, &place, "one", NULL, "*", &outcome, &err), -1);
	CHECK_INT(err.code, AB_E_CONFLICT);
	CHECK(strstr(err.msg, "; it was tried 2 times") != NULL && strstr(err.hint, "an earlier try") != NULL);
	CHECK_INT(put(s3, &place, "one", NULL, "*", &outcome, &err), -1);
	CHECK_INT(err.code, AB_E_CONFLICT);
	CHECK_STRING(err.hint, "");
	ab_s3_free(s3);
	store_forget(&store);
}

static void
test_refusals(void)
{
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(1000);
	const struct ab_s3_place good = { .endpoint = "http://127.0.0.1:1", .region = "r", .credentials = { ACCESS, SECRET, NULL }, .deadline_ms = ab_deadline(1000) };
	struct ab_s3 *s3 = ab_s3_new();
	struct ab_s3_place place = good;
	struct ab_s3_outcome outcome;
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(put(s3, &good, "x", "\"a\"\r\nX-Evil: 1", NULL, &outcome, &err), -1);
	CHECK_INT(err.code, AB_E_INPUT_INVALID);
	place.credentials.secret_key = "one line\n";
	CHECK_INT(get(s3, &place, &out, &outcome, &err), -1);
	CHECK_INT(err.code, AB_E_AUTH_FAILED);
	CHECK(strstr(err.msg, "one line") == NULL);
	place = good;
	place.credentials.session_token = "a\r\nX-Evil: 1";
	CHECK_INT(get(s3, &place, &out, &outcome, &err), -1);
	CHECK_INT(err.code, AB_E_AUTH_FAILED);
	place = good;
	place.endpoint = "gopher://127.0.0.1:1";
	CHECK_INT(get(s3, &place, &out, &outcome, &err), -1);
	CHECK_INT(err.code, AB_E_INPUT_INVALID);
	place = good;
	place.region = "0123456789012345678901234567890123456789012345678901234567890123456789";
	CHECK_INT(get(s3, &place, &out, &outcome, &err), -1);
	CHECK_INT(err.code, AB_E_INPUT_INVALID);
	ab_s3_free(s3);
	ab_s3_free(NULL);
	CHECK(ab_s3_library_version()[0] != '\0');
}

/* TLS with one that speaks none fails at once. */
static void
test_no_tls(void)
{
	static const struct store_answer answers[] = { { .status = "400 Bad Request", .how = STORE_CLOSE }, { .status = NULL } };
	AB_AUTO_BUF struct ab_buf out = AB_BUF_INIT(1000);
	struct store store;
	struct ab_s3 *s3 = ab_s3_new();
	struct ab_s3_outcome outcome;
	struct ab_error err = AB_ERROR_INIT;
	char endpoint[80];

	store_start(&store, answers);
	struct ab_s3_place place = place_of(&store, 400);
	snprintf(endpoint, sizeof(endpoint), "https://%s", store.host);
	place.endpoint = endpoint;
	/* The store waits for the end of a head that never comes: it is the handshake that runs out of time. */
	CHECK_INT(get(s3, &place, &out, &outcome, &err), -1);
	CHECK_INT(err.code, AB_E_UNAVAILABLE);
	ab_s3_free(s3);
	store_forget(&store);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "what a request has", test_request },
		{ "tried again", test_again },
		{ "no length", test_unframed },
		{ "Retry-After", test_retry_after },
		{ "patience", test_patience },
		{ "failed at once", test_final },
		{ "a clock that is wrong", test_clock },
		{ "another region", test_region },
		{ "a body once more", test_put_again },
		{ "a conflict with oneself", test_own_conflict },
		{ "what is not sent at all", test_refusals },
		{ "no TLS there", test_no_tls },
	};
	struct ab_error err = AB_ERROR_INIT;

	store_no_proxy();
	if (ab_s3_name_parse("s3://bkt/a b+é=", &name, &err) < 0)
		return 1;
	return tap_run(tests, AB_COUNT_OF(tests));
}
