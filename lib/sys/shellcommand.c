/* Simple commands of shell text: words, assignments, redirections, here-documents. */
#include <stdint.h>
#include <string.h>

#include "core/mem.h"
#include "sys/shellread.h"

/* ---- blanks, newlines, comments ---- */

void
ab_shellread_blanks(struct reader *reader)
{
	int c;

	while ((c = ab_shellread_peek(reader)) == ' ' || c == '\t')
		reader->at++;
	if (c != '#')
		return;
	const char *newline = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
	reader->at = newline != NULL ? newline : reader->end;
}

/* The body of one here-document: up to a line that is the delimiter. Returns its end; the reader is moved behind that line. */
static const char *
find_delimiter(struct reader *reader, const struct pending *pending)
{
	const char *end = reader->at;
	bool joined = false; /* to the line before, by a backslash at the end of that */

	while (reader->at < reader->end) {
		const char *line = reader->at, *newline = memchr(line, '\n', (size_t)(reader->end - line));
		const char *line_end = newline != NULL ? newline : reader->end;
		end = line;
		while (pending->tabs && line < line_end && *line == '\t')
			line++;
		size_t len = (size_t)(line_end - line);
		bool same = !joined && len >= pending->len && memcmp(line, pending->delimiter, pending->len) == 0;
		reader->at = newline != NULL ? newline + 1 : reader->end;
		if (same && len == pending->len)
			return end;
		if (same && reader->substitution && line[pending->len] == ')') {
			reader->at = line + pending->len;
			return end;
		}
		size_t backslashes = 0;
		while (!pending->quoted && backslashes < len && line_end[-1 - (ptrdiff_t)backslashes] == '\\')
			backslashes++;
		joined = backslashes % 2 == 1;
		end = reader->at;
	}
	return end;
}

/* A body in which nothing counts. */
static void
keep_body(struct reader *reader, struct ab_shell_word *word, bool tabs)
{
	struct ab_shell *shell = reader->shell;

	*word = (struct ab_shell_word){ .text = (uint32_t)shell->text.len, .inner = shell->command_count,
		.inner_end = shell->command_count, .start = ab_shellread_position(reader) };
	for (bool line = true; reader->at < reader->end; reader->at++) {
		if (!line || !tabs || *reader->at != '\t')
			ab_buf_putc(&shell->text, *reader->at);
		line = *reader->at == '\n' || (line && *reader->at == '\t');
	}
	word->end = ab_shellread_position_end(reader);
	word->len = (uint32_t)shell->text.len - word->text;
	ab_buf_putc(&shell->text, '\0');
	memset(ab_buf_reserve(&shell->marks, word->len + 1), AB_SHELL_PLAIN, word->len + 1);
	shell->marks.len += word->len + 1;
}

static bool
read_document(struct reader *reader, const struct pending *pending)
{
	struct ab_shell *shell = reader->shell;
	struct reader sub = *reader;
	struct ab_shell_word word;

	sub.end = find_delimiter(reader, pending);
	if (pending->quoted) {
		keep_body(&sub, &word, pending->tabs);
	} else {
		sub.pending = NULL;
		sub.pending_count = sub.pending_room = sub.pending_first = 0;
		sub.substitution = false;
		(void)ab_shellread_body(&sub, &word, pending->tabs);
		for (uint32_t i = 0; i < sub.pending_count; i++)
			free(sub.pending[i].delimiter);
		free(sub.pending);
		reader->stack = sub.stack;
		reader->stack_room = sub.stack_room;
		if (shell->too_deep)
			return ab_shellread_give_up(reader);
	}
	uint32_t at = AB_SHELLREAD_GROW(shell->document, shell->document_count, shell->document_room);
	shell->document[at] = (struct ab_shell_document){ .command = pending->command, .word = word };
	return true;
}

static bool
take_newline(struct reader *reader)
{
	bool going = true;

	reader->at++;
	for (uint32_t i = reader->pending_first; i < reader->pending_count; i++) {
		going = going && read_document(reader, &reader->pending[i]);
		free(reader->pending[i].delimiter);
	}
	reader->pending_count = reader->pending_first;
	return going;
}

