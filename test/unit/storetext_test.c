/* data/storetext: the index of words. */
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

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "words", test_words },
		{ "an index that was never made", test_nothing },
	};

	return run_tests(tests, AB_COUNT_OF(tests));
}
