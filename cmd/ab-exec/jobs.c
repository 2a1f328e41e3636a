/* Background jobs: start, list, output, wait, kill, gc. No daemon: each has a supervisor of its own (sys/job). */
#include "ab-exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/io.h"
#include "core/time.h"
#include "execution.h"
#include "sys/home.h"
#include "sys/job.h"

#define FOLLOW_MS 50
#define PART_BYTES ((size_t)64 << 10)

/* ---- start ---- */

const struct ab_field start_fields[] = {
	{ .name = "job", .type = "string", .help = "for ab-exec output, wait, kill" },
	{ .name = "scope", .type = "string", .help = "name of the scope, or path of the tree" },
	{ .name = "level", .type = "'namespace|landlock|none'", .help = "how strong the isolation is" },
	{ .name = "started_at", .type = "time", .help = "when it was started" },
	{ .name = NULL }
};

/* The supervisor of one job: the execution, and who must be told that the command runs. */
struct supervisor {
	struct execution *execution;
	struct ab_job *job;
	struct ab_loop *loop;
	struct ab_watch control;
	int report;
	int status;
};

/* What the caller of start learns: that it runs, or why not. */
static void
report(struct supervisor *supervisor, const struct ab_error *error)
{
	if (supervisor->report >= 0)
		ab_job_report(&supervisor->report, (const char *)error, sizeof(*error));
}

static void
job_started(void *data)
{
	static const struct ab_error none = AB_ERROR_INIT;
	struct execution *execution = data;

	report(execution->supervisor, &none);
}

static void
job_done(void *data, const struct ab_outcome *outcome, const struct ab_netgate *gate)
{
	struct execution *execution = data;
	struct supervisor *supervisor = execution->supervisor;
	struct ab_error ignored = AB_ERROR_INIT;
	struct exec_result result;
	AB_AUTO_BUF struct ab_buf text;

	execution_ended(execution, outcome);
	execution_result(execution, outcome, gate, &result);
	execution_record_text(&result, AB_ENCODING_AUTO, &text);
	(void)!ab_job_finish(supervisor->job, text.data, text.len, &ignored);
	if (!outcome->started)
		report(supervisor, &outcome->error);
	ab_loop_stop(supervisor->loop);
}

static void
control_ready(struct ab_watch *watch, unsigned events)
{
	struct supervisor *supervisor = watch->data;
	int signo;

	(void)events;
	while ((signo = ab_job_receive(supervisor->job)) > 0)
		if (signo == SIGTERM)
			ab_run_cancel(supervisor->execution->run);
		else
			ab_run_signal(supervisor->execution->run, signo);
}

static void
supervisor_signalled(int signo, void *data)
{
	struct supervisor *supervisor = data;

	(void)signo;
	ab_run_cancel(supervisor->execution->run);
}

/* The background process, from its fork to its end. */
static int
supervise(struct supervisor *supervisor, struct ab_error *err)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, 0 };
	struct execution *execution = supervisor->execution;

	supervisor->loop = ab_loop_new(err);
	if (supervisor->loop == NULL || ab_loop_signals(supervisor->loop, signals, supervisor_signalled, supervisor, err) < 0)
		return -1;
	supervisor->control = (struct ab_watch){ .fd = supervisor->job->control_fd, .events = AB_READABLE, .ready = control_ready, .data = supervisor };
	if (ab_loop_add(supervisor->loop, &supervisor->control, err) < 0)
		return -1;
	execution->call = NULL;
	execution->supervisor = supervisor;
	execution->job_id = supervisor->job->id;
	execution->output.job = supervisor->job;
	execution->output.want_spool = false;
	execution->io.started = job_started;
	execution->run = execution_start(execution, supervisor->loop, false, job_done);
	return ab_loop_run(supervisor->loop, err);
}

