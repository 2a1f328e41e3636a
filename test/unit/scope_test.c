/* sys/scope: what is a scope, what is refused, and that no link leads to another one. */
#include "sys/scope.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "tap.h"

static char base[] = "/tmp/ab-scope-test-XXXXXX";

static char *
below(const char *rel)
{
	return ab_asprintf("%s/%s", base, rel);
}

static enum ab_errcode
code_of(const char *root, const char *name, bool create)
{
	struct ab_scope scope;
	struct ab_error err = AB_ERROR_INIT;

	if (ab_scope_open(&scope, root, name, create, &err) == 0)
		ab_scope_release(&scope);
	else
		CHECK(scope.fd == -1 && err.msg[0] != '\0');
	return err.code;
}

static void
test_current_directory(void)
{
	struct ab_scope scope;
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *project = below("home/project");
	struct stat st;

	CHECK(chdir(project) == 0 && stat(".", &st) == 0);
	CHECK_INT(ab_scope_open(&scope, NULL, NULL, false, &err), 0);
	CHECK_STRING(scope.path, project);
	CHECK_STRING(scope.root, project);
	CHECK_STRING(scope.name, "");
	CHECK(!scope.managed && scope.ino == st.st_ino && scope.dev == st.st_dev && scope.fd >= 0);
	CHECK((fcntl(scope.fd, F_GETFD) & FD_CLOEXEC) != 0);
	ab_scope_release(&scope);
	CHECK(access(getenv("AB_HOME"), F_OK) != 0); /* looking makes nothing */
}

static void
test_defaults_refused(void)
{
	AB_AUTO_FREE char *home = below("home");
	AB_AUTO_FREE char *link = below("home-link");
	struct ab_error err = AB_ERROR_INIT;
	struct ab_scope scope;

	setenv("HOME", link, 1); /* by file, not by name */
	CHECK(chdir(home) == 0);
	CHECK_INT(ab_scope_open(&scope, NULL, NULL, false, &err), -1);
	CHECK_INT(err.code, AB_E_DENIED_POLICY);
	CHECK(strstr(err.hint, "--root") != NULL);
	setenv("HOME", home, 1);
	CHECK(chdir(base) == 0); /* above home, and holds AB_HOME */
	CHECK_INT(code_of(NULL, NULL, false), AB_E_DENIED_POLICY);
	CHECK_INT(code_of(home, NULL, false), AB_E_NONE); /* insisted */
	CHECK_INT(code_of(base, NULL, false), AB_E_NONE);
	CHECK(chdir("/") == 0);
}

static void
test_system_directories(void)
{
	static const struct {
		const char *path;
		bool allowed;
	} row[] = {
		{ "/", false }, { "/tmp", false }, { "/home", false }, { "/usr", false }, { "/usr/lib", false }, { "/etc", false },
		{ "/etc/ssl", false }, { "/dev", false }, { "/proc", false }, { "/sys", false }, { "/var", false }, { "/var/tmp", false },
		{ "/var/lib", false }, { "/run", false }, { "/boot", false }, { "/bin", false }, { "/opt", false },
	}, judged[] = {
		{ "/usr/src", false }, { "/usr/src/app", true }, { "/usr/local", false }, { "/usr/local/bin/x", false },
		{ "/usr/local/src/x", true }, { "/var/lib/jenkins", true }, { "/var/tmp/x", true }, { "/run/user/1000", false },
		{ "/run/user/1000/x", true }, { "/home/u/x", true }, { "/tmp/x", true }, { "/srv/x", true }, { "/opt/x", true },
		{ "/usrlocal", true }, { "/lib64/x", false }, { "/tmpx", true },
	};
	struct ab_error err = AB_ERROR_INIT;

	for (size_t i = 0; i < AB_COUNT_OF(row); i++)
		if (access(row[i].path, F_OK) == 0 && !CHECK_INT(code_of(row[i].path, NULL, false), AB_E_DENIED_POLICY))
			printf("# %s\n", row[i].path);
	for (size_t i = 0; i < AB_COUNT_OF(judged); i++)
		if (!CHECK_INT(ab_scope_judge(judged[i].path, NULL, true, &err), judged[i].allowed ? 0 : -1))
			printf("# %s\n", judged[i].path);
	CHECK(chdir("/etc") == 0);
	CHECK_INT(code_of(NULL, NULL, false), AB_E_DENIED_POLICY);
	/* A name leads there as little as a path does, and nothing is made on the way. */
	CHECK_INT(code_of("/", "tmp", false), AB_E_DENIED_POLICY);
	CHECK_INT(code_of("/", "usr/lib", false), AB_E_DENIED_POLICY);
	CHECK_INT(code_of("/", "usr/ab-scope-test-made", true), AB_E_DENIED_POLICY);
	CHECK(access("/usr/ab-scope-test-made", F_OK) != 0);
	CHECK(chdir("/") == 0);
}

