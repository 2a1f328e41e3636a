/* data/kvspace: what a namespace is told, and its index of words. */
#include <string.h>

#include "core/mem.h"
#include "data/kv.h"
#include "store_help.h"

#define N SPAN("n")

static struct ab_error err;
static const struct ab_kv_condition anyhow = AB_KV_ANYHOW;
static unsigned found;

static int
count(void *data, const struct ab_entry *entry, struct ab_span snippet, struct ab_error *ignored)
{
	(void)data, (void)entry, (void)snippet, (void)ignored;
	found++;
	return 0;
}

static unsigned
search(struct ab_kv *kv, const char *query)
{
	struct ab_search search = { .ns = N, .query = query, .limit = 10 };

	found = 0;
	CHECK_INT(ab_kv_search(kv, &search, count, NULL, &err), 0);
	return found;
}

static void
put(struct ab_kv *kv, const char *key, struct ab_span value)
{
	struct ab_entry entry;

	CHECK_INT(ab_kv_put(kv, N, span_of(key), value, AB_UNSET, &anyhow, &entry, &err), 0);
}

static void
tell_search(struct ab_kv *kv, int on)
{
	const struct ab_kv_settings set = { .history = AB_UNSET, .history_age_ms = AB_UNSET, .max_bytes = AB_UNSET, .search = on };
	struct ab_namespace now;

	CHECK_INT(ab_kv_config(kv, N, &set, &now, &err), 0);
	CHECK_INT(now.search, on);
}

static void
test_search(void)
{
	struct ab_kv *kv = ab_kv_new(open_store("search.db", 0), 1000000);
	struct ab_entry entry;

	put(kv, "before", SPAN("words that were there before"));
	CHECK_INT(search(kv, "words"), 0);
	tell_search(kv, 1);
	CHECK_INT(search(kv, "words"), 1); /* what was there is indexed */
	put(kv, "after", SPAN("words that came after"));
	CHECK_INT(search(kv, "words"), 2);
	put(kv, "after", SPAN("others"));
	CHECK_INT(search(kv, "words"), 1);
	CHECK_INT(ab_kv_append(kv, N, SPAN("after"), SPAN(" and zebras"), AB_UNSET, &anyhow, &entry, &err), 0);
	CHECK_INT(search(kv, "zebras"), 1);
	CHECK_INT(search(kv, "others"), 1);
	CHECK_INT(ab_kv_delete(kv, N, SPAN("after"), &anyhow, &entry, &err), 1);
	CHECK_INT(search(kv, "zebras"), 0);
	put(kv, "binary", SPAN("\xff\xfe words"));
	CHECK_INT(search(kv, "words"), 1); /* it is no text */
	tell_search(kv, 0);
	CHECK_INT(search(kv, "words"), 0);
	put(kv, "later", SPAN("words again"));
	CHECK_INT(search(kv, "words"), 0);
	ab_kv_free(kv);
}

static void
test_settings(void)
{
	struct ab_kv *kv = ab_kv_new(open_store("settings.db", 0), 1000000);
	const struct ab_kv_settings nothing = { .history = AB_UNSET, .history_age_ms = AB_UNSET, .max_bytes = AB_UNSET, .search = AB_MAYBE };
	struct ab_kv_settings set = nothing;
	struct ab_namespace now;

	CHECK_INT(ab_kv_config(kv, N, &nothing, &now, &err), 0);
	CHECK(now.history == 0 && now.history_age_ms == AB_NEVER && now.max_bytes == INT64_MAX && !now.search);
	set.history = 3;
	CHECK_INT(ab_kv_config(kv, N, &set, &now, &err), 0);
	set = nothing;
	set.history_age_ms = 5000;
	CHECK_INT(ab_kv_config(kv, N, &set, &now, &err), 0);
	put(kv, "k", SPAN("12345"));
	set = nothing;
	set.max_bytes = 100;
	CHECK_INT(ab_kv_config(kv, N, &set, &now, &err), 0);
	CHECK(now.history == 3 && now.history_age_ms == 5000 && now.max_bytes == 100);
	CHECK_INT(now.bytes, 6); /* what was there counts */
	CHECK_INT(ab_kv_config(kv, SPAN("other"), &nothing, &now, &err), 0);
	CHECK(now.history == 0 && now.max_bytes == INT64_MAX);
	ab_kv_free(kv);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "search", test_search },
		{ "settings", test_settings },
	};

	return run_tests(tests, AB_COUNT_OF(tests));
}
