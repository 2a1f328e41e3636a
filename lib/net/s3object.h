/*
 * Objects of a store and files: put, get and delete one, whole or not at all.
 *
 * What is counted and hashed is the object as it is stored: with zstd, its compressed bytes. Errors are those of ab_s3_send() and of the files, and
 * those told here.
 */
#ifndef AB_NET_S3OBJECT_H
#define AB_NET_S3OBJECT_H

#include "data/hash.h"
#include "net/s3.h"

struct ab_s3_stored {
	bool not_modified; /* of get: it has the ETag that was given, and nothing else is told */
	char etag[AB_S3_ETAG_MAX]; /* "" when the store has none */
	int64_t bytes;
	char sha256[AB_SHA256_TEXT];
	unsigned tries;
};

struct ab_s3_put {
	const char *path;     /* a file; it must stay as it is until this returns */
	bool zstd;	      /* compress it; the compressed file is a nameless one beside it, or in memory where none can be made there */
	const char *if_match; /* NULL, or the ETag that the object must have */
	bool if_absent;
};
/* -1: conflict when the condition does not hold; see s3.h for what is left open. */
int ab_s3_put(struct ab_s3 *s3, const struct ab_s3_place *place, const struct ab_s3_name *name, const struct ab_s3_put *put,
    struct ab_s3_stored *stored, struct ab_error *err) AB_MUST_USE;

struct ab_s3_get {
	const char *path; /* replaced when all of it is there and was found right, and not touched before */
	bool zstd;	  /* decompress it */
	int64_t max_bytes;	   /* most that the file may have; -1: no bound */
	const char *sha256;	   /* NULL, or what it must have, 64 hexadecimal digits */
	const char *if_none_match; /* NULL, or the ETag of one that is at hand */
};
/* -1: corrupt: damage, or another sha256; limit.size; input.invalid: sha256 is none. */
int ab_s3_get(struct ab_s3 *s3, const struct ab_s3_place *place, const struct ab_s3_name *name, const struct ab_s3_get *get,
    struct ab_s3_stored *stored, struct ab_error *err) AB_MUST_USE;

/* One that is not there is deleted. */
int ab_s3_delete(struct ab_s3 *s3, const struct ab_s3_place *place, const struct ab_s3_name *name, struct ab_error *err) AB_MUST_USE;

#endif
