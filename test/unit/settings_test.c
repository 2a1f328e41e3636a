/* sys/settings: a scope's file, there and back, and what is refused in it. */
#include <fcntl.h>
#include <sys/stat.h>

#include "core/io.h"
#include "sys/home.h"
#include "sys/scope.h"
#include "tap.h"

static char base[] = "/tmp/ab-settings-test-XXXXXX";

static void
fill(struct ab_scope_settings *settings)
{
	size_t values = 0;

	ab_scope_settings_init(settings);
	ab_strv_push(&settings->env.value, &values, "1\xff");
	ab_strv_push(&settings->env.name, &settings->env.count, "A");
	ab_strv_push(&settings->env.value, &values, "");
	ab_strv_push(&settings->env.name, &settings->env.count, "B_C");
	settings->net = ab_strdup("allow:example.org");
	settings->isolation = ab_strdup("namespace");
	settings->read_given = true;
	settings->write_given = true;
	ab_strv_push(&settings->write.item, &settings->write.count, "/opt/data");
	settings->protect = 1;
	settings->limits.timeout_ms = 1500;
	settings->limits.memory_bytes = INT64_C(1) << 40;
	settings->limits.pids = 7;
	settings->log = ab_strdup("/var/log/x");
	settings->kind = ab_strdup("managed");
	settings->description = ab_strdup("a \"b\"\n");
}

static void
test_round_trip(void)
{
	struct ab_scope_settings in, out;
	struct ab_error err = AB_ERROR_INIT;
	bool exists = true;

	CHECK_INT(ab_scope_settings_load("/some/where", &out, &exists, &err), 0);
	CHECK(!exists && out.limits.timeout_ms == AB_UNSET && out.protect == AB_MAYBE && !out.read_given);
	CHECK(access(getenv("AB_HOME"), F_OK) != 0); /* reading makes nothing */
	fill(&in);
	CHECK_INT(ab_scope_settings_save("/some/where", &in, &err), 0);
	CHECK_INT(ab_scope_settings_load("/some/where", &out, &exists, &err), 0);
	CHECK(exists);
	CHECK_INT(out.env.count, 2);
	CHECK_STRING(out.env.name[1], "B_C");
	CHECK_STRING(out.env.value[0], "1\xff");
	CHECK_STRING(out.env.value[1], "");
	CHECK_STRING(out.net, in.net);
	CHECK_STRING(out.isolation, in.isolation);
	CHECK(out.read_given && out.read.count == 0);
	CHECK(out.write_given && out.write.count == 1);
	CHECK_STRING(out.write.item[0], "/opt/data");
	CHECK_INT(out.protect, 1);
	CHECK_INT(out.guard, AB_MAYBE);
	CHECK_INT(out.limits.timeout_ms, 1500);
	CHECK_INT(out.limits.memory_bytes, INT64_C(1) << 40);
	CHECK_INT(out.limits.pids, 7);
	CHECK_INT(out.limits.cpu_time_ms, AB_UNSET);
	CHECK_STRING(out.log, in.log);
	CHECK_STRING(out.kind, "managed");
	CHECK_STRING(out.description, in.description);
	ab_scope_settings_release(&in);
	ab_scope_settings_release(&out);
	CHECK(out.net == NULL && out.env.count == 0);
}

static void
test_file_is_private(void)
{
	AB_AUTO_FREE char *name = ab_scope_settings_file("/some/where");
	AB_AUTO_FREE char *path = ab_asprintf("%s/scopes/%s", getenv("AB_HOME"), name);
	struct stat st;

	CHECK_STRING(name, "%2Fsome%2Fwhere.json");
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
}

