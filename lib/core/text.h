/* UTF-8 (RFC 3629) and base64 (RFC 4648, section 4, with padding). */
#ifndef AB_CORE_TEXT_H
#define AB_CORE_TEXT_H

#include <stdbool.h>

#include "core/buf.h"

/* Whether the bytes are valid UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). NUL is valid. */
bool ab_utf8_valid(const void *data, size_t len);
/* The length of the longest prefix of data that is valid UTF-8. */
size_t ab_utf8_prefix(const void *data, size_t len);
/* How many bytes at the end of data are the beginning of a character that is not complete yet (0..3). */
size_t ab_utf8_incomplete(const void *data, size_t len);
/* Append data with every maximal invalid part replaced by U+FFFD (Unicode 15, section 3.9); true when any was.
   It grows to at most three times its length, which out must be able to hold. */
bool ab_utf8_lossy(struct ab_buf *out, const void *data, size_t len);

void ab_base64_encode(struct ab_buf *out, const void *data, size_t len);
/* Append the decoded bytes; false, with nothing appended, on anything but strict base64 (no line breaks, padding
   complete, unused bits 0), or when out->max is reached. */
bool ab_base64_decode(struct ab_buf *out, const char *text, size_t len) AB_MUST_USE;

#endif
