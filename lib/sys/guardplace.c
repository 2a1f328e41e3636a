/* Where a word leads: directories that the machine cannot do without, devices, and what lies in neither. */
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "sys/guardjudge.h"

#define WORD_MAX 4096	 /* a longer word names no path (PATH_MAX) */
#define PARTS_MAX 256	 /* parts of a path that are looked at */
#define BRACES_MAX 32	 /* words that a brace expansion gives, of which each is looked at */

/* hier(7), file-hierarchy(7): what a recursive deletion or change of modes ruins. */
static const char *const system_directories[] = { "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/media",
	"/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/usr", "/var", "/usr/bin", "/usr/include", "/usr/lib", "/usr/lib32",
	"/usr/lib64", "/usr/libexec", "/usr/local", "/usr/sbin", "/usr/share", "/usr/local/bin", "/usr/local/etc", "/usr/local/lib",
	"/usr/local/sbin", "/usr/local/share", "/var/lib", "/var/log", "/var/mail", "/var/run", "/var/spool", NULL };

/* Whatever lies in these belongs to the system. */
static const char *const system_files[] = { "/bin/", "/boot/", "/etc/", "/lib/", "/lib32/", "/lib64/", "/libx32/", "/sbin/", "/usr/bin/",
	"/usr/sbin/", "/usr/lib/systemd/", "/lib/modules/", NULL };

static const char *const disks[] = { "sd", "hd", "vd", "xvd", "nvme", "mmcblk", "md", "dm-", "loop", "nbd", "sr", "pmem", "bcache", "zd", "ram",
	"mtd", "mapper/", "disk", "rdisk", "block/", NULL };

/* A path in the making: parts without "." and "..", a part may be a pattern. */
struct path {
	char text[WORD_MAX * 2];
	const char *part[PARTS_MAX];
	unsigned count;
	bool home; /* it begins in the home directory, wherever that is */
	bool above; /* and leads above it */
	bool pattern[PARTS_MAX];
};

/* One alternative of a word with braces: bytes and marks. */
struct spelling {
	char text[WORD_MAX], marks[WORD_MAX];
	size_t len;
};

/* ---- braces ---- */

static bool
is_brace(const struct spelling *word, size_t at, char c)
{
	return word->text[at] == c && word->marks[at] == AB_SHELL_GLOB;
}

/* The end of the brace expression that begins at `at`, when it has a comma of its own; 0: none. */
static size_t
brace_end(const struct spelling *word, size_t at)
{
	unsigned open = 0;
	bool comma = false;

	for (size_t i = at; i < word->len; i++) {
		open += is_brace(word, i, '{');
		comma = comma || (open == 1 && is_brace(word, i, ','));
		if (is_brace(word, i, '}') && --open == 0)
			return comma ? i : 0;
	}
	return 0;
}

static void
splice(struct spelling *into, const struct spelling *word, size_t from, size_t to)
{
	memcpy(into->text + into->len, word->text + from, to - from);
	memcpy(into->marks + into->len, word->marks + from, to - from);
	into->len += to - from;
}

/* Call judge for each word that bash makes of it; the worst answer. */
static enum guard_place
each_spelling(const struct spelling *word, unsigned *left, enum guard_place (*judge)(void *data, const struct spelling *word), void *data)
{
	size_t at = 0, end = 0, from;
	unsigned open = 0;
	enum guard_place worst = PLACE_OTHER;

	for (; at < word->len && end == 0; at++)
		if (is_brace(word, at, '{') && (end = brace_end(word, at)) != 0)
			break;
	if (end == 0)
		return *left == 0 ? PLACE_OTHER : ((*left)--, judge(data, word));
	struct spelling *one = ab_reallocarray(NULL, 1, sizeof(*one));
	from = at + 1;
	for (size_t i = at; i <= end && *left > 0; i++) {
		open += is_brace(word, i, '{');
		if ((open == 1 && is_brace(word, i, ',')) || i == end) {
			one->len = 0;
			splice(one, word, 0, at);
			splice(one, word, from, i);
			splice(one, word, end + 1, word->len);
			enum guard_place found = each_spelling(one, left, judge, data);
			worst = found > worst ? found : worst;
			from = i + 1;
		}
		open -= is_brace(word, i, '}');
	}
	free(one);
	return worst;
}

/* ---- paths ---- */

