/* sys/remove: a tree is deleted whole, and nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "core/mem.h"
#include "sys/path.h"
#include "tap.h"

static char base[] = "/tmp/ab-remove-test-XXXXXX";
static int base_fd = -1;

static void
touch(int dirfd, const char *rel)
{
	AB_AUTO_CLOSE int fd = openat(dirfd, rel, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
}

static bool
there(const char *rel)
{
	struct stat st;

	return fstatat(base_fd, rel, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
test_links_are_not_followed(void)
{
	struct ab_error err = AB_ERROR_INIT;

	CHECK(mkdirat(base_fd, "keep", 0755) == 0);
	touch(base_fd, "keep/file");
	CHECK(mkdirat(base_fd, "t", 0755) == 0 && mkdirat(base_fd, "t/sub", 0755) == 0);
	touch(base_fd, "t/sub/file");
	CHECK(symlinkat("../keep", base_fd, "t/link") == 0);
	CHECK(symlinkat("../../keep", base_fd, "t/sub/link") == 0);
	CHECK(symlinkat("/", base_fd, "t/root") == 0);
	CHECK_INT(ab_path_remove_tree(base_fd, "t", &err), 0);
	CHECK(!there("t") && there("keep/file"));
	CHECK(symlinkat("keep", base_fd, "alias") == 0);
	CHECK_INT(ab_path_remove_tree(base_fd, "alias/file", &err), -1);
	CHECK_INT(err.code, AB_E_SCOPE_ESCAPE);
	CHECK_INT(ab_path_remove_tree(base_fd, "alias", &err), 0);
	CHECK(!there("alias") && there("keep/file"));
}

static void
test_deep(void)
{
	struct ab_error err = AB_ERROR_INIT;

	CHECK(mkdirat(base_fd, "deep", 0755) == 0);
	int fd = openat(base_fd, "deep", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 3000; i++) {
		CHECK(mkdirat(fd, "d", 0755) == 0);
		if (i % 10 == 0) {
			touch(fd, "f");
			CHECK(mkdirat(fd, "e", 0755) == 0 && mkdirat(fd, "e/g", 0755) == 0);
		}
		int next = openat(fd, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	ab_close_indirect(&fd);
	CHECK_INT(ab_path_remove_tree(base_fd, "deep", &err), 0);
	CHECK(!there("deep"));
}

static void
test_wide(void)
{
	struct ab_error err = AB_ERROR_INIT;
	char name[64];

	CHECK(mkdirat(base_fd, "wide", 0755) == 0);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "wide/d%d", i);
		CHECK(mkdirat(base_fd, name, 0755) == 0);
		snprintf(name, sizeof(name), "wide/d%d/f", i);
		touch(base_fd, name);
	}
	CHECK_INT(ab_path_remove_tree(base_fd, "wide", &err), 0);
	CHECK(!there("wide"));
}

static void
test_read_only_directories(void)
{
	struct ab_error err = AB_ERROR_INIT;

	CHECK(mkdirat(base_fd, "ro", 0755) == 0 && mkdirat(base_fd, "ro/sub", 0755) == 0);
	touch(base_fd, "ro/sub/f");
	CHECK(fchmodat(base_fd, "ro/sub", 0555, 0) == 0);
	CHECK(mkdirat(base_fd, "ro/none", 0755) == 0);
	touch(base_fd, "ro/none/f");
	CHECK(fchmodat(base_fd, "ro/none", 0, 0) == 0 && fchmodat(base_fd, "ro", 0555, 0) == 0);
	CHECK_INT(ab_path_remove_tree(base_fd, "ro", &err), 0);
	CHECK(!there("ro"));
}

static void
test_refusals(void)
{
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(ab_path_remove_tree(base_fd, ".", &err), -1);
	CHECK_INT(err.code, AB_E_INPUT_INVALID);
	CHECK_INT(ab_path_remove_tree(base_fd, "keep/..", &err), -1);
	CHECK_INT(err.code, AB_E_INPUT_INVALID);
	CHECK_INT(ab_path_remove_tree(base_fd, "../x", &err), -1);
	CHECK_INT(err.code, AB_E_SCOPE_ESCAPE);
	CHECK_INT(ab_path_remove_tree(base_fd, "absent", &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
}

static void
test_mounts_are_not_entered(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *point = ab_asprintf("%s/mnt/point", base);
	AB_AUTO_FREE char *keep = ab_asprintf("%s/keep", base);

	if (geteuid() != 0)
		TAP_SKIP("needs root");
	CHECK(mkdirat(base_fd, "mnt", 0755) == 0 && mkdirat(base_fd, "mnt/point", 0755) == 0);
	if (mount(keep, point, NULL, MS_BIND, NULL) != 0)
		TAP_SKIP(errno == EPERM ? "needs the right to mount" : "a bind mount failed");
	CHECK_INT(ab_path_remove_tree(base_fd, "mnt", &err), -1);
	CHECK_INT(err.code, AB_E_IN_USE);
	CHECK(there("keep/file"));
	CHECK(umount(point) == 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "links are deleted, not followed", test_links_are_not_followed },
		{ "deeper than descriptors last", test_deep },
		{ "wide", test_wide },
		{ "read-only directories", test_read_only_directories },
		{ "refusals", test_refusals },
		{ "mounts are not entered", test_mounts_are_not_entered },
	};

	if (mkdtemp(base) == NULL || (base_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return 1;
	int status = tap_run(tests, AB_COUNT_OF(tests));
	AB_AUTO_FREE char *shell = ab_asprintf("rm -rf '%s'", base);
	return system(shell) != 0 ? 1 : status;
}