bool
ab_shellread_newlines(struct reader *reader)
{
	for (;;) {
		ab_shellread_blanks(reader);
		if (ab_shellread_peek(reader) != '\n')
			return true;
		if (!take_newline(reader))
			return false;
	}
}

/* ---- simple commands ---- */

uint32_t
ab_shellread_open(struct reader *reader)
{
	struct ab_shell *shell = reader->shell;
	uint32_t index = AB_SHELLREAD_GROW(shell->command, shell->command_count, shell->command_room);

	shell->command[index] = (struct ab_shell_command){ .start = ab_shellread_position(reader),
		.end = ab_shellread_position_end(reader), .subshell = reader->subshell, .function = reader->function };
	return index;
}

/* Its words leave the stack: names and operands first. */
void
ab_shellread_close(struct reader *reader, uint32_t index, uint32_t base)
{
	struct ab_shell *shell = reader->shell;

	shell->command[index].word = shell->word_count;
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = base; i < reader->stack_count; i++) {
			if ((reader->stack[i].role == AB_SHELL_WORD) != (pass == 0))
				continue;
			uint32_t at = AB_SHELLREAD_GROW(shell->word, shell->word_count, shell->word_room);
			shell->word[at] = reader->stack[i];
			shell->command[index].word_count += pass == 0;
			shell->command[index].other_count += pass == 1;
		}
	/* Where its last word ends: blanks and a comment behind it are not its own. */
	uint32_t end = shell->command[index].start;
	for (uint32_t i = base; i < reader->stack_count; i++)
		end = reader->stack[i].end > end ? reader->stack[i].end : end;
	shell->command[index].end = end > shell->command[index].start ? end : ab_shellread_position_end(reader);
	reader->stack_count = base;
}

static bool
push(struct reader *reader, enum ab_shell_role role, const char *value)
{
	struct ab_shell_word word;

	if (!ab_shellread_word(reader, &word, value, false))
		return false;
	word.role = (uint8_t)role;
	uint32_t at = AB_SHELLREAD_GROW(reader->stack, reader->stack_count, reader->stack_room);
	reader->stack[at] = word;
	return true;
}

bool
ab_shellread_push(struct reader *reader, enum ab_shell_role role)
{
	return push(reader, role, NULL);
}

/* A here-document's delimiter is the word without its quotes; nothing in it is an expansion. */
static size_t
unquote(const struct reader *reader, const char *raw, const char *end, char *to)
{
	char *begin = to, quote = '\0';

	for (const char *at = raw; (at = ab_shellread_pass(reader, at)) < end; at++) {
		if (*at == quote && quote != '\0')
			quote = '\0';
		else if (quote == '\0' && (*at == '\'' || *at == '"'))
			quote = *at;
		else if (*at == '\\' && quote != '\'' && at + 1 < end && (quote == '\0' || at[1] == '"' || at[1] == '\\'))
			*to++ = *++at;
		else
			*to++ = *at;
	}
	return (size_t)(to - begin);
}

static bool
read_delimiter(struct reader *reader, uint32_t command, bool tabs)
{
	struct ab_shell *shell = reader->shell;
	struct ab_shell_word word;
	const char *raw = reader->at;

	if (!ab_shellread_word(reader, &word, NULL, false))
		return false;
	if (reader->at == raw)
		return ab_shellread_complain(reader);
	size_t len = (size_t)(reader->at - raw);
	bool quoted = memchr(raw, '\'', len) != NULL || memchr(raw, '"', len) != NULL || memchr(raw, '\\', len) != NULL;
	uint32_t at = AB_SHELLREAD_GROW(reader->pending, reader->pending_count, reader->pending_room);
	char *delimiter = ab_calloc(len + word.len + 1, 1);
	size_t plain = 0;
	while (plain < word.len && shell->marks.data[word.text + plain] == AB_SHELL_PLAIN)
		plain++;
	if (plain == word.len)
		memcpy(delimiter, shell->text.data + word.text, plain);
	else
		plain = unquote(reader, raw, raw + len, delimiter);
	reader->pending[at] = (struct pending){ .command = command, .delimiter = delimiter, .len = plain, .quoted = quoted, .tabs = tabs };
	return true;
}

