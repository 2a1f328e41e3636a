/*
 * Shell text, read as a POSIX shell and bash read it, into a flat list of simple commands. Nothing is expanded and nothing is run.
 *
 * Quotes, escapes, `$'…'`, comments, line continuations, here-documents, substitutions, pipelines, lists, groups, functions,
 * redirections and assignments are understood (POSIX.1-2017, XCU chapter 2; bash(1), SHELL GRAMMAR, QUOTING and EXPANSION). What
 * only running would tell is marked as unknown and not guessed. Text that a shell would refuse is read as far as it goes, and on
 * from the next line.
 *
 * Time and memory are linear in the text; nesting is bounded (AB_SHELL_DEPTH_MAX), and text beyond it is not read.
 */
#ifndef AB_SYS_SHELL_H
#define AB_SYS_SHELL_H

#include <stdint.h>

#include "core/buf.h"

#define AB_SHELL_DEPTH_MAX 100

/* What each byte of a word's text is: the byte itself, or something that stands for more. */
enum ab_shell_mark {
	AB_SHELL_PLAIN = '.',	/* itself */
	AB_SHELL_GLOB = '*',	/* an unquoted character of a pattern or a brace expansion */
	AB_SHELL_HOME = '~',	/* the home directory: ~, $HOME or ${HOME}; before a name: that user's */
	AB_SHELL_OUTPUT = '$',	/* the output of a command, or a file that gives it: $(…), `…`, <(…) */
	AB_SHELL_UNKNOWN = '?', /* any other expansion */
};

enum ab_shell_role {
	AB_SHELL_WORD,	     /* the command's name or an operand */
	AB_SHELL_ASSIGNMENT, /* NAME=VALUE before the command */
	AB_SHELL_READ,	     /* < FILE */
	AB_SHELL_WRITE,	     /* > >> >| &> &>> >& <> FILE */
	AB_SHELL_STRING,     /* <<< TEXT */
};

struct ab_shell_word {
	uint8_t role;		 /* enum ab_shell_role */
	bool array;		 /* an assignment NAME=(…), without its text */
	uint32_t text, len;	 /* in ab_shell.text and .marks, after quote removal; a NUL follows */
	uint32_t start, end;	 /* in what was read */
	uint32_t inner, inner_end; /* the commands of its substitutions: a range of ab_shell.command */
};

struct ab_shell_command {
	uint32_t word, word_count;       /* its words: a range of ab_shell.word */
	uint32_t other_count;	       /* behind them: assignments and redirections. A command without words may be a whole group's */
	uint32_t start, end;	       /* in what was read */
	uint32_t feed, feed_end;	       /* the commands on the left of it in its pipeline: a range of ab_shell.command, all before it */
	uint32_t subshell;	       /* where it runs: an index of ab_shell.subshell; its variables and directory end there */
	uint32_t function;	       /* in the body of: an index of ab_shell.function, or AB_SHELL_NONE */
	bool background;	       /* it, or a list that it is in, is started with & */
};

struct ab_shell_function {
	uint32_t name, len; /* in ab_shell.text */
	uint32_t outer;	  /* defined in the body of, or AB_SHELL_NONE */
	uint32_t start, end;
};

/* A here-document: the text that a command reads. */
struct ab_shell_document {
	uint32_t command;
	struct ab_shell_word word;
};

#define AB_SHELL_NONE UINT32_MAX

/* All indices stay valid until release; vectors are in the order in which things begin in the text. */
struct ab_shell {
	struct ab_buf text, marks;
	struct ab_shell_word *word;
	struct ab_shell_command *command;
	struct ab_shell_function *function;
	struct ab_shell_document *document;
	uint32_t *subshell; /* the one around each; the first is its own */
	uint32_t word_count, command_count, function_count, document_count, subshell_count;
	uint32_t word_room, command_room, function_room, document_room, subshell_room;
	bool broken;   /* something is not as a shell wants it */
	bool too_deep; /* and what follows is not read */
};

/* Read len bytes (which may hold anything; less than 1 GiB). Always succeeds. */
void ab_shell_read(struct ab_shell *shell, const char *text, size_t len);
void ab_shell_release(struct ab_shell *shell);

#endif
