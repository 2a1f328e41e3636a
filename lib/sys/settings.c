/* A scope's file: AB_HOME/scopes/NAME.json, outside the scope. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "core/io.h"
#include "core/text.h"
#include "sys/home.h"
#include "sys/path.h"
#include "sys/scope.h"

#define FILE_BYTES_MAX (1024 * 1024)
#define PLAIN_NAME_MAX 230 /* a longer encoded path becomes a hash and its tail; NAME_MAX is 255 */
#define TAIL_BYTES 150
#define UNFINISHED_S 60 /* a file that is being written has its name within milliseconds */

/* Members that are integers, and those that are strings. */
static const struct {
	const char *name;
	size_t offset;
} integers[] = {
	{ "timeout_ms", offsetof(struct ab_scope_settings, limits.timeout_ms) },
	{ "idle_timeout_ms", offsetof(struct ab_scope_settings, limits.idle_timeout_ms) },
	{ "memory_bytes", offsetof(struct ab_scope_settings, limits.memory_bytes) },
	{ "cpu_time_ms", offsetof(struct ab_scope_settings, limits.cpu_time_ms) },
	{ "pids", offsetof(struct ab_scope_settings, limits.pids) },
	{ "file_size_bytes", offsetof(struct ab_scope_settings, limits.file_size_bytes) },
}, strings[] = {
	{ "kind", offsetof(struct ab_scope_settings, kind) },
	{ "description", offsetof(struct ab_scope_settings, description) },
	{ "net", offsetof(struct ab_scope_settings, net) },
	{ "isolation", offsetof(struct ab_scope_settings, isolation) },
}, flags[] = {
	{ "protect", offsetof(struct ab_scope_settings, protect) },
	{ "guard", offsetof(struct ab_scope_settings, guard) },
};

static void *
member(const struct ab_scope_settings *settings, size_t offset)
{
	return (char *)(uintptr_t)settings + offset;
}

void
ab_scope_settings_init(struct ab_scope_settings *settings)
{
	*settings = (struct ab_scope_settings){ .protect = AB_MAYBE, .guard = AB_MAYBE };
	settings->limits.grace_ms = AB_UNSET;
	for (size_t i = 0; i < AB_COUNT_OF(integers); i++)
		*(int64_t *)member(settings, integers[i].offset) = AB_UNSET;
}

void
ab_scope_settings_release(struct ab_scope_settings *settings)
{
	ab_strv_free(settings->env.name);
	ab_strv_free(settings->env.value);
	ab_strv_free(settings->read.item);
	ab_strv_free(settings->write.item);
	for (size_t i = 0; i < AB_COUNT_OF(strings); i++)
		free(*(char **)member(settings, strings[i].offset));
	free(settings->log);
	ab_scope_settings_init(settings);
}

/* ---- names of files ---- */

/* FNV-1a, 128 bits (draft-eastlake-fnv). No defence against somebody who looks for collisions: the file holds the path itself. */
static void
hash_path(const char *path, char hex[static 33])
{
	static const char digit[] = "0123456789abcdef";
	unsigned __int128 hash = ((unsigned __int128)0x6c62272e07bb0142 << 64) | 0x62b821756295c58d;
	const unsigned __int128 prime = ((unsigned __int128)1 << 88) | 0x13b;

	for (const char *at = path; *at != '\0'; at++)
		hash = (hash ^ (unsigned char)*at) * prime;
	for (int i = 0; i < 32; i++)
		hex[i] = digit[(unsigned)(hash >> (124 - 4 * i)) & 15];
	hex[32] = '\0';
}

static bool
plain(char byte)
{
	return (unsigned char)byte >= 0x80 || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	    (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("._-+@,=", byte) != NULL);
}

