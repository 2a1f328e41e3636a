/* data/syncpush: what breaks off, what is lost, and what others do in the meantime. */
#include "sync_help.h"

static char large[70000];

/* Enough for several parts of 8 MiB. */
static void
fill(struct ab_kv *kv, int count)
{
	struct ab_entry entry;

	ab_kv_group(kv);
	for (int i = 0; i < count; i++) {
		char key[16];
		int len = snprintf(key, sizeof(key), "large%d", i);
		CHECK_INT(ab_kv_put(kv, N, (struct ab_span){ key, (size_t)len }, (struct ab_span){ large, sizeof(large) }, AB_UNSET, &anyhow, &entry, &last), 0);
	}
	CHECK_INT(ab_kv_settle(kv, &last), 0);
}

/* A group would go on: its own connection. */
static void
fill_store(const char *rel, int count)
{
	struct ab_kv *kv = open_kv(rel);

	memset(large, 'L', sizeof(large));
	fill(kv, count);
	ab_kv_free(kv);
}

/* Broken off at each call in turn, and gone on with: what was sent is not sent again, and nothing is missing. */
static void
test_resumed(void)
{
	fill_store("resumed", 130); /* 9 MB: 2 parts */
	for (int at = 1; at <= 7; at++) {
		AB_AUTO_FREE char *remote = ab_asprintf("remote-%d", at), *path = ab_asprintf("copy-%d", at);
		AB_AUTO_FREE char *dir = ab_asprintf("dir-%d", at), *store = ab_asprintf("resumed-%d", at), *to = below(store);
		struct ab_kv *first = open_kv("resumed");
		CHECK_INT(ab_kv_store(first)->engine->backup(ab_kv_store(first), to, &last), 0);
		ab_kv_free(first);
		struct ab_kv *kv = open_kv(store), *copy = open_kv(path);
		struct fake *fake = new_fake(remote);
		fake->fail_at = at; /* 1: the head is read; 2, 3: parts; 4: the head is put; 5, 6: conditions are tried */
		int status = do_sync(kv, fake, dir, PUSH);
		if (!CHECK_INT(status, at <= 6 ? -1 : 0))
			printf("# at %d: %s\n", at, last.msg);
		int sent = fake->puts;
		fake->fail_at = 0;
		if (status < 0) {
			CHECK_INT(last_code, AB_E_UNAVAILABLE);
			CHECK_INT(do_sync(kv, fake, dir, PUSH), 0);
		}
		if (at == 2 || at == 3) /* the one that failed, the rest, the head and its two trials */
			CHECK_INT(fake->puts, sent + (3 - at) + 1 + 3);
		if (at == 5 || at == 6) /* the head is there: whether conditions are kept is tried again */
			CHECK_INT(fake->puts, sent + 2);
		CHECK_INT(do_sync(copy, fake, "dir-copy", RESTORE), 0);
		CHECK(same_text(kv, copy, INT64_MAX));
		ab_kv_free(kv);
		ab_kv_free(copy);
		free_fake(fake);
	}
}

/* What was staged is of then; what has changed since comes behind it. */
static void
test_resumed_later(void)
{
	struct fake *fake = new_fake("remote-later");

	fill_store("later", 130);
	struct ab_kv *kv = open_kv("later"), *copy = open_kv("later-copy");
	fake->fail_at = 3;
	CHECK_INT(do_sync(kv, fake, "dir-later", PUSH), -1);
	put(kv, "large0", "small by now");
	put(kv, "new", "1");
	fake->fail_at = 0;
	CHECK_INT(do_sync(kv, fake, "dir-later", PUSH), 0);
	CHECK_INT(result.seq, seq_of(kv));
	CHECK(result.whole && result.bytes > 100000); /* what was gone on with, and what came behind it */
	CHECK_INT(result.parts, 2);
	CHECK_INT(do_sync(copy, fake, "dir-copy", RESTORE), 0);
	CHECK_KEY(copy, "large0", "small by now");
	CHECK(same_text(kv, copy, INT64_MAX));
	ab_kv_free(kv);
	ab_kv_free(copy);
	/* Files that were waiting are gone: it is staged anew, and what was sent for nothing goes. */
	fill_store("later", 130);
	kv = open_kv("later");
	fake->fail_at = 3;
	CHECK_INT(do_sync(kv, fake, "dir-later", PUSH), -1);
	AB_AUTO_FREE char *dir = below("dir-later");
	AB_AUTO_FREE char *command = ab_asprintf("rm -rf '%s'", dir);
	CHECK_INT(system(command), 0);
	fake->fail_at = 0;
	int removed = fake->removes;
	CHECK_INT(do_sync(kv, fake, "dir-later", PUSH), 0);
	CHECK(fake->removes > removed);
	copy = open_kv("later-again");
	CHECK_INT(do_sync(copy, fake, "dir-copy", RESTORE), 0);
	CHECK_INT(seq_of(copy), seq_of(kv));
	ab_kv_free(kv);
	ab_kv_free(copy);
	free_fake(fake);
}

