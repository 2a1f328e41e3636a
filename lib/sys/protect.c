/* What is read-only in an own tree: from the tree to PIN, LOCK and BIND entries of the plan. */
#include "sys/protect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sys/gitrepo.h"
#include "sys/home.h"
#include "sys/path.h"

#define MODULES_MAX 256
#define MODULES_DEEP 8
#define NESTED_MAX 16 /* each is half a dozen mounts */

const char *const ab_protect_locked_names[] = { ".envrc", ".vscode", ".idea", ".mcp.json", NULL };

const char *const ab_protect_watched_names[] = {
	".Rprofile", ".aider.conf.yml", ".bash_aliases", ".bash_login", ".bash_logout", ".bash_profile",
	".bashrc", ".cargo/config", ".cargo/config.toml", ".claude/hooks", ".claude/settings.json",
	".claude/settings.local.json", ".codex/config.toml", ".codex/hooks.json", ".config/autostart",
	".config/environment.d", ".config/fish/conf.d", ".config/fish/config.fish", ".config/git/config",
	".config/mise.toml", ".config/mise/config.toml", ".config/nvim/init.lua", ".config/nvim/init.vim",
	".config/plasma-workspace/env", ".config/systemd/user", ".config/systemd/user/default.target.wants",
	".crush.json", ".cursor/hooks.json", ".cursor/mcp.json", ".devcontainer.json",
	".devcontainer/devcontainer.json", ".dir-locals-2.el", ".dir-locals.el", ".emacs",
	".emacs.d/init.el", ".exrc", ".factory/mcp.json", ".factory/settings.json", ".gdbinit",
	".gemini/.env", ".gemini/settings.json", ".ghci", ".gitconfig", ".gitmodules", ".helix/config.toml",
	".helix/languages.toml", ".husky", ".husky/_", ".iex.exs", ".inputrc", ".irbrc", ".kiro/hooks",
	".kiro/settings/mcp.json", ".kshrc", ".lldbinit", ".local/bin", ".local/share/applications",
	".mise.local.toml", ".mise.toml", ".mise/config.toml", ".npmrc", ".nvim.lua", ".nvimrc",
	".ocamlinit", ".octaverc", ".opencode/plugin", ".opencode/plugins", ".opencode/tool",
	".opencode/tools", ".pam_environment", ".pdbrc", ".perldb", ".pre-commit-config.yaml", ".profile",
	".pryrc", ".pypirc", ".qwen/settings.json", ".roo/mcp.json", ".screenrc", ".ssh", ".tmux.conf",
	".vimrc", ".xinitrc", ".xprofile", ".xsession", ".xsessionrc", ".yarn/plugins", ".yarn/releases",
	".yarnrc", ".yarnrc.yml", ".zed/debug.json", ".zed/settings.json", ".zed/tasks.json", ".zlogin",
	".zlogout", ".zprofile", ".zshenv", ".zshrc", "crush.json", "lefthook.yml", "mise.local.toml",
	"mise.toml", "opencode.json", "opencode.jsonc", NULL
};

bool
ab_protect_exempts(char *const *unprotect, const char *rel)
{
	for (char *const *at = unprotect; at != NULL && *at != NULL; at++) {
		const char *path = strncmp(*at, "./", 2) == 0 ? *at + 2 : *at;
		size_t len = strlen(path);
		while (len > 0 && path[len - 1] == '/')
			len--;
		if (len > 0 && strncmp(rel, path, len) == 0 && (rel[len] == '\0' || rel[len] == '/'))
			return true;
	}
	return false;
}

struct protection {
	struct ab_plan *plan;
	int tree_fd;
	char *const *unprotect;
	char **pinned; /* relative paths */
	size_t pinned_count;
	size_t modules_left;
};

static void
add_view(struct protection *protection, enum ab_view_kind kind, const char *rel)
{
	AB_AUTO_FREE char *target = ab_asprintf("%s/%s", protection->plan->tree, rel);

	ab_plan_view(protection->plan, kind, NULL, target);
}

static void
pin(struct protection *protection, const char *rel)
{
	for (size_t i = 0; i < protection->pinned_count; i++)
		if (strcmp(protection->pinned[i], rel) == 0)
			return;
	ab_strv_push(&protection->pinned, &protection->pinned_count, rel);
	add_view(protection, AB_VIEW_PIN, rel);
}

