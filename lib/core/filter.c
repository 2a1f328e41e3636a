/* --jq: the child that runs a jq program over our records. */
#include "core/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "core/mem.h"

extern char **environ;

/* The candidates in order; false at the end of the list. */
static bool
candidate(int number, char path[static PATH_MAX])
{
	const char *dir = getenv("AB_LIBEXEC_DIR");

	if (dir != NULL && dir[0] != '\0') {
		snprintf(path, PATH_MAX, "%s/ab-jq", dir);
		return number == 0;
	}
	if (number == 1) {
		snprintf(path, PATH_MAX, "%s/ab-jq", AB_LIBEXEC);
		return true;
	}
	if (number > 1)
		return false;
	char self[PATH_MAX - 32];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[len < 0 ? 0 : len] = '\0';
	char *slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	snprintf(path, PATH_MAX, "%s/../libexec/ab/ab-jq", self);
	return true;
}

/* The child gets the signals and the mask that a program expects: ours are blocked when there is a loop, and we
 * ignore SIGPIPE. */
static int
spawn(const char *path, char *const *argv, int in, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults, none;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return ENOMEM;
	posix_spawnattr_init(&attributes);
	int rc = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	if (rc == 0)
		rc = posix_spawn(pid, path, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

int
ab_filter_start(const char *program, bool raw, pid_t *pid, int *fd, struct ab_error *err)
{
	AB_AUTO_FREE char *text = ab_strdup(program);
	char name[] = "ab-jq", flag[] = "-r", end[] = "--", path[PATH_MAX];
	char *argv[] = { name, raw ? flag : end, raw ? end : text, raw ? text : NULL, NULL };
	int ends[2], rc = ENOENT;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return ab_fail_errno(err, errno, "--jq: pipe");
	AB_AUTO_CLOSE int in = ends[0];
	AB_AUTO_CLOSE int out = ends[1];
	for (int i = 0; rc == ENOENT && candidate(i, path); i++)
		rc = spawn(path, argv, in, pid);
	if (rc == ENOENT) {
		ab_fail(err, AB_E_UNSUPPORTED, "--jq: the helper ab-jq is not installed");
		ab_error_hint(err, "set AB_LIBEXEC_DIR to the folder that holds ab-jq");
		return -1;
	}
	if (rc != 0)
		return ab_fail_errno(err, rc, "--jq: start \"%s\"", path);
	*fd = ab_steal_fd(&out);
	return 0;
}

int
ab_filter_wait(pid_t pid, struct ab_error *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ab_fail_errno(err, errno, "--jq: wait");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
