/* core/libexec: a program of ours is found, started and waited for. */
#include "core/libexec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io.h"
#include "core/mem.h"
#include "tap.h"

static char base[] = "/tmp/ab-libexec-XXXXXX";

/* A path in base; the caller frees. */
static char *
below(const char *rel)
{
	return ab_asprintf("%s/%s", base, rel);
}

static void
write_file(const char *rel, const char *text, unsigned mode)
{
	AB_AUTO_FREE char *path = below(rel);
	struct ab_error err = AB_ERROR_INIT;

	unlink(path); /* what is replaced would keep its permissions */
	CHECK_INT(ab_write_file_atomic(AT_FDCWD, path, text, strlen(text), mode, &err), 0);
}

static struct ab_error last;

/* Start ab-stand with two arguments. */
static int
start(const char *first, const char *second, int in, int out, pid_t *pid)
{
	AB_AUTO_FREE char *one = first != NULL ? ab_strdup(first) : NULL, *two = second != NULL ? ab_strdup(second) : NULL;
	char name[] = "ab-stand";
	char *argv[] = { name, one, two, NULL };

	last = (struct ab_error)AB_ERROR_INIT;
	return ab_libexec_start(argv, in, out, pid, &last);
}

/* What it says, with this on its stdin; its status in *status. The caller frees. */
static char *
say(const char *input, int *status)
{
	struct ab_buf said = AB_BUF_INIT(100000);
	struct ab_error err = AB_ERROR_INIT;
	int to[2], from[2];
	pid_t pid;

	*status = -2;
	CHECK_INT(pipe2(to, O_CLOEXEC), 0);
	CHECK_INT(pipe2(from, O_CLOEXEC), 0);
	bool started = CHECK_INT(start("one", "two words", to[0], from[1], &pid), 0);
	/* They are still ours, and still for us alone. */
	CHECK_INT(fcntl(to[0], F_GETFD), FD_CLOEXEC);
	CHECK_INT(fcntl(from[1], F_GETFD), FD_CLOEXEC);
	close(to[0]);
	close(from[1]);
	CHECK_INT(ab_write_all(to[1], input, strlen(input)), 0);
	close(to[1]);
	CHECK_INT(ab_read_all(from[0], &said, "what it says", &err), 0);
	close(from[0]);
	if (started)
		*status = ab_libexec_wait(pid, &err);
	return ab_buf_take(&said);
}

