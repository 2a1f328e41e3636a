/* The cache in a private AB_HOME, each look in a process of its own; the choice of a level from made-up probes. */
#include "sys/probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/op.h"
#include "core/time.h"
#include "tap.h"

static char home[64];

/* ---- cache ---- */

/* Run in a child, which has nothing loaded; its answer, 0..254. */
static int
in_child(int (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
get_abi(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_probe probe;

	return ab_probe_get(&probe, &err) == 0 ? probe.landlock_abi : 254;
}

static int
get_namespaces(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_probe probe;

	return ab_probe_get(&probe, &err) == 0 ? probe.namespaces : 254;
}

static int
note_and_ask(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_probe probe;

	if (ab_probe_get(&probe, &err) != 0)
		return 254;
	for (uint64_t dev = 1; dev <= 9; dev++) /* one more than there is room for */
		ab_probe_idmap_note(dev, 0xef53, dev != 5);
	return ab_probe_get(&probe, &err);
}

static int
ask_noted(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_probe probe;

	if (ab_probe_get(&probe, &err) != 0)
		return 254;
	bool fine = ab_probe_idmap_known(&probe, 1, 0xef53) == -1 && ab_probe_idmap_known(&probe, 2, 0xef53) == 1 &&
	    ab_probe_idmap_known(&probe, 5, 0xef53) == 0 && ab_probe_idmap_known(&probe, 9, 0xef53) == 1 &&
	    ab_probe_idmap_known(&probe, 9, 1) == -1;
	return fine ? 0 : 1;
}

static int
invalidate(void)
{
	ab_probe_invalidate();
	return 0;
}

/* The one cache file's path; "" when there is none. */
static const char *
cache_file(void)
{
	static char path[512];
	char run[128];
	snprintf(run, sizeof(run), "%s/run", home);
	DIR *dir = opendir(run);
	const struct dirent *entry;

	path[0] = '\0';
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, "probe-", 6) == 0)
			snprintf(path, sizeof(path), "%s/%s", run, entry->d_name);
	if (dir != NULL)
		closedir(dir);
	return path;
}

/* Rewrite part of the cache file: the probe lies at its end, before it the key, before that when it was written. */
static void
patch(size_t at, const void *data, size_t len)
{
	AB_AUTO_CLOSE int fd = open(cache_file(), O_WRONLY | O_CLOEXEC);

	CHECK(pwrite(fd, data, len, (off_t)at) == (ssize_t)len);
}

static size_t
probe_at(void)
{
	struct stat st = { .st_size = 0 };

	CHECK_INT(stat(cache_file(), &st), 0);
	return (size_t)st.st_size - sizeof(struct ab_probe);
}

static const struct ab_probe good = { .namespaces = true, .fresh_proc = true, .net = true, .clone3 = true, .openat2 = true,
	.pidfd = true, .landlock_abi = 7, .seccomp = true, .idmap = true };

