/*
 * Run a command in a sandbox from a test: a plan with the usual view, the pipes read to their end, every message kept.
 *
 * As root and as an ordinary user (run_as re-executes the test as one). What a host cannot give is said by `skip`.
 */
#ifndef AB_TEST_SANDBOX_RUN_H
#define AB_TEST_SANDBOX_RUN_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/op.h"
#include "core/time.h"
#include "sys/netgate.h"
#include "sys/spawn.h"
#include "tap.h"

struct run {
	struct ab_plan plan;
	struct ab_spawn_io io;
	struct ab_child child;
	struct ab_error err;
	struct ab_msg failed, exited;
	bool ready, started, has_failed, has_exited;
	ab_promises missing;
	unsigned net_fds;
	struct ab_buf out, errors;
	char base[64]; /* a directory of our own */
	char tree[80]; /* below it */
};

static inline void
run_bind(struct run *run, const char *source, const char *target, bool writable, bool optional)
{
	struct ab_view *entry = ab_plan_view(&run->plan, AB_VIEW_BIND, source, target);

	entry->writable = writable;
	entry->optional = optional;
}

static inline void
run_ident(struct ab_plan *plan)
{
	plan->ident.mode = geteuid() == 0 ? AB_IDENT_ROOT : AB_IDENT_SELF;
	plan->ident.inside_uid = geteuid() == 0 ? 1000 : geteuid();
	plan->ident.inside_gid = getegid() == 0 ? 1000 : getegid();
	plan->ident.kernel_uid = geteuid();
	plan->ident.kernel_gid = getegid();
	strcpy(plan->ident.name, "user");
}

