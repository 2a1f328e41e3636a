/* One run from start to outcome. */
#include "sys/supervise.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "core/op.h"
#include "core/time.h"
#include "sys/cgroup.h"
#include "sys/feed.h"
#include "sys/pump.h"

#define SETUP_MS 60000
#define GRACE_MS 2000

/*
 * SETUP -> RUNNING -> (ENDING: told to end) -> DRAINING (init is dead; the last output goes out) -> done. A
 * run that could not be spawned is DRAINING from the beginning.
 */
enum phase { SETUP, RUNNING, ENDING, DRAINING };

struct ab_run {
	struct ab_loop *loop;
	const struct ab_run_io *io;
	struct ab_plan plan; /* the caller's, with what the cgroup cannot keep handed to init */
	void (*done)(void *data, const struct ab_outcome *outcome, const struct ab_netgate *gate);
	void *data;
	enum phase phase;
	bool spawned, failed, stopped, interrupted;
	struct ab_child child;
	struct ab_cgroup cgroup;
	struct ab_netgate *gate;
	struct ab_feed feed;
	struct ab_pump out, err;
	struct ab_spool_room room;
	struct ab_watch channel_watch, pidfd_watch;
	struct ab_timer clock, idle; /* clock: setup, then timeout, then grace */
	struct ab_task finish;
	struct ab_ending ending;
	struct ab_outcome outcome;
	int64_t begun_us, exec_us, end_us, idle_from_ms;
};

/* ---- the end ---- */

/* A failure of ours; the first one is told. */
static void
fail(struct ab_run *run, const struct ab_error *err)
{
	if (run->failed)
		return;
	run->failed = true;
	run->outcome.error = *err;
	run->outcome.reason = AB_REASON_FAILED;
	run->outcome.exit_code = -1;
	run->outcome.status = 125;
}

static void
add_usage(struct ab_run *run)
{
	struct ab_outcome *outcome = &run->outcome;
	struct ab_cgroup_usage usage = { .known = false };

	ab_cgroup_read(&run->cgroup, &usage);
	run->ending.oom_kills = usage.oom_kills;
	run->ending.pids_refused = usage.pids_max_events;
	if (usage.known) {
		outcome->usage_of_cgroup = true;
		outcome->user_us = usage.user_us;
		outcome->sys_us = usage.sys_us;
		outcome->max_rss_bytes = usage.max_rss_bytes;
	} else if (!run->ending.exited) {
		outcome->user_us = (int64_t)run->child.user_us;
		outcome->sys_us = (int64_t)run->child.sys_us;
		outcome->max_rss_bytes = (int64_t)run->child.max_rss_bytes;
	}
}

static void
judge(struct ab_run *run)
{
	struct ab_outcome *outcome = &run->outcome;

	add_usage(run);
	if (run->out.failed_errno != 0 && run->out.failed_errno != EPIPE) {
		run->ending.copy_name = "standard output";
		run->ending.copy_errno = run->out.failed_errno;
	} else if (run->err.failed_errno != 0 && run->err.failed_errno != EPIPE) {
		run->ending.copy_name = "standard error";
		run->ending.copy_errno = run->err.failed_errno;
	}
	if (!run->failed)
		ab_outcome_judge(outcome, &run->ending);
	outcome->spool_truncated = run->room.truncated;
	if (run->room.full)
		outcome->limits_hit |= AB_LIMIT_SPOOL;
	if (outcome->started)
		outcome->wall_us = run->end_us - run->exec_us;
}

/* Everything is known and nothing is left to copy. Deferred, so that no callback below has its run freed
 * under it. */
static void
finish(struct ab_task *task)
{
	struct ab_run *run = task->data;

	judge(run);
	ab_loop_disarm(run->loop, &run->clock);
	ab_loop_disarm(run->loop, &run->idle);
	ab_pump_close(&run->out);
	ab_pump_close(&run->err);
	ab_feed_close(&run->feed);
	if (run->spawned)
		ab_child_close(&run->child);
	ab_cgroup_close(&run->cgroup);
	if (run->gate != NULL)
		ab_netgate_settle(run->gate);
	run->done(run->data, &run->outcome, run->gate);
	ab_netgate_close(run->gate);
	free(run);
}

