/*
 * Background jobs without a daemon: a directory AB_HOME/jobs/ID each, alive as long as its lock is held.
 *
 * The supervisor holds flock(2) on `lock`, closed in every child; lock free and no result = lost, written by whoever takes the
 * lock. Files: meta.json (at start), stdout, stderr (spools), result.json (temporary file, fsync, rename, before unlocking),
 * control (FIFO for kill; ENXIO = dead). Kept spools of finished runs are jobs too.
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
	int control_fd; /* read end of the FIFO, for the supervisor */
};

/* Make a job: directory, lock taken, spools open for append, FIFO open. meta: one JSON object's text (what, scope, started_at; no
 * secrets). */
int ab_job_create(struct ab_job *job, const char *meta, struct ab_error *err) AB_MUST_USE;
/* Write result.json atomically, then let the lock go. */
int ab_job_finish(struct ab_job *job, const char *result, size_t len, struct ab_error *err) AB_MUST_USE;
/* Drop a job that turned out not to be wanted (a spool of which no byte was left out). */
void ab_job_discard(struct ab_job *job);
void ab_job_close(struct ab_job *job);

enum ab_job_state { AB_JOB_RUNNING, AB_JOB_DONE, AB_JOB_LOST };
struct ab_job_info {
	char id[40];
	enum ab_job_state state;
	struct ab_buf meta;   /* JSON text */
	struct ab_buf result; /* JSON text, when done or lost */
};
/* id: whole, or an unambiguous prefix. not_found names it. */
int ab_job_read(const char *id, struct ab_job_info *info, struct ab_error *err) AB_MUST_USE;
void ab_job_info_release(struct ab_job_info *info);
/* All ids, oldest first; the caller frees. */
char **ab_job_list(struct ab_error *err) AB_MUST_USE;
/* A descriptor on its stdout or stderr spool. */
int ab_job_open_output(const char *id, bool stderr_stream, struct ab_error *err) AB_MUST_USE;
/* A descriptor on which flock(LOCK_SH) returns when the job is over. */
int ab_job_open_lock(const char *id, struct ab_error *err) AB_MUST_USE;
/* Write signo to the FIFO. gone when the job is over. */
int ab_job_signal(const char *id, int signo, struct ab_error *err) AB_MUST_USE;
/* Remove finished jobs older than age_ms, and oldest first until all spools together are ≤ max_bytes; returns the number. */
int ab_job_gc(int64_t age_ms, int64_t max_bytes, uint64_t *freed_bytes, struct ab_error *err) AB_MUST_USE;

#endif
