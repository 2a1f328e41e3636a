/* start: a command in the background, under a supervisor process of its own (sys/job). */
#include "ab-exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/io.h"
#include "core/time.h"
#include "execution.h"
#include "sys/job.h"

const struct ab_field start_fields[] = {
	{ .name = "job", .type = "string", .help = "for ab-exec output, wait, kill" },
	{ .name = "scope", .type = "string", .help = "name of the scope, or path of the tree" },
	{ .name = "level", .type = "'namespace|bwrap|landlock|software|none'", .help = "how strong the isolation is" },
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
struct beginning {
	struct ab_error error;
	int status; /* to exit with when it does not run: 125, 126, 127 */
};

static void
report(struct supervisor *supervisor, const struct ab_error *error, int status)
{
	const struct beginning beginning = { .error = *error, .status = status };

	if (supervisor->report >= 0)
		ab_job_report(&supervisor->report, (const char *)&beginning, sizeof(beginning));
}

static void
job_started(void *data)
{
	static const struct ab_error none = AB_ERROR_INIT;
	struct execution *execution = data;

	report(execution->supervisor, &none, 0);
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
	/* Nobody is there to be told that it failed; the job has it too. */
	if (execution->record_fd >= 0)
		(void)!ab_write_all(execution->record_fd, text.data, text.len);
	if (outcome->spool_truncated || execution->output.spool_truncated)
		ab_job_make_room(supervisor->job, text.len);
	(void)!ab_job_finish(supervisor->job, text.data, text.len, &ignored);
	if (!outcome->started)
		report(supervisor, &outcome->error, outcome->status);
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
	struct beginning said;

	if (ab_job_await(channel, &text, err) < 0)
		return -1;
	if (text.len != sizeof(said))
		return ab_fail(err, AB_E_INTERNAL, "the supervisor's report has %zu bytes", text.len);
	memcpy(&said, text.data, sizeof(said));
	if (said.error.code != AB_E_NONE) {
		*err = said.error;
		ab_call_exit_status(call, said.status);
		return -1;
	}
	answer_started(call, execution, job->id);
	return AB_DONE;
}

/* The background process has /dev/null for its first three descriptors: what the command was promised of ours moves up. */
static int
move_up(int *fd, bool *own, struct ab_error *err)
{
	if (*fd < 0 || *fd > 2)
		return 0;
	int high = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (high < 0)
		return ab_fail_errno(err, errno, "keep descriptor %d for the job", *fd);
	*fd = high;
	*own = true;
	return 0;
}

static int
start(struct ab_call *call, struct execution *execution, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf meta = AB_BUF_INIT((size_t)1 << 20);
	struct ab_job job = AB_JOB_INIT;
	struct supervisor supervisor = { .execution = execution, .job = &job, .report = -1 };
	struct ab_error failed = AB_ERROR_INIT;

	if (move_up(&execution->stdin_fd, &execution->stdin_own, err) < 0 || move_up(&execution->record_fd, &execution->record_own, err) < 0)
		return -1;
	output_meta(&execution->plan, "job", &meta);
	if (ab_job_create(&job, meta.data, err) < 0)
		return -1;
	const int keep[] = { job.dir_fd, job.lock_fd, job.out_fd, job.err_fd, job.control_fd, execution->place.scope.fd, execution->place.tmp_lock,
		execution->stdin_fd, execution->record_fd, execution->output.file };
	int role = ab_job_detach(keep, AB_COUNT_OF(keep), &supervisor.report, err);
	if (role == 1) {
		if (supervise(&supervisor, &failed) < 0)
			report(&supervisor, &failed, 125);
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
	const struct run_params *params = data;

	if (params->stream == 1) {
		ab_fail(err, ab_call_is_batch(call) ? AB_E_INPUT_INVALID : AB_E_USAGE, "start answers with one record: --stream is for run");
		ab_error_hint(err, "ab-exec output --follow JOB");
		return -1;
	}
	struct execution *execution = execution_new(call, params);
	int result = execution_prepare(execution, err);

	execution_log(execution);

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
