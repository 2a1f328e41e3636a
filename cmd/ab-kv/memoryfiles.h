/*
 * Files kept as keys, for memory.c: a file is a key, its path behind a prefix; a directory is what keys begin with, and is there as long as
 * a file is. Nothing here is a word that a model reads. Where nothing was ever stored (kv NULL) there are no files; what writes needs one.
 */
#ifndef AB_KV_MEMORYFILES_H
#define AB_KV_MEMORYFILES_H

#include "ab-kv.h"

#define MEMORY_ROOT "/memories"

struct memory_files {
	struct ab_kv *kv;
	struct ab_span ns;
	const char *prefix; /* of all keys; or NULL */
};

/* MEMORY_ROOT, or below it; without empty parts, "." and "..". */
bool memory_is_path(const char *path);

/* A file: 1 and its text (appended), 0, -1. version: for memory_write(). */
int memory_read(const struct memory_files *files, const char *path, struct ab_buf *text, int64_t *version, struct ab_error *err) AB_MUST_USE;
/* A file's text, when nobody has changed it since that version (0: when there is none): 1; 0: somebody has; -1. */
int memory_write(const struct memory_files *files, const char *path, const struct ab_buf *text, int64_t version, struct ab_error *err) AB_MUST_USE;
/* Whether a directory has this name, or a file one that its path would go through: 1, 0, -1. */
int memory_is_taken(const struct memory_files *files, const char *path, struct ab_error *err) AB_MUST_USE;

struct memory_file {
	char *path;
	int64_t size;
};
struct memory_listing {
	size_t prefix_len;
	struct memory_file *file;
	size_t count;
};
/* All files below a directory, in order. Released also after a failure. */
int memory_list(const struct memory_files *files, const char *dir, struct memory_listing *listing, struct ab_error *err) AB_MUST_USE;
void memory_listing_release(struct memory_listing *listing);
#define AUTO_LISTING AB_CLEANUP(memory_listing_release)

/* A file, or all below a directory: deleted, or under another name, where nothing is. count: how many files it was. -1: some may have gone,
 * and the caller undoes all. */
int memory_delete(const struct memory_files *files, const char *path, size_t *count, struct ab_error *err) AB_MUST_USE;
int memory_rename(const struct memory_files *files, const char *from, const char *to, size_t *count, struct ab_error *err) AB_MUST_USE;

#endif
