#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "sys/probe.h"
#include "sys/seccomp.h"
#include "tap.h"

#define MAX 32

static const struct ab_finding *
named(const struct ab_finding *findings, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(findings[i].name, name) == 0)
			return &findings[i];
	printf("# no finding \"%s\"\n", name);
	return NULL;
}

static void
each_finding_is_whole(void)
{
	static const char *const names[] = { "user namespaces", "fresh /proc", "network namespace", "Landlock", "seccomp",
		"idmapped mounts", "memory limit", "process limit", "AppArmor", "container", "system calls", "bubblewrap", "AB_HOME", "logout" };
	struct ab_finding findings[MAX];
	struct ab_error err = AB_ERROR_INIT;
	enum ab_promise promise;
	size_t count = ab_probe_doctor(findings, MAX);

	CHECK_INT(count, AB_COUNT_OF(names));
	for (size_t i = 0; i < AB_COUNT_OF(names); i++)
		CHECK(named(findings, count, names[i]) != NULL);
	for (size_t i = 0; i < count; i++) {
		CHECK(findings[i].detail[0] != '\0');
		CHECK(findings[i].ok == (findings[i].remedy[0] == '\0'));
		CHECK(findings[i].promise == NULL || ab_promise_parse(findings[i].promise, &promise, &err) == 0);
	}
}

static void
room_is_respected(void)
{
	struct ab_finding findings[3];

	findings[2].name = "untouched";
	CHECK_INT(ab_probe_doctor(findings, 2), 2);
	CHECK_STRING(findings[2].name, "untouched");
	CHECK_STRING(findings[0].name, "user namespaces");
}

static void
an_unusable_home_is_found(void)
{
	struct ab_finding findings[MAX];

	setenv("AB_HOME", "relative", 1);
	size_t count = ab_probe_doctor(findings, MAX);
	const struct ab_finding *finding = named(findings, count, "AB_HOME");
	CHECK(finding != NULL && !finding->ok && strstr(finding->detail, "relative") != NULL);
	setenv("AB_HOME", "/proc/nowhere/ab", 1);
	finding = named(findings, ab_probe_doctor(findings, MAX), "AB_HOME");
	CHECK(finding != NULL && strstr(finding->detail, "/proc/nowhere/ab") != NULL);
	unsetenv("AB_HOME");
}

/* As in a container whose filter forbids namespaces. */
static bool
filtered(void)
{
	struct ab_finding findings[MAX];

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ab_seccomp_load(AB_SECCOMP_NAMESPACE) != 0)
		return false;
	size_t count = ab_probe_doctor(findings, MAX);
	const struct ab_finding *spaces = named(findings, count, "user namespaces");
	if (spaces == NULL)
		return false;
	CHECK(spaces->remedy[0] != '\0');
	CHECK(!spaces->ok && strstr(spaces->detail, "Operation not permitted") != NULL);
	return tap_failures == 0;
}

static void
tells_of_a_filter(void)
{
	struct ab_probe probe;
	int status = -1;

	ab_probe_try(&probe);
	if (probe.landlock_abi == 0)
		TAP_SKIP("this kernel has no Landlock");
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		bool fine = filtered();
		fflush(stdout);
		_exit(fine ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
}

static void
makes_no_home(void)
{
	struct ab_finding findings[MAX];
	char home[64];

	snprintf(home, sizeof(home), "/tmp/ab-doctor-%d", (int)getpid());
	setenv("AB_HOME", home, 1);
	const struct ab_finding *finding = named(findings, ab_probe_doctor(findings, MAX), "AB_HOME");
	CHECK(finding != NULL && finding->ok);
	CHECK(access(home, F_OK) != 0);
	unsetenv("AB_HOME");
}

int
main(void)
{
	const struct tap_test tests[] = {
		{ "each finding is whole", each_finding_is_whole },
		{ "room is respected", room_is_respected },
		{ "an unusable AB_HOME is found", an_unusable_home_is_found },
		{ "tells of a filter", tells_of_a_filter },
		{ "makes no AB_HOME", makes_no_home },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