/* An answer that is lost is no failure of what it answered: found out by the head itself. */
static void
test_lost_answer(void)
{
	struct ab_kv *kv = open_kv("lost");
	struct fake *fake = new_fake("remote-lost");

	put(kv, "a", "1");
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	put(kv, "a", "2");
	fake->fail_after = true;
	fake->fail_at = 2; /* the part, the head */
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), -1);
	CHECK_INT(last_code, AB_E_UNAVAILABLE);
	fake->fail_at = 0;
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	put(kv, "a", "3");
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK_INT(result.seq, 3);
	/* Whoever tries again itself meets a conflict, with its own head. */
	put(kv, "a", "4");
	fake->fail_code = AB_E_CONFLICT;
	fake->fail_at = 2;
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK_INT(result.seq, 4);
	ab_kv_free(kv);
	free_fake(fake);
}

/* It took place, nobody told us, and others went on from there: what is here is in the copy, and no conflict. */
static void
test_untold(void)
{
	struct ab_kv *kv = open_kv("untold"), *other = open_kv("untold-other");
	struct fake *fake = new_fake("remote-untold");

	put(kv, "a", "1");
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK_INT(do_sync(other, fake, "dir2", PULL), 0);
	put(kv, "a", "2");
	fake->fail_after = true;
	fake->fail_at = 2;
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), -1);
	fake->fail_at = 0;
	CHECK_INT(do_sync(kv, fake, "dir1", PULL), 0);
	CHECK(!result.moved);
	CHECK_INT(do_sync(kv, fake, "dir1", DRY_PUSH), 0);
	CHECK(!result.moved);
	CHECK_INT(do_sync(other, fake, "dir2", PULL), 0);
	put(other, "b", "1");
	CHECK_INT(do_sync(other, fake, "dir2", PUSH), 0);
	put(kv, "mine", "1");
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), -1);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK(strstr(last.hint, "since (1)") != NULL); /* and not all that was pushed */
	ab_kv_free(kv);
	/* The same store without that change. */
	fake->fail_at = 2;
	put(other, "b", "2");
	CHECK_INT(do_sync(other, fake, "dir2", PUSH), -1);
	fake->fail_at = 0;
	kv = open_kv("untold-third");
	CHECK_INT(do_sync(kv, fake, "dir3", PULL), 0);
	put(kv, "c", "1");
	CHECK_INT(do_sync(kv, fake, "dir3", PUSH), 0);
	CHECK_INT(do_sync(other, fake, "dir2", PUSH), -1);
	CHECK(strstr(last.hint, "sync pull") != NULL);
	CHECK_INT(do_sync(other, fake, "dir2", PULL), 0);
	CHECK(same_text(kv, other, INT64_MAX));
	put(other, "d", "1");
	CHECK_INT(do_sync(other, fake, "dir2", PUSH), 0);
	ab_kv_free(kv);
	ab_kv_free(other);
	free_fake(fake);
}

