/* Words of shell text: quotes, escapes, expansions. */
#include <stdint.h>
#include <string.h>

#include "core/mem.h"
#include "sys/shellread.h"

static bool read_piece(struct reader *reader, enum quoting quoting);

uint32_t
ab_shellread_position(const struct reader *reader)
{
	return reader->span > 0 ? reader->origin : reader->origin + (uint32_t)(reader->at - reader->begin);
}

uint32_t
ab_shellread_position_end(const struct reader *reader)
{
	return reader->span > 0 ? reader->origin + reader->span : ab_shellread_position(reader);
}

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

void
ab_shellread_put(struct reader *reader, const char *bytes, size_t len, enum ab_shell_mark mark)
{
	ab_buf_put(reader->text, bytes, len);
	memset(ab_buf_reserve(reader->marks, len), (int)mark, len);
	reader->marks->len += len;
}

static void
put_one(struct reader *reader, char byte, enum ab_shell_mark mark)
{
	ab_shellread_put(reader, &byte, 1, mark);
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

bool
ab_shellread_is_name(int c, bool first)
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
	sub.pending_count = sub.pending_room = sub.pending_first = 0;
	sub.depth++;
	return sub;
}

/* What the sub-reader learned that outlives it. Its pending here-documents have no bodies. Its text is not kept. */
static bool
sub_end(struct reader *reader, struct reader *sub, size_t len)
{
	ab_buf_truncate(reader->text, len);
	ab_buf_truncate(reader->marks, len);
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
		return sub_end(reader, &sub, len);
	while (sub.at < sub.end && read_piece(&sub, QUOTING_DOCUMENT))
		continue;
	reader->at = end;
	return sub_end(reader, &sub, len);
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
	uint32_t first = reader->pending_first;
	bool outer = reader->substitution;

	reader->pending_first = reader->pending_count;
	reader->substitution = true;
	bool going = ab_shellread_subshell(reader, ')');
	reader->pending_first = first;
	reader->substitution = outer;
	if (going)
		put_one(reader, '$', AB_SHELL_OUTPUT);
	return going;
}

/* At <( or >(. */
static bool
read_process(struct reader *reader)
{
	reader->at++;
	(void)ab_shellread_peek(reader);
	reader->at++;
	return read_substitution(reader);
}

/* `…`: a backslash before $, ` or \ is taken away (in double quotes before " too), then it is read as $(…) is. */
static bool
read_backquotes(struct reader *reader, enum quoting quoting)
{
	AB_AUTO_BUF struct ab_buf inner = AB_BUF_INIT(SIZE_MAX / 2);
	size_t len = reader->text->len;
	const char *quotable = quoting == QUOTING_DOUBLE ? "$`\\\"" : "$`\\";
	uint32_t start = ab_shellread_position(reader);

	for (reader->at++; reader->at < reader->end && *reader->at != '`'; reader->at++) {
		if (*reader->at == '\\' && reader->end - reader->at >= 2 && is_one_of(reader->at[1], quotable))
			reader->at++;
		ab_buf_putc(&inner, *reader->at);
	}
	if (reader->at >= reader->end)
		return ab_shellread_give_up(reader);
	reader->at++;
	struct reader sub = sub_reader(reader, reader->at, reader->at);
	sub.origin = start;
	sub.span = reader->span > 0 ? reader->span : ab_shellread_position(reader) - start;
	sub.no_arithmetic = NULL;
	sub.substitution = false;
	if (inner.len > 0) {
		sub.begin = sub.at = inner.data;
		sub.end = inner.data + inner.len;
	}
	if (!too_deep(&sub) && inner.len > 0 && ab_shellread_subshell(&sub, -1) && sub.at < sub.end)
		(void)ab_shellread_complain(&sub);
	if (!sub_end(reader, &sub, len))
		return false;
	put_one(reader, '$', AB_SHELL_OUTPUT);
	return true;
}

