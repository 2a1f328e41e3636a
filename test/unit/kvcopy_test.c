/* data/kvcopy: a store as lines, and lines as a store. */
#include "sync_help.h"

/* All lines of a text into a store. */
static int
take_text(struct ab_kv *kv, const char *text, int64_t at_seq, int64_t to_seq, bool clear)
{
	struct ab_error err = AB_ERROR_INIT;
	int status = ab_kvcopy_begin(kv, at_seq, to_seq, clear, &err);

	for (const char *at = text; status == 0 && *at != '\0'; at += strcspn(at, "\n") + 1)
		status = ab_kvcopy_take(kv, at, strcspn(at, "\n"), &err);
	last = err;
	int ended = ab_kvcopy_end(kv, status == 0, &err);
	if (status == 0 && ended < 0) {
		last = err;
		status = -1;
	}
	last_code = last.code;
	return status;
}

static char *
changes_of(struct ab_kv *kv, int64_t after_seq)
{
	struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);

	last = (struct ab_error)AB_ERROR_INIT;
	if (ab_kvcopy_changes(kv, after_seq, add_line, &text, &last) < 0) {
		last_code = last.code;
		ab_buf_release(&text);
		return NULL;
	}
	return ab_buf_take(&text);
}

static void
test_all(void)
{
	struct ab_kv *kv = open_kv("all"), *copy = open_kv("all-copy");
	struct ab_entry entry;
	char longer[20000];

	clock_ms = 1000;
	memset(longer, 'x', sizeof(longer));
	config(kv, N, (struct ab_kv_settings){ .history = 3, .history_age_ms = AB_UNSET, .max_bytes = 1 << 20, .search = 1 });
	put(kv, "a", "one word");
	put(kv, "a", "two words");
	put_ttl(kv, "b", "gone soon", 500);
	put(kv, "c", "deleted");
	delete_if(kv, N, "c", anyhow);
	CHECK_INT(ab_kv_put(kv, SPAN("other/deep"), SPAN("\xff\x01"), (struct ab_span){ longer, sizeof(longer) }, AB_UNSET, &anyhow, &entry, &last), 0);
	clock_ms = 3000; /* b has expired; nobody has swept it */
	AB_AUTO_FREE char *text = text_of(kv, INT64_MAX);
	CHECK_INT(take_text(copy, text, 0, seq_of(kv), true), 0);
	CHECK(same_text(kv, copy, INT64_MAX));
	CHECK_INT(seq_of(copy), seq_of(kv));
	CHECK_INT(bytes_of(copy, N), bytes_of(kv, N));
	CHECK_KEY(copy, "b", NULL);
	/* It can be gone on with, in both. */
	CHECK_INT(put(kv, "d", "1"), put(copy, "d", "1"));
	CHECK(same_text(kv, copy, INT64_MAX));
	/* What was there goes: also its long values, and its words. */
	CHECK_INT(take_text(copy, text, seq_of(copy), seq_of(kv) - 2, true), 0);
	CHECK_KEY(copy, "d", NULL);
	ab_kv_free(kv);
	ab_kv_free(copy);
	CHECK_INT(ask("all-copy", CHUNK_COUNT), ask("all", CHUNK_COUNT));
}

static int
count_found(void *data, const struct ab_entry *entry, struct ab_span snippet, struct ab_error *err)
{
	(void)entry, (void)snippet, (void)err;
	++*(int *)data;
	return 0;
}

static void
test_words(void)
{
	struct ab_kv *kv = open_kv("words"), *copy = open_kv("words-copy");
	struct ab_search search = { .ns = N, .query = "needle", .limit = 10 };
	int found = 0;

	config(kv, N, (struct ab_kv_settings)SET(search, 1));
	put(kv, "a", "a needle in hay");
	AB_AUTO_FREE char *text = text_of(kv, INT64_MAX);
	CHECK_INT(take_text(copy, text, 0, 1, true), 0);
	CHECK_INT(ab_kv_search(copy, &search, count_found, &found, &last), 0);
	CHECK_INT(found, 1);
	put(kv, "b", "another needle");
	delete_if(kv, N, "a", anyhow);
	AB_AUTO_FREE char *changes = changes_of(kv, 1);
	CHECK_INT(take_text(copy, changes, 1, 3, false), 0);
	found = 0;
	CHECK_INT(ab_kv_search(copy, &search, count_found, &found, &last), 0);
	CHECK_INT(found, 1);
	ab_kv_free(kv);
	ab_kv_free(copy);
}

