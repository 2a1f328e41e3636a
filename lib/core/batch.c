/* `ab-X batch`: the loop, the queue, the slots, the end. What a line asks for is intake.c's. */
#include "core/batch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "core/filter.h"
#include "core/intake.h"
#include "core/mem.h"
#include "core/time.h"
#include "core/tool.h"

enum {
	SLICE_MS = 10,		       /* of work before the loop looks at signals and timers again */
	SETTLE_COUNT = 1000,	       /* answers of one commit (contract section 8) */
	SETTLE_BYTES = 1024 * 1024,
	SETTLE_MS = 10,
	ATOMIC_BYTES = 256 * 1024 * 1024, /* of the answers of --atomic, which wait for each other */
};

/* ---- answers ---- */

static void
emit(struct ab_batch *batch, const char *text, size_t len)
{
	ab_out_line(&batch->out, text, len);
}

/* The error that takes the place of an answer whose commit failed. */
static void
emit_uncommitted(struct ab_batch *batch, const char *id, const struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(64 * 1024);
	struct ab_json json;

	ab_json_begin(&json, &text, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	ab_json_raw(&json, "id", id, strlen(id));
	ab_json_error(&json, "error", err);
	ab_json_object_end(&json);
	emit(batch, text.data, text.len);
}

/* Together or not at all: who failed says why, and the others that they were not done. */
static void
emit_undone(struct ab_batch *batch)
{
	const char *line = batch->held.data, *end = line + batch->held.len;

	for (size_t at = 0; at < batch->held_ids.len; at += strlen(batch->held_ids.data + at) + 1) {
		const char *id = batch->held_ids.data + at, *next = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
		if (*id == '-')
			emit(batch, line, (size_t)(next - line));
		else
			emit_uncommitted(batch, id + 1, &batch->spoiled);
		line = next;
	}
}

static void
settle(struct ab_batch *batch)
{
	struct ab_error err = AB_ERROR_INIT;
	size_t at = 0;

	ab_loop_disarm(batch->loop, &batch->settle_timer);
	if (batch->held_count == 0)
		return;
	if (batch->spoiled.code != AB_E_NONE) {
		batch->tool->undo(batch->tool->state);
		emit_undone(batch);
	} else if (batch->tool->settle(batch->tool->state, &err) == 0) {
		emit(batch, batch->held.data, batch->held.len);
	} else {
		if (batch->first_error == AB_E_NONE)
			batch->first_error = err.code;
		for (; at < batch->held_ids.len; at += strlen(batch->held_ids.data + at) + 1)
			emit_uncommitted(batch, batch->held_ids.data + at + 1, &err);
	}
	batch->held_count = 0;
	ab_buf_truncate(&batch->held, 0);
	ab_buf_truncate(&batch->held_ids, 0);
}

static void
settle_fired(struct ab_timer *timer)
{
	settle(timer->data);
}

/* An answer follows its commit. */
static void
hold(struct ab_batch *batch, struct ab_call *call)
{
	const char *id = call->id != NULL ? call->id : "null";
	bool failed = call->failed || call->error.code != AB_E_NONE;

	if (batch->options.atomic == 1 && !failed && batch->held.len + call->text.len > ATOMIC_BYTES) {
		ab_fail(&call->error, AB_E_LIMIT_SIZE, "the answers of this batch together are longer than 256 MiB");
		ab_call_write_error(call, &call->error);
		failed = true;
	}
	ab_buf_putc(&batch->held_ids, failed ? '-' : '+');
	if (batch->options.atomic == 1) {
		batch->held_count++;
		ab_buf_put(&batch->held, call->text.data, call->text.len);
		ab_buf_put(&batch->held_ids, id, strlen(id) + 1);
		if (failed && batch->spoiled.code == AB_E_NONE && call->id != NULL)
			ab_fail(&batch->spoiled, AB_E_CANCELLED, "not done: request %s of this batch failed (%s)", id, ab_errcode_name(call->error.code));
		else if (failed && batch->spoiled.code == AB_E_NONE)
			ab_fail(&batch->spoiled, AB_E_CANCELLED, "not done: line %llu of this batch failed (%s)", (unsigned long long)call->line,
			    ab_errcode_name(call->error.code));
		return;
	}
	if (batch->held_count++ == 0) {
		batch->held_since_ms = ab_now_ms();
		ab_loop_arm(batch->loop, &batch->settle_timer, batch->held_since_ms + SETTLE_MS);
	}
	ab_buf_put(&batch->held, call->text.data, call->text.len);
	ab_buf_put(&batch->held_ids, id, strlen(id) + 1);
	if (batch->held_count >= SETTLE_COUNT || batch->held.len >= SETTLE_BYTES ||
	    ab_now_ms() - batch->held_since_ms >= SETTLE_MS)
		settle(batch);
}

/* ---- the face ---- */

static struct ab_loop *
batch_loop(struct ab_call *call)
{
	struct ab_batch *batch = call->face_data;

	return batch->loop;
}

static void
batch_put(struct ab_call *call, enum ab_put what)
{
	struct ab_batch *batch = call->face_data;

	if (call->abandoned)
		return;
	if (what == AB_PUT_RECORD && batch->tool->settle != NULL)
		hold(batch, call);
	else
		emit(batch, call->text.data, call->text.len);
}

static size_t
batch_queued(struct ab_call *call)
{
	struct ab_batch *batch = call->face_data;

	return ab_out_pending(&batch->out);
}

static void
forget(struct ab_batch *batch, struct ab_call *call)
{
	ab_intake_unlink(&batch->active, call);
	batch->running -= call->slot;
	batch->endless -= call->endless_counted;
	call->slot = call->endless_counted = false;
}

static void
batch_ended(struct ab_call *call)
{
	struct ab_batch *batch = call->face_data;
	bool expected = call->cancelled == AB_CANCEL_INPUT_END;

	if (call->error.code != AB_E_NONE && !expected && batch->first_error == AB_E_NONE)
		batch->first_error = call->error.code;
	if (batch->current == call)
		batch->current = NULL;
	if (!call->abandoned)
		forget(batch, call);
	ab_intake_recycle(batch, call);
	if (!batch->pumping)
		ab_loop_defer(batch->loop, &batch->pump_task);
}

static void
batch_settle(struct ab_call *call)
{
	struct ab_batch *batch = call->face_data;

	if (batch->options.atomic != 1)
		settle(batch);
}

const struct ab_face ab_batch_face = {
	.batch = true,
	.loop = batch_loop,
	.put = batch_put,
	.queued = batch_queued,
	.settle = batch_settle,
	.ended = batch_ended,
};

/* ---- starting ---- */

/* --atomic: when one has failed nothing more is done; and not everything can be done with others. */
static void
refuse_part(struct ab_batch *batch, struct ab_call *call)
{
	if (batch->spoiled.code != AB_E_NONE)
		call->error = batch->spoiled;
	else if ((call->op->flags & AB_OP_NESTS) == 0)
		ab_fail(&call->error, AB_E_UNSUPPORTED, "\"%s\" cannot be part of an atomic batch", call->op->name);
	else
		return;
	call->failed = true;
}

static void
start(struct ab_batch *batch, struct ab_call *call)
{
	struct ab_error err;

	ab_intake_take(batch, call);
	ab_intake_link(&batch->active, call);
	if (batch->options.atomic == 1 && !call->failed)
		refuse_part(batch, call);
	if (call->failed) {
		err = call->error;
		ab_call_fail(call, &err);
		return;
	}
	call->slot = !call->endless;
	batch->running += call->slot;
	batch->current = call;
	ab_call_run(call);
	/* Gone by now, unless it is pending. */
	if (batch->current != call)
		return;
	batch->current = NULL;
	if (!call->endless)
		return;
	if (call->slot)
		batch->running--;
	call->slot = false;
	call->endless_counted = true;
	batch->endless++;
}

/* The next that may start: the first, or behind it when all slots are taken the first that needs none. */
static struct ab_call *
next_to_start(const struct ab_batch *batch)
{
	bool full = batch->running >= (size_t)batch->options.jobs;

	if (!full || batch->queue.first == NULL)
		return batch->queue.first;
	for (struct ab_call *call = batch->queue.first; call != NULL; call = call->next_call)
		if (!call->failed && call->endless)
			return call;
	/* With several slots final lines come as they are ready: what is refused need not wait. */
	if (batch->options.jobs > 1)
		for (struct ab_call *call = batch->queue.first; call != NULL; call = call->next_call)
			if (call->failed)
				return call;
	return NULL;
}

/* False when time is up. */
static bool
start_some(struct ab_batch *batch, int64_t until_ms)
{
	/* Nobody waits for a writer who waits for its input. */
	if (batch->options.atomic == 1 && !batch->input_ended)
		return true;
	for (;;) {
		struct ab_call *call = ab_intake_is_choked(batch) ? NULL : next_to_start(batch);
		if (call == NULL)
			return true;
		start(batch, call);
		if (ab_now_ms() >= until_ms)
			return false;
	}
}

/* ---- ending ---- */

/* Those that cannot be asked to end are answered for, and left behind. */
static void
cancel_active(struct ab_batch *batch, enum ab_cancel_reason reason, bool endless_only)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_call *next;

	ab_fail(&err, AB_E_CANCELLED, "cancelled");
	for (struct ab_call *call = batch->active.first; call != NULL; call = next) {
		next = call->next_call;
		if ((endless_only && !call->endless_counted) || call->cancelled != AB_CANCEL_NONE)
			continue;
		if (ab_call_cancel(call, reason)) {
			/* It may have ended, and others with it: begin again, those that were asked are passed
			 * over. */
			next = batch->active.first;
			continue;
		}
		if (!call->pending)
			continue;
		call->cancelled = reason;
		if (reason != AB_CANCEL_READER_GONE) {
			ab_call_write_error(call, &err);
			batch_put(call, AB_PUT_RECORD);
		}
		forget(batch, call);
		ab_intake_forget_id(batch, call);
		call->abandoned = true;
	}
}