/* In double quotes a single quote counts in ${x#…}, ${x%…} and ${x/…} and not in ${x:-…}: whether this is one of the former. */
static bool
is_pattern_operator(const struct reader *reader)
{
	const char *at = reader->at;

	while (at < reader->end && (ab_shellread_is_name((unsigned char)*at, false) || is_one_of(*at, "@*!?$-")))
		at++;
	if (at > reader->at && at < reader->end && *at == '[')
		while (at < reader->end && *at != '\n' && *at++ != ']')
			continue;
	return at > reader->at && at < reader->end && is_one_of(*at, "#%/^,");
}

/* ${…}: only ${HOME} is known. The rest is passed over up to its brace, and looked at for commands. */
static bool
read_parameter(struct reader *reader, enum quoting quoting)
{
	size_t len = reader->text->len;
	bool quotes = quoting == QUOTING_NONE || is_pattern_operator(reader);
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
			if (!read_piece(reader, c != '$' && c != '`' ? QUOTING_NONE : quotes ? QUOTING_NONE : quoting))
				return false;
		} else if ((c == '<' || c == '>') && quoting == QUOTING_NONE && ab_shellread_peek2(reader) == '(') {
			if (!read_process(reader))
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

/* ---- pieces ---- */

static bool
read_variable(struct reader *reader)
{
	static const char HOME[] = "HOME";
	size_t len = 0;
	bool home = true;

	for (int c; ab_shellread_is_name(c = ab_shellread_peek(reader), len == 0); len++) {
		home = home && len < 4 && c == HOME[len];
		reader->at++;
	}
	if (home && len == 4)
		put_one(reader, '~', AB_SHELL_HOME);
	else
		put_one(reader, '?', AB_SHELL_UNKNOWN);
	return true;
}

static bool read_double_quotes(struct reader *reader);

/* $[…], the older form of $((…)); where no bracket closes it soon, it is only a dollar sign. */
static bool
is_closed(const struct reader *reader)
{
	size_t left = (size_t)(reader->end - reader->at);

	return memchr(reader->at, ']', left < 256 ? left : 256) != NULL;
}

static bool
read_brackets(struct reader *reader)
{
	size_t len = reader->text->len, open = 0;

	if (too_deep(reader))
		return false;
	reader->depth++;
	do {
		int c = ab_shellread_peek(reader);
		if (c < 0)
			return ab_shellread_give_up(reader);
		open += c == '[';
		open -= c == ']';
		if (!read_piece(reader, QUOTING_DOCUMENT))
			return false;
	} while (open > 0);
	reader->depth--;
	ab_buf_truncate(reader->text, len);
	ab_buf_truncate(reader->marks, len);
	put_one(reader, '?', AB_SHELL_UNKNOWN);
	return true;
}

static bool
read_dollar(struct reader *reader, enum quoting quoting)
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
		return read_parameter(reader, quoting);
	}
	if (c == '[' && is_closed(reader))
		return read_brackets(reader);
	if (c == '\'' && quoting == QUOTING_NONE) {
		reader->at++;
		return ab_shellread_ansi(reader);
	}
	if (c == '"' && quoting == QUOTING_NONE)
		return read_double_quotes(reader);
	if (ab_shellread_is_name(c, true))
		return read_variable(reader);
	if (c >= 0 && is_one_of((char)c, "@*#?-$!0123456789")) {
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
		if (!read_piece(reader, QUOTING_DOUBLE))
			return false;
	}
	reader->depth--;
	reader->at++;
	return true;
}

