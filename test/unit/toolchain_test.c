/* sys/toolchain: what PATH leads to is shown, credentials and caches are not. */
#include "sys/toolchain.h"

#include <sys/stat.h>

#include "core/mem.h"
#include "sys/path.h"
#include "tap.h"

static char base[] = "/tmp/ab-toolchain-test-XXXXXX";
static struct ab_plan plan;
static char **env;
static size_t env_count;
static char *inside;

static void
shell(const char *script)
{
	AB_AUTO_FREE char *command = ab_asprintf("cd '%s' && { %s\n} >/dev/null", base, script);

	CHECK(system(command) == 0);
}

static void
forget(void)
{
	ab_plan_release(&plan);
	ab_strv_free(env);
	env = NULL;
	env_count = 0;
	ab_free_indirect(&inside);
	ab_plan_init(&plan);
}

/* Plan for a PATH in which @ stands for the home directory. */
static void
plan_path(const char *path)
{
	struct ab_buf text AB_AUTO_BUF = AB_BUF_INIT(65536);
	AB_AUTO_FREE char *home = ab_asprintf("%s/home", base);

	for (const char *at = path; *at != '\0'; at++) {
		if (*at == '@')
			ab_buf_puts(&text, home);
		else
			ab_buf_putc(&text, *at);
	}
	inside = ab_toolchain_plan(&plan, home, text.data == NULL ? "" : text.data, &env, &env_count);
}

static bool
shows(enum ab_view_kind kind, const char *rel)
{
	AB_AUTO_FREE char *path = ab_asprintf("%s/home/%s", base, rel);

	for (size_t i = 0; i < plan.view_count; i++)
		if (plan.view[i].kind == kind && strcmp(plan.view[i].target, path) == 0)
			return !plan.view[i].writable;
	return false;
}

static bool
sets(const char *name, const char *rel)
{
	AB_AUTO_FREE char *want = rel[0] == '/' ? ab_asprintf("%s=%s", name, rel) : ab_asprintf("%s=%s/home/%s", name, base, rel);

	for (size_t i = 0; i < env_count; i++)
		if (strcmp(env[i], want) == 0)
			return true;
	return false;
}

static void
test_path_entries(void)
{
	forget();
	plan_path("relative:.::@:/:@/..nothing:/usr/bin:/usr/bin/:/usr/local/bin:@/unknown/bin:/usr/bin:/opt/x/bin");
	CHECK_STRING(inside, "/usr/bin:/usr/local/bin:/opt/x/bin");
	forget();
	plan_path("");
	CHECK_STRING(inside, "/usr/local/bin:/usr/bin:/bin");
	forget();
	AB_AUTO_FREE char *above = ab_asprintf("%s:/tmp:/bin", base);
	plan_path(above);
	CHECK_STRING(inside, "/bin");
	CHECK_INT(plan.view_count, 0);
	forget();
	inside = ab_toolchain_plan(&plan, NULL, "/usr/bin:relative", &env, &env_count);
	CHECK_STRING(inside, "/usr/bin");
}

static void
test_rust(void)
{
	shell("mkdir -p home/.cargo/bin home/.cargo/registry home/.rustup; touch home/.cargo/credentials.toml");
	forget();
	plan_path("@/.cargo/bin:@/.cargo/bin:/usr/bin");
	CHECK(strstr(inside, "/.cargo/bin:/usr/bin") != NULL && strstr(strstr(inside, ".cargo") + 1, ".cargo") == NULL);
	CHECK(shows(AB_VIEW_BIND, ".cargo/bin") && shows(AB_VIEW_BIND, ".rustup"));
	CHECK(!shows(AB_VIEW_BIND, ".cargo")); /* neither credentials nor caches */
	CHECK(sets("RUSTUP_HOME", ".rustup"));
	CHECK_INT(env_count, 1);
	CHECK_INT(plan.view_count, 2);
}

