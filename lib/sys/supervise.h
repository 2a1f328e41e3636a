/*
 * One run from start to outcome, on the loop: pump the pipes, keep the deadlines, pass signals on, end everything.
 *
 * The command never blocks on our account (we always read), a held pipe never delays the answer (after init is dead we read to
 * end-of-file; a descriptor that got out by SCM_RIGHTS gets 100 ms of silence), a slow reader of ours delays no deadline.
 */
#ifndef AB_SYS_SUPERVISE_H
#define AB_SYS_SUPERVISE_H

#include "core/loop.h"
#include "sys/capture.h"
#include "sys/netgate.h"
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

enum { AB_LIMIT_MEMORY = 1 << 0, AB_LIMIT_CPU = 1 << 1, AB_LIMIT_PIDS = 1 << 2, AB_LIMIT_FILE_SIZE = 1 << 3, AB_LIMIT_SPOOL = 1 << 4 };

struct ab_outcome {
	enum ab_reason reason;
	bool started;	     /* the command was exec'ed */
	int exit_code;	     /* reason exit; else -1 */
	int signal;	     /* signal the command died of, or 0 */
	int status;	     /* what ab-exec's exit status says: 0..255, 124, 125, 126, 127, 128+n */
	int64_t started_unix_ms, wall_us, setup_us;
	int64_t user_us, sys_us, max_rss_bytes;
	bool usage_of_cgroup;
	bool oom;
	unsigned limits_hit; /* AB_LIMIT_* */
	unsigned survivors_killed;
	ab_promises missing;
	bool spool_truncated;
	struct ab_error error; /* reason failed, denied: why; code AB_E_NONE otherwise */
};

/* Where output goes; any combination. All borrowed until `done`. */
struct ab_run_io {
	/* stdin: bytes, or a descriptor that is pumped (never handed on), or neither (/dev/null) */
	const char *stdin_data;
	size_t stdin_len;
	int stdin_fd; /* -1: none. A seekable one is put back by what was not consumed */
	/* transparent: copy to these descriptors unchanged (never handed on); -1: not. EPIPE closes our read end, so that the
	   command gets SIGPIPE */
	int copy_out, copy_err;
	struct ab_capture *keep_out, *keep_err; /* NULL: not kept */
	int spool_out, spool_err;		/* append everything here up to spool_max; -1: not. A failing spool never changes the
						   result */
	int64_t spool_max;
	/* called for each chunk as it arrives (stream); 0 = stdout, 1 = stderr; NULL: not */
	void (*chunk)(void *data, int stream, const char *bytes, size_t len);
	/* called once when the command has been exec'ed (never when that failed); NULL: not */
	void (*started)(void *data);
	void *data;
	/* backpressure for copy_* is ours: while the reader of ours is slow and nothing is kept, we stop reading */
};

struct ab_run; /* opaque */

/*
 * Start the plan. plan and io are borrowed until `done` is called, once, from the loop (also when starting failed: then with
 * reason failed). The outcome is valid during the call; the run is freed after it.
 */
struct ab_run *ab_run_start(struct ab_loop *loop, const struct ab_plan *plan, const struct ab_run_io *io,
    void (*done)(void *data, const struct ab_outcome *outcome, const struct ab_netgate *gate), void *data);

/* TERM, grace, KILL; the outcome's reason is cancelled. */
void ab_run_cancel(struct ab_run *run);
/* Pass a signal that ab-exec got to the command: INT and QUIT once without a clock; a second one, TERM and HUP begin TERM, grace,
 * KILL. TSTP stops everything inside; CONT continues it. */
void ab_run_signal(struct ab_run *run, int signo);

#endif
