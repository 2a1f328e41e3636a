/* Growable bytes with a maximum. */
#include "core/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void
ab_buf_init(struct ab_buf *buf, size_t max)
{
	*buf = (struct ab_buf)AB_BUF_INIT(max);
}

void
ab_buf_release(struct ab_buf *buf)
{
	free(buf->data);
	ab_buf_init(buf, buf->max);
}

char *
ab_buf_reserve(struct ab_buf *buf, size_t len)
{
	assert(buf->len <= buf->max && buf->max < SIZE_MAX);
	if (len > buf->max - buf->len)
		return NULL;
	size_t need = buf->len + len + 1;
	if (need > buf->room) {
		size_t room = buf->room < 64 ? 64 : buf->room;
		while (room < need)
			room += room / 2;
		if (room - 1 > buf->max)
			room = buf->max + 1;
		buf->data = ab_reallocarray(buf->data, room, 1);
		buf->room = room;
		buf->data[buf->len] = '\0';
	}
	return buf->data + buf->len;
}

bool
ab_buf_add(struct ab_buf *buf, const void *data, size_t len)
{
	char *to = ab_buf_reserve(buf, len);

	if (to == NULL)
		return false;
	if (len > 0)
		memcpy(to, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return true;
}

static bool
vadd(struct ab_buf *buf, const char *fmt, va_list args)
{
	va_list again;

	va_copy(again, args);
	int len = vsnprintf(NULL, 0, fmt, args);
	assert(len >= 0);
	char *to = ab_buf_reserve(buf, (size_t)len);
	if (to != NULL) {
		vsnprintf(to, (size_t)len + 1, fmt, again);
		buf->len += (size_t)len;
	}
	va_end(again);
	return to != NULL;
}

bool
ab_buf_addf(struct ab_buf *buf, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	bool fits = vadd(buf, fmt, args);
	va_end(args);
	return fits;
}

void
ab_buf_put(struct ab_buf *buf, const void *data, size_t len)
{
	bool fits = ab_buf_add(buf, data, len);

	assert(fits);
	(void)fits;
}

void
ab_buf_puts(struct ab_buf *buf, const char *text)
{
	ab_buf_put(buf, text, strlen(text));
}

void
ab_buf_putc(struct ab_buf *buf, char byte)
{
	char *to = ab_buf_reserve(buf, 1);

	assert(to != NULL);
	to[0] = byte;
	to[1] = '\0';
	buf->len++;
}

void
ab_buf_printf(struct ab_buf *buf, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	bool fits = vadd(buf, fmt, args);
	va_end(args);
	assert(fits);
	(void)fits;
}

void
ab_buf_consume(struct ab_buf *buf, size_t len)
{
	assert(len <= buf->len);
	if (len == 0)
		return;
	memmove(buf->data, buf->data + len, buf->len - len + 1);
	buf->len -= len;
}

void
ab_buf_truncate(struct ab_buf *buf, size_t len)
{
	assert(len <= buf->len);
	buf->len = len;
	if (buf->data != NULL)
		buf->data[len] = '\0';
}

char *
ab_buf_take(struct ab_buf *buf)
{
	if (buf->data == NULL)
		return ab_strdup("");
	char *data = buf->data;
	ab_buf_init(buf, buf->max);
	return data;
}
