/* Tool chains under the home directory. */
#include "sys/toolchain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "sys/home.h"
#include "sys/path.h"

#define LINKS_MAX 1024
#define ROWS_MAX 64

/*
 * Where a tool chain's directory also holds caches or credentials, only its programs are shown. A variable that would also move a
 * cache (CARGO_HOME, BUN_INSTALL, DENO_INSTALL, GOPATH) is read but not set: the cache belongs to the private HOME.
 */
const struct ab_toolchain ab_toolchains[] = {
	{ "cargo", "CARGO_HOME", false, ".cargo", "bin", { "bin" }, { NULL }, "rustup", false },
	{ "rustup", "RUSTUP_HOME", true, ".rustup", NULL, { NULL }, { NULL }, NULL, false },
	/* The hook turns pip's success into a failure where the shims cannot be written. */
	{ "pyenv", "PYENV_ROOT", true, ".pyenv", "", { NULL }, { "pyenv.d/exec/pip-rehash" }, NULL, false },
	{ "nvm", "NVM_DIR", true, ".nvm", "", { NULL }, { NULL }, NULL, false },
	{ "fnm", "FNM_DIR", true, ".local/share/fnm", "", { NULL }, { NULL }, NULL, false },
	{ "volta", "VOLTA_HOME", true, ".volta", "", { NULL }, { NULL }, NULL, false },
	{ "mise", "MISE_DATA_DIR", true, ".local/share/mise", "", { NULL }, { NULL }, NULL, false },
	{ "asdf", "ASDF_DATA_DIR", true, ".asdf", "", { NULL }, { NULL }, NULL, false },
	{ "rbenv", "RBENV_ROOT", true, ".rbenv", "", { NULL }, { NULL }, NULL, false },
	{ "nodenv", "NODENV_ROOT", true, ".nodenv", "", { NULL }, { NULL }, NULL, false },
	{ "goenv", "GOENV_ROOT", true, ".goenv", "", { NULL }, { NULL }, NULL, false },
	{ "jenv", "JENV_ROOT", true, ".jenv", "", { NULL }, { NULL }, NULL, false },
	{ "plenv", "PLENV_ROOT", true, ".plenv", "", { NULL }, { NULL }, NULL, false },
	{ "phpenv", "PHPENV_ROOT", true, ".phpenv", "", { NULL }, { NULL }, NULL, false },
	{ "sdkman", "SDKMAN_DIR", true, ".sdkman", "", { NULL }, { NULL }, NULL, false },
	{ "proto", "PROTO_HOME", true, ".proto", "", { NULL }, { NULL }, NULL, false },
	{ "rye", "RYE_HOME", true, ".rye", "", { NULL }, { NULL }, NULL, false },
	{ "go", "GOPATH", false, "go", "bin", { "bin" }, { NULL }, NULL, false },
	{ "go-sdk", NULL, false, "sdk", "", { NULL }, { NULL }, NULL, false },
	{ "go-local", NULL, false, ".local/go", "", { NULL }, { NULL }, NULL, false },
	{ "deno", "DENO_INSTALL", false, ".deno", "bin", { "bin" }, { NULL }, NULL, false },
	{ "bun", "BUN_INSTALL", false, ".bun", "bin", { "bin", "install/global" }, { NULL }, NULL, false },
	{ "pnpm", "PNPM_HOME", false, ".local/share/pnpm", "", { NULL }, { NULL }, NULL, false },
	{ "npm-global", NULL, false, ".npm-global", "", { NULL }, { "etc/npmrc" }, NULL, false },
	{ "npm-packages", NULL, false, ".npm-packages", "", { NULL }, { "etc/npmrc" }, NULL, false },
	{ "yarn", NULL, false, ".yarn", "bin", { "bin" }, { NULL }, "yarn-global", false },
	{ "yarn-global", NULL, false, ".config/yarn/global", "", { NULL }, { NULL }, NULL, false },
	{ "pipx", "PIPX_HOME", false, ".local/share/pipx", "", { "venvs" }, { NULL }, "pipx-old", false },
	{ "pipx-old", NULL, false, ".local/pipx", "", { "venvs" }, { NULL }, NULL, false },
	{ "uv", NULL, false, ".local/share/uv", "", { "python", "tools" }, { NULL }, NULL, false },
	{ "poetry", NULL, false, ".local/share/pypoetry", "", { NULL }, { NULL }, NULL, false },
	{ "miniconda3", NULL, false, "miniconda3", "", { NULL }, { ".condarc" }, NULL, false },
	{ "anaconda3", NULL, false, "anaconda3", "", { NULL }, { ".condarc" }, NULL, false },
	{ "miniforge3", NULL, false, "miniforge3", "", { NULL }, { ".condarc" }, NULL, false },
	{ "mambaforge", NULL, false, "mambaforge", "", { NULL }, { ".condarc" }, NULL, false },
	{ "pixi", NULL, false, ".pixi", "", { "bin", "envs" }, { NULL }, NULL, false },
	{ "ghcup", NULL, false, ".ghcup", "", { NULL }, { NULL }, NULL, false },
	{ "cabal", NULL, false, ".cabal", "bin", { "bin" }, { NULL }, NULL, false },
	{ "opam", "OPAMROOT", true, ".opam", "", { NULL }, { NULL }, NULL, false },
	{ "elan", "ELAN_HOME", true, ".elan", "", { NULL }, { NULL }, NULL, false },
	{ "juliaup", NULL, false, ".juliaup", "", { NULL }, { NULL }, NULL, false },
	{ "dotnet", "DOTNET_ROOT", true, ".dotnet", "", { NULL }, { NULL }, NULL, false },
	{ "composer", NULL, false, ".config/composer/vendor", "", { NULL }, { NULL }, NULL, false },
	{ "foundry", NULL, false, ".foundry", "bin", { "bin", "versions" }, { NULL }, NULL, false },
	{ "linuxbrew", NULL, false, ".linuxbrew", "", { NULL }, { NULL }, NULL, false },
	{ "local-bin", NULL, false, ".local/bin", "", { NULL }, { NULL }, NULL, true },
	{ "home-bin", NULL, false, "bin", "", { NULL }, { NULL }, NULL, true },
	{ .name = NULL },
};
_Static_assert(AB_COUNT_OF(ab_toolchains) <= ROWS_MAX, "a bit for each row");

