/* data/storepast: the log of changes, old versions, what namespaces were told. */
#include "store_help.h"

/* ---- changes ---- */

static int
tell_change(void *data, const struct ab_change *change, struct ab_error *err)
{
	struct ab_buf *told = data;

	(void)err;
	ab_buf_printf(told, "%lld@%lld/%d %.*s:%.*s;", (long long)change->seq, (long long)change->at_ms, (int)change->kind, (int)change->ns.len,
	    change->ns.data, (int)change->key.len, change->key.data);
	return change->seq == 99;
}

static void
check_changes(struct ab_store *store, int64_t from, const char *want)
{
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;

	CHECK(store->engine->changes(store, from, tell_change, &told, &err) >= 0);
	CHECK_STRING(told.data != NULL ? told.data : "", want);
}

static void
test_changes(void)
{
	struct ab_store *store = open_store("changes", 0);
	struct ab_error err = AB_ERROR_INIT;
	const struct ab_change changes[] = {
		{ .seq = 1, .at_ms = 10, .kind = AB_CHANGE_PUT, .ns = SPAN("a"), .key = SPAN("k") },
		{ .seq = 2, .at_ms = 11, .kind = AB_CHANGE_DELETE, .ns = SPAN("a/b"), .key = SPAN("l") },
		{ .seq = 5, .at_ms = 9, .kind = AB_CHANGE_EXPIRE, .ns = SPAN("a"), .key = SPAN("m") },
	};
	int64_t seq = -1;

	CHECK_INT(store->engine->last_seq(store, &seq, &err), 0);
	CHECK_INT(seq, 0);
	begin(store);
	for (size_t i = 0; i < AB_COUNT_OF(changes); i++)
		CHECK_INT(store->engine->log(store, &changes[i], &err), 0);
	CHECK_INT(store->engine->log(store, &changes[0], &err), -1); /* a number is given once */
	commit(store);
	CHECK_INT(store->engine->last_seq(store, &seq, &err), 0);
	CHECK_INT(seq, 5);
	check_changes(store, 0, "1@10/1 a:k;2@11/2 a/b:l;5@9/3 a:m;");
	check_changes(store, 2, "2@11/2 a/b:l;5@9/3 a:m;");
	check_changes(store, 3, "5@9/3 a:m;");
	check_changes(store, 6, "");
	begin(store);
	CHECK_INT(store->engine->forget(store, 2, &err), 0);
	commit(store);
	check_changes(store, 0, "2@11/2 a/b:l;5@9/3 a:m;");
	begin(store);
	CHECK_INT(store->engine->forget(store, INT64_MAX, &err), 0);
	commit(store);
	check_changes(store, 0, "5@9/3 a:m;"); /* the last one stays: it has the number */
	store->engine->close(store);
	store = open_store("changes", 0);
	CHECK_INT(store->engine->last_seq(store, &seq, &err), 0);
	CHECK_INT(seq, 5);
	const struct ab_change ninety = { .seq = 99, .kind = AB_CHANGE_PUT, .ns = SPAN("a"), .key = SPAN("k") };
	const struct ab_change hundred = { .seq = 100, .kind = AB_CHANGE_PUT, .ns = SPAN("a"), .key = SPAN("k") };
	begin(store);
	CHECK_INT(store->engine->log(store, &ninety, &err), 0);
	CHECK_INT(store->engine->log(store, &hundred, &err), 0);
	commit(store);
	check_changes(store, 6, "99@0/1 a:k;"); /* the visitor has enough */
	store->engine->close(store);
}

/* ---- old versions ---- */

#define BIG 10000

/* In a transaction: the old version is kept, and a new one of len bytes takes its place. */
static void
renew(struct ab_store *store, struct ab_span key, int64_t seq, int64_t at_ms, size_t len)
{
	AB_AUTO_FREE char *bytes = ab_malloc(len + 1);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry old;
	int found = store->engine->get(store, SPAN("n"), key, &old, NULL, &err);
	const struct ab_entry entry = { .ns = SPAN("n"), .key = key, .seq = seq, .created_ms = at_ms, .updated_ms = at_ms, .expires_ms = AB_NEVER,
		.size = (int64_t)len };
	const struct ab_span value = { bytes, len };

	memset(bytes, 'a' + (int)(seq % 26), len);
	if (found > 0) {
		CHECK_INT(store->engine->keep(store, &old, &err), 0);
		CHECK_INT(old.value_id, 0);
	}
	CHECK_INT(store->engine->put(store, &entry, found > 0 ? &old : NULL, &value, &err), 0);
}

