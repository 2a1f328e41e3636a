/*
 * memory-tool: the memory of Claude models (tool type memory_20250818) as keys. A file is a key, its path; a directory is what keys
 * begin with. The texts are those that models were taught, word by word:
 * platform.claude.com/docs/en/agents-and-tools/tool-use/memory-tool
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ab-kv.h"
#include "core/io.h"
#include "core/mem.h"

#define ROOT "/memories"
#define LINES_MAX 999999
#define LEVELS 2	 /* that a directory's listing shows */
#define AROUND 4	 /* lines of a snippet above and below what was changed */
#define REQUEST_MAX ((size_t)80 << 20)
#define TRIES 100	 /* when others write the same file at the same time */

struct memory {
	struct ab_call *call;
	struct ab_kv *kv;
	struct ab_span ns;
	const struct memory_params *params;
	struct ab_buf text; /* what the model is told */
	bool wrong;
};

/* Tell that it did not work. Always 0: the model is told, nothing has failed. */
static int AB_PRINTF(2, 3)
say_wrong(struct memory *memory, const char *fmt, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	ab_buf_truncate(&memory->text, 0);
	ab_buf_puts(&memory->text, text);
	free(text);
	memory->wrong = true;
	return 0;
}

static int
say_absent(struct memory *memory, const char *path)
{
	return say_wrong(memory, "Error: The path %s does not exist. Please provide a valid path.", path);
}

/* ---- paths ---- */

