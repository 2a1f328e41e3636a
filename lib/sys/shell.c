/* The grammar of shell text: lists, pipelines, compound commands, functions. */
#include "sys/shell.h"

#include <stdint.h>
#include <string.h>

#include "core/mem.h"
#include "sys/shellread.h"

static bool read_command(struct reader *reader);

/* ---- reserved words ---- */

/* Whether this reserved word is next, and ends there. It is not taken. */
static bool
is_next(struct reader *reader, const char *word)
{
	size_t len = strlen(word);
	const char *end = reader->at + len;

	return (size_t)(reader->end - reader->at) >= len && memcmp(reader->at, word, len) == 0 &&
	    (end == reader->end || strchr(" \t\n;&|()<>", *end) != NULL);
}

static bool
take(struct reader *reader, const char *word)
{
	if (!is_next(reader, word))
		return false;
	reader->at += strlen(word);
	return true;
}

static bool
is_closer(struct reader *reader)
{
	static const char *const closers[] = { "}", "fi", "done", "esac", "then", "else", "elif", "do" };

	for (size_t i = 0; i < AB_COUNT_OF(closers); i++)
		if (is_next(reader, closers[i]))
			return true;
	return false;
}

/* ---- compound commands ---- */

/* `[[ … ]]`: words, in which operators mean something else. */
static bool
read_condition(struct reader *reader)
{
	uint32_t base = reader->stack_count;
	struct ab_shell_word word;

	for (;;) {
		if (!ab_shellread_newlines(reader))
			return false;
		if (ab_shellread_peek(reader) < 0)
			return ab_shellread_give_up(reader);
		const char *raw = reader->at;
		if (!ab_shellread_word(reader, &word, true))
			return false;
		if (reader->at - raw == 2 && memcmp(raw, "]]", 2) == 0)
			break;
		if (reader->at - raw == 3 && memcmp(raw, "]];", 3) == 0) {
			reader->at--;
			break;
		}
	}
	reader->stack_count = base;
	return true;
}

/* A reserved word that must come now. */
static bool
expect(struct reader *reader, const char *word)
{
	if (!ab_shellread_newlines(reader))
		return false;
	while (ab_shellread_peek(reader) == ';') {
		reader->at++;
		if (!ab_shellread_newlines(reader))
			return false;
	}
	return take(reader, word) || (ab_shellread_complain(reader) && false);
}

static bool
read_if(struct reader *reader)
{
	do {
		if (!ab_shellread_list(reader, -1) || !expect(reader, "then") || !ab_shellread_list(reader, -1))
			return false;
	} while (take(reader, "elif"));
	if (take(reader, "else") && !ab_shellread_list(reader, -1))
		return false;
	return expect(reader, "fi");
}

static bool
read_do(struct reader *reader)
{
	return expect(reader, "do") && ab_shellread_list(reader, -1) && expect(reader, "done");
}

/* for NAME [in WORDS] and for ((…)); select. */
static bool
read_for(struct reader *reader)
{
	uint32_t base = reader->stack_count;
	const char *end;
	int c;

	ab_shellread_blanks(reader);
	if (ab_shellread_peek(reader) == '(' && ab_shellread_peek2(reader) == '(') {
		if ((end = ab_shellread_arithmetic_end(reader, reader->at + 2)) == NULL)
			return ab_shellread_complain(reader) && false;
		reader->at += 2;
		if (!ab_shellread_arithmetic(reader, end))
			return false;
	} else {
		if (!ab_shellread_push(reader, AB_SHELL_WORD))
			return false;
		reader->stack_count = base;
		if (!ab_shellread_newlines(reader))
			return false;
		if (take(reader, "in")) {
			uint32_t index = ab_shellread_open(reader);
			for (ab_shellread_blanks(reader); (c = ab_shellread_peek(reader)) >= 0 && c != '\n' && c != ';'; ab_shellread_blanks(reader)) {
				if (strchr("&|()", c) != NULL && c != 0)
					return ab_shellread_complain(reader) && false;
				if ((c == '<' || c == '>') && ab_shellread_peek2(reader) != '(')
					return ab_shellread_complain(reader) && false;
				if (!ab_shellread_push(reader, AB_SHELL_ASSIGNMENT))
					return false;
			}
			ab_shellread_close(reader, index, base);
		}
	}
	if (!ab_shellread_newlines(reader))
		return false;
	if (ab_shellread_peek(reader) == ';')
		reader->at++;
	if (!ab_shellread_newlines(reader))
		return false;
	if (take(reader, "{"))
		return ab_shellread_list(reader, -1) && expect(reader, "}");
	return read_do(reader);
}

