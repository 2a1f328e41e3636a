/* For shell*.c alone: the reader, and what they need of each other. */
#ifndef AB_SYS_SHELLREAD_H
#define AB_SYS_SHELLREAD_H

#include "sys/shell.h"

struct pending {
	uint32_t command;
	char *delimiter;
	size_t len;
	bool quoted, tabs;
};

enum quoting {
	QUOTING_NONE,
	QUOTING_DOUBLE,	  /* in double quotes */
	QUOTING_DOCUMENT, /* a here-document, or arithmetic: a double quote is only itself */
};

struct reader {
	struct ab_shell *shell;
	const char *at, *end, *begin;
	uint32_t origin, span; /* of begin in the text; span > 0: all that is read stands for these bytes of it (backquotes) */
	unsigned depth;
	uint32_t subshell, function;
	struct ab_buf *text, *marks; /* of words that are not yet complete: that of a word within another is behind the outer's */
	/* Words of commands that are not yet complete: those of a command within another are above the outer's. */
	struct ab_shell_word *stack;
	uint32_t stack_count, stack_room;
	struct pending *pending; /* here-documents whose bodies begin after the next newline */
	uint32_t pending_count, pending_room, pending_first; /* those before the first belong to the text around a substitution */
	bool substitution; /* in $(…): its parenthesis may follow a here-document's delimiter */
	bool hopeless;	   /* too deep, or the text ended within something: nothing more can be read */
	const char *no_arithmetic; /* no `((` from here on is closed */
};

/* These three are called for each byte, some of them often. */

/* Past the line continuations at a place. */
static inline const char *
ab_shellread_pass(const struct reader *reader, const char *at)
{
	while (reader->end - at >= 2 && at[0] == '\\' && at[1] == '\n')
		at += 2;
	return at;
}

/* The next byte, line continuations passed over; -1 at the end. */
static inline int
ab_shellread_peek(struct reader *reader)
{
	reader->at = ab_shellread_pass(reader, reader->at);
	return reader->at < reader->end ? (unsigned char)*reader->at : -1;
}

/* The byte after it. */
static inline int
ab_shellread_peek2(const struct reader *reader)
{
	const char *next = ab_shellread_pass(reader, reader->at + 1);

	return next < reader->end ? (unsigned char)*next : -1;
}

uint32_t ab_shellread_position(const struct reader *reader);
/* Where what has just been read ends. */
uint32_t ab_shellread_position_end(const struct reader *reader);

/* One more thing in a vector: its index. */
#define AB_SHELLREAD_GROW(vector, count, room)                                                                     \
	((count) == (room) ? (void)((vector) = ab_reallocarray((vector), (room) = (room) == 0 ? 16 : (room) * 2,  \
				    sizeof(*(vector))))                                                    \
			   : (void)0,                                                                      \
	    (count)++)

/* The text ended within something, or is too deep: nothing more is read. Always false. */
bool ab_shellread_give_up(struct reader *reader);
/* Not as a shell wants it; reading goes on behind it. True unless nothing more is read. */
bool ab_shellread_complain(struct reader *reader);

/* grammar, shell.c */

/* A list up to what ends it; end: ')' or -1. A reader of a part of the text is used as it is. False: cannot go on. */
bool ab_shellread_list(struct reader *reader, int end);
/* In a subshell of its own. */
bool ab_shellread_subshell(struct reader *reader, int end);
/* The body of a function whose name has been read. */
bool ab_shellread_function(struct reader *reader, const struct ab_shell_word *name);

/* simple commands, shellcommand.c */

/* Blanks and a comment. */
void ab_shellread_blanks(struct reader *reader);
/* These and newlines, which all pass through here: bodies of here-documents follow them. False: cannot go on. */
bool ab_shellread_newlines(struct reader *reader);
/* A command begins: its index; its words are pushed on the stack and leave it when it is closed. base: the stack's height before. */
uint32_t ab_shellread_open(struct reader *reader);
bool ab_shellread_push(struct reader *reader, enum ab_shell_role role);
void ab_shellread_close(struct reader *reader, uint32_t index, uint32_t base);
bool ab_shellread_simple(struct reader *reader);
/* Redirections behind a compound command: a command without words. */
bool ab_shellread_redirections(struct reader *reader);
/* `()` behind a word; taken if so. */
bool ab_shellread_is_function(struct reader *reader);

/* words, shellword.c */

/*
 * Read a word at the reader into word. value: behind the = of an assignment, or NULL; pattern: `(` and `|` do not end it (in
 * `[[ … ]]`). False: cannot go on.
 */
bool ab_shellread_word(struct reader *reader, struct ab_shell_word *word, const char *value, bool pattern);
/* The body of an unquoted here-document, up to the reader's end; tabs: those that begin a line are taken away. */
bool ab_shellread_body(struct reader *reader, struct ab_shell_word *word, bool tabs);
/* Whether a name goes on (or begins) with this byte. */
bool ab_shellread_is_name(int c, bool first);
/* Bytes for the word that is being read. */
void ab_shellread_put(struct reader *reader, const char *bytes, size_t len, enum ab_shell_mark mark);
/* Behind `$'`: up to the apostrophe that ends it. */
bool ab_shellread_ansi(struct reader *reader);
/* At `((`: the end of the arithmetic expression behind its `))`, or NULL: two parentheses. */
const char *ab_shellread_arithmetic_end(struct reader *reader, const char *from);
/* Read an arithmetic expression for the commands in it; the reader stands at its beginning. */
bool ab_shellread_arithmetic(struct reader *reader, const char *end);

#endif