/* /memories, or below it; without empty parts, "." and "..". */
static bool
is_path(const char *path)
{
	const char *part = path;

	if (strncmp(path, ROOT, strlen(ROOT)) != 0 || (path[strlen(ROOT)] != '\0' && path[strlen(ROOT)] != '/') || strlen(path) > AB_KEY_MAX)
		return false;
	while ((part = strchr(part, '/')) != NULL) {
		size_t len = strcspn(++part, "/");
		if (len == 0 || (len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.'))
			return false;
	}
	return true;
}

/* "/memories/" is "/memories"; NULL when it is no path, and the model is told. The caller frees. */
static char *
take_path(struct memory *memory, const char *path, const char *field)
{
	if (path == NULL) {
		(void)say_wrong(memory, "Error: The parameter `%s` is missing.", field);
		return NULL;
	}
	AB_AUTO_FREE char *own = ab_strdup(path);
	size_t len = strlen(own);
	if (len > 1 && own[len - 1] == '/')
		own[len - 1] = '\0';
	if (!is_path(own)) {
		(void)say_wrong(memory, "Error: The path %s is not within " ROOT ". Please provide a valid path.", path);
		return NULL;
	}
	return ab_steal(&own);
}

/* The key of a path: behind what --prefix says. The caller frees. */
static char *
key_of(const struct memory *memory, const char *path)
{
	return ab_asprintf("%s%s", memory->params->prefix != NULL ? memory->params->prefix : "", path);
}

/* A file: 1 and its text, 0, -1. */
static int
read_file(struct memory *memory, const char *path, struct ab_buf *text, int64_t *version, struct ab_error *err)
{
	AB_AUTO_FREE char *key = key_of(memory, path);
	struct ab_entry entry;
	int found = memory->kv == NULL ? 0 : ab_kv_get(memory->kv, memory->ns, kv_span(key), &entry, text, err);

	if (found > 0)
		*version = entry.seq;
	return found;
}

/* ---- directories ---- */

struct entry {
	char *path;
	int64_t size;
};

struct listing {
	size_t prefix_len;
	struct entry *entry;
	size_t count;
};

static int
add_entry(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	struct listing *listing = data;

	(void)value, (void)err;
	listing->entry = ab_reallocarray(listing->entry, listing->count + 1, sizeof(*listing->entry));
	listing->entry[listing->count++] = (struct entry){ .path = ab_strndup(entry->key.data + listing->prefix_len, entry->key.len - listing->prefix_len),
		.size = entry->size };
	return 0;
}

static void
listing_release(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->entry[i].path);
	free(listing->entry);
}

/* All files below a directory, in order. */
static int
list_files(struct memory *memory, const char *dir, struct listing *listing, struct ab_error *err)
{
	AB_AUTO_FREE char *below = ab_asprintf("%s/", dir);
	AB_AUTO_FREE char *prefix = key_of(memory, below);
	struct ab_range range = { .ns = memory->ns, .prefix = kv_span(prefix) };

	*listing = (struct listing){ .prefix_len = strlen(prefix) - strlen(below) };
	return memory->kv == NULL ? 0 : ab_kv_range(memory->kv, &range, add_entry, listing, err);
}

static void
add_size(struct ab_buf *text, int64_t size)
{
	if (size < 1024)
		ab_buf_printf(text, "%lld\t", (long long)size);
	else if (size < 1024 * 1024)
		ab_buf_printf(text, "%.1fK\t", (double)size / 1024);
	else
		ab_buf_printf(text, "%.1fM\t", (double)size / (1024 * 1024));
}

/* Hidden ones and node_modules are not shown, nor what lies in them. */
static bool
is_hidden(const char *rest)
{
	for (const char *part = rest; part != NULL; part = strchr(part, '/')) {
		part += *part == '/';
		if (part[0] == '.' || (strncmp(part, "node_modules", 12) == 0 && (part[12] == '/' || part[12] == '\0')))
			return true;
	}
	return false;
}

static int64_t
size_below(const struct listing *listing, const char *dir, size_t len)
{
	int64_t size = 0;

	for (size_t i = 0; i < listing->count; i++)
		if (strncmp(listing->entry[i].path, dir, len) == 0 && listing->entry[i].path[len] == '/')
			size += listing->entry[i].size;
	return size;
}

/* The directories that begin with a path's part, each once, and the path itself: as deep as is shown. */
static void
tell_path(struct memory *memory, const struct listing *listing, const char *dir, const char *path, int64_t size, struct ab_buf *last)
{
	const char *rest = path + strlen(dir) + 1, *slash = rest;

	for (int level = 1; level <= LEVELS; level++, slash++) {
		slash = strchr(slash, '/');
		size_t len = slash != NULL ? (size_t)(slash - path) : strlen(path);
		bool told = last->len >= len && memcmp(last->data, path, len) == 0 && (last->len == len || last->data[len] == '/');
		if (!told) {
			add_size(&memory->text, slash != NULL ? size_below(listing, path, len) : size);
			ab_buf_put(&memory->text, path, len);
			ab_buf_putc(&memory->text, '\n');
		}
		if (slash == NULL)
			break;
	}
	ab_buf_truncate(last, 0);
	ab_buf_puts(last, path);
}

static int
view_directory(struct memory *memory, const char *dir, struct ab_error *err)
{
	AB_CLEANUP(listing_release) struct listing listing = { .entry = NULL };
	AB_AUTO_BUF struct ab_buf last = AB_BUF_INIT(SIZE_MAX / 2);

	if (list_files(memory, dir, &listing, err) < 0)
		return -1;
	if (listing.count == 0 && strcmp(dir, ROOT) != 0)
		return say_wrong(memory, "The path %s does not exist. Please provide a valid path.", dir);
	ab_buf_printf(&memory->text, "Here're the files and directories up to 2 levels deep in %s, excluding hidden items and node_modules:\n", dir);
	add_size(&memory->text, size_below(&listing, dir, strlen(dir)));
	ab_buf_printf(&memory->text, "%s\n", dir);
	for (size_t i = 0; i < listing.count; i++)
		if (!is_hidden(listing.entry[i].path + strlen(dir) + 1))
			tell_path(memory, &listing, dir, listing.entry[i].path, listing.entry[i].size, &last);
	ab_buf_truncate(&memory->text, memory->text.len - 1);
	return 0;
}

/* ---- lines ---- */

static int64_t
count_lines(const struct ab_buf *text)
{
	int64_t lines = text->len > 0 && text->data[text->len - 1] != '\n';

	for (size_t i = 0; i < text->len; i++)
		lines += text->data[i] == '\n';
	return lines;
}

/* Lines from one on up to another (from 1; both are told), each with its number. */
static void
add_lines(struct ab_buf *out, const struct ab_buf *text, int64_t from, int64_t to)
{
	const char *at = text->data, *end = text->len > 0 ? text->data + text->len : at;

	for (int64_t number = 1; at < end && number <= to; number++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline != NULL ? newline : end;
		if (number >= from) {
			ab_buf_printf(out, "%6lld\t", (long long)number);
			ab_buf_put(out, at, (size_t)(stop - at));
			ab_buf_putc(out, '\n');
		}
		at = newline != NULL ? newline + 1 : end;
	}
	if (out->len > 0 && out->data[out->len - 1] == '\n')
		ab_buf_truncate(out, out->len - 1);
}

static int
view(struct memory *memory, struct ab_error *err)
{
	AB_AUTO_FREE char *path = take_path(memory, memory->params->path, "path");
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);
	const struct ab_value *range = memory->params->view_range;
	int64_t version, from = 1, to = INT64_MAX;

	if (path == NULL)
		return 0;
	int found = read_file(memory, path, &text, &version, err);
	if (found <= 0)
		return found < 0 ? -1 : view_directory(memory, path, err);
	if (count_lines(&text) > LINES_MAX)
		return say_wrong(memory, "File %s exceeds maximum line limit of 999,999 lines.", path);
	if (ab_value_kind(range) != AB_VALUE_NULL) {
		const struct ab_value *first = ab_value_at(range, 0), *second = ab_value_at(range, 1);
		if (ab_value_count(range) != 2 || ab_value_kind(first) != AB_VALUE_INTEGER || ab_value_kind(second) != AB_VALUE_INTEGER)
			return say_wrong(memory, "Error: Invalid `view_range` parameter: it should be two numbers of lines, [start, end].");
		from = ab_value_integer(first);
		to = ab_value_integer(second) == -1 ? INT64_MAX : ab_value_integer(second);
		if (from < 1 || to < from)
			return say_wrong(memory, "Error: Invalid `view_range` parameter: [%lld, %lld]. Lines are numbered from 1, and the end is -1 or not before the start.",
			    (long long)from, (long long)ab_value_integer(second));
	}
	ab_buf_printf(&memory->text, "Here's the content of %s with line numbers:\n", path);
	add_lines(&memory->text, &text, from, to);
	return 0;
}