static void
test_file_names(void)
{
	char a[4000], b[4000];

	memset(a, 'x', sizeof(a));
	for (size_t i = 0; i < sizeof(a); i += 50)
		a[i] = '/';
	a[sizeof(a) - 1] = '\0';
	memcpy(b, a, sizeof(a));
	b[1] = 'y';
	AB_AUTO_FREE char *name_a = ab_scope_settings_file(a);
	AB_AUTO_FREE char *name_b = ab_scope_settings_file(b);
	CHECK(strlen(name_a) <= 255 && strlen(name_b) <= 255);
	CHECK(strcmp(name_a, name_b) != 0);
	AB_AUTO_FREE char *plain = ab_scope_settings_file("/a%2Fb");
	CHECK_STRING(plain, "%2Fa%252Fb.json");
	struct ab_scope_settings settings;
	struct ab_error err = AB_ERROR_INIT;
	bool exists;
	fill(&settings);
	CHECK_INT(ab_scope_settings_save(a, &settings, &err), 0);
	ab_scope_settings_release(&settings);
	CHECK_INT(ab_scope_settings_load(a, &settings, &exists, &err), 0);
	CHECK(exists);
	ab_scope_settings_release(&settings);
	CHECK_INT(ab_scope_settings_load(b, &settings, &exists, &err), 0);
	CHECK(!exists);
	ab_scope_settings_release(&settings);
	CHECK_INT(ab_scope_settings_remove(a, &err), 0);
	CHECK_INT(ab_scope_settings_remove(a, &err), 0);
}

static void
put(const char *path, const char *text)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *name = ab_scope_settings_file(path);
	AB_AUTO_CLOSE int dir = ab_home_dir("scopes", &err);

	CHECK_INT(ab_write_file_atomic(dir, name, text, strlen(text), 0600, &err), 0);
}

static void
test_refusals(void)
{
	static const struct {
		const char *text;
		enum ab_errcode want;
	} row[] = {
		{ "{\"schema\":\"ab.scope/1\",\"path\":\"/p\"}", AB_E_NONE },
		{ "{\"schema\":\"ab.scope/1\",\"path\":\"/p\",\"timeout_ms\":null}", AB_E_NONE },
		{ "", AB_E_CORRUPT },
		{ "{", AB_E_CORRUPT },
		{ "[]", AB_E_CORRUPT },
		{ "{\"schema\":\"ab.scope/2\",\"path\":\"/p\"}", AB_E_VERSION_NEWER },
		{ "{\"schema\":\"ab.scope/1\",\"path\":\"/q\"}", AB_E_CORRUPT },
		{ "{\"schema\":\"ab.scope/1\",\"path\":\"/p\",\"disk_bytes\":1}", AB_E_VERSION_NEWER },
		{ "{\"schema\":\"ab.scope/1\",\"path\":\"/p\",\"timeout_ms\":\"1\"}", AB_E_CORRUPT },
		{ "{\"schema\":\"ab.scope/1\",\"path\":\"/p\",\"timeout_ms\":0}", AB_E_CORRUPT },
		{ "{\"schema\":\"ab.scope/1\",\"path\":\"/p\",\"protect\":false}", AB_E_CORRUPT },
		{ "{\"schema\":\"ab.scope/1\",\"path\":\"/p\",\"net\":1}", AB_E_CORRUPT },
		{ "{\"schema\":\"ab.scope/1\",\"path\":\"/p\",\"net\":\"no\\u0000ne\"}", AB_E_CORRUPT },
		{ "{\"schema\":\"ab.scope/1\",\"path\":\"/p\",\"read\":\"/x\"}", AB_E_CORRUPT },
		{ "{\"schema\":\"ab.scope/1\",\"path\":\"/p\",\"env\":{\"A\":1}}", AB_E_CORRUPT },
		{ "{\"schema\":\"ab.scope/1\",\"path\":\"/p\",\"env\":[]}", AB_E_CORRUPT },
	};

	for (size_t i = 0; i < AB_COUNT_OF(row); i++) {
		struct ab_scope_settings settings;
		struct ab_error err = AB_ERROR_INIT;
		bool exists;
		put("/p", row[i].text);
		int status = ab_scope_settings_load("/p", &settings, &exists, &err);
		if (!CHECK_INT(err.code, row[i].want))
			printf("# %s\n", row[i].text);
		CHECK_INT(status, row[i].want == AB_E_NONE ? 0 : -1);
		ab_scope_settings_release(&settings);
	}
	put("/p", row[0].text);
}

