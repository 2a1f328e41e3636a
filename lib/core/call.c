/* A call: what an operation may do with its request, and the lines of its answer. */
#include "core/call.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/io.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/time.h"

enum {
	ANSWER_MAX = 512 * 1024 * 1024, /* of text: what operations write is bounded long before */
	TEXT_KEEP = 256 * 1024,		/* memory that a call keeps for the next request */
	BYTES_MAX = 16 * 1024 * 1024,	/* a value in a record */
};

void
ab_call_init(struct ab_call *call, const struct ab_tool *tool, const struct ab_common *common,
    const struct ab_face *face, void *face_data)
{
	*call = (struct ab_call){ .tool = tool, .common = common, .face = face, .face_data = face_data };
	ab_buf_init(&call->text, ANSWER_MAX);
	ab_buf_init(&call->bytes, BYTES_MAX);
}

void
ab_call_reset(struct ab_call *call)
{
	struct ab_buf text = call->text;
	struct ab_arena arena = call->arena;

	ab_value_free(call->request);
	ab_arena_reset(&arena);
	ab_buf_release(&call->bytes);
	if (text.room > TEXT_KEEP)
		ab_buf_release(&text);
	ab_buf_truncate(&text, 0);
	ab_call_init(call, call->tool, call->common, call->face, call->face_data);
	call->text = text;
	call->arena = arena;
}

void
ab_call_release(struct ab_call *call)
{
	ab_value_free(call->request);
	call->request = NULL;
	ab_arena_release(&call->arena);
	ab_buf_release(&call->text);
	ab_buf_release(&call->bytes);
}

void
ab_call_params(struct ab_call *call, const struct ab_op *op)
{
	void *data = ab_arena_alloc(&call->arena, op->params_size > 0 ? op->params_size : 1);

	call->op = op;
	ab_args_init(&call->args, op->params, data, op->params_size, &call->arena);
}

/* ---- asking ---- */

void *
ab_call_state(const struct ab_call *call)
{
	return call->tool->state;
}

struct ab_loop *
ab_call_loop(struct ab_call *call)
{
	return call->face->loop(call);
}

void
ab_call_settle(struct ab_call *call)
{
	if (call->face->settle != NULL)
		call->face->settle(call);
}

bool
ab_call_is_batch(const struct ab_call *call)
{
	return call->face->batch;
}

bool
ab_common_wants_record(const struct ab_common *common)
{
	return common->json || common->table || common->field != NULL || common->jq != NULL;
}

bool
ab_call_json(const struct ab_call *call)
{
	return call->face->batch || ab_common_wants_record(call->common);
}

bool
ab_call_quiet(const struct ab_call *call)
{
	return call->common->quiet > 0;
}

int
ab_call_verbose(const struct ab_call *call)
{
	return call->common->verbose;
}

bool
ab_call_dry_run(const struct ab_call *call)
{
	return call->dry_run;
}

enum ab_encoding
ab_call_encoding(const struct ab_call *call)
{
	return ab_common_encoding(call->common);
}

bool
ab_call_given(const struct ab_call *call, const char *param)
{
	int row = ab_param_find(call->args.params, param, strlen(param));

	assert(row >= 0);
	return row >= 0 && ab_args_given(&call->args, (size_t)row);
}

const char *
ab_call_id(const struct ab_call *call)
{
	return call->id;
}

/* ---- the end ---- */

static void
append_log(struct ab_call *call)
{
	const char *path = call->common->log != NULL ? call->common->log : call->log_path;
	struct ab_error err = AB_ERROR_INIT;

	if (path == NULL || call->op == NULL)
		return;
	if (call->started_unix_ms == 0) {
		/* Refused before it began. */
		call->started_unix_ms = ab_now_unix_ms();
		call->started_us = ab_now_us();
	}
	struct ab_log_entry entry = {
		.tool = call->tool->name,
		.operation = call->op->name,
		.scope = call->log_scope,
		.what = call->log_what,
		.status = call->error.code == AB_E_NONE ? "ok" : ab_errcode_name(call->error.code),
		.started_unix_ms = call->started_unix_ms,
		.wall_ms = (ab_now_us() - call->started_us) / 1000,
	};
	if (ab_log_append(path, &entry, &err) < 0)
		ab_call_note(call, "--log: %s", err.msg);
}

static void
ended(struct ab_call *call)
{
	if (call->failed && !call->answered) {
		/* An operation cannot tell which face it has: what it calls a wrong command line is a wrong
		 * request in batch. */
		if (call->face->batch && call->error.code == AB_E_USAGE)
			call->error.code = AB_E_INPUT_INVALID;
		if (call->face->batch) {
			ab_call_write_error(call, &call->error);
			call->answered = true;
			call->face->put(call, AB_PUT_RECORD);
		}
	} else {
		ab_call_close_answer(call);
	}
	append_log(call);
	call->face->ended(call);
}