/* ---- changes ---- */

/* Put a file's text when nobody has changed it since: 1; 0: somebody has. */
static int
write_file(struct memory *memory, const char *path, const struct ab_buf *text, int64_t version, struct ab_error *err)
{
	AB_AUTO_FREE char *key = key_of(memory, path);
	const struct ab_kv_condition condition = { .version = version };
	struct ab_entry entry;

	if (ab_kv_check_key(kv_span(key), err) < 0) /* behind --prefix, or renamed with its directory */
		return -1;
	if (ab_kv_put(memory->kv, memory->ns, kv_span(key), (struct ab_span){ text->data, text->len }, AB_UNSET, &condition, &entry, err) == 0)
		return 1;
	if (err->code != AB_E_CONFLICT)
		return -1;
	*err = (struct ab_error)AB_ERROR_INIT;
	return 0;
}

/* Whether a directory has this name, or a file one that its path would go through: 1, 0, -1. */
static int
is_in_the_way(struct memory *memory, const char *path, struct ab_error *err)
{
	AB_CLEANUP(listing_release) struct listing listing = { .entry = NULL };
	AB_AUTO_FREE char *above = ab_strdup(path);
	struct ab_entry entry;

	if (strcmp(path, ROOT) == 0)
		return 1;
	if (list_files(memory, path, &listing, err) < 0)
		return -1;
	if (listing.count > 0)
		return 1;
	for (char *slash = strrchr(above, '/'); slash != NULL && slash > above + strlen(ROOT); slash = strrchr(above, '/')) {
		*slash = '\0';
		AB_AUTO_FREE char *key = key_of(memory, above);
		int found = ab_kv_get(memory->kv, memory->ns, kv_span(key), &entry, NULL, err);
		if (found != 0)
			return found;
	}
	return 0;
}

static int
create(struct memory *memory, struct ab_error *err)
{
	AB_AUTO_FREE char *path = take_path(memory, memory->params->path, "path");
	const char *file_text = memory->params->file_text;

	if (path == NULL)
		return 0;
	if (file_text == NULL)
		return say_wrong(memory, "Error: The parameter `file_text` is missing.");
	int in_the_way = is_in_the_way(memory, path, err);
	if (in_the_way < 0)
		return -1;
	const struct ab_buf text = { .data = (char *)(uintptr_t)file_text, .len = strlen(file_text), .max = SIZE_MAX / 2 };
	int put = in_the_way > 0 ? 0 : write_file(memory, path, &text, 0, err);
	if (put < 0)
		return -1;
	if (put == 0)
		return say_wrong(memory, "Error: File %s already exists", path);
	ab_buf_printf(&memory->text, "File created successfully at: %s", path);
	return 0;
}

