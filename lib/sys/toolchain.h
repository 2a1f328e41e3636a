/*
 * Tool chains under the home directory that PATH leads to: one table of manager, root to expose read-only, variables to set,
 * credential files to hide. Caches (CARGO_HOME, GOPATH, GOCACHE, npm) go to the private HOME.
 */
#ifndef AB_SYS_TOOLCHAIN_H
#define AB_SYS_TOOLCHAIN_H

#include "sys/plan.h"

/*
 * From the caller's environment and home directory: BIND entries for each manager that PATH (or its variable) leads to, MASK
 * entries for its credential files, variables (appended to *env, "NAME=VALUE") and the PATH for inside (relative entries, HOME
 * itself and what is above HOME dropped), which the caller frees. home may be NULL (no home directory).
 */
char *ab_toolchain_plan(struct ab_plan *plan, const char *home, const char *path, char ***env, size_t *env_count);

#endif
