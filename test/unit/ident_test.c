#include "sys/ident.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/op.h"
#include "sys/idmap.h"
#include "sys/mount.h"
#include "small_tree.h"
#include "tap.h"

static const struct ab_probe able = { .namespaces = true, .fresh_proc = true, .net = true, .seccomp = true, .landlock_abi = 7,
	.idmap = true };

static struct ab_plan
plan_at(enum ab_level level)
{
	return (struct ab_plan){ .level = level, .managed = true,
		.limits = { .memory_bytes = AB_UNSET, .pids = 4096, .cpu_time_ms = AB_UNSET, .file_size_bytes = AB_UNSET } };
}

static struct ab_plan
choose(enum ab_level level, const char *tree, const struct ab_probe *probe, bool inside_root)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_plan plan = plan_at(level);
	AB_AUTO_CLOSE int fd = open_tree_at(tree);

	if (!CHECK_INT(ab_ident_choose(&plan, fd, probe, inside_root, &err), 0))
		printf("# %s\n", err.msg);
	return plan;
}

static bool
misses(const struct ab_plan *plan, enum ab_promise promise)
{
	return (plan->missing & AB_PROMISE_BIT(promise)) != 0;
}

static void
names_from_passwd(void)
{
	char name[64];
	gid_t gid = 1;

	put_file("passwd", "root:x:0:0:root:/root:/bin/sh\n# comment\nbad line\nempty:x::7::\nann:x:1001:100:Ann,,:/home/ann:/bin/sh\n"
			   ":x:5:5::/:\nten:x:10:10");
	CHECK(ab_ident_lookup(at("passwd"), 1001, name, &gid));
	CHECK_STRING(name, "ann");
	CHECK_INT(gid, 100);
	CHECK(ab_ident_lookup(at("passwd"), 0, name, NULL));
	CHECK_STRING(name, "root");
	CHECK(ab_ident_lookup(at("passwd"), 10, name, &gid)); /* no newline, no shell */
	CHECK_STRING(name, "ten");
	CHECK(!ab_ident_lookup(at("passwd"), 100, name, NULL));
	CHECK_STRING(name, "user");
	CHECK(!ab_ident_lookup(at("passwd"), 5, name, NULL));
	CHECK_STRING(name, "user");
	CHECK(!ab_ident_lookup(at("nothing"), 0, name, NULL));
	CHECK_STRING(name, "user");
}

static void
an_ordinary_caller_keeps_its_number(void)
{
	if (geteuid() == 0)
		TAP_SKIP("started by root");
	struct ab_plan plan = choose(AB_LEVEL_NAMESPACE, "tree", &able, false);
	CHECK_INT(plan.ident.mode, AB_IDENT_SELF);
	CHECK_INT(plan.ident.inside_uid, geteuid());
	CHECK_INT(plan.ident.kernel_uid, geteuid());
	CHECK_INT(plan.ident.inside_gid, getegid());
	CHECK_INT(plan.missing, 0);
	plan = choose(AB_LEVEL_NAMESPACE, "tree", &able, true);
	CHECK_INT(plan.ident.inside_uid, 0);
	CHECK_INT(plan.ident.kernel_uid, geteuid());
	CHECK_STRING(plan.ident.name, "root");
	plan = choose(AB_LEVEL_LANDLOCK, "tree", &able, true);
	CHECK_INT(plan.ident.inside_uid, geteuid());
}

static void
root_runs_as_the_owner_of_the_tree(void)
{
	if (geteuid() != 0)
		TAP_SKIP("needs root");
	CHECK_INT(chown(at("tree"), 4711, 4712), 0);
	struct ab_plan plan = choose(AB_LEVEL_NAMESPACE, "tree", &able, false);
	CHECK_INT(plan.ident.mode, AB_IDENT_SETID);
	CHECK_INT(plan.ident.inside_uid, 1000);
	CHECK_INT(plan.ident.inside_gid, 1000);
	CHECK_INT(plan.ident.kernel_uid, 4711);
	CHECK_INT(plan.ident.kernel_gid, 4712);
	CHECK_INT(plan.missing, 0);
	plan = choose(AB_LEVEL_LANDLOCK, "tree", &able, false);
	CHECK_INT(plan.ident.mode, AB_IDENT_SETID);
	CHECK_INT(plan.ident.inside_uid, 4711); /* there is no user namespace */
	CHECK(!misses(&plan, AB_PROMISE_KUID));
	CHECK_INT(chown(at("tree"), 4711, 0), 0);
	plan = choose(AB_LEVEL_NAMESPACE, "tree", &able, true);
	CHECK_INT(plan.ident.inside_uid, 0);
	CHECK_INT(plan.ident.kernel_gid, 65534); /* never root's group */
	put_file("tree/of-root", "");
	plan = choose(AB_LEVEL_NAMESPACE, "tree", &able, false);
	CHECK(misses(&plan, AB_PROMISE_OWNERS));
	CHECK_INT(unlink(at("tree/of-root")), 0);
	CHECK_INT(chown(at("tree"), 0, 0), 0);
}

