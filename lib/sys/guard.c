/* The guard's walk: commands in their order, through what only starts another command, into text within text. */
#include "sys/guard.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/param.h"
#include "core/text.h"
#include "sys/guardjudge.h"

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,@%+-"
#define NESTED_MAX 4	 /* sh -c 'sh -c …' */
#define NEAR 8		 /* commands of a pipeline that are looked at for what a shell reads */
#define FINDS_MAX 3	 /* find -exec find -exec … */
#define WRAPPERS_MAX 32	 /* env env env … */

static bool judge_text(const struct judge *outer, const struct call *from, const char *text, size_t len, size_t part, size_t part_end);

static bool
found(const struct judge *judge, const struct ab_guard_rule *rule, size_t start, size_t end)
{
	struct ab_guard_verdict *verdict = judge->verdict;

	if (judge->outer != NULL) {
		start = judge->part;
		end = judge->part_end;
	}
	while (judge->outer != NULL)
		judge = judge->outer;
	while (end > start && strchr(" \t\r\n", judge->source[end - 1]) != NULL)
		end--;
	size_t len = end - start, max = sizeof(verdict->part) - 1;
	verdict->rule = rule;
	len = len > max ? ab_utf8_prefix(judge->source + start, max) : len;
	memcpy(verdict->part, judge->source + start, len);
	verdict->part[len] = '\0';
	return true;
}

/* ---- what runs in the end ---- */

/* Long options whose value may be the next word; of any wrapper, as their names do not collide. */
static bool
takes_next(const char *option)
{
	static const char *const valued[] = { "adjustment", "arg-file", "chdir", "class", "classdata", "delimiter", "error", "init-file", "input",
		"kill-after", "max-args", "max-chars", "max-procs", "output", "property", "rcfile", "signal", "unit", "unset", NULL };

	for (const char *const *at = valued; *at != NULL; at++)
		if (strcmp(option, *at) == 0)
			return true;
	return false;
}

/* Behind the options of a wrapper or an interpreter. gives: stop at an option that has one of these letters; *gave: whether it did. */
static uint32_t
skip_options(const struct call *call, const char *valued, const char *gives, bool *gave)
{
	uint32_t at = 1;

	*gave = false;
	for (; at < call->count && guard_is_option(call, at); at++) {
		const char *text = guard_text(call, at);
		if (strcmp(text, "--") == 0)
			return at + 1;
		if (text[1] == '-') {
			at += takes_next(text + 2);
			continue;
		}
		for (const char *letter = text + 1; *letter != '\0'; letter++) {
			if (gives != NULL && strchr(gives, *letter) != NULL) {
				*gave = true;
				return at;
			}
			if (strchr(valued, *letter) != NULL) {
				at += letter[1] == '\0';
				break;
			}
		}
	}
	return at < call->count ? at : call->count;
}

static void
name_call(struct call *call)
{
	call->program = NULL;
	if (call->count == 0)
		return;
	const char *marks = guard_marks(call, 0);
	for (uint32_t i = 0; i < call->word[0].len; i++)
		if (marks[i] != AB_SHELL_PLAIN)
			return;
	call->program = guard_program(guard_text(call, 0));
}

/* A command as it stands, nothing looked through. */
static struct call
call_of(const struct judge *judge, uint32_t index)
{
	const struct ab_shell_command *command = &judge->shell->command[index];
	struct call call = { .judge = (struct judge *)(uintptr_t)judge, .index = index, .command = command, .count = command->word_count };

	if (command->word_count > 0)
		call.word = &judge->shell->word[command->word];
	name_call(&call);
	return call;
}

static void
advance(struct call *call, uint32_t by)
{
	by = by < call->count ? by : call->count;
	call->word += by;
	call->count -= by;
	name_call(call);
}

static bool
is_assignment(const struct call *call, uint32_t number)
{
	const char *text = guard_text(call, number), *equals = strchr(text, '=');

	return equals != NULL && equals > text && text[0] != '-' && text[0] != '/';
}

/* Whether a wrapper only tells something: command -v rm. */
static bool
only_asks(const struct call *call)
{
	return strcmp(call->program->name, "command") == 0 && (guard_has_option(call, 'v', NULL) || guard_has_option(call, 'V', NULL));
}