/* Behind `<` or `>`: the rest of the operator, and its word. */
static bool
read_redirection(struct reader *reader, uint32_t command)
{
	int first = ab_shellread_peek(reader);
	enum ab_shell_role role = first == '<' ? AB_SHELL_READ : AB_SHELL_WRITE;

	reader->at++;
	int c = ab_shellread_peek(reader);
	bool duplicate = false;
	if (first == '<' && c == '<') {
		reader->at++;
		c = ab_shellread_peek(reader);
		if (c != '<') {
			if (c == '-')
				reader->at++;
			ab_shellread_blanks(reader);
			return read_delimiter(reader, command, c == '-');
		}
		reader->at++;
		role = AB_SHELL_STRING;
	} else if (c == '&') {
		reader->at++;
		duplicate = true;
	} else if (c == '>' || (c == '|' && first == '>')) {
		reader->at++;
		role = AB_SHELL_WRITE;
	}
	ab_shellread_blanks(reader);
	const char *was = reader->at;
	if (!ab_shellread_push(reader, role))
		return false;
	if (reader->at == was) {
		reader->stack_count--;
		return ab_shellread_complain(reader);
	}
	const struct ab_shell_word *word = &reader->stack[reader->stack_count - 1];
	const char *text = reader->shell->text.data + word->text;
	if (duplicate && (first == '<' || strspn(text, "0123456789-") == word->len))
		reader->stack_count--;
	return true;
}

/* Whether a redirection is next: behind a descriptor's number, or {name}, too. The reader then stands at `<`, `>` or `&>`. */
static bool
at_redirection(struct reader *reader)
{
	const char *end = reader->end, *at = ab_shellread_pass(reader, reader->at), *next;

	if (at < end && *at == '&') {
		at = ab_shellread_pass(reader, at + 1);
		if (at >= end || *at != '>')
			return false;
		reader->at = at;
		return true;
	}
	if (at < end && *at == '{') {
		at = ab_shellread_pass(reader, at + 1);
		const char *name = at;
		while (at < end && ab_shellread_is_name((unsigned char)*at, at == name))
			at = ab_shellread_pass(reader, at + 1);
		if (at == name || at >= end || *at != '}')
			return false;
		at = ab_shellread_pass(reader, at + 1);
	} else {
		while (at < end && *at >= '0' && *at <= '9')
			at = ab_shellread_pass(reader, at + 1);
	}
	if (at >= end || (*at != '<' && *at != '>'))
		return false;
	next = ab_shellread_pass(reader, at + 1);
	if (next < end && *next == '(')
		return false;
	reader->at = at;
	return true;
}

/*
 * Behind NAME, at `[`: behind the `]` that closes it, or NULL. What would end a word counts only in quotes and in $(…): so nobody
 * looks ahead here beyond the word that is read next.
 */
static const char *
subscript_end(const struct reader *reader, const char *at)
{
	size_t open = 0, parentheses = 0;
	char quote = '\0', last = '\0';

	for (; at < reader->end; last = *at++) {
		if (*at == '\\' && quote != '\'' && reader->end - at >= 2)
			at++;
		else if (quote != '\0')
			quote = *at == quote ? '\0' : quote;
		else if (*at == '\'' || *at == '"')
			quote = *at;
		else if (*at == '(' && (last == '$' || parentheses > 0))
			parentheses++;
		else if (parentheses > 0)
			parentheses -= *at == ')';
		else if (*at != '\0' && strchr(" \t\n;&|()<>", *at) != NULL)
			return NULL;
		else if (*at == '[')
			open++;
		else if (*at == ']' && --open == 0)
			return at + 1;
	}
	return NULL;
}

/* NAME=, NAME+=, NAME[…]= at the reader: where the value begins, or NULL. */
static const char *
assignment_value(const struct reader *reader)
{
	const char *begin = ab_shellread_pass(reader, reader->at), *at = begin;

	while (at < reader->end && ab_shellread_is_name((unsigned char)*at, at == begin))
		at = ab_shellread_pass(reader, at + 1);
	if (at == begin || at >= reader->end)
		return NULL;
	if (*at == '[' && (at = subscript_end(reader, at)) == NULL)
		return NULL;
	at = ab_shellread_pass(reader, at);
	if (at < reader->end && *at == '+')
		at = ab_shellread_pass(reader, at + 1);
	return at < reader->end && *at == '=' ? at + 1 : NULL;
}