static bool
no_child_is_left(void)
{
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

static void
test_streams(void)
{
	int status;

	write_file("ab-stand", "#!/bin/sh\nprintf '%s [%s] [%s] %s\\n' \"${0##*/}\" \"$1\" \"$2\" \"$#\"\ncat\n", 0755);
	AB_AUTO_FREE char *said = say("its input", &status);
	CHECK_STRING(said, "ab-stand [one] [two words] 2\nits input");
	CHECK_INT(status, 0);
	CHECK(no_child_is_left());
}

/* Without `out` it writes where we do. */
static void
test_our_stdout(void)
{
	AB_AUTO_BUF struct ab_buf said = AB_BUF_INIT(1000);
	AB_AUTO_FREE char *path = below("stdout");
	AB_AUTO_CLOSE int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct ab_error err = AB_ERROR_INIT;
	pid_t pid;

	write_file("ab-stand", "#!/bin/sh\necho \"$1\"\n", 0755);
	fflush(stdout);
	int kept = dup(STDOUT_FILENO), file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	dup2(file, STDOUT_FILENO);
	close(file);
	int started = start("hello", NULL, in, -1, &pid), status = started == 0 ? ab_libexec_wait(pid, &err) : -2;
	dup2(kept, STDOUT_FILENO);
	close(kept);
	CHECK_INT(started, 0);
	CHECK_INT(status, 0);
	CHECK_INT(ab_read_file(AT_FDCWD, path, &said, &err), 0);
	CHECK_STRING(said.data, "hello\n");
	unlink(path);
}

/* A descriptor that has the right number already, and would be closed. */
static void
test_same_number(void)
{
	int kept = dup(STDIN_FILENO), ends[2], status = -2;
	struct ab_error err = AB_ERROR_INIT;
	pid_t pid;

	write_file("ab-stand", "#!/bin/sh\nread -r line && [ \"$line\" = 7 ] && exit \"$line\"\n", 0755);
	CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
	CHECK_INT(write(ends[1], "7\n", 2), 2);
	close(ends[1]);
	CHECK_INT(dup3(ends[0], STDIN_FILENO, O_CLOEXEC), STDIN_FILENO);
	close(ends[0]);
	if (CHECK_INT(start(NULL, NULL, STDIN_FILENO, -1, &pid), 0))
		status = ab_libexec_wait(pid, &err);
	CHECK_INT(status, 7);
	if (kept >= 0)
		dup2(kept, STDIN_FILENO);
	close(kept);
}

/* The number behind NAME in /proc/PID/status. */
static unsigned long long
set_of(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return CHECK(at != NULL) ? strtoull(at + strlen(name), NULL, 16) : ~0ULL;
}

static void
test_signals(void)
{
	sigset_t blocked, before, now;
	int status;

	write_file("ab-stand", "#!/bin/sh\nexec cat /proc/self/status\n", 0755);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGCHLD);
	sigaddset(&blocked, SIGPIPE);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	signal(SIGPIPE, SIG_IGN); /* as a tool has it */
	AB_AUTO_FREE char *said = say("", &status);
	CHECK_INT(status, 0);
	CHECK_INT(set_of(said, "SigBlk:\t"), 0);
	CHECK_INT(set_of(said, "SigIgn:\t") & (1ULL << (SIGPIPE - 1)), 0);
	/* Ours are as they were. */
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK(sigismember(&now, SIGTERM) && sigismember(&now, SIGCHLD) && sigismember(&now, SIGPIPE));
	CHECK(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void
test_statuses(void)
{
	static const struct {
		const char *script;
		int status;
	} row[] = { { "exit 0", 0 }, { "exit 1", 1 }, { "exit 127", 127 }, { "exit 255", 255 }, { "kill -TERM $$", 128 + SIGTERM },
		{ "kill -KILL $$", 128 + SIGKILL }, { "kill -PIPE $$; exit 3", 128 + SIGPIPE } };

	signal(SIGPIPE, SIG_IGN); /* it must not inherit that */
	for (size_t i = 0; i < AB_COUNT_OF(row); i++) {
		AB_AUTO_FREE char *script = ab_asprintf("#!/bin/sh\n%s\n", row[i].script);
		int status;
		write_file("ab-stand", script, 0755);
		AB_AUTO_FREE char *said = say("", &status);
		CHECK_STRING(said, "");
		if (!CHECK_INT(status, row[i].status))
			printf("# %s\n", row[i].script);
	}
	signal(SIGPIPE, SIG_DFL);
}

static int alarms;

static void
note_alarm(int signo)
{
	(void)signo;
	alarms++;
}

/* A signal that comes meanwhile is no reason to leave it behind. */
static void
test_waiting(void)
{
	const struct sigaction note = { .sa_handler = note_alarm }; /* without SA_RESTART */
	const struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { { 0, 0 }, { 0, 0 } };
	AB_AUTO_CLOSE int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct ab_error err = AB_ERROR_INIT;
	struct sigaction before;
	pid_t pid;

	write_file("ab-stand", "#!/bin/sh\nsleep 0.3\nexit 5\n", 0755);
	if (!CHECK_INT(start(NULL, NULL, in, -1, &pid), 0))
		return;
	sigaction(SIGALRM, &note, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	CHECK_INT(ab_libexec_wait(pid, &err), 5);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	CHECK(alarms > 0);
	CHECK_INT(ab_libexec_wait(pid, &err), -1); /* it was waited for */
	CHECK_INT(err.code, AB_E_SYSTEM);
}

static void
test_absent(void)
{
	AB_AUTO_FREE char *path = below("ab-stand"), *elsewhere = below("elsewhere");
	pid_t pid = -7;

	unlink(path);
	CHECK_INT(start(NULL, NULL, 0, -1, &pid), -1);
	CHECK_INT(last.code, AB_E_UNSUPPORTED);
	CHECK(strstr(last.msg, "ab-stand") != NULL);
	CHECK(strstr(last.hint, "AB_LIBEXEC_DIR") != NULL && strstr(last.hint, "ab-stand") != NULL);
	CHECK(no_child_is_left());
	setenv("AB_LIBEXEC_DIR", elsewhere, 1);
	CHECK_INT(start(NULL, NULL, 0, -1, &pid), -1);
	CHECK_INT(last.code, AB_E_UNSUPPORTED);
	/* Neither beside us nor where it is installed. */
	setenv("AB_LIBEXEC_DIR", "", 1);
	CHECK_INT(start(NULL, NULL, 0, -1, &pid), -1);
	CHECK_INT(last.code, AB_E_UNSUPPORTED);
	unsetenv("AB_LIBEXEC_DIR");
	CHECK_INT(start(NULL, NULL, 0, -1, &pid), -1);
	CHECK_INT(last.code, AB_E_UNSUPPORTED);
	setenv("AB_LIBEXEC_DIR", base, 1);
}

/* It is there, but nothing that can be started: that is no "not installed". */
static void
test_no_program(void)
{
	AB_AUTO_FREE char *path = below("ab-stand");
	pid_t pid;

	write_file("ab-stand", "#!/bin/sh\nexit 0\n", 0644);
	CHECK_INT(start(NULL, NULL, 0, -1, &pid), -1);
	CHECK_INT(last.code, AB_E_DENIED_PERMISSION);
	CHECK(strstr(last.msg, path) != NULL);
	write_file("ab-stand", "no program\n", 0755);
	CHECK_INT(start(NULL, NULL, 0, -1, &pid), -1);
	CHECK_INT(last.code, AB_E_SYSTEM);
	unlink(path);
	CHECK_INT(mkdir(path, 0755), 0);
	CHECK_INT(start(NULL, NULL, 0, -1, &pid), -1);
	CHECK_INT(last.code, AB_E_DENIED_PERMISSION);
	rmdir(path);
	CHECK(no_child_is_left());
}

/* This program once more, as BASE/bin/me: its helpers are in BASE/libexec/ab. */
static int
run_copy(const char *dir)
{
	AB_AUTO_FREE char *path = below("bin/me");
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (dir != NULL)
			setenv("AB_LIBEXEC_DIR", dir, 1);
		else
			unsetenv("AB_LIBEXEC_DIR");
		execl(path, "me", "beside", (char *)NULL);
		_exit(126);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_beside(void)
{
	static const char *const dirs[] = { "bin", "libexec", "libexec/ab" };
	AB_AUTO_BUF struct ab_buf self = AB_BUF_INIT((size_t)1 << 28);
	AB_AUTO_FREE char *copy = below("bin/me");
	struct ab_error err = AB_ERROR_INIT;

	for (size_t i = 0; i < AB_COUNT_OF(dirs); i++) {
		AB_AUTO_FREE char *path = below(dirs[i]);
		CHECK_INT(mkdir(path, 0755), 0);
	}
	CHECK_INT(ab_read_file(AT_FDCWD, "/proc/self/exe", &self, &err), 0);
	CHECK_INT(ab_write_file_atomic(AT_FDCWD, copy, self.data, self.len, 0755, &err), 0);
	CHECK_INT(run_copy(NULL), 99);
	write_file("libexec/ab/ab-stand", "#!/bin/sh\nexit 9\n", 0755);
	CHECK_INT(run_copy(NULL), 9);
	CHECK_INT(run_copy(""), 9);
	CHECK_INT(run_copy(base), 99); /* it decides alone */
	write_file("ab-stand", "#!/bin/sh\nexit 8\n", 0755);
	CHECK_INT(run_copy(base), 8);
}

static int
run_beside(void)
{
	struct ab_error err = AB_ERROR_INIT;
	pid_t pid;

	if (start(NULL, NULL, STDIN_FILENO, -1, &pid) < 0)
		return last.code == AB_E_UNSUPPORTED ? 99 : 98;
	return ab_libexec_wait(pid, &err);
}

int
main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		{ "arguments, stdin and stdout", test_streams },
		{ "our own stdout", test_our_stdout },
		{ "a descriptor in its place", test_same_number },
		{ "signals are as a program expects", test_signals },
		{ "statuses", test_statuses },
		{ "waiting, interrupted and in vain", test_waiting },
		{ "a helper that is not there", test_absent },
		{ "what is no program", test_no_program },
		{ "beside our own executable", test_beside },
	};
	if (argc > 1 && strcmp(argv[1], "beside") == 0)
		return run_beside();
	if (mkdtemp(base) == NULL)
		return 1;
	setenv("AB_LIBEXEC_DIR", base, 1);
	int status = tap_run(tests, AB_COUNT_OF(tests));
	AB_AUTO_FREE char *command = ab_asprintf("rm -rf '%s'", base);

	return system(command) != 0 ? 1 : status;
}