struct chains {
	struct ab_plan *plan;
	const char *home;
	char ***env;
	size_t *env_count;
	char *root[ROWS_MAX];
	uint64_t shown; /* rows, one bit each */
};

/* Each row's root: what its variable says, else its place below home. */
static void
find_roots(struct chains *chains)
{
	for (size_t i = 0; ab_toolchains[i].name != NULL; i++) {
		const struct ab_toolchain *row = &ab_toolchains[i];
		const char *named = row->variable == NULL ? NULL : getenv(row->variable);
		chains->root[i] = named != NULL && named[0] == '/' ? ab_strdup(named) : ab_asprintf("%s/%s", chains->home, row->root);
	}
}

/* Whether showing a directory read-only would show too much, or hide what is writable in the plan. */
static bool
may_show(const struct chains *chains, const char *dir)
{
	struct ab_error ignored = AB_ERROR_INIT;
	AB_AUTO_FREE char *state = ab_home_path(false, &ignored);

	if (ab_path_below(chains->home, dir) || (state != NULL && (ab_path_below(state, dir) || ab_path_below(dir, state))))
		return false;
	if (chains->plan->tree != NULL && (ab_path_below(dir, chains->plan->tree) || ab_path_below(chains->plan->tree, dir)))
		return false;
	for (size_t i = 0; i < chains->plan->view_count; i++) {
		const struct ab_view *view = &chains->plan->view[i];
		if (view->writable && view->target != NULL && ab_path_below(view->target, dir))
			return false;
	}
	return true;
}

static void
bind(struct chains *chains, const char *source, const char *target)
{
	for (size_t i = 0; i < chains->plan->view_count; i++) {
		const struct ab_view *view = &chains->plan->view[i];
		if (view->kind == AB_VIEW_BIND && !view->writable && strcmp(view->target, view->source) == 0 && ab_path_below(target, view->target))
			return; /* it shows already */
	}
	ab_plan_view(chains->plan, AB_VIEW_BIND, source, target)->optional = true;
}

