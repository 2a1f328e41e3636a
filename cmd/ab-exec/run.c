/* The plan carried out: one execution from its start to its answer. */
#include "ab-exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/io.h"
#include "core/text.h"
#include "core/time.h"
#include "execution.h"
#include "sys/job.h"
#include "sys/path.h"
#include "sys/probe.h"
#include "sys/protect.h"

#define HEARTBEAT_MS 5000
#define RECORD_MAX ((size_t)400 << 20) /* two streams of 64 MiB, each byte as six */

struct execution *
execution_new(struct ab_call *call, const struct run_params *params)
{
	struct execution *execution = ab_calloc(1, sizeof(*execution));

	execution->call = call;
	execution->params = params;
	execution->record_fd = -1;
	execution->stdin_fd = -1;
	ab_plan_init(&execution->plan);
	place_init(&execution->place);
	output_init(&execution->output, &execution->plan, params);
	return execution;
}

void
execution_free(struct execution *execution)
{
	if (execution->loop != NULL)
		ab_loop_disarm(execution->loop, &execution->heartbeat);
	ab_strv_free(execution->planted);
	output_release(&execution->output);
	place_release(&execution->place);
	ab_plan_release(&execution->plan);
	if (execution->stdin_own)
		ab_close_indirect(&execution->stdin_fd);
	if (execution->record_own)
		ab_close_indirect(&execution->record_fd);
	free(execution);
}

static void
event_text(struct execution *execution, int stream, const char *bytes, size_t len)
{
	struct ab_json *json = ab_call_event(execution->call, stream == 0 ? "stdout" : "stderr");

	ab_json_integer(json, "seq", ++execution->seq);
	ab_json_integer(json, "t_ms", ab_now_ms() - execution->started_ms);
	ab_json_bytes(json, "text", bytes, len);
	ab_call_event_end(execution->call);
	ab_loop_arm(execution->loop, &execution->heartbeat, ab_now_ms() + HEARTBEAT_MS);
}

/* An event never splits a character: the beginning of one waits for the rest. */
static void
stream_chunk(struct execution *execution, int stream, const char *bytes, size_t len)
{
	struct carry *carry = &execution->carry[stream];
	AB_AUTO_BUF struct ab_buf joined = AB_BUF_INIT(len + sizeof(carry->bytes));

	if (carry->len > 0) {
		ab_buf_put(&joined, carry->bytes, carry->len);
		ab_buf_put(&joined, bytes, len);
		bytes = joined.data;
		len = joined.len;
	}
	carry->len = ab_utf8_incomplete(bytes, len);
	len -= carry->len;
	memcpy(carry->bytes, bytes + len, carry->len);
	if (len > 0)
		event_text(execution, stream, bytes, len);
}

static void
chunk(void *data, int stream, const char *bytes, size_t len)
{
	struct execution *execution = data;

	output_add(&execution->output, stream, bytes, len);
	if (execution->stream)
		stream_chunk(execution, stream, bytes, len);
}

static void
heartbeat_fired(struct ab_timer *timer)
{
	struct execution *execution = timer->data;
	struct ab_json *json = ab_call_event(execution->call, "heartbeat");

	ab_json_integer(json, "t_ms", ab_now_ms() - execution->started_ms);
	ab_call_event_end(execution->call);
	ab_loop_arm(execution->loop, timer, ab_now_ms() + HEARTBEAT_MS);
}

void
execution_result(struct execution *execution, const struct ab_outcome *outcome, const struct ab_netgate *gate, struct exec_result *result)
{
	*result = (struct exec_result){
		.plan = &execution->plan,
		.outcome = outcome,
		.gate = gate,
		.output = &execution->output,
		.planted = execution->planted,
		.job = execution->job_id,
		.missing = execution->plan.missing | outcome->missing,
		.texts = !execution->stream,
	};
	if (execution->shallow)
		result->missing |= AB_PROMISE_BIT(AB_PROMISE_PROTECT_DEEP);
}

/* The record as text of its own. */
void
execution_record_text(const struct exec_result *result, enum ab_encoding encoding, struct ab_buf *text)
{
	struct ab_json json;

	ab_buf_init(text, RECORD_MAX);
	ab_json_begin(&json, text, encoding);
	ab_json_object(&json, NULL);
	record_write(&json, result);
	ab_json_error(&json, "error", &result->outcome->error);
	ab_json_object_end(&json);
	ab_buf_putc(text, '\n');
}

/* For --record, and for the job that keeps the spool. */
static void
keep_record(struct execution *execution, const struct exec_result *result)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(0);

	if (execution->record_fd < 0 && execution->output.job == NULL)
		return;
	execution_record_text(result, ab_call_encoding(execution->call), &text);
	output_finish(&execution->output, text.data, text.len);
	if (execution->record_fd >= 0 && ab_write_all(execution->record_fd, text.data, text.len) < 0)
		ab_call_note(execution->call, "--record: write: %s", strerror(errno));
}

