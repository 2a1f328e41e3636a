/*
 * The front of `batch`: its own options, the defaults of every operation, and lines into calls. Private to
 * batch.
 *
 * A line becomes a call in the queue, also when it is wrong (its answer has its turn like any other), or is a
 * control operation and answered here and now.
 */
#ifndef AB_CORE_INTAKE_H
#define AB_CORE_INTAKE_H

#include "core/call.h"
#include "core/ndjson.h"
#include "core/out.h"
#include "core/request.h"

struct ab_call_list {
	struct ab_call *first, *last;
	size_t count;
};

struct ab_batch_options {
	int64_t jobs;
	int fail, host_paths, atomic;
	struct ab_list fixed;
};

enum {
	AB_BATCH_IDS = 1024,		       /* buckets */
	AB_BATCH_ATOMIC_BYTES = 256 * 1024 * 1024, /* of requests that happen together */
};

struct ab_batch {
	const struct ab_tool *tool;
	const struct ab_common *common;
	struct ab_batch_options options;
	struct ab_request_rules rules;
	struct ab_arena arena;	  /* of options and defaults */
	struct ab_args *defaults; /* one an operation, in the order of the table */

	struct ab_loop *loop;
	struct ab_watch in;
	struct ab_lines lines;
	struct ab_out out;
	struct ab_task pump_task;
	pid_t filter;
	int filter_fd, input_errno, signo;
	bool out_open, input_ended, pumping, gone, done;

	struct ab_call_list queue; /* read, not started */
	size_t queued_bytes;
	struct ab_call_list active; /* started, not ended */
	size_t running, endless;
	struct ab_call *current; /* in its run function just now */
	struct ab_call *ids[AB_BATCH_IDS];
	struct ab_call *spare;
	enum ab_errcode first_error;

	/* answers that wait for their commit */
	struct ab_buf held, held_ids; /* lines; for each '+', or '-' when it failed, its id and NUL */
	size_t held_count;
	int64_t held_since_ms;
	struct ab_error spoiled; /* --atomic: what was wrong with the first that failed; nothing will have happened */
	struct ab_timer settle_timer;
};

extern const struct ab_face ab_batch_face;

/* Parse the command line behind "batch" into options, common options and defaults (defaults.c). -1: usage. */
int ab_intake_init(
    struct ab_batch *batch, int argc, char **argv, struct ab_common *common, struct ab_error *err) AB_MUST_USE;
void ab_intake_release(struct ab_batch *batch);
/* Turn whole lines into calls while there is room (256 requests, 16 MiB). True when there was any line. */
bool ab_intake_lines(struct ab_batch *batch);
/* The operation and the parameters of a request within a request, with the batch's defaults. */
int ab_intake_nested(struct ab_batch *batch, struct ab_call *call, const struct ab_value *request, struct ab_error *err) AB_MUST_USE;
bool ab_intake_has_room(const struct ab_batch *batch);
/* More than 16 MiB of answers wait for a slow reader: nothing new is begun. */
bool ab_intake_is_choked(const struct ab_batch *batch);
/* Take a call out of the queue. */
void ab_intake_take(struct ab_batch *batch, struct ab_call *call);
/* Its id is free again. */
void ab_intake_forget_id(struct ab_batch *batch, struct ab_call *call);
/* The call is over: its memory serves the next. */
void ab_intake_recycle(struct ab_batch *batch, struct ab_call *call);
void ab_intake_link(struct ab_call_list *list, struct ab_call *call);
void ab_intake_unlink(struct ab_call_list *list, struct ab_call *call);

#endif