/* The numbers of the lines in which a text begins, and how often it is there. */
static size_t
find_all(const struct ab_buf *text, const char *what, struct ab_buf *lines)
{
	size_t count = 0, len = strlen(what);
	int64_t line = 1;
	const char *at = text->data, *end = at != NULL ? at + text->len : at, *next;

	for (; at < end && (next = memmem(at, (size_t)(end - at), what, len)) != NULL; at = next + len) {
		for (const char *byte = at; byte < next; byte++)
			line += *byte == '\n';
		ab_buf_printf(lines, "%s%lld", count > 0 ? ", " : "", (long long)line);
		for (size_t i = 0; i < len; i++)
			line += what[i] == '\n';
		count++;
	}
	return count;
}

static void
tell_edited(struct memory *memory, const struct ab_buf *text, size_t at, size_t len)
{
	int64_t first = 1, lines = 0;

	for (size_t i = 0; i < at; i++)
		first += text->data[i] == '\n';
	for (size_t i = at; i < at + len; i++)
		lines += text->data[i] == '\n';
	ab_buf_truncate(&memory->text, 0);
	ab_buf_puts(&memory->text, "The memory file has been edited.\n");
	add_lines(&memory->text, text, first > AROUND ? first - AROUND : 1, first + lines + AROUND);
}

/* Once: 1 done (or told that it is wrong), 0 somebody else was faster. */
static int
replace_once(struct memory *memory, const char *path, struct ab_error *err)
{
	const char *old_str = memory->params->old_str, *new_str = memory->params->new_str != NULL ? memory->params->new_str : "";
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_BUF struct ab_buf edited = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_BUF struct ab_buf lines = AB_BUF_INIT(SIZE_MAX / 2);
	int64_t version;
	int found = read_file(memory, path, &text, &version, err);

	if (found <= 0)
		return found < 0 ? -1 : (say_absent(memory, path), 1);
	size_t count = find_all(&text, old_str, &lines);
	if (count == 0)
		return say_wrong(memory, "No replacement was performed, old_str `%s` did not appear verbatim in %s.", old_str, path), 1;
	if (count > 1)
		return say_wrong(memory, "No replacement was performed. Multiple occurrences of old_str `%s` in lines: %s. Please ensure it is unique", old_str,
			   lines.data), 1;
	size_t at = (size_t)((const char *)memmem(text.data, text.len, old_str, strlen(old_str)) - text.data);
	ab_buf_put(&edited, text.data, at);
	ab_buf_puts(&edited, new_str);
	ab_buf_put(&edited, text.data + at + strlen(old_str), text.len - at - strlen(old_str));
	int put = write_file(memory, path, &edited, version, err);
	if (put > 0)
		tell_edited(memory, &edited, at, strlen(new_str));
	return put;
}

static int
insert_once(struct memory *memory, const char *path, struct ab_error *err)
{
	const char *insert_text = memory->params->insert_text;
	const int64_t line = memory->params->insert_line;
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_BUF struct ab_buf edited = AB_BUF_INIT(SIZE_MAX / 2);
	int64_t version;
	int found = read_file(memory, path, &text, &version, err);
	size_t at = 0;

	if (found <= 0)
		return found < 0 ? -1 : (say_absent(memory, path), 1);
	const int64_t lines = count_lines(&text);
	if (line < 0 || line > lines)
		return say_wrong(memory, "Error: Invalid `insert_line` parameter: %lld. It should be within the range of lines of the file: [0, %lld]",
			   (long long)line, (long long)lines), 1;
	for (int64_t passed = 0; passed < line && at < text.len; at++)
		passed += text.data[at] == '\n';
	ab_buf_put(&edited, text.data, at);
	if (at > 0 && text.data[at - 1] != '\n')
		ab_buf_putc(&edited, '\n');
	ab_buf_puts(&edited, insert_text);
	if (insert_text[0] != '\0' && insert_text[strlen(insert_text) - 1] != '\n')
		ab_buf_putc(&edited, '\n');
	ab_buf_put(&edited, text.data + at, text.len - at);
	int put = write_file(memory, path, &edited, version, err);
	if (put > 0)
		ab_buf_printf(&memory->text, "The file %s has been edited.", path);
	return put;
}

