/* The grammar of shell text: lists, pipelines, compound commands, functions. */
#include "sys/shell.h"

#include <stdint.h>
#include <string.h>

#include "core/mem.h"
#include "sys/shellread.h"

static bool read_command(struct reader *reader);
static void run_in_background(struct reader *reader, uint32_t first);
static void dissolve(struct reader *reader, uint32_t outer, uint32_t first);
static uint32_t enter(struct reader *reader, uint32_t outer);

/* ---- reserved words ---- */

static const char *
rest_end(const struct reader *reader, const char *at, const char *word)
{
	for (; *word != '\0'; word++) {
		if (at >= reader->end || *at != *word)
			return NULL;
		at = ab_shellread_pass(reader, at + 1);
	}
	return at == reader->end || (*at != '\0' && strchr(" \t\n;&|()<>", *at) != NULL) ? at : NULL;
}

/* Where this reserved word ends if it is next, or NULL. A dozen of them are asked for before each command. */
static inline const char *
word_end(const struct reader *reader, const char *word)
{
	const char *at = ab_shellread_pass(reader, reader->at);

	return at < reader->end && *at == *word ? rest_end(reader, at, word) : NULL;
}

static bool
is_next(struct reader *reader, const char *word)
{
	return word_end(reader, word) != NULL;
}

static bool
take(struct reader *reader, const char *word)
{
	const char *end = word_end(reader, word);

	if (end == NULL)
		return false;
	reader->at = end;
	return true;
}

/* A reserved word that ends a list: where it ends, or NULL. */
static const char *
closer_end(const struct reader *reader)
{
	static const char *const closers[] = { "}", "fi", "done", "esac", "then", "else", "elif", "do" };
	const char *end = NULL;

	for (size_t i = 0; end == NULL && i < AB_COUNT_OF(closers); i++)
		end = word_end(reader, closers[i]);
	return end;
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
		if (take(reader, "]]"))
			break;
		const char *was = reader->at;
		if (!ab_shellread_word(reader, &word, NULL, true))
			return false;
		reader->at += reader->at == was;
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
		for (int i = 0; i < 3 && ((c = ab_shellread_peek(reader)) == ';' || c == '&'); i++)
			reader->at++;
	}
}

