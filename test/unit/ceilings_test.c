/* sys/ceilings: nothing loosens. */
#include "sys/scope.h"
#include "tap.h"

static void
list(struct ab_list *to, const char *const *paths)
{
	for (; *paths != NULL; paths++)
		ab_strv_push(&to->item, &to->count, *paths);
}

#define PATHS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
test_limits(void)
{
	struct ab_scope scope = { .fd = -1 };
	struct ab_limits ask;
	struct ab_error err = AB_ERROR_INIT;

	ab_scope_settings_init(&scope.settings);
	ask = scope.settings.limits;
	scope.settings.limits.timeout_ms = 5000;
	scope.settings.limits.memory_bytes = 1024 * 1024;
	CHECK_INT(ab_scope_tighten_limits(&scope, &ask, &err), 0);
	CHECK_INT(ask.timeout_ms, 5000); /* not asked: the ceiling */
	CHECK_INT(ask.pids, AB_UNSET);
	ask.timeout_ms = 4999;
	ask.pids = 1000000;
	ask.cpu_time_ms = 0; /* no limit, where there is no ceiling */
	CHECK_INT(ab_scope_tighten_limits(&scope, &ask, &err), 0);
	CHECK_INT(ask.timeout_ms, 4999);
	CHECK_INT(ask.cpu_time_ms, AB_UNSET);
	ask.timeout_ms = 5001;
	CHECK_INT(ab_scope_tighten_limits(&scope, &ask, &err), -1);
	CHECK_INT(err.code, AB_E_DENIED_POLICY);
	CHECK(strstr(err.msg, "timeout") != NULL && strstr(err.msg, "\"5s\"") != NULL);
	CHECK(err.hint[0] != '\0');
	ask.timeout_ms = 0; /* no limit */
	CHECK_INT(ab_scope_tighten_limits(&scope, &ask, &err), -1);
	ask.timeout_ms = 1;
	ask.memory_bytes = 2 * 1024 * 1024;
	CHECK_INT(ab_scope_tighten_limits(&scope, &ask, &err), -1);
	CHECK(strstr(err.msg, "memory") != NULL && strstr(err.msg, "\"1MiB\"") != NULL);
}

static void
test_net(void)
{
	static const struct {
		const char *setting, *ask, *want; /* want NULL: refused */
	} row[] = {
		{ NULL, "host", "host" },
		{ "none", NULL, "none" },
		{ "none", "none", "none" },
		{ "none", "allow:example.org", NULL },
		{ "none", "host", NULL },
		{ "allow:*.example.org", NULL, "allow:*.example.org" },
		{ "allow:*.example.org", "allow:a.example.org", "allow:a.example.org" },
		{ "allow:*.example.org", "allow:example.com", NULL },
		{ "allow:*.example.org", "none", "none" },
		{ "allow:*.example.org", "host", NULL },
		{ "host", "allow:x.y", "allow:x.y" },
	};

	for (size_t i = 0; i < AB_COUNT_OF(row); i++) {
		struct ab_scope scope = { .fd = -1 };
		struct ab_error err = AB_ERROR_INIT;
		const char *net = row[i].ask;
		ab_scope_settings_init(&scope.settings);
		scope.settings.net = row[i].setting == NULL ? NULL : ab_strdup(row[i].setting);
		int status = ab_scope_tighten_net(&scope, &net, &err);
		if (!CHECK_INT(status, row[i].want == NULL ? -1 : 0))
			printf("# setting %s, asked %s\n", row[i].setting, row[i].ask);
		if (row[i].want != NULL)
			CHECK_STRING(net, row[i].want);
		else
			CHECK_INT(err.code, AB_E_DENIED_POLICY);
		ab_scope_settings_release(&scope.settings);
	}
}