/* Show a directory where it is, and, when its path leads through a link, where it really is. False: it was not shown. */
static bool
show_dir(struct chains *chains, const char *dir)
{
	AB_AUTO_FREE char *real = realpath(dir, NULL);
	struct stat st;

	if (real == NULL || stat(real, &st) != 0 || !S_ISDIR(st.st_mode))
		return false;
	if (!may_show(chains, dir) || !may_show(chains, real))
		return false;
	bind(chains, real, real);
	if (strcmp(real, dir) != 0)
		bind(chains, real, dir);
	return true;
}

static void
hide(struct chains *chains, const char *root, const char *rel)
{
	AB_AUTO_FREE char *path = ab_asprintf("%s/%s", root, rel);
	AB_AUTO_FREE char *real = realpath(path, NULL);

	if (real == NULL)
		return;
	ab_plan_view(chains->plan, AB_VIEW_MASK, NULL, real);
	if (strcmp(real, path) != 0)
		ab_plan_view(chains->plan, AB_VIEW_MASK, NULL, path);
}

static void show_links(struct chains *chains, const char *dir);

static void
show_row(struct chains *chains, size_t index)
{
	const struct ab_toolchain *row = &ab_toolchains[index];
	uint64_t bit = UINT64_C(1) << index;
	const char *root = chains->root[index];
	bool shown = false;

	if ((chains->shown & bit) != 0)
		return;
	chains->shown |= bit;
	if (row->expose[0] == NULL)
		shown = show_dir(chains, root);
	for (size_t i = 0; i < AB_COUNT_OF(row->expose) && row->expose[i] != NULL; i++) {
		AB_AUTO_FREE char *dir = ab_asprintf("%s/%s", root, row->expose[i]);
		shown = show_dir(chains, dir) || shown;
	}
	for (size_t i = 0; shown && i < AB_COUNT_OF(row->mask) && row->mask[i] != NULL; i++)
		hide(chains, root, row->mask[i]);
	if (row->set && access(root, F_OK) == 0) {
		AB_AUTO_FREE char *variable = ab_asprintf("%s=%s", row->variable, root);
		ab_strv_push(chains->env, chains->env_count, variable);
	}
	for (size_t i = 0; row->with != NULL && ab_toolchains[i].name != NULL; i++)
		if (strcmp(ab_toolchains[i].name, row->with) == 0)
			show_row(chains, i);
	if (row->links)
		show_links(chains, root);
}

/* Show every row that a path lies in; whether there was one. */
static bool
show_path(struct chains *chains, const char *path, bool programs)
{
	bool found = false;

	for (size_t i = 0; ab_toolchains[i].name != NULL; i++) {
		const struct ab_toolchain *row = &ab_toolchains[i];
		if ((programs && row->bin == NULL) || chains->root[i] == NULL || !ab_path_below(path, chains->root[i]))
			continue;
		const char *rest = path + strlen(chains->root[i]);
		if (programs && row->bin[0] != '\0' && (rest[0] != '/' || !ab_path_below(rest + 1, row->bin)))
			continue;
		show_row(chains, i);
		found = true;
	}
	return found;
}

/* ~/.local/bin is full of links into tool chains. */
static void
show_links(struct chains *chains, const char *dir)
{
	DIR *stream = opendir(dir);
	unsigned left = LINKS_MAX;

	if (stream == NULL)
		return;
	for (struct dirent *entry; left > 0 && (entry = readdir(stream)) != NULL; left--) {
		char target[PATH_MAX];
		if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
			continue;
		ssize_t len = readlinkat(dirfd(stream), entry->d_name, target, sizeof(target) - 1);
		if (len <= 0)
			continue;
		target[len] = '\0';
		/* A target in an absolute form needs no look at the file system; most have one. */
		AB_AUTO_FREE char *path = NULL;
		if (target[0] != '/' || strstr(target, "/..") != NULL) {
			AB_AUTO_FREE char *link = ab_asprintf("%s/%s", dir, entry->d_name);
			path = realpath(link, NULL);
		}
		if (path != NULL || target[0] == '/')
			show_path(chains, path != NULL ? path : target, false);
	}
	closedir(stream);
}

/* ---- PATH ---- */

