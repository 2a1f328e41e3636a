/* Files kept as keys. */
#include "memoryfiles.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

bool
memory_is_path(const char *path)
{
	const size_t root_len = strlen(MEMORY_ROOT);
	const char *part = path;

	if (strncmp(path, MEMORY_ROOT, root_len) != 0 || (path[root_len] != '\0' && path[root_len] != '/') || strlen(path) > AB_KEY_MAX)
		return false;
	while ((part = strchr(part, '/')) != NULL) {
		size_t len = strcspn(++part, "/");
		if (len == 0 || (len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.'))
			return false;
	}
	return true;
}

/* The key of a path: behind what --prefix says. The caller frees. */
static char *
key_of(const struct memory_files *files, const char *path)
{
	return ab_asprintf("%s%s", files->prefix != NULL ? files->prefix : "", path);
}

int
memory_read(const struct memory_files *files, const char *path, struct ab_buf *text, int64_t *version, struct ab_error *err)
{
	AB_AUTO_FREE char *key = key_of(files, path);
	struct ab_entry entry;
	int found = files->kv == NULL ? 0 : ab_kv_get(files->kv, files->ns, kv_span(key), &entry, text, err);

	if (found > 0)
		*version = entry.seq;
	return found;
}

static int
add_entry(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	struct memory_listing *listing = data;

	(void)value, (void)err;
	listing->file = ab_reallocarray(listing->file, listing->count + 1, sizeof(*listing->file));
	listing->file[listing->count++] = (struct memory_file){ .path = ab_strndup(entry->key.data + listing->prefix_len, entry->key.len - listing->prefix_len),
		.size = entry->size };
	return 0;
}

void
memory_listing_release(struct memory_listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->file[i].path);
	free(listing->file);
}

int
memory_list(const struct memory_files *files, const char *dir, struct memory_listing *listing, struct ab_error *err)
{
	AB_AUTO_FREE char *below = ab_asprintf("%s/", dir);
	AB_AUTO_FREE char *prefix = key_of(files, below);
	struct ab_range range = { .ns = files->ns, .prefix = kv_span(prefix) };

	*listing = (struct memory_listing){ .prefix_len = strlen(prefix) - strlen(below) };
	return files->kv == NULL ? 0 : ab_kv_range(files->kv, &range, add_entry, listing, err);
}

int
memory_write(const struct memory_files *files, const char *path, const struct ab_buf *text, int64_t version, struct ab_error *err)
{
	AB_AUTO_FREE char *key = key_of(files, path);
	const struct ab_kv_condition condition = { .version = version };
	struct ab_entry entry;

	if (ab_kv_check_key(kv_span(key), err) < 0) /* behind --prefix, or renamed with its directory */
		return -1;
	if (ab_kv_put(files->kv, files->ns, kv_span(key), (struct ab_span){ text->data, text->len }, AB_UNSET, &condition, &entry, err) == 0)
		return 1;
	if (err->code != AB_E_CONFLICT)
		return -1;
	*err = (struct ab_error)AB_ERROR_INIT;
	return 0;
}

int
memory_is_taken(const struct memory_files *files, const char *path, struct ab_error *err)
{
	AUTO_LISTING struct memory_listing listing = { .file = NULL };
	AB_AUTO_FREE char *above = ab_strdup(path);
	struct ab_entry entry;

	if (strcmp(path, MEMORY_ROOT) == 0)
		return 1;
	if (memory_list(files, path, &listing, err) < 0)
		return -1;
	if (listing.count > 0)
		return 1;
	for (char *slash = strrchr(above, '/'); slash != NULL && slash > above + strlen(MEMORY_ROOT); slash = strrchr(above, '/')) {
		*slash = '\0';
		AB_AUTO_FREE char *key = key_of(files, above);
		int found = ab_kv_get(files->kv, files->ns, kv_span(key), &entry, NULL, err);
		if (found != 0)
			return found;
	}
	return 0;
}

/* renamed: NULL when they are only deleted. */
static int
each_of(const struct memory_files *files, const char *path, const char *renamed, size_t *count, struct ab_error *err)
{
	AUTO_LISTING struct memory_listing listing = { .file = NULL };
	const struct ab_kv_condition anyhow = AB_KV_ANYHOW;
	struct ab_entry entry;
	int64_t version;

	if (memory_list(files, path, &listing, err) < 0)
		return -1;
	listing.file = ab_reallocarray(listing.file, listing.count + 1, sizeof(*listing.file));
	listing.file[listing.count++] = (struct memory_file){ .path = ab_strdup(path) };
	for (size_t i = 0; i < listing.count; i++) {
		const char *from = listing.file[i].path;
		AB_AUTO_FREE char *key = key_of(files, from);
		AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);
		int found = memory_read(files, from, &text, &version, err);
		if (found > 0 && renamed != NULL) {
			AB_AUTO_FREE char *to = ab_asprintf("%s%s", renamed, from + strlen(path));
			int put = memory_write(files, to, &text, 0, err);
			if (put <= 0)
				return put < 0 ? -1 : ab_fail(err, AB_E_BUSY, "rename \"%s\": somebody else makes \"%s\" just now", path, to);
		}
		if (found < 0 || (found > 0 && ab_kv_delete(files->kv, files->ns, kv_span(key), &anyhow, &entry, err) < 0))
			return -1;
		*count += found > 0;
	}
	return 0;
}

int
memory_delete(const struct memory_files *files, const char *path, size_t *count, struct ab_error *err)
{
	return each_of(files, path, NULL, count, err);
}

int
memory_rename(const struct memory_files *files, const char *from, const char *to, size_t *count, struct ab_error *err)
{
	return each_of(files, from, to, count, err);
}
