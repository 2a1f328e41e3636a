/*
 * Names of objects: s3://BUCKET/KEY, and the address that one has at a store.
 *
 * Takes what a person or a request wrote; gives names that S3 accepts (Amazon S3 User Guide, "Bucket naming rules", "Naming
 * Amazon S3 objects") and the URL, host and path that are sent and signed. Refuses (input.invalid) whatever could mean another host,
 * another header or another object than it seems.
 */
#ifndef AB_NET_S3NAME_H
#define AB_NET_S3NAME_H

#include "core/error.h"

enum { AB_S3_BUCKET_MAX = 63, AB_S3_KEY_MAX = 1024, AB_S3_REGION_MAX = 63, AB_S3_SHOWN_MAX = 256 };

/* Owns nothing. */
struct ab_s3_name {
	char bucket[AB_S3_BUCKET_MAX + 1];
	char key[AB_S3_KEY_MAX + 1];	   /* valid UTF-8 */
	char shown[AB_S3_SHOWN_MAX];	   /* s3://BUCKET/KEY for messages, which have room for so much of it */
};

/* Where it is. Released by ab_s3_address_release(). */
struct ab_s3_address {
	char *url;  /* scheme, host and path */
	char *host; /* the value of header Host: without the port when that is the scheme's */
	char *path; /* percent-encoded once: everything but A-Z a-z 0-9 - . _ ~ and / */
};

/* The bucket's name alone is not enough: there is a key of 1 to 1024 bytes. -1: input.invalid. */
int ab_s3_name_parse(const char *url, struct ab_s3_name *name, struct ab_error *err) AB_MUST_USE;

/*
 * At an endpoint (http[s]://HOST[:PORT][/PATH]; the bucket is the first part of the path), or without one (NULL) at Amazon's of the region (the
 * bucket is part of the host's name, unless it has a dot, which no certificate of theirs covers). -1: input.invalid, and there is nothing to
 * release.
 */
int ab_s3_address_make(const struct ab_s3_name *name, const char *endpoint, const char *region, struct ab_s3_address *address,
    struct ab_error *err) AB_MUST_USE;
void ab_s3_address_release(struct ab_s3_address *address);
#define AB_AUTO_S3_ADDRESS AB_CLEANUP(ab_s3_address_release)

#endif