/* The words of an array up to its parenthesis, which is taken; nothing of them stays. */
static bool
read_elements(struct reader *reader)
{
	for (;;) {
		if (!ab_shellread_newlines(reader))
			return false;
		int c = ab_shellread_peek(reader);
		if (c < 0)
			return ab_shellread_give_up(reader);
		if (c == ')')
			break;
		if (c != 0 && strchr("(;&|<>", c) != NULL && !((c == '<' || c == '>') && ab_shellread_peek2(reader) == '('))
			reader->at++;
		else if (!ab_shellread_push(reader, AB_SHELL_WORD))
			return false;
	}
	reader->at++;
	return true;
}

/* NAME=( … ): the words in it are of no use but for the commands in them. */
static bool
read_array(struct reader *reader, const char *value)
{
	uint32_t base = reader->stack_count;
	struct ab_shell_word word = { .role = AB_SHELL_ASSIGNMENT, .array = true, .text = (uint32_t)reader->shell->text.len,
		.start = ab_shellread_position(reader), .inner = reader->shell->command_count };

	ab_buf_putc(&reader->shell->text, '\0');
	ab_buf_putc(&reader->shell->marks, AB_SHELL_PLAIN);
	reader->at = value + 1;
	bool going = read_elements(reader);
	reader->stack_count = base;
	if (!going)
		return false;
	word.inner_end = reader->shell->command_count;
	word.end = ab_shellread_position_end(reader);
	uint32_t at = AB_SHELLREAD_GROW(reader->stack, reader->stack_count, reader->stack_room);
	reader->stack[at] = word;
	return true;
}

/* NAME (): a word has been read. */
bool
ab_shellread_is_function(struct reader *reader)
{
	const char *was = reader->at;

	ab_shellread_blanks(reader);
	if (ab_shellread_peek(reader) != '(') {
		reader->at = was;
		return false;
	}
	reader->at++;
	ab_shellread_blanks(reader);
	if (ab_shellread_peek(reader) == ')') {
		reader->at++;
		return true;
	}
	reader->at = was;
	return false;
}

bool
ab_shellread_simple(struct reader *reader)
{
	uint32_t base = reader->stack_count, index = ab_shellread_open(reader);
	const char *value;
	bool going = true, named = false;

	while (going) {
		ab_shellread_blanks(reader);
		int c = ab_shellread_peek(reader);
		if (at_redirection(reader)) {
			going = read_redirection(reader, index);
			continue;
		}
		if (c < 0 || c == '\n' || c == ';' || c == '&' || c == '|' || c == ')')
			break;
		value = assignment_value(reader);
		if (c == '(') {
			if (reader->stack_count == base)
				reader->at++;
			going = ab_shellread_complain(reader);
			break;
		}
		if (value != NULL && value < reader->end && *value == '(') {
			going = read_array(reader, value);
		} else if (value != NULL && !named) {
			going = push(reader, AB_SHELL_ASSIGNMENT, value);
		} else {
			going = push(reader, AB_SHELL_WORD, value);
			if (going && !named && reader->stack_count == base + 1 && ab_shellread_is_function(reader)) {
				struct ab_shell_word name = reader->stack[base];
				reader->stack_count = base;
				ab_shellread_close(reader, index, base);
				return ab_shellread_function(reader, &name);
			}
			named = true;
		}
	}
	ab_shellread_close(reader, index, base);
	return going;
}

bool
ab_shellread_redirections(struct reader *reader)
{
	uint32_t base = reader->stack_count, index = AB_SHELL_NONE;
	bool going = true;

	for (;;) {
		ab_shellread_blanks(reader);
		if (!at_redirection(reader))
			break;
		if (index == AB_SHELL_NONE)
			index = ab_shellread_open(reader);
		going = read_redirection(reader, index);
		if (!going)
			break;
	}
	if (index != AB_SHELL_NONE)
		ab_shellread_close(reader, index, base);
	return going;
}
