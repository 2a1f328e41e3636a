/* data/storetext: words of values, found by queries. */
#include <string.h>

#include "core/mem.h"
#include "store_help.h"

static struct ab_error err;
static char found[1024], snippets[4096];

static int
note(void *data, const struct ab_entry *entry, struct ab_span snippet, struct ab_error *ignored)
{
	size_t len = strlen(found), more = strlen(snippets);

	(void)data, (void)ignored;
	snprintf(found + len, sizeof(found) - len, "%s%.*s/%.*s", len > 0 ? " " : "", (int)entry->ns.len, entry->ns.data, (int)entry->key.len, entry->key.data);
	snprintf(snippets + more, sizeof(snippets) - more, "[%.*s]", (int)snippet.len, snippet.data);
	return 0;
}

/* What a query finds: "NS/KEY …". */
static const char *
search(struct ab_store *store, const char *query, const char *ns, bool nested)
{
	const struct ab_search search = { .ns = span_of(ns), .nested = nested, .query = query, .limit = 10, .now_ms = 1000 };

	found[0] = snippets[0] = '\0';
	err = (struct ab_error)AB_ERROR_INIT;
	if (store->engine->search(store, &search, note, NULL, &err) < 0)
		snprintf(found, sizeof(found), "%s", ab_errcode_name(err.code));
	return found;
}

static int64_t seq;

static void
put(struct ab_store *store, const char *ns, const char *key, const char *text, int64_t expires_ms)
{
	const struct ab_span value = span_of(text);
	const struct ab_entry entry = { .ns = span_of(ns), .key = span_of(key), .seq = ++seq, .expires_ms = expires_ms, .size = (int64_t)value.len };

	CHECK_INT(store->engine->begin(store, true, &err), 0);
	CHECK_INT(store->engine->put(store, &entry, NULL, &value, &err), 0);
	CHECK_INT(store->engine->index(store, entry.ns, entry.key, &value, &err), 0);
	CHECK_INT(store->engine->commit(store, &err), 0);
}

static void
test_queries(void)
{
	struct ab_store *store = open_store("queries.db", 0);

	put(store, "n", "fox", "The quick brown fox jumps over the lazy dog", AB_NEVER);
	put(store, "n", "slow", "A slow fox, a Caf\xc3\xa9 and quickness", AB_NEVER);
	put(store, "n/below", "fox", "another fox", AB_NEVER);
	put(store, "n-x", "fox", "no neighbour's fox", AB_NEVER);
	put(store, "n", "gone", "an old fox", 1000);
	CHECK_STRING(search(store, "brown", "n", false), "n/fox");
	CHECK(strstr(snippets, "brown") != NULL);
	CHECK_STRING(search(store, "BROWN", "n", false), "n/fox");
	CHECK_STRING(search(store, "cafe", "n", false), "n/slow");
	CHECK_STRING(search(store, "\"brown fox\"", "n", false), "n/fox");
	CHECK_STRING(search(store, "\"fox brown\"", "n", false), "");
	CHECK_STRING(search(store, "quick*", "n", false), "n/slow n/fox");
	CHECK_STRING(search(store, "fox NOT slow", "n", false), "n/fox");
	CHECK_STRING(search(store, "fox AND slow", "n", false), "n/slow");
	CHECK_STRING(search(store, "another", "n", false), "");
	CHECK_STRING(search(store, "another", "n", true), "n/below/fox");
	CHECK_STRING(search(store, "neighbour", "n", true), "");
	CHECK_STRING(search(store, "old", "n", true), ""); /* it has expired */
	CHECK_STRING(search(store, "fox AND", "n", false), "input.invalid");
	CHECK_STRING(search(store, "\"fox", "n", false), "input.invalid");
	CHECK_STRING(search(store, "", "n", false), "input.invalid");
	store->engine->close(store);
}

static void
test_changes(void)
{
	struct ab_store *store = open_store("changes.db", 0);

	CHECK_STRING(search(store, "fox", "n", false), ""); /* nothing was ever indexed */
	put(store, "n", "a", "first words", AB_NEVER);
	put(store, "n", "a", "second thoughts", AB_NEVER);
	CHECK_STRING(search(store, "first", "n", false), "");
	CHECK_STRING(search(store, "thoughts", "n", false), "n/a");
	CHECK_INT(store->engine->index(store, SPAN("n"), SPAN("a"), NULL, &err), 0);
	CHECK_STRING(search(store, "thoughts", "n", false), "");
	CHECK_INT(store->engine->index(store, SPAN("n"), SPAN("never"), NULL, &err), 0);
	/* An index of what is undone is undone too. */
	const struct ab_span text = SPAN("third");
	CHECK_INT(store->engine->begin(store, true, &err), 0);
	CHECK_INT(store->engine->index(store, SPAN("n"), SPAN("a"), &text, &err), 0);
	store->engine->rollback(store);
	CHECK_STRING(search(store, "third", "n", false), "");
	store->engine->close(store);
	store = open_store("changes.db", AB_STORE_READ);
	CHECK_STRING(search(store, "third", "n", false), "");
	store->engine->close(store);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "queries", test_queries },
		{ "changes", test_changes },
	};

	return run_tests(tests, AB_COUNT_OF(tests));
}
