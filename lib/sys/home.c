/* AB_HOME: found, judged, made. */
#include "sys/home.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "core/mem.h"
#include "sys/path.h"

/* What was found last, so that the rooms of one process may ask as often as they like. */
static struct {
	char *text; /* as the environment named it */
	char *path; /* canonical; it existed and was judged */
	dev_t dev;
	ino_t ino;
} known;

/* Whether it is still there, and the same: who makes something in it must not find that it is gone. */
static bool
is_still_there(void)
{
	struct stat st;

	return stat(known.path, &st) == 0 && st.st_dev == known.dev && st.st_ino == known.ino;
}

char *
ab_home_user(void)
{
	const char *home = getenv("HOME");

	if (home != NULL && home[0] == '/')
		return ab_strdup(home);
	const struct passwd *entry = getpwuid(geteuid());
	if (entry == NULL || entry->pw_dir == NULL || entry->pw_dir[0] != '/')
		return NULL;
	return ab_strdup(entry->pw_dir);
}

/* The path as the environment names it, absolute; NULL when nothing names one. */
static char *
home_text(struct ab_error *err)
{
	const char *own = getenv("AB_HOME"), *state = getenv("XDG_STATE_HOME");

	if (own != NULL && own[0] == '/')
		return ab_strdup(own);
	if (own != NULL && own[0] != '\0') {
		ab_fail(err, AB_E_INPUT_INVALID, "AB_HOME is \"%s\", which is not an absolute path", own);
		ab_error_hint(err, "export AB_HOME=\"$PWD/%s\"", own);
		return NULL;
	}
	if (state != NULL && state[0] == '/')
		return ab_asprintf("%s/ab", state);
	AB_AUTO_FREE char *home = ab_home_user();
	if (home == NULL) {
		ab_fail(err, AB_E_NOT_FOUND, "no home directory to keep state in: HOME is not set");
		ab_error_hint(err, "export AB_HOME=DIR");
		return NULL;
	}
	return ab_asprintf("%s/.local/state/ab", home);
}

/* mkdir -p, each missing directory 0700 (XDG). */
static int
make_all(const char *path, struct ab_error *err)
{
	AB_AUTO_FREE char *part = ab_strdup(path);

	for (char *at = part + 1;; at++) {
		if (*at != '/' && *at != '\0')
			continue;
		char was = *at;
		*at = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST) {
			ab_fail_errno(err, errno, "make AB_HOME: create \"%s\"", part);
			ab_error_hint(err, "export AB_HOME=DIR, a directory that you may write to");
			return -1;
		}
		*at = was;
		if (was == '\0')
			return 0;
	}
}

static int
judge(const struct stat *st, const char *text, struct ab_error *err)
{
	if (st->st_uid != geteuid()) {
		ab_fail(err, AB_E_DENIED_PERMISSION, "AB_HOME \"%s\" belongs to uid %u, you are uid %u", text,
		    (unsigned)st->st_uid, (unsigned)geteuid());
		ab_error_hint(err, "export AB_HOME=DIR, a directory of your own");
		return -1;
	}
	if ((st->st_mode & 0022) != 0) {
		ab_fail(err, AB_E_DENIED_PERMISSION, "AB_HOME \"%s\" may be written by others (mode %04o)", text,
		    (unsigned)(st->st_mode & 07777));
		/* /tmp and its like are for all, and shall stay so. */
		if ((st->st_mode & 01000) != 0)
			ab_error_hint(err, "export AB_HOME=DIR, a directory of your own");
		else
			ab_error_hint(err, "chmod 700 '%s'", text);
		return -1;
	}
	return 0;
}

/* The canonical form that a path that does not exist would have: that of its nearest existing ancestor, and the rest. */
static char *
canonical_absent(const char *text)
{
	AB_AUTO_FREE char *upper = ab_strdup(text);

	for (;;) {
		char *slash = strrchr(upper, '/');
		if (slash == NULL || slash == upper)
			return ab_strdup(text);
		*slash = '\0';
		AB_AUTO_FREE char *real = realpath(upper, NULL);
		if (real != NULL)
			return ab_asprintf("%s%s", strcmp(real, "/") == 0 ? "" : real, text + strlen(upper));
	}
}

/* Judge an existing AB_HOME and remember it. */
static char *
found(int fd, const char *text, struct ab_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		ab_fail_errno(err, errno, "AB_HOME \"%s\"", text);
		return NULL;
	}
	if (judge(&st, text, err) != 0)
		return NULL;
	char *path = ab_path_canonical(fd, err);
	if (path == NULL)
		return NULL;
	if (strcmp(path, "/") == 0) {
		free(path);
		ab_fail(err, AB_E_DENIED_POLICY, "AB_HOME is \"/\": all there is would be the state of ab");
		ab_error_hint(err, "export AB_HOME=DIR, a directory of your own");
		return NULL;
	}
	free(known.text);
	free(known.path);
	known.text = ab_strdup(text);
	known.path = ab_strdup(path);
	known.dev = st.st_dev;
	known.ino = st.st_ino;
	return path;
}

char *
ab_home_path(bool make, struct ab_error *err)
{
	AB_AUTO_FREE char *text = home_text(err);

	if (text == NULL)
		return NULL;
	if (known.text != NULL && strcmp(known.text, text) == 0 && (!make || is_still_there()))
		return ab_strdup(known.path);
	AB_AUTO_CLOSE int fd = open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		if (!make)
			return canonical_absent(text);
		if (make_all(text, err) != 0)
			return NULL;
		fd = open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0) {
		ab_fail_errno(err, errno, "open AB_HOME \"%s\"", text);
		ab_error_hint(err, "export AB_HOME=DIR, a directory of your own");
		return NULL;
	}
	return found(fd, text, err);
}

bool
ab_home_hangs_below(const char *dir)
{
	struct ab_error ignored = AB_ERROR_INIT;
	AB_AUTO_FREE char *text = home_text(&ignored);
	struct stat st;

	/* Named by its canonical path: there is no link. */
	if (text == NULL || (known.text != NULL && strcmp(known.text, text) == 0 && strcmp(known.path, text) == 0))
		return false;
	for (size_t i = 1, len = strlen(text); i <= len; i++) {
		if (text[i] != '/' && text[i] != '\0')
			continue;
		AB_AUTO_FREE char *part = ab_strndup(text, i);
		if (lstat(part, &st) != 0 || !S_ISLNK(st.st_mode))
			continue;
		char *slash = strrchr(part, '/');
		slash[slash == part] = '\0';
		AB_AUTO_FREE char *real = realpath(part, NULL);
		if (real != NULL && ab_path_below(real, dir))
			return true;
	}
	return false;
}

int
ab_home_dir(const char *name, struct ab_error *err)
{
	AB_AUTO_FREE char *home = ab_home_path(false, err);

	if (home == NULL)
		return -1;
	AB_AUTO_FREE char *path = ab_asprintf("%s/%s", home, name);
	int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return ab_fail_errno(err, errno, "open \"%s\"", path);
	AB_AUTO_FREE char *made = ab_home_path(true, err);
	if (made == NULL)
		return -1;
	AB_AUTO_CLOSE int home_fd = open(made, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (home_fd < 0)
		return ab_fail_errno(err, errno, "open AB_HOME \"%s\"", made);
	if (ab_path_make_dirs(home_fd, name, 0700, err) != 0)
		return -1;
	fd = openat(home_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : ab_fail_errno(err, errno, "open \"%s/%s\"", made, name);
}
