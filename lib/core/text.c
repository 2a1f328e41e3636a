/* UTF-8 and base64. */
#include "core/text.h"

#include <stdint.h>
#include <string.h>

enum verdict { VALID, INVALID, SHORT };

/*
 * Judge the character that begins at `at` (len > 0). Returns its length, or for INVALID and SHORT the length of its
 * maximal subpart, which is what one U+FFFD stands for. Ranges: Unicode 15, table 3-7.
 */
static size_t
judge(const unsigned char *at, size_t len, enum verdict *verdict)
{
	unsigned char lead = at[0], low = 0x80, high = 0xbf;

	*verdict = lead < 0x80 ? VALID : INVALID;
	if (lead < 0xc2 || lead > 0xf4)
		return 1;
	size_t need = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if (lead == 0xe0)
		low = 0xa0; /* overlong */
	else if (lead == 0xed)
		high = 0x9f; /* surrogates */
	else if (lead == 0xf0)
		low = 0x90; /* overlong */
	else if (lead == 0xf4)
		high = 0x8f; /* beyond U+10FFFF */
	for (size_t i = 1; i < need; i++) {
		if (i == len) {
			*verdict = SHORT;
			return i;
		}
		if (at[i] < low || at[i] > high)
			return i;
		low = 0x80;
		high = 0xbf;
	}
	*verdict = VALID;
	return need;
}

/* Bytes of ASCII at the beginning, eight at a time. */
static size_t
ascii_run(const unsigned char *at, size_t len)
{
	size_t run = 0;
	uint64_t word;

	for (; run + sizeof(word) <= len; run += sizeof(word)) {
		memcpy(&word, at + run, sizeof(word));
		if ((word & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	while (run < len && at[run] < 0x80)
		run++;
	return run;
}

size_t
ab_utf8_prefix(const void *data, size_t len)
{
	const unsigned char *bytes = data;
	enum verdict verdict;
	size_t at = 0;

	while (at < len) {
		at += ascii_run(bytes + at, len - at);
		while (at < len && bytes[at] >= 0x80) {
			size_t step = judge(bytes + at, len - at, &verdict);
			if (verdict != VALID)
				return at;
			at += step;
		}
	}
	return at;
}

bool
ab_utf8_valid(const void *data, size_t len)
{
	return ab_utf8_prefix(data, len) == len;
}

size_t
ab_utf8_incomplete(const void *data, size_t len)
{
	const unsigned char *end = (const unsigned char *)data + len;
	enum verdict verdict;

	for (size_t back = 1; back <= 3 && back <= len; back++) {
		if ((end[-(ptrdiff_t)back] & 0xc0) == 0x80)
			continue;
		judge(end - back, back, &verdict);
		return verdict == SHORT ? back : 0;
	}
	return 0;
}

bool
ab_utf8_lossy(struct ab_buf *out, const void *data, size_t len)
{
	const unsigned char *bytes = data;
	bool replaced = false;
	size_t at = 0;

	while (at < len) {
		size_t good = ab_utf8_prefix(bytes + at, len - at);
		ab_buf_put(out, bytes + at, good);
		at += good;
		if (at == len)
			break;
		enum verdict verdict;
		at += judge(bytes + at, len - at, &verdict);
		ab_buf_puts(out, "\xef\xbf\xbd");
		replaced = true;
	}
	return replaced;
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
ab_base64_encode(struct ab_buf *out, const void *data, size_t len)
{
	const unsigned char *from = data;

	while (len > 0) {
		/* in pieces, so that one reserve serves many groups */
		char piece[4096];
		size_t fill = 0;
		while (len > 0 && fill < sizeof(piece)) {
			size_t take = len < 3 ? len : 3;
			uint32_t group = (uint32_t)from[0] << 16;
			if (take > 1)
				group |= (uint32_t)from[1] << 8;
			if (take > 2)
				group |= from[2];
			piece[fill++] = digits[group >> 18];
			piece[fill++] = digits[group >> 12 & 63];
			piece[fill++] = take > 1 ? digits[group >> 6 & 63] : '=';
			piece[fill++] = take > 2 ? digits[group & 63] : '=';
			from += take;
			len -= take;
		}
		ab_buf_put(out, piece, fill);
	}
}

/* Value of a digit, or 0xff. */
static unsigned
digit_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 0u;
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26u;
	if (c >= '0' && c <= '9')
		return c - '0' + 52u;
	return c == '+' ? 62 : c == '/' ? 63 : 0xff;
}

/* Four digits, of which the last 4 - count are padding, to count - 1 bytes. Bits that no byte holds must be 0. */
static bool
decode_group(const char *text, size_t count, unsigned char to[3])
{
	uint32_t group = 0;

	for (size_t i = 0; i < 4; i++) {
		unsigned value = i < count ? digit_value((unsigned char)text[i]) : 0;
		if (value > 63)
			return false;
		group = group << 6 | value;
	}
	to[0] = (unsigned char)(group >> 16);
	to[1] = (unsigned char)(group >> 8);
	to[2] = (unsigned char)group;
	return (count > 2 || to[1] == 0) && (count > 3 || to[2] == 0);
}

bool
ab_base64_decode(struct ab_buf *out, const char *text, size_t len)
{
	size_t before = out->len;

	if (len % 4 != 0)
		return false;
	size_t padding = len == 0 || text[len - 1] != '=' ? 0 : text[len - 2] != '=' ? 1 : 2;
	char *to = ab_buf_reserve(out, len / 4 * 3 - padding);
	if (to == NULL)
		return false;
	for (size_t at = 0; at < len; at += 4) {
		unsigned char bytes[3];
		size_t count = at + 4 < len ? 4 : 4 - padding;
		if (!decode_group(text + at, count, bytes)) {
			ab_buf_truncate(out, before);
			return false;
		}
		memcpy(to, bytes, count - 1);
		to += count - 1;
		out->len += count - 1;
	}
	ab_buf_truncate(out, out->len);
	return true;
}
