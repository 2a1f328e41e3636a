/* For the tests of copies: a store's whole state as text, and a remote that is a directory, with the faults that are asked for. */
#ifndef AB_TEST_SYNC_HELP_H
#define AB_TEST_SYNC_HELP_H

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io.h"
#include "data/hash.h"
#include "data/kvcopy.h"
#include "data/sync.h"
#include "kv_help.h"

/* ---- a store as text ---- */

static inline int
add_line(void *data, int64_t seq, const char *text, size_t len, struct ab_error *err)
{
	(void)seq, (void)err;
	ab_buf_put(data, text, len);
	ab_buf_putc(data, '\n');
	return 0;
}

/* Everything that it holds, and its changes from after_seq on (INT64_MAX: without); the caller frees. */
static inline char *
text_of(struct ab_kv *kv, int64_t after_seq)
{
	struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;

	if (ab_kvcopy_all(kv, add_line, &text, &err) < 0 || (after_seq != INT64_MAX && ab_kvcopy_changes(kv, after_seq, add_line, &text, &err) < 0))
		ab_buf_printf(&text, "failed: %s", err.msg);
	return ab_buf_take(&text);
}

static inline bool
same_text(struct ab_kv *a, struct ab_kv *b, int64_t after_seq)
{
	AB_AUTO_FREE char *left = text_of(a, after_seq);
	AB_AUTO_FREE char *right = text_of(b, after_seq);

	if (strcmp(left, right) == 0)
		return true;
	printf("# one:\n%s# the other:\n%s", left, right);
	return false;
}

static inline int64_t
seq_of(struct ab_kv *kv)
{
	int64_t seq = -1;

	CHECK_INT(ab_kv_last_seq(kv, &seq, &last), 0);
	return seq;
}

/* ---- a remote ---- */

/* Objects are files of a directory; the etag is the hash. Before the call that is counted down to it fails, or afterwards. */
struct fake {
	char *root;
	int puts, gets, removes; /* that came */
	int fail_at;		 /* this many calls from now; 0: none */
	enum ab_errcode fail_code;
	bool fail_after; /* it happened, and the answer was lost */
	bool no_conditions;
	void (*before_head)(void); /* once, before the head is put */
	bool stale;		   /* the head before the last one is read */
	struct ab_buf older, newest;
};

static inline char *
object_path(const struct fake *fake, const char *name)
{
	char *path = ab_asprintf("%s/%s", fake->root, name);

	for (char *at = path + strlen(fake->root) + 1; *at != '\0'; at++)
		*at = *at == '/' ? '_' : *at;
	return path;
}

static inline bool
read_object(const struct fake *fake, const char *name, struct ab_buf *bytes)
{
	AB_AUTO_FREE char *path = object_path(fake, name);
	struct ab_error err = AB_ERROR_INIT;

	return ab_read_file(AT_FDCWD, path, bytes, &err) == 0;
}

static inline void
tell_object(const struct ab_buf *bytes, struct ab_syncobject *object)
{
	unsigned char hash[AB_SHA256_SIZE];

	ab_sha256(bytes->data != NULL ? bytes->data : "", bytes->len, hash);
	for (size_t i = 0; i < AB_SHA256_SIZE; i++)
		snprintf(object->sha256 + 2 * i, 3, "%02x", hash[i]);
	snprintf(object->etag, sizeof(object->etag), "\"%s\"", object->sha256);
	object->bytes = (int64_t)bytes->len;
}

static inline bool
fails_now(struct fake *fake, bool after)
{
	return fake->fail_at > 0 && fake->fail_after == after && --fake->fail_at == 0;
}

static inline int
fake_get(void *data, const char *name, const char *file, bool zstd, const char *sha256, int64_t most, struct ab_syncobject *object, struct ab_error *err)
{
	struct fake *fake = data;
	AB_AUTO_BUF struct ab_buf bytes = AB_BUF_INIT(SIZE_MAX / 2);

	(void)zstd;
	fake->gets++;
	if (fails_now(fake, false))
		return ab_fail(err, fake->fail_code, "get: broken");
	if (!read_object(fake, name, &bytes))
		return ab_fail(err, AB_E_NOT_FOUND, "no object \"%s\"", name);
	if (fake->stale && strcmp(name, AB_SYNC_HEAD) == 0) {
		ab_buf_truncate(&bytes, 0);
		ab_buf_put(&bytes, fake->older.data, fake->older.len);
	}
	tell_object(&bytes, object);
	if ((sha256 != NULL && strcmp(sha256, object->sha256) != 0) || object->bytes > most)
		return ab_fail(err, AB_E_CORRUPT, "\"%s\" is not what it was", name);
	return ab_write_file_atomic(AT_FDCWD, file, bytes.data, bytes.len, 0600, err);
}