/* A character, a quoted string or an expansion. */
static bool
read_piece(struct reader *reader, enum quoting quoting)
{
	bool quoted = quoting != QUOTING_NONE;
	int c = ab_shellread_peek(reader);
	const char *close;

	if (c < 0)
		return true;
	switch (c) {
	case '$':
		return read_dollar(reader, quoting);
	case '`':
		return read_backquotes(reader, quoting);
	case '\\':
		reader->at++;
		if (reader->at >= reader->end || (quoted && !is_one_of(*reader->at, quoting == QUOTING_DOUBLE ? "$`\"\\" : "$`\\")))
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
		ab_shellread_put(reader, reader->at + 1, (size_t)(close - reader->at - 1), AB_SHELL_PLAIN);
		reader->at = close + 1;
		return true;
	case '"':
		if (quoted)
			break;
		return read_double_quotes(reader);
	default:
		break;
	}
	put_one(reader, (char)c, !quoted && is_one_of((char)c, "*?[]{},") ? AB_SHELL_GLOB : AB_SHELL_PLAIN);
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
	word->end = ab_shellread_position_end(reader);
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
		} else if (!read_piece(reader, QUOTING_NONE)) {
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
		return c == ';' || c == '&';
	if (c == '<' || c == '>')
		return ab_shellread_peek2(reader) != '(';
	return c == ';' || c == '&' || c == '|' || c == '(' || c == ')';
}

/* ~, ~NAME, ~+ and ~- up to a slash or the word's end; quoted characters make it an ordinary one. False: it is. */
static bool
read_tilde(struct reader *reader, bool assigned)
{
	const char *at = reader->at + 1, *name = at;

	while (at < reader->end && (ab_shellread_is_name((unsigned char)*at, false) || is_one_of(*at, ".-+")))
		at++;
	if (at < reader->end && !is_one_of(*at, "/ \t\n;&|()<>") && !(assigned && *at == ':'))
		return false;
	bool directory = at - name == 1 && (*name == '+' || *name == '-');
	put_one(reader, directory ? '?' : '~', directory ? AB_SHELL_UNKNOWN : AB_SHELL_HOME);
	reader->at += directory ? 2 : 1;
	return true;
}

/* Bytes that mean nothing anywhere in a word, which is most of them: taken together. */
static int
read_plain(struct reader *reader)
{
	const char *begin = reader->at;

	while (reader->at < reader->end && ((*reader->at >= 'a' && *reader->at <= 'z') || (*reader->at >= 'A' && *reader->at <= 'Z') ||
	    (*reader->at >= '-' && *reader->at <= '9') || *reader->at == '_'))
		reader->at++;
	if (reader->at == begin)
		return 0;
	ab_shellread_put(reader, begin, (size_t)(reader->at - begin), AB_SHELL_PLAIN);
	return reader->at[-1];
}

bool
ab_shellread_word(struct reader *reader, struct ab_shell_word *word, const char *value, bool pattern)
{
	bool assigned = false;
	int c, last = 0;

	begin_word(reader, word);
	for (;;) {
		if ((c = read_plain(reader)) != 0)
			last = c;
		c = ab_shellread_peek(reader);
		if (c == '~' && (last == 0 || (assigned && last == ':')) && read_tilde(reader, assigned)) {
			last = c;
			continue;
		}
		if (c == '=' && !assigned && reader->at + 1 == value) {
			assigned = true;
			put_one(reader, '=', AB_SHELL_PLAIN);
			reader->at++;
			last = 0;
			continue;
		}
		if (c == '(' && !pattern && last != 0 && strchr("?*+@!", last) != NULL) {
			if (!read_extended_pattern(reader))
				return false;
			last = 0;
			continue;
		}
		if (ends_word(reader, c, pattern))
			break;
		if ((c == '<' || c == '>') && ab_shellread_peek2(reader) == '(') {
			if (!read_process(reader))
				return false;
		} else if (!read_piece(reader, QUOTING_NONE)) {
			return false;
		}
		last = c;
	}
	end_word(reader, word);
	return true;
}

bool
ab_shellread_body(struct reader *reader, struct ab_shell_word *word, bool tabs)
{
	bool line = true;

	begin_word(reader, word);
	while (reader->at < reader->end) {
		char c = *reader->at;
		if (line && tabs && c == '\t')
			reader->at++;
		else if (!read_piece(reader, QUOTING_DOCUMENT))
			break;
		line = c == '\n' || (line && c == '\t');
	}
	bool whole = reader->at >= reader->end;
	end_word(reader, word);
	return whole;
}
