/* What of the repositories in a tree runs later. */
#include <fcntl.h>
#include <string.h>

#include "core/mem.h"
#include "sys/gitconfig.h"
#include "sys/gitrepo.h"
#include "sys/path.h"
#include "sys/picturelook.h"

#define MODULES_DEEP 8
#define GITMODULES_MAX (256 * 1024)

static void look_modules(struct look *look, const char *dir, unsigned deep);

static void
add_reference(void *data, const char *path)
{
	struct look *look = data;

	ab_picturelook_add_either(look, "", path);
}

/* One more submodule or worktree may be looked at; else the picture has a gap. */
static bool
spend(struct look *look)
{
	if (look->modules_left == 0) {
		look->picture->complete = false;
		return false;
	}
	look->modules_left--;
	return true;
}

static void
look_worktrees(struct look *look, const char *dir)
{
	AB_AUTO_FREE char *path = ab_path_join(dir, "worktrees");
	DIR *stream = ab_picturelook_list(look, path);

	if (stream == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		if (!spend(look))
			break;
		AB_AUTO_FREE char *one = ab_path_join(path, entry->d_name);
		ab_picturelook_add_joined(look, one, "commondir", AB_PICTURE_FILE);
		ab_picturelook_add_joined(look, one, "gitdir", AB_PICTURE_FILE);
		ab_picturelook_add_joined(look, one, "config.worktree", AB_PICTURE_CONFIG);
		ab_picturelook_add_joined(look, one, "rebase-merge/git-rebase-todo", AB_PICTURE_FILE);
	}
	closedir(stream);
}

void
ab_picturelook_repository(struct look *look, const char *dir, unsigned deep)
{
	if (dir[0] != '\0')
		ab_picturelook_add(look, dir, AB_PICTURE_REPOSITORY);
	ab_picturelook_add_joined(look, dir, "config", AB_PICTURE_CONFIG);
	ab_picturelook_add_joined(look, dir, "config.worktree", AB_PICTURE_CONFIG);
	ab_picturelook_add_joined(look, dir, "commondir", AB_PICTURE_FILE);
	ab_picturelook_add_joined(look, dir, "info/attributes", AB_PICTURE_FILE);
	ab_picturelook_add_joined(look, dir, "rebase-merge/git-rebase-todo", AB_PICTURE_FILE); /* its `exec` lines, at `git rebase --continue` */
	ab_picturelook_add_either(look, dir, "hooks");
	look_worktrees(look, dir);
	AB_AUTO_FREE char *modules = ab_path_join(dir, "modules");
	if (deep < MODULES_DEEP)
		look_modules(look, modules, deep + 1);
}

/* Submodules' repositories; their names may hold '/'. */
static void
look_modules(struct look *look, const char *dir, unsigned deep)
{
	DIR *stream = ab_picturelook_list(look, dir);

	if (stream == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
		if (entry->d_name[0] == '.' || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
			continue;
		if (!spend(look))
			break;
		AB_AUTO_FREE char *path = ab_path_join(dir, entry->d_name);
		if (ab_gitrepo_is(look->tree_fd, path))
			ab_picturelook_repository(look, path, deep);
		else if (deep < MODULES_DEEP)
			look_modules(look, path, deep + 1);
		else
			look->picture->complete = false;
	}
	closedir(stream);
}

/* A `.git` that is a file: where it points to, when that is in the tree. */
static void
look_pointer(struct look *look, const char *dir, const char *git)
{
	AB_AUTO_FREE char *real = ab_gitrepo_pointed(look->tree_fd, git, "gitdir: ");

	if (real != NULL && ab_path_below(real, look->tree) && strcmp(real, look->tree) != 0)
		ab_picturelook_repository(look, real + strlen(look->tree) + 1, 1);
	else if (real != NULL && dir[0] == '\0')
		ab_gitrepo_outside(look->tree_fd, look->tree, real, add_reference, look);
}

void
ab_picturelook_git(struct look *look, const char *dir)
{
	AB_AUTO_FREE char *git = ab_path_join(dir, ".git");
	struct stat st;

	if (fstatat(look->tree_fd, git, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (!S_ISDIR(st.st_mode))
		ab_picturelook_add(look, git, AB_PICTURE_FILE);
	if (S_ISREG(st.st_mode))
		look_pointer(look, dir, git);
	else if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))
		ab_picturelook_repository(look, git, 0);
}

void
ab_picturelook_top(struct look *look)
{
	ab_picturelook_git(look, "");
	ab_gitrepo_references(look->tree_fd, look->tree, ".git/config", add_reference, look);
	ab_gitrepo_references(look->tree_fd, look->tree, ".git/config.worktree", add_reference, look);
	if (ab_gitrepo_is(look->tree_fd, ".")) {
		ab_picturelook_repository(look, "", 0);
		ab_gitrepo_references(look->tree_fd, look->tree, "config", add_reference, look);
	}
}

static int
each_submodule(void *data, const char *key, const char *value)
{
	struct look *look = data;
	struct ab_error ignored = AB_ERROR_INIT;
	size_t len = strlen(key);

	if (strncmp(key, "submodule.", 10) != 0 || len < 5 || strcmp(key + len - 5, ".path") != 0)
		return 0;
	if (!spend(look))
		return 1;
	if (ab_path_check_name(value, &ignored) == 0)
		ab_picturelook_git(look, value);
	return 0;
}

void
ab_picturelook_submodules(struct look *look)
{
	struct ab_buf text AB_AUTO_BUF = AB_BUF_INIT(GITMODULES_MAX);
	bool big;

	if (faccessat(look->tree_fd, ".gitmodules", R_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (ab_gitrepo_read(look->tree_fd, ".gitmodules", &text, &big))
		ab_gitconfig_each(text.data, text.len, each_submodule, look);
}
