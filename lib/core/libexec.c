/* Programs of ours that are not for people. */
#include "core/libexec.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The candidates in order; false at the end of the list. */
static bool
candidate(const char *name, int number, char path[static PATH_MAX])
{
	const char *dir = getenv("AB_LIBEXEC_DIR");

	if (dir != NULL && dir[0] != '\0') {
		snprintf(path, PATH_MAX, "%s/%s", dir, name);
		return number == 0;
	}
	if (number == 1) {
		snprintf(path, PATH_MAX, "%s/%s", AB_LIBEXEC, name);
		return true;
	}
	if (number > 1)
		return false;
	char self[PATH_MAX - 64];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[len < 0 ? 0 : len] = '\0';
	char *slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	snprintf(path, PATH_MAX, "%s/../libexec/ab/%s", self, name);
	return true;
}

/* The child gets the signals and the mask that a program expects: ours are blocked when there is a loop, and we
 * ignore SIGPIPE. */
static int
spawn(const char *path, char *const *argv, int in, int out, pid_t *pid)
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
	if (rc == 0 && out >= 0)
		rc = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
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
ab_libexec_start(char *const *argv, int in, int out, pid_t *pid, struct ab_error *err)
{
	char path[PATH_MAX];
	int rc = ENOENT;

	for (int i = 0; rc == ENOENT && candidate(argv[0], i, path); i++)
		rc = spawn(path, argv, in, out, pid);
	if (rc == ENOENT) {
		ab_fail(err, AB_E_UNSUPPORTED, "the helper %s is not installed", argv[0]);
		ab_error_hint(err, "set AB_LIBEXEC_DIR to the folder that holds %s", argv[0]);
		return -1;
	}
	return rc == 0 ? 0 : ab_fail_errno(err, rc, "start \"%s\"", path);
}

int
ab_libexec_wait(pid_t pid, struct ab_error *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ab_fail_errno(err, errno, "wait");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
