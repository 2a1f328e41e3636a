/* data/storelite: values of all sizes, and ranges in order. */
#include "store_help.h"

#define INLINE_MAX 4096
#define CHUNK_SIZE (256 << 10)

static int64_t last_seq;

/* In a transaction. */
static void
put(struct ab_store *store, const char *ns, struct ab_span key, struct ab_span value, int64_t expires_ms)
{
	const struct ab_entry entry = { .ns = span_of(ns), .key = key, .seq = ++last_seq, .created_ms = 1, .updated_ms = 2, .expires_ms = expires_ms,
		.size = (int64_t)value.len };

	put_over(store, &entry, value);
}

static void
append(struct ab_store *store, struct ab_span key, struct ab_span more)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry old;

	CHECK_INT(store->engine->get(store, SPAN("n"), key, &old, NULL, &err), 1);
	struct ab_entry entry = old;
	entry.seq = ++last_seq;
	entry.size += (int64_t)more.len;
	CHECK_INT(store->engine->append(store, &entry, &old, more, &err), 0);
}

/* Bytes that are different wherever one looks; the caller frees. */
static char *
pattern(size_t len)
{
	char *bytes = ab_malloc(len + 1);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 2654435761u >> 13);
	return bytes;
}

static void
check_value(struct ab_store *store, struct ab_span key, const char *want, size_t len)
{
	AB_AUTO_BUF struct ab_buf value = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry entry;

	ab_buf_puts(&value, ">");
	if (!CHECK_INT(store->engine->get(store, SPAN("n"), key, &entry, &value, &err), 1))
		return;
	CHECK_INT(entry.size, len);
	CHECK_INT(entry.seq, last_seq);
	CHECK(span_is(entry.ns, "n") && ab_span_compare(entry.key, key) == 0);
	if (!CHECK(value.len == len + 1 && value.data[0] == '>' && memcmp(value.data + 1, want, len) == 0))
		printf("# %zu bytes, %zu wanted\n", value.len - 1, len);
}

static const size_t sizes[] = { 0, 1, INLINE_MAX - 1, INLINE_MAX, INLINE_MAX + 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE,
	3 * CHUNK_SIZE + 17 };

static void
test_sizes(void)
{
	struct ab_store *store = open_store("sizes", 0);
	AB_AUTO_FREE char *bytes = pattern(sizes[AB_COUNT_OF(sizes) - 1]);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry old;

	last_seq = 0;
	/* Each over each: what was there leaves nothing. */
	for (size_t i = 0; i < AB_COUNT_OF(sizes); i++)
		for (size_t j = 0; j < AB_COUNT_OF(sizes); j++) {
			begin(store);
			put(store, "n", SPAN("k"), (struct ab_span){ bytes, sizes[i] }, AB_NEVER);
			check_value(store, SPAN("k"), bytes, sizes[i]);
			put(store, "n", SPAN("k"), (struct ab_span){ bytes, sizes[j] }, AB_NEVER);
			commit(store);
			check_value(store, SPAN("k"), bytes, sizes[j]);
			const size_t chunks = sizes[j] <= INLINE_MAX ? 0 : (sizes[j] + CHUNK_SIZE - 1) / CHUNK_SIZE;
			if (!CHECK_INT(ask("sizes", CHUNK_COUNT), chunks) || !CHECK_INT(ask("sizes", CHUNK_BYTES), chunks > 0 ? sizes[j] : 0))
				printf("# %zu over %zu\n", sizes[j], sizes[i]);
		}
	for (size_t i = 0; i < AB_COUNT_OF(sizes); i++) {
		begin(store);
		put(store, "n", SPAN("k"), (struct ab_span){ bytes, sizes[i] }, AB_NEVER);
		CHECK_INT(store->engine->get(store, SPAN("n"), SPAN("k"), &old, NULL, &err), 1);
		CHECK_INT(store->engine->remove(store, &old, &err), 0);
		CHECK_INT(store->engine->get(store, SPAN("n"), SPAN("k"), &old, NULL, &err), 0);
		commit(store);
		CHECK_INT(ask("sizes", CHUNK_COUNT), 0);
	}
	store->engine->close(store);
}

