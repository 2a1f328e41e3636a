/*
 * Tool chains under the home directory that PATH leads to: one table of manager, root to expose read-only, variables to set,
 * credential files to hide. Caches (CARGO_HOME, GOPATH, GOCACHE, npm) go to the private HOME.
 */
#ifndef AB_SYS_TOOLCHAIN_H
#define AB_SYS_TOOLCHAIN_H

#include <stdbool.h>

#include "sys/plan.h"

/* A row of the table; paths are relative to the home directory (root) or to the root (the rest). */
struct ab_toolchain {
	const char *name;
	const char *variable;  /* names the root when it is set; NULL: none */
	bool set;	       /* and is set inside */
	const char *root;      /* without the variable */
	const char *bin;       /* a PATH entry at or below it leads to the tool chain; "" the root; NULL: only by `with` of another row */
	const char *expose[3]; /* what is shown; all NULL: the whole root */
	const char *mask[3];   /* what is hidden of that: credentials, and what cannot work on what is read-only */
	const char *with;      /* name of the row that is shown along, or NULL */
	bool links;	       /* so are the rows that symbolic links in it lead to */
};
/* Ends with name NULL. */
extern const struct ab_toolchain ab_toolchains[];

/*
 * From the caller's environment and home directory: BIND entries for each manager that PATH (or its variable) leads to, MASK
 * entries for its credential files, variables (appended to *env, "NAME=VALUE") and the PATH for inside (relative entries, HOME
 * itself, what is above HOME and what is below it and not shown are dropped; each once), which the caller frees. home may be NULL
 * (no home directory). Call it when the tree and what was asked for are in the plan: nothing is laid over what is writable there.
 */
char *ab_toolchain_plan(struct ab_plan *plan, const char *home, const char *path, char ***env, size_t *env_count);

#endif