static void
unwrap(struct call *call)
{
	bool gave;

	for (unsigned i = 0; i < WRAPPERS_MAX && call->program != NULL; i++) {
		const struct program *program = call->program;
		if (program->kind != TOOL_WRAPPER && program->kind != TOOL_XARGS)
			return;
		if (only_asks(call)) {
			call->program = NULL;
			return;
		}
		/* what watch, env -S, flock -c and script -c say is judged elsewhere */
		uint32_t at = skip_options(call, program->valued, NULL, &gave) + (uint32_t)program->operands;
		if (strcmp(program->name, "env") == 0)
			while (at < call->count && is_assignment(call, at))
				at++;
		call->xargs = call->xargs || program->kind == TOOL_XARGS;
		advance(call, at);
	}
}

bool
guard_reads_program(const struct call *call, uint32_t *text)
{
	bool gave;
	uint32_t at = skip_options(call, call->program->valued, call->program->gives, &gave);

	*text = 0;
	if (gave) {
		/* A shell's -c is a flag: its options go on, and the text is the first operand. */
		for (at++; call->program->kind == TOOL_SHELL && at < call->count && guard_is_option(call, at);)
			if (guard_is(call, at++, "--"))
				break;
		*text = at < call->count ? at : 0;
		return false;
	}
	if (call->program->kind == TOOL_SHELL && guard_has_option(call, 's', NULL))
		return true;
	if (call->program->kind == TOOL_INTERPRETER && (guard_has_option(call, 0, "eval") || guard_has_option(call, 0, "print")))
		return false;
	return at >= call->count || guard_is(call, at, "-") || guard_is(call, at, "/dev/stdin") || guard_is(call, at, "/proc/self/fd/0");
}

/* ---- what comes from elsewhere ---- */

/* curl -o FILE writes nothing to its output. */
static bool
writes_elsewhere(const struct call *call)
{
	if (strcmp(call->program->name, "curl") != 0)
		return false;
	for (uint32_t i = 1; i < call->count; i++) {
		const char *text = guard_text(call, i);
		if (strcmp(text, "-O") == 0 || strcmp(text, "--remote-name") == 0 || strcmp(text, "-I") == 0 || strcmp(text, "--head") == 0)
			return true;
		if ((strcmp(text, "-o") == 0 || strcmp(text, "--output") == 0) && i + 1 < call->count && !guard_is(call, i + 1, "-"))
			return true;
	}
	return false;
}

static bool
decodes(const struct call *call)
{
	if (strcmp(call->program->name, "xxd") == 0)
		return guard_has_option(call, 'r', "revert");
	if (strcmp(call->program->name, "openssl") == 0)
		return guard_has_option(call, 0, "decrypt") || guard_has_option(call, 'd', NULL);
	return strcmp(call->program->name, "uudecode") == 0 || guard_has_option(call, 'd', "decode") || guard_has_option(call, 'D', NULL);
}

static bool
is_foreign(const struct call *call)
{
	if (call->program == NULL)
		return false;
	return (call->program->kind == TOOL_DOWNLOAD && !writes_elsewhere(call)) || (call->program->kind == TOOL_DECODE && decodes(call));
}

bool
guard_foreign(struct judge *judge, uint32_t from, uint32_t to)
{
	uint32_t count = judge->shell->command_count;

	if (judge->foreign == NULL) {
		judge->foreign = ab_calloc((size_t)count + 1, sizeof(*judge->foreign));
		for (uint32_t i = 0; i < count; i++) {
			struct call call = call_of(judge, i);
			unwrap(&call);
			judge->foreign[i + 1] = judge->foreign[i] + is_foreign(&call);
		}
	}
	return judge->foreign[to] > judge->foreign[from];
}

/* ---- text within text ---- */

/* A word as shell text of its own: what is not known stays so. */
static void
source_of(const struct call *call, uint32_t number, struct ab_buf *source)
{
	const char *text = guard_text(call, number), *marks = guard_marks(call, number);

	for (uint32_t i = 0; i < call->word[number].len; i++) {
		if (marks[i] == AB_SHELL_UNKNOWN || marks[i] == AB_SHELL_OUTPUT)
			ab_buf_puts(source, "${_}");
		else if (marks[i] == AB_SHELL_HOME)
			ab_buf_puts(source, "~");
		else
			ab_buf_putc(source, text[i]);
	}
}