static void
test_append(void)
{
	static const size_t more[] = { 0, 1, 100, INLINE_MAX, INLINE_MAX + 1, CHUNK_SIZE, CHUNK_SIZE + 1 };
	struct ab_store *store = open_store("append", 0);
	AB_AUTO_FREE char *bytes = pattern((size_t)8 * CHUNK_SIZE);

	last_seq = 0;
	for (size_t i = 0; i < AB_COUNT_OF(sizes); i++)
		for (size_t j = 0; j < AB_COUNT_OF(more); j++) {
			begin(store);
			put(store, "n", SPAN("k"), (struct ab_span){ bytes, sizes[i] }, AB_NEVER);
			append(store, SPAN("k"), (struct ab_span){ bytes + sizes[i], more[j] });
			check_value(store, SPAN("k"), bytes, sizes[i] + more[j]);
			append(store, SPAN("k"), (struct ab_span){ bytes + sizes[i] + more[j], 7 });
			check_value(store, SPAN("k"), bytes, sizes[i] + more[j] + 7);
			commit(store);
			if (sizes[i] + more[j] + 7 > INLINE_MAX)
				CHECK_INT(ask("append", CHUNK_BYTES), sizes[i] + more[j] + 7);
		}
	/* Many small ones make few chunks. */
	begin(store);
	put(store, "n", SPAN("k"), (struct ab_span){ bytes, 0 }, AB_NEVER);
	for (size_t i = 0; i < 1000; i++)
		append(store, SPAN("k"), (struct ab_span){ bytes + i * 100, 100 });
	check_value(store, SPAN("k"), bytes, 100000);
	commit(store);
	CHECK(ask("append", CHUNK_COUNT) <= 100000 / INLINE_MAX + 1);
	store->engine->close(store);
}

/* The names that a call gave may be given to the next. */
static void
test_names_of_its_own(void)
{
	struct ab_store *store = open_store("names", 0);
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry entry, again;

	begin(store);
	put(store, "n", SPAN("key"), SPAN("v"), AB_NEVER);
	CHECK_INT(store->engine->get(store, SPAN("n"), SPAN("key"), &entry, NULL, &err), 1);
	CHECK_INT(store->engine->get(store, entry.ns, entry.key, &again, NULL, &err), 1);
	CHECK(span_is(again.ns, "n") && span_is(again.key, "key"));
	entry = again;
	entry.seq = ++last_seq;
	entry.size = 2;
	CHECK_INT(store->engine->append(store, &entry, &again, SPAN("w"), &err), 0);
	check_value(store, SPAN("key"), "vw", 2);
	commit(store);
	store->engine->close(store);
}

/* ---- ranges ---- */

static void
fill(struct ab_store *store)
{
	static const char *const names[] = { "a", "a-x", "a/b", "a/b/c", "a/c", "a0", "b", "\xff\xff\xff\xff\xff" };
	static const char *const keys[] = { "a", "ab", "abc", "b", "b\xff", "b\xff\xff", "c", "\xff", "\xff\xff", "\xff\xff\x61" };

	begin(store);
	for (size_t i = AB_COUNT_OF(names); i-- > 0;)
		for (size_t j = AB_COUNT_OF(keys); j-- > 0;)
			if (i == 0 || j < 2)
				put(store, names[i], span_of(keys[j]), SPAN("v"), AB_NEVER);
	put(store, "a", SPAN("old"), SPAN("v"), 1000);
	put(store, "a", SPAN("young"), SPAN("v"), 1001);
	put(store, "a/dead", SPAN("old"), SPAN("v"), 1000);
	commit(store);
}

static int
tell(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	struct ab_buf *told = data;

	(void)err;
	ab_buf_printf(told, "%s", told->len > 0 ? " " : "");
	for (size_t i = 0; i < entry->ns.len; i++)
		ab_buf_printf(told, entry->ns.data[i] == '\xff' ? "#" : "%c", entry->ns.data[i]);
	ab_buf_puts(told, ":");
	for (size_t i = 0; i < entry->key.len; i++)
		ab_buf_printf(told, entry->key.data[i] == '\xff' ? "#" : "%c", entry->key.data[i]);
	if (value != NULL)
		ab_buf_printf(told, "=%.*s", (int)value->len, value->data);
	return 0;
}

static void
check_range(struct ab_store *store, const struct ab_range *range, const char *want, int line)
{
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;

	tap_int(store->engine->range(store, range, tell, &told, &err), 0, __FILE__, line, "range");
	tap_string(told.data != NULL ? told.data : "", want, __FILE__, line, "range");
}

