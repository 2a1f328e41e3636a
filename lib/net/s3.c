/* Requests to object stores: libcurl carries one try; what makes a request of tries is here. */
#include "net/s3.h"

#include <assert.h>
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/time.h"
#include "net/sigv4.h"

enum {
	CONNECT_MS = 10000,
	STALL_S = 30, /* without a byte: the connection is broken */
	PAUSE_FIRST_MS = 100,
	PAUSE_LAST_MS = 10000,
	FEW = 3,		/* tries of what may be wrong for good */
	CREDENTIAL_MAX = 8192,	/* of Amazon's session tokens there is no bound; they have some 1,000 bytes */
	HEADERS_MAX = 8
};
static const char EMPTY_SHA256[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct ab_s3 {
	CURL *curl; /* made with the first request */
	int64_t clock_shift_ms;
	/* The last bucket that was not where it was looked for. */
	char moved_bucket[AB_S3_BUCKET_MAX + 1], moved_from[AB_S3_REGION_MAX + 1], moved_to[AB_S3_REGION_MAX + 1];
};

/* One request on its way. */
struct exchange {
	struct ab_s3 *s3;
	const struct ab_s3_place *place;
	const struct ab_s3_request *request;
	struct ab_s3_asked asked;
	char region[AB_S3_REGION_MAX + 1];
	/* of one try: */
	struct ab_s3_address address;
	struct curl_slist *headers;
	struct ab_s3_reply reply;
	struct ab_error failed; /* what the body's reader or the sink said */
	int64_t sent;
	unsigned begun; /* requests that libcurl began: more than one when a kept connection was dead */
	char curl_said[CURL_ERROR_SIZE];
	/* of all: */
	unsigned tries;
	bool clock_tried, region_tried;
	bool unsure; /* whether an earlier try was done after all */
};

struct ab_s3 *
ab_s3_new(void)
{
	return ab_calloc(1, sizeof(struct ab_s3));
}

void
ab_s3_free(struct ab_s3 *s3)
{
	if (s3 == NULL)
		return;
	if (s3->curl != NULL) {
		curl_easy_cleanup(s3->curl);
		curl_global_cleanup();
	}
	free(s3);
}

const char *
ab_s3_library_version(void)
{
	return curl_version_info(CURLVERSION_NOW)->version;
}

/* ---- one try ---- */

static size_t
take_header(char *line, size_t size, size_t count, void *data)
{
	struct exchange *exchange = data;

	(void)size; /* 1 */
	ab_s3_reply_header(&exchange->reply, line, count);
	return count;
}

static bool
is_object(const struct exchange *exchange)
{
	return exchange->request->method == AB_S3_GET && exchange->reply.status == 200;
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *data)
{
	struct exchange *exchange = data;
	const struct ab_s3_sink *sink = exchange->request->sink;

	(void)size;
	if (!is_object(exchange))
		ab_s3_reply_body(&exchange->reply, bytes, count);
	else if (sink->write(sink->data, bytes, count, &exchange->failed) < 0)
		return 0;
	return count;
}

static size_t
give_body(char *room, size_t size, size_t count, void *data)
{
	struct exchange *exchange = data;
	int64_t left = exchange->request->body_bytes - exchange->sent;
	size_t want = size * count;
	ssize_t got;

	if (left < (int64_t)want)
		want = (size_t)left;
	if (want == 0)
		return 0;
	do
		got = pread(exchange->request->body_fd, room, want, exchange->sent);
	while (got < 0 && errno == EINTR);
	if (got <= 0) {
		if (got < 0)
			ab_fail_errno(&exchange->failed, errno, "read what is to be sent");
		else
			ab_fail(&exchange->failed, AB_E_CONFLICT, "the file became shorter while it was sent");
		return CURL_READFUNC_ABORT;
	}
	exchange->sent += got;
	return (size_t)got;
}

/* A kept connection that was closed meanwhile: libcurl takes another, and begins anew. */
static int
rewind_body(void *data, curl_off_t offset, int origin)
{
	struct exchange *exchange = data;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_FAIL;
	exchange->sent = offset;
	return CURL_SEEKFUNC_OK;
}

static int
count_request(void *data, char *to, char *from, int to_port, int from_port)
{
	struct exchange *exchange = data;

	(void)to, (void)from, (void)to_port, (void)from_port;
	exchange->begun++;
	return CURL_PREREQFUNC_OK;
}

static void
put_header(struct exchange *exchange, const char *name, const char *value)
{
	AB_AUTO_FREE char *line = ab_asprintf("%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(exchange->headers, line);

	explicit_bzero(line, strlen(line));
	if (longer == NULL)
		abort(); /* out of memory */
	exchange->headers = longer;
}

static void
make_headers(struct exchange *exchange)
{
	const struct ab_s3_request *request = exchange->request;
	const struct ab_s3_credentials *credentials = &exchange->place->credentials;
	AB_AUTO_BUF struct ab_buf authorization = AB_BUF_INIT(4 * CREDENTIAL_MAX);
	const char *sha256 = request->method == AB_S3_PUT ? request->body_sha256 : EMPTY_SHA256;
	char time[AB_SIGV4_TIME_SIZE];
	struct ab_sigv4_header signed_[HEADERS_MAX];
	size_t count = 0;

	ab_sigv4_time(time, ab_now_unix_ms() + exchange->s3->clock_shift_ms);
	signed_[count++] = (struct ab_sigv4_header){ "host", exchange->address.host };
	if (request->if_match != NULL)
		signed_[count++] = (struct ab_sigv4_header){ "if-match", request->if_match };
	if (request->if_none_match != NULL)
		signed_[count++] = (struct ab_sigv4_header){ "if-none-match", request->if_none_match };
	signed_[count++] = (struct ab_sigv4_header){ "x-amz-content-sha256", sha256 };
	signed_[count++] = (struct ab_sigv4_header){ "x-amz-date", time };
	if (credentials->session_token != NULL)
		signed_[count++] = (struct ab_sigv4_header){ "x-amz-security-token", credentials->session_token };
	assert(count <= HEADERS_MAX);
	for (size_t i = 0; i < count; i++)
		put_header(exchange, signed_[i].name, signed_[i].value);
	const struct ab_sigv4_signer signer = { credentials->access_key, credentials->secret_key, exchange->region, "s3" };
	ab_sigv4_sign(&signer,
	    &(struct ab_sigv4_request){ ab_s3_method_name(request->method), exchange->address.path, signed_, count, sha256 }, time, &authorization);
	put_header(exchange, "authorization", authorization.data);
	/* Without a value libcurl does not send it: it would wait for "100 Continue" before each body. */
	put_header(exchange, "expect", "");
}

static void
set_method(struct exchange *exchange)
{
	CURL *curl = exchange->s3->curl;

	if (exchange->request->method == AB_S3_DELETE) {
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "DELETE");
	} else if (exchange->request->method == AB_S3_PUT) {
		curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)exchange->request->body_bytes);
		curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
		curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, rewind_body);
		curl_easy_setopt(curl, CURLOPT_SEEKDATA, exchange);
	}
}

