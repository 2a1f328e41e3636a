/* Scopes made and deleted (ab_scope_create, ab_scope_delete of sys/scope.h). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "sys/home.h"
#include "sys/path.h"
#include "sys/scope.h"

/* Where a scope lies or would lie. */
struct place {
	int upper; /* descriptor that `rel` is relative to; -1 when it does not exist yet */
	char *rel; /* path of the scope's directory from there */
	char *path; /* canonical */
};

static void
place_release(struct place *place)
{
	ab_close_indirect(&place->upper);
	free(place->rel);
	free(place->path);
}

/* A root itself: its parent must exist. */
static int
locate_root(struct place *place, const char *root, struct ab_error *err)
{
	AB_AUTO_FREE char *upper = ab_strdup(root);
	size_t len = strlen(upper);

	while (len > 1 && upper[len - 1] == '/')
		upper[--len] = '\0';
	char *slash = strrchr(upper, '/');
	const char *last = slash == NULL ? upper : slash + 1;
	if (last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		return ab_fail(err, AB_E_EXISTS, "root \"%s\" exists already", root);
	place->rel = ab_strdup(last);
	if (slash != NULL)
		*slash = '\0';
	place->upper = open(slash == NULL ? "." : slash == upper ? "/" : upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place->upper < 0)
		return ab_fail_errno(err, errno, "open the directory above root \"%s\"", root);
	AB_AUTO_FREE char *canonical = ab_path_canonical(place->upper, err);
	if (canonical == NULL)
		return -1;
	place->path = ab_asprintf("%s/%s", strcmp(canonical, "/") == 0 ? "" : canonical, place->rel);
	return 0;
}

static int
locate(struct place *place, const char *root, const char *name, bool make, struct ab_error *err)
{
	*place = (struct place){ .upper = -1 };
	if (name == NULL)
		return root != NULL ? locate_root(place, root, err) : ab_fail(err, AB_E_INPUT_INVALID, "no scope is named");
	if (ab_path_check_name(name, err) != 0)
		return -1;
	if (root == NULL && make) {
		place->upper = ab_home_dir("root", err);
		if (place->upper < 0)
			return -1;
	}
	AB_AUTO_FREE char *above = ab_scope_root_path(root, err);
	if (above == NULL)
		return -1;
	place->rel = ab_strdup(name);
	place->path = ab_asprintf("%s/%s", strcmp(above, "/") == 0 ? "" : above, name);
	if (place->upper < 0)
		place->upper = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place->upper < 0 && errno != ENOENT)
		return ab_fail_errno(err, errno, "open root \"%s\"", above);
	return 0;
}

/* A descriptor of the scope's directory, -1 with not_found or another error. */
static int
open_place(const struct place *place, const char *what, struct ab_error *err)
{
	if (place->upper < 0)
		return ab_fail(err, AB_E_NOT_FOUND, "no such scope \"%s\"", what);
	int fd = ab_path_open_strict(place->upper, place->rel, O_PATH | O_DIRECTORY, 0, err);
	if (fd < 0 && err->code == AB_E_NOT_FOUND)
		ab_fail(err, AB_E_NOT_FOUND, "no such scope \"%s\"", what);
	else if (fd < 0 && err->code == AB_E_SCOPE_ESCAPE)
		ab_fail(err, AB_E_SCOPE_ESCAPE, "scope \"%s\": a part of the name is a symbolic link", what);
	return fd;
}

/* ---- create ---- */

static int
judge_settings(const char *path, const struct ab_scope_settings *settings, struct ab_error *err)
{
	struct ab_scope_settings outer;

	if (ab_scope_settings_check(settings, err) != 0)
		return -1;
	int status = ab_scope_settings_enclosing(path, &outer, err);
	if (status == 0 && ab_scope_settings_within(settings, &outer, err) != 0) {
		ab_error_context(err, "scope \"%.200s\"", path);
		status = -1;
	}
	ab_scope_settings_release(&outer);
	return status;
}

/* There must be no directory; or, with existing, no scope file. *there tells of the directory. */
static int
judge_absent(const struct place *place, const char *what, bool existing, bool *there, struct ab_error *err)
{
	struct ab_error opening = AB_ERROR_INIT;
	struct ab_scope_settings old;
	AB_AUTO_CLOSE int fd = open_place(place, what, &opening);
	bool is_scope = false;

	*there = fd >= 0;
	if (fd < 0 && opening.code != AB_E_NOT_FOUND) {
		*err = opening;
		return -1;
	}
	if (fd < 0)
		return 0;
	int status = ab_scope_settings_load(place->path, &old, &is_scope, err);
	ab_scope_settings_release(&old);
	if (status != 0)
		return -1;
	if (existing && !is_scope)
		return 0;
	ab_fail(err, AB_E_EXISTS, is_scope ? "scope \"%s\" exists already" : "directory \"%s\" exists already and is no managed scope", what);
	if (is_scope)
		ab_error_hint(err, "ab-scope set changes its settings");
	else
		ab_error_hint(err, "--existing makes it one, with what is in it");
	return -1;
}

static int
make_scope(const struct place *place, const char *what, const struct ab_scope_settings *settings, bool existing, bool dry_run,
    struct ab_error *err)
{
	bool there;

