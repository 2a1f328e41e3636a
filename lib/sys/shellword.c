/* Words of shell text: quotes, escapes, expansions. */
#include <stdint.h>
#include <string.h>

#include "core/mem.h"
#include "sys/shellread.h"

static bool read_piece(struct reader *reader, bool quoted);

int
ab_shellread_peek(struct reader *reader)
{
	while (reader->end - reader->at >= 2 && reader->at[0] == '\\' && reader->at[1] == '\n')
		reader->at += 2;
	return reader->at < reader->end ? (unsigned char)*reader->at : -1;
}

int
ab_shellread_peek2(struct reader *reader)
{
	const char *next = reader->at + 1;

	while (reader->end - next >= 2 && next[0] == '\\' && next[1] == '\n')
		next += 2;
	return next < reader->end ? (unsigned char)*next : -1;
}

uint32_t
ab_shellread_position(const struct reader *reader)
{
	return reader->span > 0 ? reader->origin : reader->origin + (uint32_t)(reader->at - reader->begin);
}

static void
put(struct reader *reader, const char *bytes, size_t len, enum ab_shell_mark mark)
{
	ab_buf_put(reader->text, bytes, len);
	memset(ab_buf_reserve(reader->marks, len), (int)mark, len);
	reader->marks->len += len;
}

static void
put_one(struct reader *reader, char byte, enum ab_shell_mark mark)
{
	put(reader, &byte, 1, mark);
}

bool
ab_shellread_give_up(struct reader *reader)
{
	reader->shell->broken = true;
	reader->hopeless = true;
	return false;
}

bool
ab_shellread_complain(struct reader *reader)
{
	reader->shell->broken = true;
	return !reader->hopeless;
}

