/* Background jobs and kept spools: list, wait, kill, gc. */
#include "ab-exec.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/time.h"
#include "sys/job.h"
#include "sys/scope.h"

/* ---- list ---- */

const struct ab_param list_params[] = {
	AB_PARAM_BOOLEAN(struct list_params, running, .name = "running", .dflt = "false", .help = "only those that run"),
	AB_PARAM_END
};

const struct ab_field job_fields[] = {
	{ .name = "job", .type = "string", .help = "its name" },
	{ .name = "state", .type = "'running|done|lost'", .help = "lost: its supervisor died without a result" },
	{ .name = "kind", .type = "'job|spool'", .help = "started in the background, or output kept from a run" },
	{ .name = "what", .type = "string?", .help = "the program's name" },
	{ .name = "scope", .type = "string?", .help = "where it ran" },
	{ .name = "started_at", .type = "string?", .help = "when it was started" },
	{ .name = "reason", .type = "string?", .help = "how it ended" },
	{ .name = "status", .type = "integer?", .help = "as a shell would see it" },
	{ .name = NULL }
};

static const char *
state_name(enum ab_job_state state)
{
	return state == AB_JOB_RUNNING ? "running" : state == AB_JOB_DONE ? "done" : "lost";
}

static void
list_one(struct ab_call *call, const struct ab_job_info *info)
{
	struct ab_error ignored = AB_ERROR_INIT;
	AB_AUTO_VALUE struct ab_value *meta = ab_value_parse(info->meta.data != NULL ? info->meta.data : "{}", info->meta.data != NULL ? info->meta.len : 2, &ignored);
	AB_AUTO_VALUE struct ab_value *result =
	    info->result.data != NULL ? ab_value_parse(info->result.data, info->result.len, &ignored) : NULL;
	struct ab_json *json = ab_call_item(call);

	ab_json_string(json, "job", info->id);
	ab_json_string(json, "state", state_name(info->state));
	ab_json_string(json, "kind", ab_value_get_string(meta, "kind", "job"));
	ab_json_string(json, "what", ab_value_get_string(meta, "what", NULL));
	ab_json_string(json, "scope", ab_value_get_string(meta, "scope", NULL));
	/* The result knows when the command itself began, not only its job. */
	const char *started = ab_value_get_string(meta, "started_at", NULL);
	ab_json_string(json, "started_at", result != NULL ? ab_value_get_string(result, "started_at", started) : started);
	ab_json_string(json, "reason", result != NULL ? ab_value_get_string(result, "reason", NULL) : NULL);
	const struct ab_value *status = result != NULL ? ab_value_get(result, "status") : NULL;
	if (status != NULL && ab_value_kind(status) == AB_VALUE_INTEGER)
		ab_json_integer(json, "status", ab_value_integer(status));
	else
		ab_json_null(json, "status");
	ab_call_item_end(call);
}

int
list_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct list_params *params = data;
	AB_AUTO_STRV char **ids = ab_job_list(err);

	if (ids == NULL)
		return -1;
	for (char **id = ids; *id != NULL; id++) {
		struct ab_job_info info;
		struct ab_error gone = AB_ERROR_INIT;
		if (ab_job_read(*id, &info, &gone) < 0) {
			if (gone.code == AB_E_NOT_FOUND)
				continue; /* removed since it was listed */
			*err = gone;
			return -1;
		}
		if (params->running != 1 || info.state == AB_JOB_RUNNING)
			list_one(call, &info);
		ab_job_info_release(&info);
	}
	return AB_DONE;
}

/* ---- wait ---- */

const struct ab_param wait_params[] = {
	AB_PARAM_LIST(struct wait_params, jobs, .name = "jobs", .flags = AB_REQUIRED | AB_POSITIONAL | AB_REST, .meta = "JOB", .help = "jobs, or the beginnings of their names"),
	AB_PARAM_DURATION(struct wait_params, timeout_ms, .name = "timeout", .meta = "DURATION", .help = "give up after this time (status 125); the jobs go on"),
	AB_PARAM_END
};

struct waiter {
	struct ab_call *call;
	const struct wait_params *params;
	struct ab_watch over;
	struct ab_timer timeout;
	struct ab_task first; /* the first look is taken from the loop, where a call may end */
	int fd;
	size_t next;
	int status; /* 0, or the first other one */
};

