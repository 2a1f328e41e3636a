/*
 * The directory of jobs: names, listing, removal. Only sys/job and sys/jobdir use this.
 *
 * A job's own name is "job_" and a ULID. Names that begin with a dot are not jobs: AB_JOBDIR_NEW before one
 * that is being made, AB_JOBDIR_OLD before one that is being removed; what a crash left of these is removed
 * by ab_job_gc().
 */
#ifndef AB_SYS_JOBDIR_H
#define AB_SYS_JOBDIR_H

#include <stdint.h>

#include "core/error.h"

#define AB_JOBDIR_NEW ".new-"
#define AB_JOBDIR_OLD ".old-"
#define AB_JOBDIR_ID_SIZE 40

/* Open the directory of the job that id means (ab_job_read says how) and give its full name. not_found,
 * input.invalid. */
int ab_jobdir_open(const char *id, char full[static AB_JOBDIR_ID_SIZE], struct ab_error *err) AB_MUST_USE;
/* Remove a job's directory: first renamed away, so that nobody reads half a job. Missing is no error. *freed
 * gets the bytes of its spools added; NULL: not wanted. True when it was there. */
bool ab_jobdir_remove(int jobs, const char *name, uint64_t *freed);

#endif