char *
ab_scope_settings_file(const char *path)
{
	struct ab_buf name AB_AUTO_BUF = AB_BUF_INIT(3 * strlen(path) + 64);
	char hex[33];

	for (const char *at = path; *at != '\0'; at++) {
		if (plain(*at))
			ab_buf_putc(&name, *at);
		else
			ab_buf_printf(&name, "%%%02X", (unsigned)(unsigned char)*at);
	}
	if (name.len > PLAIN_NAME_MAX) {
		/* From a '%' on, so that no character is cut; a name with no '%' in its tail gets none. */
		const char *tail = memchr(name.data + name.len - TAIL_BYTES, '%', TAIL_BYTES);
		AB_AUTO_FREE char *kept = ab_strdup(tail == NULL ? "" : tail);
		hash_path(path, hex);
		ab_buf_truncate(&name, 0);
		ab_buf_printf(&name, "~%s%s", hex, kept);
	}
	ab_buf_puts(&name, ".json");
	return ab_buf_take(&name);
}

/* AB_HOME/scopes for reading: a descriptor, -1 with *absent when there is none. */
static int
open_scopes(bool *absent, struct ab_error *err)
{
	AB_AUTO_FREE char *home = ab_home_path(false, err);

	*absent = false;
	if (home == NULL)
		return -1;
	AB_AUTO_FREE char *path = ab_asprintf("%s/scopes", home);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*absent = fd < 0 && errno == ENOENT;
	return fd >= 0 || *absent ? fd : ab_fail_errno(err, errno, "open \"%s\"", path);
}

/* ---- reading ---- */

static int
corrupt(struct ab_error *err, const char *path, const char *what)
{
	AB_AUTO_FREE char *name = ab_scope_settings_file(path);

	return ab_fail(err, AB_E_CORRUPT, "settings of scope \"%.300s\" (scopes/%.100s): %.60s", path, name, what);
}

/* A string, or {"base64":…}: a heap string, or NULL when it is neither or holds NUL. */
static char *
bytes_of(const struct ab_value *value)
{
	size_t len = 0;

	if (ab_value_kind(value) == AB_VALUE_STRING) {
		const char *text = ab_value_string(value, &len);
		return memchr(text, '\0', len) == NULL ? ab_strndup(text, len) : NULL;
	}
	const struct ab_value *encoded = ab_value_get(value, "base64");
	if (encoded == NULL || ab_value_kind(encoded) != AB_VALUE_STRING)
		return NULL;
	const char *text = ab_value_string(encoded, &len);
	struct ab_buf buf AB_AUTO_BUF = AB_BUF_INIT(len);
	if (!ab_base64_decode(&buf, text, len) || memchr(buf.data == NULL ? "" : buf.data, '\0', buf.len) != NULL)
		return NULL;
	return ab_buf_take(&buf);
}

static bool
read_map(const struct ab_value *value, struct ab_map *map)
{
	size_t names = 0, values = 0;
	const char *name;
	const struct ab_value *item;

	if (ab_value_kind(value) != AB_VALUE_OBJECT)
		return false;
	for (void *at = NULL; (at = ab_value_next(value, at, &name, &item)) != NULL;) {
		AB_AUTO_FREE char *text = bytes_of(item);
		if (text == NULL)
			return false;
		ab_strv_push(&map->name, &names, name);
		ab_strv_push(&map->value, &values, text);
		map->count = names;
	}
	return true;
}

static bool
read_list(const struct ab_value *value, struct ab_list *list)
{
	if (ab_value_kind(value) != AB_VALUE_ARRAY)
		return false;
	for (size_t i = 0; i < ab_value_count(value); i++) {
		AB_AUTO_FREE char *text = bytes_of(ab_value_at(value, i));
		if (text == NULL)
			return false;
		ab_strv_push(&list->item, &list->count, text);
	}
	return true;
}