static void
test_variable_moves_root(void)
{
	AB_AUTO_FREE char *root = ab_asprintf("%s/home/tools/pyenv", base);

	shell("mkdir -p home/tools/pyenv/shims home/tools/pyenv/pyenv.d/exec/pip-rehash home/.pyenv/shims");
	setenv("PYENV_ROOT", root, 1);
	forget();
	plan_path("@/tools/pyenv/shims");
	CHECK(shows(AB_VIEW_MASK, "tools/pyenv/pyenv.d/exec/pip-rehash"));
	CHECK(shows(AB_VIEW_BIND, "tools/pyenv") && sets("PYENV_ROOT", "tools/pyenv"));
	CHECK(!shows(AB_VIEW_BIND, ".pyenv"));
	setenv("PYENV_ROOT", base, 1); /* holds the home directory: never shown */
	forget();
	plan_path("@/.pyenv/shims");
	CHECK_INT(plan.view_count, 0);
	CHECK(strstr(inside, "pyenv") == NULL);
	unsetenv("PYENV_ROOT");
	/* Outside of any home: shows anyway, and needs its variable. */
	setenv("RUSTUP_HOME", "/usr", 1);
	forget();
	plan_path("/usr/bin");
	CHECK(sets("RUSTUP_HOME", "/usr"));
	CHECK_INT(plan.view_count, 0);
	unsetenv("RUSTUP_HOME");
}

static void
test_links(void)
{
	shell("mkdir -p home/.local/bin home/.local/share/pipx/venvs/x/bin home/.local/share/uv/tools home/.local/share/uv/credentials home/.nvm;"
	      "cd home/.local/bin; touch own; ln -s ../share/pipx/venvs/x/bin/x x; ln -s \"$PWD/../share/uv/tools/y/bin/y\" y;"
	      "ln -s /usr/bin/env z; mkdir -p ../share/uv/tools/y/bin; touch ../share/uv/tools/y/bin/y ../share/pipx/venvs/x/bin/x");
	forget();
	plan_path("@/.local/bin");
	CHECK(shows(AB_VIEW_BIND, ".local/bin") && shows(AB_VIEW_BIND, ".local/share/pipx/venvs") && shows(AB_VIEW_BIND, ".local/share/uv/tools"));
	CHECK(!shows(AB_VIEW_BIND, ".local/share/uv") && !shows(AB_VIEW_BIND, ".nvm"));
}

static void
test_linked_entries(void)
{
	/* fnm: PATH holds a link in a run-time directory, which is private inside. */
	shell("mkdir -p home/.local/share/fnm/node-versions/v1/installation/bin run; ln -s ../home/.local/share/fnm/node-versions/v1/installation run/shell");
	AB_AUTO_FREE char *path = ab_asprintf("%s/run/shell/bin:/usr/bin", base);
	forget();
	plan_path(path);
	CHECK(shows(AB_VIEW_BIND, ".local/share/fnm"));
	CHECK(strstr(inside, "/home/.local/share/fnm/node-versions/v1/installation/bin:/usr/bin") != NULL);
	/* A root that is a link: shown under both names. */
	shell("mkdir -p elsewhere/volta/bin; ln -s ../elsewhere/volta home/.volta");
	forget();
	plan_path("@/.volta/bin");
	CHECK(shows(AB_VIEW_BIND, ".volta") && sets("VOLTA_HOME", ".volta"));
	CHECK_INT(plan.view_count, 2);
}

static void
test_masks(void)
{
	shell("mkdir -p home/miniconda3/bin; touch home/miniconda3/.condarc");
	forget();
	plan_path("@/miniconda3/bin");
	CHECK(shows(AB_VIEW_BIND, "miniconda3") && shows(AB_VIEW_MASK, "miniconda3/.condarc"));
}

