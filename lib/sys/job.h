/*
 * Background jobs without a daemon: a directory AB_HOME/jobs/ID each, alive as long as its lock is held.
 *
 * The supervisor holds flock(2) on `lock`, closed in every child; lock free and no result = lost, written by
 * whoever finds it so. Never by pid: a zombie of an unreaping parent answers kill(pid, 0), and pids are used
 * again. Files: meta.json (at start), stdout, stderr (spools), result.json (temporary file, fsync, rename,
 * before unlocking), control (FIFO, see fifo(7): one byte a signal; ENXIO = dead, gone = finished). A job appears under its
 * name only when it is complete (rename of the directory), so nobody ever sees one without its lock or its
 * meta. Kept spools of finished runs are jobs too.
 */
#ifndef AB_SYS_JOB_H
#define AB_SYS_JOB_H

#include <stdint.h>

#include "core/error.h"
#include "core/json.h"

struct ab_job {
	char id[40]; /* "job_" and a ULID */
	int dir_fd;
	int lock_fd;	/* held by the supervisor; -1 otherwise */
	int out_fd, err_fd; /* spools, for the supervisor */
	int control_fd; /* read end of the FIFO, non-blocking, for the supervisor's loop */
};

#define AB_JOB_INIT { .id = "", .dir_fd = -1, .lock_fd = -1, .out_fd = -1, .err_fd = -1, .control_fd = -1 }

/* Make a job: directory, lock taken, spools open for append, FIFO open. meta: one JSON object's text (what,
 * scope, started_at; no secrets). When meta is NULL the job is not to be seen yet: ab_job_publish() gives it
 * its meta and its name. */
int ab_job_create(struct ab_job *job, const char *meta, struct ab_error *err) AB_MUST_USE;
int ab_job_publish(struct ab_job *job, const char *meta, struct ab_error *err) AB_MUST_USE;
/* Cut the end of the longer spool where the disk has not room for a result of len bytes: only for spools that are not whole
 * already, because it was their job that filled the disk. */
void ab_job_make_room(const struct ab_job *job, size_t len);
/* Write result.json atomically, then let the lock go. */
int ab_job_finish(struct ab_job *job, const char *result, size_t len, struct ab_error *err) AB_MUST_USE;
/* Drop a job that turned out not to be wanted (a spool of which no byte was left out), published or not; it
 * is closed too. */
void ab_job_discard(struct ab_job *job);
/* Close the descriptors. The lock goes with the last process that has them, so a supervisor that was forked
 * off keeps it. */
void ab_job_close(struct ab_job *job);
/* The next signal number that ab_job_signal() sent, or 0 when there is none. */
int ab_job_receive(struct ab_job *job);

enum ab_job_state { AB_JOB_RUNNING, AB_JOB_DONE, AB_JOB_LOST };
struct ab_job_info {
	char id[40];
	enum ab_job_state state;
	struct ab_buf meta;   /* JSON text */
	struct ab_buf result; /* JSON text, when done or lost */
};
/* id: whole, or an unambiguous prefix ("01J…" without "job_" too). not_found names it; several:
 * input.invalid. */
int ab_job_read(const char *id, struct ab_job_info *info, struct ab_error *err) AB_MUST_USE;
void ab_job_info_release(struct ab_job_info *info);
/* All ids, oldest first; the caller frees. */
char **ab_job_list(struct ab_error *err) AB_MUST_USE;
/* A descriptor on its stdout or stderr spool. */
int ab_job_open_output(const char *id, bool stderr_stream, struct ab_error *err) AB_MUST_USE;
/* A descriptor on which flock(LOCK_SH) returns when the job is over. */
int ab_job_open_lock(const char *id, struct ab_error *err) AB_MUST_USE;
/* The same to poll, with a timeout or on a loop: a descriptor that reports POLLERR (AB_HANGUP) when the job is
 * over; then its result is there, or it is lost: ab_job_read(). gone when it is over already. */
int ab_job_open_wait(const char *id, struct ab_error *err) AB_MUST_USE;
/* Write signo to the FIFO. gone when the job is over. */
int ab_job_signal(const char *id, int signo, struct ab_error *err) AB_MUST_USE;
/* Remove finished jobs older than age_ms (since they ended; negative: none), and oldest first until all
 * spools together are ≤ max_bytes (negative: no bound); returns the number. Running jobs are never touched.
 * dry_run: only count (the bytes of their spools). */
int ab_job_gc(int64_t age_ms, int64_t max_bytes, bool dry_run, uint64_t *freed_bytes, struct ab_error *err) AB_MUST_USE;

/*
 * Go on in the background: fork twice, setsid(2) in between, 0, 1 and 2 on /dev/null, every other descriptor
 * closed but those in keep (the job's). Returns 1 in the background process and 0 in the caller, each with an
 * end of one pipe in *report; -1 in the caller when it failed. The background process tells by
 * ab_job_report() what the caller shall print (the record of `start`, once the command has been exec'ed, or
 * why not), the caller waits for it by ab_job_await(). Call before a loop is made: its descriptors are not
 * kept.
 */
int ab_job_detach(const int *keep, size_t keep_count, int *report, struct ab_error *err) AB_MUST_USE;
/* Send text (at most 64 KiB) and close *report. A caller that has gone is no error. */
void ab_job_report(int *report, const char *text, size_t len);
/* Wait for the report and close *report. -1 system: the background process died without one. */
int ab_job_await(int *report, struct ab_buf *text, struct ab_error *err) AB_MUST_USE;

#endif
