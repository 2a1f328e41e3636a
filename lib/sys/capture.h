/*
 * What is kept of one output stream: head and tail in bounded memory, exact counts, and the whole in a spool file.
 *
 * Cuts fall between UTF-8 characters, and between lines where a newline is within 4 KiB of the cut.
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
	char *ring;	      /* last bytes; allocated when the head is full */
	size_t ring_size, ring_at;
	uint64_t total;	      /* bytes seen */
};

void ab_capture_init(struct ab_capture *capture, size_t max, enum ab_keep keep);
void ab_capture_release(struct ab_capture *capture);
void ab_capture_add(struct ab_capture *capture, const void *data, size_t len);

struct ab_captured {
	struct ab_buf text;    /* head, the line `[… N bytes omitted …]` where bytes are left out, tail */
	uint64_t total, omitted;
	uint64_t head_bytes;   /* of text, before the marker line */
	bool truncated;
};
/* Assemble; the caller releases result->text. The capture stays. */
void ab_capture_result(const struct ab_capture *capture, struct ab_captured *result);

#endif