	if (ab_scope_judge(place->path, NULL, true, err) != 0 || judge_absent(place, what, existing, &there, err) != 0)
		return -1;
	if (judge_settings(place->path, settings, err) != 0)
		return -1;
	if (dry_run)
		return 0;
	/* The file first: at no moment is there a scope without its ceilings. */
	if (ab_scope_settings_save(place->path, settings, err) != 0)
		return -1;
	if (there || ab_path_make_dirs(place->upper, place->rel, 0777, err) == 0)
		return 0;
	struct ab_error ignored = AB_ERROR_INIT;
	(void)!ab_scope_settings_remove(place->path, &ignored);
	ab_error_context(err, "scope \"%.200s\"", what);
	return -1;
}

int
ab_scope_create(const char *root, const char *name, const struct ab_scope_settings *settings, bool existing, bool dry_run, char **path,
    struct ab_error *err)
{
	struct place place;
	AB_AUTO_CLOSE int lock = dry_run ? -1 : ab_scope_settings_lock(err);

	*path = NULL;
	if (!dry_run && lock < 0)
		return -1;
	int status = locate(&place, root, name, !dry_run, err);
	if (status == 0)
		status = make_scope(&place, name != NULL ? name : root, settings, existing, dry_run, err);
	if (status == 0)
		*path = ab_steal(&place.path);
	place_release(&place);
	return status;
}

/* ---- delete ---- */

static int
is_empty(int fd, bool *empty, struct ab_error *err)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	struct dirent *entry;

	if (dir == NULL) {
		ab_fail_errno(err, errno, "read the scope's directory");
		ab_close_indirect(&own);
		return -1;
	}
	*empty = true;
	while (*empty && (entry = readdir(dir)) != NULL)
		*empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(dir);
	return 0;
}

/* Only what this tool made: a managed scope, or anything below AB_HOME/root. */
static int
judge_ours(const struct place *place, const char *what, bool *is_scope, struct ab_error *err)
{
	struct ab_scope_settings settings;
	AB_AUTO_FREE char *roots = ab_scope_root_path(NULL, err);

	if (roots == NULL)
		return -1;
	int status = ab_scope_settings_load(place->path, &settings, is_scope, err);
	bool managed = *is_scope && (settings.kind == NULL || strcmp(settings.kind, "tree") != 0);
	ab_scope_settings_release(&settings);
	if (status != 0)
		return -1;
	if (managed || ab_path_below(place->path, roots))
		return 0;
	ab_fail(err, AB_E_DENIED_POLICY, "\"%s\" is a tree of yours and no managed scope; ab-scope does not delete it", what);
	ab_error_hint(err, "rm -r '%s'", place->path);
	return -1;
}

/* Files of the scope and of all that lay below it. */
static int
remove_files(const char *path, struct ab_error *err)
{
	AB_AUTO_STRV char **paths = ab_scope_settings_list(path, err);

	if (paths == NULL)
		return -1;
	for (char **at = paths; *at != NULL; at++)
		if (ab_scope_settings_remove(*at, err) != 0)
			return -1;
	return 0;
}

static int
remove_directory(const struct place *place, bool recursive, struct ab_error *err)
{
	AB_AUTO_FREE char *copy = ab_strdup(place->rel);
	AB_AUTO_CLOSE int above = -1;
	char *slash = strrchr(copy, '/');

	if (recursive)
		return ab_path_remove_tree(place->upper, place->rel, err);
	if (slash != NULL) {
		*slash = '\0';
		above = ab_path_open_strict(place->upper, copy, O_PATH | O_DIRECTORY, 0, err);
		if (above < 0)
			return -1;
	}
	if (unlinkat(slash != NULL ? above : place->upper, slash != NULL ? slash + 1 : copy, AT_REMOVEDIR) != 0)
		return ab_fail_errno(err, errno, "delete scope \"%s\"", place->rel);
	return 0;
}

static int
delete_scope(const struct place *place, const char *what, bool recursive, bool dry_run, struct ab_error *err)
{
	bool is_scope = false, empty = false;

	if (ab_scope_judge(place->path, NULL, true, err) != 0 || judge_ours(place, what, &is_scope, err) != 0)
		return -1;
	struct ab_error opening = AB_ERROR_INIT;
	AB_AUTO_CLOSE int fd = open_place(place, what, &opening);
	/* A file without its directory: somebody deleted that by hand. */
	if (fd < 0 && opening.code == AB_E_NOT_FOUND && is_scope)
		return dry_run ? 0 : remove_files(place->path, err);
	if (fd < 0) {
		*err = opening;
		return -1;
	}
	if (!recursive && is_empty(fd, &empty, err) != 0)
		return -1;
	if (!recursive && !empty) {
		ab_fail(err, AB_E_NOT_EMPTY, "scope \"%s\" is not empty", what);
		ab_error_hint(err, "--recursive deletes it with all that it holds");
		return -1;
	}
	if (dry_run)
		return 0;
	if (remove_directory(place, recursive, err) != 0)
		return -1;
	return remove_files(place->path, err);
}

int
ab_scope_delete(const char *root, const char *name, bool recursive, bool dry_run, char **path, struct ab_error *err)
{
	struct place place;
	AB_AUTO_CLOSE int lock = -1;

	*path = NULL;
	if (name == NULL)
		return ab_fail(err, AB_E_INPUT_INVALID, "no scope is named; a root is never deleted");
	int status = locate(&place, root, name, false, err);
	if (status == 0 && !dry_run && place.upper >= 0) {
		lock = ab_scope_settings_lock(err);
		status = lock < 0 ? -1 : 0;
	}
	if (status == 0)
		status = delete_scope(&place, name, recursive, dry_run, err);
	if (status == 0)
		*path = ab_steal(&place.path);
	place_release(&place);
	return status;
}
