/* Scopes: from what the caller named to a judged, open directory. */
#include "sys/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "sys/home.h"
#include "sys/path.h"

/*
 * Directories that are never a scope: the path itself, and so many levels below it (-1: all). What other people's software keeps
 * its work in (/var/lib/jenkins/workspace, /usr/src/app, /run/user/1000/x) stays usable.
 */
static const struct {
	const char *path;
	int levels;
} refused[] = {
	{ "/tmp", 0 }, { "/home", 0 }, { "/opt", 0 }, { "/usr/src", 0 }, { "/usr/local/src", 0 }, { "/usr", -1 }, { "/var", 1 },
	{ "/run/user", 1 }, { "/run", 1 }, { "/bin", -1 }, { "/boot", -1 }, { "/dev", -1 }, { "/etc", -1 }, { "/lib", -1 }, { "/lib32", -1 },
	{ "/lib64", -1 }, { "/libx32", -1 }, { "/proc", -1 }, { "/sbin", -1 }, { "/sys", -1 },
};

/* Whether a canonical path is refused whoever insists. The first row that holds the path decides. */
static bool
always_refused(const char *path)
{
	if (strcmp(path, "/") == 0)
		return true;
	for (size_t i = 0; i < AB_COUNT_OF(refused); i++) {
		if (!ab_path_below(path, refused[i].path))
			continue;
		int level = 0;
		for (const char *at = path + strlen(refused[i].path); *at != '\0'; at++)
			level += *at == '/';
		return refused[i].levels < 0 || level <= refused[i].levels;
	}
	return false;
}

/* Refused as a default: the home directory and what is above it, by name and by file. */
static bool
is_home(const char *path, const struct stat *st)
{
	AB_AUTO_FREE char *home = ab_home_user();
	struct stat own;

	if (strcmp(path, "/root") == 0)
		return true;
	if (home == NULL || strcmp(home, "/") == 0)
		return false;
	if (ab_path_below(home, path))
		return true;
	return stat(home, &own) == 0 && own.st_dev == st->st_dev && own.st_ino == st->st_ino;
}

int
ab_scope_judge(const char *path, const struct stat *st, bool insisted, struct ab_error *err)
{
	static const char elsewhere[] = "cd to the directory of a project, or name one: --root DIR";
	AB_AUTO_FREE char *state = ab_home_path(false, err);

	if (state == NULL)
		return -1;
	AB_AUTO_FREE char *roots = ab_asprintf("%s/root", state);
	if (always_refused(path)) {
		ab_fail(err, AB_E_DENIED_POLICY, "\"%s\" is a directory of the system and never a scope", path);
		ab_error_hint(err, "%s", elsewhere);
		return -1;
	}
	if (ab_path_below(path, state) && !ab_path_below(path, roots)) {
		ab_fail(err, AB_E_DENIED_POLICY, "\"%s\" belongs to the state of ab (AB_HOME) and is never a scope", path);
		ab_error_hint(err, "%s", elsewhere);
		return -1;
	}
	if (insisted)
		return 0;
	bool home = st != NULL && is_home(path, st);
	if (!home && !ab_path_below(state, path) && strcmp(path, roots) != 0)
		return 0;
	ab_fail(err, AB_E_DENIED_POLICY, "\"%s\" is not taken as a scope by default: it %s", path,
	    home ? "is or holds your home directory" : "holds the state of ab");
	ab_error_hint(err, "cd to the directory of a project, or insist: --root '%s'", path);
	return -1;
}

/* ---- roots ---- */

/* Open the root: DIR, AB_HOME/root, or the current directory. *path is canonical and the caller's. */
static int
open_root(const char *root, bool named, char **path, struct ab_error *err)
{
	AB_AUTO_CLOSE int fd = -1;
	char cwd[PATH_MAX];

	*path = NULL;
	AB_AUTO_FREE char *text = root != NULL || named ? ab_scope_root_path(root, err) : NULL;
	if (text == NULL && (root != NULL || named))
		return -1;
	fd = open(text != NULL ? text : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		ab_fail_errno(err, errno, "open root \"%s\"", text != NULL ? text : ".");
		return -1;
	}
	if (text != NULL) {
		*path = ab_steal(&text);
		return ab_steal_fd(&fd);
	}
	/* getcwd(2) gives the canonical path of the very directory that "." is. */
	if (getcwd(cwd, sizeof(cwd)) == NULL || cwd[0] != '/') {
		ab_fail(err, AB_E_NOT_FOUND, "the current directory has been deleted or cannot be reached");
		ab_error_hint(err, "cd to the directory of a project");
		return -1;
	}
	*path = ab_strdup(cwd);
	return ab_steal_fd(&fd);
}

char *
ab_scope_root_path(const char *root, struct ab_error *err)
{
	if (root == NULL) {
		AB_AUTO_FREE char *state = ab_home_path(false, err);
		return state == NULL ? NULL : ab_asprintf("%s/root", state);
	}
	AB_AUTO_CLOSE int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		ab_fail_errno(err, errno, "open root \"%s\"", root);
		if (err->code == AB_E_NOT_FOUND)
			ab_error_hint(err, "mkdir '%s'", root);
		return NULL;
	}
	return ab_path_canonical(fd, err);
}