static void
answer(struct execution *execution, const struct exec_result *result)
{
	struct ab_call *call = execution->call;

	keep_record(execution, result);
	if (ab_call_json(call) || execution->stream) {
		record_write(ab_call_record(call), result);
		ab_call_record_error(call, &result->outcome->error);
		ab_call_record_end(call);
	} else {
		record_notes(call, result);
	}
}

/* The command's end becomes ours: its status, or death by the same signal. */
static void
finish(struct execution *execution, const struct ab_outcome *outcome)
{
	struct ab_call *call = execution->call;
	bool recorded = ab_call_json(call) || execution->stream;
	struct ab_error error = outcome->error;
	int status = outcome->status, signo = outcome->signal;
	bool zero = execution->params->exit_zero == 1 && (recorded || execution->record_fd >= 0);
	bool cancelled_by_signal = outcome->reason == AB_REASON_CANCELLED && status > 128;
	bool by_signal = outcome->reason == AB_REASON_SIGNAL || cancelled_by_signal;

	if (cancelled_by_signal)
		signo = status - 128; /* ours, whatever the command died of in the end */
	execution_free(execution);
	if (zero)
		ab_call_exit_status(call, 0);
	else if (by_signal)
		ab_call_exit_signal(call, signo);
	else
		ab_call_exit_status(call, status);
	if (error.code != AB_E_NONE && !recorded)
		ab_call_fail(call, &error);
	else
		ab_call_finish(call);
}

void
execution_ended(struct execution *execution, const struct ab_outcome *outcome)
{
	for (int stream = 0; execution->stream && stream < 2; stream++)
		if (execution->carry[stream].len > 0)
			event_text(execution, stream, execution->carry[stream].bytes, execution->carry[stream].len);
	struct ab_protect *before = execution->place.before;
	if (before != NULL) {
		execution->planted = ab_protect_planted(before, execution->place.scope.fd);
		execution->shallow = !ab_protect_deep(before);
	}
	/* the probe promised what the run could not have: the next run tries anew */
	if (outcome->error.code == AB_E_ISOLATION_UNAVAILABLE)
		ab_probe_invalidate();
}

static void
run_done(void *data, const struct ab_outcome *outcome, const struct ab_netgate *gate)
{
	struct execution *execution = data;
	struct exec_result result;

	execution_ended(execution, outcome);
	execution_result(execution, outcome, gate, &result);
	answer(execution, &result);
	finish(execution, outcome);
}

/* stdin: what was asked for, else ours when it is a pipe, a socket or a file and nobody wants records (contract section 6). */
static int
choose_stdin(struct execution *execution, struct ab_error *err)
{
	const struct ab_bytes *bytes = &execution->params->stdin_bytes;
	struct stat st;

	if (bytes->kind == AB_BYTES_INLINE) {
		execution->io.stdin_data = bytes->data;
		execution->io.stdin_len = bytes->len;
		return 0;
	}
	if (bytes->kind == AB_BYTES_FILE && strcmp(bytes->path, "none") == 0)
		return 0;
	if (bytes->kind == AB_BYTES_FILE) {
		execution->stdin_fd = ab_path_open_named(bytes->path, execution->plan.tree, O_RDONLY | O_NOCTTY, 0, err);
		if (execution->stdin_fd < 0) {
			ab_error_context(err, "--stdin");
			return -1;
		}
		execution->stdin_own = true;
		if (fstat(execution->stdin_fd, &st) == 0 && S_ISDIR(st.st_mode))
			return ab_fail_errno(err, EISDIR, "--stdin \"%s\"", bytes->path);
		return 0;
	}
	bool script_from_stdin = execution->params->file != NULL && strcmp(execution->params->file, "-") == 0;
	bool asked = bytes->kind == AB_BYTES_STDIN;
	if (asked && (script_from_stdin || ab_call_is_batch(execution->call)))
		return ab_fail(err, AB_E_USAGE, "--stdin -: stdin is taken already");
	bool filter = execution->call != NULL && !ab_call_json(execution->call) && !execution->stream && !script_from_stdin;
	if (asked || (filter && fstat(STDIN_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISREG(st.st_mode))))
		execution->stdin_fd = STDIN_FILENO;
	return 0;
}

static int
open_record(struct execution *execution, struct ab_error *err)
{
	const char *where = execution->params->record;

	if (where == NULL)
		return 0;
	if (strncmp(where, "fd:", 3) == 0) {
		char *end = NULL;
		long fd = strtol(where + 3, &end, 10);
		if (where[3] == '\0' || *end != '\0' || fd < 0 || fd > 1 << 20 || fcntl((int)fd, F_GETFD) < 0)
			return ab_fail(err, AB_E_INPUT_INVALID, "--record \"%s\": not an open descriptor", where);
		execution->record_fd = (int)fd;
		return 0;
	}
	execution->record_fd = ab_path_open_named(where, execution->plan.tree, O_WRONLY | O_CREAT | O_TRUNC, 0600, err);
	if (execution->record_fd < 0) {
		ab_error_context(err, "--record");
		return -1;
	}
	execution->record_own = true;
	return 0;
}

