/* data/storewhole: what copies of the whole need, and notes. */
#include "store_help.h"

#define BIG 10000 /* a value that lies in chunks */

enum { ENTRIES, CHUNKS, OLD_ONES, CHANGES, NAMESPACES, NOTES, INDEXED, WORDS, TABLES };

/* How many rows another connection sees in a table. */
static int64_t
count(const char *rel, unsigned table)
{
	static const char *const statements[TABLES] = {
		[ENTRIES] = "SELECT count(*) FROM entry",
		[CHUNKS] = "SELECT count(*) FROM chunk",
		[OLD_ONES] = "SELECT count(*) FROM past",
		[CHANGES] = "SELECT count(*) FROM change",
		[NAMESPACES] = "SELECT count(*) FROM namespace",
		[NOTES] = "SELECT count(*) FROM note",
		[INDEXED] = "SELECT count(*) FROM indexed",
		[WORDS] = "SELECT count(*) FROM words",
	};
	static const struct ab_db_schema schema = { .name = "store", .application_id = 0x61626b76, .version = 1, .create = "", .statements = statements,
		.count = TABLES };
	AB_AUTO_FREE char *path = below(rel);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_db *db = NULL;
	int64_t rows = -1;

	if (CHECK_INT(ab_db_open(&db, path, AB_DB_READ, 10000, &schema, &err), 0)) {
		struct ab_db_statement *statement = ab_db_use(db, table);
		if (CHECK_INT(ab_db_step(statement, &err), 1))
			rows = ab_db_integer(statement, 0);
		ab_db_end(statement);
	}
	ab_db_close(db);
	return rows;
}

/* In a transaction: what is there is kept, and len bytes of the letter of seq take its place. */
static void
renew(struct ab_store *store, struct ab_span ns, struct ab_span key, int64_t seq, size_t len)
{
	AB_AUTO_FREE char *bytes = ab_malloc(len + 1);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry old;
	int found = store->engine->get(store, ns, key, &old, NULL, &err);
	const struct ab_entry entry = { .ns = ns, .key = key, .seq = seq, .created_ms = 10 * seq, .updated_ms = 100 * seq,
		.expires_ms = seq % 2 == 0 ? 1000 * seq : AB_NEVER, .size = (int64_t)len };
	const struct ab_span value = { bytes, len };

	memset(bytes, 'a' + (int)(seq % 26), len);
	if (found > 0)
		CHECK_INT(store->engine->keep(store, &old, &err), 0);
	CHECK_INT(store->engine->put(store, &entry, found > 0 ? &old : NULL, &value, &err), 0);
}

/* In a transaction: it goes, and its last version is kept. */
static void
take_away(struct ab_store *store, struct ab_span ns, struct ab_span key)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry old;

	CHECK_INT(store->engine->get(store, ns, key, &old, NULL, &err), 1);
	CHECK_INT(store->engine->keep(store, &old, &err), 0);
	CHECK_INT(store->engine->remove(store, &old, &err), 0);
}

/* ---- visitors ---- */

static int
tell_settings(void *data, const struct ab_namespace *namespace, struct ab_error *err)
{
	struct ab_buf *told = data;

	(void)err;
	for (size_t i = 0; i < namespace->name.len; i++)
		ab_buf_printf(told, namespace->name.data[i] == '\xff' ? "#" : "%c", namespace->name.data[i]);
	ab_buf_printf(told, "=%lld,", (long long)namespace->history);
	ab_buf_printf(told, namespace->history_age_ms == AB_NEVER ? "never," : "%lld,", (long long)namespace->history_age_ms);
	ab_buf_printf(told, namespace->max_bytes == INT64_MAX ? "all," : "%lld,", (long long)namespace->max_bytes);
	ab_buf_printf(told, "%lld%s ", (long long)namespace->bytes, namespace->search ? ",search" : "");
	return 0;
}

static void
check_settings(struct ab_store *store, const char *want)
{
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(store->engine->settings(store, tell_settings, &told, &err), 0);
	CHECK_STRING(told.data != NULL ? told.data : "", want);
}

