/* data/kvread: old versions, lists. */
#include "kv_help.h"

/* ---- history ---- */

static int
tell_version(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	struct ab_buf *told = data;

	(void)err;
	if (!CHECK(value == NULL || (int64_t)value->len == entry->size))
		return 1;
	ab_buf_printf(told, "%.*s ", value == NULL || value->len > 9 ? 1 : (int)value->len, value == NULL ? "." : value->data);
	return 0;
}

static void
check_history(struct ab_kv *kv, const char *key, const char *want, int line)
{
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(ab_kv_history(kv, N, span_of(key), true, tell_version, &told, &err), 0);
	tap_string(told.data != NULL ? told.data : "", want, __FILE__, line, "history");
}

#define CHECK_HISTORY(kv, key, want) check_history((kv), (key), (want), __LINE__)

static void
check_version(struct ab_kv *kv, const char *key, int64_t version, const char *want, int line)
{
	AB_AUTO_BUF struct ab_buf value = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_entry entry = { .seq = 0 };

	ab_buf_puts(&value, ">");
	tap_int(ab_kv_get_version(kv, N, span_of(key), version, &entry, &value, &last), want != NULL, __FILE__, line, "found");
	tap_string(value.data + 1, want != NULL ? want : "", __FILE__, line, "value");
	if (want != NULL)
		tap_check(entry.seq == version && span_is(entry.key, key) && span_is(entry.ns, "n"), __FILE__, line, "entry");
}

#define CHECK_VERSION(kv, key, version, want) check_version((kv), (key), (version), (want), __LINE__)

static void
test_history(void)
{
	struct ab_kv *kv = open_kv("history");
	int64_t first, second, third;

	clock_ms = 1000;
	put(kv, "k", "lost"); /* before it was told to */
	CHECK_INT(config(kv, N, SET(history, 3)).history, 3);
	CHECK_HISTORY(kv, "none", "");
	first = put(kv, "k", "a");
	CHECK_HISTORY(kv, "k", "a lost ");
	second = append_if(kv, "k", "b", AB_UNSET, anyhow);
	third = put(kv, "k", "1");
	CHECK_INT(incr(kv, "k", 1), 2);
	CHECK_HISTORY(kv, "k", "2 1 ab a ");
	CHECK_VERSION(kv, "k", first, "a");
	CHECK_VERSION(kv, "k", second, "ab");
	CHECK_VERSION(kv, "k", third, "1");
	CHECK_VERSION(kv, "k", third + 1, "2");
	CHECK_VERSION(kv, "k", third + 2, NULL);
	CHECK_VERSION(kv, "k", 0, NULL);
	CHECK_VERSION(kv, "none", first, NULL);
	put(kv, "k", "x");
	CHECK_HISTORY(kv, "k", "x 2 1 ab ");
	CHECK_VERSION(kv, "k", first, NULL);
	CHECK_INT(delete_if(kv, N, "k", anyhow), 1);
	CHECK_HISTORY(kv, "k", "x 2 1 ");
	CHECK_VERSION(kv, "k", third, "1");
	put_ttl(kv, "k", "dies", 10);
	clock_ms += 10;
	CHECK_HISTORY(kv, "k", "x 2 1 "); /* what has expired is not there */
	put(kv, "k", "new");
	CHECK_HISTORY(kv, "k", "new dies x 2 ");
	/* By age. */
	config(kv, N, SET(history_age_ms, 100));
	clock_ms += 100;
	put(kv, "k", "newer"); /* what is 100 ms old stays, what is older goes */
	CHECK_HISTORY(kv, "k", "newer new ");
	clock_ms += 101;
	put(kv, "k", "newest");
	CHECK_HISTORY(kv, "k", "newest ");
	/* Another key, and another namespace, have their own. */
	put_if(kv, SPAN("m"), "k", "a", AB_UNSET, anyhow);
	put_if(kv, SPAN("m"), "k", "b", AB_UNSET, anyhow);
	CHECK_INT(ask("history", PAST_COUNT), 0);
	ab_kv_free(kv);
}

static void
test_history_chunks(void)
{
	struct ab_kv *kv = open_kv("history-chunks");
	char big[10001];

	clock_ms = 1000;
	config(kv, N, SET(history, 2));
	for (int c = 'a'; c <= 'f'; c++) {
		memset(big, c, sizeof(big) - 1);
		big[sizeof(big) - 1] = '\0';
		put(kv, "k", big);
		CHECK_KEY(kv, "k", big);
	}
	CHECK_HISTORY(kv, "k", "f e d ");
	CHECK_INT(ask("history-chunks", CHUNK_BYTES), 3 * 10000);
	append_if(kv, "k", "+", AB_UNSET, anyhow);
	CHECK_HISTORY(kv, "k", "f f e ");
	CHECK_INT(ask("history-chunks", CHUNK_BYTES), 3 * 10000 + 1);
	CHECK_INT(delete_if(kv, N, "k", anyhow), 1);
	CHECK_INT(ask("history-chunks", CHUNK_BYTES), 2 * 10000 + 1);
	ab_kv_free(kv);
}