/* One member: 1 read, 0 unknown, -1 of the wrong kind. */
static int
read_member(struct ab_scope_settings *settings, const char *name, const struct ab_value *value)
{
	enum ab_value_kind kind = ab_value_kind(value);

	for (size_t i = 0; i < AB_COUNT_OF(integers); i++)
		if (strcmp(name, integers[i].name) == 0) {
			if (kind != AB_VALUE_INTEGER || ab_value_integer(value) <= 0)
				return -1;
			*(int64_t *)member(settings, integers[i].offset) = ab_value_integer(value);
			return 1;
		}
	for (size_t i = 0; i < AB_COUNT_OF(strings); i++)
		if (strcmp(name, strings[i].name) == 0) {
			char *text = bytes_of(value);
			*(char **)member(settings, strings[i].offset) = text;
			return text != NULL ? 1 : -1;
		}
	for (size_t i = 0; i < AB_COUNT_OF(flags); i++)
		if (strcmp(name, flags[i].name) == 0) {
			if (kind != AB_VALUE_BOOLEAN || !ab_value_boolean(value))
				return -1; /* off is the same as not set, and is written so */
			*(int *)member(settings, flags[i].offset) = 1;
			return 1;
		}
	if (strcmp(name, "env") == 0)
		return read_map(value, &settings->env) ? 1 : -1;
	if (strcmp(name, "log") == 0)
		return (settings->log = bytes_of(value)) != NULL ? 1 : -1;
	if (strcmp(name, "read") == 0)
		return (settings->read_given = read_list(value, &settings->read)) ? 1 : -1;
	if (strcmp(name, "write") == 0)
		return (settings->write_given = read_list(value, &settings->write)) ? 1 : -1;
	return 0;
}

static int
read_document(const char *path, const struct ab_value *document, struct ab_scope_settings *settings, struct ab_error *err)
{
	const char *schema = ab_value_get_string(document, "schema", ""), *name;
	const struct ab_value *value, *own = ab_value_get(document, "path");

	if (ab_value_kind(document) != AB_VALUE_OBJECT)
		return corrupt(err, path, "not an object");
	if (strcmp(schema, AB_SCOPE_SCHEMA) != 0)
		return ab_fail(err, AB_E_VERSION_NEWER, "settings of scope \"%.300s\" have schema \"%.60s\", not " AB_SCOPE_SCHEMA, path, schema);
	AB_AUTO_FREE char *is = own == NULL ? NULL : bytes_of(own);
	if (is == NULL || strcmp(is, path) != 0)
		return corrupt(err, path, "it belongs to another path");
	for (void *at = NULL; (at = ab_value_next(document, at, &name, &value)) != NULL;) {
		if (strcmp(name, "schema") == 0 || strcmp(name, "path") == 0 || ab_value_kind(value) == AB_VALUE_NULL)
			continue;
		int status = read_member(settings, name, value);
		if (status < 0)
			return corrupt(err, path, name);
		/* An unknown member may be a ceiling: passing over it would loosen. */
		if (status == 0)
			return ab_fail(err, AB_E_VERSION_NEWER, "settings of scope \"%.300s\" hold \"%.60s\", which this version does not know", path, name);
	}
	return 0;
}