/* namespace:key@seq and + for a value as it should be, - for none. */
static int
tell_old(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	struct ab_buf *told = data;
	bool right = entry->created_ms == 10 * entry->seq && entry->updated_ms == 100 * entry->seq &&
	    entry->expires_ms == (entry->seq % 2 == 0 ? 1000 * entry->seq : AB_NEVER);

	(void)err;
	if (value != NULL) {
		right = right && (int64_t)value->len == entry->size;
		for (size_t i = 0; i < value->len; i++)
			right = right && value->data[i] == (char)('a' + entry->seq % 26);
	}
	ab_buf_printf(told, "%.*s:%.*s@%lld%s ", (int)entry->ns.len, entry->ns.data, (int)entry->key.len, entry->key.data, (long long)entry->seq,
	    !right ? "!" : value != NULL ? "+" : "-");
	return 0;
}

static void
check_olds(struct ab_store *store, bool values, const char *want)
{
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(store->engine->olds(store, values, tell_old, &told, &err), 0);
	CHECK_STRING(told.data != NULL ? told.data : "", want);
}

/* ---- old versions ---- */

static void
test_olds(void)
{
	struct ab_store *store = open_store("olds", 0);

	check_olds(store, true, "");
	begin(store);
	renew(store, SPAN("n"), SPAN("b"), 1, 10);
	renew(store, SPAN("n"), SPAN("a"), 2, BIG);
	renew(store, SPAN("n/m"), SPAN("a"), 3, 5);
	renew(store, SPAN("m"), SPAN("z"), 4, BIG);
	commit(store);
	check_olds(store, true, ""); /* what is there is no old version */
	begin(store);
	renew(store, SPAN("n/m"), SPAN("a"), 5, 0);
	renew(store, SPAN("n"), SPAN("a"), 6, 0);
	renew(store, SPAN("n"), SPAN("a"), 7, 20);
	renew(store, SPAN("n"), SPAN("b"), 8, BIG);
	take_away(store, SPAN("m"), SPAN("z")); /* the last of its namespace */
	take_away(store, SPAN("n"), SPAN("b"));
	commit(store);
	check_olds(store, true, "m:z@4+ n:a@2+ n:a@6+ n:b@1+ n:b@8+ n/m:a@3+ ");
	check_olds(store, false, "m:z@4- n:a@2- n:a@6- n:b@1- n:b@8- n/m:a@3- ");
	/* In a transaction what is not committed yet is there too. */
	begin(store);
	renew(store, SPAN("n"), SPAN("a"), 9, 1);
	check_olds(store, true, "m:z@4+ n:a@2+ n:a@6+ n:a@7+ n:b@1+ n:b@8+ n/m:a@3+ ");
	store->engine->rollback(store);
	check_olds(store, false, "m:z@4- n:a@2- n:a@6- n:b@1- n:b@8- n/m:a@3- ");
	store->engine->close(store);
}

static int
enough_of_olds(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	int *calls = data;

	(void)entry, (void)value;
	if (++*calls < 2)
		return 0;
	return *calls == 2 ? 1 : ab_fail(err, AB_E_CANCELLED, "enough");
}

static int
enough_of_settings(void *data, const struct ab_namespace *namespace, struct ab_error *err)
{
	(void)namespace;
	return enough_of_olds(data, NULL, NULL, err);
}