static void
is_kept_and_found_again(void)
{
	struct ab_probe marked = good;
	int real = in_child(get_abi);
	struct stat st;

	CHECK_INT(stat(cache_file(), &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	marked.landlock_abi = 42;
	patch(probe_at(), &marked, sizeof(marked));
	CHECK_INT(in_child(get_abi), 42);
	CHECK_INT(in_child(invalidate), 0);
	CHECK_STRING(cache_file(), "");
	CHECK_INT(in_child(get_abi), real);
}

static void
what_does_not_fit_is_not_believed(void)
{
	struct ab_probe marked = good;
	int real = in_child(get_abi);

	marked.landlock_abi = 42;
	patch(probe_at(), &marked, sizeof(marked));
	CHECK_INT(in_child(get_abi), 42);
	patch(48, "another machine", 15); /* the key */
	CHECK_INT(in_child(get_abi), real);
	patch(probe_at(), &marked, sizeof(marked));
	CHECK_INT(truncate(cache_file(), 100), 0);
	CHECK_INT(in_child(get_abi), real);
	CHECK_INT(unlink(cache_file()), 0);
	CHECK_INT(in_child(get_abi), real);
	marked.idmap_fs_count = 1000;
	patch(probe_at(), &marked, sizeof(marked));
	CHECK_INT(in_child(get_abi), real);
}

static void
a_refusal_is_asked_again(void)
{
	struct ab_probe refused = { .landlock_abi = 42 };
	int64_t long_ago = ab_now_unix_ms() - 61 * 1000, later = ab_now_unix_ms() + 3600 * 1000;
	int real = in_child(get_namespaces);

	patch(probe_at(), &refused, sizeof(refused));
	CHECK_INT(in_child(get_abi), 42);
	patch(8, &long_ago, sizeof(long_ago));
	CHECK(in_child(get_abi) != 42);
	CHECK_INT(in_child(get_namespaces), real);
	patch(probe_at(), &refused, sizeof(refused));
	patch(8, &later, sizeof(later)); /* the clock was set back since */
	CHECK(in_child(get_abi) != 42);
	refused = good;
	refused.landlock_abi = 42;
	patch(probe_at(), &refused, sizeof(refused));
	patch(8, &long_ago, sizeof(long_ago));
	CHECK_INT(in_child(get_abi), 42); /* a yes lasts */
	CHECK_INT(in_child(invalidate), 0);
}

static void
remembers_idmapped_file_systems(void)
{
	CHECK_INT(in_child(invalidate), 0);
	CHECK_INT(in_child(note_and_ask), 0);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_probe probe;
	AB_AUTO_CLOSE int fd = open(cache_file(), O_RDWR | O_CLOEXEC);
	CHECK_INT(pread(fd, &probe, sizeof(probe), (off_t)probe_at()), sizeof(probe));
	probe.namespaces = probe.fresh_proc = probe.net = true; /* so that it lasts */
	patch(probe_at(), &probe, sizeof(probe));
	CHECK_INT(in_child(ask_noted), 0);
	CHECK_INT(err.code, AB_E_NONE);
	CHECK_INT(in_child(invalidate), 0);
}

static void
old_files_go(void)
{
	char old[128], young[128];
	const struct timespec times[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

	in_child(get_abi);
	CHECK_INT(in_child(invalidate), 0);
	snprintf(old, sizeof(old), "%s/run/probe-00000000000000aa", home);
	snprintf(young, sizeof(young), "%s/run/probe-00000000000000bb", home);
	close(open(old, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	close(open(young, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	CHECK_INT(utimensat(AT_FDCWD, old, times, 0), 0);
	in_child(get_abi);
	CHECK(access(old, F_OK) != 0);
	CHECK_INT(unlink(young), 0);
}

static int
without_home(void)
{
	setenv("AB_HOME", "/proc/nowhere", 1);
	return get_abi();
}

static void
works_without_a_home(void)
{
	int real = in_child(get_abi);

	CHECK_INT(in_child(without_home), real);
}

/* ---- choice ---- */

static struct ab_plan
new_plan(enum ab_net_mode net)
{
	return (struct ab_plan){ .managed = true, .net = { .mode = net },
		.limits = { .memory_bytes = AB_UNSET, .pids = 4096, .cpu_time_ms = AB_UNSET, .file_size_bytes = AB_UNSET } };
}

static ab_promises
bits(const char *words)
{
	AB_AUTO_FREE char *copy = ab_strdup(words);
	struct ab_error err = AB_ERROR_INIT;
	enum ab_promise promise;
	ab_promises set = 0;
	char *word, *rest = copy;

	while ((word = strsep(&rest, " ")) != NULL)
		if (*word != '\0' && CHECK_INT(ab_promise_parse(word, &promise, &err), 0))
			set |= AB_PROMISE_BIT(promise);
	return set;
}

static void
chooses_the_strongest(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_plan plan = new_plan(AB_NET_NONE);
	struct ab_probe probe = good;

	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_AUTO, 0, &plan, &err), 0);
	CHECK_INT(plan.level, AB_LEVEL_NAMESPACE);
	CHECK(plan.fresh_proc);
	CHECK_INT(plan.missing, 0);

	probe.fresh_proc = false;
	plan = new_plan(AB_NET_NONE);
	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_AUTO, 0, &plan, &err), 0);
	CHECK_INT(plan.level, AB_LEVEL_NAMESPACE);
	CHECK(!plan.fresh_proc);
	CHECK_INT(plan.missing, bits("proc"));

	probe.namespaces = probe.net = false;
	plan = new_plan(AB_NET_NONE);
	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_AUTO, 0, &plan, &err), 0);
	CHECK_INT(plan.level, AB_LEVEL_LANDLOCK);
	CHECK_INT(plan.missing, bits("namespace proc pids tmp metadata"));

	plan = new_plan(AB_NET_NONE);
	plan.managed = false; /* a tree is protected */
	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_AUTO, 0, &plan, &err), 0);
	CHECK_INT(plan.missing, bits("namespace proc pids tmp metadata protect"));
}

static void
refuses_when_there_is_nothing(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_plan plan = new_plan(AB_NET_NONE);
	struct ab_probe probe = { .failed_errno = EPERM, .failed_step = "start in namespaces of its own" };

	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_AUTO, 0, &plan, &err), -1);
	CHECK_INT(err.code, AB_E_ISOLATION_UNAVAILABLE);
	CHECK(strstr(err.msg, "start in namespaces of its own: Operation not permitted") != NULL);
	CHECK(err.hint[0] != '\0');
	probe.landlock_abi = 7; /* but no filter: sockets would be open */
	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_AUTO, 0, &plan, &err), -1);
	CHECK_INT(err.code, AB_E_ISOLATION_UNAVAILABLE);
}