/* Type of rel, resolved without following any link; 0 when it does not exist or a part is a link. */
static mode_t
type_of(const struct protection *protection, const char *rel)
{
	struct ab_error ignored = AB_ERROR_INIT;
	struct stat st;
	AB_AUTO_CLOSE int fd = -1;

	if (fstatat(protection->tree_fd, rel, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISLNK(st.st_mode))
		return 0;
	if (strchr(rel, '/') == NULL)
		return st.st_mode & S_IFMT;
	fd = ab_path_open_strict(protection->tree_fd, rel, O_PATH | O_NOFOLLOW, 0, &ignored);
	return fd >= 0 ? st.st_mode & S_IFMT : 0;
}

/* Lock rel when it is there, and pin all that is above it: what lies in a pinned directory cannot be renamed away with it. */
static void
lock(struct protection *protection, const char *rel)
{
	struct stat st;

	if (ab_protect_exempts(protection->unprotect, rel))
		return;
	if (type_of(protection, rel) == 0) {
		/* a link can be replaced, and what it leads to may be anywhere: watched only, and said */
		if (fstatat(protection->tree_fd, rel, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
			protection->plan->missing |= AB_PROMISE_BIT(AB_PROMISE_PROTECT);
		return;
	}
	AB_AUTO_FREE char *upper = ab_strdup(rel);
	for (char *slash = strchr(upper, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		pin(protection, upper);
		*slash = '/';
	}
	add_view(protection, AB_VIEW_LOCK, rel);
}

static void
lock_joined(struct protection *protection, const char *dir, const char *name)
{
	AB_AUTO_FREE char *rel = ab_path_join(dir, name);

	lock(protection, rel);
}

static void
lock_reference(void *data, const char *path)
{
	struct protection *protection = data;

	for (size_t i = 0; i < protection->pinned_count; i++)
		if (strcmp(protection->pinned[i], path) == 0)
			return; /* something in it is locked already; the whole of it must stay writable */
	lock(protection, path);
}

/* ---- repositories inside the tree ---- */

static void lock_modules(struct protection *protection, const char *dir, unsigned deep);

/* The parts of a repository that run; dir is its gitdir, "" when that is the tree itself. */
static void
lock_repository(struct protection *protection, const char *dir, unsigned deep)
{
	static const char *const part[] = { "hooks", "config", "config.worktree", "commondir", "info/attributes" };

	if (dir[0] != '\0' && !ab_protect_exempts(protection->unprotect, dir))
		pin(protection, dir);
	for (size_t i = 0; i < AB_COUNT_OF(part); i++)
		lock_joined(protection, dir, part[i]);
	AB_AUTO_FREE char *modules = ab_path_join(dir, "modules");
	if (deep < MODULES_DEEP && type_of(protection, modules) == S_IFDIR)
		lock_modules(protection, modules, deep + 1);
}

/* Submodules' repositories; their names may hold '/'. */
static void
lock_modules(struct protection *protection, const char *dir, unsigned deep)
{
	struct ab_error ignored = AB_ERROR_INIT;
	int fd = ab_path_open_strict(protection->tree_fd, dir, O_RDONLY | O_DIRECTORY, 0, &ignored);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (stream == NULL) {
		ab_close_indirect(&fd);
		return;
	}
	while ((entry = readdir(stream)) != NULL && protection->modules_left > 0) {
		if (entry->d_name[0] == '.' || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
			continue;
		AB_AUTO_FREE char *rel = ab_path_join(dir, entry->d_name);
		if (type_of(protection, rel) != S_IFDIR)
			continue;
		protection->modules_left--;
		if (ab_gitrepo_is(protection->tree_fd, rel))
			lock_repository(protection, rel, deep);
		else if (deep < MODULES_DEEP)
			lock_modules(protection, rel, deep + 1);
	}
	closedir(stream);
}

/* ---- a worktree's repository outside the tree ---- */

/* Whether the gitdir's own `gitdir` file names this very `.git` file (git-worktree(1), DETAILS). */
static bool
points_back(int gitdir_fd, const struct stat *git_file)
{
	AB_AUTO_FREE char *back = ab_gitrepo_pointer(gitdir_fd, "gitdir", "");
	struct stat st;

	return back != NULL && fstatat(gitdir_fd, back, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == git_file->st_dev &&
	    st.st_ino == git_file->st_ino;
}

static void
bind(struct protection *protection, const char *dir, const char *name, bool writable)
{
	AB_AUTO_FREE char *path = name == NULL ? ab_strdup(dir) : ab_asprintf("%s/%s", dir, name);
	struct stat st;

	if (lstat(path, &st) != 0 || S_ISLNK(st.st_mode))
		return;
	struct ab_view *view = ab_plan_view(protection->plan, AB_VIEW_BIND, path, path);
	view->writable = writable;
	view->optional = true;
	view->dev = st.st_dev;
	view->ino = st.st_ino;
}

/* The common repository and, writable, this worktree's part of it. What belongs to other worktrees stays read-only: their
 * `commondir` would lead their owner's git elsewhere. */
static void
bind_common(struct protection *protection, const char *common, const char *gitdir)
{
	static const char *const fixed[] = { "hooks", "config", "info/attributes", "modules", "worktrees" };
	static const char *const own_fixed[] = { "config.worktree", "commondir", "gitdir" };

	bind(protection, common, NULL, true);
	for (size_t i = 0; i < AB_COUNT_OF(fixed); i++)
		bind(protection, common, fixed[i], false);
	bind(protection, gitdir, NULL, true);
	for (size_t i = 0; i < AB_COUNT_OF(own_fixed); i++)
		bind(protection, gitdir, own_fixed[i], false);
}

static bool
may_be_bound(const char *common, const struct protection *protection)
{
	struct ab_error ignored = AB_ERROR_INIT;
	AB_AUTO_FREE char *state = ab_home_path(false, &ignored);
	AB_AUTO_FREE char *home = ab_home_user();

	if (strcmp(common, "/") == 0 || ab_path_below(protection->plan->tree, common))
		return false;
	if (home != NULL && ab_path_below(home, common))
		return false;
	return state == NULL || (!ab_path_below(state, common) && !ab_path_below(common, state));
}

/*
 * `.git` is a file: "gitdir: PATH". The command could have rewritten it in an earlier run, so PATH is believed only when it is
 * COMMON/worktrees/NAME, COMMON is a repository, and the gitdir there points back.
 */
static void
protect_worktree(struct protection *protection, const struct stat *git_file)
{
	AB_AUTO_FREE char *gitdir = ab_gitrepo_pointed(protection->tree_fd, ".git", "gitdir: ");

	lock(protection, ".git");
	if (gitdir == NULL)
		return;
	if (ab_path_below(gitdir, protection->plan->tree)) {
		if (strcmp(gitdir, protection->plan->tree) != 0)
			lock_repository(protection, gitdir + strlen(protection->plan->tree) + 1, 0);
		return;
	}
	ab_gitrepo_outside(protection->tree_fd, protection->plan->tree, gitdir, lock_reference, protection);
	AB_AUTO_CLOSE int fd = open(gitdir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AB_AUTO_FREE char *common = ab_strdup(gitdir);
	char *name = strrchr(common, '/');
	*name = '\0';
	char *worktrees = strrchr(common, '/');
	if (fd < 0 || worktrees == NULL || worktrees == common || strcmp(worktrees, "/worktrees") != 0 || !points_back(fd, git_file))
		return;
	*worktrees = '\0';
	AB_AUTO_FREE char *said = ab_gitrepo_pointed(fd, "commondir", "");
	if (said == NULL || strcmp(said, common) != 0 || !ab_gitrepo_is(AT_FDCWD, common))
		return;
	if (may_be_bound(common, protection))
		bind_common(protection, common, gitdir);
}

/* ---- the whole ---- */

/* --root ~: rc files and the launcher itself would run later as well. */
static void
lock_home(struct protection *protection)
{
	AB_AUTO_FREE char *home = ab_home_user();
	char self[PATH_MAX];
	struct stat st, own;

	if (home == NULL || stat(home, &st) != 0 || fstat(protection->tree_fd, &own) != 0 || st.st_dev != own.st_dev || st.st_ino != own.st_ino)
		return;
	for (const char *const *at = ab_protect_watched_names; *at != NULL; at++)
		lock(protection, *at);
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len <= 0)
		return;
	self[len] = '\0';
	if (ab_path_below(self, protection->plan->tree) && strlen(self) > strlen(protection->plan->tree))
		lock(protection, self + strlen(protection->plan->tree) + 1);
}

static void
protect_tree(struct protection *protection)
{
	const char *tree = protection->plan->tree;
	struct stat st;

	if (fstatat(protection->tree_fd, ".git", &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(st.st_mode)) {
			lock_repository(protection, ".git", 0);
			ab_gitrepo_references(protection->tree_fd, tree, ".git/config", lock_reference, protection);
			ab_gitrepo_references(protection->tree_fd, tree, ".git/config.worktree", lock_reference, protection);
		} else if (S_ISREG(st.st_mode)) {
			protect_worktree(protection, &st);
		} else {
			lock(protection, ".git");
		}
	}
	if (ab_gitrepo_is(protection->tree_fd, ".")) {
		lock_repository(protection, "", 0);
		ab_gitrepo_references(protection->tree_fd, tree, "config", lock_reference, protection);
	}
	for (const char *const *at = ab_protect_locked_names; *at != NULL; at++)
		lock(protection, *at);
	lock_home(protection);
}

static void
protect_nested(struct protection *protection, const struct ab_protect *before)
{
	size_t locked = 0;
	const char *gitdir;

	for (size_t i = 0; locked < NESTED_MAX && (gitdir = ab_protect_nested(before, i)) != NULL; i++)
		if (type_of(protection, gitdir) == S_IFDIR) {
			lock_repository(protection, gitdir, MODULES_DEEP);
			locked++;
		}
}

int
ab_protect_plan(struct ab_plan *plan, int tree_fd, char *const *unprotect, const struct ab_protect *before, struct ab_error *err)
{
	struct protection protection = {
		.plan = plan, .tree_fd = tree_fd, .unprotect = unprotect, .modules_left = MODULES_MAX
	};

	for (char *const *at = unprotect; at != NULL && *at != NULL; at++)
		if ((*at)[0] == '/' || (*at)[0] == '\0' || strstr(*at, "..") != NULL) {
			ab_fail(err, AB_E_INPUT_INVALID, "--unprotect \"%s\" is not a path relative to the tree", *at);
			ab_error_hint(err, "--unprotect .git/config");
			return -1;
		}
	protect_tree(&protection);
	if (before != NULL)
		protect_nested(&protection, before);
	ab_strv_free(protection.pinned);
	return 0;
}
