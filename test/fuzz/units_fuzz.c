/* Durations and sizes, base64 and UTF-8: what is printed is read back, and UTF-8 agrees with a plain decoder. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "core/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
want(bool ok)
{
	if (!ok)
		abort();
}

static void
units(const char *text)
{
	struct ab_error err = AB_ERROR_INIT;
	char printed[AB_UNIT_SIZE];
	int64_t value, back;

	if (ab_duration_parse(text, &value, &err) == 0) {
		want(value >= 0 && ab_duration_parse(ab_duration_format(printed, value), &back, &err) == 0 && back == value);
	} else {
		want(err.code == AB_E_USAGE);
	}
	if (ab_size_parse(text, &value, &err) == 0)
		want(value >= 0 && ab_size_parse(ab_size_format(printed, value), &back, &err) == 0 && back == value);
}

static void
base64(const char *text, size_t len)
{
	AB_AUTO_BUF struct ab_buf once = AB_BUF_INIT(SIZE_MAX / 4), twice = AB_BUF_INIT(SIZE_MAX / 4);

	/* strict: there is one text for some bytes, so decoding and encoding is the identity */
	if (ab_base64_decode(&once, text, len)) {
		ab_base64_encode(&twice, once.data, once.len);
		want(twice.len == len && memcmp(twice.data != NULL ? twice.data : "", text, len) == 0);
	}
	ab_buf_truncate(&once, 0);
	ab_buf_truncate(&twice, 0);
	ab_base64_encode(&once, text, len);
	want(ab_base64_decode(&twice, once.data, once.len));
	want(twice.len == len && memcmp(twice.data, text, len) == 0);
}

/* The length of the character at the beginning, by decoding it and looking at the number; 0 for none. RFC 3629, section 4. */
static size_t
decode(const uint8_t *at, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t need = at[0] < 0x80 ? 1 : (at[0] & 0xe0) == 0xc0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : (at[0] & 0xf8) == 0xf0 ? 4 : 0;
	if (need == 0 || need > len)
		return 0;
	uint32_t code = need == 1 ? at[0] : at[0] & (0x7fu >> need);
	for (size_t i = 1; i < need; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	return code < least[need] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : need;
}

static void
utf8(const uint8_t *data, size_t size)
{
	AB_AUTO_BUF struct ab_buf repaired = AB_BUF_INIT(3 * size);
	size_t prefix = 0, step;

	while (prefix < size && (step = decode(data + prefix, size - prefix)) > 0)
		prefix += step;
	want(ab_utf8_prefix(data, size) == prefix);
	want(ab_utf8_valid(data, size) == (prefix == size));
	want(ab_utf8_lossy(&repaired, data, size) == (prefix < size));
	want(ab_utf8_valid(repaired.data, repaired.len));
	want(prefix < size || repaired.len == size);
	/* where all but an incomplete character is valid, the prefix ends before it; a continuation completes it or not */
	size_t open = ab_utf8_incomplete(data, size);
	want(open <= 3 && open <= size);
	want(prefix == size ? open == 0 : open == 0 || prefix <= size - open);
	if (open > 0) {
		uint8_t whole[4] = { 0x90, 0x90, 0x90, 0x90 };
		memcpy(whole, data + size - open, open);
		size_t need = whole[0] < 0xe0 ? 2 : whole[0] < 0xf0 ? 3 : 4;
		/* 0xe0 and 0xf4 alone ask for other second bytes than 0x90 */
		if (open == 1 && whole[0] == 0xe0)
			whole[1] = 0xa0;
		if (open == 1 && whole[0] == 0xf4)
			whole[1] = 0x80;
		want(open < need && decode(whole, need) == need);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	units(text);
	free(text);
	/* a copy of exactly that size, so that reading beyond it is found */
	char *bytes = malloc(size > 0 ? size : 1);
	memcpy(bytes, data, size);
	base64(bytes, size);
	utf8((const uint8_t *)bytes, size);
	free(bytes);
	return 0;
}
