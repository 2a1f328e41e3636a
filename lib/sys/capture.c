/* Head and tail of a stream in bounded memory. */
#include "sys/capture.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

/* How far from a cut a newline is looked for. */
#define NEAR 4096
#define MARKER_MAX 80

void
ab_capture_init(struct ab_capture *capture, size_t max, enum ab_keep keep)
{
	size_t head = keep == AB_KEEP_TAIL ? 0 : keep == AB_KEEP_HEAD ? max : max / 2;

	*capture = (struct ab_capture){ .keep = keep, .max = max };
	ab_buf_init(&capture->head, head);
	/* One more than is kept: whether the tail begins a line can only be seen in the byte before it. */
	if (max > head)
		capture->ring_size = max - head + 1;
}

void
ab_capture_release(struct ab_capture *capture)
{
	ab_buf_release(&capture->head);
	free(capture->ring);
	ab_capture_init(capture, capture->max, capture->keep);
}

/* Append while the ring has not wrapped yet; returns how many bytes were taken. */
static size_t
ring_grow(struct ab_capture *capture, const char *data, size_t len)
{
	size_t left = capture->ring_size - capture->ring_len;

	if (len > left)
		len = left;
	if (len == 0)
		return 0;
	size_t need = capture->ring_len + len;
	if (need > capture->ring_room) {
		size_t room = capture->ring_room < 8192 ? 8192 : capture->ring_room * 2;
		if (room < need)
			room = need;
		if (room > capture->ring_size)
			room = capture->ring_size;
		capture->ring = ab_reallocarray(capture->ring, room, 1);
		capture->ring_room = room;
	}
	memcpy(capture->ring + capture->ring_len, data, len);
	capture->ring_len += len;
	return len;
}

static void
ring_add(struct ab_capture *capture, const char *data, size_t len)
{
	/* Of a chunk larger than the ring only the last bytes will be left. */
	if (len > capture->ring_size) {
		data += len - capture->ring_size;
		len = capture->ring_size;
	}
	size_t taken = ring_grow(capture, data, len);
	data += taken;
	len -= taken;
	while (len > 0) {
		size_t run = capture->ring_size - capture->ring_at;
		if (run > len)
			run = len;
		memcpy(capture->ring + capture->ring_at, data, run);
		capture->ring_at = (capture->ring_at + run) % capture->ring_size;
		data += run;
		len -= run;
	}
}

void
ab_capture_add(struct ab_capture *capture, const void *data, size_t len)
{
	const char *at = data;
	size_t room = capture->head.max - capture->head.len;
	size_t first = len < room ? len : room;

	capture->total += len;
	if (first > 0)
		ab_buf_put(&capture->head, at, first);
	if (len > first && capture->ring_size > 0)
		ring_add(capture, at + first, len - first);
}

void
ab_capture_whole(const struct ab_capture *capture, struct ab_capture_pieces *pieces)
{
	assert(capture->total <= capture->max);
	pieces->data[0] = capture->head.data;
	pieces->len[0] = capture->head.len;
	pieces->data[1] = capture->ring;
	pieces->len[1] = capture->ring_len;
}

static char
ring_byte(const struct ab_capture *capture, size_t offset)
{
	return capture->ring[(capture->ring_at + offset) % capture->ring_size];
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Where the head ends when something is left out after it. */
static size_t
head_end(const struct ab_capture *capture)
{
	size_t len = capture->head.len, window = smaller(NEAR, len / 2);

	for (size_t back = 0; back <= window && back < len; back++)
		if (capture->head.data[len - 1 - back] == '\n')
			return len - back;
	return len - (len > 0 ? ab_utf8_incomplete(capture->head.data, len) : 0);
}

/* Where the tail begins in the full ring, whose first byte is the one before what is kept. */
static size_t
tail_start(const struct ab_capture *capture)
{
	size_t len = capture->ring_size, window = smaller(NEAR, (len - 1) / 2), start = 1;

	for (size_t offset = 0; offset <= window; offset++)
		if (ring_byte(capture, offset) == '\n')
			return offset + 1;
	/* The rest of a character is at most three bytes; more of them in a row are no text. */
	while (start < len && start <= 4 && ((unsigned char)ring_byte(capture, start) & 0xc0) == 0x80)
		start++;
	return start <= 4 ? start : 1;
}

static void
add_ring(const struct ab_capture *capture, struct ab_buf *text, size_t start)
{
	size_t begin = capture->ring_at + start, len = capture->ring_len - start;

	if (begin >= capture->ring_size)
		begin -= capture->ring_size;
	size_t run = smaller(len, capture->ring_size - begin);
	if (run > 0)
		ab_buf_put(text, capture->ring + begin, run);
	if (len > run)
		ab_buf_put(text, capture->ring, len - run);
}

void
ab_capture_result(const struct ab_capture *capture, struct ab_captured *result)
{
	size_t head = capture->head.len, start = 0;

	*result = (struct ab_captured){ .total = capture->total, .truncated = capture->total > capture->max };
	ab_buf_init(&result->text, capture->max + MARKER_MAX);
	if (result->truncated) {
		head = head_end(capture);
		start = capture->ring_size > 0 ? tail_start(capture) : 0;
		result->omitted = capture->total - head - (capture->ring_len - start);
	}
	result->head_bytes = head;
	if (head > 0)
		ab_buf_put(&result->text, capture->head.data, head);
	if (result->truncated) {
		if (head > 0 && result->text.data[head - 1] != '\n')
			ab_buf_putc(&result->text, '\n');
		ab_buf_printf(&result->text, "[\u2026 %" PRIu64 " bytes omitted \u2026]\n", result->omitted);
	}
	if (capture->ring_len > start)
		add_ring(capture, &result->text, start);
}