/* All options anew: those of another request must not stay. Kept connections do. */
static void
set_options(struct exchange *exchange)
{
	CURL *curl = exchange->s3->curl;
	int64_t left = exchange->place->deadline_ms - ab_now_ms();

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, exchange->address.url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "ab/" AB_VERSION);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, exchange->headers);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->curl_said);
	if (exchange->place->ca_file != NULL)
		curl_easy_setopt(curl, CURLOPT_CAINFO, exchange->place->ca_file);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left < 1 ? 1 : left > INT32_MAX ? INT32_MAX : left));
	curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, count_request);
	curl_easy_setopt(curl, CURLOPT_PREREQDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
	set_method(exchange);
}

/* The store is not who it says, or no TLS comes about: it stays so, unless the connection broke meanwhile. */
static enum ab_s3_verdict
judge_tls(const struct exchange *exchange, CURLcode code, const char *said, long system, struct ab_error *err)
{
	const char *method = ab_s3_method_name(exchange->request->method), *shown = exchange->request->name->shown;

	if (code == CURLE_SSL_CONNECT_ERROR) {
		ab_fail(err, AB_E_UNAVAILABLE, "%s %s: no TLS with %s: %.160s", method, shown, exchange->address.host, said);
		ab_error_hint(err, "--endpoint http://… if it speaks no TLS");
		return system == ECONNRESET || system == EPIPE ? AB_S3_AGAIN : AB_S3_FAILED;
	}
	ab_fail(err, AB_E_AUTH_FAILED, "%s %s: the certificate of %s is not trusted: %.160s", method, shown, exchange->address.host, said);
	ab_error_hint(err, "AWS_CA_BUNDLE=FILE, if its certificate is one of your own");
	return AB_S3_FAILED;
}