static int
edit(struct memory *memory, int (*once)(struct memory *memory, const char *path, struct ab_error *err), struct ab_error *err)
{
	AB_AUTO_FREE char *path = take_path(memory, memory->params->path, "path");

	for (int i = 0; path != NULL && i < TRIES; i++) {
		int done = once(memory, path, err);
		if (done != 0)
			return done < 0 ? -1 : 0;
	}
	return path == NULL ? 0 : ab_fail(err, AB_E_BUSY, "\"%s\": others write it all the time", path);
}

static int
str_replace(struct memory *memory, struct ab_error *err)
{
	if (memory->params->old_str == NULL || memory->params->old_str[0] == '\0')
		return say_wrong(memory, "Error: The parameter `old_str` is missing.");
	return edit(memory, replace_once, err);
}

static int
insert(struct memory *memory, struct ab_error *err)
{
	if (memory->params->insert_text == NULL || memory->params->insert_line == AB_UNSET)
		return say_wrong(memory, "Error: The parameter `%s` is missing.", memory->params->insert_text == NULL ? "insert_text" : "insert_line");
	return edit(memory, insert_once, err);
}

/* A file, or all below a directory: deleted, or under another name. */
static int
each_of(struct memory *memory, const char *path, const char *renamed, size_t *count, struct ab_error *err)
{
	AB_CLEANUP(listing_release) struct listing listing = { .entry = NULL };
	const struct ab_kv_condition anyhow = AB_KV_ANYHOW;
	struct ab_entry entry;
	int64_t version;

	if (list_files(memory, path, &listing, err) < 0)
		return -1;
	listing.entry = ab_reallocarray(listing.entry, listing.count + 1, sizeof(*listing.entry));
	listing.entry[listing.count++] = (struct entry){ .path = ab_strdup(path) };
	for (size_t i = 0; i < listing.count; i++) {
		const char *from = listing.entry[i].path;
		AB_AUTO_FREE char *key = key_of(memory, from);
		AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);
		int found = read_file(memory, from, &text, &version, err);
		if (found > 0 && renamed != NULL) {
			AB_AUTO_FREE char *to = ab_asprintf("%s%s", renamed, from + strlen(path));
			int put = write_file(memory, to, &text, 0, err);
			if (put <= 0)
				return put < 0 ? -1 : ab_fail(err, AB_E_BUSY, "rename \"%s\": somebody else makes \"%s\" just now", path, to);
		}
		if (found < 0 || (found > 0 && ab_kv_delete(memory->kv, memory->ns, kv_span(key), &anyhow, &entry, err) < 0))
			return -1;
		*count += found > 0;
	}
	return 0;
}

static int
delete(struct memory *memory, struct ab_error *err)
{
	AB_AUTO_FREE char *path = take_path(memory, memory->params->path, "path");
	size_t count = 0;

	if (path == NULL)
		return 0;
	if (strcmp(path, ROOT) == 0)
		return say_wrong(memory, "Error: The " ROOT " directory itself cannot be deleted");
	if (each_of(memory, path, NULL, &count, err) < 0)
		return -1;
	if (count == 0)
		return say_wrong(memory, "Error: The path %s does not exist", path);
	ab_buf_printf(&memory->text, "Successfully deleted %s", path);
	return 0;
}

static int
rename_path(struct memory *memory, struct ab_error *err)
{
	AB_AUTO_FREE char *from = take_path(memory, memory->params->old_path, "old_path");
	AB_AUTO_FREE char *to = from == NULL ? NULL : take_path(memory, memory->params->new_path, "new_path");
	AB_AUTO_BUF struct ab_buf ignored = AB_BUF_INIT(SIZE_MAX / 2);
	size_t count = 0;
	int64_t version;

	if (to == NULL)
		return 0;
	if (strcmp(from, ROOT) == 0 || (strncmp(to, from, strlen(from)) == 0 && to[strlen(from)] == '/'))
		return say_wrong(memory, "Error: %s cannot be renamed to %s", from, to);
	int there = read_file(memory, to, &ignored, &version, err), in_the_way = there < 0 ? -1 : is_in_the_way(memory, to, err);
	if (in_the_way < 0)
		return -1;
	if (there > 0 || in_the_way > 0)
		return say_wrong(memory, "Error: The destination %s already exists", to);
	if (each_of(memory, from, to, &count, err) < 0)
		return -1;
	if (count == 0)
		return say_wrong(memory, "Error: The path %s does not exist", from);
	ab_buf_printf(&memory->text, "Successfully renamed %s to %s", from, to);
	return 0;
}