/* Another connection writes between the present version and the old ones. */
static struct ab_kv *meddler;

static int
meddle(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	(void)entry, (void)value, (void)err;
	if (meddler != NULL)
		put(meddler, "k", "c");
	ab_kv_free_indirect(&meddler);
	++*(int *)data;
	return 0;
}

static void
test_history_once(void)
{
	struct ab_kv *kv = open_kv("history-once");
	int versions = 0;

	clock_ms = 1000;
	config(kv, N, SET(history, 5));
	put(kv, "k", "a");
	put(kv, "k", "b");
	meddler = open_kv("history-once");
	CHECK_INT(ab_kv_history(kv, N, SPAN("k"), false, meddle, &versions, &last), 0);
	CHECK_INT(versions, 2); /* b is told once */
	CHECK_HISTORY(kv, "k", "c b a ");
	ab_kv_free(kv);
}

/* ---- lists ---- */

static int
tell_key(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	(void)value, (void)err;
	ab_buf_printf(data, "%.*s ", (int)entry->key.len, entry->key.data);
	return 0;
}

static int
tell_namespace(void *data, struct ab_span name, int64_t keys, int64_t bytes, struct ab_error *err)
{
	(void)err;
	ab_buf_printf(data, "%.*s=%lld,%lld ", (int)name.len, name.data, (long long)keys, (long long)bytes);
	return 0;
}

static void
test_lists(void)
{
	struct ab_kv *kv = open_kv("lists");
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_range range = { .ns = N };

	clock_ms = 1000;
	put(kv, "b", "x");
	put_ttl(kv, "a", "x", 10);
	put_if(kv, SPAN("m"), "k", "xy", 20, anyhow);
	CHECK_INT(ab_kv_range(kv, &range, tell_key, &told, &last), 0);
	CHECK_STRING(told.data, "a b ");
	ab_buf_truncate(&told, 0);
	clock_ms += 10;
	CHECK_INT(ab_kv_range(kv, &range, tell_key, &told, &last), 0);
	CHECK_STRING(told.data, "b ");
	ab_buf_truncate(&told, 0);
	CHECK_INT(ab_kv_namespaces(kv, (struct ab_span){ NULL, 0 }, tell_namespace, &told, &last), 0);
	CHECK_STRING(told.data, "m=1,3 n=1,2 ");
	ab_buf_truncate(&told, 0);
	clock_ms += 10;
	CHECK_INT(ab_kv_namespaces(kv, (struct ab_span){ NULL, 0 }, tell_namespace, &told, &last), 0);
	CHECK_STRING(told.data, "n=1,2 ");
	ab_kv_free(kv);
}

/* ---- changes ---- */

static int
tell_change(void *data, const struct ab_change *change, struct ab_error *err)
{
	(void)err;
	ab_buf_printf(data, "%lld%c%.*s ", (long long)change->seq, "?pde"[change->kind], (int)change->key.len, change->key.data);
	return 0;
}

static void
test_changes(void)
{
	struct ab_kv *kv = open_kv("changes");
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	int64_t seq = -1;

	clock_ms = 1000;
	CHECK_INT(ab_kv_last_seq(kv, &seq, &last), 0);
	CHECK_INT(seq, 0);
	CHECK_INT(ab_kv_changes(kv, 0, tell_change, &told, &last), 0);
	CHECK_INT(told.len, 0);
	put(kv, "a", "1");
	put_ttl(kv, "b", "1", 10);
	CHECK_INT(put_if(kv, N, "a", "x", AB_UNSET, at_version(0)), 0); /* no change */
	CHECK_INT(delete_if(kv, N, "a", anyhow), 1);
	clock_ms += 10;
	incr(kv, "b", 1);
	CHECK_INT(ab_kv_changes(kv, 0, tell_change, &told, &last), 0);
	CHECK_STRING(told.data, "1pa 2pb 3da 4eb 5pb ");
	ab_buf_truncate(&told, 0);
	CHECK_INT(ab_kv_changes(kv, 3, tell_change, &told, &last), 0);
	CHECK_STRING(told.data, "4eb 5pb ");
	ab_buf_truncate(&told, 0);
	CHECK_INT(ab_kv_changes(kv, 5, tell_change, &told, &last), 0);
	CHECK_INT(told.len, 0);
	CHECK_INT(ab_kv_store(kv)->engine->forget(ab_kv_store(kv), 4, &last), 0);
	CHECK_INT(ab_kv_changes(kv, 2, tell_change, &told, &last), -1);
	CHECK_INT(last.code, AB_E_GONE);
	CHECK(strstr(last.msg, "4") != NULL);
	CHECK_INT(told.len, 0);
	CHECK_INT(ab_kv_changes(kv, 3, tell_change, &told, &last), 0);
	CHECK_STRING(told.data, "4eb 5pb ");
	ab_kv_free(kv);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "history and its trims", test_history },
		{ "old values leave nothing behind", test_history_chunks },
		{ "a version is told once", test_history_once },
		{ "lists", test_lists },
		{ "changes, and those that are forgotten", test_changes },
	};

	return run_tests(tests, AB_COUNT_OF(tests));
}