/* No answer, or not all of it. */
static enum ab_s3_verdict
judge_transport(const struct exchange *exchange, CURLcode code, struct ab_error *err)
{
	const char *said = exchange->curl_said[0] != '\0' ? exchange->curl_said : curl_easy_strerror(code);
	const char *method = ab_s3_method_name(exchange->request->method), *shown = exchange->request->name->shown;
	curl_off_t connected = 0;
	long system = 0;

	curl_easy_getinfo(exchange->s3->curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
	curl_easy_getinfo(exchange->s3->curl, CURLINFO_OS_ERRNO, &system);
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CONNECT_ERROR:
		return judge_tls(exchange, code, said, system, err);
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		ab_fail(err, AB_E_INPUT_INVALID, "%s %s: the endpoint: %.160s", method, shown, said);
		return AB_S3_FAILED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		/* Most often a wrong name, which stays so. */
		ab_fail(err, AB_E_UNAVAILABLE, "%s %s: %.160s", method, shown, said);
		ab_error_hint(err, "check --endpoint and --region");
		return AB_S3_AGAIN_A_LITTLE;
	default:
		break;
	}
	if (code == CURLE_OPERATION_TIMEDOUT && connected > 0 && ab_now_ms() >= exchange->place->deadline_ms) {
		ab_fail(err, AB_E_TIMEOUT, "%s %s: the time given for it ran out", method, shown);
		return AB_S3_AGAIN;
	}
	/* Where there was no connection nothing has happened. */
	ab_fail(err, connected > 0 ? AB_E_CONNECTION_LOST : AB_E_UNAVAILABLE, "%s %s: %.160s%s%s%s", method, shown, said, system != 0 ? " (" : "",
	    system != 0 ? strerror((int)system) : "", system != 0 ? ")" : "");
	return AB_S3_AGAIN;
}

static void
end_try(struct exchange *exchange)
{
	curl_slist_free_all(exchange->headers);
	exchange->headers = NULL;
	ab_s3_address_release(&exchange->address);
}

/* All of an object came, if that can be known. */
static enum ab_s3_verdict
end_object(const struct exchange *exchange, struct ab_error *err)
{
	const struct ab_s3_sink *sink = exchange->request->sink;

	if (!exchange->reply.framed) {
		ab_fail(err, AB_E_CONNECTION_LOST, "GET %s: the answer does not say how long it is: it may have been cut", exchange->request->name->shown);
		return AB_S3_AGAIN_A_LITTLE;
	}
	if (sink->end(sink->data, err) == 0)
		return AB_S3_DONE;
	ab_error_context(err, "%s", exchange->request->name->shown);
	return AB_S3_FAILED;
}

