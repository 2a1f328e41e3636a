/*
 * What a store's answer means: done, wrong, or to be asked again.
 *
 * Takes the status, the header lines and the first KiB of the body of one answer; gives a verdict and, unless it is that all is well, an
 * error with the words for it. Pure: nothing is sent, waited for or remembered here. ("Error responses" of the Amazon S3 API Reference;
 * the codes that begin with XMinio are MinIO's.) What a store says is quoted only as its error's code, which is a word: the rest of its
 * text could hold what was sent to it.
 */
#ifndef AB_NET_S3ERROR_H
#define AB_NET_S3ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/s3name.h"

enum ab_s3_method { AB_S3_GET, AB_S3_PUT, AB_S3_DELETE };
const char *ab_s3_method_name(enum ab_s3_method method); /* "GET" */

enum { AB_S3_BODY_SEEN = 1024, AB_S3_CODE_MAX = 64, AB_S3_ETAG_MAX = 256 };

struct ab_s3_reply {
	long status;
	char etag[AB_S3_ETAG_MAX];	   /* as it is sent, with its quotes; "" for none */
	char region[AB_S3_REGION_MAX + 1]; /* where the bucket is, when the answer says so; "" when not */
	char code[AB_S3_CODE_MAX];	   /* of the error in the body; "" for none */
	bool framed;			   /* it says where its body ends: what ends by closing may have been cut anywhere */
	int64_t retry_after_ms;		   /* -1: not said */
	int64_t date_unix_ms;		   /* the server's clock; -1: not said */
	char body[AB_S3_BODY_SEEN + 1];	   /* the beginning of a body that is not the object */
	size_t body_len;
};

/* An answer of which nothing has come yet. */
void ab_s3_reply_begin(struct ab_s3_reply *reply);
/* One line of the header, with or without its end. The line "HTTP/1.1 200 …" begins anew (100-continue came before). */
void ab_s3_reply_header(struct ab_s3_reply *reply, const char *line, size_t len);
/* More of a body that is not the object; what is beyond the first KiB is dropped. */
void ab_s3_reply_body(struct ab_s3_reply *reply, const void *data, size_t len);

/* What was asked. */
struct ab_s3_asked {
	enum ab_s3_method method;
	const struct ab_s3_name *name;
	const char *region; /* that it was signed for */
	bool conditional;   /* PUT with a condition, or GET with If-None-Match */
};

enum ab_s3_verdict {
	AB_S3_DONE,	    /* 2xx; 304 to a GET with a condition; a DELETE of what is not there */
	AB_S3_FAILED,	    /* the same again would fail again */
	AB_S3_AGAIN,	    /* later, as long as there is patience; err is what it fails with then */
	AB_S3_AGAIN_A_LITTLE, /* twice more: it may have been damaged on its way, or be wrong for good */
	AB_S3_OTHER_CLOCK,  /* at once, with the server's time; err is for when that has been tried */
	AB_S3_OTHER_REGION, /* at once, in reply->region; err as above */
};

/*
 * not_found (object or bucket), conflict, auth.failed (which of the credentials, and why), input.invalid, unsupported, limit.size,
 * limit.quota, limit.storage, unavailable.
 */
enum ab_s3_verdict ab_s3_judge(struct ab_s3_reply *reply, const struct ab_s3_asked *asked, struct ab_error *err);

#endif
