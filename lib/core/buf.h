/*
 * Growable bytes with a maximum.
 *
 * What comes from a child, a file or the network is a struct ab_buf until somebody has checked that it is text.
 * Invariants: data is NULL or has room for len + 1 bytes, data[len] is NUL (so that a buffer known to hold text can be
 * used as a string), len <= max.
 */
#ifndef AB_CORE_BUF_H
#define AB_CORE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/mem.h"

struct ab_buf {
	char *data;
	size_t len;
	size_t room; /* bytes allocated */
	size_t max;  /* len never exceeds it */
};

#define AB_BUF_INIT(maximum) { .data = NULL, .len = 0, .room = 0, .max = (maximum) }
#define AB_AUTO_BUF AB_CLEANUP(ab_buf_release)

void ab_buf_init(struct ab_buf *buf, size_t max);
/* Free the bytes; the buffer is empty and usable again, with the same maximum. */
void ab_buf_release(struct ab_buf *buf);

/* Append; false, with nothing changed, when the maximum would be passed. */
bool ab_buf_add(struct ab_buf *buf, const void *data, size_t len) AB_MUST_USE;
bool ab_buf_addf(struct ab_buf *buf, const char *fmt, ...) AB_PRINTF(2, 3) AB_MUST_USE;

/* As above where the caller has bounded the length already: passing the maximum is a broken invariant (assert). */
void ab_buf_put(struct ab_buf *buf, const void *data, size_t len);
void ab_buf_puts(struct ab_buf *buf, const char *text);
void ab_buf_putc(struct ab_buf *buf, char byte);
void ab_buf_printf(struct ab_buf *buf, const char *fmt, ...) AB_PRINTF(2, 3);

/* Room for at least len more bytes after data + len (for read(2)); NULL when the maximum forbids. Then add to buf->len. */
char *ab_buf_reserve(struct ab_buf *buf, size_t len) AB_MUST_USE;

/* Remove the first len bytes; the rest moves down. */
void ab_buf_consume(struct ab_buf *buf, size_t len);
/* Keep the first len bytes. */
void ab_buf_truncate(struct ab_buf *buf, size_t len);
/* The bytes as a NUL-ended heap string that the caller frees; the buffer is empty afterwards. Never NULL. */
char *ab_buf_take(struct ab_buf *buf);

#endif