static int
add_change(void *data, const struct ab_change *change, struct ab_error *err)
{
	(void)err;
	ab_buf_printf(data, "%lld %d at %lld: %.*s/%.*s\n", (long long)change->seq, (int)change->kind, (long long)change->at_ms, (int)change->ns.len,
	    change->ns.data, (int)change->key.len, change->key.data);
	return 0;
}

/* What watchers see, and what is there; without old versions. */
static char *
present_of(struct ab_kv *kv)
{
	struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_FREE char *all = text_of(kv, INT64_MAX);
	const char *entries = strstr(all, "{\"change\":\"entry\"");

	ab_buf_puts(&text, entries != NULL ? entries : "nothing\n");
	CHECK_INT(ab_kv_changes(kv, 0, add_change, &text, &last), 0);
	return ab_buf_take(&text);
}

/* A copy that follows in steps of any length is the same as what it follows, also in what it remembers. */
static void
test_follows(void)
{
	const char *text = getenv("AB_SEED");
	unsigned seed = text != NULL ? (unsigned)strtoul(text, NULL, 10) : (unsigned)getpid();
	struct ab_kv *kv = open_kv("followed"), *copy = open_kv("follower");
	int64_t done = 0;

	clock_ms = 1000;
	srand(seed);
	config(kv, N, (struct ab_kv_settings)SET(history, 2));
	for (int round = 0; round < 300; round++) {
		char key[8], value[40];
		snprintf(key, sizeof(key), "k%d", rand() % 6);
		snprintf(value, sizeof(value), "%d", rand() % 4);
		const struct ab_span ns = rand() % 3 != 0 ? N : SPAN("plain");
		clock_ms += rand() % 50;
		switch (rand() % 8) {
		case 0:
			delete_if(kv, ns, key, anyhow);
			break;
		case 1:
			put_if(kv, ns, key, value, 1 + rand() % 100, anyhow);
			break;
		case 2:
			append_if(kv, key, value, AB_UNSET, anyhow);
			break;
		case 3:
			swept_by(kv, false);
			break;
		case 4:
			if (rand() % 10 == 0)
				config(kv, N, (struct ab_kv_settings)SET(history, rand() % 4));
			break;
		default:
			put_if(kv, ns, key, value, AB_UNSET, anyhow);
		}
		if (rand() % 5 != 0)
			continue;
		AB_AUTO_FREE char *changes = changes_of(kv, done);
		if (!CHECK(changes != NULL) || !CHECK_INT(take_text(copy, changes, done, seq_of(kv), false), 0)) {
			printf("# AB_SEED=%u, round %d: %s\n", seed, round, last.msg);
			break;
		}
		done = seq_of(kv);
		/* (Old versions: what was superseded between two steps may have been kept for a while only there.) */
		AB_AUTO_FREE char *present = present_of(kv);
		AB_AUTO_FREE char *copied = present_of(copy);
		if (!CHECK_STRING(copied, present)) {
			printf("# AB_SEED=%u, round %d\n", seed, round);
			break;
		}
	}
	ab_kv_free(kv);
	ab_kv_free(copy);
}

/* Old versions are the same where nothing was superseded between two steps. */
static void
test_history(void)
{
	struct ab_kv *kv = open_kv("history"), *copy = open_kv("history-copy");

	clock_ms = 1000;
	config(kv, N, (struct ab_kv_settings)SET(history, 5));
	put(kv, "a", "1");
	put(kv, "a", "2"); /* superseded, and kept: told with its value */
	put(kv, "a", "3");
	touch(kv, "a", 5000);
	put(kv, "b", "x");
	delete_if(kv, N, "b", anyhow);
	AB_AUTO_FREE char *changes = changes_of(kv, 0);
	CHECK_INT(take_text(copy, changes, 0, seq_of(kv), false), 0);
	CHECK(same_text(kv, copy, 0));
	ab_kv_free(kv);
	ab_kv_free(copy);
}

