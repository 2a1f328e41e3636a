/*
 * Shell text of any bytes: every index that the reader gives lies in its vector and every range in its order; commands that feed
 * another are before it; what is read has a place in the text; and the same text gives the same again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sys/shell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
want(bool ok)
{
	if (!ok)
		abort();
}

static void
want_word(const struct ab_shell *shell, const struct ab_shell_word *word, size_t size)
{
	want(word->role <= AB_SHELL_STRING);
	want(word->text < shell->text.len && word->len < shell->text.len - word->text);
	want(shell->text.data[word->text + word->len] == '\0');
	want(word->start <= word->end && word->end <= size);
	want(word->inner <= word->inner_end && word->inner_end <= shell->command_count);
	for (uint32_t i = 0; i < word->len; i++)
		want(memchr(".*~$?", shell->marks.data[word->text + i], 5) != NULL);
}

static void
want_command(const struct ab_shell *shell, uint32_t index, size_t size)
{
	const struct ab_shell_command *command = &shell->command[index];

	want(command->word <= shell->word_count && command->word_count <= shell->word_count - command->word);
	want(command->other_count <= shell->word_count - command->word - command->word_count);
	want(command->start <= command->end && command->end <= size);
	want(command->feed <= command->feed_end && command->feed_end <= index);
	want(command->subshell < shell->subshell_count);
	want(command->function == AB_SHELL_NONE || command->function < shell->function_count);
	for (uint32_t i = 0; i < command->word_count + command->other_count; i++) {
		const struct ab_shell_word *word = &shell->word[command->word + i];
		want((word->role == AB_SHELL_WORD) == (i < command->word_count));
		want(word->start >= command->start && word->end <= command->end);
		want(word->inner == word->inner_end || word->inner > index);
	}
}

static void
want_valid(const struct ab_shell *shell, size_t size)
{
	want(shell->text.len == shell->marks.len);
	for (uint32_t i = 0; i < shell->word_count; i++)
		want_word(shell, &shell->word[i], size);
	for (uint32_t i = 0; i < shell->command_count; i++)
		want_command(shell, i, size);
	want(shell->subshell_count > 0 && shell->subshell[0] == 0);
	for (uint32_t i = 1; i < shell->subshell_count; i++)
		want(shell->subshell[i] < i);
	for (uint32_t i = 0; i < shell->function_count; i++) {
		const struct ab_shell_function *function = &shell->function[i];
		want(function->name < shell->text.len && shell->text.data[function->name + function->len] == '\0');
		want(function->start <= function->end && function->end <= size);
		want(function->outer == AB_SHELL_NONE || function->outer < i);
	}
	for (uint32_t i = 0; i < shell->document_count; i++) {
		want(shell->document[i].command < shell->command_count);
		want_word(shell, &shell->document[i].word, size);
	}
	want(shell->broken || !shell->too_deep);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ab_shell shell, again;

	ab_shell_read(&shell, (const char *)data, size);
	want_valid(&shell, size);
	ab_shell_read(&again, (const char *)data, size);
	want(shell.text.len == again.text.len && (shell.text.len == 0 || memcmp(shell.text.data, again.text.data, shell.text.len) == 0));
	want(shell.command_count == again.command_count && shell.word_count == again.word_count);
	ab_shell_release(&again);
	ab_shell_release(&shell);
	return 0;
}