static void
test_net_merge(void)
{
	static const struct {
		const char *inner, *outer, *want;
	} row[] = {
		{ NULL, NULL, NULL },
		{ NULL, "none", "none" },
		{ "host", NULL, "host" },
		{ "host", "allow:a.b", "allow:a.b" },
		{ "allow:a.b", "host", "allow:a.b" },
		{ "allow:a.b", "none", "none" },
		{ "allow:a.b,c.d", "allow:c.d,e.f", "allow:c.d" },
		{ "allow:*.example.org", "allow:a.example.org,x.y", "allow:a.example.org" },
		{ "allow:a.b", "allow:c.d", "none" },
		{ "allow:a.b,x.y", "allow:a.b:443", "allow:a.b:443" },
	};

	for (size_t i = 0; i < AB_COUNT_OF(row); i++) {
		struct ab_scope_settings inner, outer;
		ab_scope_settings_init(&inner);
		ab_scope_settings_init(&outer);
		inner.net = row[i].inner == NULL ? NULL : ab_strdup(row[i].inner);
		outer.net = row[i].outer == NULL ? NULL : ab_strdup(row[i].outer);
		ab_scope_settings_inherit(&inner, &outer);
		CHECK_STRING(inner.net, row[i].want);
		ab_scope_settings_release(&inner);
		ab_scope_settings_release(&outer);
	}
}

static void
merged(const char *const *inner, const char *const *outer, const char *const *want)
{
	struct ab_scope_settings in, out;
	size_t i = 0;

	ab_scope_settings_init(&in);
	ab_scope_settings_init(&out);
	in.read_given = inner != NULL;
	out.read_given = outer != NULL;
	if (inner != NULL)
		list(&in.read, inner);
	if (outer != NULL)
		list(&out.read, outer);
	ab_scope_settings_inherit(&in, &out);
	CHECK_INT(in.read_given, want != NULL);
	for (; want != NULL && want[i] != NULL && i < in.read.count; i++)
		CHECK_STRING(in.read.item[i], want[i]);
	CHECK(want == NULL || (want[i] == NULL && i == in.read.count));
	ab_scope_settings_release(&in);
	ab_scope_settings_release(&out);
}

static void
test_paths_merge(void)
{
	static const char *const empty[] = { NULL };

	merged(NULL, NULL, NULL);
	merged(NULL, PATHS("/a"), PATHS("/a"));
	merged(PATHS("/a"), NULL, PATHS("/a"));
	merged(PATHS("/a/b", "/c"), PATHS("/a"), PATHS("/a/b"));
	merged(PATHS("/a"), PATHS("/a/b", "/d"), PATHS("/a/b"));
	merged(PATHS("/a"), PATHS("/a"), PATHS("/a"));
	merged(PATHS("/a"), PATHS("/b"), empty);
	merged(empty, PATHS("/b"), empty);
	merged(PATHS("/b"), empty, empty);
}

static void
test_paths(void)
{
	struct ab_scope scope = { .fd = -1 };
	struct ab_list ask = { 0 };
	struct ab_error err = AB_ERROR_INIT;
	char **paths;

	ab_scope_settings_init(&scope.settings);
	list(&ask, PATHS("/opt/x"));
	CHECK_INT(ab_scope_tighten_paths(&scope, false, &ask, &paths, &err), 0);
	CHECK_STRING(paths[0], "/opt/x");
	ab_strv_free(paths);
	scope.settings.read_given = true;
	CHECK_INT(ab_scope_tighten_paths(&scope, false, &ask, &paths, &err), -1); /* given and empty: nothing */
	CHECK_INT(err.code, AB_E_DENIED_POLICY);
	list(&scope.settings.read, PATHS("/opt"));
	CHECK_INT(ab_scope_tighten_paths(&scope, false, &ask, &paths, &err), 0);
	ab_strv_free(paths);
	ab_strv_free(ask.item);
	ask = (struct ab_list){ 0 };
	CHECK_INT(ab_scope_tighten_paths(&scope, false, &ask, &paths, &err), 0);
	CHECK_STRING(paths[0], "/opt"); /* not asked: what the setting shows */
	ab_strv_free(paths);
	list(&ask, PATHS("/opt/x", "/optional"));
	CHECK_INT(ab_scope_tighten_paths(&scope, false, &ask, &paths, &err), -1);
	CHECK(strstr(err.msg, "/optional") != NULL);
	ab_strv_free(ask.item);
	ab_scope_settings_release(&scope.settings);
}

