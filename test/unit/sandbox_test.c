/* What a process gives up: ids in every mode, capabilities, limits, descriptors. */
#include "sys/sandbox.h"

#include <sys/resource.h>

#include "sandbox_run.h"

static void
test_nothing_left(void)
{
	struct run run;

	run_begin(&run);
	run_argv(&run, (const char *const[]){ "cat", "/proc/self/status", NULL });
	CHECK_INT(run_all(&run), 0);
	const char *text = run_text(&run.out);
	CHECK(strstr(text, "\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
			   "CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\n") != NULL);
	CHECK(strstr(text, "\nNoNewPrivs:\t1\nSeccomp:\t2\n") != NULL);
	CHECK(strstr(text, "\nNSpid:\t2\n") != NULL);
	run_end(&run);
}

/* Neither the caller's environment nor its command line, through the process that is a copy of it. */
static void
test_memory_is_hidden(void)
{
	struct run run;

	run_begin(&run);
	run_shell(&run, "env; tr -d '\\0' </proc/1/cmdline; tr -d '\\0' </proc/1/environ; cat /proc/1/maps; head -c 1 /proc/1/mem;"
			"ls /proc/1/cwd /proc/1/root");
	run_all(&run);
	CHECK(strstr(run_text(&run.out), "hunter2") == NULL);
	CHECK(strstr(run_text(&run.out), "_test") == NULL);
	run_end(&run);
}

static void
run_mode(struct run *run, enum ab_ident_mode mode, uid_t kernel)
{
	struct ab_ident *ident = &run->plan.ident;

	ident->mode = mode;
	ident->kernel_uid = ident->kernel_gid = kernel;
	if (mode != AB_IDENT_IDMAP)
		return;
	ident->uid_count = ident->gid_count = 2;
	ident->uid[0].kernel = ident->gid[0].kernel = kernel;
	ident->uid[1].disk = ident->gid[1].disk = 77;
	ident->uid[1].kernel = ident->gid[1].kernel = kernel + 77;
}

static bool
run_is_root(void)
{
	if (geteuid() != 0)
		printf("# needs root: not tried as an ordinary user\n");
	return geteuid() == 0;
}

static uid_t
owner_of(const char *dir, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return lstat(path, &st) < 0 ? (uid_t)-1 : st.st_uid;
}

/* Root, a tree of somebody else: the command is that somebody. */
static void
test_setid(void)
{
	struct run run;

	if (!run_is_root())
		return;
	run_begin(&run);
	run_mode(&run, AB_IDENT_SETID, 12345);
	CHECK_INT(chown(run.tree, 12345, 12345), 0);
	run_shell(&run, "id -u; id -G; touch made; head -c1 /etc/shadow; (: >/proc/sys/kernel/core_pattern) && echo written; touch /etc/x /usr/x");
	run_all(&run);
	CHECK_STRING(run_text(&run.out), "1000\n1000\n");
	CHECK_INT(owner_of(run.tree, "made"), 12345);
	run_end(&run);
}

/* Root, a tree of root: a kuid that nobody has, and files that are root's outside. */
static void
test_idmap(void)
{
	struct run run;
	char path[256];

	if (!run_is_root())
		return;
	run_begin(&run);
	run_mode(&run, AB_IDENT_IDMAP, 0x70000000);
	snprintf(path, sizeof(path), "%s/of77", run.tree);
	close(open(path, O_WRONLY | O_CREAT, 0644));
	CHECK_INT(chown(path, 77, 77), 0);
	snprintf(path, sizeof(path), "%s/tool", run.base);
	mkdir(path, 0700);
	run_bind(&run, path, "/opt/tool", false, false);
	run_shell(&run, "id -u; touch made; stat -c %u of77 made; echo x >>of77; cd /opt/tool && echo tool; touch x; head -c1 /etc/shadow;"
			"(: >/proc/sys/kernel/core_pattern) && echo written");
	run_all(&run);
	CHECK_STRING(run_text(&run.out), "1000\n77\n1000\ntool\n");
	CHECK(strstr(run_text(&run.errors), "of77: Permission denied") != NULL);
	CHECK_INT(owner_of(run.tree, "made"), 0);
	CHECK_INT(run.missing & AB_PROMISE_BIT(AB_PROMISE_OWNERS), 0);
	run_end(&run);
}