/* A visitor that has enough, or fails: what comes next is not disturbed. */
static void
test_stopping(void)
{
	struct ab_store *store = open_store("stopping", 0);
	const struct ab_namespace told[] = { { .name = SPAN("a"), .history = 1 }, { .name = SPAN("b"), .history = 1 }, { .name = SPAN("c"), .history = 1 } };
	struct ab_error err = AB_ERROR_INIT;
	int calls = 0;

	begin(store);
	for (int64_t seq = 1; seq <= 5; seq++)
		renew(store, SPAN("n"), SPAN("k"), seq, 10);
	for (size_t i = 0; i < AB_COUNT_OF(told); i++)
		CHECK_INT(store->engine->put_namespace(store, &told[i], &err), 0);
	commit(store);
	CHECK_INT(store->engine->olds(store, true, enough_of_olds, &calls, &err), 1);
	CHECK_INT(calls, 2);
	CHECK_INT(store->engine->olds(store, true, enough_of_olds, &calls, &err), -1);
	CHECK_INT(calls, 3);
	CHECK_INT(err.code, AB_E_CANCELLED);
	calls = 0;
	err = (struct ab_error)AB_ERROR_INIT;
	CHECK_INT(store->engine->settings(store, enough_of_settings, &calls, &err), 1);
	CHECK_INT(calls, 2);
	CHECK_INT(store->engine->settings(store, enough_of_settings, &calls, &err), -1);
	CHECK_INT(calls, 3);
	CHECK_INT(err.code, AB_E_CANCELLED);
	check_olds(store, true, "n:k@1+ n:k@2+ n:k@3+ n:k@4+ ");
	check_settings(store, "a=1,0,0,0 b=1,0,0,0 c=1,0,0,0 ");
	begin(store);
	renew(store, SPAN("n"), SPAN("k"), 6, 10);
	commit(store);
	store->engine->close(store);
}

/* ---- settings ---- */

static void
test_settings(void)
{
	struct ab_store *store = open_store("settings", 0);
	struct ab_error err = AB_ERROR_INIT;
	const struct ab_namespace told[] = {
		{ .name = SPAN("b"), .history = 1, .history_age_ms = 2, .max_bytes = 3, .bytes = 4, .search = true },
		{ .name = SPAN("\xff"), .history_age_ms = AB_NEVER, .max_bytes = 0, .bytes = 0 },
		{ .name = SPAN("a/b"), .history = INT64_MAX, .history_age_ms = 0, .max_bytes = INT64_MAX },
		{ .name = SPAN("a-x"), .history_age_ms = AB_NEVER, .max_bytes = INT64_MAX, .search = true },
		{ .name = SPAN("a"), .history = 7, .history_age_ms = AB_NEVER, .max_bytes = INT64_MAX },
	};

	check_settings(store, "");
	begin(store);
	renew(store, SPAN("untold"), SPAN("k"), 1, 10);
	for (size_t i = 0; i < AB_COUNT_OF(told); i++)
		CHECK_INT(store->engine->put_namespace(store, &told[i], &err), 0);
	commit(store);
	check_settings(store, "a=7,never,all,0 a-x=0,never,all,0,search a/b=9223372036854775807,0,all,0 b=1,2,3,4,search #=0,never,0,0 ");
	store->engine->close(store);
}

/* ---- clear ---- */

static int
tell_found(void *data, const struct ab_entry *entry, struct ab_span snippet, struct ab_error *err)
{
	(void)snippet, (void)err;
	ab_buf_printf(data, "%.*s:%.*s ", (int)entry->ns.len, entry->ns.data, (int)entry->key.len, entry->key.data);
	return 0;
}

static void
check_search(struct ab_store *store, const char *query, const char *want)
{
	const struct ab_search search = { .ns = SPAN("n"), .nested = true, .query = query, .limit = 10, .now_ms = 0 };
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(store->engine->search(store, &search, tell_found, &told, &err), 0);
	CHECK_STRING(told.data != NULL ? told.data : "", want);
}

/* A row or more in each table, but for those of the index. */
static void
fill(struct ab_store *store)
{
	const struct ab_namespace told = { .name = SPAN("n"), .history = 7, .history_age_ms = AB_NEVER, .max_bytes = INT64_MAX };
	const struct ab_change change = { .seq = 4, .at_ms = 1, .kind = AB_CHANGE_PUT, .ns = SPAN("n"), .key = SPAN("k") };
	struct ab_error err = AB_ERROR_INIT;

	renew(store, SPAN("n"), SPAN("k"), 1, BIG);
	renew(store, SPAN("n"), SPAN("k"), 2, BIG);
	renew(store, SPAN("n"), SPAN("l"), 3, 10);
	renew(store, SPAN("n"), SPAN("l"), 4, 10);
	CHECK_INT(store->engine->log(store, &change, &err), 0);
	CHECK_INT(store->engine->put_namespace(store, &told, &err), 0);
	CHECK_INT(store->engine->put_note(store, "note", &SPAN("stays"), &err), 0);
}