static void
test_tree_comes_first(void)
{
	/* A read-only tool chain is never laid over the tree or what is writable. */
	shell("mkdir -p home/.rbenv/shims home/.rbenv/plugins/mine");
	forget();
	plan.tree = ab_asprintf("%s/home/.rbenv/plugins/mine", base);
	plan_path("@/.rbenv/shims");
	CHECK_INT(plan.view_count, 0);
	forget();
	AB_AUTO_FREE char *writable = ab_asprintf("%s/home/.rbenv/plugins", base);
	ab_plan_view(&plan, AB_VIEW_BIND, writable, writable)->writable = true;
	plan_path("@/.rbenv/shims");
	CHECK_INT(plan.view_count, 1);
	forget();
	plan.tree = ab_asprintf("%s/home", base); /* --root ~: it shows already */
	plan_path("@/.rbenv/shims");
	CHECK_INT(plan.view_count, 0);
	CHECK(strstr(inside, ".rbenv/shims") != NULL);
}

static void
test_state_is_not_shown(void)
{
	AB_AUTO_FREE char *state = ab_asprintf("%s/home/.asdf/state", base);

	shell("mkdir -p home/.asdf/shims");
	setenv("AB_HOME", state, 1);
	forget();
	plan_path("@/.asdf/shims");
	CHECK_INT(plan.view_count, 0);
	unsetenv("AB_HOME");
}

static void
test_table(void)
{
	for (size_t i = 0; ab_toolchains[i].name != NULL; i++) {
		const struct ab_toolchain *row = &ab_toolchains[i];
		bool with = row->with == NULL;
		CHECK(row->root[0] != '/' && row->root[0] != '\0' && strstr(row->root, "..") == NULL);
		CHECK(!row->set || row->variable != NULL);
		for (size_t j = 0; ab_toolchains[j].name != NULL; j++) {
			with = with || strcmp(ab_toolchains[j].name, row->with) == 0;
			CHECK(i == j || strcmp(row->name, ab_toolchains[j].name) != 0);
		}
		CHECK(with);
	}
}

static void
test_this_machine(void)
{
	const char *home = getenv("AB_TEST_HOME"), *path = getenv("PATH");

	forget();
	if (home == NULL || path == NULL)
		return;
	inside = ab_toolchain_plan(&plan, home, path, &env, &env_count);
	for (size_t i = 0; i < plan.view_count; i++)
		CHECK(plan.view[i].kind != AB_VIEW_BIND || !ab_path_below(home, plan.view[i].target));
	for (char *at = strtok(inside, ":"); at != NULL; at = strtok(NULL, ":"))
		CHECK(at[0] == '/' && strcmp(at, home) != 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "entries of PATH", test_path_entries },
		{ "rust: programs, not credentials", test_rust },
		{ "a variable moves the root", test_variable_moves_root },
		{ "links lead to more", test_links },
		{ "entries that are links", test_linked_entries },
		{ "credential files are hidden", test_masks },
		{ "the tree comes first", test_tree_comes_first },
		{ "our state is not shown", test_state_is_not_shown },
		{ "the table", test_table },
		{ "this machine's own", test_this_machine },
	};
	static const char *const named[] = { "PYENV_ROOT", "RUSTUP_HOME", "CARGO_HOME", "NVM_DIR", "VOLTA_HOME", "FNM_DIR", "ASDF_DATA_DIR",
		"PIPX_HOME", "RBENV_ROOT", "AB_HOME", "XDG_STATE_HOME", "GOPATH" };

	if (mkdtemp(base) == NULL)
		return 1;
	if (getenv("HOME") != NULL)
		setenv("AB_TEST_HOME", getenv("HOME"), 1);
	for (size_t i = 0; i < AB_COUNT_OF(named); i++)
		unsetenv(named[i]);
	AB_AUTO_FREE char *home = ab_asprintf("%s/home", base);
	setenv("HOME", home, 1);
	shell("mkdir home");
	ab_plan_init(&plan);
	int status = tap_run(tests, AB_COUNT_OF(tests));
	forget();
	ab_plan_release(&plan);
	AB_AUTO_FREE char *clean = ab_asprintf("rm -rf '%s'", base);
	return system(clean) != 0 ? 1 : status;
}
