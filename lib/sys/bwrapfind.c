/* An installed bubblewrap: where it lies, and which one it is. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/mem.h"
#include "core/op.h"
#include "core/time.h"
#include "sys/bwrap.h"
#include "sys/path.h"

#define MAJOR_MIN 0 /* --perms, --size, --json-status-fd, --args as they are used here */
#define MINOR_MIN 8
#define MINOR_HOLDS 12
#define ANSWER_MS 5000

bool
ab_bwrap_holds(const struct ab_bwrap *bwrap)
{
	return bwrap->major > 0 || bwrap->minor >= MINOR_HOLDS;
}

int
ab_bwrap_parse_version(const char *text, unsigned *major, unsigned *minor)
{
	static const char name[] = "bubblewrap ";
	char *end;

	if (strncmp(text, name, sizeof(name) - 1) != 0)
		return -1;
	const char *at = text + sizeof(name) - 1;
	if (*at < '0' || *at > '9')
		return -1;
	*major = (unsigned)strtoul(at, &end, 10);
	if (end[0] != '.' || end[1] < '0' || end[1] > '9')
		return -1;
	*minor = (unsigned)strtoul(end + 1, NULL, 10);
	return 0;
}

/* Start it with nothing of ours but the end of a pipe as stdout. */
static pid_t
start_asking(const char *path, int out)
{
	char *const argv[] = { (char *)(uintptr_t)path, (char *)(uintptr_t)"--version", NULL };
	char *const envp[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	pid_t pid = -1;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	if (posix_spawnattr_init(&attributes) == 0) {
		posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
		posix_spawnattr_setsigdefault(&attributes, &all);
		posix_spawnattr_setsigmask(&attributes, &none);
		if (posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) != 0 ||
		    posix_spawn_file_actions_adddup2(&actions, out, 1) != 0 ||
		    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) != 0 ||
		    posix_spawn(&pid, path, &actions, &attributes, argv, envp) != 0)
			pid = -1;
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

/* What `bwrap --version` prints, cut. False: it could not be asked. */
static bool
ask(const char *path, char text[static 128])
{
	int ends[2];
	size_t len = 0;
	int64_t deadline = ab_deadline(ANSWER_MS);

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	AB_AUTO_CLOSE int out = ends[0];
	pid_t pid = start_asking(path, ends[1]);
	close(ends[1]);
	if (pid < 0)
		return false;
	for (;;) {
		struct pollfd readable = { .fd = out, .events = POLLIN };
		int64_t left_ms = deadline - ab_now_ms();
		int ready = left_ms <= 0 ? 0 : poll(&readable, 1, (int)left_ms);
		if (ready < 0 && errno == EINTR)
			continue;
		ssize_t n = ready <= 0 ? 0 : read(out, text + len, 127 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	(void)kill(pid, SIGKILL); /* one that has answered has ended, or has nothing more to say */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return len > 0;
}

/* The first one in search that may be believed; false: none. */
static bool
look(const char *search, const char *tree, char path[static PATH_MAX])
{
	struct stat st;

	for (const char *at = search;; at++) {
		size_t len = strcspn(at, ":");
		if (*at == '/') {
			AB_AUTO_FREE char *name = ab_asprintf("%.*s/bwrap", (int)len, at);
			if (realpath(name, path) != NULL && (tree == NULL || !ab_path_below(path, tree)) && stat(path, &st) == 0 &&
			    S_ISREG(st.st_mode) && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0)
				return true;
		}
		at += len;
		if (*at == '\0')
			return false;
	}
}

static int
unavailable(struct ab_error *err)
{
	ab_error_hint(err, "install bubblewrap 0.12 or newer (apt-get, dnf, pacman, zypper or apk install bubblewrap), or --isolation auto");
	return -1;
}

int
ab_bwrap_find(const char *search, const char *tree, struct ab_bwrap *bwrap, struct ab_error *err)
{
	static struct ab_bwrap last;
	char text[128], path[PATH_MAX];

	if (!look(search != NULL ? search : "/usr/local/bin:/usr/bin:/bin", tree, path)) {
		ab_fail(err, AB_E_ISOLATION_UNAVAILABLE, "level bwrap is not available here: there is no bwrap in PATH");
		return unavailable(err);
	}
	if (strcmp(path, last.path) != 0) {
		struct ab_bwrap found = { .major = 0 };
		memcpy(found.path, path, sizeof(path));
		if (!ask(path, text) || ab_bwrap_parse_version(text, &found.major, &found.minor) < 0) {
			ab_fail(err, AB_E_ISOLATION_UNAVAILABLE, "level bwrap is not available here: \"%s\" does not tell its version", path);
			return unavailable(err);
		}
		last = found;
	}
	*bwrap = last;
	if (bwrap->major > MAJOR_MIN || bwrap->minor >= MINOR_MIN)
		return 0;
	ab_fail(err, AB_E_ISOLATION_UNAVAILABLE, "level bwrap is not available here: bubblewrap %u.%u is too old", bwrap->major, bwrap->minor);
	return unavailable(err);
}
