/*
 * AWS Signature Version 4: the header by which a request says who sends it.
 *
 * (Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk".) It is
 * done here, and not by libcurl: CURLOPT_AWS_SIGV4 of 7.88 signs a header that is only switched off ("Expect:") and sends an
 * X-Amz-Date that it was given twice, both of which strict servers refuse.
 */
#ifndef AB_NET_SIGV4_H
#define AB_NET_SIGV4_H

#include <stdint.h>

#include "core/buf.h"

/* A header that is signed: its name in small letters, its value as it is sent, without blanks around it. */
struct ab_sigv4_header {
	const char *name, *value;
};

/* What is signed, all of it borrowed. */
struct ab_sigv4_request {
	const char *method;		       /* "PUT" */
	const char *path;		       /* as it is sent: percent-encoded once */
	const struct ab_sigv4_header *headers; /* in the order of their names; host, x-amz-date and x-amz-content-sha256 at least */
	size_t header_count;
	const char *payload_sha256; /* of the body, in hexadecimal digits */
};
struct ab_sigv4_signer {
	const char *access_key, *secret_key, *region, *service;
};

#define AB_SIGV4_TIME_SIZE 17
/* The value of X-Amz-Date: 20260102T030405Z. Returns text. */
const char *ab_sigv4_time(char text[static AB_SIGV4_TIME_SIZE], int64_t unix_ms);

/* Append the value of Authorization to out. time is that of x-amz-date. The secret key stands in nothing that is left behind. */
void ab_sigv4_sign(const struct ab_sigv4_signer *signer, const struct ab_sigv4_request *request, const char *time, struct ab_buf *out);

#endif
