/* $'…' in shell text: bash(1), QUOTING. Where that is silent (\c, \x{…}, NUL), as bash 5.2 does. */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "sys/shellread.h"

static void
put(struct reader *reader, char byte)
{
	ab_shellread_put(reader, &byte, 1, AB_SHELL_PLAIN);
}

static unsigned
read_number(struct reader *reader, unsigned base, unsigned digits, bool *any)
{
	unsigned value = 0;

	*any = false;
	for (; digits > 0 && reader->at < reader->end; digits--, reader->at++) {
		char c = *reader->at;
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') :
		    c >= 'a' && c <= 'f'	      ? (unsigned)(c - 'a') + 10 :
		    c >= 'A' && c <= 'F'	      ? (unsigned)(c - 'A') + 10 :
							99;
		if (digit >= base)
			break;
		value = value * base + digit;
		*any = true;
	}
	return value;
}

static void
put_character(struct reader *reader, unsigned code)
{
	char utf8[4];
	size_t len = 1;

	if (code < 0x80) {
		utf8[0] = (char)code;
	} else if (code < 0x800) {
		utf8[0] = (char)(0xc0 | code >> 6);
		utf8[1] = (char)(0x80 | (code & 0x3f));
		len = 2;
	} else if (code < 0x10000) {
		utf8[0] = (char)(0xe0 | code >> 12);
		utf8[1] = (char)(0x80 | (code >> 6 & 0x3f));
		utf8[2] = (char)(0x80 | (code & 0x3f));
		len = 3;
	} else {
		utf8[0] = (char)(0xf0 | (code >> 18 & 7));
		utf8[1] = (char)(0x80 | (code >> 12 & 0x3f));
		utf8[2] = (char)(0x80 | (code >> 6 & 0x3f));
		utf8[3] = (char)(0x80 | (code & 0x3f));
		len = 4;
	}
	ab_shellread_put(reader, utf8, len, AB_SHELL_PLAIN);
}

/* Behind \c. */
static bool
read_control(struct reader *reader)
{
	char c = *reader->at++;
	unsigned code = c == '?' ? 0x7f : (unsigned char)c & 0x1f;

	if (code != 0)
		put(reader, (char)code);
	if (c == '\\' && reader->at < reader->end) {
		/* The backslash quotes what follows here, too: one of two is taken, and an apostrophe does not end the string. */
		if (*reader->at == '\'')
			put(reader, '\'');
		reader->at += *reader->at == '\\' || *reader->at == '\'';
	}
	return code != 0;
}

/* Behind the backslash; false: the value is NUL, at which bash ends the word's text. */
static bool
read_ansi_escape(struct reader *reader)
{
	static const char FROM[] = "abefnrtvE\\'\"?", TO[] = "\a\b\033\f\n\r\t\v\033\\'\"?";
	char c = *reader->at++;
	const char *known = strchr(FROM, c);
	bool any = true;
	unsigned code;

	if (c != '\0' && known != NULL) {
		put(reader, TO[known - FROM]);
		return true;
	}
	if (c >= '0' && c <= '7') {
		reader->at--;
		code = read_number(reader, 8, 3, &any) & 0xff;
		if (code != 0)
			put(reader, (char)code);
		return code != 0;
	}
	if (c == 'x' || c == 'u' || c == 'U') {
		bool braces = c == 'x' && reader->at < reader->end && *reader->at == '{';
		reader->at += braces;
		code = read_number(reader, 16, braces ? UINT_MAX : c == 'x' ? 2 : c == 'u' ? 4 : 8, &any);
		if (braces) {
			code &= 0xff;
			any = true;
			reader->at += reader->at < reader->end && *reader->at == '}';
		}
		if (any && code != 0 && c == 'x')
			put(reader, (char)code);
		else if (any && code != 0)
			put_character(reader, code);
		if (any)
			return code != 0;
	} else if (c == 'c' && reader->at < reader->end && *reader->at != '\'') {
		return read_control(reader);
	}
	put(reader, '\\');
	put(reader, c);
	return true;
}

bool
ab_shellread_ansi(struct reader *reader)
{
	size_t kept = AB_SHELL_NONE;

	while (reader->at < reader->end && *reader->at != '\'') {
		if (*reader->at == '\\' && reader->end - reader->at >= 2) {
			reader->at++;
			if (!read_ansi_escape(reader) && kept == AB_SHELL_NONE)
				kept = reader->text->len;
		} else {
			put(reader, *reader->at++);
		}
	}
	if (reader->at >= reader->end)
		return ab_shellread_give_up(reader);
	reader->at++;
	if (kept != AB_SHELL_NONE) {
		ab_buf_truncate(reader->text, kept);
		ab_buf_truncate(reader->marks, kept);
	}
	return true;
}