/* Staged while the copy seemed gone, and never sent: it is of the past when others have pushed since. */
static void
test_staged_before(void)
{
	struct ab_kv *kv = open_kv("before"), *other = open_kv("before-other");
	struct fake *fake = new_fake("remote-before");
	AB_AUTO_FREE char *head = object_path(fake, AB_SYNC_HEAD), *away = ab_asprintf("%s.away", head);

	put(kv, "a", "1");
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK_INT(do_sync(other, fake, "dir2", PULL), 0);
	CHECK_INT(rename(head, away), 0);
	fake->fail_at = 2;
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), -1);
	fake->fail_at = 0;
	CHECK_INT(rename(away, head), 0);
	put(other, "b", "1");
	CHECK_INT(do_sync(other, fake, "dir2", PUSH), 0);
	CHECK_INT(do_sync(kv, fake, "dir1", PULL), 0);
	put(kv, "c", "1");
	fake->puts = 0;
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK_INT(fake->puts, 2); /* a part, the head: and no head of the past between */
	CHECK(!result.whole);
	CHECK_INT(do_sync(other, fake, "dir2", PULL), 0);
	CHECK(same_text(kv, other, INT64_MAX));
	ab_kv_free(kv);
	ab_kv_free(other);
	free_fake(fake);
}

/* A kill while it was staged left parts that no note knows: room that the next one may need. */
static void
test_left_behind(void)
{
	struct ab_kv *kv = open_kv("left");
	struct fake *fake = new_fake("remote-left");
	AB_AUTO_FREE char *dir = below("dir-left"), *part = ab_asprintf("%s/snapshot_0001-01J_0001.ndjson.zst", dir);
	struct ab_error err = AB_ERROR_INIT;

	put(kv, "a", "1");
	(void)!mkdir(dir, 0700);
	CHECK_INT(ab_write_file_atomic(AT_FDCWD, part, "x", 1, 0600, &err), 0);
	fake->fail_at = 2;
	CHECK_INT(do_sync(kv, fake, "dir-left", PUSH), -1);
	CHECK_INT(count_files(dir), 1); /* its own */
	CHECK(access(part, F_OK) != 0);
	ab_kv_free(kv);
	free_fake(fake);
}

/* Parts beyond what a head has room for: told, and the copy stays as it was. */
static void
test_full_head(void)
{
	struct ab_kv *kv = open_kv("full");
	struct fake *fake = new_fake("remote-full");
	AB_AUTO_SYNCHEAD struct ab_synchead head = AB_SYNCHEAD_INIT;
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_FREE char *path = object_path(fake, AB_SYNC_HEAD);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_json json;

	put(kv, "a", "1");
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK(read_object(fake, AB_SYNC_HEAD, &text));
	CHECK_INT(ab_synchead_parse(&head, text.data, text.len, &err), 0);
	for (size_t before = text.len, more = 1; more > 0;) {
		for (size_t i = 0; i < more; i++) {
			struct ab_syncpart *part = ab_syncparts_add(&head.snapshot, head.snapshot.part[0].name, 100);
			part->bytes = 100;
			memcpy(part->sha256, head.snapshot.part[0].sha256, sizeof(part->sha256));
		}
		ab_buf_truncate(&text, 0);
		ab_json_begin(&json, &text, AB_ENCODING_AUTO);
		ab_synchead_write(&json, NULL, &head);
		more = head.snapshot.count == 2 ? (AB_SYNC_HEAD_MAX - text.len) / (text.len - before + 1) : 0;
	}
	CHECK(text.len <= AB_SYNC_HEAD_MAX);
	CHECK_INT(ab_write_file_atomic(AT_FDCWD, path, text.data, text.len, 0600, &err), 0);
	put(kv, "a", "2");
	for (int i = 0; i < 10 && do_sync(kv, fake, "dir1", PUSH) == 0; i++) /* each adds a segment */
		put(kv, "a", "2");
	if (!CHECK_INT(last_code, AB_E_LIMIT_SIZE))
		printf("# %s\n", last.msg);
	ab_kv_free(kv);
	free_fake(fake);
}

static struct ab_kv *rival;
static struct fake *rivals;

static void
rival_pushes(void)
{
	struct ab_syncresult ours = result;

	put(rival, "rival", "was faster");
	CHECK_INT(do_sync(rival, rivals, "dir-rival", PUSH), 0);
	result = ours;
}

