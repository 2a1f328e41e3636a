/*
 * What passes between sys/spawn (before clone) and the child side (sys/init and below): private to the
 * launcher.
 *
 * Between clone and exec a failure is errno and a step: what was being done, as a person reads it (`attach
 * "/usr"`).
 */
#ifndef AB_SYS_LAUNCH_H
#define AB_SYS_LAUNCH_H

#include "sys/bwrap.h"
#include "sys/spawn.h"

struct ab_fault {
	char step[96];
};
/* Note the step, keep errno, return -1. Defined in sandbox.c. */
int ab_fault_at(struct ab_fault *fault, const char *fmt, ...) AB_PRINTF(2, 3);

/* Everything init needs; it holds a copy from the fork. Descriptors are above 2. */
struct ab_launch {
	const struct ab_plan *plan;
	int channel;	   /* init's end */
	int stdio[3];	   /* become 0, 1, 2; stdin -1: /dev/null of the view */
	bool inherit;	   /* keep the caller's 0, 1, 2 */
	bool wait;	   /* for AB_REQUEST_GO */
	const int *source; /* a detached mount for each entry of the view, or -1: made inside. NULL: all made
			      inside */
	const struct ab_bwrap_start *bwrap; /* level bwrap; else NULL */
	ab_promises missing;	 /* what the preparation could not keep */
	char *words, *words_end; /* the memory that /proc/1/cmdline and /proc/1/environ show; NULL: unknown */
};

/* From the parent to init; nothing else is ever sent that way. */
enum ab_request_kind { AB_REQUEST_GO = 1, AB_REQUEST_SIGNAL_GROUP, AB_REQUEST_SIGNAL_ALL };
struct ab_request {
	int32_t kind;
	int32_t signo;
};

/* The path of plan->script inside, at level namespace. */
#define AB_SCRIPT_PATH "/run/ab/script"

/* The whole life of init. */
_Noreturn void ab_init_run(const struct ab_launch *launch);

#endif