/* A private place of root's in a run as somebody else (its /tmp in AB_HOME) is writable all the same. */
static void
test_setid_maps_roots_own(void)
{
	struct run run;
	char path[256];

	if (!run_is_root())
		return;
	run_begin(&run);
	run_mode(&run, AB_IDENT_SETID, 12345);
	CHECK_INT(chown(run.tree, 12345, 12345), 0);
	snprintf(path, sizeof(path), "%s/private", run.base);
	mkdir(path, 0700);
	run_bind(&run, path, "/home/user", true, false);
	run_shell(&run, "echo x >/home/user/file && cat /home/user/file");
	run_all(&run);
	CHECK_STRING(run_text(&run.out), "x\n");
	CHECK_INT(owner_of(path, "file"), 0);
	run_end(&run);
}

static void
test_inside_root(void)
{
	struct run run;

	run_begin(&run);
	run.plan.ident.inside_uid = run.plan.ident.inside_gid = 0;
	run_shell(&run, "id -u; for f in kernel/core_pattern kernel/hostname net/ipv4/ip_forward; do (: >/proc/sys/$f) && echo $f; done;"
			"mount -t tmpfs t /tmp; hostname x; grep CapEff /proc/self/status");
	run_all(&run);
	CHECK_STRING(run_text(&run.out), "0\nCapEff:\t0000000000000000\n");
	run_end(&run);
}

static void
test_limits(void)
{
	struct run run;

	run_begin(&run);
	run.plan.limits.file_size_bytes = 8192;
	run_shell(&run, "ulimit -c; ulimit -f; head -c 100000 /dev/zero >big; stat -c %s big");
	run_all(&run);
	CHECK_STRING(run_text(&run.out), "0\n16\n8192\n");
	run_end(&run);

	run_begin(&run);
	run.plan.limits.pids = 20;
	run_shell(&run, "i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i+1)); done; echo all");
	run_all(&run);
	if (geteuid() != 0) { /* kuid 0 is not counted: the caller needs a cgroup there */
		CHECK_STRING(run_text(&run.out), "");
		CHECK(run.exited.survivors <= 20);
	}
	run_end(&run);
}

static void
test_close(void)
{
	int fds[3] = { 0 };

	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 3; i++)
			fds[i] = open("/dev/null", O_RDONLY);
		int far = dup2(fds[0], 200);
		ab_sandbox_close_all_but((int[]){ far, -1, 1, fds[1] }, 4);
		bool right = fcntl(far, F_GETFD) >= 0 && fcntl(fds[1], F_GETFD) >= 0 && fcntl(1, F_GETFD) >= 0 &&
		    fcntl(0, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0 && fcntl(fds[0], F_GETFD) < 0 && fcntl(fds[2], F_GETFD) < 0;
		_exit(right ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
}

static void
test_fault(void)
{
	struct ab_fault fault;
	char name[300];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	errno = EBUSY;
	CHECK_INT(ab_fault_at(&fault, "attach \"%s\"", name), -1);
	CHECK_INT(errno, EBUSY);
	CHECK_INT(strlen(fault.step), sizeof(fault.step) - 1);
}

int
main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		{ "no capability is left", test_nothing_left },
		{ "the caller's memory is hidden", test_memory_is_hidden },
		{ "root in somebody's tree", test_setid },
		{ "root in its own tree", test_idmap },
		{ "root's private places in a run as somebody", test_setid_maps_roots_own },
		{ "uid 0 inside", test_inside_root },
		{ "limits", test_limits },
		{ "close all but", test_close },
		{ "a fault keeps errno", test_fault },
	};

	(void)argc;
	setenv("AB_TEST_SECRET", "hunter2", 1);
	if (getenv("AB_TEST_AGAIN") == NULL) { /* once more, so that the secret is in the block that /proc shows */
		setenv("AB_TEST_AGAIN", "1", 1);
		execv("/proc/self/exe", argv);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!run_possible())
		return 0;
	return run_as_user("/proc/self/exe", tap_run(tests, AB_COUNT_OF(tests)));
}
