/*
 * Requests to S3-compatible object stores, over libcurl: signed, bounded in time, and sent again where that helps.
 *
 * One ab_s3_send() is one request as its caller sees it. Inside, it is tried until it is answered for good: what says "later" (429, 5xx, SlowDown) and
 * connections that are refused, break, stall or end short are tried again after a pause of random length up to 100 ms, 200 ms, … 10 s, or as
 * long as Retry-After says, until the deadline. A clock that the store calls wrong is set right by the store's own, a bucket in another region is
 * asked there; both are remembered for later requests of the same client.
 *
 * A PUT or DELETE whose connection broke may have happened. When it is sent again under a condition, the conflict that comes may be with what it
 * wrote itself the first time (the hint says so): what is there then, by which to tell, is the caller's to get. connection.lost and timeout
 * leave it open altogether.
 *
 * Not for threads. Connections are kept between requests. Proxies are those of the environment (http_proxy, https_proxy, no_proxy); redirects are
 * not followed; nothing is ever logged.
 */
#ifndef AB_NET_S3_H
#define AB_NET_S3_H

#include "net/compress.h"
#include "net/s3error.h"

struct ab_s3; /* opaque: a client */
/* Nothing is opened or started yet. */
struct ab_s3 *ab_s3_new(void);
void ab_s3_free(struct ab_s3 *s3);

/* Borrowed. session_token is NULL for long-lived keys. */
struct ab_s3_credentials {
	const char *access_key, *secret_key, *session_token;
};

/* Where, who, and until when. Borrowed. */
struct ab_s3_place {
	const char *endpoint; /* NULL: Amazon's */
	const char *region;
	const char *ca_file; /* certificates that are trusted (PEM); NULL: the system's */
	struct ab_s3_credentials credentials;
	int64_t deadline_ms; /* ab_now_ms() clock */
};

/* What takes the object of a GET. begin: from the start, each time that it is tried; end: the body was whole. -1 with err: it is over. */
struct ab_s3_sink {
	int (*begin)(void *data, struct ab_error *err);
	ab_bytes_sink *write;
	int (*end)(void *data, struct ab_error *err);
	void *data;
};

struct ab_s3_request {
	enum ab_s3_method method;
	const struct ab_s3_name *name;
	const char *if_match, *if_none_match; /* NULL: without; printable ASCII without blanks (else input.invalid) */
	/* PUT: the body is the first body_bytes of this file, whatever its offset. */
	int body_fd;
	int64_t body_bytes;
	const char *body_sha256; /* in hexadecimal digits; of a method without body not looked at */
	const struct ab_s3_sink *sink; /* GET */
};

struct ab_s3_outcome {
	bool not_modified; /* 304 */
	char etag[AB_S3_ETAG_MAX];
	unsigned tries; /* how often it was sent, or was about to be */
};

/*
 * 0, or -1: what ab_s3_judge() says (s3error.h); unavailable or connection.lost when patience was over (the message has the last
 * trouble and how many tries there were); timeout when the time ran out while bytes still came or went; auth.failed when the
 * store's certificate is not trusted; input.invalid for an endpoint or a condition that cannot be sent.
 */
int ab_s3_send(struct ab_s3 *s3, const struct ab_s3_place *place, const struct ab_s3_request *request, struct ab_s3_outcome *outcome,
    struct ab_error *err) AB_MUST_USE;

/* For --version --json. */
const char *ab_s3_library_version(void);

#endif