#define RANGE(want, ...) check_range(store, &(struct ab_range){ .now_ms = 1000, __VA_ARGS__ }, want, __LINE__)

static void
test_keys(void)
{
	struct ab_store *store = open_store("keys", 0);

	fill(store);
	RANGE("a:a a:ab a:abc a:b a:b# a:b## a:c a:young a:# a:## a:##a", .ns = SPAN("a"));
	RANGE("a:##a a:## a:# a:young a:c a:b## a:b# a:b a:abc a:ab a:a", .ns = SPAN("a"), .reverse = true);
	RANGE("", .ns = SPAN("none"));
	RANGE("a:ab a:abc", .ns = SPAN("a"), .prefix = SPAN("ab"));
	RANGE("a:b# a:b##", .ns = SPAN("a"), .prefix = SPAN("b\xff"));
	RANGE("a:## a:##a", .ns = SPAN("a"), .prefix = SPAN("\xff\xff"));
	RANGE("a:##a a:## a:#", .ns = SPAN("a"), .prefix = SPAN("\xff"), .reverse = true);
	RANGE("a:ab a:abc a:b", .ns = SPAN("a"), .from = SPAN("ab"), .to = SPAN("b\xff"));
	RANGE("a:b a:abc a:ab", .ns = SPAN("a"), .from = SPAN("ab"), .to = SPAN("b\xff"), .reverse = true);
	RANGE("a:abc", .ns = SPAN("a"), .prefix = SPAN("a"), .from = SPAN("abb"), .to = SPAN("z"));
	RANGE("", .ns = SPAN("a"), .from = SPAN("b"), .to = SPAN("b"));
	RANGE("", .ns = SPAN("a"), .from = SPAN("c"), .to = SPAN("b"));
	RANGE("", .ns = SPAN("a"), .to = SPAN(""));
	RANGE("a:a=v a:ab=v", .ns = SPAN("a"), .to = SPAN("abb"), .values = true);
	/* What has expired by then is not there: 1000 has, 1001 not yet. */
	RANGE("a:young", .ns = SPAN("a"), .from = SPAN("o"), .to = SPAN("z"));
	check_range(store, &(struct ab_range){ .ns = SPAN("a"), .prefix = SPAN("o"), .now_ms = 999 }, "a:old", __LINE__);
	check_range(store, &(struct ab_range){ .ns = SPAN("a"), .from = SPAN("o"), .to = SPAN("z"), .now_ms = 1001 }, "", __LINE__);
	/* Behind an entry, also when it is not there any more. */
	RANGE("a:b## a:c", .ns = SPAN("a"), .after_ns = SPAN("a"), .after = SPAN("b\xff"), .to = SPAN("d"));
	RANGE("a:b## a:c", .ns = SPAN("a"), .after_ns = SPAN("a"), .after = SPAN("b\xff" "a"), .to = SPAN("d"));
	RANGE("a:ab a:a", .ns = SPAN("a"), .after_ns = SPAN("a"), .after = SPAN("abc"), .reverse = true);
	RANGE("a:ab a:abc", .ns = SPAN("a"), .prefix = SPAN("ab"), .after_ns = SPAN("a"), .after = SPAN("a"));
	RANGE("a:abc a:ab", .ns = SPAN("a"), .prefix = SPAN("ab"), .after_ns = SPAN("a"), .after = SPAN("zz"), .reverse = true);
	RANGE("", .ns = SPAN("a"), .after_ns = SPAN("a"), .after = SPAN("\xff\xff" "a"));
	RANGE("", .ns = SPAN("a"), .after_ns = SPAN("a"), .after = SPAN("a"), .reverse = true);
	store->engine->close(store);
}

