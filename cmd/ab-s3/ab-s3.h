/*
 * ab-s3: put, get and delete objects of an S3-compatible store. The helper by which ab-kv reaches one: it alone loads libcurl. main.c has the
 * table of operations; objects.c carries them out with net/s3object.
 */
#ifndef AB_S3_COMMAND_H
#define AB_S3_COMMAND_H

#include "core/op.h"
#include "net/s3object.h"

/* What every operation takes. */
struct object_params {
	const char *url, *endpoint, *region;
	int64_t patience_ms;
};
struct put_params {
	struct object_params object;
	const char *file, *if_match;
	int zstd, if_absent;
};
struct get_params {
	struct object_params object;
	const char *file, *sha256, *if_none_match;
	int64_t max_bytes;
	int zstd;
};
struct delete_params {
	struct object_params object;
};

/* State: struct ab_s3 *. */
int put_operation(struct ab_call *call, void *params, struct ab_error *err);
int get_operation(struct ab_call *call, void *params, struct ab_error *err);
int delete_operation(struct ab_call *call, void *params, struct ab_error *err);

#endif
