/* What of a git repository runs later. */
#include "sys/gitrepo.h"

#include <assert.h>
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "core/io.h"
#include "core/mem.h"
#include "sys/gitconfig.h"
#include "sys/home.h"
#include "sys/path.h"

#define CONFIG_BYTES_MAX (1024 * 1024)
#define POINTER_BYTES_MAX 4096
#define CUT_KEY_LEN 1000 /* the reader cuts parts at 1,023 bytes */
#define REFERENCES_MAX 64
#define INCLUDES_DEEP 3

/* git-config(1): "section.name", or "section.*.name" where any subsection (or none) counts; "section.*" for all names. */
static const char *const running[] = {
	"alias.*", "browser.*.cmd", "browser.*.path", "core.alternaterefscommand", "core.askpass", "core.editor", "core.fsmonitor", "core.gitproxy",
	"core.hookspath", "core.pager", "core.sshcommand", "credential.*.helper", "diff.*.command", "diff.*.textconv",
	"diff.external", "difftool.*.cmd", "difftool.*.path", "filter.*.clean", "filter.*.process", "filter.*.smudge", "gpg.*.program",
	"gpg.program", "gc.recentobjectshook", "gpg.ssh.defaultkeycommand", "guitool.*.cmd", "hook.*.command", "include.path", "includeif.*.path",
	"imap.*.tunnel", "init.templatedir", "instaweb.httpd", "interactive.difffilter", "lfs.customtransfer.*.path",
	"lfs.extension.*.clean", "lfs.extension.*.smudge", "man.*.cmd", "man.*.path", "merge.*.driver", "mergetool.*.cmd",
	"mergetool.*.path", "pager.*", "protocol.*.allow", "rebase.instructionformat", "receive.procreceiverefs", "remote.*.receivepack", "remote.*.uploadpack",
	"remote.*.vcs", "sendemail.*cmd", "sendemail.*.smtpserver", "sequence.editor", "submodule.*.update", "tar.*.command",
	"trailer.*.cmd", "trailer.*.command", "uploadpack.packobjectshook", "web.browser",
};

static bool
has_prefix(const char *text, const char *prefix, size_t len)
{
	return strncmp(text, prefix, len) == 0;
}

/* pattern has at most one '*', which stands for anything (also with the point before it left out). */
static bool
matches(const char *key, const char *pattern)
{
	const char *star = strchr(pattern, '*');

	if (star == NULL)
		return strcmp(key, pattern) == 0;
	size_t before = (size_t)(star - pattern), after = strlen(star + 1), len = strlen(key);
	if (len < before + after || !has_prefix(key, pattern, before))
		return before > 0 && after > 0 && has_prefix(key, pattern, before - 1) && strcmp(key + before - 1, star + 1) == 0;
	if (strcmp(key + len - after, star + 1) == 0)
		return true;
	/* credential.helper for credential.*.helper */
	return before > 0 && strcmp(key + before - 1, star + 1) == 0;
}