static void
root_gets_a_private_uid(void)
{
	struct ab_probe probe;

	if (geteuid() != 0)
		TAP_SKIP("needs root");
	ab_probe_try(&probe);
	if (!probe.idmap)
		TAP_SKIP("no idmapped mounts here");
	put_file("tree/a", "");
	put_file("tree/b", "");
	CHECK_INT(chown(at("tree/b"), 1234, 1235), 0);
	struct ab_plan plan = choose(AB_LEVEL_NAMESPACE, "tree", &probe, false);
	if (plan.ident.mode == AB_IDENT_ROOT)
		TAP_SKIP("the file system takes no idmapped mount");
	CHECK_INT(plan.ident.mode, AB_IDENT_IDMAP);
	CHECK_INT(plan.ident.inside_uid, 1000);
	CHECK_INT(plan.ident.kernel_uid, AB_IDMAP_BASE);
	CHECK_INT(plan.ident.uid_count, 2);
	CHECK_INT(plan.ident.uid[1].disk, 1234);
	CHECK_INT(plan.ident.uid[1].kernel, AB_IDMAP_BASE + 1234);
	CHECK_INT(plan.ident.gid[1].kernel, AB_IDMAP_BASE + 1235);
	CHECK(misses(&plan, AB_PROMISE_OWNERS)); /* shown, and no more than its mode gives to others */
	CHECK_INT(chown(at("tree/b"), 4000000000u, 0), 0);
	plan = choose(AB_LEVEL_NAMESPACE, "tree", &probe, false);
	CHECK(misses(&plan, AB_PROMISE_OWNERS));
	CHECK_INT(plan.ident.uid_count, 1);
	unlink(at("tree/b"));
	plan = choose(AB_LEVEL_NAMESPACE, "tree", &probe, false);
	CHECK_INT(plan.missing, 0);
}

static void
root_without_idmap_stays_root_and_says_so(void)
{
	struct ab_probe unable = able;

	if (geteuid() != 0)
		TAP_SKIP("needs root");
	unable.idmap = false;
	struct ab_plan plan = choose(AB_LEVEL_NAMESPACE, "tree", &unable, false);
	CHECK_INT(plan.ident.mode, AB_IDENT_ROOT);
	CHECK_INT(plan.ident.kernel_uid, 0);
	CHECK_INT(plan.ident.inside_uid, 1000);
	CHECK(misses(&plan, AB_PROMISE_KUID) && misses(&plan, AB_PROMISE_PIDS) && !misses(&plan, AB_PROMISE_OWNERS));
	unable.cgroup_pids = true;
	plan = choose(AB_LEVEL_NAMESPACE, "tree", &unable, false);
	CHECK(misses(&plan, AB_PROMISE_KUID) && !misses(&plan, AB_PROMISE_PIDS));
	plan = choose(AB_LEVEL_LANDLOCK, "tree", &able, false);
	CHECK_INT(plan.ident.mode, AB_IDENT_ROOT);
	CHECK_INT(plan.ident.inside_uid, 0);
	CHECK(misses(&plan, AB_PROMISE_KUID));
	plan = choose(AB_LEVEL_NONE, "tree", &able, false);
	CHECK_INT(plan.ident.kernel_uid, 0);
}

/* Root that may not change ids (a container without CAP_SETUID) stays what it is, whoever owns the tree. */
static void
root_that_may_not_change(void)
{
	if (geteuid() != 0)
		TAP_SKIP("needs root");
	CHECK_INT(chown(at("tree"), 4711, 4711), 0);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct { uint32_t version; int pid; } header = { 0x20080522, 0 };
		struct { uint32_t effective, permitted, inheritable; } none[2] = { { 0 } };
		struct ab_error err = AB_ERROR_INIT;
		struct ab_plan plan = plan_at(AB_LEVEL_NAMESPACE);
		int fd = open_tree_at("tree");
		bool fine = syscall(SYS_capset, &header, none) == 0 && ab_ident_choose(&plan, fd, &able, false, &err) == 0 &&
		    plan.ident.mode == AB_IDENT_ROOT && misses(&plan, AB_PROMISE_OWNERS) && misses(&plan, AB_PROMISE_KUID);
		_exit(fine ? 0 : 1);
	}
	int status = -1;
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
	CHECK_INT(chown(at("tree"), 0, 0), 0);
}

int
main(void)
{
	const struct tap_test tests[] = {
		{ "names from passwd", names_from_passwd },
		{ "an ordinary caller keeps its number", an_ordinary_caller_keeps_its_number },
		{ "root runs as the owner of the tree", root_runs_as_the_owner_of_the_tree },
		{ "root gets a private uid", root_gets_a_private_uid },
		{ "root without idmapped mounts stays root and says so", root_without_idmap_stays_root_and_says_so },
		{ "root that may not change ids", root_that_may_not_change },
	};

	if (!make_base("ident"))
		return 1;
	setenv("AB_HOME", at("home"), 1);
	int status = tap_run(tests, AB_COUNT_OF(tests));
	static const char *const leftovers[] = { "passwd", "tree/a", "tree/b", "tree", "home", "" };
	for (size_t i = 0; i < AB_COUNT_OF(leftovers); i++)
		remove(at(leftovers[i]));
	return status;
}
