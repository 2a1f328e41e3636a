/*
 * `ab-X batch`: requests on stdin, answers on stdout (contract section 2, "Batch").
 *
 * One loop. A line becomes a call; calls start in the order in which they were read, as slots (-j) are free;
 * the final line of each is written when it ends. What an operation cannot know of (ids, order, cancel,
 * back-pressure, commit) is done here.
 */
#ifndef AB_CORE_BATCH_H
#define AB_CORE_BATCH_H

#include "core/call.h"

/* The whole of it: parse argv (behind "batch"), serve, and give the exit status. *help: --help was asked for,
 *nothing was done. signo: the signal to die of (SIGPIPE: nobody reads). -1 with err: the status is the error's.
*/
int ab_batch_main(const struct ab_tool *tool, int argc, char **argv, struct ab_common *common, int *signo,
    struct ab_error *err) AB_MUST_USE;

#endif