/* Append the parts of text. False: too many, or not known. */
static bool
add_parts(struct path *path, char *text, const char *marks)
{
	size_t at = 0;

	while (text[at] != '\0') {
		size_t len = strcspn(text + at, "/");
		bool more = text[at + len] == '/', pattern = false;
		for (size_t i = at; marks != NULL && i < at + len; i++)
			pattern = pattern || marks[i] == AB_SHELL_GLOB;
		text[at + len] = '\0';
		if (strcmp(text + at, "..") == 0) {
			path->above = path->above || (path->home && path->count == 0);
			path->count -= path->count > 0;
		} else if (len > 0 && strcmp(text + at, ".") != 0) {
			if (path->count == PARTS_MAX)
				return false;
			path->pattern[path->count] = pattern;
			path->part[path->count++] = text + at;
		}
		at += len + more;
	}
	return true;
}

/* Whether a pattern stands for all that is in a directory: *, .*, ?*, .[!.]* */
static bool
is_everything(const char *pattern)
{
	return strchr(pattern, '*') != NULL && strspn(pattern, "*?.[!^]") == strlen(pattern);
}

/* The word as a path from cwd. False: nobody knows where it leads. */
static bool
path_of(struct path *path, const struct spelling *word, const char *cwd)
{
	size_t len = word->len;

	path->count = 0;
	path->home = path->above = false;
	while (len > 0 && word->text[len - 1] == '\r') /* a script with the line ends of Windows */
		len--;
	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (word->marks[i] == AB_SHELL_UNKNOWN || word->marks[i] == AB_SHELL_OUTPUT || word->text[i] == '\0' ||
		    (i > 0 && word->marks[i] == AB_SHELL_HOME))
			return false;
	size_t base = cwd != NULL ? strlen(cwd) : 0, skip = 0;
	if (word->marks[0] == AB_SHELL_HOME) {
		path->home = true;
		/* ~name is a home directory, too */
		for (skip = 1; skip < len && word->text[skip] != '/'; skip++)
			continue;
	} else if (word->text[0] != '/') {
		if (base == 0 || base >= WORD_MAX)
			return false;
		path->home = cwd[0] == '~';
		memcpy(path->text, cwd + path->home, base + 1 - path->home);
		if (!add_parts(path, path->text, NULL))
			return false;
	}
	char *own = path->text + WORD_MAX;
	memcpy(own, word->text + skip, len - skip);
	own[len - skip] = '\0';
	return add_parts(path, own, word->marks + skip);
}

/* "/a/b" of the first count parts. */
static void
spell(const struct path *path, unsigned count, char text[static WORD_MAX * 2])
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		size_t part = strlen(path->part[i]);
		if (len + part + 2 > WORD_MAX * 2)
			break;
		text[len++] = '/';
		memcpy(text + len, path->part[i], part + 1);
		len += part;
	}
	if (len == 0)
		memcpy(text, "/", 2);
}

static bool
has_pattern(const struct path *path)
{
	for (unsigned i = 0; i < path->count; i++)
		if (path->pattern[i])
			return true;
	return false;
}

static bool
begins(const char *text, const char *const *prefixes)
{
	for (; *prefixes != NULL; prefixes++)
		if (strncmp(text, *prefixes, strlen(*prefixes)) == 0)
			return true;
	return false;
}

/* Whether path is dir, or below it. */
static bool
is_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return len > 1 && strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static enum guard_place
place_of_device(const char *path)
{
	static const char *const memory[] = { "mem", "kmem", "port", NULL };
	const char *name = path + strlen("/dev/");

	if (strncmp(path, "/dev/", 5) != 0)
		return PLACE_OTHER;
	for (const char *const *at = memory; *at != NULL; at++)
		if (strcmp(name, *at) == 0)
			return PLACE_DEVICE;
	return begins(name, disks) && strcmp(name, "random") != 0 ? PLACE_DEVICE : PLACE_OTHER;
}

static enum guard_place
place_of_system(const char *path, bool pattern)
{
	if (strcmp(path, "/") == 0 || strcmp(path, "/root") == 0)
		return PLACE_ROOT;
	for (const char *const *at = system_directories; *at != NULL; at++)
		if (strcmp(path, *at) == 0 || (pattern && fnmatch(path, *at, FNM_PATHNAME) == 0))
			return PLACE_SYSTEM;
	/* /home/NAME, /Users/NAME */
	if (strncmp(path, "/home/", 6) == 0 && strchr(path + 6, '/') == NULL)
		return PLACE_ROOT;
	if (place_of_device(path) == PLACE_DEVICE)
		return PLACE_DEVICE;
	if (strncmp(path, "/proc/sys/", 10) == 0 || strcmp(path, "/proc/sysrq-trigger") == 0 || strncmp(path, "/sys/", 5) == 0)
		return PLACE_KERNEL;
	return begins(path, system_files) ? PLACE_BELOW : PLACE_OTHER;
}

struct place_data {
	const struct judge *judge;
	const char *cwd;
	struct path path;
	char text[WORD_MAX * 2];
};

