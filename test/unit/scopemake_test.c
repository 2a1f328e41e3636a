/* sys/scopemake: scopes made and deleted, and nothing else. */
#include <fcntl.h>
#include <sys/stat.h>

#include "sys/scope.h"
#include "tap.h"

static char base[] = "/tmp/ab-scopemake-test-XXXXXX";

static char *
below(const char *rel)
{
	return ab_asprintf("%s/%s", base, rel);
}

static bool
there(const char *rel)
{
	AB_AUTO_FREE char *path = below(rel);

	return access(path, F_OK) == 0;
}

static void
touch(const char *rel)
{
	AB_AUTO_FREE char *path = below(rel);
	AB_AUTO_CLOSE int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
}

static enum ab_errcode
create(const char *name, int64_t timeout_ms, bool existing, bool dry_run)
{
	struct ab_scope_settings settings;
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *root = below("root");
	AB_AUTO_FREE char *path = NULL;

	ab_scope_settings_init(&settings);
	settings.kind = ab_strdup("managed");
	settings.limits.timeout_ms = timeout_ms;
	int status = ab_scope_create(root, name, &settings, existing, dry_run, &path, &err);
	ab_scope_settings_release(&settings);
	CHECK_INT(status, err.code == AB_E_NONE ? 0 : -1);
	CHECK((path != NULL) == (status == 0));
	return err.code;
}

static enum ab_errcode
delete(const char *name, bool recursive, bool dry_run)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *root = below("root");
	AB_AUTO_FREE char *path = NULL;
	int status = ab_scope_delete(root, name, recursive, dry_run, &path, &err);

	CHECK_INT(status, err.code == AB_E_NONE ? 0 : -1);
	return err.code;
}

static bool
has_file(const char *rel)
{
	struct ab_scope_settings settings;
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *path = below(rel);
	bool exists = false;

	CHECK_INT(ab_scope_settings_load(path, &settings, &exists, &err), 0);
	ab_scope_settings_release(&settings);
	return exists;
}

static void
test_create(void)
{
	CHECK_INT(create("a/b", AB_UNSET, false, true), AB_E_NONE);
	CHECK(!there("root/a") && !has_file("root/a/b") && !there("state")); /* --dry-run */
	CHECK_INT(create("a/b", 1000, false, false), AB_E_NONE);
	CHECK(there("root/a/b") && has_file("root/a/b") && !has_file("root/a"));
	CHECK_INT(create("a/b", AB_UNSET, false, false), AB_E_EXISTS);
	CHECK_INT(create("a/b", AB_UNSET, true, false), AB_E_EXISTS); /* would loosen */
	CHECK_INT(create("a", AB_UNSET, false, false), AB_E_EXISTS);
	CHECK_INT(create("a", AB_UNSET, true, false), AB_E_NONE);
	CHECK(has_file("root/a"));
}

static void
test_create_within_ceilings(void)
{
	CHECK_INT(create("c", 1000, false, false), AB_E_NONE);
	CHECK_INT(create("c/loose", 2000, false, false), AB_E_DENIED_POLICY);
	CHECK(!there("root/c/loose") && !has_file("root/c/loose"));
	CHECK_INT(create("c/tight", 500, false, false), AB_E_NONE);
	CHECK_INT(create("d", 0, false, false), AB_E_INPUT_INVALID);
	CHECK(!there("root/d"));
}

static void
test_create_through_links(void)
{
	AB_AUTO_FREE char *link = below("root/link");

	CHECK(symlink("/tmp", link) == 0);
	CHECK_INT(create("link", AB_UNSET, false, false), AB_E_SCOPE_ESCAPE);
	CHECK_INT(create("link/ab-scopemake-out", AB_UNSET, false, false), AB_E_SCOPE_ESCAPE);
	CHECK(access("/tmp/ab-scopemake-out", F_OK) != 0);
	CHECK(!has_file("root/link") && !has_file("root/link/ab-scopemake-out"));
	CHECK_INT(delete("link", true, false), AB_E_DENIED_POLICY); /* no scope */
	CHECK(there("root/link"));
}

