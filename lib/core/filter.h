/* --jq: a child that runs a jq program over the records we write (libexec/ab/ab-jq; libjq costs too much to
 * link everywhere). */
#ifndef AB_CORE_FILTER_H
#define AB_CORE_FILTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/error.h"

/* Start ab-jq (core/libexec.h) with our stdout and stderr; its stdin is a pipe whose write end is *fd (CLOEXEC). -1: unsupported (it is
 * not there), system. */
int ab_filter_start(const char *program, bool raw, pid_t *pid, int *fd, struct ab_error *err) AB_MUST_USE;
/* Wait for its end (its stdin must be closed). Its exit status, or 128+n; -1: system. */
int ab_filter_wait(pid_t pid, struct ab_error *err) AB_MUST_USE;

#endif