/* ---- the request ---- */

static const struct {
	const char *name;
	int (*run)(struct memory *memory, struct ab_error *err);
	bool writes;
} commands[] = {
	{ "view", view, false }, { "create", create, true }, { "str_replace", str_replace, true }, { "insert", insert, true }, { "delete", delete, true },
	{ "rename", rename_path, true },
};

/* What the model said, from stdin: the tool's input, or the whole block {"type":"tool_use","input":…}. */
static int
read_request(struct memory_params *params, struct ab_value **document, struct ab_error *err)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(REQUEST_MAX);

	if (ab_read_all(STDIN_FILENO, &text, "stdin", err) < 0)
		return -1;
	*document = ab_value_parse(text.data != NULL ? text.data : "", text.len, err);
	if (*document == NULL)
		return -1;
	const struct ab_value *input = ab_value_get(*document, "input");
	if (input == NULL)
		input = *document;
	params->command = ab_value_get_string(input, "command", NULL);
	params->path = ab_value_get_string(input, "path", NULL);
	params->file_text = ab_value_get_string(input, "file_text", NULL);
	params->old_str = ab_value_get_string(input, "old_str", NULL);
	params->new_str = ab_value_get_string(input, "new_str", NULL);
	params->insert_text = ab_value_get_string(input, "insert_text", NULL);
	params->old_path = ab_value_get_string(input, "old_path", NULL);
	params->new_path = ab_value_get_string(input, "new_path", NULL);
	params->insert_line = ab_value_get_integer(input, "insert_line", AB_UNSET);
	params->view_range = ab_value_get(input, "view_range");
	return params->command != NULL ? 0 : ab_fail(err, AB_E_INPUT_INVALID, "\"command\" is missing");
}

static int
do_command(struct memory *memory, struct ab_error *err)
{
	struct ab_call *call = memory->call;

	for (size_t i = 0; i < AB_COUNT_OF(commands); i++) {
		if (strcmp(commands[i].name, memory->params->command) != 0)
			continue;
		if (kv_open(call, &memory->params->where, commands[i].writes, &memory->kv, &memory->ns, err) < 0)
			return -1;
		if (!commands[i].writes)
			return commands[i].run(memory, err);
		/* A directory goes with all that is in it, or stays: what came before in a group is not undone with it. */
		ab_call_settle(call);
		ab_kv_group(memory->kv);
		if (commands[i].run(memory, err) < 0) {
			ab_kv_abandon(memory->kv);
			return -1;
		}
		return ab_call_is_batch(call) ? 0 : ab_kv_settle(memory->kv, err);
	}
	return say_wrong(memory, "Error: Unknown command: %s", memory->params->command);
}

int
memory_operation(struct ab_call *call, void *data, struct ab_error *err)
{
	struct memory memory = { .call = call, .params = data, .text = AB_BUF_INIT(SIZE_MAX / 2) };
	AB_AUTO_VALUE struct ab_value *document = NULL;
	struct memory_params *params = data;

	if (params->command == NULL && ab_call_is_batch(call))
		return ab_fail(err, AB_E_INPUT_INVALID, "\"command\" is missing");
	if (params->command == NULL && read_request(params, &document, err) < 0)
		return -1;
	int status = do_command(&memory, err);
	if (status == 0 && ab_call_json(call)) {
		struct ab_json *json = ab_call_record(call);
		ab_json_bytes(json, "content", memory.text.data != NULL ? memory.text.data : "", memory.text.len);
		ab_json_boolean(json, "is_error", memory.wrong);
		ab_call_record_end(call);
	} else if (status == 0) {
		ab_buf_putc(&memory.text, '\n');
		ab_call_bytes(call, memory.text.data, memory.text.len);
	}
	if (status == 0 && memory.wrong)
		ab_call_exit_status(call, 1);
	ab_buf_release(&memory.text);
	return status < 0 ? -1 : AB_DONE;
}
