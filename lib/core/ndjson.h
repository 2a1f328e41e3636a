/*
 * Newline-delimited JSON in: bytes are pushed as they arrive, lines come out whole.
 *
 * A line is at most max bytes; a longer one is reported once, as soon as it is known, and skipped to its newline, so that
 * one bad line costs one answer and neither the stream nor memory. Lines are counted from 1. A last line without newline
 * counts at end-of-input. Empty lines are skipped (and counted). "\r\n" is accepted.
 */
#ifndef AB_CORE_NDJSON_H
#define AB_CORE_NDJSON_H

#include "core/buf.h"

struct ab_lines {
	struct ab_buf buf; /* what has been pushed and not handed out */
	size_t at;	   /* bytes of buf handed out already */
	size_t scanned;	   /* no newline before this offset */
	size_t max;
	unsigned long long line; /* number of the line handed out last */
	bool skipping;
	bool ended;
};

enum ab_line { AB_LINE_NONE, AB_LINE_TEXT, AB_LINE_TOO_LONG };

void ab_lines_init(struct ab_lines *lines, size_t max);
void ab_lines_release(struct ab_lines *lines);
/* Room for read(2): at least 64 KiB; commit what was read. Hand lines out before more is read: at most max and 16 MiB may
   wait (assert). */
char *ab_lines_reserve(struct ab_lines *lines, size_t *room);
void ab_lines_commit(struct ab_lines *lines, size_t len);
/* No more bytes will come. */
void ab_lines_end(struct ab_lines *lines);
/* Hand out the next line (without its newline, not NUL-ended), valid until the next call of any function here. */
enum ab_line ab_lines_next(struct ab_lines *lines, const char **text, size_t *len);

/* Called for each line; text NULL: it is too long. Returns 0, or -1 with err, which then says which line it was. */
typedef int ab_lines_visit(void *data, unsigned long long number, const char *text, size_t len, struct ab_error *err);
/* All lines of what a descriptor gives, to its end. -1: the visitor's, or system. */
int ab_lines_read(struct ab_lines *lines, int fd, ab_lines_visit *visit, void *data, struct ab_error *err) AB_MUST_USE;

#endif
