/* data/storetext: the index of words. */
#include "core/text.h"
#include "store_help.h"

static void
put(struct ab_store *store, const char *ns, const char *key, const char *text, int64_t expires_ms)
{
	static int64_t last_seq;
	struct ab_error err = AB_ERROR_INIT;
	const struct ab_span value = span_of(text);
	const struct ab_entry entry = { .ns = span_of(ns), .key = span_of(key), .seq = ++last_seq, .expires_ms = expires_ms, .size = (int64_t)value.len };

	put_over(store, &entry, value);
	CHECK_INT(store->engine->index(store, entry.ns, entry.key, &value, &err), 0);
}

static int
tell(void *data, const struct ab_entry *entry, struct ab_span snippet, struct ab_error *err)
{
	(void)err, (void)snippet;
	ab_buf_printf(data, "%.*s:%.*s ", (int)entry->ns.len, entry->ns.data, (int)entry->key.len, entry->key.data);
	return 0;
}

static void
check_search(struct ab_store *store, const struct ab_search *search, const char *want, int line)
{
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;
	int status = store->engine->search(store, search, tell, &told, &err);

	if (!tap_int(status, want != NULL ? 0 : -1, __FILE__, line, search->query))
		printf("# %s [%s]\n", err.msg, ab_errcode_name(err.code));
	tap_string(told.data != NULL ? told.data : "", want != NULL ? want : "", __FILE__, line, search->query);
	if (want == NULL)
		tap_int(err.code, AB_E_INPUT_INVALID, __FILE__, line, "code");
}

#define SEARCH(want, words, ...) \
	check_search(store, &(struct ab_search){ .query = (words), .limit = 10, .now_ms = 1000, __VA_ARGS__ }, want, __LINE__)

static void
test_words(void)
{
	struct ab_store *store = open_store("words", 0);
	struct ab_error err = AB_ERROR_INIT;

	begin(store);
	put(store, "n", "one", "the quick brown fox", AB_NEVER);
	put(store, "n", "two", "a lazy dog, na\xc3\xafve", AB_NEVER);
	put(store, "n/m", "three", "a fox below", AB_NEVER);
	put(store, "n-x", "four", "a fox beside", AB_NEVER);
	put(store, "n", "dead", "a fox that was", 1000);
	commit(store);
	SEARCH("n:one ", "fox", .ns = SPAN("n"));
	SEARCH("n:two ", "Naive", .ns = SPAN("n")); /* neither case nor accents */
	SEARCH("n:one ", "qui*", .ns = SPAN("n"));
	SEARCH("n:one ", "\"quick brown\"", .ns = SPAN("n"));
	SEARCH("", "\"brown quick\"", .ns = SPAN("n"));
	SEARCH("", "fox dog", .ns = SPAN("n"));
	SEARCH("n/m:three ", "below OR nothing", .ns = SPAN("n"), .nested = true);
	SEARCH("", "below", .ns = SPAN("n"));
	SEARCH("", "beside", .ns = SPAN("n"), .nested = true);
	SEARCH("", "fox", .ns = SPAN("none"));
	/* Not a query. */
	SEARCH(NULL, "\"open", .ns = SPAN("n"));
	SEARCH(NULL, "AND", .ns = SPAN("n"));
	SEARCH(NULL, "*reads", .ns = SPAN("n"));
	SEARCH(NULL, "*id", .ns = SPAN("n"));
	SEARCH("", "\"\" \"!\"", .ns = SPAN("n"));
	SEARCH("n:one ", "fox", .ns = SPAN("n")); /* and it goes on */
	/* Another text in its place, and none. */
	begin(store);
	put(store, "n", "one", "a hen", AB_NEVER);
	CHECK_INT(store->engine->index(store, SPAN("n"), SPAN("two"), NULL, &err), 0);
	CHECK_INT(store->engine->index(store, SPAN("n"), SPAN("none"), NULL, &err), 0);
	commit(store);
	SEARCH("", "fox", .ns = SPAN("n"));
	SEARCH("n:one ", "hen", .ns = SPAN("n"));
	SEARCH("", "lazy", .ns = SPAN("n"));
	CHECK_INT(store->engine->check(store, &err), 0);
	store->engine->close(store);
}

/* No namespace was ever told to be searched. */
static void
test_nothing(void)
{
	struct ab_store *store = open_store("nothing", 0);

	SEARCH("", "fox", .ns = SPAN("n"));
	SEARCH("", "fox", .ns = SPAN("n"), .nested = true);
	store->engine->close(store);
	store = open_store("nothing", AB_STORE_READ);
	SEARCH("", "fox", .ns = SPAN("n"));
	store->engine->close(store);
}

/* What is shown of the only text that is found. */
static int
keep_snippet(void *data, const struct ab_entry *entry, struct ab_span snippet, struct ab_error *err)
{
	(void)entry, (void)err;
	ab_buf_put(data, snippet.data, snippet.len);
	return 0;
}

static void
check_snippet(struct ab_store *store, const char *query, const char *want, int line)
{
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;
	const struct ab_search search = { .ns = SPAN("n"), .query = query, .limit = 10 };

	tap_int(store->engine->search(store, &search, keep_snippet, &told, &err), 0, __FILE__, line, query);
	tap_string(told.data != NULL ? told.data : "", want, __FILE__, line, query);
}
#define SNIPPET(query, want) check_snippet(store, query, want, __LINE__)