void
ab_call_run(struct ab_call *call)
{
	struct ab_error err = AB_ERROR_INIT;

	call->started_unix_ms = ab_now_unix_ms();
	call->started_us = ab_now_us();
	call->running = true;
	int rc = call->op->run(call, call->args.data, &err);
	call->running = false;
	if (rc == AB_PENDING && !call->finished) {
		call->pending = true;
		return;
	}
	if (rc < 0 && !call->finished) {
		call->failed = true;
		call->error = err;
	}
	call->finished = true;
	ended(call);
}

void
ab_call_finish(struct ab_call *call)
{
	assert(!call->finished);
	call->finished = true;
	/* From within run: ab_call_run() goes on when it returns. */
	if (!call->running)
		ended(call);
}

void
ab_call_fail(struct ab_call *call, const struct ab_error *err)
{
	assert(err->code != AB_E_NONE);
	call->failed = true;
	call->error = *err;
	ab_call_finish(call);
}

void
ab_call_on_cancel(struct ab_call *call, void (*cancel)(struct ab_call *call, void *data), void *data)
{
	call->cancel = cancel;
	call->cancel_data = data;
}

enum ab_cancel_reason
ab_call_cancel_reason(const struct ab_call *call)
{
	return call->cancelled;
}

bool
ab_call_cancel(struct ab_call *call, enum ab_cancel_reason reason)
{
	if (call->finished || !call->pending || call->cancel == NULL)
		return false;
	/* Once is enough: an operation that is ending needs no second word. */
	if (call->cancelled == AB_CANCEL_NONE) {
		call->cancelled = reason;
		call->cancel(call, call->cancel_data);
	}
	return true;
}

void
ab_call_set_endless(struct ab_call *call)
{
	call->endless = true;
}

int
ab_call_on_signal(struct ab_call *call, void (*caught)(struct ab_call *call, int signo, void *data), void *data,
    struct ab_error *err)
{
	if (call->face->batch)
		return 0;
	call->caught = caught;
	call->caught_data = data;
	return call->face->signals(call, err);
}

void
ab_call_exit_status(struct ab_call *call, int status)
{
	call->has_status = true;
	call->status = status;
}

void
ab_call_exit_signal(struct ab_call *call, int signo)
{
	call->signo = signo;
}

void
ab_call_answer_no(struct ab_call *call)
{
	call->no = true;
}

static const char *
bounded_copy(struct ab_call *call, const char *text)
{
	char quoted[AB_QUOTE_SIZE];
	size_t len = strlen(text);

	if (len <= 200)
		return ab_arena_copy(&call->arena, text, len);
	ab_quote(quoted, text);
	return ab_arena_copy(&call->arena, quoted, strlen(quoted));
}

void
ab_call_log(struct ab_call *call, const char *path, const char *what, const char *scope)
{
	if (path != NULL)
		call->log_path = ab_arena_copy(&call->arena, path, strlen(path));
	if (what != NULL)
		call->log_what = bounded_copy(call, what);
	if (scope != NULL)
		call->log_scope = bounded_copy(call, scope);
}

int
ab_bytes_read(const struct ab_bytes *bytes, struct ab_buf *buf, struct ab_error *err)
{
	char quoted[AB_QUOTE_SIZE];

	switch (bytes->kind) {
	case AB_BYTES_INLINE:
		if (!ab_buf_add(buf, bytes->data, bytes->len))
			return ab_fail(err, AB_E_LIMIT_SIZE, "%zu bytes are more than the %zu allowed here",
			    bytes->len, buf->max);
		return 0;
	case AB_BYTES_STDIN:
		return ab_read_all(STDIN_FILENO, buf, "stdin", err);
	case AB_BYTES_FILE:
		if (ab_read_file(AT_FDCWD, bytes->path, buf, err) == 0)
			return 0;
		if (strstr(err->msg, bytes->path) == NULL)
			ab_error_context(err, "\"%s\"", ab_quote(quoted, bytes->path));
		return -1;
	default:
		return 0;
	}
}

void
ab_call_note(const struct ab_call *call, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	if (ab_call_quiet(call))
		return;
	int len = snprintf(text, sizeof(text), "%s: ", call->tool->name);
	assert(len > 0 && (size_t)len < sizeof(text));
	va_start(args, fmt);
	vsnprintf(text + len, sizeof(text) - (size_t)len, fmt, args);
	va_end(args);
	text[sizeof(text) - 2] = '\0';
	ab_error_sanitize(text);
	size_t end_at = strlen(text);
	text[end_at++] = '\n';
	if (ab_write_all(STDERR_FILENO, text, end_at) < 0)
		return; /* nobody to tell */
}
