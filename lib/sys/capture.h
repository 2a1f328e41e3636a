/*
 * What is kept of one output stream: head and tail in bounded memory, and exact counts.
 *
 * Up to `max` bytes nothing is left out. Beyond, `both` keeps the first half and the last half, `head` and
 * `tail` one end. Cuts fall between UTF-8 characters, and between lines where a newline is within 4 KiB of
 * the cut (and within half of what is kept on that side, so that a short limit does not become an empty
 * text); bytes that are not text are cut anywhere. Where bytes are left out the text holds the line `[… N
 * bytes omitted …]` (U+2026), always a line of its own: a newline is put before it when the head does not end
 * in one.
 */
#ifndef AB_SYS_CAPTURE_H
#define AB_SYS_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"

enum ab_keep { AB_KEEP_BOTH, AB_KEEP_HEAD, AB_KEEP_TAIL };

struct ab_capture {
	enum ab_keep keep;
	size_t max;	      /* bytes kept in all */
	struct ab_buf head;   /* first bytes */
	char *ring;	      /* last bytes, and the one before them; grows to ring_size, then wraps */
	size_t ring_size, ring_room, ring_len, ring_at; /* most, allocated, used, oldest byte when full */
	uint64_t total;	      /* bytes seen */
};

void ab_capture_init(struct ab_capture *capture, size_t max, enum ab_keep keep);
void ab_capture_release(struct ab_capture *capture);
void ab_capture_add(struct ab_capture *capture, const void *data, size_t len);

/*
 * All bytes seen, while none is left out (total <= max): two pieces, the second may be empty. For a spool
 * that is opened late. Valid until the next call.
 */
struct ab_capture_pieces {
	const char *data[2];
	size_t len[2];
};
void ab_capture_whole(const struct ab_capture *capture, struct ab_capture_pieces *pieces);

struct ab_captured {
	struct ab_buf text;    /* head, the line `[… N bytes omitted …]` where bytes are left out, tail */
	uint64_t total, omitted;
	uint64_t head_bytes;   /* of the stream's own, before the marker (and before a newline that was put in) */
	bool truncated;
};
/* Assemble; the caller releases result->text. The capture stays. total - omitted - head_bytes = bytes after
 * the marker. */
void ab_capture_result(const struct ab_capture *capture, struct ab_captured *result);

#endif