static bool
finished(struct ab_batch *batch)
{
	if (!batch->input_ended || batch->queue.first != NULL || batch->running > 0)
		return false;
	/* Lines that were read may wait for the reader of answers. */
	if (ab_intake_is_choked(batch) && !batch->gone && batch->signo == 0)
		return false;
	if (batch->active.first != NULL)
		cancel_active(batch, AB_CANCEL_INPUT_END, true);
	return batch->active.first == NULL;
}

static void
end_input(struct ab_batch *batch)
{
	batch->input_ended = true;
	ab_loop_remove(batch->loop, &batch->in);
}

static void
stop_everything(struct ab_batch *batch, enum ab_cancel_reason reason)
{
	struct ab_error err = AB_ERROR_INIT;

	end_input(batch);
	ab_fail(&err, AB_E_CANCELLED, "cancelled before it began");
	for (struct ab_call *call = batch->queue.first; call != NULL; call = call->next_call)
		if (!call->failed) {
			call->failed = true;
			call->error = err;
		}
	cancel_active(batch, reason, false);
	ab_loop_defer(batch->loop, &batch->pump_task);
}

static void
reader_gone(void *data)
{
	struct ab_batch *batch = data;

	batch->gone = true;
	stop_everything(batch, AB_CANCEL_READER_GONE);
}