/* meta.json: what a person recognises the job by; never arguments, which may hold secrets. */
static void
write_meta(const struct execution *execution, struct ab_buf *text)
{
	struct ab_json json;
	const char *program = strrchr(execution->plan.argv[0], '/');

	program = program != NULL ? program + 1 : execution->plan.argv[0];
	ab_json_begin(&json, text, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	ab_json_string(&json, "kind", "job");
	ab_json_element(&json, "what", program, strlen(program));
	ab_json_element(&json, "scope", execution->plan.scope_name, strlen(execution->plan.scope_name));
	ab_json_time(&json, "started_at", ab_now_unix_ms());
	ab_json_object_end(&json);
}

static void
answer_started(struct ab_call *call, const struct execution *execution, const char *id)
{
	struct ab_json *json = ab_call_record(call);

	ab_json_string(json, "job", id);
	ab_json_element(json, "scope", execution->plan.scope_name, strlen(execution->plan.scope_name));
	ab_json_string(json, "level", ab_level_name(execution->plan.level));
	ab_json_time(json, "started_at", ab_now_unix_ms());
	ab_call_record_end(call);
}

/* Wait for the background process to say how it went. */
static int
await(struct ab_call *call, struct execution *execution, struct ab_job *job, int *channel, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT((size_t)64 << 10);
	struct ab_error said;

	if (ab_job_await(channel, &text, err) < 0)
		return -1;
	if (text.len != sizeof(said))
		return ab_fail(err, AB_E_INTERNAL, "the supervisor's report has %zu bytes", text.len);
	memcpy(&said, text.data, sizeof(said));
	if (said.code != AB_E_NONE) {
		*err = said;
		return -1;
	}
	answer_started(call, execution, job->id);
	return AB_DONE;
}

static int
start(struct ab_call *call, struct execution *execution, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf meta = AB_BUF_INIT((size_t)1 << 20);
	struct ab_job job = AB_JOB_INIT;
	struct supervisor supervisor = { .execution = execution, .job = &job, .report = -1 };
	struct ab_error failed = AB_ERROR_INIT;

	write_meta(execution, &meta);
	if (ab_job_create(&job, meta.data, err) < 0)
		return -1;
	const int keep[] = { job.dir_fd, job.lock_fd, job.out_fd, job.err_fd, job.control_fd, execution->place.scope.fd, execution->place.tmp_lock,
		execution->stdin_fd, execution->record_fd, execution->output.file };
	int role = ab_job_detach(keep, AB_COUNT_OF(keep), &supervisor.report, err);
	if (role == 1) {
		if (supervise(&supervisor, &failed) < 0)
			report(&supervisor, &failed);
		_exit(0);
	}
	int answered = role < 0 ? -1 : await(call, execution, &job, &supervisor.report, err);
	if (answered < 0)
		ab_job_discard(&job);
	else
		ab_job_close(&job);
	return answered;
}

int
start_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	struct execution *execution = execution_new(call, data);
	int result = execution_prepare(execution, err);

	if (result == 0 && ab_call_dry_run(call)) {
		ab_plan_print(&execution->plan, ab_call_record(call));
		ab_call_record_end(call);
	} else if (result == 0) {
		execution->stream = false;
		result = start(call, execution, err);
	}
	execution_free(execution);
	return result;
}

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
	ab_json_string(json, "started_at", ab_value_get_string(meta, "started_at", NULL));
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

/* ---- output ---- */

const struct ab_param output_params[] = {
	AB_PARAM_STRING(struct output_params, job, .name = "job", .flags = AB_REQUIRED | AB_POSITIONAL, .meta = "JOB", .help = "job, or the beginning of its name"),
	AB_PARAM_BOOLEAN(struct output_params, stderr_stream, .name = "stderr", .dflt = "false", .help = "its stderr instead of its stdout"),
	AB_PARAM_INTEGER(struct output_params, offset, .name = "offset", .dflt = "0", .min = 0, .max = INT64_MAX, .meta = "N", .help = "begin at this byte"),
	AB_PARAM_INTEGER(struct output_params, length, .name = "length", .min = 0, .max = INT64_MAX, .meta = "N", .help = "at most so many bytes"),
	AB_PARAM_BOOLEAN(struct output_params, follow, .name = "follow", .letter = 'F', .dflt = "false", .help = "go on until the job is over"),
	AB_PARAM_END
};

