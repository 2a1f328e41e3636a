/* Where a target may be made, and how the walk there treats what it meets. */
#include "sys/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "tap.h"

static struct ab_plan plan;
static bool attached[8];
static char base[] = "/var/tmp/ab-target-XXXXXX";
static int root;

static struct ab_target_place
place(void)
{
	return (struct ab_target_place){ root, &plan, attached, plan.view_count };
}

static void
add(enum ab_view_kind kind, const char *source, const char *target, bool writable)
{
	ab_plan_view(&plan, kind, source, target)->writable = writable;
	attached[plan.view_count - 1] = true;
}

static void
test_ground(void)
{
	static const struct {
		const char *path;
		enum ab_target_ground ground;
		size_t base;
	} cases[] = {
		{ "/other", AB_GROUND_OWN, 0 },
		{ "/usr", AB_GROUND_HOST, 4 },
		{ "/usr/share", AB_GROUND_HOST, 4 },
		{ "/usrlocal", AB_GROUND_OWN, 0 },
		{ "/run/a/b", AB_GROUND_OWN, 4 },
		{ "/tmp/x", AB_GROUND_PRIVATE, 4 },
		{ "/tmp/work/tree", AB_GROUND_HOST, 14 },
		{ "/tmp/work/tree/a", AB_GROUND_HOST, 14 },
		{ "/tmp/work/treetop", AB_GROUND_PRIVATE, 4 },
		{ "/skipped/x", AB_GROUND_OWN, 0 },
	};

	ab_plan_init(&plan);
	add(AB_VIEW_BIND, "/usr", "/usr", false);
	add(AB_VIEW_TMPFS, NULL, "/run", false);
	add(AB_VIEW_BIND, "/state/tmp", "/tmp", true);
	add(AB_VIEW_BIND, "/tmp/work/tree", "/tmp/work/tree", true);
	add(AB_VIEW_BIND, "/elsewhere", "/skipped", false);
	attached[plan.view_count - 1] = false;
	for (size_t i = 0; i < AB_COUNT_OF(cases); i++) {
		size_t length = 99;
		struct ab_target_place at = place();
		CHECK_INT(ab_target_ground(&at, cases[i].path, &length), cases[i].ground);
		CHECK_INT(length, cases[i].base);
	}
	ab_plan_release(&plan);
}

static bool
is_directory(const char *path)
{
	struct stat st;

	return fstatat(root, path + 1, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static void
test_make(void)
{
	struct ab_target_place at;
	struct stat st;

	ab_plan_init(&plan);
	at = place();
	int fd = ab_target_open(&at, "/one/two/three", true);
	CHECK(fd >= 0 && is_directory("/one/two/three"));
	close(fd);
	fd = ab_target_open(&at, "/one/file", false);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode));
	close(fd);
	CHECK_INT(ab_target_open(&at, "/one/../four", true), -1);
	CHECK(!is_directory("/four"));
	CHECK_INT(ab_target_open(&at, "/one/file/five", true), -1);
	CHECK_INT(errno, ENOTDIR);
	CHECK_INT(symlinkat("one", root, "link"), 0);
	CHECK_INT(ab_target_open(&at, "/link/six", true), -1);
	CHECK(!is_directory("/one/six"));
	CHECK_INT(ab_target_link(&at, "somewhere", "/seven/eight"), 0);
	CHECK_INT(ab_target_link(&at, "somewhere", "/seven/eight"), -1);
	CHECK_INT(errno, EEXIST);
	ab_plan_release(&plan);
}

static void
test_host_ground(void)
{
	ab_plan_init(&plan);
	mkdirat(root, "tree", 0755);
	add(AB_VIEW_BIND, "/tree", "/tree", true);
	struct ab_target_place at = place();
	CHECK_INT(ab_target_open(&at, "/tree/new", true), -1);
	CHECK_INT(errno, ENOENT);
	CHECK_INT(ab_target_link(&at, "x", "/tree/link"), -1);
	CHECK(!is_directory("/tree/new"));
	mkdirat(root, "tree/there", 0755);
	int fd = ab_target_open(&at, "/tree/there", true);
	CHECK(fd >= 0);
	close(fd);
	ab_plan_release(&plan);
}

static void
test_private_ground(void)
{
	ab_plan_init(&plan);
	mkdirat(root, "tmp", 0755);
	add(AB_VIEW_BIND, "/state", "/tmp", true);
	CHECK_INT(symlinkat("/etc", root, "tmp/a"), 0);
	close(openat(root, "tmp/b", O_WRONLY | O_CREAT, 0644));
	struct ab_target_place at = place();
	static const char *const paths[] = { "/tmp/a/x", "/tmp/b/y", "/tmp/c/z", "/tmp/a" };
	for (size_t i = 0; i < AB_COUNT_OF(paths); i++) {
		int fd = ab_target_open(&at, paths[i], true);
		CHECK(fd >= 0 && is_directory(paths[i]));
		close(fd);
	}
	/* a directory is never removed */
	CHECK_INT(ab_target_open(&at, "/tmp/c", false), -1);
	CHECK(is_directory("/tmp/c/z"));
	ab_plan_release(&plan);
}

static void
test_follow(void)
{
	static const struct {
		const char *link, *text, *lands;
	} cases[] = {
		{ "etc/r1", "/made/r1", "made/r1" },
		{ "etc/r2", "../made/deep/r2", "made/deep/r2" },
		{ "etc/r3", "r4", "etc/r4" },
		{ "etc/r5", "../../../made/r5", "made/r5" },
	};
	struct stat st;

	ab_plan_init(&plan);
	mkdirat(root, "etc", 0755);
	struct ab_target_place at = place();
	for (size_t i = 0; i < AB_COUNT_OF(cases); i++) {
		char path[64];
		snprintf(path, sizeof(path), "/%s", cases[i].link);
		CHECK_INT(symlinkat(cases[i].text, root, cases[i].link), 0);
		int fd = ab_target_follow(&at, path);
		CHECK(fd >= 0);
		close(fd);
		CHECK(fstatat(root, cases[i].lands, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode));
	}
	CHECK_INT(symlinkat("loop", root, "etc/loop"), 0);
	CHECK_INT(ab_target_follow(&at, "/etc/loop"), -1);
	CHECK_INT(errno, ELOOP);
	ab_plan_release(&plan);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "what lies below a path", test_ground },
		{ "made in the empty root", test_make },
		{ "nothing made where the host would see it", test_host_ground },
		{ "what is in the way in a private place", test_private_ground },
		{ "links to what is not there yet", test_follow },
	};
	char command[64];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (mkdtemp(base) == NULL)
		return 1;
	root = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int status = tap_run(tests, AB_COUNT_OF(tests));
	snprintf(command, sizeof(command), "rm -rf %s", base);
	execl("/bin/sh", "sh", "-c", status == 0 ? command : "exit 1", (char *)NULL);
	return 1;
}