bool
ab_shellread_function(struct reader *reader, const struct ab_shell_word *name)
{
	struct ab_shell *shell = reader->shell;
	uint32_t outer = reader->function;

	if (reader->depth >= AB_SHELL_DEPTH_MAX) {
		reader->shell->too_deep = true;
		return ab_shellread_give_up(reader);
	}
	reader->depth++;
	uint32_t index = AB_SHELLREAD_GROW(shell->function, shell->function_count, shell->function_room);
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
	if (!ab_shellread_word(reader, &name, NULL, false))
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

/* Whether a compound command is next. */
static bool
is_compound(struct reader *reader)
{
	static const char *const openers[] = { "{", "if", "while", "until", "for", "select", "case", "[[" };

	ab_shellread_blanks(reader);
	for (size_t i = 0; i < AB_COUNT_OF(openers); i++)
		if (is_next(reader, openers[i]))
			return true;
	return ab_shellread_peek(reader) == '(';
}

/* coproc [NAME] COMMAND: only before a compound command there is a name. */
static bool
read_coprocess(struct reader *reader)
{
	uint32_t first = reader->shell->command_count, outer = reader->subshell;
	const char *at;

	reader->subshell = enter(reader, outer);
	if (!is_compound(reader)) {
		const char *was = reader->at;
		for (at = was; at < reader->end && ab_shellread_is_name((unsigned char)*at, at == was); at++)
			continue;
		reader->at = at;
		if (at == was || at == reader->end || (*at != ' ' && *at != '\t') || !is_compound(reader))
			reader->at = was;
	}
	bool going = read_command(reader);
	run_in_background(reader, first);
	reader->subshell = outer;
	return going;
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
		return read_coprocess(reader);
	if (ab_shellread_peek(reader) == '(')
		going = read_parentheses(reader);
	else
		going = read_compound(reader, &is);
	if (!going)
		return false;
	return is ? ab_shellread_redirections(reader) : ab_shellread_simple(reader);
}

/* ---- lists ---- */

/* What ends a part of `case` behind its first `;`. */
static bool
ends_clause(int c)
{
	return c == ';' || c == '&';
}

/* `time` with options that bash does not know is not its reserved word but meant for the command. */
static bool
take_time(struct reader *reader)
{
	const char *was = reader->at;

	if (!take(reader, "time"))
		return false;
	for (ab_shellread_blanks(reader); take(reader, "-p") || take(reader, "--"); ab_shellread_blanks(reader))
		continue;
	if (ab_shellread_peek(reader) != '-')
		return true;
	reader->at = was;
	return false;
}

static void
skip_prefixes(struct reader *reader)
{
	for (;;) {
		ab_shellread_blanks(reader);
		if (!take(reader, "!") && !take_time(reader))
			return;
	}
}

/* A subshell begins: its index. */
static uint32_t
enter(struct reader *reader, uint32_t outer)
{
	struct ab_shell *shell = reader->shell;
	uint32_t index = AB_SHELLREAD_GROW(shell->subshell, shell->subshell_count, shell->subshell_room);

	shell->subshell[index] = outer;
	return index;
}

/*
 * Only what follows a command tells whether it runs in a subshell, and those within it need the number of this one. So each is read
 * in one of its own, and what was needless is dissolved: its commands, from the first on, and its subshells become the outer's.
 */
static void
dissolve(struct reader *reader, uint32_t outer, uint32_t first)
{
	struct ab_shell *shell = reader->shell;
	uint32_t index = reader->subshell;

	for (uint32_t i = first; i < shell->command_count; i++)
		if (shell->command[i].subshell == index)
			shell->command[i].subshell = outer;
	for (uint32_t i = index + 1; i < shell->subshell_count; i++)
		if (shell->subshell[i] == index)
			shell->subshell[i] = outer;
	if (shell->subshell_count == index + 1)
		shell->subshell_count--;
}

static void
feed_element(struct reader *reader, uint32_t first, uint32_t from)
{
	struct ab_shell *shell = reader->shell;

	for (uint32_t i = from; first < from && i < shell->command_count; i++) {
		struct ab_shell_command *command = &shell->command[i];
		/* Within a group what begins its pipelines reads what comes to the group. */
		if (command->feed == command->feed_end)
			command->feed_end = from;
		command->feed = first;
	}
}

static bool
read_pipeline(struct reader *reader)
{
	uint32_t first = reader->shell->command_count, from = first, outer = reader->subshell;

	for (bool alone = true;; alone = false) {
		reader->subshell = enter(reader, outer);
		skip_prefixes(reader);
		bool going = read_command(reader);
		ab_shellread_blanks(reader);
		bool on = going && ab_shellread_peek(reader) == '|' && ab_shellread_peek2(reader) != '|';
		if (on || !alone)
			feed_element(reader, first, from);
		else
			dissolve(reader, outer, from);
		reader->subshell = outer;
		if (!on)
			return going;
		reader->at++;
		if (ab_shellread_peek(reader) == '&')
			reader->at++;
		from = reader->shell->command_count;
		if (!ab_shellread_newlines(reader))
			return false;
	}
}

static void
run_in_background(struct reader *reader, uint32_t first)
{
	for (uint32_t i = first; i < reader->shell->command_count; i++)
		reader->shell->command[i].background = true;
}

/* Pipelines with && and || between them, up to what ends them; & puts them into the background. */
static bool
read_and_or(struct reader *reader)
{
	uint32_t first = reader->shell->command_count, outer = reader->subshell;
	bool going = true;
	int c;

	reader->subshell = enter(reader, outer);
	for (;;) {
		going = going && read_pipeline(reader);
		c = ab_shellread_peek(reader);
		if (!going || (c != '&' && c != '|') || ab_shellread_peek2(reader) != c)
			break;
		reader->at++;
		(void)ab_shellread_peek(reader);
		reader->at++;
		going = ab_shellread_newlines(reader);
	}
	if (going && c == '&') {
		reader->at++;
		run_in_background(reader, first);
	} else {
		dissolve(reader, outer, first);
	}
	reader->subshell = outer;
	return going;
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
		if (c == ')' || closer_end(reader) != NULL || (c == ';' && ends_clause(ab_shellread_peek2(reader))))
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

	reader->subshell = enter(reader, outer);
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
	struct reader reader = { .shell = shell, .text = &scratch, .marks = &scratch_marks, .begin = text, .at = text, .end = text + len,
		.function = AB_SHELL_NONE };

	*shell = (struct ab_shell){ .text = AB_BUF_INIT(SIZE_MAX / 2), .marks = AB_BUF_INIT(SIZE_MAX / 2) };
	(void)enter(&reader, 0);
	while (!reader.hopeless) {
		ab_buf_truncate(&scratch, 0);
		ab_buf_truncate(&scratch_marks, 0);
		reader.depth = 0;
		reader.stack_count = 0;
		reader.subshell = 0;
		reader.function = AB_SHELL_NONE;
		reader.pending_first = 0;
		reader.substitution = false;
		bool whole = ab_shellread_list(&reader, -1);
		if (whole && reader.at >= reader.end)
			break;
		/* What no shell takes: on behind it, from the next line when that was in the middle of something. */
		shell->broken = true;
		const char *next = !whole ? memchr(reader.at, '\n', (size_t)(reader.end - reader.at)) : closer_end(&reader);
		reader.at = next != NULL ? next : whole ? reader.at + 1 : reader.end;
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
