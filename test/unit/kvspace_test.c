/* data/kvspace: what a namespace was told, and its quota. */
#include "kv_help.h"

static void
test_quota(void)
{
	struct ab_kv *kv = open_kv("quota");
	const struct ab_span other = SPAN("other");
	struct ab_namespace told;

	clock_ms = 1000;
	put(kv, "a", "1234");
	put_ttl(kv, "b", "1", 10);
	CHECK_INT(bytes_of(kv, N), 0); /* nothing is counted yet */
	told = config(kv, N, SET(max_bytes, 20));
	CHECK_INT(told.max_bytes, 20);
	CHECK_INT(told.bytes, 5 + 2);
	put_if(kv, other, "a", "123456789", AB_UNSET, anyhow);
	CHECK_INT(bytes_of(kv, N), 7);
	put(kv, "c", "1234567");
	CHECK_INT(bytes_of(kv, N), 15);
	CHECK(append_if(kv, "c", "89012", AB_UNSET, anyhow) > 0);
	CHECK_INT(bytes_of(kv, N), 20);
	/* Full: nothing more, and nothing is changed by trying. */
	CHECK_INT(append_if(kv, "c", "x", AB_UNSET, anyhow), 0);
	CHECK_INT(last_code, AB_E_LIMIT_QUOTA);
	CHECK(last.hint[0] != '\0');
	CHECK_STRING(last.msg, "namespace \"n\" is full: its max_bytes is 20 bytes");
	CHECK_INT(put(kv, "d", ""), 0);
	CHECK_INT(last_code, AB_E_LIMIT_QUOTA);
	CHECK_INT(put(kv, "a", "12345"), 0);
	CHECK_INT(last_code, AB_E_LIMIT_QUOTA);
	CHECK_INT(incr(kv, "e", 1), INT64_MIN);
	CHECK_INT(last_code, AB_E_LIMIT_QUOTA);
	CHECK_KEY(kv, "c", "123456789012");
	CHECK_INT(bytes_of(kv, N), 20);
	CHECK(put(kv, "a", "4321") > 0);
	CHECK_INT(touch(kv, "a", AB_UNSET), 1);
	CHECK_INT(bytes_of(kv, N), 20);
	/* Others are not concerned. */
	CHECK(put_if(kv, other, "b", "12345678901234567890", AB_UNSET, anyhow) > 0);
	CHECK(put_if(kv, SPAN("n/m"), "b", "12345678901234567890", AB_UNSET, anyhow) > 0);
	/* What goes makes room: expired, deleted, shorter. */
	clock_ms += 10;
	CHECK(put(kv, "a", "432100") > 0);
	CHECK_INT(bytes_of(kv, N), 20);
	CHECK_INT(delete_if(kv, N, "c", anyhow), 1);
	CHECK_INT(bytes_of(kv, N), 7);
	CHECK(put(kv, "a", "") > 0);
	CHECK_INT(bytes_of(kv, N), 1);
	/* Between, in one group, another namespace with a quota; also an expiry of a third. */
	config(kv, other, SET(max_bytes, 1000));
	const int64_t before = bytes_of(kv, other);
	put_if(kv, other, "dying", "1234", 5, anyhow);
	clock_ms += 5;
	ab_kv_group(kv);
	put(kv, "x", "123");
	put_if(kv, other, "x", "12345", AB_UNSET, anyhow);
	CHECK_INT(bytes_of(kv, N), 1 + 4); /* what is read sees all that was written */
	CHECK_INT(bytes_of(kv, other), before + 6);
	put(kv, "x", "12");
	CHECK_INT(bytes_of(kv, N), 1 + 3);
	CHECK_INT(delete_if(kv, other, "x", anyhow), 1);
	CHECK_INT(delete_if(kv, N, "x", anyhow), 1);
	CHECK_INT(ab_kv_settle(kv, &last), 0);
	CHECK_INT(bytes_of(kv, N), 1);
	CHECK_INT(bytes_of(kv, other), before);
	put(kv, "y", "abandoned");
	ab_kv_abandon(kv);
	CHECK_INT(bytes_of(kv, N), 1);
	/* Smaller than what is there: it may shrink. */
	put(kv, "y", "1234567");
	CHECK_INT(config(kv, N, SET(max_bytes, 2)).bytes, 9);
	CHECK_INT(put(kv, "y", "12345678"), 0);
	CHECK(put(kv, "y", "123456") > 0);
	/* No bound any more; then one again, counted anew. */
	config(kv, N, SET(max_bytes, INT64_MAX));
	put(kv, "z", "12345678901234567890");
	CHECK_INT(config(kv, N, SET(max_bytes, 100)).bytes, 1 + 7 + 21);
	CHECK_INT(ab_kv_settle(kv, &last), 0);
	ab_kv_free(kv);
	kv = open_kv("quota");
	CHECK_INT(bytes_of(kv, N), 29);
	ab_kv_free(kv);
}