static bool
read_case(struct reader *reader)
{
	uint32_t base = reader->stack_count;
	int c;

	ab_shellread_blanks(reader);
	if (!ab_shellread_push(reader, AB_SHELL_WORD))
		return false;
	reader->stack_count = base;
	if (!expect(reader, "in"))
		return false;
	for (;;) {
		if (!ab_shellread_newlines(reader))
			return false;
		if (take(reader, "esac"))
			return true;
		if (ab_shellread_peek(reader) == '(')
			reader->at++;
		for (ab_shellread_blanks(reader); (c = ab_shellread_peek(reader)) != ')'; ab_shellread_blanks(reader)) {
			if (c < 0)
				return ab_shellread_give_up(reader);
			if (c == '|')
				reader->at++;
			else if (c == '\n' || c == ';' || c == '&' || c == '(' || ((c == '<' || c == '>') && ab_shellread_peek2(reader) != '('))
				return ab_shellread_complain(reader) && false;
			else if (!ab_shellread_push(reader, AB_SHELL_WORD))
				return false;
		}
		reader->stack_count = base;
		reader->at++;
		if (!ab_shellread_list(reader, -1))
			return false;
		/* ;; ;& ;;& */
		while ((c = ab_shellread_peek(reader)) == ';' || c == '&')
			reader->at++;
	}
}

bool
ab_shellread_function(struct reader *reader, const struct ab_shell_word *name)
{
	struct ab_shell *shell = reader->shell;
	uint32_t outer = reader->function;
	uint32_t index = AB_SHELLREAD_GROW(shell->function, shell->function_count, shell->function_room);

	if (reader->depth >= AB_SHELL_DEPTH_MAX) {
		reader->shell->too_deep = true;
		return ab_shellread_give_up(reader);
	}
	reader->depth++;
	shell->function[index] = (struct ab_shell_function){ .name = name->text, .len = name->len, .outer = outer, .start = name->start };
	reader->function = index;
	bool going = ab_shellread_newlines(reader) && read_command(reader);
	reader->depth--;
	reader->function = outer;
	shell->function[index].end = ab_shellread_position(reader);
	return going;
}

/* function NAME [()] BODY */
static bool
read_function_word(struct reader *reader)
{
	struct ab_shell_word name;

	ab_shellread_blanks(reader);
	if (!ab_shellread_word(reader, &name, false))
		return false;
	(void)ab_shellread_is_function(reader);
	return ab_shellread_function(reader, &name);
}

static bool
read_parentheses(struct reader *reader)
{
	const char *end;

	reader->at++;
	if (ab_shellread_peek(reader) == '(' && (end = ab_shellread_arithmetic_end(reader, reader->at + 1)) != NULL) {
		reader->at++;
		return ab_shellread_arithmetic(reader, end);
	}
	return ab_shellread_subshell(reader, ')');
}

/* A compound command that begins with a reserved word. *is: whether there was one. */
static bool
read_compound(struct reader *reader, bool *is)
{
	*is = true;
	if (take(reader, "{"))
		return ab_shellread_list(reader, -1) && expect(reader, "}");
	if (take(reader, "if"))
		return read_if(reader);
	if (take(reader, "while") || take(reader, "until"))
		return ab_shellread_list(reader, -1) && read_do(reader);
	if (take(reader, "for") || take(reader, "select"))
		return read_for(reader);
	if (take(reader, "case"))
		return read_case(reader);
	if (take(reader, "[["))
		return read_condition(reader);
	*is = false;
	return true;
}

static bool
read_command(struct reader *reader)
{
	bool is = true, going;

	ab_shellread_blanks(reader);
	if (take(reader, "function"))
		return read_function_word(reader);
	if (take(reader, "coproc"))
		ab_shellread_blanks(reader);
	if (ab_shellread_peek(reader) == '(')
		going = read_parentheses(reader);
	else
		going = read_compound(reader, &is);
	if (!going)
		return false;
	return is ? ab_shellread_redirections(reader) : ab_shellread_simple(reader);
}

/* ---- lists ---- */

static void
skip_prefixes(struct reader *reader)
{
	for (;;) {
		ab_shellread_blanks(reader);
		if (take(reader, "!"))
			continue;
		if (!take(reader, "time"))
			return;
		ab_shellread_blanks(reader);
		while (take(reader, "-p") || take(reader, "--"))
			ab_shellread_blanks(reader);
	}
}

/* The elements of a pipeline run in subshells of their own. */
static uint32_t
fresh_subshell(struct reader *reader, uint32_t outer)
{
	struct ab_shell *shell = reader->shell;
	uint32_t index = AB_SHELLREAD_GROW(shell->subshell, shell->subshell_count, shell->subshell_room);

	shell->subshell[index] = outer;
	return index;
}

static void
pipe_element(struct reader *reader, uint32_t first, uint32_t from)
{
	struct ab_shell *shell = reader->shell;
	uint32_t inside = fresh_subshell(reader, reader->subshell);

	for (uint32_t i = from; i < shell->command_count; i++) {
		struct ab_shell_command *command = &shell->command[i];
		if (command->subshell == reader->subshell)
			command->subshell = inside;
		if (command->feed == command->feed_end) {
			command->feed = first;
			command->feed_end = from;
		}
	}
}