bool
ab_gitrepo_runs(const char *key, const char *value)
{
	if (strlen(key) >= CUT_KEY_LEN)
		return true;
	if (strcmp(key, "core.fsmonitor") == 0 || has_prefix(key, "pager.", 6))
		return strcasecmp(value, "true") != 0 && strcasecmp(value, "false") != 0;
	/* Where a checkout writes: into the shell's start-up files, perhaps. Submodules have a relative one. */
	if (strcmp(key, "core.worktree") == 0)
		return value[0] == '/' || value[0] == '~';
	if (has_prefix(key, "submodule.", 10))
		return value[0] == '!' && matches(key, "submodule.*.update");
	/* Remotes reached by a program: `ext::sh -c …` (git-remote-ext(1)). */
	if (has_prefix(key, "remote.", 7) || has_prefix(key, "url.", 4)) {
		const char *scheme = has_prefix(key, "url.", 4) ? key + 4 : value;
		if (strncmp(scheme + strspn(scheme, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"), "::", 2) == 0)
			return true;
	}
	for (size_t i = 0; i < AB_COUNT_OF(running); i++)
		if (matches(key, running[i]))
			return true;
	return false;
}

/* As git does: a link may leave the tree, or come back to it by its absolute path. No device is opened, nothing waited for. */
static int
open_anywhere(int dirfd, const char *rel)
{
	char link[64];
	struct stat st;
	AB_AUTO_CLOSE int at = openat(dirfd, rel, O_PATH | O_CLOEXEC);

	if (at < 0 || fstat(at, &st) != 0 || !S_ISREG(st.st_mode))
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", at);
	return open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

bool
ab_gitrepo_read(int dirfd, const char *rel, struct ab_buf *text, bool *big)
{
	struct ab_error ignored = AB_ERROR_INIT;
	struct stat st;
	AB_AUTO_CLOSE int fd = ab_path_open(dirfd, rel, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &ignored);

	*big = false;
	if (fd < 0 && ignored.code == AB_E_SCOPE_ESCAPE)
		fd = open_anywhere(dirfd, rel);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	if (ab_read_all(fd, text, rel, &ignored) != 0) {
		*big = ignored.code == AB_E_LIMIT_SIZE;
		return false;
	}
	if (text->len >= 3 && memcmp(text->data, "\xef\xbb\xbf", 3) == 0)
		ab_buf_consume(text, 3);
	return text->len > 0;
}

/* FNV-1a, 64 bits: only to see a change; who could find a collision could not make use of it before the owner looks. */
static uint64_t
hash_text(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	while (*text++ != '\0');
	return hash;
}

static int
add_command(void *data, const char *key, const char *value)
{
	uint64_t *hash = data;

	if (ab_gitrepo_runs(key, value)) {
		*hash = *hash == 0 ? UINT64_C(0xcbf29ce484222325) : *hash;
		*hash = hash_text(hash_text(*hash, key), value);
	}
	return 0;
}

uint64_t
ab_gitrepo_commands(int dirfd, const char *rel)
{
	struct ab_buf text AB_AUTO_BUF = AB_BUF_INIT(CONFIG_BYTES_MAX);
	uint64_t hash = 0;
	bool big;

	if (!ab_gitrepo_read(dirfd, rel, &text, &big))
		return big ? 1 : 0;
	ab_gitconfig_each(text.data, text.len, add_command, &hash);
	return hash;
}

/* ---- references ---- */

struct references {
	int tree_fd;
	const char *tree;
	const char *rel; /* of the configuration file */
	unsigned deep, *left;
	void (*each)(void *data, const char *path);
	void *data;
};

/* Take `.`, `..` and empty parts out of a relative path, in place; false when it leads out. */
static bool
normalise(char *path)
{
	char *to = path, *rest = path, *part;

	assert(path != NULL);
	while ((part = strsep(&rest, "/")) != NULL) {
		if (part[0] == '\0' || strcmp(part, ".") == 0)
			continue;
		if (strcmp(part, "..") == 0) {
			if (to == path)
				return false;
			while (--to > path && *to != '/')
				;
			continue;
		}
		if (to != path)
			*to++ = '/';
		size_t len = strlen(part);
		memmove(to, part, len);
		to += len;
	}
	*to = '\0';
	return to != path;
}

/* The path relative to the tree that a value names, or NULL. base: directory that a relative one starts from ("" is the tree). type:
 * S_IFREG, S_IFDIR. */
static char *
in_tree(const struct references *refs, const char *base, const char *value, mode_t type)
{
	AB_AUTO_FREE char *home = NULL;
	AB_AUTO_FREE char *absolute = NULL;
	char *path;

	if (value[0] == '~' && value[1] == '/' && (home = ab_home_user()) != NULL) {
		absolute = ab_asprintf("%s%s", home, value + 1);
		value = absolute;
	}
	if (value[0] == '/') {
		if (!ab_path_below(value, refs->tree) || strcmp(value, refs->tree) == 0)
			return NULL;
		path = ab_strdup(value + strlen(refs->tree));
	} else {
		path = ab_asprintf("%s/%s", base, value);
	}
	struct ab_error ignored = AB_ERROR_INIT;
	AB_AUTO_CLOSE int fd = normalise(path) ? ab_path_open_strict(refs->tree_fd, path, O_PATH | O_NOFOLLOW, 0, &ignored) : -1;
	struct stat st;
	if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type)
		return path;
	free(path);
	return NULL;
}

static void
report(struct references *refs, const char *path)
{
	if (*refs->left > 0) {
		(*refs->left)--;
		refs->each(refs->data, path);
	}
}

static void walk_config(struct references *refs);

static void
follow_include(struct references *refs, const char *value)
{
	AB_AUTO_FREE char *base = ab_strdup(refs->rel);
	char *slash = strrchr(base, '/');

	*(slash == NULL ? base : slash) = '\0';
	AB_AUTO_FREE char *path = in_tree(refs, base, value, S_IFREG);
	if (path == NULL || refs->deep == 0)
		return;
	report(refs, path);
	struct references below = *refs;
	below.rel = path;
	below.deep--;
	walk_config(&below);
}

static bool
is_interpreter(const char *word)
{
	static const char *const known[] = { "sh", "bash", "dash", "zsh", "python", "python3", "perl", "ruby", "node", "deno", "bun", "env" };
	const char *slash = strrchr(word, '/');

	for (size_t i = 0; i < AB_COUNT_OF(known); i++)
		if (strcmp(slash == NULL ? word : slash + 1, known[i]) == 0)
			return true;
	return false;
}

/* The program that a command names, and the script of an interpreter; what it works on stays out of it. */
static void
report_command(struct references *refs, const char *value)
{
	AB_AUTO_FREE char *copy = ab_strdup(value);
	char *rest = copy, *word;
	bool program = true;

	while (program && (word = strsep(&rest, " \t\n;&|!\"'")) != NULL) {
		if (word[0] == '\0' || word[0] == '-')
			continue;
		program = is_interpreter(word);
		AB_AUTO_FREE char *path = strchr(word, '/') != NULL ? in_tree(refs, "", word, S_IFREG) : NULL;
		if (path != NULL)
			report(refs, path);
	}
}

static int
each_variable(void *data, const char *key, const char *value)
{
	struct references *refs = data;

	if (!ab_gitrepo_runs(key, value) || (has_prefix(key, "alias.", 6) && value[0] != '!'))
		return 0;
	if (has_prefix(key, "include", 7)) {
		follow_include(refs, value);
		return 0;
	}
	if (strcmp(key, "core.hookspath") == 0) {
		AB_AUTO_FREE char *path = in_tree(refs, "", value, S_IFDIR);
		if (path != NULL)
			report(refs, path);
		return 0;
	}
	report_command(refs, value);
	return 0;
}

static void
walk_config(struct references *refs)
{
	struct ab_buf text AB_AUTO_BUF = AB_BUF_INIT(CONFIG_BYTES_MAX);
	bool big;

	if (ab_gitrepo_read(refs->tree_fd, refs->rel, &text, &big))
		ab_gitconfig_each(text.data, text.len, each_variable, refs);
}

void
ab_gitrepo_references(int tree_fd, const char *tree, const char *rel, void (*each)(void *data, const char *path), void *data)
{
	unsigned left = REFERENCES_MAX;
	struct references refs = {
		.tree_fd = tree_fd, .tree = tree, .rel = rel, .deep = INCLUDES_DEEP, .left = &left, .each = each, .data = data
	};

	walk_config(&refs);
}

void
ab_gitrepo_outside(int tree_fd, const char *tree, const char *gitdir, void (*each)(void *data, const char *path), void *data)
{
	AB_AUTO_CLOSE int fd = open(gitdir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AB_AUTO_FREE char *said = fd < 0 ? NULL : ab_gitrepo_pointer(fd, "commondir", "");
	AB_AUTO_FREE char *own = ab_asprintf("%s/config.worktree", gitdir);
	AB_AUTO_FREE char *common = said == NULL ? ab_asprintf("%s/config", gitdir)
	    : said[0] == '/'			 ? ab_asprintf("%s/config", said)
						 : ab_asprintf("%s/%s/config", gitdir, said);

	ab_gitrepo_references(tree_fd, tree, common, each, data);
	ab_gitrepo_references(tree_fd, tree, own, each, data);
}

/* ---- layout ---- */

char *
ab_gitrepo_pointer(int dirfd, const char *rel, const char *prefix)
{
	char text[POINTER_BYTES_MAX + 1];
	struct stat st;
	AB_AUTO_CLOSE int fd = openat(dirfd, rel, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > POINTER_BYTES_MAX)
		return NULL;
	ssize_t len = read(fd, text, POINTER_BYTES_MAX);
	if (len <= 0)
		return NULL;
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	text[len] = '\0';
	size_t skip = strlen(prefix);
	if (strlen(text) != (size_t)len || strncmp(text, prefix, skip) != 0 || text[skip] == '\0')
		return NULL;
	return ab_strdup(text + skip);
}

char *
ab_gitrepo_pointed(int dirfd, const char *rel, const char *prefix)
{
	AB_AUTO_FREE char *pointer = ab_gitrepo_pointer(dirfd, rel, prefix);
	AB_AUTO_FREE char *joined = NULL;
	const char *slash = strrchr(rel, '/');
	struct ab_error ignored = AB_ERROR_INIT;

	if (pointer == NULL)
		return NULL;
	if (slash != NULL && pointer[0] != '/')
		joined = ab_asprintf("%.*s/%s", (int)(slash - rel), rel, pointer);
	AB_AUTO_CLOSE int fd = openat(dirfd, joined != NULL ? joined : pointer, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? NULL : ab_path_canonical(fd, &ignored);
}

const char *const ab_gitrepo_part[AB_GITREPO_PARTS] = { "HEAD", "objects", "refs" };

bool
ab_gitrepo_is(int dirfd, const char *rel)
{
	char path[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < AB_GITREPO_PARTS; i++) {
		int len = snprintf(path, sizeof(path), "%s/%s", rel, ab_gitrepo_part[i]);
		if (len < 0 || (size_t)len >= sizeof(path) || fstatat(dirfd, path, &st, i == 0 ? AT_SYMLINK_NOFOLLOW : 0) != 0)
			return false;
		if (i > 0 && !S_ISDIR(st.st_mode))
			return false;
	}
	return true;
}