static void
check_finished(struct ab_run *run)
{
	if (run->phase == DRAINING && ab_pump_is_done(&run->out) && ab_pump_is_done(&run->err))
		ab_loop_defer(run->loop, &run->finish);
}

static void
pump_done(void *data)
{
	check_finished(data);
}

/* Nobody inside is alive. A command that ended by itself has its output waited for; one that was ended has
 * not. */
static void
drain(struct ab_run *run)
{
	if (run->phase == DRAINING)
		return;
	if (!run->ending.exited)
		run->end_us = ab_now_us();
	ab_loop_remove(run->loop, &run->channel_watch);
	ab_loop_remove(run->loop, &run->pidfd_watch);
	ab_loop_disarm(run->loop, &run->clock);
	ab_loop_disarm(run->loop, &run->idle);
	ab_feed_close(&run->feed);
	run->phase = DRAINING;
	if (run->ending.forced == AB_REASON_EXIT) {
		ab_pump_end(&run->out);
		ab_pump_end(&run->err);
	} else {
		ab_pump_abandon(&run->out);
		ab_pump_abandon(&run->err);
	}
	check_finished(run);
}

/* ---- ending it ---- */

/*
 * Kill everything. In a pid namespace the kernel does it all when init dies, and the pidfd tells when it is
 * done: nobody waits here. Elsewhere the launcher walks the descendants (bounded).
 */
static void
kill_all(struct ab_run *run)
{
	if (run->plan.level == AB_LEVEL_NAMESPACE)
		(void)syscall(SYS_pidfd_send_signal, run->child.pidfd, SIGKILL, NULL, 0);
	else
		ab_child_kill(&run->child);
}

static bool receive(struct ab_run *run);

/* Whether the command runs: init says so, or the command was heard before init came to say it. */
static bool
has_begun(struct ab_run *run)
{
	if (run->phase == SETUP)
		(void)receive(run);
	return run->phase == RUNNING || (run->phase == SETUP && (run->out.active_ms > 0 || run->err.active_ms > 0));
}

/* TERM, and CONT for what is stopped, to everything inside; the clock brings KILL. */
static void
end(struct ab_run *run, enum ab_reason reason, int signo)
{
	int64_t grace_ms = run->plan.limits.grace_ms == AB_UNSET ? GRACE_MS : run->plan.limits.grace_ms;

	if (run->finish.queued)
		return;
	if (run->phase == DRAINING) {
		/* All is over but for a slow reader of ours. */
		ab_pump_abandon(&run->out);
		ab_pump_abandon(&run->err);
		run->ending.forced = reason;
		run->ending.forced_signo = signo;
		check_finished(run);
		return;
	}
	bool begun = has_begun(run);
	if (run->phase == ENDING || run->ending.exited)
		return;
	run->ending.forced = reason;
	run->ending.forced_signo = signo;
	ab_loop_disarm(run->loop, &run->idle);
	if (!begun || grace_ms <= 0) {
		run->phase = ENDING;
		ab_loop_disarm(run->loop, &run->clock);
		kill_all(run);
		return;
	}
	run->phase = ENDING;
	ab_child_signal(&run->child, SIGTERM, AB_SIGNAL_ALL);
	ab_child_signal(&run->child, SIGCONT, AB_SIGNAL_ALL);
	ab_loop_arm(run->loop, &run->clock, ab_deadline(grace_ms));
}

static void
clock_fired(struct ab_timer *timer)
{
	struct ab_run *run = timer->data;

	if (run->phase == RUNNING) {
		end(run, AB_REASON_TIMEOUT, 0);
		return;
	}
	if (run->phase == SETUP) {
		struct ab_error err;
		ab_fail(&err, AB_E_TIMEOUT, "the sandbox was not set up within %d s", SETUP_MS / 1000);
		fail(run, &err);
	}
	kill_all(run);
}

