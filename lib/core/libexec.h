/* Programs of ours that are not for people, in libexec/ab: what is heavy and rare lives there, so that nothing else pays for it. */
#ifndef AB_CORE_LIBEXEC_H
#define AB_CORE_LIBEXEC_H

#include <sys/types.h>

#include "core/error.h"

/*
 * Start one with `in` as its stdin, and `out` as its stdout (-1: ours), and our stderr; signals and their mask are those that a program
 * expects. argv[0] is its name. It is looked for in AB_LIBEXEC_DIR when that is set, else in ../libexec/ab beside our own executable, else
 * where `make install` put it. Both descriptors stay the caller's. -1: unsupported (it is not there), system.
 */
int ab_libexec_start(char *const *argv, int in, int out, pid_t *pid, struct ab_error *err) AB_MUST_USE;
/* Wait for its end. Its exit status, or 128+n; -1: system. */
int ab_libexec_wait(pid_t pid, struct ab_error *err) AB_MUST_USE;

#endif