static int
tell_version(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	struct ab_buf *told = data;

	(void)err;
	ab_buf_printf(told, "%lld", (long long)entry->seq);
	if (value != NULL) {
		const char want = (char)('a' + entry->seq % 26);
		bool same = (int64_t)value->len == entry->size;
		for (size_t i = 0; i < value->len; i++)
			same = same && value->data[i] == want;
		ab_buf_puts(told, same ? "+" : "!");
	}
	ab_buf_puts(told, " ");
	return 0;
}

static void
check_past(struct ab_store *store, struct ab_span key, int64_t from, const char *want)
{
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(store->engine->past(store, SPAN("n"), key, from, true, tell_version, &told, &err), 0);
	CHECK_STRING(told.data != NULL ? told.data : "", want);
	ab_buf_truncate(&told, 0);
	CHECK_INT(store->engine->past(store, SPAN("n"), key, INT64_MIN, false, tell_version, &told, &err), 0);
	CHECK_INT(told.len, 0);
}

static void
test_past(void)
{
	struct ab_store *store = open_store("past", 0);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry old;

	begin(store);
	for (int64_t seq = 1; seq <= 6; seq++)
		renew(store, SPAN("k"), seq, 100 * seq, seq % 2 == 0 ? BIG : 10);
	renew(store, SPAN("l"), 7, 100, BIG);
	renew(store, SPAN("l"), 8, 100, 10);
	commit(store);
	check_past(store, SPAN("k"), INT64_MAX, "5+ 4+ 3+ 2+ 1+ ");
	check_past(store, SPAN("k"), 3, "3+ 2+ 1+ ");
	check_past(store, SPAN("none"), INT64_MAX, "");
	CHECK_INT(ask("past", CHUNK_BYTES), 4 * BIG);
	begin(store);
	CHECK_INT(store->engine->trim(store, SPAN("n"), SPAN("k"), 10, INT64_MIN, &err), 0);
	check_past(store, SPAN("k"), INT64_MAX, "5+ 4+ 3+ 2+ 1+ ");
	CHECK_INT(store->engine->trim(store, SPAN("n"), SPAN("k"), 10, 200, &err), 0);
	check_past(store, SPAN("k"), INT64_MAX, "5+ 4+ 3+ 2+ ");
	CHECK_INT(store->engine->trim(store, SPAN("n"), SPAN("k"), 2, INT64_MIN, &err), 0);
	check_past(store, SPAN("k"), INT64_MAX, "5+ 4+ ");
	CHECK_INT(store->engine->trim(store, SPAN("n"), SPAN("k"), 1, 600, &err), 0);
	check_past(store, SPAN("k"), INT64_MAX, "");
	check_past(store, SPAN("l"), INT64_MAX, "7+ "); /* of that key alone */
	CHECK_INT(store->engine->trim(store, SPAN("n"), SPAN("l"), 0, INT64_MIN, &err), 0);
	commit(store);
	CHECK_INT(ask("past", PAST_COUNT), 0);
	CHECK_INT(ask("past", CHUNK_BYTES), BIG); /* of the present version 6 */
	/* A removed entry leaves its old versions, with their values. */
	begin(store);
	CHECK_INT(store->engine->get(store, SPAN("n"), SPAN("k"), &old, NULL, &err), 1);
	CHECK_INT(store->engine->keep(store, &old, &err), 0);
	CHECK_INT(store->engine->remove(store, &old, &err), 0);
	commit(store);
	check_past(store, SPAN("k"), INT64_MAX, "6+ ");
	CHECK_INT(store->engine->get(store, SPAN("n"), SPAN("k"), &old, NULL, &err), 0);
	store->engine->close(store);
}

/* ---- namespaces ---- */