static char *
join(const char *root, const char *name)
{
	return name == NULL || name[0] == '\0' ? ab_strdup(root) : ab_asprintf("%s/%s", strcmp(root, "/") == 0 ? "" : root, name);
}

/* ---- open ---- */

static int
no_such_scope(struct ab_error *err, const char *root, const char *name)
{
	ab_fail(err, AB_E_NOT_FOUND, "no such scope \"%s\"", name);
	if (root != NULL)
		ab_error_hint(err, "ab-scope create --root '%.200s' '%.200s', or: ab-exec --create", root, name);
	else
		ab_error_hint(err, "ab-scope create '%.400s', or: ab-exec --create", name);
	return -1;
}

/* The scope's directory beneath its root; no part of the name may be a link. */
static int
open_named(int root_fd, const char *root, const char *name, struct ab_error *err)
{
	int fd = ab_path_open_strict(root_fd, name, O_PATH | O_DIRECTORY, 0, err);

	if (fd >= 0)
		return fd;
	if (err->code == AB_E_NOT_FOUND)
		return no_such_scope(err, root, name);
	if (err->code == AB_E_SCOPE_ESCAPE)
		ab_fail(err, AB_E_SCOPE_ESCAPE, "scope \"%s\": a part of the name is a symbolic link", name);
	else
		ab_error_context(err, "scope \"%.200s\"", name);
	return -1;
}

static int
load_settings(struct ab_scope *scope, struct ab_error *err)
{
	struct ab_scope_settings outer;
	bool exists;

	if (ab_scope_settings_load(scope->path, &scope->settings, &exists, err) != 0)
		return -1;
	scope->managed = exists && (scope->settings.kind == NULL || strcmp(scope->settings.kind, "tree") != 0);
	int status = ab_scope_settings_enclosing(scope->path, &outer, err);
	if (status == 0)
		ab_scope_settings_inherit(&scope->settings, &outer);
	ab_scope_settings_release(&outer);
	return status;
}

static int
open_scope(struct ab_scope *scope, const char *root, const char *name, struct ab_error *err)
{
	struct stat st;
	AB_AUTO_CLOSE int root_fd = -1;

	if (name != NULL && ab_path_check_name(name, err) != 0)
		return -1;
	root_fd = open_root(root, name != NULL, &scope->root, err);
	if (root_fd < 0) {
		if (err->code == AB_E_NOT_FOUND && root == NULL && name != NULL)
			no_such_scope(err, root, name);
		return -1;
	}
	scope->name = ab_strdup(name == NULL ? "" : name);
	scope->path = join(scope->root, name);
	scope->fd = name == NULL ? ab_steal_fd(&root_fd) : open_named(root_fd, root, name, err);
	if (scope->fd < 0)
		return -1;
	if (fstat(scope->fd, &st) != 0)
		return ab_fail_errno(err, errno, "scope \"%s\"", scope->path);
	scope->dev = st.st_dev;
	scope->ino = st.st_ino;
	if (ab_scope_judge(scope->path, &st, root != NULL || name != NULL, err) != 0)
		return -1;
	return load_settings(scope, err);
}

static void
clear(struct ab_scope *scope)
{
	*scope = (struct ab_scope){ .fd = -1 };
	ab_scope_settings_init(&scope->settings);
}

/* What --create does: a managed scope without settings. */
static int
make_scope(const char *root, const char *name, struct ab_error *err)
{
	struct ab_error failed = AB_ERROR_INIT;
	struct ab_scope_settings settings;
	AB_AUTO_FREE char *path = NULL;

	ab_scope_settings_init(&settings);
	settings.kind = ab_strdup("managed");
	int status = ab_scope_create(root, name, &settings, false, false, &path, &failed);
	ab_scope_settings_release(&settings);
	if (status == 0 || failed.code == AB_E_EXISTS) /* somebody else was quicker, which is as good */
		return 0;
	*err = failed;
	return -1;
}

int
ab_scope_open(struct ab_scope *scope, const char *root, const char *name, bool create, struct ab_error *err)
{
	struct ab_error failed = AB_ERROR_INIT;

	clear(scope);
	if (open_scope(scope, root, name, &failed) == 0)
		return 0;
	ab_scope_release(scope);
	if (!create || failed.code != AB_E_NOT_FOUND || (root == NULL && name == NULL)) {
		*err = failed;
		return -1;
	}
	if (make_scope(root, name, err) != 0)
		return -1;
	if (open_scope(scope, root, name, err) == 0)
		return 0;
	ab_scope_release(scope);
	return -1;
}

void
ab_scope_release(struct ab_scope *scope)
{
	free(scope->name);
	free(scope->root);
	free(scope->path);
	ab_close_indirect(&scope->fd);
	ab_scope_settings_release(&scope->settings);
	clear(scope);
}
