/* data/kv: many changes in one transaction, and an engine that fails. */
#include "kv_help.h"

static void
test_group(void)
{
	struct ab_kv *kv = open_kv("group");
	struct ab_kv *second = open_kv("group");

	clock_ms = 1000;
	ab_kv_group(kv);
	put(kv, "a", "1");
	CHECK_INT(incr(kv, "a", 1), 2);
	put(kv, "b", "x");
	CHECK_INT(delete_if(kv, N, "b", anyhow), 1);
	CHECK_KEY(kv, "a", "2");
	CHECK_KEY(second, "a", NULL);
	/* One that was refused is answered, and spoils nothing. */
	CHECK_INT(put_if(kv, N, "a", "x", AB_UNSET, at_version(0)), 0);
	CHECK_INT(last_code, AB_E_CONFLICT);
	put(kv, "text", "x");
	CHECK_INT(incr(kv, "text", 1), INT64_MIN);
	CHECK_INT(touch(kv, "none", 10), 0);
	CHECK_INT(ab_kv_settle(kv, &last), 0);
	CHECK_KEY(second, "a", "2");
	CHECK_KEY(second, "text", "x");
	CHECK_INT(ab_kv_settle(kv, &last), 0); /* nothing to settle */
	put(kv, "c", "1");
	CHECK_KEY(second, "c", NULL); /* it goes on */
	ab_kv_abandon(kv);
	CHECK_KEY(kv, "c", NULL);
	put(kv, "d", "1");
	ab_kv_free(kv); /* not settled */
	CHECK_KEY(second, "d", NULL);
	CHECK(put(second, "d", "2") > 0); /* and nobody is held up */
	ab_kv_free(second);
}

/* An engine that fails once, at the operation that is counted down to. */
static const struct ab_store_engine *whole;
static struct ab_store_engine faulty;
static int fail_put, fail_log;
static enum ab_errcode fail_code;
static bool fail_undoes; /* as SQLite does when the disk is full */

static int
broken_put(struct ab_store *store, const struct ab_entry *entry, const struct ab_entry *old, const struct ab_span *value, struct ab_error *err)
{
	if (fail_put == 0 || --fail_put > 0)
		return whole->put(store, entry, old, value, err);
	if (fail_undoes)
		whole->rollback(store);
	return ab_fail(err, fail_code, "put is broken");
}

static int
broken_log(struct ab_store *store, const struct ab_change *change, struct ab_error *err)
{
	if (fail_log == 0 || --fail_log > 0)
		return whole->log(store, change, err);
	return ab_fail(err, fail_code, "log is broken");
}

static void
test_broken(void)
{
	static const enum ab_errcode codes[] = { AB_E_SYSTEM, AB_E_LIMIT_STORAGE, AB_E_BUSY, AB_E_LIMIT_SIZE, AB_E_DENIED_PERMISSION };
	struct ab_kv *second = open_kv("broken");

	clock_ms = 1000;
	put(second, "a", "old");
	for (size_t i = 0; i < 4 * AB_COUNT_OF(codes); i++) {
		struct ab_kv *kv = open_kv("broken");
		struct ab_store *store = ab_kv_store(kv);
		bool grouped = i % 2 == 0;
		whole = store->engine;
		faulty = *whole;
		faulty.put = broken_put;
		faulty.log = broken_log;
		store->engine = &faulty;
		fail_code = codes[i / 4];
		fail_put = i % 4 < 2 ? 2 : 0;
		fail_log = i % 4 < 2 ? 0 : 2;
		fail_undoes = i % 4 == 0;
		if (grouped) {
			ab_kv_group(kv);
			CHECK(put(kv, "a", "first") > 0);
			CHECK_INT(put(kv, "b", "second"), 0);
			CHECK_INT(last_code, fail_code);
			/* The rest of the group is lost, and told so. */
			CHECK_INT(put(kv, "c", "third"), 0);
			CHECK_INT(last_code, fail_code);
			CHECK_INT(ab_kv_settle(kv, &last), -1);
			CHECK_INT(last.code, fail_code);
		} else {
			fail_put /= 2;
			fail_log /= 2;
			CHECK_INT(put(kv, "a", "first"), 0);
			CHECK_INT(last_code, fail_code);
		}
		CHECK_KEY(second, "a", "old");
		CHECK_KEY(second, "b", NULL);
		CHECK_KEY(second, "c", NULL);
		/* It begins anew. */
		CHECK(put(kv, "d", "after") > 0);
		CHECK_INT(ab_kv_settle(kv, &last), 0);
		CHECK_KEY(second, "d", "after");
		ab_kv_free(kv);
	}
	ab_kv_free(second);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "a group is there when it is settled", test_group },
		{ "an engine that fails", test_broken },
	};

	return run_tests(tests, AB_COUNT_OF(tests));
}