static void
test_settings(void)
{
	struct ab_store *store = open_store("settings", 0);
	struct ab_error err = AB_ERROR_INIT;
	const struct ab_namespace told = { .name = SPAN("n"), .history = 3, .history_age_ms = 4, .max_bytes = 5, .bytes = 6, .search = true };
	struct ab_namespace now;

	CHECK_INT(store->engine->get_namespace(store, SPAN("n"), &now, &err), 0);
	CHECK(now.history == 0 && now.history_age_ms == AB_NEVER && now.max_bytes == INT64_MAX && now.bytes == 0 && !now.search);
	begin(store);
	CHECK_INT(store->engine->put_namespace(store, &told, &err), 0);
	commit(store);
	CHECK_INT(store->engine->get_namespace(store, SPAN("n"), &now, &err), 1);
	CHECK(now.history == 3 && now.history_age_ms == 4 && now.max_bytes == 5 && now.bytes == 6 && now.search);
	CHECK(span_is(now.name, "n"));
	CHECK_INT(store->engine->get_namespace(store, SPAN("n/m"), &now, &err), 0);
	CHECK_INT(now.history, 0);
	store->engine->close(store);
}

static int
tell_namespace(void *data, struct ab_span name, int64_t keys, int64_t bytes, struct ab_error *err)
{
	struct ab_buf *told = data;

	(void)err;
	for (size_t i = 0; i < name.len; i++)
		ab_buf_printf(told, name.data[i] == '\xff' ? "#" : "%c", name.data[i]);
	ab_buf_printf(told, "=%lld,%lld ", (long long)keys, (long long)bytes);
	return strcmp(told->data, "stop=1,2 ") == 0;
}

static void
check_namespaces(struct ab_store *store, struct ab_span outer, int64_t now_ms, const char *want)
{
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;

	CHECK(store->engine->namespaces(store, outer, now_ms, tell_namespace, &told, &err) >= 0);
	CHECK_STRING(told.data != NULL ? told.data : "", want);
}

static void
test_namespaces(void)
{
	static const struct {
		const char *ns, *key;
		int64_t expires_ms;
	} row[] = {
		{ "a", "k", AB_NEVER }, { "a", "kk", AB_NEVER }, { "a/b", "k", AB_NEVER }, { "a-x", "k", AB_NEVER }, { "a0", "k", AB_NEVER },
		{ "a/dead", "k", 1000 }, { "b", "old", 1000 }, { "b", "new", 1001 }, { "\xff\xff\xff\xff\xff", "k", AB_NEVER }, { "stop", "k", AB_NEVER },
	};
	struct ab_store *store = open_store("namespaces", 0);
	struct ab_error err = AB_ERROR_INIT;

	check_namespaces(store, (struct ab_span){ NULL, 0 }, 0, "");
	begin(store);
	for (size_t i = 0; i < AB_COUNT_OF(row); i++) {
		const struct ab_entry entry = { .ns = span_of(row[i].ns), .key = span_of(row[i].key), .seq = (int64_t)i + 1,
			.expires_ms = row[i].expires_ms, .size = 1 };
		CHECK_INT(store->engine->put(store, &entry, NULL, &SPAN("v"), &err), 0);
	}
	commit(store);
	check_namespaces(store, (struct ab_span){ NULL, 0 }, 1000, "a=2,5 a-x=1,2 a/b=1,2 a0=1,2 b=1,4 stop=1,2 #####=1,2 ");
	check_namespaces(store, SPAN("a"), 1000, "a=2,5 a/b=1,2 ");
	check_namespaces(store, SPAN("a"), 999, "a=2,5 a/b=1,2 a/dead=1,2 ");
	check_namespaces(store, SPAN("a/b"), 1000, "a/b=1,2 ");
	check_namespaces(store, SPAN("b"), INT64_MIN, "b=2,8 ");
	check_namespaces(store, SPAN("b"), 1001, "");
	check_namespaces(store, SPAN("none"), 0, "");
	check_namespaces(store, SPAN("stop"), 0, "stop=1,2 ");
	store->engine->close(store);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "changes", test_changes },
		{ "old versions and their trims", test_past },
		{ "what a namespace was told", test_settings },
		{ "the namespaces that there are", test_namespaces },
	};

	return run_tests(tests, AB_COUNT_OF(tests));
}