static void
test_named(void)
{
	struct ab_scope scope;
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *root = below("root");
	AB_AUTO_FREE char *path = below("root/users/u1");

	CHECK_INT(ab_scope_open(&scope, root, "users/u1", false, &err), 0);
	CHECK_STRING(scope.path, path);
	CHECK_STRING(scope.root, root);
	CHECK_STRING(scope.name, "users/u1");
	CHECK(!scope.managed);
	ab_scope_release(&scope);
	CHECK_INT(ab_scope_open(&scope, root, "users/none", false, &err), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	CHECK(strstr(err.hint, "ab-scope create") != NULL);
	CHECK_INT(code_of(root, "users/../users", false), AB_E_SCOPE_ESCAPE);
	CHECK_INT(code_of(root, "/etc", false), AB_E_SCOPE_ESCAPE);
	CHECK_INT(code_of(root, "users/file", false), AB_E_NOT_DIRECTORY);
	CHECK_INT(code_of("/nonexistent-root", "x", false), AB_E_NOT_FOUND);
	/* Links: to a sibling, out, and in the middle. */
	CHECK_INT(code_of(root, "users/alias", false), AB_E_SCOPE_ESCAPE);
	CHECK_INT(code_of(root, "users/out", false), AB_E_SCOPE_ESCAPE);
	CHECK_INT(code_of(root, "people/u1", false), AB_E_SCOPE_ESCAPE);
	CHECK_INT(code_of(root, "people/new", true), AB_E_SCOPE_ESCAPE);
}

static void
test_state_is_no_scope(void)
{
	AB_AUTO_FREE char *jobs = ab_asprintf("%s/jobs", getenv("AB_HOME"));
	AB_AUTO_FREE char *roots = ab_asprintf("%s/root", getenv("AB_HOME"));

	CHECK_INT(code_of(NULL, "inside", true), AB_E_NONE);
	CHECK(mkdir(jobs, 0700) == 0);
	CHECK_INT(code_of(jobs, NULL, false), AB_E_DENIED_POLICY);
	CHECK_INT(code_of(getenv("AB_HOME"), NULL, false), AB_E_DENIED_POLICY);
	CHECK_INT(code_of(getenv("AB_HOME"), "jobs", false), AB_E_DENIED_POLICY);
	CHECK_INT(code_of(getenv("AB_HOME"), "root/inside", false), AB_E_NONE);
	CHECK(chdir(roots) == 0);
	CHECK_INT(code_of(NULL, NULL, false), AB_E_DENIED_POLICY); /* all scopes at once */
	CHECK(chdir("/") == 0);
}

static void
test_create_on_the_way(void)
{
	struct ab_scope scope;
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *root = below("fresh-root");

	CHECK_INT(code_of(NULL, "a/b", false), AB_E_NOT_FOUND);
	CHECK_INT(ab_scope_open(&scope, NULL, "a/b", true, &err), 0);
	CHECK(scope.managed);
	ab_scope_release(&scope);
	CHECK_INT(ab_scope_open(&scope, NULL, "a/b", true, &err), 0); /* again: as it is */
	CHECK(scope.managed);
	ab_scope_release(&scope);
	CHECK_INT(code_of(root, NULL, false), AB_E_NOT_FOUND);
	CHECK_INT(ab_scope_open(&scope, root, NULL, true, &err), 0);
	CHECK_STRING(scope.path, root);
	CHECK(scope.managed);
	ab_scope_release(&scope);
}

static void
test_settings_of_nested(void)
{
	struct ab_scope scope;
	struct ab_scope_settings settings;
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *root = below("root");
	AB_AUTO_FREE char *users = below("root/users");
	AB_AUTO_FREE char *u1 = below("root/users/u1");

	ab_scope_settings_init(&settings);
	settings.limits.timeout_ms = 1000;
	settings.kind = ab_strdup("managed");
	CHECK_INT(ab_scope_settings_save(users, &settings, &err), 0);
	settings.limits.timeout_ms = 9000;
	settings.limits.pids = 3;
	free(settings.kind);
	settings.kind = ab_strdup("tree");
	CHECK_INT(ab_scope_settings_save(u1, &settings, &err), 0);
	ab_scope_settings_release(&settings);
	/* However it is named, what is above counts. */
	for (int how = 0; how < 3; how++) {
		CHECK(chdir(how == 2 ? u1 : "/") == 0);
		CHECK_INT(ab_scope_open(&scope, how == 2 ? NULL : how == 1 ? u1 : root, how == 0 ? "users/u1" : NULL, false, &err), 0);
		CHECK_INT(scope.settings.limits.timeout_ms, 1000);
		CHECK_INT(scope.settings.limits.pids, 3);
		CHECK(!scope.managed); /* its file says tree */
		ab_scope_release(&scope);
	}
	CHECK(chdir("/") == 0);
	CHECK_INT(ab_scope_settings_remove(users, &err), 0);
	CHECK_INT(ab_scope_settings_remove(u1, &err), 0);
}

static void
test_deleted_current_directory(void)
{
	AB_AUTO_FREE char *gone = below("gone");

	CHECK(mkdir(gone, 0755) == 0 && chdir(gone) == 0 && rmdir(gone) == 0);
	CHECK_INT(code_of(NULL, NULL, false), AB_E_NOT_FOUND);
	CHECK(chdir("/") == 0);
}

static void
populate(void)
{
	static const char *const dirs[] = { "home", "home/project", "root", "root/users", "root/users/u1", "root/users/u2" };

	for (size_t i = 0; i < AB_COUNT_OF(dirs); i++) {
		AB_AUTO_FREE char *path = below(dirs[i]);
		CHECK(mkdir(path, 0755) == 0);
	}
	AB_AUTO_FREE char *home_link = below("home-link");
	AB_AUTO_FREE char *alias = below("root/users/alias");
	AB_AUTO_FREE char *out = below("root/users/out");
	AB_AUTO_FREE char *people = below("root/people");
	AB_AUTO_FREE char *file = below("root/users/file");
	CHECK(symlink("home", home_link) == 0 && symlink("u2", alias) == 0 && symlink("/tmp", out) == 0 && symlink("users", people) == 0);
	AB_AUTO_CLOSE int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "the current directory", test_current_directory },
		{ "refused as a default", test_defaults_refused },
		{ "system directories", test_system_directories },
		{ "named scopes, and links", test_named },
		{ "our own state", test_state_is_no_scope },
		{ "made on the way", test_create_on_the_way },
		{ "settings of nested scopes", test_settings_of_nested },
		{ "the current directory is gone", test_deleted_current_directory },
	};

	if (mkdtemp(base) == NULL)
		return 1;
	AB_AUTO_FREE char *state = below("state");
	AB_AUTO_FREE char *home = below("home");
	setenv("AB_HOME", state, 1);
	setenv("HOME", home, 1);
	umask(022);
	populate();
	int status = tap_run(tests, AB_COUNT_OF(tests));
	AB_AUTO_FREE char *shell = ab_asprintf("rm -rf '%s'", base);
	return system(shell) != 0 ? 1 : status;
}