static void
waiter_free(struct waiter *waiter)
{
	struct ab_loop *loop = ab_call_loop(waiter->call);

	ab_loop_remove(loop, &waiter->over);
	ab_loop_disarm(loop, &waiter->timeout);
	ab_close_indirect(&waiter->fd);
	free(waiter);
}

static void
waiter_failed(struct waiter *waiter, const struct ab_error *err)
{
	struct ab_call *call = waiter->call;

	waiter_free(waiter);
	ab_call_fail(call, err);
}

/* The job's result record, with the job's name first. */
static int
answer_result(struct waiter *waiter, const char *id, struct ab_error *err)
{
	struct ab_job_info info;
	const char *name = NULL;
	const struct ab_value *member = NULL;

	if (ab_job_read(id, &info, err) < 0)
		return -1;
	AB_AUTO_VALUE struct ab_value *result = info.result.data != NULL ? ab_value_parse(info.result.data, info.result.len, err) : NULL;
	if (result == NULL) {
		ab_fail(err, AB_E_CORRUPT, "the result of job \"%s\" cannot be read", info.id);
		ab_job_info_release(&info);
		return -1;
	}
	struct ab_json *json = ab_call_item(waiter->call);
	ab_json_string(json, "job", info.id);
	for (void *cursor = ab_value_next(result, NULL, &name, &member); cursor != NULL; cursor = ab_value_next(result, cursor, &name, &member)) {
		AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT((size_t)400 << 20);
		if (strcmp(name, "job") != 0 && ab_value_print(member, &text))
			ab_json_raw(json, name, text.data, text.len);
	}
	ab_call_item_end(waiter->call);
	int status = (int)ab_value_get_integer(result, "status", 125);
	if (waiter->status == 0)
		waiter->status = status;
	ab_job_info_release(&info);
	return 0;
}

/* Answer every job that is over, then watch the first that is not. */
static void
wait_on(struct waiter *waiter)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_call *call = waiter->call;

	for (; waiter->next < waiter->params->jobs.count; waiter->next++) {
		const char *id = waiter->params->jobs.item[waiter->next];
		waiter->fd = ab_job_open_wait(id, &err);
		if (waiter->fd >= 0) {
			waiter->over.fd = waiter->fd;
			waiter->over.events = AB_READABLE;
			if (ab_loop_add(ab_call_loop(call), &waiter->over, &err) < 0)
				waiter_failed(waiter, &err);
			return;
		}
		if ((err.code != AB_E_GONE) || answer_result(waiter, id, &err) < 0) {
			waiter_failed(waiter, &err);
			return;
		}
	}
	ab_call_exit_status(call, waiter->status);
	waiter_free(waiter);
	ab_call_finish(call);
}

static void
wait_over(struct ab_watch *watch, unsigned events)
{
	struct waiter *waiter = watch->data;

	(void)events;
	ab_loop_remove(ab_call_loop(waiter->call), &waiter->over);
	ab_close_indirect(&waiter->fd);
	wait_on(waiter);
}

static void
wait_first(struct ab_task *task)
{
	wait_on(task->data);
}

static void
wait_timed_out(struct ab_timer *timer)
{
	struct waiter *waiter = timer->data;
	struct ab_error err = AB_ERROR_INIT;

	ab_fail(&err, AB_E_TIMEOUT, "job \"%s\" still runs", waiter->params->jobs.item[waiter->next]);
	ab_error_hint(&err, "ab-exec wait it again, or ab-exec kill it");
	waiter_failed(waiter, &err);
}

static void
wait_cancelled(struct ab_call *call, void *data)
{
	struct ab_error err = AB_ERROR_INIT;

	(void)call;
	ab_fail(&err, AB_E_CANCELLED, "waiting was cancelled; the jobs go on");
	waiter_failed(data, &err);
}

int
wait_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	struct waiter *waiter = ab_calloc(1, sizeof(*waiter));

	(void)err;
	waiter->call = call;
	waiter->params = data;
	waiter->fd = -1;
	waiter->over = (struct ab_watch){ .fd = -1, .ready = wait_over, .data = waiter };
	waiter->timeout = (struct ab_timer){ .deadline_ms = AB_NEVER, .fired = wait_timed_out, .data = waiter };
	ab_call_on_cancel(call, wait_cancelled, waiter);
	int64_t deadline = waiter->params->timeout_ms == AB_UNSET ? AB_NEVER : ab_deadline(waiter->params->timeout_ms);
	ab_loop_arm(ab_call_loop(call), &waiter->timeout, deadline);
	waiter->first = (struct ab_task){ .run = wait_first, .data = waiter };
	ab_loop_defer(ab_call_loop(call), &waiter->first);
	return AB_PENDING;
}