/* The system read-only, private /run and /tmp, an empty tree. */
static inline void
run_begin(struct run *run)
{
	static const char *const system_dirs[] = { "/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64" };
	struct stat st;
	char link[64];

	memset(run, 0, sizeof(*run));
	ab_plan_init(&run->plan);
	ab_buf_init(&run->out, 1 << 24);
	ab_buf_init(&run->errors, 1 << 24);
	strcpy(run->base, "/var/tmp/ab-run-XXXXXX");
	if (mkdtemp(run->base) == NULL || chmod(run->base, 0755) < 0)
		abort();
	snprintf(run->tree, sizeof(run->tree), "%s/tree", run->base);
	mkdir(run->tree, 0755);
	for (size_t i = 0; i < AB_COUNT_OF(system_dirs); i++) {
		if (lstat(system_dirs[i], &st) < 0)
			continue;
		if (!S_ISLNK(st.st_mode)) {
			run_bind(run, system_dirs[i], system_dirs[i], false, false);
			continue;
		}
		ssize_t n = readlink(system_dirs[i], link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = '\0';
		ab_plan_view(&run->plan, AB_VIEW_SYMLINK, link, system_dirs[i]);
	}
	ab_plan_view(&run->plan, AB_VIEW_TMPFS, NULL, "/run");
	ab_plan_view(&run->plan, AB_VIEW_TMPFS, NULL, "/tmp")->mode = 01777;
	ab_plan_view(&run->plan, AB_VIEW_TMPFS, NULL, "/var/tmp")->mode = 01777;
	run_bind(run, run->tree, run->tree, true, false);
	run->plan.tree = ab_strdup(run->tree);
	run->plan.cwd = ab_strdup(run->tree);
	run->plan.level = AB_LEVEL_NAMESPACE;
	run->plan.fresh_proc = true;
	run->plan.net.text = ab_strdup("none");
	size_t count = 0;
	ab_strv_push(&run->plan.envp, &count, "PATH=/usr/local/bin:/usr/bin:/bin");
	ab_strv_push(&run->plan.envp, &count, "HOME=/tmp");
	run_ident(&run->plan);
}

static inline void
run_argv(struct run *run, const char *const *argv)
{
	size_t count = 0;

	ab_strv_free(run->plan.argv);
	run->plan.argv = NULL;
	for (; *argv != NULL; argv++)
		ab_strv_push(&run->plan.argv, &count, *argv);
}

static inline void
run_shell(struct run *run, const char *script)
{
	run_argv(run, (const char *const[]){ "sh", "-c", script, NULL });
}

/* Take every message that is there; false when init is gone. */
static inline bool
run_messages(struct run *run)
{
	struct ab_msg msg;
	int fds[AB_NETGATE_FDS_MAX], status;

	for (;;) {
		unsigned count = AB_NETGATE_FDS_MAX;
		status = ab_child_receive(&run->child, &msg, fds, &count);
		if (status <= 0)
			return status == 0;
		run->net_fds += count;
		for (unsigned i = 0; i < count; i++)
			close(fds[i]);
		run->missing |= msg.missing;
		run->ready |= msg.kind == AB_MSG_READY;
		run->started |= msg.kind == AB_MSG_STARTED;
		if (msg.kind == AB_MSG_FAILED) {
			run->has_failed = true;
			run->failed = msg;
		}
		if (msg.kind == AB_MSG_EXITED) {
			run->has_exited = true;
			run->exited = msg;
		}
	}
}

static inline bool
run_drain(int fd, struct ab_buf *buf)
{
	char *to = ab_buf_reserve(buf, 65536);
	ssize_t n = to == NULL ? 0 : read(fd, to, 65536);

	if (n > 0)
		buf->len += (size_t)n;
	if (buf->data != NULL)
		buf->data[buf->len] = '\0';
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static inline const char *
run_text(const struct ab_buf *buf)
{
	return buf->data == NULL ? "" : buf->data;
}

/* Until init is gone and the pipes have ended, or the deadline, or the command has said a text (NULL: none). */
static inline void
run_wait_until(struct run *run, int64_t timeout_ms, const char *text)
{
	int64_t deadline = ab_deadline(timeout_ms);
	bool channel = true, out = run->child.stdout_fd >= 0, errors = run->child.stderr_fd >= 0;

	while ((channel || out || errors) && ab_now_ms() < deadline && (text == NULL || strstr(run_text(&run->out), text) == NULL)) {
		struct pollfd fds[] = { { channel ? run->child.channel : -1, POLLIN, 0 }, { out ? run->child.stdout_fd : -1, POLLIN, 0 },
			{ errors ? run->child.stderr_fd : -1, POLLIN, 0 } };
		poll(fds, 3, (int)(deadline - ab_now_ms()));
		if (fds[0].revents != 0)
			channel = run_messages(run);
		if (fds[1].revents != 0)
			out = run_drain(run->child.stdout_fd, &run->out);
		if (fds[2].revents != 0)
			errors = run_drain(run->child.stderr_fd, &run->errors);
	}
}

static inline void
run_wait(struct run *run, int64_t timeout_ms)
{
	run_wait_until(run, timeout_ms, NULL);
}

/* Until the command has said it, however busy the host is; and a moment more, for what it does next. */
static inline void
run_hear(struct run *run, const char *text)
{
	run_wait_until(run, 20000, text);
	CHECK(strstr(run_text(&run->out), text) != NULL);
	run_wait(run, 200);
}

static inline bool
run_start(struct run *run)
{
	int status = ab_spawn(&run->plan, &run->io, &run->child, &run->err);

	if (status < 0)
		printf("# spawn: %s\n", run->err.msg);
	return status == 0;
}

static inline void
run_end(struct run *run)
{
	char command[128];

	ab_child_close(&run->child);
	ab_plan_release(&run->plan);
	ab_buf_release(&run->out);
	ab_buf_release(&run->errors);
	snprintf(command, sizeof(command), "chmod -R u+rwX %s; rm -rf %s", run->base, run->base);
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

/* Start, wait, and say what went wrong if it did. The command's status as a shell would have it; -1: it did not run. */
static inline int
run_all(struct run *run)
{
	if (!run_start(run))
		return -1;
	run_wait(run, 20000);
	if (run->has_failed)
		printf("# failed: %s: %s\n", run->failed.step, strerror(run->failed.errno_value));
	if (!run->has_exited)
		return -1;
	int status = run->exited.wait_status;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Whether this host gives namespaces at all (in a container without privileges it does not); says so as TAP does when not. */
static inline bool
run_possible(void)
{
	struct run run;

	run_begin(&run);
	run_argv(&run, (const char *const[]){ "true", NULL });
	bool started = run_start(&run);
	if (started)
		run_wait(&run, 20000);
	bool possible = started && run.has_exited;
	if (!possible)
		printf("1..0 # SKIP level namespace: %s: %s\n", started ? run.failed.step : run.err.msg, strerror(run.failed.errno_value));
	run_end(&run);
	return possible;
}

/* The whole test once more as an ordinary user, when we are root. */
static inline int
run_as_user(const char *self, int status)
{
	if (geteuid() != 0)
		return status;
	printf("# as an ordinary user\n");
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		/* The program may lie where only root can go: executed by its descriptor. */
		int fd = open(self, O_RDONLY);
		char *const argv[] = { (char *)(uintptr_t)"user", NULL };
		if (setgid(54321) < 0 || setuid(54321) < 0)
			_exit(1);
		extern char **environ;
		fexecve(fd, argv, environ);
		_exit(1);
	}
	int user = 0;
	waitpid(pid, &user, 0);
	return status != 0 || user != 0;
}

/* Run a script to its end, and look at what it printed. */
static inline void
check_shell(struct run *run, const char *script, const char *want)
{
	run_shell(run, script);
	(void)run_all(run);
	CHECK_STRING(run_text(&run->out), want);
	run_end(run);
}

#endif