static bool
judge_words(const struct call *call, uint32_t from, uint32_t to)
{
	struct ab_buf source AB_AUTO_BUF = AB_BUF_INIT(SIZE_MAX / 2);

	for (uint32_t i = from; i < to; i++) {
		if (i > from)
			ab_buf_putc(&source, ' ');
		source_of(call, i, &source);
	}
	return source.len > 0 &&
	    judge_text(call->judge, call, source.data, source.len, call->command->start, call->command->end);
}

/* What echo and printf write, as text: each operand of a printf a line. */
static bool
judge_echo(const struct call *call)
{
	struct ab_buf source AB_AUTO_BUF = AB_BUF_INIT(SIZE_MAX / 2);
	bool lines = strcmp(call->program->name, "printf") == 0;

	for (uint32_t i = 1; i < call->count; i++) {
		if (source.len == 0 && guard_is_option(call, i))
			continue;
		/* a format that only writes its operands is no command */
		if (lines && source.len == 0 && call->count > i + 1 && guard_text(call, i)[0] == '%')
			continue;
		size_t from = source.len;
		source_of(call, i, &source);
		for (size_t at = from; at + 1 < source.len; at++)
			if (source.data[at] == '\\' && (source.data[at + 1] == 'n' || source.data[at + 1] == 't'))
				source.data[at + 1] = source.data[at + 1] == 'n' ? '\n' : '\t', source.data[at] = ' ';
		ab_buf_putc(&source, lines ? '\n' : ' ');
	}
	return source.len > 0 && judge_text(call->judge, call, source.data, source.len, call->command->start, call->command->end);
}

/* A shell that reads its program: from a here-document, from echo, from a string. */
static bool
judge_input(const struct call *call)
{
	const struct ab_shell *shell = call->judge->shell;
	const struct ab_shell_command *command = call->command;

	for (uint32_t i = 0; i < command->other_count; i++) {
		const struct ab_shell_word *word = &shell->word[command->word + command->word_count + i];
		struct call one = *call;
		one.word = word;
		one.count = 1;
		if (word->role == AB_SHELL_STRING && judge_words(&one, 0, 1))
			return true;
	}
	uint32_t first = command->feed_end > command->feed + NEAR ? command->feed_end - NEAR : command->feed;
	for (uint32_t i = first; i < command->feed_end; i++) {
		struct call one = call_of(call->judge, i);
		if (call->judge->heard[i])
			continue;
		call->judge->heard[i] = 1;
		unwrap(&one);
		if (one.program != NULL && one.program->kind == TOOL_ECHO && one.command->feed == one.command->feed_end && judge_echo(&one))
			return true;
	}
	return false;
}

/* Documents come in the order of their commands, nearly always: a group's may come late. */
static bool
judge_documents(const struct judge *judge)
{
	const struct ab_shell *shell = judge->shell;

	for (uint32_t i = 0; i < shell->document_count; i++) {
		const struct ab_shell_document *document = &shell->document[i];
		struct call call = call_of(judge, document->command);
		uint32_t text;
		unwrap(&call);
		bool shell_reads = call.program != NULL && call.program->kind == TOOL_SHELL && guard_reads_program(&call, &text);
		/* cat <<END | sh */
		for (uint32_t next = document->command + 1; !shell_reads && next < shell->command_count && next <= document->command + NEAR; next++) {
			struct call reader = call_of(judge, next);
			if (reader.command->feed > document->command || reader.command->feed_end <= document->command)
				break;
			unwrap(&reader);
			shell_reads = reader.program != NULL && reader.program->kind == TOOL_SHELL && guard_reads_program(&reader, &text);
		}
		struct call one = call;
		one.word = &document->word;
		one.count = 1;
		if (shell_reads && judge_words(&one, 0, 1))
			return true;
	}
	return false;
}

/* find … -exec COMMAND ; */
static bool judge_call(struct call *call);

static bool
judge_find(const struct call *call)
{
	for (uint32_t i = 1; i + 1 < call->count; i++) {
		const char *text = guard_text(call, i);
		if (strcmp(text, "-exec") != 0 && strcmp(text, "-execdir") != 0 && strcmp(text, "-ok") != 0 && strcmp(text, "-okdir") != 0)
			continue;
		struct call inner = *call;
		inner.word += i + 1;
		inner.count = 0;
		while (i + 1 + inner.count < call->count && !guard_is(call, i + 1 + inner.count, ";") && !guard_is(call, i + 1 + inner.count, "+"))
			inner.count++;
		i += inner.count;
		/* Each one more would read the rest once more. */
		if (++inner.finds > FINDS_MAX)
			return found(call->judge, &ab_guard_rules()[RULE_UNREADABLE], call->command->start, call->command->end);
		name_call(&inner);
		if (judge_call(&inner))
			return true;
	}
	return false;
}