static enum ab_s3_verdict
judge_try(struct exchange *exchange, CURLcode code, struct ab_error *err)
{
	if (exchange->failed.code != AB_E_NONE) {
		*err = exchange->failed;
		ab_error_context(err, "%s", exchange->request->name->shown);
		return AB_S3_FAILED;
	}
	/* A store may refuse a body before it has all of it and close: what it said counts, the rest does not. */
	const bool refused = exchange->reply.status >= 300 && exchange->reply.body_len > 0;
	if (code != CURLE_OK && !(refused && (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE)))
		return judge_transport(exchange, code, err);
	enum ab_s3_verdict verdict = ab_s3_judge(&exchange->reply, &exchange->asked, err);
	return verdict == AB_S3_DONE && is_object(exchange) ? end_object(exchange, err) : verdict;
}

static enum ab_s3_verdict
try_once(struct exchange *exchange, struct ab_error *err)
{
	const struct ab_s3_sink *sink = exchange->request->sink;

	exchange->failed.code = AB_E_NONE;
	exchange->sent = 0;
	exchange->begun = 0;
	exchange->curl_said[0] = '\0';
	ab_s3_reply_begin(&exchange->reply);
	if (ab_s3_address_make(exchange->request->name, exchange->place->endpoint, exchange->region, &exchange->address, err) < 0)
		return AB_S3_FAILED;
	if (sink != NULL && sink->begin(sink->data, err) < 0)
		return AB_S3_FAILED;
	make_headers(exchange);
	set_options(exchange);
	CURLcode code = curl_easy_perform(exchange->s3->curl);
	exchange->tries += exchange->begun > 1 ? exchange->begun : 1;
	exchange->unsure |= exchange->begun > 1;
	return judge_try(exchange, code, err);
}

/* ---- tries ---- */

/* Exponential, with full jitter: many that were refused together do not come back together. */
static int64_t
pause_ms(const struct exchange *exchange)
{
	int64_t most = PAUSE_FIRST_MS;
	uint32_t random;

	for (unsigned i = 1; i < exchange->tries && most < PAUSE_LAST_MS; i++)
		most *= 2;
	if (most > PAUSE_LAST_MS)
		most = PAUSE_LAST_MS;
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = UINT32_MAX / 2;
	int64_t pause = 1 + (int64_t)random % most;
	return exchange->reply.retry_after_ms > pause ? exchange->reply.retry_after_ms : pause;
}

/* False: patience would be over. */
static bool
wait_to_try(const struct exchange *exchange)
{
	int64_t until = ab_now_ms() + pause_ms(exchange);

	if (until >= exchange->place->deadline_ms)
		return false;
	for (int64_t left = until - ab_now_ms(); left > 0; left = until - ab_now_ms())
		poll(NULL, 0, (int)left);
	return true;
}

static int
give_up(const struct exchange *exchange, struct ab_error *err)
{
	char was[sizeof(err->msg)];

	if (exchange->tries > 1) {
		snprintf(was, sizeof(was), "%s", err->msg);
		snprintf(err->msg, sizeof(err->msg), "%.420s; it was tried %u times", was, exchange->tries);
		if (err->code == AB_E_CONFLICT && exchange->unsure)
			ab_error_hint(err, "an earlier try may have done it: compare what is there with what was sent");
	}
	return -1;
}

static bool
set_clock(struct exchange *exchange)
{
	if (exchange->clock_tried || exchange->reply.date_unix_ms < 0)
		return false;
	exchange->clock_tried = true;
	exchange->s3->clock_shift_ms = exchange->reply.date_unix_ms - ab_now_unix_ms();
	return true;
}

static bool
set_region(struct exchange *exchange)
{
	struct ab_s3 *s3 = exchange->s3;

	if (exchange->region_tried)
		return false;
	exchange->region_tried = true;
	snprintf(exchange->region, sizeof(exchange->region), "%s", exchange->reply.region);
	snprintf(s3->moved_bucket, sizeof(s3->moved_bucket), "%s", exchange->request->name->bucket);
	snprintf(s3->moved_from, sizeof(s3->moved_from), "%s", exchange->place->region);
	snprintf(s3->moved_to, sizeof(s3->moved_to), "%s", exchange->reply.region);
	return true;
}

