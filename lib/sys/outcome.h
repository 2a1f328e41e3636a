/*
 * What became of a run: one judgement from everything that is known at its end. Pure: no system calls.
 *
 * Status as timeout(1) has it: the command's own; 124 timeout or idle timeout; 125 ours; 126 found but not
 * executable; 127 not found; 128+n died of a signal, or was ended because ab-exec got one. The first cause
 * counts: a command that exits 0 on the TERM of its timeout has timed out all the same.
 */
#ifndef AB_SYS_OUTCOME_H
#define AB_SYS_OUTCOME_H

#include "sys/spawn.h"

enum ab_reason {
	AB_REASON_EXIT,
	AB_REASON_SIGNAL,
	AB_REASON_TIMEOUT,
	AB_REASON_IDLE_TIMEOUT,
	AB_REASON_CANCELLED,
	AB_REASON_OOM,
	AB_REASON_LIMIT,
	AB_REASON_DENIED,
	AB_REASON_FAILED,
	AB_REASON_LOST,
	AB_REASON_COUNT
};
const char *ab_reason_name(enum ab_reason reason);

enum {
	AB_LIMIT_MEMORY = 1 << 0,
	AB_LIMIT_CPU = 1 << 1,
	AB_LIMIT_PIDS = 1 << 2,
	AB_LIMIT_FILE_SIZE = 1 << 3,
	AB_LIMIT_SPOOL = 1 << 4
};

struct ab_outcome {
	enum ab_reason reason;
	bool started;	     /* the command was exec'ed */
	int exit_code;	     /* reason exit; else -1 */
	int signal;	     /* signal the command died of (SIGKILL when everything was killed at once), or 0 */
	/* What ab-exec's exit status says: 0..255, 124, 125, 126, 127, 128+n. For reason cancelled n is the signal that ab-exec
	   got (TERM for ab_run_cancel), whatever the command died of in the end. */
	int status;
	int64_t started_unix_ms, wall_us, setup_us; /* wall: of the command, from exec to its end; setup: before */
	int64_t user_us, sys_us, max_rss_bytes;
	bool usage_of_cgroup;
	bool oom;
	unsigned limits_hit; /* AB_LIMIT_* */
	unsigned survivors_killed;
	ab_promises missing;
	bool spool_truncated;
	struct ab_error error; /* reason failed, denied: why; code AB_E_NONE otherwise */
};

/* What is known when everything inside is dead. */
struct ab_ending {
	const struct ab_plan *plan;
	bool exited; /* init told how the command ended; else it was killed with all that was inside */
	int wait_status;
	enum ab_reason forced; /* why we ended it: TIMEOUT, IDLE_TIMEOUT, CANCELLED; EXIT: we did not */
	int forced_signo;      /* CANCELLED: the signal that ab-exec got */
	bool sampled_memory, sampled_cpu; /* init ended it at that limit */
	uint64_t oom_kills, pids_refused; /* what the cgroup counted */
	const char *copy_name; /* a stream that could not be copied to the end, for another reason than EPIPE; or NULL */
	int copy_errno;
};

/* Reason, exit code, signal, status, oom, limits, error. outcome->started is set; the rest of it is the
 * caller's. */
void ab_outcome_judge(struct ab_outcome *outcome, const struct ab_ending *ending);
/* The command was never started: init said why. */
void ab_outcome_fail(struct ab_outcome *outcome, const struct ab_plan *plan, const struct ab_msg *failed);

#endif