struct follower {
	struct ab_call *call;
	struct ab_timer timer;
	struct ab_watch over; /* the job's end */
	int fd, over_fd;
	int64_t left; /* bytes still wanted; -1: all */
	bool last;    /* the job is over: what is there now is all */
};

static void
follower_free(struct follower *follower)
{
	ab_loop_disarm(ab_call_loop(follower->call), &follower->timer);
	ab_loop_remove(ab_call_loop(follower->call), &follower->over);
	ab_close_indirect(&follower->fd);
	ab_close_indirect(&follower->over_fd);
	free(follower);
}

/* Hand on what is there. 0: end of file for now; 1: all that was wanted; -1. */
static int
copy_part(struct ab_call *call, int fd, int64_t *left, struct ab_error *err)
{
	AB_AUTO_FREE char *bytes = ab_malloc(PART_BYTES);

	while (*left != 0) {
		size_t want = *left >= 0 && *left < (int64_t)PART_BYTES ? (size_t)*left : PART_BYTES;
		ssize_t got = read(fd, bytes, want);
		if (got < 0)
			return ab_fail_errno(err, errno, "read the spool");
		if (got == 0)
			return 0;
		if (ab_call_bytes_part(call, bytes, (size_t)got, err) < 0)
			return -1;
		if (*left > 0)
			*left -= got;
	}
	return 1;
}

static void
follow_look(struct follower *follower)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_call *call = follower->call;
	bool last = follower->last;
	int got = copy_part(call, follower->fd, &follower->left, &err);

	if (got == 0 && !last) {
		ab_loop_arm(ab_call_loop(call), &follower->timer, ab_now_ms() + FOLLOW_MS);
		return;
	}
	follower_free(follower);
	if (got < 0)
		ab_call_fail(call, &err);
	else
		ab_call_finish(call);
}

static void
follow_fired(struct ab_timer *timer)
{
	follow_look(timer->data);
}

static void
follow_over(struct ab_watch *watch, unsigned events)
{
	struct follower *follower = watch->data;

	(void)events;
	follower->last = true;
	follow_look(follower);
}

static void
follow_cancelled(struct ab_call *call, void *data)
{
	follower_free(data);
	ab_call_finish(call);
}

static int
follow(struct ab_call *call, int fd, const char *job, int64_t left, struct ab_error *err)
{
	struct follower *follower = ab_calloc(1, sizeof(*follower));
	struct ab_loop *loop = ab_call_loop(call);

	follower->call = call;
	follower->fd = fd;
	follower->left = left;
	follower->timer = (struct ab_timer){ .deadline_ms = AB_NEVER, .fired = follow_fired, .data = follower };
	follower->over_fd = ab_job_open_wait(job, err);
	if (follower->over_fd < 0 && err->code != AB_E_GONE) {
		follower_free(follower);
		return -1;
	}
	follower->last = follower->over_fd < 0;
	follower->over = (struct ab_watch){ .fd = follower->over_fd, .events = AB_READABLE, .ready = follow_over, .data = follower };
	if (follower->over_fd >= 0 && ab_loop_add(loop, &follower->over, err) < 0) {
		follower_free(follower);
		return -1;
	}
	ab_call_set_endless(call);
	ab_call_on_cancel(call, follow_cancelled, follower);
	ab_loop_arm(loop, &follower->timer, ab_now_ms());
	return AB_PENDING;
}

int
output_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	const struct output_params *params = data;
	AB_AUTO_CLOSE int fd = ab_job_open_output(params->job, params->stderr_stream == 1, err);
	int64_t left = params->length == AB_UNSET ? -1 : params->length;

	if (fd < 0)
		return -1;
	if (lseek(fd, params->offset, SEEK_SET) < 0)
		return ab_fail_errno(err, errno, "--offset %lld", (long long)params->offset);
	if (params->follow == 1)
		return follow(call, ab_steal_fd(&fd), params->job, left, err);
	return copy_part(call, fd, &left, err) < 0 ? -1 : AB_DONE;
}