/* Between the look at the head and its change. */
static void
test_overtaken(void)
{
	struct ab_kv *kv = open_kv("slow");

	rivals = new_fake("remote-rival");
	rival = open_kv("fast");
	put(kv, "a", "1");
	CHECK_INT(do_sync(kv, rivals, "dir1", PUSH), 0);
	CHECK_INT(do_sync(rival, rivals, "dir-rival", RESTORE), 0);
	put(kv, "a", "2");
	rivals->before_head = rival_pushes;
	CHECK_INT(do_sync(kv, rivals, "dir1", PUSH), -1);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK(strstr(last.msg, "me@dir-rival") != NULL);
	/* Nor at the very first push of both. */
	struct ab_kv *one = open_kv("first-one");
	ab_kv_free(rival);
	rival = open_kv("first-two");
	rivals->root[0] = '\0';
	free_fake(rivals);
	rivals = new_fake("remote-first");
	put(one, "a", "1");
	rivals->before_head = rival_pushes;
	CHECK_INT(do_sync(one, rivals, "dir2", PUSH), -1);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK(strstr(last.msg, "me@dir-rival") != NULL);
	struct ab_kv *copy = open_kv("first-copy");
	CHECK_INT(do_sync(copy, rivals, "dir3", RESTORE), 0);
	CHECK_KEY(copy, "rival", "was faster");
	ab_kv_free(kv);
	ab_kv_free(one);
	ab_kv_free(copy);
	ab_kv_free(rival);
	free_fake(rivals);
}

static void
test_no_conditions(void)
{
	struct ab_kv *kv = open_kv("careless");
	struct fake *fake = new_fake("remote-careless");

	fake->no_conditions = true;
	put(kv, "a", "1");
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), -1);
	CHECK_INT(last_code, AB_E_UNSUPPORTED);
	CHECK(strstr(last.msg, "If-None-Match") != NULL);
	AB_AUTO_FREE char *head = object_path(fake, AB_SYNC_HEAD);
	CHECK(access(head, F_OK) != 0); /* nobody is led to think that it is safe */
	ab_kv_free(kv);
	free_fake(fake);
}

static void
test_emptied(void)
{
	struct ab_kv *kv = open_kv("emptied"), *copy = open_kv("emptied-copy");
	struct fake *fake = new_fake("remote-emptied");
	AB_AUTO_FREE char *command = ab_asprintf("rm -f '%s'/*", fake->root);

	put(kv, "a", "1");
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK_INT(do_sync(copy, fake, "dir2", RESTORE), 0);
	CHECK_INT(system(command), 0);
	/* There is nothing of anybody's: begun anew, whole. */
	put(kv, "a", "2");
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK(result.whole);
	put(copy, "a", "mine");
	CHECK_INT(do_sync(copy, fake, "dir2", PUSH), -1);
	CHECK(strstr(last.hint, "begun anew") != NULL);
	ab_kv_free(kv);
	ab_kv_free(copy);
	free_fake(fake);
}

static void
test_old_head(void)
{
	struct ab_kv *kv = open_kv("stale");
	struct fake *fake = new_fake("remote-stale");

	for (int i = 0; i < 3; i++) {
		put(kv, "a", "1");
		CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	}
	put(kv, "a", "2");
	fake->stale = true;
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), -1);
	CHECK_INT(last_code, AB_E_UNAVAILABLE);
	fake->stale = false;
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	ab_kv_free(kv);
	free_fake(fake);
}

