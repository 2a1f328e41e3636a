#include "sys/outcome.h"

#include <errno.h>
#include <signal.h>

#include "core/op.h"
#include "tap.h"

static struct ab_plan plan;
static struct ab_outcome outcome;

static const struct ab_outcome *
judge(struct ab_ending ending)
{
	ending.plan = &plan;
	outcome = (struct ab_outcome){ .started = true };
	ab_outcome_judge(&outcome, &ending);
	return &outcome;
}

/* reason, status, exit code and signal in one line */
static const char *
told(void)
{
	static char text[120];

	snprintf(text, sizeof(text), "%s %d exit=%d signal=%d oom=%d limits=%u %s", ab_reason_name(outcome.reason), outcome.status,
	    outcome.exit_code, outcome.signal, outcome.oom, outcome.limits_hit, ab_errcode_name(outcome.error.code));
	return text;
}

#define EXITED(code) .exited = true, .wait_status = (code) << 8
#define DIED(signo) .exited = true, .wait_status = (signo)

static void
own_endings(void)
{
	judge((struct ab_ending){ EXITED(0) });
	CHECK_STRING(told(), "exit 0 exit=0 signal=0 oom=0 limits=0 none");
	judge((struct ab_ending){ EXITED(124) });
	CHECK_STRING(told(), "exit 124 exit=124 signal=0 oom=0 limits=0 none");
	judge((struct ab_ending){ DIED(SIGSEGV) });
	CHECK_STRING(told(), "signal 139 exit=-1 signal=11 oom=0 limits=0 none");
	judge((struct ab_ending){ .exited = false });
	CHECK_STRING(told(), "failed 125 exit=-1 signal=9 oom=0 limits=0 system");
}

static void
ours(void)
{
	judge((struct ab_ending){ EXITED(0), .forced = AB_REASON_TIMEOUT });
	CHECK_STRING(told(), "timeout 124 exit=-1 signal=0 oom=0 limits=0 none");
	judge((struct ab_ending){ .forced = AB_REASON_IDLE_TIMEOUT });
	CHECK_STRING(told(), "idle_timeout 124 exit=-1 signal=9 oom=0 limits=0 none");
	judge((struct ab_ending){ .forced = AB_REASON_CANCELLED, .forced_signo = SIGTERM });
	CHECK_STRING(told(), "cancelled 143 exit=-1 signal=9 oom=0 limits=0 none");
	judge((struct ab_ending){ EXITED(0), .copy_name = "standard output", .copy_errno = ENOSPC });
	CHECK_STRING(told(), "failed 125 exit=-1 signal=0 oom=0 limits=0 limit.storage");
	CHECK_STRING(outcome.error.msg, "write standard output: No space left on device");
}

static void
limits(void)
{
	judge((struct ab_ending){ DIED(SIGKILL), .oom_kills = 1 });
	CHECK_STRING(told(), "oom 137 exit=-1 signal=9 oom=1 limits=1 none");
	judge((struct ab_ending){ EXITED(137), .oom_kills = 1 });
	CHECK_STRING(told(), "oom 137 exit=-1 signal=9 oom=1 limits=1 none");
	judge((struct ab_ending){ EXITED(2), .oom_kills = 1 });
	CHECK_STRING(told(), "exit 2 exit=2 signal=0 oom=1 limits=1 none");
	judge((struct ab_ending){ .oom_kills = 1 });
	CHECK_STRING(told(), "oom 137 exit=-1 signal=9 oom=1 limits=1 none");
	judge((struct ab_ending){ .sampled_memory = true });
	CHECK_STRING(told(), "oom 137 exit=-1 signal=9 oom=1 limits=1 none");
	judge((struct ab_ending){ DIED(SIGKILL), .sampled_cpu = true });
	CHECK_STRING(told(), "limit 137 exit=-1 signal=9 oom=0 limits=2 none");
	judge((struct ab_ending){ EXITED(1), .pids_refused = 3 });
	CHECK_STRING(told(), "exit 1 exit=1 signal=0 oom=0 limits=4 none");
	/* only a limit that was set is a limit that was hit */
	judge((struct ab_ending){ DIED(SIGXFSZ) });
	CHECK_STRING(told(), "signal 153 exit=-1 signal=25 oom=0 limits=0 none");
	plan.limits.file_size_bytes = 1;
	plan.limits.cpu_time_ms = 1;
	judge((struct ab_ending){ DIED(SIGXFSZ) });
	CHECK_STRING(told(), "limit 153 exit=-1 signal=25 oom=0 limits=8 none");
	judge((struct ab_ending){ DIED(SIGXCPU) });
	CHECK_STRING(told(), "limit 152 exit=-1 signal=24 oom=0 limits=2 none");
	plan.limits.file_size_bytes = plan.limits.cpu_time_ms = AB_UNSET;
}