static void
signalled(int signo, void *data)
{
	struct ab_batch *batch = data;

	/* The second one, or the answers are waiting for a reader who does not come. */
	if (batch->signo != 0 || batch->done)
		ab_tool_die(signo);
	batch->signo = signo;
	stop_everything(batch, AB_CANCEL_SIGNAL);
}

/* ---- the pump ---- */

/* Whether more requests are at hand, so that a commit may wait for them. */
static bool
more_at_hand(const struct ab_batch *batch)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	if (batch->input_ended || batch->running > 0)
		return false;
	return batch->queue.first != NULL || poll(&in, 1, 0) > 0;
}

/* More than is kept in memory. */
static void
give_up_atomic(struct ab_batch *batch)
{
	end_input(batch);
	if (batch->queue.first != NULL && !batch->queue.first->failed) {
		batch->queue.first->failed = true;
		ab_fail(&batch->queue.first->error, AB_E_LIMIT_SIZE, "an atomic batch has at most 256 MiB of requests");
	}
	ab_loop_defer(batch->loop, &batch->pump_task);
}

static void
finish_round(struct ab_batch *batch)
{
	if (batch->held_count > 0 && batch->options.atomic != 1 && !more_at_hand(batch))
		settle(batch);
	if (batch->options.atomic == 1 && !batch->input_ended && !ab_intake_has_room(batch))
		give_up_atomic(batch);
	if (!batch->input_ended)
		ab_loop_set(
		    batch->loop, &batch->in, ab_intake_has_room(batch) ? AB_READABLE : 0);
	if (!finished(batch))
		return;
	settle(batch);
	batch->done = true;
	if (ab_out_pending(&batch->out) == 0 || batch->out.gone)
		ab_loop_stop(batch->loop);
}

static void
pump(struct ab_batch *batch)
{
	int64_t until_ms = ab_now_ms() + SLICE_MS;
	bool more = true;

	if (batch->pumping)
		return;
	batch->pumping = true;
	while (more) {
		more = ab_intake_lines(batch);
		if (!start_some(batch, until_ms)) {
			/* There may be more: look at the loop and come back. */
			ab_loop_defer(batch->loop, &batch->pump_task);
			batch->pumping = false;
			return;
		}
	}
	batch->pumping = false;
	finish_round(batch);
}