/* Many pushes: a new snapshot now and then; what nobody needs goes, and readers from any time come along. */
static void
test_snapshots(void)
{
	struct ab_kv *kv = open_kv("many"), *reader = open_kv("many-reader"), *late = open_kv("many-late");
	struct fake *fake = new_fake("remote-many");
	int whole = 0;

	put(kv, "a", "0");
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK_INT(do_sync(late, fake, "dir3", PULL), 0);
	for (int i = 0; i < 200; i++) {
		char key[8];
		snprintf(key, sizeof(key), "k%d", i % 10);
		put(kv, key, "v");
		CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
		whole += result.whole;
		if (i % 20 == 0) {
			CHECK_INT(do_sync(reader, fake, "dir2", PULL), 0);
			CHECK_INT(result.whole, i == 0);
		}
	}
	CHECK_INT(whole, 3);
	CHECK(count_files(fake->root) <= 1 + 1 + 32 + 65);
	CHECK_INT(do_sync(reader, fake, "dir2", PULL), 0);
	CHECK(same_text(kv, reader, INT64_MAX));
	CHECK_INT(do_sync(late, fake, "dir3", PULL), 0);
	CHECK(result.whole); /* it had slept too long */
	CHECK(same_text(kv, late, INT64_MAX));
	/* The log here has forgotten what is not pushed yet. */
	put(kv, "x", "1");
	put(kv, "x", "2");
	struct ab_store *store = ab_kv_store(kv);
	CHECK_INT(store->engine->forget(store, seq_of(kv), &last), 0);
	CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
	CHECK(result.whole);
	CHECK_INT(do_sync(reader, fake, "dir2", PULL), 0);
	CHECK(same_text(kv, reader, INT64_MAX));
	ab_kv_free(kv);
	ab_kv_free(reader);
	ab_kv_free(late);
	free_fake(fake);
}

/* Old parts that may not be deleted are not tried for ever; those that cannot be now, later. */
static void
test_removal(void)
{
	static const struct {
		enum ab_errcode code;
		int again;
	} cases[] = { { AB_E_AUTH_FAILED, 0 }, { AB_E_UNAVAILABLE, 1 } };

	for (size_t i = 0; i < AB_COUNT_OF(cases); i++) {
		AB_AUTO_FREE char *rel = ab_asprintf("removal%zu", i), *remote = ab_asprintf("remote-removal%zu", i);
		struct ab_kv *kv = open_kv(rel);
		struct fake *fake = new_fake(remote);
		struct ab_store *store = ab_kv_store(kv);
		put(kv, "a", "1");
		CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
		put(kv, "a", "2");
		put(kv, "a", "3");
		CHECK_INT(store->engine->forget(store, seq_of(kv), &last), 0); /* a new snapshot: the old one goes */
		fake->fail_at = 4; /* the head is read, a part, the head, the old part */
		fake->fail_code = cases[i].code;
		CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
		CHECK_INT(fake->removes, 1);
		CHECK_INT(do_sync(kv, fake, "dir1", PUSH), 0);
		CHECK_INT(fake->removes, 1 + cases[i].again);
		ab_kv_free(kv);
		free_fake(fake);
	}
}

static void
test_dry_run(void)
{
	struct ab_kv *kv = open_kv("dry");
	struct fake *fake = new_fake("remote-dry");

	CHECK_INT(do_sync(kv, fake, "dir-dry", DRY_PUSH), -1);
	CHECK_INT(last_code, AB_E_NOT_FOUND);
	put(kv, "a", "1");
	CHECK_INT(do_sync(kv, fake, "dir-dry", DRY_PUSH), 0);
	CHECK(result.moved && result.whole && result.bytes > 50);
	CHECK_INT(result.seq, 1);
	CHECK_INT(fake->puts, 0);
	AB_AUTO_FREE char *dir = below("dir-dry");
	CHECK_INT(count_files(dir), 0);
	CHECK_INT(do_sync(kv, fake, "dir-dry", PUSH), 0);
	CHECK_INT(do_sync(kv, fake, "dir-dry", DRY_PUSH), 0);
	CHECK(!result.moved);
	ab_kv_free(kv);
	free_fake(fake);
}

int
main(void)
{
	static const struct tap_test tests[] = { { "broken off", test_resumed }, { "gone on with later", test_resumed_later }, { "a lost answer", test_lost_answer },
		{ "a push that nobody told of", test_untold }, { "staged before others pushed", test_staged_before },
		{ "left behind", test_left_behind }, { "a head that is full", test_full_head },
		{ "overtaken", test_overtaken }, { "a store without conditions", test_no_conditions }, { "a copy that is gone", test_emptied },
		{ "an old head", test_old_head }, { "snapshots", test_snapshots }, { "a dry run", test_dry_run }, { "old parts", test_removal } };

	return run_tests(tests, AB_COUNT_OF(tests));
}