/* What has expired takes no room, however much of it is still there. */
static void
test_expired_room(void)
{
	struct ab_kv *kv = open_kv("expired-room");
	char key[16], big[401];

	clock_ms = 1000;
	memset(big, 'x', 400);
	big[400] = '\0';
	config(kv, N, SET(max_bytes, 500));
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "%03d", i);
		CHECK(put_ttl(kv, key, "", 10) > 0);
	}
	CHECK_INT(put(kv, "big", big), 0);
	CHECK_INT(last_code, AB_E_LIMIT_QUOTA);
	clock_ms += 10;
	CHECK(put(kv, "big", big) > 0); /* more than one write takes away */
	CHECK_INT(bytes_of(kv, N), 403);
	ab_kv_group(kv);
	CHECK(put_ttl(kv, "y", big + 310, 10) > 0); /* expires while its group goes on */
	CHECK_INT(put(kv, "z", big + 310), 0);
	clock_ms += 10;
	CHECK(append_if(kv, "big", big + 310, AB_UNSET, anyhow) > 0);
	CHECK_INT(bytes_of(kv, N), 493);
	CHECK_INT(ab_kv_settle(kv, &last), 0);
	CHECK_INT(bytes_of(kv, N), 493);
	ab_kv_free(kv);
}

/* ---- words ---- */

static int
tell_found(void *data, const struct ab_entry *entry, struct ab_span snippet, struct ab_error *err)
{
	(void)snippet, (void)err;
	ab_buf_printf(data, "%.*s ", (int)entry->key.len, entry->key.data);
	return 0;
}

static void
check_search(struct ab_kv *kv, const char *query, const char *want, int line)
{
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_search search = { .ns = N, .query = query, .limit = 10 };

	tap_int(ab_kv_search(kv, &search, tell_found, &told, &last), 0, __FILE__, line, query);
	tap_string(told.data != NULL ? told.data : "", want, __FILE__, line, query);
}

#define CHECK_SEARCH(kv, query, want) check_search((kv), (query), (want), __LINE__)

static void
test_search(void)
{
	struct ab_kv *kv = open_kv("search");
	struct ab_entry entry;

	clock_ms = 1000;
	put(kv, "before", "an early fox");
	CHECK(config(kv, N, SET(search, 1)).search);
	CHECK_SEARCH(kv, "fox", "before "); /* what is there already, too */
	put(kv, "k", "hen");
	append_if(kv, "k", " and fox", AB_UNSET, anyhow);
	CHECK_SEARCH(kv, "hen fox", "k ");
	put(kv, "k", "goose");
	CHECK_SEARCH(kv, "hen", "");
	CHECK_INT(ab_kv_put(kv, N, SPAN("k"), SPAN("goose \xff"), AB_UNSET, &anyhow, &entry, &last), 0);
	CHECK_SEARCH(kv, "goose", ""); /* no text */
	CHECK_INT(delete_if(kv, N, "before", anyhow), 1);
	CHECK_SEARCH(kv, "fox", "");
	put_ttl(kv, "dies", "fox", 10);
	CHECK_SEARCH(kv, "fox", "dies ");
	clock_ms += 10;
	CHECK_SEARCH(kv, "fox", "");
	CHECK_INT(swept_by(kv, false), 1);
	put_if(kv, SPAN("other"), "k", "fox", AB_UNSET, anyhow);
	CHECK_SEARCH(kv, "fox", "");
	put(kv, "k", "fox");
	CHECK(!config(kv, N, SET(search, 0)).search);
	CHECK_SEARCH(kv, "fox", "");
	put(kv, "k", "fox");
	CHECK_SEARCH(kv, "fox", "");
	config(kv, N, SET(search, 1));
	CHECK_SEARCH(kv, "fox", "k ");
	ab_kv_free(kv);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "quota", test_quota },
		{ "search follows what is written", test_search },
		{ "what has expired takes no room", test_expired_room },
	};

	return run_tests(tests, AB_COUNT_OF(tests));
}
