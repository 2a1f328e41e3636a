/* The trial agrees with what can be told otherwise, also where a filter forbids namespaces as Docker's does. */
#include "sys/probe.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "sys/landlock.h"
#include "sys/seccomp.h"
#include "tap.h"

static void
is_consistent(void)
{
	struct ab_probe probe;

	ab_probe_try(&probe);
	CHECK_INT(probe.landlock_abi, ab_landlock_abi());
	CHECK_INT(probe.seccomp, ab_seccomp_available());
	CHECK_INT(probe.namespaces, probe.failed_step[0] == '\0');
	CHECK_INT(probe.namespaces, probe.failed_errno == 0);
	if (!probe.namespaces) {
		printf("# %s: %s\n", probe.failed_step, strerror(probe.failed_errno));
		CHECK(!probe.fresh_proc && !probe.net);
	}
	if (geteuid() != 0)
		CHECK(!probe.idmap);
}

static bool
filtered_trial(void)
{
	struct ab_probe probe;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ab_seccomp_load(AB_SECCOMP_NAMESPACE) != 0)
		return false;
	ab_probe_try(&probe);
	CHECK(!probe.namespaces && !probe.fresh_proc && !probe.net && !probe.idmap && !probe.clone3);
	CHECK_INT(probe.failed_errno, EPERM);
	CHECK_INT(probe.landlock_abi, ab_landlock_abi());
	CHECK(probe.seccomp);
	CHECK_STRING(probe.failed_step, "start in namespaces of its own");
	return tap_failures == 0;
}

static void
sees_a_container(void)
{
	int status = -1;

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		bool fine = filtered_trial();
		fflush(stdout);
		_exit(fine ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
}

static void
leaves_nothing_behind(void)
{
	struct ab_probe probe;
	int before = dup(0);

	close(before);
	ab_probe_try(&probe);
	int after = dup(0);
	close(after);
	CHECK_INT(after, before); /* no descriptor */
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_INT(errno, ECHILD); /* no child */
}

int
main(void)
{
	const struct tap_test tests[] = {
		{ "is consistent", is_consistent },
		{ "sees a container", sees_a_container },
		{ "leaves nothing behind", leaves_nothing_behind },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