static void
test_snippets(void)
{
	struct ab_store *store = open_store("snippets", 0);

	begin(store);
	put(store, "n", "short", "(A short one.)", AB_NEVER);
	put(store, "n", "long", "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12 w13 w14 w15 w16 w17 w18 w19 w20 w21!", AB_NEVER);
	put(store, "n", "two", "apart x x x x x x x x x x x x x x x x x x apart na\xc3\xafve together y", AB_NEVER);
	put(store, "n", "none", "!?", AB_NEVER);
	commit(store);
	SNIPPET("one", "(A short one.)");
	SNIPPET("w1", "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12 w13 w14 w15 w16...");
	SNIPPET("w5", "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12 w13 w14 w15 w16...");
	SNIPPET("w6", "...w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12 w13 w14 w15 w16 w17...");
	SNIPPET("w10", "...w6 w7 w8 w9 w10 w11 w12 w13 w14 w15 w16 w17 w18 w19 w20 w21!");
	SNIPPET("w21", "...w17 w18 w19 w20 w21!");
	SNIPPET("w9 AND w21", "...w5 w6 w7 w8 w9 w10 w11 w12 w13 w14 w15 w16 w17 w18 w19 w20...");
	SNIPPET("w18 OR w2 OR w19", "...w14 w15 w16 w17 w18 w19 w20 w21!"); /* where there are more of them */
	SNIPPET("w20 OR nothing", "...w16 w17 w18 w19 w20 w21!");
	SNIPPET("\"w20 w21\" NOT nothing", "...w16 w17 w18 w19 w20 w21!");
	SNIPPET("naive together", "...x x x apart na\xc3\xafve together y");
	store->engine->close(store);
}

/* As many bytes as fit, in whole characters, where words are long or far from each other. */
static void
test_long_words(void)
{
	struct ab_store *store = open_store("long", 0);
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_BUF struct ab_buf told = AB_BUF_INIT(SIZE_MAX / 2);
	struct ab_error err = AB_ERROR_INIT;
	const struct ab_search search = { .ns = SPAN("n"), .query = "hit", .limit = 10 };

	for (int i = 0; i < 1000; i++)
		ab_buf_puts(&text, "\xe6\xbc\xa2");
	ab_buf_puts(&text, " hit ");
	for (int i = 0; i < 1000; i++)
		ab_buf_puts(&text, "\xf0\x9f\x98\x80"); /* no word at all */
	begin(store);
	put(store, "n", "k", text.data, AB_NEVER);
	commit(store);
	CHECK_INT(store->engine->search(store, &search, keep_snippet, &told, &err), 0);
	CHECK(told.len > 2000 && told.len < 2070 && ab_utf8_valid(told.data, told.len));
	CHECK(strncmp(told.data, "...\xe6\xbc\xa2", 6) == 0 && strstr(told.data, "\xa2 hit \xf0") != NULL && strcmp(told.data + told.len - 3, "...") == 0);
	store->engine->close(store);
}

/* Of texts with very many hits each one is shown from its first one; who has more hits, or fewer other words, comes first. */
static void
test_many_hits(void)
{
	struct ab_store *store = open_store("many", 0);
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(SIZE_MAX / 2);
	AB_AUTO_BUF struct ab_buf query = AB_BUF_INIT(SIZE_MAX / 2);

	for (int i = 0; i < 40000; i++)
		ab_buf_puts(&text, "needle in a big haystack ");
	begin(store);
	put(store, "n", "many", text.data, AB_NEVER);
	put(store, "n", "long", "needle and a lot of other words", AB_NEVER);
	put(store, "n", "once", "needle and words", AB_NEVER);
	put(store, "n", "twice", "needle and needle", AB_NEVER);
	put(store, "n", "with", "rare needle and a lot of other words", AB_NEVER);
	for (int i = 0; i < 20; i++) {
		char name[16];
		snprintf(name, sizeof(name), "other%d", i);
		put(store, "n", name, "nothing of it", AB_NEVER);
	}
	commit(store);
	SEARCH("n:many n:twice n:once n:long n:with ", "needle", .ns = SPAN("n"));
	SEARCH("n:with n:many n:twice n:once n:long ", "needle OR rare", .ns = SPAN("n"));
	SNIPPET("needle in", "needle in a big haystack needle in a big haystack needle in a big haystack needle...");
	for (int i = 0; i < 64; i++)
		ab_buf_printf(&query, "%sneedle", i > 0 ? " " : "");
	SEARCH("n:many n:twice n:once n:long n:with ", query.data, .ns = SPAN("n"));
	ab_buf_puts(&query, "s");
	SEARCH("", query.data, .ns = SPAN("n"));
	ab_buf_puts(&query, "\xc2\xb7one");
	SEARCH(NULL, query.data, .ns = SPAN("n")); /* one word too many */
	store->engine->close(store);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "words", test_words },
		{ "an index that was never made", test_nothing },
		{ "snippets", test_snippets },
		{ "snippets of long words", test_long_words },
		{ "many hits, and many words of a query", test_many_hits },
	};

	return run_tests(tests, AB_COUNT_OF(tests));
}