/* When the command (as far as we let it) was heard last. */
static int64_t
last_heard_ms(const struct ab_run *run)
{
	int64_t heard = run->idle_from_ms;

	if (run->out.active_ms > heard)
		heard = run->out.active_ms;
	if (run->err.active_ms > heard)
		heard = run->err.active_ms;
	if (ab_pump_is_blocked(&run->out) || ab_pump_is_blocked(&run->err))
		heard = ab_now_ms();
	return heard;
}

static int64_t
idle_deadline_ms(const struct ab_run *run)
{
	int64_t deadline;

	if (__builtin_add_overflow(last_heard_ms(run), run->plan.limits.idle_timeout_ms, &deadline))
		return AB_NEVER;
	return deadline;
}

static void
arm_idle(struct ab_run *run)
{
	if (run->plan.limits.idle_timeout_ms != AB_UNSET && !run->stopped && run->phase == RUNNING)
		ab_loop_arm(run->loop, &run->idle, idle_deadline_ms(run));
}

static void
idle_fired(struct ab_timer *timer)
{
	struct ab_run *run = timer->data;

	if (idle_deadline_ms(run) > ab_now_ms())
		arm_idle(run);
	else
		end(run, AB_REASON_IDLE_TIMEOUT, 0);
}

/* ---- what init tells ---- */

static void
got_net(struct ab_run *run, const int *fds, unsigned fd_count)
{
	struct ab_error err = AB_ERROR_INIT;

	run->gate = ab_netgate_open(run->loop, &run->plan.net, fds, fd_count, &err);
	if (run->gate != NULL)
		return;
	fail(run, &err);
	kill_all(run);
}

static void
got_started(struct ab_run *run)
{
	const struct ab_run_io *io = run->io;
	struct ab_error err = AB_ERROR_INIT;

	run->exec_us = ab_now_us();
	run->outcome.started = true;
	run->outcome.started_unix_ms = ab_now_unix_ms();
	run->outcome.setup_us = run->exec_us - run->begun_us;
	run->idle_from_ms = ab_now_ms();
	if (run->phase != SETUP)
		return;
	run->phase = RUNNING;
	ab_loop_arm(run->loop, &run->clock,
	    run->plan.limits.timeout_ms == AB_UNSET ? AB_NEVER : ab_deadline(run->plan.limits.timeout_ms));
	arm_idle(run);
	/* Not before: where the exec fails, nothing of our stdin has been used up. */
	if (run->child.stdin_fd >= 0 && ab_feed_open(&run->feed, run->loop, ab_steal_fd(&run->child.stdin_fd), io->stdin_fd,
					    io->stdin_data, io->stdin_len, &err) != 0) {
		fail(run, &err);
		kill_all(run);
	}
	if (io->started != NULL)
		io->started(io->data);
}

static void
got_exited(struct ab_run *run, const struct ab_msg *msg)
{
	run->end_us = ab_now_us();
	run->ending.exited = true;
	run->ending.wait_status = msg->wait_status;
	run->ending.sampled_memory = (msg->limits_hit & 1) != 0;
	run->ending.sampled_cpu = (msg->limits_hit & 2) != 0;
	run->outcome.survivors_killed = msg->survivors;
	run->outcome.user_us = (int64_t)msg->user_us;
	run->outcome.sys_us = (int64_t)msg->sys_us;
	run->outcome.max_rss_bytes = (int64_t)msg->max_rss_bytes;
}

static void
got_message(struct ab_run *run, const struct ab_msg *msg, const int *fds, unsigned fd_count)
{
	switch (msg->kind) {
	case AB_MSG_NET:
		got_net(run, fds, fd_count);
		break;
	case AB_MSG_READY:
		run->outcome.missing |= msg->missing;
		break;
	case AB_MSG_STARTED:
		got_started(run);
		break;
	case AB_MSG_FAILED:
		if (!run->failed && run->ending.forced == AB_REASON_EXIT)
			ab_outcome_fail(&run->outcome, &run->plan, msg);
		run->failed |= run->ending.forced == AB_REASON_EXIT;
		break;
	case AB_MSG_EXITED:
		got_exited(run, msg);
		break;
	case AB_MSG_STOPPED:
	case AB_MSG_CONTINUED:
		break;
	}
}

