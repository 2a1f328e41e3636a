/* How far something is that takes long: one line on a terminal, written over and in the end taken away. Nothing at all elsewhere. */
#ifndef AB_CORE_PROGRESS_H
#define AB_CORE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

struct ab_progress {
	bool on, shown;
	int64_t next_ms; /* not before: a terminal is slow */
};

/* On stderr, when it is a terminal and not quiet. */
void ab_progress_begin(struct ab_progress *progress, bool quiet);
/* In the place of what was there; at most ten a second, but the first. */
void ab_progress_show(struct ab_progress *progress, const char *fmt, ...) AB_PRINTF(2, 3);
/* The line is empty again. */
void ab_progress_end(struct ab_progress *progress);

#endif