static void
test_refused(void)
{
	struct ab_kv *kv = open_kv("refused");

	clock_ms = 1000;
	put(kv, "mine", "1");
	/* The store has gone on. */
	CHECK_INT(take_text(kv, "", 0, 1, false), -1);
	CHECK_INT(last_code, AB_E_CONFLICT);
	static const char *const bad[] = {
		"{\"change\":\"put\",\"seq\":3,\"namespace\":\"n\",\"key\":\"k\",\"value\":\"v\",\"created_ms\":1,\"updated_ms\":1}\n", /* 2 is missing */
		"{\"change\":\"put\",\"seq\":2,\"namespace\":\"n\",\"key\":\"k\",\"value\":\"v\",\"created_ms\":1,\"updated_ms\":1}\n", /* and the end */
		"{\"change\":\"entry\",\"seq\":9,\"namespace\":\"n\",\"key\":\"k\",\"value\":\"v\",\"created_ms\":1,\"updated_ms\":1}\n",
		"{\"change\":\"put\",\"seq\":2,\"namespace\":\"n\",\"key\":\"\",\"value\":\"v\"}\n",
		"{\"namespace\":\"n\",\"key\":\"k\",\"value\":\"v\"}\n", /* of an export */
		"{\"change\":\"last\",\"was\":\"put\",\"seq\":1,\"namespace\":\"n\",\"key\":\"k\",\"updated_ms\":1}\n", /* it is there */
		"no JSON\n",
	};
	for (size_t i = 0; i < AB_COUNT_OF(bad); i++) {
		CHECK_INT(take_text(kv, bad[i], 1, 3, false), -1);
		CHECK_INT(last_code, AB_E_CORRUPT);
		CHECK(strstr(last.msg, "UNIQUE") == NULL); /* the lines are, not the store */
		CHECK_INT(seq_of(kv), 1);
		CHECK_KEY(kv, "mine", "1");
		CHECK_KEY(kv, "k", NULL);
	}
	/* Many things in one line: refused before they are made. */
	AB_AUTO_BUF struct ab_buf many = AB_BUF_INIT(SIZE_MAX / 2);
	ab_buf_puts(&many, "{\"change\":\"put\",\"seq\":2,\"namespace\":\"n\",\"key\":\"k\",\"value\":\"[[[\\\",,,,{\",\"more\":[0");
	for (int i = 0; i < 1000; i++)
		ab_buf_puts(&many, ",0");
	ab_buf_puts(&many, "]}\n");
	AB_AUTO_FREE char *text = ab_buf_take(&many);
	CHECK_INT(take_text(kv, text, 1, 2, false), -1);
	CHECK(strstr(last.msg, "of no copy") != NULL);
	CHECK(put(kv, "next", "2") == 2); /* nothing of it is left, and work goes on as ever */
	ab_kv_free(kv);
}

/* What a copy brings is not judged by what this store would let in now. */
static void
test_no_judgement(void)
{
	struct ab_kv *kv = open_kv("big"), *copy = open_kv("big-copy");
	char value[200];

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	put(kv, "a", value);
	config(kv, N, (struct ab_kv_settings)SET(max_bytes, 10)); /* less than there is */
	AB_AUTO_FREE char *text = text_of(kv, INT64_MAX);
	CHECK_INT(take_text(copy, text, 0, 1, true), 0);
	CHECK_KEY(copy, "a", value);
	ab_kv_free(kv);
	ab_kv_free(copy);
}

/* Nothing is swept while a copy comes in: its numbers are another store's. */
static void
test_no_sweep(void)
{
	struct ab_kv *kv = open_kv("sweep"), *copy = open_kv("sweep-copy");

	clock_ms = 1000;
	put_ttl(kv, "a", "1", 10);
	AB_AUTO_FREE char *first = changes_of(kv, 0);
	CHECK_INT(take_text(copy, first, 0, 1, false), 0);
	put(kv, "b", "2");
	AB_AUTO_FREE char *second = changes_of(kv, 1);
	clock_ms = 5000;
	CHECK_INT(take_text(copy, second, 1, 2, false), 0);
	CHECK_INT(seq_of(copy), 2);
	CHECK_INT(swept_by(kv, false), 1);
	AB_AUTO_FREE char *third = changes_of(kv, 2);
	CHECK(strstr(third, "\"expire\"") != NULL);
	CHECK_INT(take_text(copy, third, 2, 3, false), 0);
	CHECK(same_text(kv, copy, 0));
	ab_kv_free(kv);
	ab_kv_free(copy);
}

static void
test_forgotten(void)
{
	struct ab_kv *kv = open_kv("forgotten");
	struct ab_store *store = ab_kv_store(kv);

	put(kv, "a", "1");
	put(kv, "a", "2");
	put(kv, "a", "3");
	CHECK_INT(store->engine->forget(store, 3, &last), 0);
	CHECK(changes_of(kv, 0) == NULL);
	CHECK_INT(last_code, AB_E_GONE);
	AB_AUTO_FREE char *changes = changes_of(kv, 2);
	CHECK(changes != NULL);
	ab_kv_free(kv);
}

int
main(void)
{
	static const struct tap_test tests[] = { { "all of it", test_all }, { "words", test_words }, { "in steps", test_follows },
		{ "old versions", test_history }, { "lines that are wrong", test_refused }, { "is not judged", test_no_judgement },
		{ "is not swept", test_no_sweep }, { "changes that are forgotten", test_forgotten } };

	return run_tests(tests, AB_COUNT_OF(tests));
}
