/* What the tests of the shell reader's files share: a text read, and what came of it as a line. */
#ifndef AB_TEST_SHELL_READ_H
#define AB_TEST_SHELL_READ_H

#include <stdlib.h>

#include "core/mem.h"
#include "sys/shell.h"
#include "tap.h"

static struct ab_shell shell;

/* The one text that is read at a time. */
static inline void
read_text(const char *text, size_t len)
{
	ab_shell_release(&shell);
	/* Of exactly this size, so that a byte too many is seen. */
	AB_AUTO_FREE char *copy = ab_malloc(len + 1);
	memcpy(copy, text, len);
	copy = ab_reallocarray(copy, len == 0 ? 1 : len, 1);
	ab_shell_read(&shell, copy, len);
}

static inline void
put_word(struct ab_buf *to, const struct ab_shell_word *word)
{
	static const char *const roles[] = { "", "=", "<", ">", "<<<" };

	ab_buf_puts(to, roles[word->role]);
	for (uint32_t i = 0; i < word->len; i++) {
		char mark = shell.marks.data[word->text + i];
		if (mark != AB_SHELL_PLAIN)
			ab_buf_putc(to, mark);
		if (mark != AB_SHELL_PLAIN && (mark == AB_SHELL_GLOB || mark != shell.text.data[word->text + i]))
			ab_buf_putc(to, ':');
		if (mark == AB_SHELL_PLAIN || mark == AB_SHELL_GLOB || mark != shell.text.data[word->text + i])
			ab_buf_putc(to, shell.text.data[word->text + i]);
	}
	if (word->array)
		ab_buf_puts(to, "()");
}

/*
 * The commands of a text, `; ` between them: words with `|` between them, redirections with their operator, assignments with `=`
 * before them. A byte of a pattern is `*:` and itself; `~`, `$` and `?` are marks (where one may be plain, its mark is looked at).
 */
static inline const char *
words(const char *text)
{
	static struct ab_buf out = AB_BUF_INIT(1 << 20);

	read_text(text, strlen(text));
	ab_buf_truncate(&out, 0);
	for (uint32_t i = 0; i < shell.command_count; i++) {
		const struct ab_shell_command *command = &shell.command[i];
		ab_buf_puts(&out, i > 0 ? "; " : "");
		for (uint32_t j = 0; j < command->word_count + command->other_count; j++) {
			ab_buf_puts(&out, j > 0 ? "|" : "");
			put_word(&out, &shell.word[command->word + j]);
		}
	}
	if (shell.broken)
		ab_buf_puts(&out, shell.too_deep ? " DEEP" : " BROKEN");
	return out.data == NULL ? "" : out.data;
}

/* The bodies of the here-documents, with the number of their commands. */
static inline const char *
documents(const char *text)
{
	static struct ab_buf out = AB_BUF_INIT(1 << 20);

	read_text(text, strlen(text));
	ab_buf_truncate(&out, 0);
	for (uint32_t i = 0; i < shell.document_count; i++) {
		ab_buf_printf(&out, "%s%u:", i > 0 ? "," : "", (unsigned)shell.document[i].command);
		put_word(&out, &shell.document[i].word);
	}
	return out.data == NULL ? "" : out.data;
}

/* Who feeds each command: `FIRST-BEHIND` or `-`. */
static inline const char *
feeds(const char *text)
{
	static struct ab_buf out = AB_BUF_INIT(1 << 20);

	read_text(text, strlen(text));
	ab_buf_truncate(&out, 0);
	for (uint32_t i = 0; i < shell.command_count; i++) {
		const struct ab_shell_command *command = &shell.command[i];
		if (command->feed == command->feed_end)
			ab_buf_puts(&out, i > 0 ? " -" : "-");
		else
			ab_buf_printf(&out, "%s%u-%u", i > 0 ? " " : "", (unsigned)command->feed, (unsigned)command->feed_end);
	}
	return out.data == NULL ? "" : out.data;
}

/* Whether what the one command does to its shell reaches the other, which is later. */
static inline bool
reaches(uint32_t from, uint32_t to)
{
	uint32_t at = shell.command[to].subshell;

	while (at != shell.command[from].subshell && at != 0)
		at = shell.subshell[at];
	return at == shell.command[from].subshell;
}

/* Run a file's tests, then let go of the last text. */
static inline int
shell_tests(const struct tap_test *tests, size_t count)
{
	int status = tap_run(tests, count);

	ab_shell_release(&shell);
	return status;
}

#endif
