/* For guard.c, guardplace.c, guardtools.c and guardrules.c alone. */
#ifndef AB_SYS_GUARDJUDGE_H
#define AB_SYS_GUARDJUDGE_H

#include "sys/guard.h"
#include "sys/shell.h"

/* What a program is to the rules; one kind a name. */
enum tool {
	TOOL_NONE,
	TOOL_ACCOUNT,	 /* changes users or groups */
	TOOL_CD,
	TOOL_COPY,	 /* writes its last operand: cp, mv, ln, install */
	TOOL_DD,
	TOOL_DECODE,	 /* writes text that nobody has read */
	TOOL_DOWNLOAD,
	TOOL_ECHO,
	TOOL_EVAL,	 /* runs its operands, joined, as shell text */
	TOOL_FIND,
	TOOL_FIREWALL,
	TOOL_FORMAT,	 /* destroys the device that it is given */
	TOOL_INIT,
	TOOL_INTERPRETER,
	TOOL_KILL,
	TOOL_KILL_ALL,
	TOOL_KILL_NAMED, /* by a name or a pattern */
	TOOL_MODE,	 /* chmod, chown, chgrp and their like */
	TOOL_MODULE,
	TOOL_MOUNT,
	TOOL_POWER,
	TOOL_PRIVILEGE,
	TOOL_REMOVE,
	TOOL_SED,
	TOOL_SHELL,	 /* an interpreter of shell text */
	TOOL_SOURCE,
	TOOL_SYSCTL,
	TOOL_SYSTEMCTL,	 /* systemctl, loginctl, service */
	TOOL_TEE,	 /* writes its operands */
	TOOL_TRAP,	 /* keeps shell text for later */
	TOOL_WRAPPER,	 /* runs its operands as a command */
	TOOL_XARGS,
};

struct program {
	const char *name;
	enum tool kind;
	/* wrappers and interpreters: the letters of options that take a value; interpreters: of those that give the program */
	const char *valued, *gives;
	int operands; /* wrappers: operands before the command */
};

/* The program of that name, path and version aside ("/usr/bin/python3.11" is python); NULL: unknown. */
const struct program *guard_program(const char *name);

struct judge {
	struct ab_guard_verdict *verdict;
	const struct ab_guard_place *place;
	const struct ab_shell *shell;
	const char *source; /* the text that was read, and what of it counts as the part when this is text within it */
	size_t part, part_end;
	const struct judge *outer;
	char **cwd;	    /* of each subshell: a path, "" unknown, NULL: as the one around it */
	uint8_t *places;    /* of each word: enum guard_place + 1 once it is known, for the directory in which its command runs */
	uint32_t *foreign;  /* how many of the commands before each write what was downloaded or decoded; NULL: nobody asked yet */
	uint8_t *heard;	    /* of each command: what it writes was judged, for the first shell that reads it */
	unsigned depth;
};

/* A command as the rules see it: what it runs in the end. */
struct call {
	struct judge *judge;
	const struct ab_shell_command *command;
	uint32_t index;
	const struct ab_shell_word *word; /* the program first */
	uint32_t count;
	const struct program *program; /* NULL: not known */
	bool xargs;		       /* more operands come from its input */
	unsigned finds;		       /* find -exec find -exec …: how many are around it */
};

/* What its program is; TOOL_NONE: not known. */
enum tool guard_kind(const struct call *call);
bool guard_is_program(const struct call *call, const char *name);
/* Whether it only tells about itself: --help and the like. */
bool guard_only_tells(const struct call *call);
/* Whether one of its operands and options is this text. */
bool guard_has_word(const struct call *call, const char *text);
const char *guard_text(const struct call *call, uint32_t number);
const char *guard_marks(const struct call *call, uint32_t number);
/* All of it is known: no expansion but a pattern. */
bool guard_is_literal(const struct call *call, uint32_t number);
bool guard_is(const struct call *call, uint32_t number, const char *text);
/* Whether an option is among the operands: a letter in a cluster, or a long one (any beginning of it that is at least 4 long). */
bool guard_has_option(const struct call *call, char letter, const char *name);
/* Whether a word is an option, and not an operand behind `--`. */
bool guard_is_option(const struct call *call, uint32_t number);
/* Whether one of the commands in a range writes what it downloads or decodes. */
bool guard_foreign(struct judge *judge, uint32_t from, uint32_t to);

/* ---- places, guardplace.c ---- */

enum guard_place {
	PLACE_OTHER,  /* in the scope, nowhere in particular, or unknown */
	PLACE_SYSTEM, /* a directory that the machine or the user cannot do without, or all that is in it; above the scope */
	PLACE_ROOT,   /* the same for the root, a home directory, or above the scope */
	PLACE_BELOW,  /* something in a directory of system files */
	PLACE_DEVICE, /* a disk, or memory */
	PLACE_KERNEL, /* /proc/sys and the like */
};
enum guard_place guard_place(const struct call *call, const struct ab_shell_word *word);
/* Whether a directory, as it is written, is one of system files: what is copied into it becomes one. */
bool guard_holds_system(const char *dir);
/* `cd` to this word from cwd: the new directory, "" when it is not known; the caller frees. */
char *guard_change(const struct judge *judge, const char *cwd, const struct ab_shell_word *word);
const char *guard_cwd(const struct judge *judge, uint32_t subshell);

/* ---- rules, guardrules.c ---- */

/* In the order of ab_guard_rules(). */
enum guard_rule_id {
	RULE_DELETE,
	RULE_PERMISSIONS,
	RULE_DEVICE,
	RULE_REMOTE_CODE,
	RULE_PRIVILEGE,
	RULE_FORK_BOMB,
	RULE_KILL_ALL,
	RULE_SHUTDOWN,
	RULE_KERNEL,
	RULE_SYSTEM_FILES,
	RULE_FIREWALL,
	RULE_UNREADABLE,
};
/* The rule that is against it, or NULL. */
const struct ab_guard_rule *guard_rule(const struct call *call);
/* Whether it writes to a file at such a place: by a redirection, tee, cp, dd and the like. */
bool guard_writes(const struct call *call, enum guard_place place);
/* One rule each, guardmachine.c. */
bool guard_rule_privilege(const struct call *call);
bool guard_rule_kill_all(const struct call *call);
bool guard_rule_shutdown(const struct call *call);
bool guard_rule_kernel(const struct call *call);
bool guard_rule_firewall(const struct call *call);
/* As guard_rule for a whole text; *start, *end: of the part. */
const struct ab_guard_rule *guard_rule_of_bomb(const struct judge *judge, size_t *start, size_t *end);
/* An interpreter's own reading: whether it takes its program from standard input; *text: or from this word (0: none). */
bool guard_reads_program(const struct call *call, uint32_t *text);

#endif