/* Every message that is there; false when init is gone. */
static bool
receive(struct ab_run *run)
{
	struct ab_msg msg;
	int fds[AB_NETGATE_FDS_MAX], got;
	unsigned fd_count;

	for (;;) {
		fd_count = AB_NETGATE_FDS_MAX;
		got = ab_child_receive(&run->child, &msg, fds, &fd_count);
		if (got <= 0)
			return got == 0;
		got_message(run, &msg, fds, fd_count);
	}
}

static void
channel_ready(struct ab_watch *watch, unsigned events)
{
	struct ab_run *run = watch->data;

	(void)events;
	/* The end of the channel is not yet the end of init: the pidfd tells that. */
	if (!receive(run))
		ab_loop_remove(run->loop, &run->channel_watch);
}

static void
pidfd_ready(struct ab_watch *watch, unsigned events)
{
	struct ab_run *run = watch->data;

	(void)events;
	/* What init said last may have come in the same moment. */
	(void)receive(run);
	if (!ab_child_reap(&run->child))
		return;
	/* Without a pid namespace an init that was killed leaves its children to us. */
	if (run->plan.level != AB_LEVEL_NAMESPACE && !run->ending.exited)
		ab_child_kill(&run->child);
	drain(run);
}

/* ---- the beginning ---- */

/* A cgroup costs more than the whole rest of the start: only for what nothing else can keep. */
static void
open_cgroup(struct ab_run *run)
{
	const struct ab_limits *limits = &run->plan.limits;
	ab_promises enforced = 0;
	/* RLIMIT_NPROC counts for a user of a user namespace, and not for kernel uid 0. */
	bool rlimit = run->plan.level == AB_LEVEL_NAMESPACE && run->plan.ident.kernel_uid != 0;
	bool pids = limits->pids != AB_UNSET && (!rlimit || limits->pids_told);
	bool memory = limits->memory_bytes != AB_UNSET;

	if (pids || memory)
		ab_cgroup_open(&run->cgroup, limits, &enforced);
	run->plan.count_pids = pids && (enforced & AB_PROMISE_BIT(AB_PROMISE_PIDS)) != 0;
	if (pids && !rlimit && !run->plan.count_pids)
		run->outcome.missing |= AB_PROMISE_BIT(AB_PROMISE_PIDS);
	run->plan.sample_memory = memory && (enforced & AB_PROMISE_BIT(AB_PROMISE_MEMORY)) == 0;
	run->plan.sample_cpu = limits->cpu_time_ms != AB_UNSET;
}

static void
created(void *data, pid_t pid)
{
	struct ab_run *run = data;

	ab_cgroup_attach(&run->cgroup, pid);
}

static int
open_pump(struct ab_run *run, struct ab_pump *pump, int stream, int from, struct ab_error *err)
{
	const struct ab_run_io *io = run->io;
	struct ab_pump_to to = {
		.keep = stream == 0 ? io->keep_out : io->keep_err,
		.spool_fd = stream == 0 ? io->spool_out : io->spool_err,
		.room = &run->room,
		.copy_fd = stream == 0 ? io->copy_out : io->copy_err,
		.chunk = io->chunk,
		.data = io->data,
		.stream = stream,
	};

	return from < 0 ? 0 : ab_pump_open(pump, run->loop, from, &to, pump_done, run, err);
}

