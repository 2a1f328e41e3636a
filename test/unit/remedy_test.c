#include "sys/remedy.h"

#include <errno.h>

#include "core/mem.h"
#include "tap.h"

static const struct ab_obstacles open_host = { .apparmor_restricts = -1, .max_user_namespaces = 96343, .unprivileged_userns_clone = -1 };

static struct ab_probe
refused(int errno_value)
{
	struct ab_probe probe = { .failed_errno = errno_value };

	snprintf(probe.failed_step, sizeof(probe.failed_step), "start in namespaces of its own");
	return probe;
}

static bool
says(const struct ab_probe *probe, const struct ab_obstacles *obstacles, const char *part)
{
	char text[AB_REMEDY_SIZE];

	if (strstr(ab_remedy_namespace(probe, obstacles, text), part) != NULL)
		return true;
	printf("# got: %s\n", text);
	return false;
}

static void
nothing_wrong_nothing_said(void)
{
	struct ab_probe probe = { .namespaces = true, .fresh_proc = true, .net = true };
	char text[AB_REMEDY_SIZE];

	CHECK_STRING(ab_remedy_namespace(&probe, &open_host, text), "");
}

static void
each_obstacle_has_its_remedy(void)
{
	struct ab_probe probe = refused(EPERM);
	struct ab_obstacles obstacles = open_host;

	CHECK(says(&probe, &obstacles, "Linux 5.12"));
	obstacles.filtered = true;
	CHECK(says(&probe, &obstacles, "system-call filter"));
	obstacles.apparmor_restricts = 1;
	CHECK(says(&probe, &obstacles, "sysctl kernel.apparmor_restrict_unprivileged_userns=0"));
	CHECK(says(&probe, &obstacles, "ab-exec doctor"));
	obstacles.container = AB_CONTAINER_DOCKER;
	CHECK(says(&probe, &obstacles, "docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined"));
	obstacles.container = AB_CONTAINER_PODMAN;
	CHECK(says(&probe, &obstacles, "podman run"));
	obstacles.container = AB_CONTAINER_OTHER;
	CHECK(says(&probe, &obstacles, "start the container"));
	obstacles.unprivileged_userns_clone = 0;
	CHECK(says(&probe, &obstacles, "sysctl kernel.unprivileged_userns_clone=1"));
	obstacles.root = true; /* which that setting does not concern */
	CHECK(says(&probe, &obstacles, "start the container"));
	obstacles.max_user_namespaces = 0;
	CHECK(says(&probe, &obstacles, "sysctl user.max_user_namespaces="));
	obstacles.sandbox = true;
	CHECK(says(&probe, &obstacles, "outside of the sandbox"));
}

static void
only_proc_is_missing(void)
{
	struct ab_probe probe = { .namespaces = true, .net = true };
	struct ab_obstacles obstacles = open_host;

	obstacles.container = AB_CONTAINER_DOCKER;
	CHECK(says(&probe, &obstacles, "docker run --security-opt systempaths=unconfined"));
	char text[AB_REMEDY_SIZE];
	CHECK(strstr(ab_remedy_namespace(&probe, &obstacles, text), "seccomp") == NULL);
}

static void
looks_at_this_host(void)
{
	struct ab_probe probe = { .namespaces = true };
	struct ab_obstacles obstacles;

	ab_remedy_look(&probe, &obstacles);
	CHECK(obstacles.max_user_namespaces >= -1);
	if (!obstacles.filtered)
		CHECK_INT(obstacles.container, AB_CONTAINER_NONE); /* whatever marker files lie around */
	probe.in_container = true;
	ab_remedy_look(&probe, &obstacles);
	CHECK(obstacles.container != AB_CONTAINER_NONE);
}

static void
profile_names_the_program(void)
{
	char text[AB_REMEDY_PROFILE_SIZE];

	ab_remedy_apparmor("/opt/ab/bin/ab-exec", text);
	CHECK(strstr(text, "profile ab-exec /opt/ab/bin/ab-exec flags=(unconfined) {\n  userns,\n") != NULL);
	CHECK(strstr(text, "apparmor_parser -r /etc/apparmor.d/ab-exec") != NULL);
}

int
main(void)
{
	const struct tap_test tests[] = {
		{ "nothing wrong, nothing said", nothing_wrong_nothing_said },
		{ "each obstacle has its remedy", each_obstacle_has_its_remedy },
		{ "only /proc is missing", only_proc_is_missing },
		{ "looks at this host", looks_at_this_host },
		{ "the profile names the program", profile_names_the_program },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