static void
check_empty(struct ab_store *store, const char *rel)
{
	struct ab_error err = AB_ERROR_INIT;
	int64_t seq = -1;

	CHECK_INT(count(rel, ENTRIES), 0);
	CHECK_INT(count(rel, CHUNKS), 0);
	CHECK_INT(count(rel, OLD_ONES), 0);
	CHECK_INT(count(rel, CHANGES), 0);
	CHECK_INT(count(rel, NAMESPACES), 0);
	CHECK_INT(count(rel, NOTES), 1);
	CHECK_INT(store->engine->last_seq(store, &seq, &err), 0);
	CHECK_INT(seq, 0);
	check_olds(store, true, "");
	check_settings(store, "");
	CHECK_INT(store->engine->check(store, &err), 0);
}

static void
test_clear(void)
{
	struct ab_store *store = open_store("clear", 0);
	AB_AUTO_BUF struct ab_buf value = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry entry;

	begin(store);
	fill(store);
	commit(store);
	CHECK(count("clear", CHUNKS) > 0);
	begin(store);
	CHECK_INT(store->engine->clear(store, &err), 0);
	store->engine->rollback(store);
	check_olds(store, true, "n:k@1+ n:l@3+ ");
	CHECK_INT(store->engine->get(store, SPAN("n"), SPAN("k"), &entry, NULL, &err), 1);
	begin(store);
	CHECK_INT(store->engine->clear(store, &err), 0);
	commit(store);
	check_empty(store, "clear");
	/* The same numbers are given again, and nothing of what was shows through. */
	begin(store);
	renew(store, SPAN("n"), SPAN("k"), 1, BIG / 2);
	commit(store);
	CHECK_INT(store->engine->get(store, SPAN("n"), SPAN("k"), &entry, &value, &err), 1);
	CHECK_INT(value.len, BIG / 2);
	CHECK_INT(entry.size, BIG / 2);
	begin(store);
	CHECK_INT(store->engine->clear(store, &err), 0);
	CHECK_INT(store->engine->clear(store, &err), 0); /* also when there is nothing */
	commit(store);
	check_empty(store, "clear");
	store->engine->close(store);
}

static void
test_clear_words(void)
{
	struct ab_store *store = open_store("words", 0);
	struct ab_error err = AB_ERROR_INIT;

	begin(store);
	fill(store);
	CHECK_INT(store->engine->index(store, SPAN("n"), SPAN("k"), &SPAN("the quick brown fox"), &err), 0);
	CHECK_INT(store->engine->index(store, SPAN("n"), SPAN("l"), &SPAN("a lazy dog"), &err), 0);
	commit(store);
	check_search(store, "fox", "n:k ");
	begin(store);
	CHECK_INT(store->engine->clear(store, &err), 0);
	commit(store);
	check_empty(store, "words");
	CHECK_INT(count("words", INDEXED), 0);
	CHECK_INT(count("words", WORDS), 0);
	check_search(store, "fox", "");
	/* The same keys with other words: the former ones do not lead to them. */
	begin(store);
	renew(store, SPAN("n"), SPAN("k"), 1, 10);
	CHECK_INT(store->engine->index(store, SPAN("n"), SPAN("k"), &SPAN("a slow snail"), &err), 0);
	commit(store);
	check_search(store, "fox", "");
	check_search(store, "dog", "");
	check_search(store, "snail", "n:k ");
	CHECK_INT(store->engine->check(store, &err), 0);
	store->engine->close(store);
}

/* ---- notes ---- */

static void
check_note(struct ab_store *store, const char *name, const char *want, int line)
{
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;

	ab_buf_puts(&text, "before:");
	tap_int(store->engine->get_note(store, name, &text, &err), want != NULL, __FILE__, line, name);
	tap_string(text.data + 7, want != NULL ? want : "", __FILE__, line, name);
	tap_check(strncmp(text.data, "before:", 7) == 0, __FILE__, line, "it is appended");
}

