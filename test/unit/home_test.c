/* sys/home: where AB_HOME is, when it is made, when it is refused. */
#include "sys/home.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/mem.h"
#include "tap.h"

static char base[] = "/tmp/ab-home-test-XXXXXX";

static void
clear(void)
{
	unsetenv("AB_HOME");
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", base, 1);
}

static char *
below(const char *rel)
{
	return ab_asprintf("%s/%s", base, rel);
}

static void
test_default_places(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *want = below(".local/state/ab");
	AB_AUTO_FREE char *state = below("state");
	AB_AUTO_FREE char *want_state = below("state/ab");

	clear();
	AB_AUTO_FREE char *path = ab_home_path(false, &err);
	CHECK_STRING(path, want);
	CHECK(access(want, F_OK) != 0); /* a read creates nothing */
	setenv("XDG_STATE_HOME", state, 1);
	AB_AUTO_FREE char *other = ab_home_path(false, &err);
	CHECK_STRING(other, want_state);
	setenv("XDG_STATE_HOME", "relative", 1);
	AB_AUTO_FREE char *ignored = ab_home_path(false, &err);
	CHECK_STRING(ignored, want);
}

static void
test_made_private(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *own = below("a/b/home");
	struct stat st;

	clear();
	setenv("AB_HOME", own, 1);
	AB_AUTO_FREE char *path = ab_home_path(true, &err);
	CHECK_STRING(path, own);
	CHECK(stat(own, &st) == 0 && (st.st_mode & 07777) == 0700);
	AB_AUTO_CLOSE int fd = ab_home_dir("jobs", &err);
	CHECK(fd >= 0);
	CHECK(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0700);
	AB_AUTO_CLOSE int nested = ab_home_dir("homes/x", &err);
	CHECK(nested >= 0);
}

static void
test_link_is_resolved(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *real = below("real");
	AB_AUTO_FREE char *link = below("link");
	AB_AUTO_FREE char *absent = below("link/x/y");
	AB_AUTO_FREE char *want = below("real/x/y");

	clear();
	CHECK(mkdir(real, 0700) == 0 && symlink(real, link) == 0);
	setenv("AB_HOME", link, 1);
	AB_AUTO_FREE char *path = ab_home_path(false, &err);
	CHECK_STRING(path, real);
	setenv("AB_HOME", absent, 1);
	AB_AUTO_FREE char *future = ab_home_path(false, &err);
	CHECK_STRING(future, want);
}

static void
test_refusals(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *open_to_all = below("open");
	AB_AUTO_FREE char *file = below("file");

	clear();
	CHECK(mkdir(open_to_all, 0700) == 0 && chmod(open_to_all, 0777) == 0);
	setenv("AB_HOME", open_to_all, 1);
	CHECK(ab_home_path(false, &err) == NULL);
	CHECK_INT(err.code, AB_E_DENIED_PERMISSION);
	CHECK(err.hint[0] != '\0');

	setenv("AB_HOME", geteuid() == 0 ? base : "/usr", 1); /* in a sandbox, "/" is the user's own */
	if (geteuid() == 0)
		CHECK(chown(base, 12345, 12345) == 0);
	CHECK(ab_home_path(true, &err) == NULL);
	CHECK_INT(err.code, AB_E_DENIED_PERMISSION);
	if (geteuid() == 0)
		CHECK(chown(base, 0, 0) == 0);

	setenv("AB_HOME", "not/absolute", 1);
	CHECK(ab_home_path(false, &err) == NULL);
	CHECK_INT(err.code, AB_E_INPUT_INVALID);

	AB_AUTO_CLOSE int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	setenv("AB_HOME", file, 1);
	CHECK(ab_home_dir("jobs", &err) < 0);
	CHECK_INT(err.code, AB_E_NOT_DIRECTORY);
}

static void
test_removed_meanwhile(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *own = below("gone");

	clear();
	setenv("AB_HOME", own, 1);
	AB_AUTO_FREE char *path = ab_home_path(true, &err);
	CHECK(path != NULL && rmdir(own) == 0);
	AB_AUTO_CLOSE int fd = ab_home_dir("tmp", &err);
	CHECK(fd >= 0);
}

static void
test_user(void)
{
	clear();
	AB_AUTO_FREE char *home = ab_home_user();
	CHECK_STRING(home, base);
	unsetenv("HOME");
	AB_AUTO_FREE char *passwd = ab_home_user();
	CHECK(passwd == NULL || passwd[0] == '/');
	clear();
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "default places, without making them", test_default_places },
		{ "made private, with what is below", test_made_private },
		{ "links are resolved, also before it exists", test_link_is_resolved },
		{ "refusals", test_refusals },
		{ "removed while the process runs", test_removed_meanwhile },
		{ "the user's home", test_user },
	};

	if (mkdtemp(base) == NULL)
		return 1;
	int status = tap_run(tests, AB_COUNT_OF(tests));
	AB_AUTO_FREE char *shell = ab_asprintf("rm -rf '%s'", base);
	return system(shell) != 0 ? 1 : status;
}