static void
test_enclosing(void)
{
	struct ab_scope_settings settings;
	struct ab_error err = AB_ERROR_INIT;

	put("/e", "{\"schema\":\"ab.scope/1\",\"path\":\"/e\",\"timeout_ms\":1000,\"env\":{\"A\":\"outer\",\"O\":\"o\"}}");
	put("/e/f", "{\"schema\":\"ab.scope/1\",\"path\":\"/e/f\",\"timeout_ms\":5000,\"pids\":9,\"env\":{\"A\":\"inner\"}}");
	CHECK_INT(ab_scope_settings_enclosing("/e/f/g/h", &settings, &err), 0);
	CHECK_INT(settings.limits.timeout_ms, 1000);
	CHECK_INT(settings.limits.pids, 9);
	CHECK_INT(settings.env.count, 2);
	CHECK_STRING(settings.env.value[0], "inner");
	ab_scope_settings_release(&settings);
	CHECK_INT(ab_scope_settings_enclosing("/e", &settings, &err), 0);
	CHECK_INT(settings.limits.timeout_ms, AB_UNSET);
	ab_scope_settings_release(&settings);
	/* A damaged ceiling is not passed over. */
	put("/e", "{");
	CHECK_INT(ab_scope_settings_enclosing("/e/f/g", &settings, &err), -1);
	CHECK_INT(err.code, AB_E_CORRUPT);
	ab_scope_settings_release(&settings);
}

static void
test_list(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_STRV char **none = ab_scope_settings_list("/nowhere", &err);

	CHECK(none != NULL && none[0] == NULL);
	put("/l/b", "{\"schema\":\"ab.scope/1\",\"path\":\"/l/b\"}");
	put("/l/a/c", "{\"schema\":\"ab.scope/1\",\"path\":\"/l/a/c\"}");
	put("/lx", "{\"schema\":\"ab.scope/1\",\"path\":\"/lx\"}");
	AB_AUTO_STRV char **paths = ab_scope_settings_list("/l", &err);
	CHECK(paths != NULL);
	if (paths == NULL)
		return;
	CHECK_STRING(paths[0], "/l/a/c");
	CHECK_STRING(paths[1], "/l/b");
	CHECK(paths[2] == NULL);
}

static void
test_values_are_shown_on_demand(void)
{
	struct ab_scope_settings settings;
	struct ab_buf text AB_AUTO_BUF = AB_BUF_INIT(65536);
	struct ab_json json;

	fill(&settings);
	free(settings.env.value[1]);
	settings.env.value[1] = ab_strdup("hush");
	ab_json_begin(&json, &text, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	ab_scope_settings_print(&settings, &json, false);
	ab_json_object_end(&json);
	CHECK(strstr(text.data, "hush") == NULL);
	CHECK(strstr(text.data, "\"env_names\":[\"A\",\"B_C\"]") != NULL);
	CHECK(strstr(text.data, "\"read\":[]") != NULL);
	CHECK(strstr(text.data, "\"cpu_time_ms\":null") != NULL);
	ab_scope_settings_release(&settings);
}

static void
test_lock_excludes(void)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_CLOSE int lock = ab_scope_settings_lock(&err);
	AB_AUTO_FREE char *path = ab_asprintf("%s/scopes/.lock", getenv("AB_HOME"));
	AB_AUTO_FREE char *probe = ab_asprintf("flock -n -E 9 '%s' true", path);

	CHECK(lock >= 0);
	CHECK_INT(system(probe) / 256, 9);
	ab_close_indirect(&lock);
	CHECK_INT(system(probe), 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "there and back", test_round_trip },
		{ "the file is private", test_file_is_private },
		{ "names of files", test_file_names },
		{ "what is refused in a file", test_refusals },
		{ "settings of what is above", test_enclosing },
		{ "list", test_list },
		{ "values are shown on demand only", test_values_are_shown_on_demand },
		{ "changes exclude each other", test_lock_excludes },
	};

	if (mkdtemp(base) == NULL)
		return 1;
	AB_AUTO_FREE char *home = ab_asprintf("%s/state", base);
	setenv("AB_HOME", home, 1);
	int status = tap_run(tests, AB_COUNT_OF(tests));
	AB_AUTO_FREE char *shell = ab_asprintf("rm -rf '%s'", base);
	return system(shell) != 0 ? 1 : status;
}