static void
test_nested(void)
{
	struct ab_store *store = open_store("nested", 0);

	fill(store);
#define OF_A .ns = SPAN("a"), .nested = true, .to = SPAN("abb")
	RANGE("a:a a:ab a/b:a a/b:ab a/b/c:a a/b/c:ab a/c:a a/c:ab", OF_A);
	RANGE("a/c:ab a/c:a a/b/c:ab a/b/c:a a/b:ab a/b:a a:ab a:a", OF_A, .reverse = true);
	RANGE("a/b:a a/b:ab a/b/c:a a/b/c:ab", .ns = SPAN("a/b"), .nested = true);
	RANGE("a-x:a a-x:ab", .ns = SPAN("a-x"), .nested = true);
	RANGE("a:ab a/b:ab a/b/c:ab a/c:ab", .ns = SPAN("a"), .nested = true, .prefix = SPAN("ab"), .to = SPAN("abc"));
	RANGE("a:a a-x:a a/b:a a/b/c:a a/c:a a0:a b:a #####:a", .nested = true, .to = SPAN("ab"));
	RANGE("#####:a b:a a0:a a/c:a a/b/c:a a/b:a a-x:a a:a", .nested = true, .to = SPAN("ab"), .reverse = true);
	/* Behind each entry comes the next one. */
	RANGE("a:ab a/b:a a/b:ab a/b/c:a a/b/c:ab a/c:a a/c:ab", OF_A, .after_ns = SPAN("a"), .after = SPAN("a"));
	RANGE("a/b:a a/b:ab a/b/c:a a/b/c:ab a/c:a a/c:ab", OF_A, .after_ns = SPAN("a"), .after = SPAN("ab"));
	RANGE("a/b/c:a a/b/c:ab a/c:a a/c:ab", OF_A, .after_ns = SPAN("a/b"), .after = SPAN("ab"));
	RANGE("a/c:a a/c:ab", OF_A, .after_ns = SPAN("a/bb"), .after = SPAN("zz"));
	RANGE("", OF_A, .after_ns = SPAN("a/c"), .after = SPAN("ab"));
	RANGE("a/b:a a:ab a:a", OF_A, .after_ns = SPAN("a/b"), .after = SPAN("ab"), .reverse = true);
	RANGE("a:ab a:a", OF_A, .after_ns = SPAN("a/b"), .after = SPAN("a"), .reverse = true);
	RANGE("a:a", OF_A, .after_ns = SPAN("a"), .after = SPAN("ab"), .reverse = true);
	/* A place that lies outside: all that is behind it, and nothing that is not in the range. */
	RANGE("", OF_A, .after_ns = SPAN("b"), .after = SPAN(""));
	RANGE("", OF_A, .after_ns = SPAN("a0"), .after = SPAN(""));
	RANGE("a:a a:ab a/b:a a/b:ab a/b/c:a a/b/c:ab a/c:a a/c:ab", OF_A, .after_ns = SPAN("A"), .after = SPAN("x"));
	RANGE("a/b:a a/b:ab a/b/c:a a/b/c:ab a/c:a a/c:ab", OF_A, .after_ns = SPAN("a-x"), .after = SPAN("a"));
	RANGE("a/c:ab a/c:a a/b/c:ab a/b/c:a a/b:ab a/b:a a:ab a:a", OF_A, .after_ns = SPAN("b"), .after = SPAN("a"), .reverse = true);
	RANGE("a:ab a:a", OF_A, .after_ns = SPAN("a-x"), .after = SPAN("a"), .reverse = true);
	RANGE("", OF_A, .after_ns = SPAN("A"), .after = SPAN("a"), .reverse = true);
	RANGE("a:a a:ab", .ns = SPAN("a"), .to = SPAN("abb"), .after_ns = SPAN("A"), .after = SPAN("x"));
	RANGE("", .ns = SPAN("a"), .after_ns = SPAN("b"), .after = SPAN("a"));
	store->engine->close(store);
}

static int
enough(void *data, const struct ab_entry *entry, const struct ab_span *value, struct ab_error *err)
{
	int *calls = data;

	(void)entry, (void)value;
	if (++*calls < 3)
		return 0;
	return *calls == 3 ? 1 : ab_fail(err, AB_E_CANCELLED, "enough");
}

static void
test_stopping(void)
{
	struct ab_store *store = open_store("stopping", 0);
	const struct ab_range range = { .ns = SPAN("a"), .nested = true, .to = SPAN("ab") }, reverse = { .nested = true, .reverse = true };
	struct ab_error err = AB_ERROR_INIT;
	int calls = 0;

	fill(store);
	CHECK_INT(store->engine->range(store, &range, enough, &calls, &err), 1);
	CHECK_INT(calls, 3);
	CHECK_INT(store->engine->range(store, &range, enough, &calls, &err), -1);
	CHECK_INT(calls, 4);
	CHECK_INT(err.code, AB_E_CANCELLED);
	calls = 0;
	CHECK_INT(store->engine->range(store, &reverse, enough, &calls, &err), 1);
	CHECK_INT(calls, 3);
	/* It can be used again at once, and writing goes on. */
	RANGE("a:a", .ns = SPAN("a"), .to = SPAN("ab"));
	begin(store);
	put(store, "a", SPAN("a"), SPAN("w"), AB_NEVER);
	commit(store);
	RANGE("a:a=w", .ns = SPAN("a"), .to = SPAN("ab"), .values = true);
	store->engine->close(store);
}

