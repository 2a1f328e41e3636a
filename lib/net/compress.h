/*
 * Zstandard (RFC 8878): files that are compressed as a whole, and bytes that are decompressed as they come.
 *
 * What is compressed carries a checksum of its contents, so that damage is found without another hash. Memory is bounded both ways: by the
 * compressor's window, and by the largest window that is taken from a stream (128 MiB, the format's recommendation for decoders).
 */
#ifndef AB_NET_COMPRESS_H
#define AB_NET_COMPRESS_H

#include <stddef.h>

#include "core/error.h"

/* All of the file `from`, from its beginning, as one frame of level 3 onto the descriptor `to`, which is empty. what: the name of `from`, to_what: that of
 * `to`, in messages. -1: what reading and writing say (limit.storage, system, …). */
int ab_compress_file(int from, int to, const char *what, const char *to_what, struct ab_error *err) AB_MUST_USE;

/* Takes bytes; -1 with err ends it. */
typedef int ab_bytes_sink(void *data, const void *bytes, size_t len, struct ab_error *err);

struct ab_decompressor; /* opaque */
struct ab_decompressor *ab_decompressor_new(void);
void ab_decompressor_free(struct ab_decompressor *decompressor);
/* As new, for another stream. */
void ab_decompressor_reset(struct ab_decompressor *decompressor);
/* The next bytes of the stream, and sink gets what they give. -1: corrupt, or what sink said. */
int ab_decompressor_write(struct ab_decompressor *decompressor, const void *bytes, size_t len, ab_bytes_sink *sink, void *data,
    struct ab_error *err) AB_MUST_USE;
/* There are no more. -1: corrupt: it is no whole frame yet, or there was none at all. */
int ab_decompressor_end(const struct ab_decompressor *decompressor, struct ab_error *err) AB_MUST_USE;

/* For --version --json. */
const char *ab_compress_library_version(void);

#endif