static void
test_level_and_protect(void)
{
	struct ab_scope scope = { .fd = -1 };
	struct ab_error err = AB_ERROR_INIT;
	enum ab_level level = AB_LEVEL_AUTO;
	int protect = 0;

	ab_scope_settings_init(&scope.settings);
	CHECK_INT(ab_scope_tighten_level(&scope, &level, &err), 0);
	CHECK_INT(level, AB_LEVEL_AUTO);
	CHECK_INT(ab_scope_tighten_protect(&scope, &protect, &err), 0);
	CHECK_INT(protect, 0);
	scope.settings.isolation = ab_strdup("namespace");
	scope.settings.protect = 1;
	CHECK_INT(ab_scope_tighten_level(&scope, &level, &err), 0);
	CHECK_INT(level, AB_LEVEL_NAMESPACE); /* auto might weaken */
	level = AB_LEVEL_LANDLOCK;
	CHECK_INT(ab_scope_tighten_level(&scope, &level, &err), -1);
	CHECK_INT(err.code, AB_E_DENIED_POLICY);
	CHECK_INT(ab_scope_tighten_protect(&scope, &protect, &err), -1);
	CHECK_INT(err.code, AB_E_DENIED_POLICY);
	protect = AB_MAYBE;
	CHECK_INT(ab_scope_tighten_protect(&scope, &protect, &err), 0);
	CHECK_INT(protect, 1);
	free(scope.settings.isolation);
	scope.settings.isolation = ab_strdup("landlock");
	level = AB_LEVEL_LANDLOCK;
	CHECK_INT(ab_scope_tighten_level(&scope, &level, &err), 0);
	level = AB_LEVEL_NONE;
	CHECK_INT(ab_scope_tighten_level(&scope, &level, &err), -1);
	ab_scope_settings_release(&scope.settings);
}

static void
test_within(void)
{
	struct ab_scope_settings inner, outer;
	struct ab_error err = AB_ERROR_INIT;

	ab_scope_settings_init(&inner);
	ab_scope_settings_init(&outer);
	outer.limits.pids = 10;
	outer.isolation = ab_strdup("landlock");
	CHECK_INT(ab_scope_settings_within(&inner, &outer, &err), 0);
	inner.limits.pids = 10;
	inner.isolation = ab_strdup("namespace");
	CHECK_INT(ab_scope_settings_within(&inner, &outer, &err), 0);
	inner.limits.pids = 11;
	CHECK_INT(ab_scope_settings_within(&inner, &outer, &err), -1);
	CHECK(strstr(err.msg, "pids \"11\"") != NULL && strstr(err.msg, "\"10\"") != NULL);
	inner.limits.pids = 1;
	free(inner.isolation);
	inner.isolation = ab_strdup("none");
	CHECK_INT(ab_scope_settings_within(&inner, &outer, &err), -1);
	ab_scope_settings_release(&inner);
	ab_scope_settings_release(&outer);
}

static void
check_one(struct ab_scope_settings *settings, enum ab_errcode want, const char *named)
{
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(ab_scope_settings_check(settings, &err), want == AB_E_NONE ? 0 : -1);
	CHECK_INT(err.code, want);
	if (named != NULL)
		CHECK(strstr(err.msg, named) != NULL);
	ab_scope_settings_release(settings);
}

static void
test_check(void)
{
	struct ab_scope_settings settings;

	ab_scope_settings_init(&settings);
	check_one(&settings, AB_E_NONE, NULL);
	settings.limits.timeout_ms = 0;
	check_one(&settings, AB_E_INPUT_INVALID, "timeout");
	settings.net = ab_strdup("everything");
	check_one(&settings, AB_E_INPUT_INVALID, "everything");
	settings.isolation = ab_strdup("strong");
	check_one(&settings, AB_E_INPUT_INVALID, "strong");
	settings.kind = ab_strdup("other");
	check_one(&settings, AB_E_INPUT_INVALID, "other");
	settings.log = ab_strdup("log");
	check_one(&settings, AB_E_INPUT_INVALID, "log");
	list(&settings.read, PATHS("relative"));
	check_one(&settings, AB_E_INPUT_INVALID, "relative");
	list(&settings.write, PATHS("/a/../b"));
	check_one(&settings, AB_E_INPUT_INVALID, "/a/../b");
	list(&settings.write, PATHS("/"));
	check_one(&settings, AB_E_NONE, NULL);
	size_t count = 0;
	ab_strv_push(&settings.env.value, &count, "x");
	ab_strv_push(&settings.env.name, &settings.env.count, "A=B");
	check_one(&settings, AB_E_INPUT_INVALID, "A=B");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "limits of a request", test_limits },
		{ "network of a request", test_net },
		{ "network of nested scopes", test_net_merge },
		{ "paths of nested scopes", test_paths_merge },
		{ "paths of a request", test_paths },
		{ "level and protection of a request", test_level_and_protect },
		{ "settings of nested scopes", test_within },
		{ "well-formed settings", test_check },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