static bool
is_name(int c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* ---- what is within other text ---- */

/* A reader of a part of the text, or of a text of its own (backquotes). */
static struct reader
sub_reader(const struct reader *reader, const char *begin, const char *end)
{
	struct reader sub = *reader;

	sub.origin = reader->span > 0 ? reader->origin : reader->origin + (uint32_t)(begin - reader->begin);
	sub.begin = sub.at = begin;
	sub.end = end;
	sub.pending = NULL;
	sub.pending_count = sub.pending_room = 0;
	sub.depth++;
	return sub;
}

/* What the sub-reader learned that outlives it. Its pending here-documents have no bodies. */
static bool
sub_end(struct reader *reader, struct reader *sub)
{
	for (uint32_t i = 0; i < sub->pending_count; i++)
		free(sub->pending[i].delimiter);
	free(sub->pending);
	reader->stack = sub->stack;
	reader->stack_room = sub->stack_room;
	reader->hopeless = reader->hopeless || reader->shell->too_deep;
	return !reader->hopeless;
}

static bool
too_deep(struct reader *reader)
{
	if (reader->depth < AB_SHELL_DEPTH_MAX)
		return false;
	reader->shell->too_deep = true;
	(void)ab_shellread_give_up(reader);
	return true;
}

/* Pieces up to the end of the reader, for the commands in them; of the text nothing stays. */
static bool
read_for_commands(struct reader *reader, const char *end)
{
	size_t len = reader->text->len;
	struct reader sub = sub_reader(reader, reader->at, end);

	if (too_deep(&sub))
		return sub_end(reader, &sub);
	while (sub.at < sub.end && read_piece(&sub, true))
		continue;
	ab_buf_truncate(reader->text, len);
	ab_buf_truncate(reader->marks, len);
	reader->at = end;
	return sub_end(reader, &sub);
}

const char *
ab_shellread_arithmetic_end(struct reader *reader, const char *from)
{
	size_t open = 0;

	if (reader->no_arithmetic != NULL && from >= reader->no_arithmetic)
		return NULL;
	for (const char *at = from; at < reader->end; at++) {
		if (*at == '\\') {
			at++;
		} else if (*at == '\'' || *at == '"') {
			const char *close = memchr(at + 1, *at, (size_t)(reader->end - at - 1));
			if (close == NULL)
				break;
			at = close;
		} else if (*at == '(') {
			open++;
		} else if (*at == ')' && open > 0) {
			open--;
		} else if (*at == ')') {
			return reader->end - at >= 2 && at[1] == ')' ? at + 2 : NULL;
		}
	}
	reader->no_arithmetic = from;
	return NULL;
}

bool
ab_shellread_arithmetic(struct reader *reader, const char *end)
{
	if (!read_for_commands(reader, end - 2))
		return false;
	reader->at = end;
	return true;
}

/* $(…), <(…), >(…): the reader stands behind the parenthesis. */
static bool
read_substitution(struct reader *reader)
{
	if (!ab_shellread_subshell(reader, ')'))
		return false;
	put_one(reader, '$', AB_SHELL_OUTPUT);
	return true;
}

/* `…`: a backslash before $, ` or \ is taken away (in double quotes before " too), then it is read as $(…) is. */
static bool
read_backquotes(struct reader *reader, bool quoted)
{
	AB_AUTO_BUF struct ab_buf inner = AB_BUF_INIT(SIZE_MAX / 2);
	uint32_t start = ab_shellread_position(reader);

	for (reader->at++; reader->at < reader->end && *reader->at != '`'; reader->at++) {
		if (*reader->at == '\\' && reader->end - reader->at >= 2 &&
		    (strchr("$`\\", reader->at[1]) != NULL || (quoted && reader->at[1] == '"')))
			reader->at++;
		ab_buf_putc(&inner, *reader->at);
	}
	if (reader->at >= reader->end)
		return ab_shellread_give_up(reader);
	reader->at++;
	struct reader sub = sub_reader(reader, inner.data, inner.data + inner.len);
	sub.origin = start;
	sub.span = ab_shellread_position(reader) - start + (reader->span > 0);
	sub.no_arithmetic = NULL;
	if (!too_deep(&sub) && inner.len > 0)
		(void)ab_shellread_subshell(&sub, -1);
	put_one(reader, '$', AB_SHELL_OUTPUT);
	return sub_end(reader, &sub);
}

/* In double quotes a single quote counts in ${x#…}, ${x%…} and ${x/…} and not in ${x:-…}: whether this is one of the former. */
static bool
is_pattern_operator(const struct reader *reader)
{
	const char *at = reader->at;

	while (at < reader->end && (is_name((unsigned char)*at, false) || strchr("@*!?$-", *at) != NULL))
		at++;
	return at > reader->at && at < reader->end && strchr("#%/^,", *at) != NULL;
}

/* ${…}: only ${HOME} is known. The rest is passed over up to its brace, and looked at for commands. */
static bool
read_parameter(struct reader *reader, bool quoted)
{
	size_t len = reader->text->len;
	bool quotes = !quoted || is_pattern_operator(reader);
	int c;

	if (reader->end - reader->at >= 5 && memcmp(reader->at, "HOME}", 5) == 0) {
		reader->at += 5;
		put_one(reader, '~', AB_SHELL_HOME);
		return true;
	}
	if (too_deep(reader))
		return false;
	reader->depth++;
	while ((c = ab_shellread_peek(reader)) != '}') {
		if (c < 0)
			return ab_shellread_give_up(reader);
		if ((c == '\'' && quotes) || c == '"' || c == '\\' || c == '`' || c == '$') {
			if (!read_piece(reader, false))
				return false;
		} else {
			reader->at++;
		}
	}
	reader->depth--;
	reader->at++;
	ab_buf_truncate(reader->text, len);
	ab_buf_truncate(reader->marks, len);
	put_one(reader, '?', AB_SHELL_UNKNOWN);
	return true;
}

/* ---- $'…' ---- */

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
	put(reader, utf8, len, AB_SHELL_PLAIN);
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
		put_one(reader, TO[known - FROM], AB_SHELL_PLAIN);
		return true;
	}
	if (c >= '0' && c <= '7') {
		reader->at--;
		code = read_number(reader, 8, 3, &any) & 0xff;
		if (code != 0)
			put_one(reader, (char)code, AB_SHELL_PLAIN);
		return code != 0;
	}
	if (c == 'x' || c == 'u' || c == 'U') {
		code = read_number(reader, 16, c == 'x' ? 2 : c == 'u' ? 4 : 8, &any);
		if (any && code != 0 && c == 'x')
			put_one(reader, (char)code, AB_SHELL_PLAIN);
		else if (any && code != 0)
			put_character(reader, code);
		if (any)
			return code != 0;
	} else if (c == 'c' && reader->at < reader->end) {
		code = (unsigned char)*reader->at++ & 0x1f;
		put_one(reader, (char)code, AB_SHELL_PLAIN);
		return code != 0;
	}
	put_one(reader, '\\', AB_SHELL_PLAIN);
	put_one(reader, c, AB_SHELL_PLAIN);
	return true;
}

