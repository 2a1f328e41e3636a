/*
 * The guard: whether a command, as it is written, would destroy the machine or hand it over.
 *
 * A seat belt, not a wall: it judges what the text says (sys/shell), by a closed table of rules; what only running would tell (a
 * variable as a command's name, a program's own code) it does not guess. The isolation is the wall.
 *
 * It looks through what only starts another command (env, nohup, timeout, xargs, sh -c, eval of a literal, …), follows `cd` to a
 * literal directory, and takes relative paths from the scope's. Linear in the text.
 */
#ifndef AB_SYS_GUARD_H
#define AB_SYS_GUARD_H

#include "core/error.h"

struct ab_guard_rule {
	const char *name;    /* stable: a word, "delete", "remote-code" */
	const char *what;    /* what it refuses */
	const char *why;
	const char *safer;   /* what to do instead */
	const char *example; /* a command that it refuses */
	const char *counter; /* one that looks like it and passes */
};

/* The table, ended by a NULL name. */
const struct ab_guard_rule *ab_guard_rules(void);

/* Where the command would run. All borrowed, none need exist. */
struct ab_guard_place {
	const char *scope; /* the scope's directory: what lies in it may be deleted. Canonical, or NULL */
	const char *cwd;   /* NULL: the scope's directory */
};

#define AB_GUARD_PART_SIZE 160
struct ab_guard_verdict {
	const struct ab_guard_rule *rule;  /* NULL: nothing against it */
	char part[AB_GUARD_PART_SIZE]; /* the offending part as it is written, cut at a character; UTF-8 when the text was */
};

/* Judge shell text of any bytes. True: dangerous. */
bool ab_guard_text(const char *text, size_t len, const struct ab_guard_place *place, struct ab_guard_verdict *verdict);
/* The same for a program and its arguments, run without a shell; NULL-ended. */
bool ab_guard_argv(char *const *argv, const struct ab_guard_place *place, struct ab_guard_verdict *verdict);
/* err says what a verdict means: denied.dangerous, the part as its operation, the safer way as its hint. Always -1. */
int ab_guard_refuse(const struct ab_guard_verdict *verdict, struct ab_error *err);

#endif