static enum guard_place
judge_spelling(void *data, const struct spelling *word)
{
	struct place_data *place = data;
	const char *scope = place->judge->place->scope;
	struct path *path = &place->path;
	char *text = place->text;
	enum guard_place found = PLACE_OTHER;

	/* From within the scope only `..` leads out. */
	if (scope != NULL && place->cwd != NULL && is_in(place->cwd, scope) && word->len > 0 && word->marks[0] != AB_SHELL_HOME &&
	    word->text[0] != '/' && memmem(word->text, word->len, "..", 2) == NULL)
		return PLACE_OTHER;
	if (path_of(path, word, place->cwd)) {
		while (path->count > 0 && path->pattern[path->count - 1] && is_everything(path->part[path->count - 1]))
			path->count--;
		spell(path, path->count, text);
		if (path->home)
			found = path->above || path->count == 0 ? PLACE_ROOT : PLACE_OTHER;
		else if (scope != NULL && strcmp(text, scope) != 0 && (is_in(scope, text) || strcmp(text, "/") == 0))
			found = PLACE_ROOT;
		else if (scope == NULL || !is_in(text, scope))
			found = place_of_system(text, has_pattern(path));
	}
	return found;
}

/* Most words are short and lead nowhere. */
static bool
leads_nowhere(const struct call *call, const struct ab_shell_word *word)
{
	const char *text = call->judge->shell->text.data + word->text, *marks = call->judge->shell->marks.data + word->text;

	if (word->len == 0 || word->len >= WORD_MAX)
		return true;
	return strchr("/.~", text[0]) == NULL && memchr(text, '/', word->len) == NULL && memchr(marks, AB_SHELL_GLOB, word->len) == NULL &&
	    marks[0] != AB_SHELL_HOME && call->judge->cwd == NULL;
}

enum guard_place
guard_place(const struct call *call, const struct ab_shell_word *word)
{
	struct judge *judge = call->judge;
	const struct ab_shell *shell = judge->shell;
	unsigned left = BRACES_MAX;
	bool whole = word >= shell->word && word < shell->word + shell->word_count;

	if (leads_nowhere(call, word))
		return PLACE_OTHER;
	if (judge->places == NULL)
		judge->places = ab_calloc(shell->word_count, sizeof(*judge->places));
	if (whole && judge->places[word - shell->word] != 0)
		return (enum guard_place)(judge->places[word - shell->word] - 1);
	struct place_data *data = ab_reallocarray(NULL, 1, sizeof(*data));
	struct spelling *spelling = ab_reallocarray(NULL, 1, sizeof(*spelling));
	data->judge = judge;
	data->cwd = guard_cwd(judge, call->command->subshell);
	memcpy(spelling->text, shell->text.data + word->text, word->len);
	memcpy(spelling->marks, shell->marks.data + word->text, word->len);
	spelling->len = word->len;
	enum guard_place found = each_spelling(spelling, &left, judge_spelling, data);
	if (whole)
		judge->places[word - shell->word] = (uint8_t)(found + 1);
	free(spelling);
	free(data);
	return found;
}

bool
guard_holds_system(const char *dir)
{
	size_t len = strlen(dir);

	while (len > 0 && strchr("/\r", dir[len - 1]) != NULL)
		len--;
	for (const char *const *at = system_files; *at != NULL; at++)
		if (strlen(*at) == len + 1 && strncmp(*at, dir, len) == 0)
			return true;
	return false;
}

/* ---- the working directory ---- */

const char *
guard_cwd(const struct judge *judge, uint32_t subshell)
{
	while (judge->cwd != NULL && judge->cwd[subshell] == NULL && subshell != 0)
		subshell = judge->shell->subshell[subshell];
	if (judge->cwd != NULL && judge->cwd[subshell] != NULL)
		return judge->cwd[subshell];
	return judge->place->cwd != NULL ? judge->place->cwd : judge->place->scope;
}

char *
guard_change(const struct judge *judge, const char *cwd, const struct ab_shell_word *word)
{
	const struct ab_shell *shell = judge->shell;
	struct spelling *spelling = ab_reallocarray(NULL, 1, sizeof(*spelling));
	struct path *path = ab_reallocarray(NULL, 1, sizeof(*path));
	char *text = ab_reallocarray(NULL, 1, WORD_MAX * 2 + 1);

	text[0] = '\0';

	if (word->len > 0 && word->len < WORD_MAX) {
		memcpy(spelling->text, shell->text.data + word->text, word->len);
		memcpy(spelling->marks, shell->marks.data + word->text, word->len);
		spelling->len = word->len;
		if (path_of(path, spelling, cwd) && !has_pattern(path) && !path->above) {
			spell(path, path->count, text + path->home);
			if (path->home)
				text[0] = '~';
		}
	}
	free(spelling);
	free(path);
	return text;
}