static bool
read_pipeline(struct reader *reader)
{
	uint32_t first = reader->shell->command_count, from = first;
	int c;

	skip_prefixes(reader);
	if (!read_command(reader))
		return false;
	for (bool alone = true;; alone = false) {
		ab_shellread_blanks(reader);
		c = ab_shellread_peek(reader);
		bool on = c == '|' && ab_shellread_peek2(reader) != '|';
		if (on || !alone)
			pipe_element(reader, first, from);
		if (!on)
			return true;
		reader->at++;
		if (ab_shellread_peek(reader) == '&')
			reader->at++;
		from = reader->shell->command_count;
		if (!ab_shellread_newlines(reader))
			return false;
		skip_prefixes(reader);
		if (!read_command(reader))
			return false;
	}
}

/* Pipelines with && and || between them, up to what ends them; & puts them into the background. */
static bool
read_and_or(struct reader *reader)
{
	uint32_t first = reader->shell->command_count;
	int c;

	for (;;) {
		if (!read_pipeline(reader))
			return false;
		c = ab_shellread_peek(reader);
		if ((c != '&' && c != '|') || ab_shellread_peek2(reader) != c)
			break;
		(void)ab_shellread_peek(reader);
		reader->at++;
		(void)ab_shellread_peek(reader);
		reader->at++;
		if (!ab_shellread_newlines(reader))
			return false;
	}
	if (c == '&') {
		reader->at++;
		for (uint32_t i = first; i < reader->shell->command_count; i++)
			reader->shell->command[i].background = true;
	}
	return true;
}

bool
ab_shellread_list(struct reader *reader, int end)
{
	if (reader->depth >= AB_SHELL_DEPTH_MAX) {
		reader->shell->too_deep = true;
		return ab_shellread_give_up(reader);
	}
	reader->depth++;
	for (;;) {
		if (!ab_shellread_newlines(reader))
			return false;
		int c = ab_shellread_peek(reader);
		if (c < 0) {
			if (end >= 0)
				return ab_shellread_give_up(reader);
			break;
		}
		if (c == ')' || is_closer(reader) || (c == ';' && ab_shellread_peek2(reader) == ';'))
			break;
		if (c == ';' || c == '&' || c == '|') {
			reader->at++;
			continue;
		}
		const char *was = reader->at;
		if (!read_and_or(reader))
			return false;
		if (reader->at == was)
			return ab_shellread_complain(reader) && false;
	}
	reader->depth--;
	return true;
}

bool
ab_shellread_subshell(struct reader *reader, int end)
{
	uint32_t outer = reader->subshell;
	uint32_t base = reader->stack_count;

	reader->subshell = fresh_subshell(reader, outer);
	bool going = ab_shellread_list(reader, end);
	reader->subshell = outer;
	reader->stack_count = base;
	if (!going)
		return false;
	if (end < 0)
		return true;
	if (ab_shellread_peek(reader) != end)
		return ab_shellread_complain(reader) && false;
	reader->at++;
	return true;
}

/* ---- the whole ---- */

void
ab_shell_read(struct ab_shell *shell, const char *text, size_t len)
{
	struct ab_buf scratch AB_AUTO_BUF = AB_BUF_INIT(SIZE_MAX / 2), scratch_marks AB_AUTO_BUF = AB_BUF_INIT(SIZE_MAX / 2);
	struct reader reader = { .shell = shell, .text = &scratch, .marks = &scratch_marks, .begin = text, .at = text, .end = text + len, .function = AB_SHELL_NONE };

	*shell = (struct ab_shell){ .text = AB_BUF_INIT(SIZE_MAX / 2), .marks = AB_BUF_INIT(SIZE_MAX / 2) };
	(void)fresh_subshell(&reader, 0);
	while (!reader.hopeless) {
		ab_buf_truncate(&scratch, 0);
		ab_buf_truncate(&scratch_marks, 0);
		reader.depth = 0;
		reader.stack_count = 0;
		reader.subshell = 0;
		reader.function = AB_SHELL_NONE;
		bool whole = ab_shellread_list(&reader, -1);
		if (whole && reader.at >= reader.end)
			break;
		/* What no shell takes: on behind it, from the next line when that was in the middle of something. */
		shell->broken = true;
		const char *newline = whole ? reader.at : memchr(reader.at, '\n', (size_t)(reader.end - reader.at));
		reader.at = newline == NULL ? reader.end : newline + 1;
	}
	for (uint32_t i = 0; i < reader.pending_count; i++)
		free(reader.pending[i].delimiter);
	free(reader.pending);
	free(reader.stack);
}

void
ab_shell_release(struct ab_shell *shell)
{
	ab_buf_release(&shell->text);
	ab_buf_release(&shell->marks);
	free(shell->word);
	free(shell->command);
	free(shell->function);
	free(shell->document);
	free(shell->subshell);
}
