/*
 * What sys/shell makes of a text, for tests: shell-words [--list | --only NAME] <TEXT
 *
 * The words of each simple command, each followed by NUL, as `printf '%s\0'` would print them. --only: of those with this name; a
 * word 0x1e ends each. --list: a line a command, for eyes: number, words with the marks of what is not plain, redirections, what
 * feeds it.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sys/shell.h"

static void
print_word(const struct ab_shell *shell, const struct ab_shell_word *word)
{
	static const char *const roles[] = { "", "=", "<", ">", "<<<" };
	const char *text = shell->text.data + word->text, *marks = shell->marks.data + word->text;

	printf(" %s[", roles[word->role]);
	for (size_t i = 0; i < word->len; i++)
		if (marks[i] == AB_SHELL_PLAIN)
			putchar(text[i] == '\n' ? ' ' : text[i]);
		else
			printf("\\%c%c", marks[i], text[i]);
	printf("]");
	if (word->inner_end > word->inner)
		printf("{%u-%u}", word->inner, word->inner_end - 1);
}

static void
list(const struct ab_shell *shell)
{
	for (uint32_t i = 0; i < shell->command_count; i++) {
		const struct ab_shell_command *command = &shell->command[i];
		printf("%u:", (unsigned)i);
		for (uint32_t j = 0; j < command->word_count + command->other_count; j++)
			print_word(shell, &shell->word[command->word + j]);
		if (command->feed_end > command->feed)
			printf(" fed by %u-%u", command->feed, command->feed_end - 1);
		if (command->subshell > 0)
			printf(" in %u", command->subshell);
		if (command->background)
			printf(" &");
		if (command->function != AB_SHELL_NONE)
			printf(" of %s", shell->text.data + shell->function[command->function].name);
		putchar('\n');
	}
	for (uint32_t i = 0; i < shell->document_count; i++) {
		printf("%u reads", shell->document[i].command);
		print_word(shell, &shell->document[i].word);
		putchar('\n');
	}
	if (shell->broken)
		puts(shell->too_deep ? "too deep" : "broken");
}

static void
print(const struct ab_shell *shell, const char *only)
{
	for (uint32_t i = 0; i < shell->command_count; i++) {
		const struct ab_shell_command *command = &shell->command[i];
		const struct ab_shell_word *word = &shell->word[command->word];
		if (only != NULL && (command->word_count == 0 || strcmp(shell->text.data + word->text, only) != 0))
			continue;
		for (uint32_t j = 0; j < command->word_count; j++)
			fwrite(shell->text.data + word[j].text, 1, word[j].len + 1, stdout);
		if (only != NULL)
			fwrite("\x1e", 1, 2, stdout);
	}
}

int
main(int argc, char **argv)
{
	struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_shell shell;
	ssize_t n;

	do {
		char *to = ab_buf_reserve(&text, 65536);
		n = read(0, to, 65536);
		text.len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	ab_shell_read(&shell, text.data != NULL ? text.data : "", text.len);
	if (argc > 1 && strcmp(argv[1], "--list") == 0)
		list(&shell);
	else
		print(&shell, argc > 2 && strcmp(argv[1], "--only") == 0 ? argv[2] : NULL);
	ab_shell_release(&shell);
	ab_buf_release(&text);
	return fflush(stdout) == 0 ? 0 : 1;
}