int
execution_prepare(struct execution *execution, struct ab_error *err)
{
	const struct run_params *params = execution->params;

	execution->stream = params->stream == 1;
	/* The plan first: which links are a command's is known once the tree is. */
	if (policy_make(params, &execution->plan, &execution->place, err) < 0)
		return -1;
	if (choose_stdin(execution, err) < 0 || open_record(execution, err) < 0)
		return -1;
	return params->spool == NULL ? 0 : output_open_file(&execution->output, params->spool, err);
}

/* The operation log says which program ran where, never its arguments. */
void
execution_log(const struct execution *execution)
{
	const struct ab_plan *plan = &execution->plan;
	const char *program = plan->argv != NULL ? strrchr(plan->argv[0], '/') : NULL;

	if (plan->argv != NULL)
		program = program != NULL ? program + 1 : plan->argv[0];
	ab_call_log(execution->call, execution->place.scope.settings.log, program, plan->scope_name);
}

struct ab_run *
execution_start(struct execution *execution, struct ab_loop *loop, bool transparent,
    void (*done)(void *data, const struct ab_outcome *outcome, const struct ab_netgate *gate))
{
	struct ab_run_io *io = &execution->io;

	execution->loop = loop;
	execution->started_ms = ab_now_ms();
	execution->heartbeat = (struct ab_timer){ .deadline_ms = AB_NEVER, .fired = heartbeat_fired, .data = execution };
	io->stdin_fd = execution->stdin_fd;
	io->copy_out = transparent ? STDOUT_FILENO : -1;
	io->copy_err = transparent ? STDERR_FILENO : -1;
	io->spool_out = -1;
	io->spool_err = -1;
	io->data = execution;
	if (!transparent || execution->record_fd >= 0 || execution->output.file >= 0)
		io->chunk = chunk;
	if (execution->stream) {
		struct ab_json *json = ab_call_event(execution->call, "start");
		ab_json_string(json, "schema", "ab.exec/1");
		ab_json_string(json, "job", execution->job_id);
		ab_call_event_end(execution->call);
		ab_loop_arm(loop, &execution->heartbeat, ab_now_ms() + HEARTBEAT_MS);
	}
	return ab_run_start(loop, &execution->plan, io, done, execution);
}

static void
cancelled(struct ab_call *call, void *data)
{
	struct execution *execution = data;

	(void)call;
	ab_run_cancel(execution->run);
}

/* Ctrl-Z: everything inside stops, then we do; the shell's `fg` continues both. */
static void
signalled(struct ab_call *call, int signo, void *data)
{
	struct execution *execution = data;

	(void)call;
	ab_run_signal(execution->run, signo);
	if (signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU)
		raise(SIGSTOP);
}

/* A request that was understood and refused is answered with a whole record (contract section 6). */
static int
refuse(struct execution *execution, struct ab_error *err)
{
	struct ab_call *call = execution->call;
	int class = ab_errcode_status(err->code);
	bool understood = class != 2 && class != 3, recorded = ab_call_json(call) || execution->stream;
	struct ab_error unopened = AB_ERROR_INIT;

	/* Where the tree is not known, it is not known whose link --record may be. */
	if (understood && execution->plan.tree != NULL && execution->record_fd < 0 && open_record(execution, &unopened) < 0)
		ab_call_note(call, "%s", unopened.msg);
	if (!understood || !(recorded || execution->record_fd >= 0)) {
		execution_free(execution);
		return -1;
	}
	bool denied = err->code == AB_E_DENIED_POLICY || err->code == AB_E_DENIED_DANGEROUS;
	struct ab_outcome outcome = {
		.reason = denied ? AB_REASON_DENIED : AB_REASON_FAILED,
		.exit_code = -1,
		.status = 125,
		.started_unix_ms = ab_now_unix_ms(),
		.error = *err,
	};
	struct exec_result result;
	execution_result(execution, &outcome, NULL, &result);
	keep_record(execution, &result);
	if (recorded) {
		record_write(ab_call_record(call), &result);
		ab_call_record_error(call, err);
		ab_call_record_end(call);
		ab_call_exit_status(call, execution->params->exit_zero == 1 ? 0 : 125);
	}
	execution_free(execution);
	return recorded ? AB_DONE : -1;
}

int
run_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct run_params *params = data;
	struct execution *execution = execution_new(call, params);

	int prepared = execution_prepare(execution, err);
	execution_log(execution);
	if (prepared < 0)
		return refuse(execution, err);
	if (ab_call_dry_run(call)) {
		ab_plan_print(&execution->plan, ab_call_record(call));
		ab_call_record_end(call);
		execution_free(execution);
		return AB_DONE;
	}
	bool transparent = !ab_call_json(call) && !execution->stream;
	if (ab_call_on_signal(call, signalled, execution, err) < 0) {
		execution_free(execution);
		return -1;
	}
	ab_call_on_cancel(call, cancelled, execution);
	execution->run = execution_start(execution, ab_call_loop(call), transparent, run_done);
	return AB_PENDING;
}
