/* data/sync: two stores and their copy. */
#include "sync_help.h"

static void
test_round(void)
{
	struct ab_kv *kv = open_kv("one"), *other = open_kv("two");
	struct fake *fake = new_fake("remote");

	clock_ms = 1000;
	put(kv, "a", "1");
	put(kv, "b", "2");
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK(result.moved && result.whole);
	CHECK_INT(result.seq, 2);
	CHECK_INT(do_sync(other, fake, "dir2", RESTORE), 0);
	CHECK_KEY(other, "b", "2");
	/* In turns: each may push when it has seen what the other pushed. */
	for (int i = 0; i < 5; i++) {
		char value[8];
		snprintf(value, sizeof(value), "%d", i);
		put(kv, "a", value);
		CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
		CHECK(!result.whole);
		CHECK_INT(do_sync(other, fake, "dir2", PULL), 0);
		CHECK_KEY(other, "a", value);
		put(other, "b", value);
		CHECK_INT(do_sync(other, fake, "dir2", PUSH), 0);
		CHECK_INT(do_sync(kv, fake, "dir1", PULL), 0);
		CHECK_KEY(kv, "b", value);
	}
	CHECK(same_text(kv, other, 2));
	/* Nothing new. */
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK(!result.moved);
	CHECK_INT(do_sync(kv, fake, "dir1", PULL), 0);
	CHECK(!result.moved);
	CHECK_STRING(result.writer, "me@dir2");
	ab_kv_free(kv);
	ab_kv_free(other);
	free_fake(fake);
}

static void
test_conflict(void)
{
	struct ab_kv *kv = open_kv("c1"), *other = open_kv("c2"), *third = open_kv("c3");
	struct fake *fake = new_fake("remote-c");

	put(kv, "a", "1");
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK_INT(do_sync(other, fake, "dir2", RESTORE), 0);
	put(kv, "a", "mine");
	put(other, "a", "theirs");
	CHECK_INT(do_sync(other, fake, "dir2", PUSH), 0);
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), -1);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK(strstr(last.msg, "me@dir2") != NULL);
	CHECK(strstr(last.hint, "restore") != NULL);
	CHECK_INT(do_sync(kv, fake, "dir1", PULL), -1);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK_KEY(kv, "a", "mine");
	/* One that has nothing of its own is told to pull. */
	CHECK_INT(do_sync(third, fake, "dir3", PULL), 0);
	put(other, "b", "2");
	CHECK_INT(do_sync(other, fake, "dir2", PUSH), 0);
	CHECK_INT(do_sync(third, fake, "dir3", PUSH), -1);
	CHECK(strstr(last.hint, "pull") != NULL);
	CHECK_INT(do_sync(third, fake, "dir3", PULL), 0);
	CHECK_KEY(third, "b", "2");
	/* A store that never met the copy neither overwrites it nor takes it over itself. */
	struct ab_kv *stranger = open_kv("c4");
	put(stranger, "x", "1");
	CHECK_INT(do_sync(stranger, fake, "dir4", PUSH), -1);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK_INT(do_sync(stranger, fake, "dir4", PULL), -1);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK_INT(do_sync(stranger, fake, "dir4", RESTORE), -1);
	CHECK_INT(last_code, AB_E_EXISTS);
	CHECK_KEY(stranger, "x", "1");
	ab_kv_free(kv);
	ab_kv_free(other);
	ab_kv_free(third);
	ab_kv_free(stranger);
	free_fake(fake);
}

/* A copy of the file that is put back in time has seen less. */
static void
test_back_in_time(void)
{
	struct ab_kv *kv = open_kv("now");
	struct fake *fake = new_fake("remote-b");
	AB_AUTO_FREE char *path = below("then");

	put(kv, "a", "1");
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK_INT(ab_kv_store(kv)->engine->backup(ab_kv_store(kv), path, &last), 0);
	put(kv, "a", "2");
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	struct ab_kv *then = open_kv("then");
	put(then, "a", "another 2"); /* the same number, and another change */
	CHECK_INT(do_sync(then, fake, "dir1", PUSH), -1);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK_INT(do_sync(then, fake, "dir1", PULL), -1);
	CHECK_INT(last_code, AB_E_CONFLICT);
	ab_kv_free(kv);
	ab_kv_free(then);
	free_fake(fake);
}

/* What follows is not swept: its numbers are the writer's. */
static void
test_following(void)
{
	struct ab_kv *kv = open_kv("w"), *reader = open_kv("r");
	struct fake *fake = new_fake("remote-f");

	clock_ms = 1000;
	put_ttl(kv, "a", "1", 10);
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK_INT(do_sync(reader, fake, "dir2", PULL), 0);
	clock_ms = 5000;
	CHECK_INT(swept_by(reader, false), 0);
	CHECK_KEY(reader, "a", NULL); /* nobody sees it for all that */
	CHECK_INT(swept_by(kv, false), 1);
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK_INT(do_sync(reader, fake, "dir2", PULL), 0);
	CHECK_INT(seq_of(reader), 2);
	/* It takes over. */
	put_ttl(reader, "b", "1", 10);
	CHECK_INT(do_sync(reader, fake, "dir2", PUSH), 0);
	clock_ms = 9000;
	CHECK_INT(swept_by(reader, false), 1);
	ab_kv_free(kv);
	ab_kv_free(reader);
	free_fake(fake);
}

static void
test_damaged_head(void)
{
	struct ab_kv *kv = open_kv("h");
	struct fake *fake = new_fake("remote-h");
	AB_AUTO_FREE char *path = object_path(fake, AB_SYNC_HEAD);
	struct ab_error err = AB_ERROR_INIT;
	static const struct {
		const char *text;
		enum ab_errcode code;
	} heads[] = { { "no JSON", AB_E_CORRUPT }, { "{}", AB_E_CORRUPT }, { "", AB_E_CORRUPT }, { "{\"format\":\"ab.kv.sync/2\"}", AB_E_VERSION_NEWER } };

	put(kv, "a", "1");
	for (size_t i = 0; i < AB_COUNT_OF(heads); i++) {
		CHECK_INT(ab_write_file_atomic(AT_FDCWD, path, heads[i].text, strlen(heads[i].text), 0600, &err), 0);
		CHECK_INT(do_sync(kv, fake, "dir1", PUSH), -1);
		CHECK_INT(last_code, heads[i].code);
		CHECK(strstr(last.msg, "s3://bucket/p/head.json") != NULL);
		CHECK_INT(do_sync(kv, fake, "dir1", PULL), -1);
		CHECK_INT(last_code, heads[i].code);
	}
	ab_kv_free(kv);
	free_fake(fake);
}

int
main(void)
{
	static const struct tap_test tests[] = { { "there and back", test_round }, { "two writers", test_conflict }, { "back in time", test_back_in_time },
		{ "one that follows", test_following }, { "a head that is damaged", test_damaged_head } };

	return run_tests(tests, AB_COUNT_OF(tests));
}