/* Whether an entry is looked at closely: it lies below home, or where the sandbox has directories of its own. */
static bool
is_private_place(const struct chains *chains, const char *entry)
{
	return (chains->home != NULL && ab_path_below(entry, chains->home)) || ab_path_below(entry, "/run") || ab_path_below(entry, "/tmp") ||
	    ab_path_below(entry, "/var") || ab_path_below(entry, "/root");
}

/* Whether the plan shows the directory. */
static bool
is_shown(const struct chains *chains, const char *dir)
{
	for (size_t i = 0; i < chains->plan->view_count; i++) {
		const struct ab_view *view = &chains->plan->view[i];
		if (view->kind == AB_VIEW_BIND && ab_path_below(dir, view->target))
			return true;
	}
	return chains->plan->tree != NULL && ab_path_below(dir, chains->plan->tree);
}

static void
append(struct ab_buf *path, const char *entry)
{
	size_t len = strlen(entry);

	for (const char *at = path->data; at != NULL && *at != '\0';) {
		size_t part = strcspn(at, ":");
		if (part == len && memcmp(at, entry, len) == 0)
			return;
		at += part + (at[part] == ':');
	}
	ab_buf_printf(path, "%s%s", path->len > 0 ? ":" : "", entry);
}

/* One entry of the caller's PATH; as it is, as what it really is (a link in /run into a tool chain), or not at all. */
static void
take_entry(struct chains *chains, char *entry, struct ab_buf *path)
{
	size_t len = strlen(entry);

	while (len > 1 && entry[len - 1] == '/')
		entry[--len] = '\0';
	if (entry[0] != '/' || len == 1 || strlen(entry) >= PATH_MAX)
		return;
	if (chains->home != NULL && ab_path_below(chains->home, entry))
		return; /* HOME, or above it */
	if (!is_private_place(chains, entry)) {
		append(path, entry);
		return;
	}
	if (chains->home != NULL && show_path(chains, entry, true) && is_shown(chains, entry)) {
		append(path, entry);
		return;
	}
	AB_AUTO_FREE char *real = realpath(entry, NULL);
	if (real == NULL || (chains->home != NULL && ab_path_below(chains->home, real)))
		return;
	if (chains->home != NULL)
		(void)show_path(chains, real, true);
	if (is_shown(chains, entry))
		append(path, entry);
	else if (is_shown(chains, real))
		append(path, real);
}

/* Tool chains that were put outside of any home directory (RUSTUP_HOME=/usr/local/rustup) show already; they need their variables. */
static void
pass_variables(struct chains *chains)
{
	for (size_t i = 0; ab_toolchains[i].name != NULL; i++) {
		const struct ab_toolchain *row = &ab_toolchains[i];
		const char *named = row->set ? getenv(row->variable) : NULL;
		if (named == NULL || named[0] != '/' || is_private_place(chains, named) || (chains->shown & UINT64_C(1) << i) != 0)
			continue;
		if (access(named, F_OK) != 0)
			continue;
		AB_AUTO_FREE char *variable = ab_asprintf("%s=%s", row->variable, named);
		ab_strv_push(chains->env, chains->env_count, variable);
	}
}

char *
ab_toolchain_plan(struct ab_plan *plan, const char *home, const char *path, char ***env, size_t *env_count)
{
	struct chains chains = { .plan = plan, .env = env, .env_count = env_count };
	AB_AUTO_FREE char *place = home == NULL ? NULL : ab_strdup(home);
	AB_AUTO_FREE char *copy = ab_strdup(path);
	/* A link's real path may be longer than its name: room for that, once an entry. */
	struct ab_buf inside AB_AUTO_BUF = AB_BUF_INIT((strlen(path) + 1) * (PATH_MAX + 1));
	char *rest = copy, *entry;

	for (size_t len = place == NULL ? 0 : strlen(place); len > 1 && place[len - 1] == '/';)
		place[--len] = '\0';
	if (place != NULL && strcmp(place, "/") != 0)
		chains.home = place;
	if (chains.home != NULL)
		find_roots(&chains);
	while ((entry = strsep(&rest, ":")) != NULL)
		take_entry(&chains, entry, &inside);
	pass_variables(&chains);
	for (size_t i = 0; i < ROWS_MAX; i++)
		free(chains.root[i]);
	return inside.len > 0 ? ab_buf_take(&inside) : ab_strdup("/usr/local/bin:/usr/bin:/bin");
}