static void
test_delete(void)
{
	AB_AUTO_FREE char *out = below("root/x/out");

	CHECK_INT(create("x", AB_UNSET, false, false), AB_E_NONE);
	CHECK_INT(create("x/nested", AB_UNSET, false, false), AB_E_NONE);
	touch("keep");
	touch("root/x/file");
	CHECK(symlink("../../keep", out) == 0);
	CHECK_INT(delete("x", false, false), AB_E_NOT_EMPTY);
	CHECK_INT(delete("x", false, true), AB_E_NOT_EMPTY);
	CHECK_INT(delete("x", true, true), AB_E_NONE);
	CHECK(there("root/x/file"));
	CHECK_INT(delete("x", true, false), AB_E_NONE);
	CHECK(!there("root/x") && there("keep"));
	CHECK(!has_file("root/x") && !has_file("root/x/nested"));
	CHECK_INT(delete("x", true, false), AB_E_DENIED_POLICY); /* nothing that we know of */
	CHECK_INT(create("y/z", AB_UNSET, false, false), AB_E_NONE);
	CHECK_INT(delete("y/z", false, false), AB_E_NONE); /* empty: without asking */
	CHECK(!there("root/y/z") && there("root/y"));
}

static void
test_delete_only_ours(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *path = NULL;
	AB_AUTO_FREE char *tree = below("root/tree");

	CHECK(mkdir(tree, 0755) == 0);
	CHECK_INT(delete("tree", true, false), AB_E_DENIED_POLICY);
	CHECK(there("root/tree"));
	CHECK_INT(ab_scope_delete(tree, NULL, true, false, &path, &err), -1); /* a root */
	CHECK_INT(err.code, AB_E_INPUT_INVALID);
	CHECK_INT(delete("..", true, false), AB_E_SCOPE_ESCAPE);
	CHECK_INT(delete("a/../../keep", true, false), AB_E_SCOPE_ESCAPE);
}

static void
test_default_root(void)
{
	struct ab_scope_settings settings;
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *path = NULL;
	AB_AUTO_FREE char *want = below("state/root/p/q");
	AB_AUTO_FREE char *gone = NULL;

	ab_scope_settings_init(&settings);
	CHECK_INT(ab_scope_create(NULL, "p/q", &settings, false, false, &path, &err), 0);
	CHECK_STRING(path, want);
	CHECK_INT(ab_scope_delete(NULL, "nothing", true, false, &gone, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	CHECK_INT(ab_scope_delete(NULL, "p", true, false, &gone, &err), 0); /* made on the way, and ours */
	CHECK(!there("state/root/p"));
}

static void
test_directory_gone_by_hand(void)
{
	AB_AUTO_FREE char *path = below("root/h");

	CHECK_INT(create("h", AB_UNSET, false, false), AB_E_NONE);
	CHECK(rmdir(path) == 0);
	CHECK_INT(create("h", 7, false, false), AB_E_NONE); /* a file alone is no scope */
	CHECK(rmdir(path) == 0 && has_file("root/h"));
	CHECK_INT(delete("h", false, false), AB_E_NONE);
	CHECK(!has_file("root/h"));
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "create", test_create },
		{ "create within ceilings", test_create_within_ceilings },
		{ "create through links", test_create_through_links },
		{ "delete", test_delete },
		{ "delete only what is ours", test_delete_only_ours },
		{ "the default root", test_default_root },
		{ "a directory that was deleted by hand", test_directory_gone_by_hand },
	};

	if (mkdtemp(base) == NULL)
		return 1;
	AB_AUTO_FREE char *state = below("state");
	AB_AUTO_FREE char *root = below("root");
	setenv("AB_HOME", state, 1);
	if (mkdir(root, 0755) != 0)
		return 1;
	int status = tap_run(tests, AB_COUNT_OF(tests));
	AB_AUTO_FREE char *shell = ab_asprintf("rm -rf '%s'", base);
	return system(shell) != 0 ? 1 : status;
}
