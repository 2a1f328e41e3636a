/* data/syncpull: what comes half, what is damaged, and what goes on meanwhile. */
#include "sync_help.h"

static struct ab_kv *source;
static struct fake *fake;

/* A copy of several parts: a snapshot and segments. */
static void
begin_copy(const char *rel)
{
	AB_AUTO_FREE char *remote = ab_asprintf("remote-%s", rel);

	source = open_kv(rel);
	fake = new_fake(remote);
	put(source, "a", "1");
	put(source, "b", "2");
	CHECK_INT(do_sync(source, fake, "dir-source", PUSH), 0);
	for (int i = 0; i < 3; i++) {
		put(source, "a", "3");
		CHECK_INT(do_sync(source, fake, "dir-source", PUSH), 0);
	}
}

static void
end_copy(void)
{
	ab_kv_free(source);
	free_fake(fake);
}

/* The only object whose name holds a text; the caller frees. */
static char *
object_with(const char *text)
{
	DIR *list = opendir(fake->root);
	char *found = NULL;

	for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;)
		if (strstr(entry->d_name, text) != NULL && found == NULL)
			found = ab_asprintf("%s/%s", fake->root, entry->d_name);
	if (list != NULL)
		closedir(list);
	return found;
}

static void
test_resumed(void)
{
	begin_copy("resumed");
	for (int at = 1; at <= 5; at++) { /* the head, a snapshot, three segments */
		AB_AUTO_FREE char *rel = ab_asprintf("reader%d", at), *dir = ab_asprintf("dir%d", at);
		struct ab_kv *reader = open_kv(rel);
		fake->fail_at = at;
		CHECK_INT(do_sync(reader, fake, dir, PULL), -1);
		CHECK_INT(last_code, AB_E_UNAVAILABLE);
		CHECK_INT(seq_of(reader), 0); /* all or nothing */
		int gets = fake->gets;
		CHECK_INT(do_sync(reader, fake, dir, PULL), 0);
		CHECK_INT(fake->gets - gets, 1 + 4 - (at > 1 ? at - 2 : 0)); /* the head again, and what had not come */
		CHECK(same_text(source, reader, INT64_MAX));
		ab_kv_free(reader);
	}
	end_copy();
}

static void
test_damaged(void)
{
	begin_copy("damaged");
	struct ab_kv *reader = open_kv("damaged-reader");
	AB_AUTO_FREE char *object = object_with("snapshot_");
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(ab_write_file_atomic(AT_FDCWD, object, "another", 7, 0600, &err), 0);
	CHECK_INT(do_sync(reader, fake, "dir1", RESTORE), -1);
	CHECK_INT(last_code, AB_E_CORRUPT);
	CHECK_INT(seq_of(reader), 0);
	CHECK_INT(unlink(object), 0);
	CHECK_INT(do_sync(reader, fake, "dir1", RESTORE), -1);
	CHECK_INT(last_code, AB_E_CORRUPT);
	CHECK(strstr(last.msg, "lists what is not there") != NULL);
	ab_kv_free(reader);
	end_copy();
}

/* A part that lies there already, and is not what it should be: nothing of it is taken over, and it does not stay. */
static void
test_damaged_here(void)
{
	begin_copy("here");
	struct ab_kv *reader = open_kv("here-reader");
	AB_AUTO_FREE char *object = object_with("snapshot_"), *dir = below("dir-here");
	AB_AUTO_BUF struct ab_buf bytes = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_FREE char *path = ab_asprintf("%s/%s", dir, strrchr(object, '/') + 1);
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(ab_read_file(AT_FDCWD, object, &bytes, &err), 0);
	memset(bytes.data, '#', bytes.len - 1);
	(void)!mkdir(dir, 0700);
	CHECK_INT(ab_write_file_atomic(AT_FDCWD, path, bytes.data, bytes.len, 0600, &err), 0);
	CHECK_INT(do_sync(reader, fake, "dir-here", PULL), -1);
	CHECK_INT(last_code, AB_E_CORRUPT);
	CHECK_INT(seq_of(reader), 0);
	CHECK_INT(do_sync(reader, fake, "dir-here", PULL), 0);
	CHECK(same_text(source, reader, INT64_MAX));
	ab_kv_free(reader);
	end_copy();
}

static void
test_not_there(void)
{
	struct ab_kv *reader = open_kv("none");

	fake = new_fake("remote-none");
	CHECK_INT(do_sync(reader, fake, "dir1", PULL), -1);
	CHECK_INT(last_code, AB_E_NOT_FOUND);
	CHECK_INT(do_sync(reader, fake, "dir1", RESTORE), -1);
	CHECK_INT(last_code, AB_E_NOT_FOUND);
	CHECK(strstr(last.msg, "s3://bucket/p") != NULL);
	ab_kv_free(reader);
	free_fake(fake);
}

static void
test_older(void)
{
	begin_copy("older");
	struct ab_kv *reader = open_kv("older-reader");

	CHECK_INT(do_sync(reader, fake, "dir1", PULL), 0);
	fake->stale = true;
	CHECK_INT(do_sync(reader, fake, "dir1", PULL), -1);
	CHECK_INT(last_code, AB_E_UNAVAILABLE);
	fake->stale = false;
	CHECK_INT(do_sync(reader, fake, "dir1", PULL), 0);
	CHECK(!result.moved);
	ab_kv_free(reader);
	end_copy();
}

/* What has changed here is in nobody's way while there is nothing new. */
static void
test_own_changes(void)
{
	begin_copy("own");
	struct ab_kv *reader = open_kv("own-reader");

	CHECK_INT(do_sync(reader, fake, "dir1", PULL), 0);
	put(reader, "mine", "1");
	CHECK_INT(do_sync(reader, fake, "dir1", PULL), 0);
	CHECK(!result.moved);
	put(source, "a", "4");
	CHECK_INT(do_sync(source, fake, "dir-source", PUSH), 0);
	CHECK_INT(do_sync(reader, fake, "dir1", PULL), -1);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK_KEY(reader, "mine", "1");
	ab_kv_free(reader);
	end_copy();
}

static void
test_dry_run(void)
{
	begin_copy("dry");
	struct ab_kv *reader = open_kv("dry-reader");

	CHECK_INT(do_sync(reader, fake, "dir1", DRY_PULL), 0);
	CHECK(result.moved && result.whole);
	CHECK_INT(result.parts, 4);
	CHECK_INT(seq_of(reader), 0);
	CHECK_INT(do_sync(reader, fake, "dir1", PULL), 0);
	put(source, "a", "4");
	CHECK_INT(do_sync(source, fake, "dir-source", PUSH), 0);
	CHECK_INT(do_sync(reader, fake, "dir1", DRY_PULL), 0);
	CHECK_INT(result.parts, 1);
	CHECK(result.moved && !result.whole);
	ab_kv_free(reader);
	end_copy();
}

int
main(void)
{
	static const struct tap_test tests[] = { { "broken off", test_resumed }, { "damaged there", test_damaged }, { "damaged here", test_damaged_here },
		{ "no copy", test_not_there }, { "an older head", test_older }, { "changes of its own", test_own_changes }, { "a dry run", test_dry_run } };

	return run_tests(tests, AB_COUNT_OF(tests));
}