static int
try_all(struct exchange *exchange, struct ab_error *err)
{
	for (;;) {
		enum ab_s3_verdict verdict = try_once(exchange, err);
		end_try(exchange);
		switch (verdict) {
		case AB_S3_DONE:
			return 0;
		case AB_S3_FAILED:
			return give_up(exchange, err);
		case AB_S3_OTHER_CLOCK:
			if (!set_clock(exchange))
				return -1;
			break;
		case AB_S3_OTHER_REGION:
			if (!set_region(exchange))
				return -1;
			break;
		case AB_S3_AGAIN_A_LITTLE:
			if (exchange->tries >= FEW)
				return give_up(exchange, err);
			/* FALLTHROUGH */
		case AB_S3_AGAIN:
			exchange->unsure = true;
			if (!wait_to_try(exchange))
				return give_up(exchange, err);
			break;
		}
	}
}

/* What goes into a header must not end it. */
static bool
is_sendable(const char *text, size_t max)
{
	size_t len = strlen(text);

	for (const char *at = text; *at != '\0'; at++)
		if (!isgraph((unsigned char)*at) || (unsigned char)*at >= 0x80)
			return false;
	return len > 0 && len <= max;
}

static int
check_values(const struct ab_s3_place *place, const struct ab_s3_request *request, struct ab_error *err)
{
	const struct ab_s3_credentials *credentials = &place->credentials;
	const char *conditions[] = { request->if_match, request->if_none_match };

	if (!is_sendable(credentials->access_key, CREDENTIAL_MAX) || strchr(credentials->access_key, '/') != NULL ||
	    !is_sendable(credentials->secret_key, CREDENTIAL_MAX) ||
	    (credentials->session_token != NULL && !is_sendable(credentials->session_token, CREDENTIAL_MAX))) {
		ab_fail(err, AB_E_AUTH_FAILED, "the credentials hold what none can: blanks, line ends or control characters");
		ab_error_hint(err, "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN");
		return -1;
	}
	for (size_t i = 0; i < AB_COUNT_OF(conditions); i++)
		if (conditions[i] != NULL && !is_sendable(conditions[i], AB_S3_ETAG_MAX))
			return ab_fail(err, AB_E_INPUT_INVALID, "the condition is no ETag: printable characters without blanks");
	return 0;
}

static int
start_curl(struct ab_s3 *s3, struct ab_error *err)
{
	if (s3->curl != NULL)
		return 0;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ab_fail(err, AB_E_SYSTEM, "libcurl does not start");
	s3->curl = curl_easy_init();
	if (s3->curl == NULL) {
		curl_global_cleanup();
		return ab_fail(err, AB_E_SYSTEM, "libcurl does not start");
	}
	return 0;
}

int
ab_s3_send(struct ab_s3 *s3, const struct ab_s3_place *place, const struct ab_s3_request *request, struct ab_s3_outcome *outcome, struct ab_error *err)
{
	struct exchange exchange = { .s3 = s3, .place = place, .request = request };

	assert((request->method == AB_S3_GET) == (request->sink != NULL));
	if (check_values(place, request, err) < 0 || start_curl(s3, err) < 0)
		return -1;
	const bool moved = strcmp(s3->moved_bucket, request->name->bucket) == 0 && strcmp(s3->moved_from, place->region) == 0;
	snprintf(exchange.region, sizeof(exchange.region), "%s", moved ? s3->moved_to : place->region);
	if (strlen(place->region) >= sizeof(exchange.region))
		return ab_fail(err, AB_E_INPUT_INVALID, "\"%.64s\" is no name of a region", place->region);
	exchange.asked = (struct ab_s3_asked){ .method = request->method,
		.name = request->name,
		.region = exchange.region,
		.conditional = request->if_match != NULL || request->if_none_match != NULL };
	if (try_all(&exchange, err) < 0)
		return -1;
	*outcome = (struct ab_s3_outcome){ .not_modified = exchange.reply.status == 304, .tries = exchange.tries };
	snprintf(outcome->etag, sizeof(outcome->etag), "%s", exchange.reply.etag);
	return 0;
}