static inline int
fake_put(void *data, const char *name, const char *file, bool zstd, const char *if_match, struct ab_syncobject *object, struct ab_error *err)
{
	struct fake *fake = data;
	AB_AUTO_BUF struct ab_buf bytes = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_BUF struct ab_buf there = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_FREE char *path = object_path(fake, name);
	struct ab_syncobject is;

	(void)zstd;
	fake->puts++;
	if (fails_now(fake, false))
		return ab_fail(err, fake->fail_code, "put: broken");
	if (strcmp(name, AB_SYNC_HEAD) == 0 && fake->before_head != NULL) {
		void (*before)(void) = fake->before_head;
		fake->before_head = NULL;
		before();
	}
	bool exists = read_object(fake, name, &there);
	tell_object(&there, &is);
	if (if_match != NULL && !fake->no_conditions && (if_match[0] == '\0' ? exists : !exists || strcmp(if_match, is.etag) != 0))
		return ab_fail(err, AB_E_CONFLICT, "the condition does not hold");
	if (ab_read_file(AT_FDCWD, file, &bytes, err) < 0 || ab_write_file_atomic(AT_FDCWD, path, bytes.data, bytes.len, 0600, err) < 0)
		return -1;
	tell_object(&bytes, object);
	if (strcmp(name, AB_SYNC_HEAD) == 0 && exists && strcmp(is.etag, object->etag) != 0) {
		ab_buf_truncate(&fake->older, 0);
		ab_buf_put(&fake->older, there.data, there.len);
	}
	return fails_now(fake, true) ? ab_fail(err, fake->fail_code, "put: the answer was lost") : 0;
}

static inline int
fake_remove(void *data, const char *name, struct ab_error *err)
{
	struct fake *fake = data;
	AB_AUTO_FREE char *path = object_path(fake, name);

	fake->removes++;
	if (fails_now(fake, false))
		return ab_fail(err, fake->fail_code, "remove: broken");
	(void)!unlink(path);
	return 0;
}

/* A new one; it is never given back, as the directory of the test is not. */
static inline struct fake *
new_fake(const char *rel)
{
	struct fake *fake = ab_calloc(1, sizeof(*fake));

	*fake = (struct fake){ .root = below(rel), .fail_code = AB_E_UNAVAILABLE, .older = AB_BUF_INIT(SIZE_MAX / 2) };
	(void)!mkdir(fake->root, 0700);
	return fake;
}

static inline void
free_fake(struct fake *fake)
{
	ab_buf_release(&fake->older);
	free(fake->root);
	free(fake);
}

static inline int
count_files(const char *dir)
{
	DIR *list = opendir(dir);
	int count = 0;

	for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;)
		count += entry->d_name[0] != '.';
	if (list != NULL)
		closedir(list);
	return count;
}

/* ---- push and pull in few words ---- */

static struct ab_syncresult result;

enum { PUSH, PULL, RESTORE, DRY_PUSH, DRY_PULL };

/* A store's own directory is dir; 0, or -1 with last and last_code. */
static inline int
do_sync(struct ab_kv *kv, struct fake *fake, const char *dir, int what)
{
	const struct ab_syncremote remote = { .data = fake, .get = fake_get, .put = fake_put, .remove = fake_remove };
	AB_AUTO_FREE char *path = below(dir);
	AB_AUTO_FREE char *writer = ab_asprintf("me@%s", dir);
	const struct ab_sync sync = {
		.kv = kv, .url = "s3://bucket/p", .dir = path, .writer = writer, .remote = &remote, .dry_run = what == DRY_PUSH || what == DRY_PULL };

	(void)!mkdir(path, 0700);
	last = (struct ab_error)AB_ERROR_INIT;
	int status = what == PUSH || what == DRY_PUSH ? ab_sync_push(&sync, &result, &last) : ab_sync_pull(&sync, what == RESTORE, &result, &last);
	last_code = last.code;
	return status;
}

#endif