static int
watch_all(struct ab_run *run, struct ab_error *err)
{
	struct ab_child *child = &run->child;

	run->channel_watch = (struct ab_watch){ .fd = child->channel, .events = AB_READABLE, .ready = channel_ready };
	run->pidfd_watch = (struct ab_watch){ .fd = child->pidfd, .events = AB_READABLE, .ready = pidfd_ready };
	run->channel_watch.data = run->pidfd_watch.data = run;
	if (ab_loop_add(run->loop, &run->channel_watch, err) != 0 || ab_loop_add(run->loop, &run->pidfd_watch, err) != 0)
		return -1;
	if (open_pump(run, &run->out, 0, ab_steal_fd(&child->stdout_fd), err) != 0)
		return -1;
	return open_pump(run, &run->err, 1, ab_steal_fd(&child->stderr_fd), err);
}

static int
start(struct ab_run *run, struct ab_error *err)
{
	const struct ab_run_io *io = run->io;
	struct ab_spawn_io spawn_io = {
		.stdin_pipe = !io->inherit && (io->stdin_fd >= 0 || io->stdin_data != NULL),
		.inherit = io->inherit,
		.cgroup_fd = -1,
	};

	open_cgroup(run);
	if (ab_promise_require(run->plan.require, run->outcome.missing, run->plan.level, err) < 0)
		return -1;
	spawn_io.cgroup_fd = run->cgroup.dir_fd;
	const struct ab_cgroup *cgroup = &run->cgroup;
	if (cgroup->memory != NULL || cgroup->pids != NULL || cgroup->cpuacct != NULL || cgroup->v2 != NULL) {
		spawn_io.created = created;
		spawn_io.data = run;
	}
	if (ab_spawn(&run->plan, &spawn_io, &run->child, err) != 0)
		return -1;
	run->spawned = true;
	return watch_all(run, err);
}

struct ab_run *
ab_run_start(struct ab_loop *loop, const struct ab_plan *plan, const struct ab_run_io *io,
    void (*done)(void *data, const struct ab_outcome *outcome, const struct ab_netgate *gate), void *data)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_run *run = ab_calloc(1, sizeof(*run));

	*run = (struct ab_run){ .loop = loop, .io = io, .plan = *plan, .done = done, .data = data, .phase = SETUP };
	run->begun_us = ab_now_us();
	run->outcome.started_unix_ms = ab_now_unix_ms();
	run->cgroup = (struct ab_cgroup)AB_CGROUP_INIT;
	run->room.left = io->spool_max;
	run->ending.plan = &run->plan;
	run->clock = (struct ab_timer){ .fired = clock_fired, .data = run };
	run->idle = (struct ab_timer){ .fired = idle_fired, .data = run };
	run->finish = (struct ab_task){ .run = finish, .data = run };
	if (start(run, &err) == 0) {
		ab_loop_arm(loop, &run->clock, ab_deadline(SETUP_MS));
		return run;
	}
	fail(run, &err);
	if (run->spawned)
		ab_child_kill(&run->child);
	drain(run);
	return run;
}

/* ---- signals ---- */

void
ab_run_cancel(struct ab_run *run)
{
	end(run, AB_REASON_CANCELLED, SIGTERM);
}

static void
stop_inside(struct ab_run *run, bool stop)
{
	if (run->phase != RUNNING || run->stopped == stop)
		return;
	run->stopped = stop;
	ab_child_signal(&run->child, stop ? SIGSTOP : SIGCONT, AB_SIGNAL_ALL);
	if (stop) {
		ab_loop_disarm(run->loop, &run->idle);
	} else {
		run->idle_from_ms = ab_now_ms();
		arm_idle(run);
	}
}

void
ab_run_signal(struct ab_run *run, int signo)
{
	switch (signo) {
	case SIGINT:
	case SIGQUIT:
		if (!run->interrupted && has_begun(run)) {
			run->interrupted = true;
			ab_child_signal(&run->child, signo, AB_SIGNAL_GROUP);
		} else {
			end(run, AB_REASON_CANCELLED, signo);
		}
		break;
	case SIGTERM:
	case SIGHUP:
		end(run, AB_REASON_CANCELLED, signo);
		break;
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		stop_inside(run, true);
		break;
	case SIGCONT:
		stop_inside(run, false);
		break;
	default:
		if (has_begun(run))
			ab_child_signal(&run->child, signo, AB_SIGNAL_GROUP);
	}
}