/* ---- kill ---- */

const struct ab_param kill_params[] = {
	AB_PARAM_LIST(struct kill_params, jobs, .name = "jobs", .flags = AB_REQUIRED | AB_POSITIONAL | AB_REST, .meta = "JOB", .help = "jobs, or the beginnings of their names"),
	AB_PARAM_STRING(struct kill_params, signal, .name = "signal", .letter = 's', .dflt = "TERM", .meta = "NAME", .help = "TERM ends it (TERM, grace, KILL); another is only sent"),
	AB_PARAM_END
};

const struct ab_field kill_fields[] = {
	{ .name = "job", .type = "string", .help = "its name as given" },
	{ .name = "signal", .type = "string", .help = "what was sent" },
	{ .name = "dry_run", .type = "boolean", .help = "nothing was changed" },
	{ .name = NULL }
};

/* "TERM", "SIGTERM", "term", "15". 0: no such signal. */
static int
signal_number(const char *name)
{
	if (isdigit((unsigned char)name[0])) {
		char *end = NULL;
		long number = strtol(name, &end, 10);
		return *end == '\0' && number > 0 && number < NSIG ? (int)number : 0;
	}
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int signo = 1; signo < NSIG; signo++) {
		const char *abbreviation = sigabbrev_np(signo);
		if (abbreviation != NULL && strcasecmp(abbreviation, name) == 0)
			return signo;
	}
	return 0;
}

/* What ab_job_signal() would say. */
static int
judge_signal(const char *id, struct ab_error *err)
{
	struct ab_job_info info;

	if (ab_job_read(id, &info, err) < 0)
		return -1;
	bool over = info.state != AB_JOB_RUNNING;
	ab_job_info_release(&info);
	return over ? ab_fail(err, AB_E_GONE, "job \"%s\" is over", id) : 0;
}

int
kill_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct kill_params *params = data;
	int signo = signal_number(params->signal);
	bool dry_run = ab_call_dry_run(call);

	if (signo == 0)
		return ab_fail(err, AB_E_INPUT_INVALID, "--signal \"%s\": no such signal", params->signal);
	for (size_t i = 0; i < params->jobs.count; i++) {
		const char *id = params->jobs.item[i];
		if ((dry_run ? judge_signal(id, err) : ab_job_signal(id, signo, err)) < 0)
			return -1;
		struct ab_json *json = ab_call_item(call);
		ab_json_string(json, "job", id);
		ab_json_string(json, "signal", sigabbrev_np(signo));
		ab_json_boolean(json, "dry_run", dry_run);
		ab_call_item_end(call);
	}
	return AB_DONE;
}

/* ---- gc ---- */

const struct ab_param gc_params[] = {
	AB_PARAM_DURATION(struct gc_params, age_ms, .name = "age", .dflt = "7d", .meta = "DURATION", .help = "delete what ended longer ago than this"),
	AB_PARAM_SIZE(struct gc_params, max_bytes, .name = "max", .dflt = "10GiB", .meta = "SIZE", .help = "and the oldest, until all spools together are no larger"),
	AB_PARAM_END
};

const struct ab_field gc_fields[] = {
	{ .name = "deleted", .type = "integer", .help = "jobs and spools" },
	{ .name = "orphans", .type = "integer", .help = "private HOME and /tmp directories of trees that are gone" },
	{ .name = "freed_bytes", .type = "integer", .help = "of the jobs' output" },
	{ .name = "dry_run", .type = "boolean", .help = "nothing was changed" },
	{ .name = NULL }
};

int
gc_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct gc_params *params = data;
	bool dry_run = ab_call_dry_run(call);
	uint64_t freed = 0;
	int deleted = ab_job_gc(params->age_ms, params->max_bytes, dry_run, &freed, err);

	if (deleted < 0)
		return -1;
	int orphans = place_gc(dry_run, err);
	if (orphans < 0)
		return -1;
	if (!dry_run)
		ab_scope_settings_sweep();
	struct ab_json *json = ab_call_record(call);
	ab_json_integer(json, "deleted", deleted);
	ab_json_integer(json, "orphans", orphans);
	ab_json_integer(json, "freed_bytes", (int64_t)freed);
	ab_json_boolean(json, "dry_run", dry_run);
	ab_call_record_end(call);
	return AB_DONE;
}