static void
pump_again(struct ab_task *task)
{
	pump(task->data);
}

static void
drained(void *data)
{
	struct ab_batch *batch = data;

	ab_loop_defer(batch->loop, &batch->pump_task);
}

static void
readable(struct ab_watch *watch, unsigned events)
{
	struct ab_batch *batch = watch->data;
	size_t room;
	char *to = ab_lines_reserve(&batch->lines, &room);
	ssize_t got = read(STDIN_FILENO, to, room);

	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0)
		batch->input_errno = errno;
	if (got > 0) {
		ab_lines_commit(&batch->lines, (size_t)got);
	} else {
		ab_lines_end(&batch->lines);
		end_input(batch);
	}
	pump(batch);
}

/* ---- the whole ---- */

static int
open_ends(struct ab_batch *batch, struct ab_error *err)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
	int fd = STDOUT_FILENO;

	batch->loop = ab_loop_new(err);
	if (batch->loop == NULL || ab_loop_signals(batch->loop, signals, signalled, batch, err) < 0)
		return -1;
	if (batch->common->jq != NULL && ab_filter_start(batch->common->jq, batch->common->raw > 0,
					     &batch->filter, &batch->filter_fd, err) < 0)
		return -1;
	if (batch->filter_fd >= 0)
		fd = batch->filter_fd;
	if (ab_out_open(&batch->out, fd, batch->loop, err) < 0)
		return -1;
	batch->out_open = true;
	batch->out.on_gone = reader_gone;
	batch->out.on_drained = drained;
	batch->out.data = batch;
	batch->pump_task = (struct ab_task){ .run = pump_again, .data = batch };
	batch->settle_timer =
	    (struct ab_timer){ .deadline_ms = AB_NEVER, .fired = settle_fired, .data = batch };
	batch->in =
	    (struct ab_watch){ .fd = STDIN_FILENO, .events = AB_READABLE, .ready = readable, .data = batch };
	return ab_loop_add(batch->loop, &batch->in, err);
}

/* Everything is answered: what the process ends with. */
static int
conclude(struct ab_batch *batch, int *signo, struct ab_error *err)
{
	int filter = 0, rc = batch->out_open ? ab_out_flush(&batch->out, err) : 0,
	    why = batch->out.failed_errno;

	/* A filter that is slow now must not keep us from being interrupted. */
	sigprocmask(SIG_SETMASK, ab_loop_original_mask(batch->loop), NULL);
	if (batch->filter >= 0) {
		ab_out_close(&batch->out);
		batch->out_open = false;
		ab_close_indirect(&batch->filter_fd);
		filter = ab_filter_wait(batch->filter, err);
		if (filter == 128 + SIGPIPE)
			*signo = SIGPIPE;
		if (filter != 0)
			return filter;
	}
	if (rc < 0 && why == EPIPE) {
		*signo = SIGPIPE;
		return 0;
	}
	if (rc < 0)
		return -1;
	if (batch->signo != 0)
		return 128 + batch->signo;
	if (batch->input_errno != 0)
		return ab_fail_errno(err, batch->input_errno, "read stdin");
	return batch->options.fail > 0 || batch->options.atomic > 0 ? ab_errcode_status(batch->first_error) : 0;
}

static void
release(struct ab_batch *batch)
{
	if (batch->out_open)
		ab_out_close(&batch->out);
	ab_close_indirect(&batch->filter_fd);
	ab_buf_release(&batch->held);
	ab_buf_release(&batch->held_ids);
	ab_intake_release(batch);
	ab_loop_free(batch->loop);
}

static int
serve(struct ab_batch *batch, int *signo, struct ab_error *err)
{
	if (open_ends(batch, err) < 0 || ab_loop_run(batch->loop, err) < 0)
		return -1;
	return conclude(batch, signo, err);
}

int
ab_batch_main(const struct ab_tool *tool, int argc, char **argv, struct ab_common *common, int *signo,
    struct ab_error *err)
{
	struct ab_batch batch = { .tool = tool, .common = common, .filter = -1, .filter_fd = -1 };

	ab_buf_init(&batch.held, SIZE_MAX / 4); /* an answer more than the bounds above */
	ab_buf_init(&batch.held_ids, SIZE_MAX / 4);
	int rc = ab_intake_init(&batch, argc, argv, common, err);
	if (rc == 0 && common->help == 0)
		rc = serve(&batch, signo, err);
	release(&batch);
	return rc;
}