static void
test_expired(void)
{
	struct ab_store *store = open_store("expired", 0);
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;

	begin(store);
	put(store, "b", SPAN("second"), SPAN("v"), 20);
	put(store, "a", SPAN("first"), SPAN("v"), 10);
	put(store, "a", SPAN("third"), SPAN("v"), 30);
	put(store, "a", SPAN("never"), SPAN("v"), AB_NEVER);
	commit(store);
	CHECK_INT(store->engine->expired(store, 9, 10, tell, &told, &err), 0);
	CHECK_INT(told.len, 0);
	CHECK_INT(store->engine->expired(store, 20, 10, tell, &told, &err), 0);
	CHECK_STRING(told.data, "a:first b:second");
	ab_buf_truncate(&told, 0);
	CHECK_INT(store->engine->expired(store, INT64_MAX - 1, 2, tell, &told, &err), 0);
	CHECK_STRING(told.data, "a:first b:second");
	ab_buf_truncate(&told, 0);
	CHECK_INT(store->engine->expired(store, INT64_MAX - 1, UINT32_MAX, tell, &told, &err), 0);
	CHECK_STRING(told.data, "a:first b:second a:third");
	store->engine->close(store);
}

static void
test_whole(void)
{
	struct ab_store *store = open_store("whole", AB_STORE_DURABLE);
	struct ab_store *second = open_store("whole", AB_STORE_READ);
	AB_AUTO_FREE char *copy = below("whole-copy");
	struct ab_error err = AB_ERROR_INIT;
	struct ab_entry entry;

	begin(store);
	put(store, "n", SPAN("k"), SPAN("v"), AB_NEVER);
	CHECK_INT(second->engine->get(second, SPAN("n"), SPAN("k"), &entry, NULL, &err), 0);
	commit(store);
	begin(store);
	put(store, "n", SPAN("k"), SPAN("other"), AB_NEVER);
	store->engine->rollback(store);
	CHECK_INT(store->engine->get(store, SPAN("n"), SPAN("k"), &entry, NULL, &err), 1);
	CHECK_INT(entry.size, 1);
	CHECK_INT(store->engine->check(store, &err), 0);
	CHECK_INT(store->engine->backup(store, copy, &err), 0);
	CHECK_INT(store->engine->backup(store, copy, &err), -1);
	CHECK_INT(err.code, AB_E_EXISTS);
	second->engine->close(second);
	second = open_store("whole-copy", AB_STORE_READ);
	CHECK_INT(second->engine->get(second, SPAN("n"), SPAN("k"), &entry, NULL, &err), 1);
	entry.seq++;
	CHECK_INT(second->engine->put(second, &entry, &entry, &SPAN("x"), &err), -1);
	CHECK_INT(err.code, AB_E_DENIED_PERMISSION);
	second->engine->close(second);
	store->engine->close(store);
}

static void
test_compare(void)
{
	CHECK(ab_span_compare(SPAN("a"), SPAN("a")) == 0);
	CHECK(ab_span_compare(SPAN(""), (struct ab_span){ NULL, 0 }) == 0);
	CHECK(ab_span_compare(SPAN(""), SPAN("a")) < 0 && ab_span_compare(SPAN("a"), (struct ab_span){ NULL, 0 }) > 0);
	CHECK(ab_span_compare(SPAN("a"), SPAN("ab")) < 0 && ab_span_compare(SPAN("b"), SPAN("ab")) > 0);
	CHECK(ab_span_compare(SPAN("\xff"), SPAN("a")) > 0 && ab_span_compare(SPAN("\x7f"), SPAN("\x80")) < 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "values of all sizes, each over each", test_sizes },
		{ "append across the limits", test_append },
		{ "names of its own come back", test_names_of_its_own },
		{ "ranges of keys", test_keys },
		{ "ranges of nested namespaces", test_nested },
		{ "a visitor that has enough", test_stopping },
		{ "what has expired", test_expired },
		{ "rollback, check, backup", test_whole },
		{ "order of bytes", test_compare },
	};

	return run_tests(tests, AB_COUNT_OF(tests));
}