static void
an_explicit_level_is_kept(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_plan plan = new_plan(AB_NET_NONE);
	struct ab_probe probe = good;

	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_LANDLOCK, 0, &plan, &err), 0);
	CHECK_INT(plan.level, AB_LEVEL_LANDLOCK);
	CHECK(!plan.fresh_proc);
	plan = new_plan(AB_NET_NONE);
	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_NONE, 0, &plan, &err), 0);
	CHECK_INT(plan.level, AB_LEVEL_NONE);
	CHECK((plan.missing & bits("namespace net seccomp landlock signals unix")) == bits("namespace net seccomp landlock signals unix"));
	probe.namespaces = false;
	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_NAMESPACE, 0, &plan, &err), -1);
	CHECK_INT(err.code, AB_E_ISOLATION_UNAVAILABLE);
	probe.landlock_abi = 0;
	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_LANDLOCK, 0, &plan, &err), -1);
	CHECK(strstr(err.hint, "lsm=") != NULL);
	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_NONE, 0, &plan, &err), 0);
}

static void
the_network_has_a_say(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_plan plan = new_plan(AB_NET_ALLOW);
	struct ab_probe probe = good;

	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_AUTO, 0, &plan, &err), 0);
	CHECK_INT(plan.level, AB_LEVEL_NAMESPACE);
	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_LANDLOCK, 0, &plan, &err), -1);
	CHECK(strstr(err.msg, "allow-list") != NULL);
	probe.net = false; /* no network namespace: none is kept by level landlock, an allow-list by nothing */
	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_AUTO, 0, &plan, &err), -1);
	plan = new_plan(AB_NET_NONE);
	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_AUTO, 0, &plan, &err), 0);
	CHECK_INT(plan.level, AB_LEVEL_LANDLOCK);
	plan = new_plan(AB_NET_HOST);
	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_AUTO, 0, &plan, &err), 0);
	CHECK_INT(plan.level, AB_LEVEL_NAMESPACE);
	CHECK_INT(plan.missing, 0);
}

static void
require_fails_rather_than_weakens(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_plan plan = new_plan(AB_NET_NONE);
	struct ab_probe probe = good;

	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_AUTO, bits("proc tmp metadata"), &plan, &err), 0);
	probe.namespaces = false;
	plan = new_plan(AB_NET_NONE);
	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_AUTO, bits("seccomp landlock signals net"), &plan, &err), 0);
	CHECK_INT(ab_probe_choose(&probe, AB_LEVEL_AUTO, bits("net tmp metadata"), &plan, &err), -1);
	CHECK_INT(err.code, AB_E_ISOLATION_UNAVAILABLE);
	CHECK(strstr(err.msg, "tmp, metadata") != NULL);
	CHECK(err.hint[0] != '\0');
}

static void
limits_are_promises_when_asked_for(void)
{
	struct ab_plan plan = new_plan(AB_NET_HOST);

	CHECK((ab_probe_asked(&plan) & bits("net memory cpu disk protect")) == 0);
	CHECK((ab_probe_asked(&plan) & bits("pids")) != 0);
	plan.limits = (struct ab_limits){ .memory_bytes = 1, .cpu_time_ms = 1, .file_size_bytes = 1, .pids = AB_UNSET };
	plan.managed = false;
	CHECK_INT(ab_probe_asked(&plan) & bits("memory cpu disk protect pids"), bits("memory cpu disk protect"));
	plan.level = AB_LEVEL_LANDLOCK;
	CHECK_INT(ab_probe_missing(&good, &plan) & bits("memory cpu disk"), 0);
	plan.level = AB_LEVEL_NONE;
	CHECK_INT(ab_probe_missing(&good, &plan) & bits("memory cpu"), bits("memory cpu"));
}

int
main(void)
{
	const struct tap_test tests[] = {
		{ "is kept, and found again", is_kept_and_found_again },
		{ "what does not fit is not believed", what_does_not_fit_is_not_believed },
		{ "a refusal is asked again", a_refusal_is_asked_again },
		{ "remembers file systems that take idmapped mounts", remembers_idmapped_file_systems },
		{ "old files go", old_files_go },
		{ "works without a home", works_without_a_home },
		{ "chooses the strongest", chooses_the_strongest },
		{ "refuses when there is nothing", refuses_when_there_is_nothing },
		{ "an explicit level is kept", an_explicit_level_is_kept },
		{ "the network has a say", the_network_has_a_say },
		{ "require fails rather than weakens", require_fails_rather_than_weakens },
		{ "limits are promises when asked for", limits_are_promises_when_asked_for },
	};

	snprintf(home, sizeof(home), "/tmp/ab-probe-XXXXXX");
	if (mkdtemp(home) == NULL)
		return 1;
	setenv("AB_HOME", home, 1);
	int status = tap_run(tests, AB_COUNT_OF(tests));
	char run[128];
	snprintf(run, sizeof(run), "%s/run", home);
	if (cache_file()[0] != '\0')
		unlink(cache_file());
	rmdir(run);
	rmdir(home);
	return status;
}
