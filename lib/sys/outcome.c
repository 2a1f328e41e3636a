/* The judgement over a run. */
#include "sys/outcome.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "core/op.h"

#define STATUS_TIMEOUT 124
#define STATUS_OURS 125
#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127

const char *
ab_reason_name(enum ab_reason reason)
{
	static const char *const names[AB_REASON_COUNT] = {
		[AB_REASON_EXIT] = "exit",
		[AB_REASON_SIGNAL] = "signal",
		[AB_REASON_TIMEOUT] = "timeout",
		[AB_REASON_IDLE_TIMEOUT] = "idle_timeout",
		[AB_REASON_CANCELLED] = "cancelled",
		[AB_REASON_OOM] = "oom",
		[AB_REASON_LIMIT] = "limit",
		[AB_REASON_DENIED] = "denied",
		[AB_REASON_FAILED] = "failed",
		[AB_REASON_LOST] = "lost",
	};

	assert(reason >= 0 && reason < AB_REASON_COUNT);
	return names[reason];
}

/* As the command ended by itself, limits left aside. */
static void
judge_end(struct ab_outcome *outcome, const struct ab_ending *ending)
{
	if (!ending->exited) {
		outcome->reason = AB_REASON_SIGNAL;
		outcome->signal = SIGKILL;
	} else if (WIFSIGNALED(ending->wait_status)) {
		outcome->reason = AB_REASON_SIGNAL;
		outcome->signal = WTERMSIG(ending->wait_status);
	} else {
		outcome->reason = AB_REASON_EXIT;
		outcome->exit_code = WEXITSTATUS(ending->wait_status);
	}
	outcome->status = outcome->signal != 0 ? 128 + outcome->signal : outcome->exit_code;
}

/*
 * A limit is the reason only where it killed the command itself (or the shell that ran it says 137): a build
 * that went on without the compiler that was killed ended by its own decision, and `oom` tells what happened
 * on the way.
 */
static void
judge_limits(struct ab_outcome *outcome, const struct ab_ending *ending)
{
	const struct ab_limits *limits = &ending->plan->limits;
	bool killed = outcome->signal == SIGKILL || outcome->exit_code == 128 + SIGKILL;

	if (ending->pids_refused > 0)
		outcome->limits_hit |= AB_LIMIT_PIDS;
	if (outcome->signal == SIGXFSZ && limits->file_size_bytes != AB_UNSET) {
		outcome->limits_hit |= AB_LIMIT_FILE_SIZE;
		outcome->reason = AB_REASON_LIMIT;
	}
	if (ending->sampled_cpu || (outcome->signal == SIGXCPU && limits->cpu_time_ms != AB_UNSET)) {
		outcome->limits_hit |= AB_LIMIT_CPU;
		outcome->reason = AB_REASON_LIMIT;
	}
	if (ending->sampled_memory || ending->oom_kills > 0) {
		outcome->oom = true;
		outcome->limits_hit |= AB_LIMIT_MEMORY;
		if (ending->sampled_memory || killed)
			outcome->reason = AB_REASON_OOM;
	}
	if (outcome->reason == AB_REASON_OOM) {
		outcome->signal = SIGKILL;
		outcome->status = 128 + SIGKILL;
	}
}

void
ab_outcome_judge(struct ab_outcome *outcome, const struct ab_ending *ending)
{
	outcome->exit_code = -1;
	outcome->signal = 0;
	judge_end(outcome, ending);
	judge_limits(outcome, ending);
	if (ending->forced != AB_REASON_EXIT) {
		outcome->reason = ending->forced;
		outcome->status = ending->forced == AB_REASON_CANCELLED ? 128 + ending->forced_signo : STATUS_TIMEOUT;
	} else if (ending->copy_name != NULL) {
		/* The command cannot know that its output is lost, so its status would be a lie. */
		outcome->reason = AB_REASON_FAILED;
		outcome->status = STATUS_OURS;
		ab_fail_errno(&outcome->error, ending->copy_errno, "write %s", ending->copy_name);
	} else if (!ending->exited && outcome->reason == AB_REASON_SIGNAL) {
		outcome->reason = AB_REASON_FAILED;
		outcome->status = STATUS_OURS;
		ab_fail(&outcome->error, AB_E_SYSTEM, "the sandbox was killed from outside");
	}
	if (outcome->reason != AB_REASON_EXIT)
		outcome->exit_code = -1;
}

/* execve(2) said no: what a shell says, 127 and 126. */
static void
fail_exec(struct ab_outcome *outcome, const char *program, int errno_value)
{
	struct ab_error *err = &outcome->error;

	outcome->status = errno_value == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
	if (errno_value == ENOENT)
		ab_fail(err, AB_E_NOT_FOUND, "command \"%.200s\" not found", program);
	else
		ab_fail_errno(err, errno_value, "cannot run \"%.200s\"", program);
	if (errno_value == ENOEXEC)
		err->code = AB_E_DENIED_PERMISSION;
}

/* A step of the sandbox that this host refuses, as opposed to one that met a directory that the caller may not use. */
static bool
is_refusal(const char *step, int errno_value)
{
	if (strncmp(step, "open ", 5) == 0 || strncmp(step, "change to ", 10) == 0)
		return false;
	switch (errno_value) {
	case EPERM:
	case EACCES:
	case EINVAL:
	case ENOSYS:
	case ENOSPC:
	case EUSERS:
	case EOPNOTSUPP:
		return true;
	default:
		return false;
	}
}

void
ab_outcome_fail(struct ab_outcome *outcome, const struct ab_plan *plan, const struct ab_msg *failed)
{
	struct ab_error *err = &outcome->error;

	outcome->started = false;
	outcome->reason = AB_REASON_FAILED;
	outcome->exit_code = -1;
	outcome->signal = 0;
	outcome->status = STATUS_OURS;
	if (failed->exec_failed) {
		fail_exec(outcome, plan->argv[0], failed->errno_value);
		return;
	}
	if (ab_promise_require(plan->require, failed->missing, plan->level, err) < 0) {
		ab_error_hint(err, "ab-exec doctor --table");
		return;
	}
	if (failed->errno_value == 0) { /* another program's failure, which has no number */
		ab_fail(err, AB_E_ISOLATION_UNAVAILABLE, "%s", failed->step);
		ab_error_hint(err, "ab-exec doctor");
		return;
	}
	ab_fail_errno(err, failed->errno_value, "%s", failed->step);
	if (ab_level_has_wall(plan->level) && is_refusal(failed->step, failed->errno_value)) {
		err->code = AB_E_ISOLATION_UNAVAILABLE;
		ab_error_hint(err, "ab-exec doctor --table");
	}
	ab_error_context(err, "start the sandbox");
}