static bool
judge_nested(struct call *call)
{
	uint32_t text;

	switch (call->program->kind) {
	case TOOL_SHELL:
		if (guard_reads_program(call, &text))
			return judge_input(call);
		return text > 0 && judge_words(call, text, text + 1);
	case TOOL_EVAL:
		return judge_words(call, 1, call->count);
	case TOOL_TRAP:
		return call->count > 2 && judge_words(call, 1, 2);
	case TOOL_FIND:
		return judge_find(call);
	default:
		return false;
	}
}

/* env -STEXT, env --split-string=TEXT */
static bool
judge_split(const struct call *call)
{
	for (uint32_t i = 1; i < call->count && guard_is_option(call, i); i++) {
		const char *text = guard_text(call, i);
		uint32_t skip = strncmp(text, "--split-string=", 15) == 0 ? 15 : strncmp(text, "-S", 2) == 0 && text[2] != '\0' ? 2 : 0;
		if (skip == 0)
			continue;
		struct ab_shell_word word = call->word[i];
		struct call one = *call;
		word.text += skip;
		word.len -= skip;
		one.word = &word;
		one.count = 1;
		return judge_words(&one, 0, 1);
	}
	return false;
}

/* env -S TEXT, watch TEXT: text where others have a command. */
static bool
judge_wrapper_text(const struct call *call)
{
	static const struct {
		const char *program, *option;
	} taking[] = { { "env", "-S" }, { "env", "--split-string" }, { "flock", "-c" }, { "script", "-c" }, { "script", "--command" } };
	bool gave;

	if (call->program == NULL || call->program->kind != TOOL_WRAPPER)
		return false;
	if (strcmp(call->program->name, "watch") == 0)
		return judge_words(call, skip_options(call, call->program->valued, NULL, &gave), call->count);
	if (strcmp(call->program->name, "env") == 0 && judge_split(call))
		return true;
	for (size_t i = 0; i < AB_COUNT_OF(taking); i++)
		for (uint32_t at = 1; strcmp(call->program->name, taking[i].program) == 0 && at + 1 < call->count; at++)
			if (guard_is(call, at, taking[i].option))
				return judge_words(call, at + 1, at + 2);
	return false;
}

static bool
judge_call(struct call *call)
{
	if (judge_wrapper_text(call))
		return true;
	unwrap(call);
	const struct ab_guard_rule *rule = guard_rule(call);
	if (rule != NULL) {
		/* What is handed over is a part of it, too. */
		bool piped = rule == &ab_guard_rules()[RULE_REMOTE_CODE] && call->command->feed_end > call->command->feed;
		const struct ab_shell_command *first = piped ? &call->judge->shell->command[call->command->feed] : call->command;
		return found(call->judge, rule, first->start, call->command->end);
	}
	return call->program != NULL && judge_nested(call);
}

/* ---- commands in their order ---- */

static void
follow_cd(struct judge *judge, const struct call *call)
{
	uint32_t subshell = call->command->subshell;
	bool gave;

	if (call->program == NULL || call->program->kind != TOOL_CD)
		return;
	if (judge->cwd == NULL)
		judge->cwd = ab_calloc(judge->shell->subshell_count, sizeof(*judge->cwd));
	const char *cwd = guard_cwd(judge, subshell);
	uint32_t at = skip_options(call, "", NULL, &gave);
	bool cd = strcmp(call->program->name, "cd") == 0, pushd = strcmp(call->program->name, "pushd") == 0;
	/* nobody remembers where popd leads, or pushd without a directory */
	char *next = (cd || pushd) && at < call->count ? guard_change(judge, cwd, &call->word[at]) : ab_strdup(cd ? "~/" : "");
	free(judge->cwd[subshell]);
	judge->cwd[subshell] = next;
}