#define CHECK_NOTE(store, name, want) check_note((store), (name), (want), __LINE__)

static void
test_notes(void)
{
	struct ab_store *store = open_store("notes", 0);
	AB_AUTO_BUF struct ab_buf big = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;

	CHECK_NOTE(store, "a", NULL);
	CHECK_INT(store->engine->put_note(store, "a", NULL, &err), 0); /* what is not there goes, too */
	CHECK_INT(store->engine->put_note(store, "a", &SPAN("one"), &err), 0);
	CHECK_INT(store->engine->put_note(store, "b", &SPAN("two"), &err), 0);
	CHECK_INT(store->engine->put_note(store, "A", &SPAN(""), &err), 0);
	CHECK_NOTE(store, "a", "one");
	CHECK_NOTE(store, "b", "two");
	CHECK_NOTE(store, "A", "");
	CHECK_INT(store->engine->put_note(store, "a", &SPAN("other, and longer"), &err), 0);
	CHECK_NOTE(store, "a", "other, and longer");
	const struct ab_span part = { "one and all", 3 };
	CHECK_INT(store->engine->put_note(store, "a", &part, &err), 0);
	CHECK_NOTE(store, "a", "one");
	CHECK_INT(store->engine->put_note(store, "b", NULL, &err), 0);
	CHECK_NOTE(store, "b", NULL);
	CHECK_NOTE(store, "a", "one");
	CHECK_INT(store->engine->put_note(store, "n\xc3\xa4me \xe2\x82\xac", &SPAN("{\"v\":\"\xf0\x9f\xa6\x8a \xc3\xa4\"}"), &err), 0);
	CHECK_NOTE(store, "n\xc3\xa4me \xe2\x82\xac", "{\"v\":\"\xf0\x9f\xa6\x8a \xc3\xa4\"}");
	for (int i = 0; i < 300000; i++)
		ab_buf_putc(&big, (char)('a' + i % 26));
	CHECK_INT(store->engine->put_note(store, "big", &(struct ab_span){ big.data, big.len }, &err), 0);
	CHECK_NOTE(store, "big", big.data);
	store->engine->close(store);
	store = open_store("notes", AB_STORE_READ);
	CHECK_NOTE(store, "a", "one");
	CHECK_NOTE(store, "big", big.data);
	CHECK_INT(store->engine->put_note(store, "a", &SPAN("two"), &err), -1);
	CHECK_INT(err.code, AB_E_DENIED_PERMISSION);
	store->engine->close(store);
}

/* They are not among what is kept for users, and as good as what is in the same transaction. */
static void
test_notes_apart(void)
{
	struct ab_store *store = open_store("apart", 0);
	struct ab_error err = AB_ERROR_INIT;
	int64_t seq = -1;

	begin(store);
	CHECK_INT(store->engine->put_note(store, "a", &SPAN("one"), &err), 0);
	CHECK_NOTE(store, "a", "one");
	store->engine->rollback(store);
	CHECK_NOTE(store, "a", NULL);
	begin(store);
	CHECK_INT(store->engine->put_note(store, "a", &SPAN("one"), &err), 0);
	commit(store);
	CHECK_NOTE(store, "a", "one");
	CHECK_INT(store->engine->last_seq(store, &seq, &err), 0);
	CHECK_INT(seq, 0);
	CHECK_INT(count("apart", ENTRIES), 0);
	CHECK_INT(count("apart", CHANGES), 0);
	CHECK_INT(count("apart", NAMESPACES), 0);
	check_olds(store, true, "");
	check_settings(store, "");
	begin(store);
	CHECK_INT(store->engine->clear(store, &err), 0);
	commit(store);
	CHECK_NOTE(store, "a", "one");
	store->engine->close(store);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "old versions of all keys", test_olds },
		{ "visitors that have enough", test_stopping },
		{ "settings of all namespaces", test_settings },
		{ "clear leaves nothing but notes", test_clear },
		{ "clear, with an index of words", test_clear_words },
		{ "notes", test_notes },
		{ "notes are apart", test_notes_apart },
	};

	return run_tests(tests, AB_COUNT_OF(tests));
}