static int
load_from(int scopes_fd, const char *path, struct ab_scope_settings *settings, bool *exists, struct ab_error *err)
{
	AB_AUTO_FREE char *name = ab_scope_settings_file(path);
	AB_AUTO_CLOSE int fd = openat(scopes_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct ab_buf text AB_AUTO_BUF = AB_BUF_INIT(FILE_BYTES_MAX);

	*exists = fd >= 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : ab_fail_errno(err, errno, "open settings of scope \"%s\"", path);
	if (ab_read_all(fd, &text, name, err) != 0)
		return -1;
	struct ab_value *document AB_AUTO_VALUE = ab_value_parse(text.data == NULL ? "" : text.data, text.len, err);
	if (document == NULL)
		return corrupt(err, path, "not JSON");
	return read_document(path, document, settings, err);
}

int
ab_scope_settings_load(const char *path, struct ab_scope_settings *settings, bool *exists, struct ab_error *err)
{
	bool absent;
	AB_AUTO_CLOSE int fd = open_scopes(&absent, err);

	ab_scope_settings_init(settings);
	*exists = false;
	if (fd < 0)
		return absent ? 0 : -1;
	return load_from(fd, path, settings, exists, err);
}

int
ab_scope_settings_enclosing(const char *path, struct ab_scope_settings *settings, struct ab_error *err)
{
	bool absent, exists;
	AB_AUTO_CLOSE int fd = open_scopes(&absent, err);
	AB_AUTO_FREE char *upper = ab_strdup(path);

	ab_scope_settings_init(settings);
	if (fd < 0)
		return absent ? 0 : -1;
	for (char *slash; (slash = strrchr(upper, '/')) != NULL && slash != upper;) {
		struct ab_scope_settings outer;
		*slash = '\0';
		ab_scope_settings_init(&outer);
		int status = load_from(fd, upper, &outer, &exists, err);
		if (status == 0 && exists)
			ab_scope_settings_inherit(settings, &outer);
		ab_scope_settings_release(&outer);
		if (status != 0)
			return -1;
	}
	return 0;
}

/* ---- writing ---- */

int
ab_scope_settings_save(const char *path, const struct ab_scope_settings *settings, struct ab_error *err)
{
	AB_AUTO_CLOSE int fd = ab_home_dir("scopes", err);
	AB_AUTO_FREE char *name = ab_scope_settings_file(path);
	/* Generous: everything in it came from a command line or a request. */
	struct ab_buf text AB_AUTO_BUF = AB_BUF_INIT(64u * 1024 * 1024);
	struct ab_json json;

	if (fd < 0)
		return -1;
	ab_json_begin(&json, &text, AB_ENCODING_AUTO);
	ab_json_object(&json, NULL);
	ab_json_string(&json, "schema", AB_SCOPE_SCHEMA);
	ab_json_element(&json, "path", path, strlen(path));
	ab_scope_settings_print(settings, &json, true);
	ab_json_object_end(&json);
	ab_buf_putc(&text, '\n');
	if (text.len > FILE_BYTES_MAX)
		return ab_fail(err, AB_E_INPUT_TOO_LONG, "settings of scope \"%s\" would have %zu bytes, more than %d", path, text.len, FILE_BYTES_MAX);
	if (ab_write_file_atomic(fd, name, text.data, text.len, 0600, err) != 0) {
		ab_error_context(err, "save settings of scope \"%.200s\"", path);
		return -1;
	}
	return 0;
}

int
ab_scope_settings_remove(const char *path, struct ab_error *err)
{
	bool absent;
	AB_AUTO_CLOSE int fd = open_scopes(&absent, err);
	AB_AUTO_FREE char *name = ab_scope_settings_file(path);

	if (fd < 0)
		return absent ? 0 : -1;
	if (unlinkat(fd, name, 0) != 0 && errno != ENOENT)
		return ab_fail_errno(err, errno, "remove settings of scope \"%s\"", path);
	return 0;
}

void
ab_scope_settings_sweep(void)
{
	struct ab_error ignored = AB_ERROR_INIT;
	bool absent;
	int fd = open_scopes(&absent, &ignored);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct stat st;

	if (dir == NULL && fd >= 0)
		close(fd);
	if (dir == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (strncmp(entry->d_name, ".ab-", 4) != 0 || fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (time(NULL) - st.st_mtime >= UNFINISHED_S)
			(void)!unlinkat(fd, entry->d_name, 0);
	}
	closedir(dir);
}

int
ab_scope_settings_lock(struct ab_error *err)
{
	AB_AUTO_CLOSE int dir = ab_home_dir("scopes", err);

	if (dir < 0)
		return -1;
	AB_AUTO_CLOSE int fd = openat(dir, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return ab_fail_errno(err, errno, "open the lock of AB_HOME/scopes");
	while (flock(fd, LOCK_EX) != 0)
		if (errno != EINTR)
			return ab_fail_errno(err, errno, "lock AB_HOME/scopes");
	return ab_steal_fd(&fd);
}

static void
print_map(struct ab_json *json, const struct ab_map *map, bool with_values)
{
	if (!with_values) {
		ab_json_array(json, "env_names");
		for (size_t i = 0; i < map->count; i++)
			ab_json_string(json, NULL, map->name[i]);
		ab_json_array_end(json);
		return;
	}
	ab_json_object(json, "env");
	for (size_t i = 0; i < map->count; i++)
		ab_json_element(json, map->name[i], map->value[i], strlen(map->value[i]));
	ab_json_object_end(json);
}

static void
print_list(struct ab_json *json, const char *name, bool given, const struct ab_list *list)
{
	if (!given) {
		ab_json_null(json, name);
		return;
	}
	ab_json_array(json, name);
	for (size_t i = 0; i < list->count; i++)
		ab_json_element(json, NULL, list->item[i], strlen(list->item[i]));
	ab_json_array_end(json);
}

static void
print_text(struct ab_json *json, const char *name, const char *text)
{
	if (text == NULL)
		ab_json_null(json, name);
	else
		ab_json_element(json, name, text, strlen(text));
}

void
ab_scope_settings_print(const struct ab_scope_settings *settings, struct ab_json *json, bool with_values)
{
	for (size_t i = 0; i < AB_COUNT_OF(strings); i++)
		print_text(json, strings[i].name, *(char **)member(settings, strings[i].offset));
	print_list(json, "read", settings->read_given, &settings->read);
	print_list(json, "write", settings->write_given, &settings->write);
	for (size_t i = 0; i < AB_COUNT_OF(flags); i++) {
		if (*(int *)member(settings, flags[i].offset) == 1)
			ab_json_boolean(json, flags[i].name, true);
		else
			ab_json_null(json, flags[i].name);
	}
	for (size_t i = 0; i < AB_COUNT_OF(integers); i++) {
		int64_t value = *(int64_t *)member(settings, integers[i].offset);
		if (value == AB_UNSET)
			ab_json_null(json, integers[i].name);
		else
			ab_json_integer(json, integers[i].name, value);
	}
	print_text(json, "log", settings->log);
	print_map(json, &settings->env, with_values);
}

/* ---- all of them ---- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The path that a file belongs to, as the file says; NULL when it is none of ours. */
static char *
path_of_file(int scopes_fd, const char *name)
{
	struct ab_error ignored = AB_ERROR_INIT;
	struct ab_buf text AB_AUTO_BUF = AB_BUF_INIT(FILE_BYTES_MAX);
	size_t len = strlen(name);

	if (name[0] == '.' || len < 5 || strcmp(name + len - 5, ".json") != 0)
		return NULL;
	if (ab_read_file(scopes_fd, name, &text, &ignored) != 0)
		return NULL;
	struct ab_value *document AB_AUTO_VALUE = ab_value_parse(text.data == NULL ? "" : text.data, text.len, &ignored);
	const struct ab_value *path = document == NULL ? NULL : ab_value_get(document, "path");
	return path == NULL ? NULL : bytes_of(path);
}

char **
ab_scope_settings_list(const char *dir, struct ab_error *err)
{
	AB_AUTO_STRV char **paths = ab_calloc(1, sizeof(*paths));
	size_t count = 0;
	bool absent;
	int fd = open_scopes(&absent, err);

	if (fd < 0)
		return absent ? ab_steal(&paths) : NULL;
	DIR *stream = fdopendir(fd);
	if (stream == NULL) {
		ab_fail_errno(err, errno, "list AB_HOME/scopes");
		close(fd);
		return NULL;
	}
	for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
		AB_AUTO_FREE char *path = path_of_file(fd, entry->d_name);
		if (path != NULL && ab_path_below(path, dir))
			ab_strv_push(&paths, &count, path);
	}
	closedir(stream);
	if (count > 1)
		qsort(paths, count, sizeof(*paths), by_name);
	return ab_steal(&paths);
}