static bool
judge_commands(struct judge *judge)
{
	const struct ab_shell *shell = judge->shell;
	bool dangerous = false;

	judge->heard = ab_calloc((size_t)shell->command_count + 1, sizeof(*judge->heard));
	for (uint32_t i = 0; i < shell->command_count && !dangerous; i++) {
		struct call call = call_of(judge, i);
		dangerous = judge_call(&call);
		if (!dangerous)
			follow_cd(judge, &call);
	}
	return dangerous || judge_documents(judge);
}

static bool
judge_shell(struct judge *judge)
{
	size_t start, end;
	bool dangerous = judge_commands(judge);
	const struct ab_guard_rule *bomb = dangerous ? NULL : guard_rule_of_bomb(judge, &start, &end);

	if (bomb != NULL)
		dangerous = found(judge, bomb, start, end);
	if (!dangerous && judge->shell->too_deep)
		dangerous = found(judge, &ab_guard_rules()[RULE_UNREADABLE], 0, strlen(judge->source));
	for (uint32_t i = 0; judge->cwd != NULL && i < judge->shell->subshell_count; i++)
		free(judge->cwd[i]);
	free(judge->cwd);
	free(judge->foreign);
	free(judge->heard);
	free(judge->places);
	return dangerous;
}

/* Text within a command: the same judge, from where that command runs. */
static bool
judge_text(const struct judge *outer, const struct call *from, const char *text, size_t len, size_t part, size_t part_end)
{
	struct ab_shell shell;
	struct ab_guard_place place = { .scope = outer->place->scope, .cwd = guard_cwd(outer, from->command->subshell) };

	if (outer->depth >= NESTED_MAX)
		return found(outer, &ab_guard_rules()[RULE_UNREADABLE], part, part_end);
	ab_shell_read(&shell, text, len);
	struct judge judge = { .verdict = outer->verdict, .place = &place, .shell = &shell, .source = text, .outer = outer, .depth = outer->depth + 1,
		.part = outer->outer != NULL ? outer->part : part, .part_end = outer->outer != NULL ? outer->part_end : part_end };
	bool dangerous = judge_shell(&judge);
	ab_shell_release(&shell);
	return dangerous;
}

bool
ab_guard_text(const char *text, size_t len, const struct ab_guard_place *place, struct ab_guard_verdict *verdict)
{
	struct ab_shell shell;

	*verdict = (struct ab_guard_verdict){ .rule = NULL };
	ab_shell_read(&shell, text, len);
	struct judge judge = { .verdict = verdict, .place = place, .shell = &shell, .source = text };
	bool dangerous = memchr(text, '\0', len) != NULL ? found(&judge, &ab_guard_rules()[RULE_UNREADABLE], 0, strlen(text)) : judge_shell(&judge);
	ab_shell_release(&shell);
	return dangerous;
}

/* Words as they are, each a line of the text that a part is taken from. */
bool
ab_guard_argv(char *const *argv, const struct ab_guard_place *place, struct ab_guard_verdict *verdict)
{
	struct ab_buf source AB_AUTO_BUF = AB_BUF_INIT(SIZE_MAX / 2);

	/* A quoted word is that word to a shell: the one reader serves. */
	for (; *argv != NULL; argv++) {
		size_t len = strlen(*argv);
		if (len > 0 && strspn(*argv, PLAIN) == len) {
			ab_buf_put(&source, *argv, len);
			ab_buf_puts(&source, argv[1] != NULL ? " " : "");
			continue;
		}
		ab_buf_putc(&source, '\'');
		for (const char *at = *argv; *at != '\0'; at++) {
			if (*at == '\'')
				ab_buf_puts(&source, "'\\'");
			ab_buf_putc(&source, *at);
		}
		ab_buf_puts(&source, argv[1] != NULL ? "' " : "'");
	}
	return ab_guard_text(source.data != NULL ? source.data : "", source.len, place, verdict);
}

int
ab_guard_refuse(const struct ab_guard_verdict *verdict, struct ab_error *err)
{
	AB_AUTO_FREE char *line = ab_strdup(verdict->part);
	char quoted[AB_QUOTE_SIZE];

	for (char *at = line; (at = strchr(at, '\n')) != NULL;)
		*at = ' ';
	ab_fail(err, AB_E_DENIED_DANGEROUS, "\"%s\": %s (the guard's rule %s)", ab_quote(quoted, line), verdict->rule->why, verdict->rule->name);
	ab_error_operation(err, "%s", verdict->part);
	ab_error_hint(err, "%s", verdict->rule->safer);
	return -1;
}