static bool
read_ansi(struct reader *reader)
{
	size_t kept = AB_SHELL_NONE;

	while (reader->at < reader->end && *reader->at != '\'') {
		if (*reader->at == '\\' && reader->end - reader->at >= 2) {
			reader->at++;
			if (!read_ansi_escape(reader) && kept == AB_SHELL_NONE)
				kept = reader->text->len;
		} else {
			put_one(reader, *reader->at++, AB_SHELL_PLAIN);
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

/* ---- pieces ---- */

static bool
read_variable(struct reader *reader)
{
	const char *name = reader->at;

	while (reader->at < reader->end && is_name((unsigned char)*reader->at, reader->at == name))
		reader->at++;
	if (reader->at - name == 4 && memcmp(name, "HOME", 4) == 0)
		put_one(reader, '~', AB_SHELL_HOME);
	else
		put_one(reader, '?', AB_SHELL_UNKNOWN);
	return true;
}

static bool read_double_quotes(struct reader *reader);

static bool
read_dollar(struct reader *reader, bool quoted)
{
	const char *arithmetic;

	reader->at++;
	int c = ab_shellread_peek(reader);
	if (c == '(') {
		reader->at++;
		if (ab_shellread_peek(reader) == '(' && (arithmetic = ab_shellread_arithmetic_end(reader, reader->at + 1)) != NULL) {
			reader->at++;
			put_one(reader, '?', AB_SHELL_UNKNOWN);
			return ab_shellread_arithmetic(reader, arithmetic);
		}
		return read_substitution(reader);
	}
	if (c == '{') {
		reader->at++;
		return read_parameter(reader, quoted);
	}
	if (c == '\'' && !quoted) {
		reader->at++;
		return read_ansi(reader);
	}
	if (c == '"' && !quoted)
		return read_double_quotes(reader);
	if (is_name(c, true))
		return read_variable(reader);
	if (c > 0 && strchr("@*#?-$!0123456789", c) != NULL) {
		reader->at++;
		put_one(reader, '?', AB_SHELL_UNKNOWN);
		return true;
	}
	put_one(reader, '$', AB_SHELL_PLAIN);
	return true;
}

static bool
read_double_quotes(struct reader *reader)
{
	int c;

	if (too_deep(reader))
		return false;
	reader->depth++;
	reader->at++;
	while ((c = ab_shellread_peek(reader)) != '"') {
		if (c < 0)
			return ab_shellread_give_up(reader);
		if (!read_piece(reader, true))
			return false;
	}
	reader->depth--;
	reader->at++;
	return true;
}

/* A character, a quoted string or an expansion. quoted: in double quotes or the like. */
static bool
read_piece(struct reader *reader, bool quoted)
{
	int c = ab_shellread_peek(reader);
	const char *close;

	if (c < 0)
		return true;
	switch (c) {
	case '$':
		return read_dollar(reader, quoted);
	case '`':
		return read_backquotes(reader, quoted);
	case '\\':
		reader->at++;
		if (reader->at >= reader->end || (quoted && strchr("$`\"\\", *reader->at) == NULL))
			put_one(reader, '\\', AB_SHELL_PLAIN);
		else
			put_one(reader, *reader->at++, AB_SHELL_PLAIN);
		return true;
	case '\'':
		if (quoted)
			break;
		close = memchr(reader->at + 1, '\'', (size_t)(reader->end - reader->at - 1));
		if (close == NULL)
			return ab_shellread_give_up(reader);
		put(reader, reader->at + 1, (size_t)(close - reader->at - 1), AB_SHELL_PLAIN);
		reader->at = close + 1;
		return true;
	case '"':
		if (quoted)
			break;
		return read_double_quotes(reader);
	default:
		break;
	}
	put_one(reader, (char)c, !quoted && strchr("*?[]{},", c) != NULL && c != 0 ? AB_SHELL_GLOB : AB_SHELL_PLAIN);
	reader->at++;
	return true;
}

/* ---- a word ---- */

static void
begin_word(struct reader *reader, struct ab_shell_word *word)
{
	*word = (struct ab_shell_word){ .text = (uint32_t)reader->text->len, .start = ab_shellread_position(reader),
		.inner = reader->shell->command_count };
}

static void
end_word(struct reader *reader, struct ab_shell_word *word)
{
	struct ab_shell *shell = reader->shell;
	uint32_t base = word->text;

	word->len = (uint32_t)reader->text->len - base;
	word->text = (uint32_t)shell->text.len;
	word->end = reader->span > 0 ? reader->origin + reader->span : ab_shellread_position(reader);
	word->inner_end = shell->command_count;
	ab_buf_put(&shell->text, reader->text->data != NULL ? reader->text->data + base : "", word->len);
	ab_buf_putc(&shell->text, '\0');
	ab_buf_put(&shell->marks, reader->marks->data != NULL ? reader->marks->data + base : "", word->len);
	ab_buf_putc(&shell->marks, AB_SHELL_PLAIN);
	ab_buf_truncate(reader->text, base);
	ab_buf_truncate(reader->marks, base);
}

/* The rest of a pattern of bash's extglob, which holds parentheses: @(a|b). */
static bool
read_extended_pattern(struct reader *reader)
{
	size_t open = 0;
	int c;

	do {
		c = ab_shellread_peek(reader);
		if (c < 0)
			return ab_shellread_give_up(reader);
		open += c == '(';
		open -= c == ')';
		if (c == '(' || c == ')' || c == '|') {
			put_one(reader, (char)c, AB_SHELL_GLOB);
			reader->at++;
		} else if (!read_piece(reader, false)) {
			return false;
		}
	} while (open > 0);
	return true;
}

static bool
ends_word(struct reader *reader, int c, bool pattern)
{
	if (c < 0 || c == ' ' || c == '\t' || c == '\n')
		return true;
	if (pattern)
		return false;
	if (c == '<' || c == '>')
		return ab_shellread_peek2(reader) != '(';
	return c == ';' || c == '&' || c == '|' || c == '(' || c == ')';
}

bool
ab_shellread_word(struct reader *reader, struct ab_shell_word *word, bool pattern)
{
	int c, last = 0;

	begin_word(reader, word);
	if (ab_shellread_peek(reader) == '~') {
		put_one(reader, '~', AB_SHELL_HOME);
		reader->at++;
	}
	for (;;) {
		c = ab_shellread_peek(reader);
		if (c == '(' && !pattern && last != 0 && strchr("?*+@!", last) != NULL) {
			if (!read_extended_pattern(reader))
				return false;
			last = 0;
			continue;
		}
		if (ends_word(reader, c, pattern))
			break;
		if ((c == '<' || c == '>') && !pattern) {
			reader->at++;
			(void)ab_shellread_peek(reader);
			reader->at++;
			if (!read_substitution(reader))
				return false;
		} else if (!read_piece(reader, false)) {
			return false;
		}
		last = c;
	}
	end_word(reader, word);
	return true;
}

bool
ab_shellread_quoted(struct reader *reader, struct ab_shell_word *word)
{
	begin_word(reader, word);
	while (reader->at < reader->end)
		if (!read_piece(reader, true))
			return false;
	end_word(reader, word);
	return true;
}