static void
never_started(void)
{
	struct ab_msg msg = { .kind = AB_MSG_FAILED, .exec_failed = 1, .errno_value = ENOENT };

	outcome = (struct ab_outcome){ .started = false };
	ab_outcome_fail(&outcome, &plan, &msg);
	CHECK_STRING(told(), "failed 127 exit=-1 signal=0 oom=0 limits=0 not_found");
	CHECK_STRING(outcome.error.msg, "command \"make\" not found");
	msg.errno_value = EACCES;
	ab_outcome_fail(&outcome, &plan, &msg);
	CHECK_STRING(told(), "failed 126 exit=-1 signal=0 oom=0 limits=0 denied.permission");
	msg.errno_value = ENOEXEC;
	ab_outcome_fail(&outcome, &plan, &msg);
	CHECK_STRING(told(), "failed 126 exit=-1 signal=0 oom=0 limits=0 denied.permission");
	msg = (struct ab_msg){ .kind = AB_MSG_FAILED, .errno_value = EPERM, .step = "mount /proc" };
	ab_outcome_fail(&outcome, &plan, &msg);
	CHECK_STRING(told(), "failed 125 exit=-1 signal=0 oom=0 limits=0 isolation.unavailable");
	CHECK_STRING(outcome.error.msg, "start the sandbox: mount /proc: Operation not permitted");
	CHECK(outcome.error.hint[0] != '\0');
	msg.errno_value = ENOENT;
	ab_outcome_fail(&outcome, &plan, &msg);
	CHECK_STRING(told(), "failed 125 exit=-1 signal=0 oom=0 limits=0 not_found");
	msg = (struct ab_msg){ .kind = AB_MSG_FAILED, .errno_value = EACCES, .step = "change to \"/var/secret\"" };
	ab_outcome_fail(&outcome, &plan, &msg);
	CHECK_STRING(told(), "failed 125 exit=-1 signal=0 oom=0 limits=0 denied.permission");
	msg.missing = AB_PROMISE_BIT(AB_PROMISE_PROTECT) | AB_PROMISE_BIT(AB_PROMISE_OWNERS);
	plan.require = AB_PROMISE_BIT(AB_PROMISE_PROTECT);
	ab_outcome_fail(&outcome, &plan, &msg);
	CHECK_STRING(told(), "failed 125 exit=-1 signal=0 oom=0 limits=0 isolation.unavailable");
	CHECK_STRING(outcome.error.msg, "level namespace does not keep what is required: protect");
	plan.require = 0;
	plan.level = AB_LEVEL_NONE;
	msg.errno_value = EPERM;
	ab_outcome_fail(&outcome, &plan, &msg);
	CHECK_STRING(told(), "failed 125 exit=-1 signal=0 oom=0 limits=0 denied.permission");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "the command's own end", own_endings },
		{ "timeouts, cancellation, lost output", ours },
		{ "limits", limits },
		{ "never started", never_started },
	};
	static char program[] = "make";
	static char *argv[] = { program, NULL };

	plan.argv = argv;
	plan.level = AB_LEVEL_NAMESPACE;
	plan.limits.file_size_bytes = plan.limits.cpu_time_ms = AB_UNSET;
	return tap_run(tests, sizeof(tests) / sizeof(tests[0]));
}
