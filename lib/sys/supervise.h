/*
 * One run from start to outcome, on the loop: pump the pipes, keep the deadlines, pass signals on, end
 * everything.
 *
 * The command never blocks on our account (we always read), a held pipe never delays the answer (once init is
 * dead nothing inside can write any more: what is in the pipes then is read and that is the end, whoever else
 * holds a descriptor that got out), a slow reader of ours delays no deadline: after a timeout or a
 * cancellation it is not waited for. A command that ended by itself is waited for until a slow reader has all
 * of its output.
 *
 * Clocks: the timeout runs from the exec of the command to its end; the idle timeout from the last output (or
 * the exec), not while everything is stopped. A sandbox that is not set up within a minute has failed. Setup
 * counts for neither.
 */
#ifndef AB_SYS_SUPERVISE_H
#define AB_SYS_SUPERVISE_H

#include "core/loop.h"
#include "sys/capture.h"
#include "sys/netgate.h"
#include "sys/outcome.h"

/* Where output goes; any combination. All borrowed until `done`. */
struct ab_run_io {
	/* stdin: bytes, or a descriptor that is pumped (never handed on), or neither (/dev/null) */
	const char *stdin_data;
	size_t stdin_len;
	int stdin_fd; /* -1: none. A seekable one is put back by what was not consumed */
	/* transparent: copy to these descriptors unchanged (never handed on); -1: not. EPIPE closes our read
	   end, so that the command gets SIGPIPE */
	int copy_out, copy_err;
	struct ab_capture *keep_out, *keep_err; /* NULL: not kept */
	/* append everything here, up to spool_max in all; -1: not. A failing spool never changes the result */
	int spool_out, spool_err;
	int64_t spool_max;
	/* called for each chunk as it arrives (stream); 0 = stdout, 1 = stderr; NULL: not. A chunk may end
	   within a character. */
	void (*chunk)(void *data, int stream, const char *bytes, size_t len);
	/* called once, when the command has been exec'ed; NULL: not. Never called when done says that it was
	   not started. */
	void (*started)(void *data);
	void *data; /* for chunk and started */
	/* levels software and none: the command gets the caller's own 0, 1 and 2, and nothing above applies */
	bool inherit;
	/* backpressure for copy_* is ours: while the reader of ours is slow, we stop reading */
};

struct ab_run; /* opaque */

/*
 * Start the plan. plan and io are borrowed until `done` is called, once, from the loop and never before this
 * returns (also when starting failed: then with reason failed). The outcome and the gate (its violations;
 * NULL without a network of its own) are valid during the call; the run is freed after it. The process must
 * ignore SIGPIPE.
 */
struct ab_run *ab_run_start(struct ab_loop *loop, const struct ab_plan *plan, const struct ab_run_io *io,
    void (*done)(void *data, const struct ab_outcome *outcome, const struct ab_netgate *gate), void *data);

/* As a signal TERM to ab-exec: TERM, grace, KILL; the outcome's reason is cancelled. */
void ab_run_cancel(struct ab_run *run);
/*
 * Pass a signal that ab-exec got to the command. Never blocks.
 *
 * INT, QUIT: to its process group, once, without a clock. A second one (of either), TERM, HUP: TERM, grace,
 * KILL; the outcome is cancelled with status 128 + this signal. Before the command has been exec'ed any of
 * them ends everything at once. TSTP, TTIN, TTOU: everything inside is stopped; stopping itself is the
 * caller's part, after the call, and so is calling this with CONT when it runs again. Every other signal goes
 * to the group as it is.
 */
void ab_run_signal(struct ab_run *run, int signo);

#endif
