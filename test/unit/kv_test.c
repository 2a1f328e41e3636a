/* data/kv: versions, conditions, expiry, numbers. Groups: kvgroup_test.c; long random lives: kvmodel_test.c. */
#include "data/hash.h"
#include "kv_help.h"

/* ---- versions and times ---- */

static void
test_versions(void)
{
	struct ab_kv *kv = open_kv("versions");
	int64_t version, before;

	clock_ms = 1000;
	CHECK_KEY(kv, "k", NULL);
	before = put(kv, "k", "a");
	CHECK(before > 0);
	CHECK_INT(CHECK_KEY(kv, "k", "a").seq, before);
	version = put(kv, "k", "a"); /* the same value is a change */
	CHECK(version > before);
	before = version;
	CHECK_INT(delete_if(kv, N, "k", anyhow), 1);
	CHECK_INT(delete_if(kv, N, "k", anyhow), 0);
	CHECK_KEY(kv, "k", NULL);
	version = put(kv, "k", "b");
	CHECK(version > before + 1); /* the deletion has a number of its own */
	before = version;
	put_ttl(kv, "k", "c", 10);
	clock_ms += 10;
	CHECK_KEY(kv, "k", NULL);
	version = put(kv, "k", "d");
	CHECK(version > before + 2);
	before = version;
	CHECK_INT(delete_if(kv, N, "k", anyhow), 1);
	ab_kv_free(kv);
	/* Also when everything was forgotten but the number. */
	kv = open_kv("versions");
	CHECK_INT(ab_kv_store(kv)->engine->forget(ab_kv_store(kv), INT64_MAX, &last), 0);
	version = put(kv, "k", "e");
	CHECK_INT(version, before + 2);
	before = version;
	CHECK_INT(touch(kv, "k", AB_UNSET), 1);
	CHECK_INT(incr(kv, "number", 1), 1);
	CHECK_INT(CHECK_KEY(kv, "k", "e").seq, before + 1);
	CHECK_INT(CHECK_KEY(kv, "number", "1").seq, before + 2);
	CHECK_INT(append_if(kv, "k", "f", AB_UNSET, anyhow), before + 3);
	ab_kv_free(kv);
}

static void
test_times(void)
{
	struct ab_kv *kv = open_kv("times");
	struct ab_entry entry;
	int64_t updated_ms;

	clock_ms = 5000;
	put(kv, "k", "a");
	entry = CHECK_KEY(kv, "k", "a");
	CHECK_INT(entry.created_ms, 5000);
	CHECK_INT(entry.updated_ms, 5000);
	CHECK_INT(entry.expires_ms, AB_NEVER);
	clock_ms = 7000;
	put(kv, "k", "b");
	CHECK_INT(CHECK_KEY(kv, "k", "b").created_ms, 5000);
	CHECK_INT(CHECK_KEY(kv, "k", "b").updated_ms, 7000);
	put(kv, "k", "b"); /* in the same millisecond */
	CHECK_INT(CHECK_KEY(kv, "k", "b").updated_ms, 7001);
	clock_ms = 100; /* the clock goes back */
	put(kv, "k", "1");
	CHECK_INT(CHECK_KEY(kv, "k", "1").updated_ms, 7002);
	updated_ms = 7002;
	CHECK_INT(incr(kv, "k", 1), 2);
	append_if(kv, "k", "3", AB_UNSET, anyhow);
	CHECK_INT(touch(kv, "k", 50), 1);
	CHECK_INT(CHECK_KEY(kv, "k", "23").updated_ms, updated_ms + 3);
	CHECK_INT(CHECK_KEY(kv, "k", "23").created_ms, 5000);
	CHECK_INT(CHECK_KEY(kv, "k", "23").expires_ms, 150); /* what the clock says */
	ab_kv_free(kv);
}

/* ---- conditions ---- */

static void
test_conditions(void)
{
	struct ab_kv *kv = open_kv("conditions");
	const struct ab_kv_condition absent = { .absent = true, .version = AB_UNSET };
	unsigned char of_a[AB_SHA256_SIZE], of_nothing[AB_SHA256_SIZE];
	int64_t version;

	ab_sha256("a", 1, of_a);
	ab_sha256("", 0, of_nothing);
	const struct ab_kv_condition is_a = { .version = AB_UNSET, .sha256 = of_a }, is_empty = { .version = AB_UNSET, .sha256 = of_nothing };
	clock_ms = 1000;
	/* Not there: lost, lost, won. */
	CHECK_INT(put_if(kv, N, "k", "x", AB_UNSET, at_version(1)), 0);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK_INT(put_if(kv, N, "k", "x", AB_UNSET, is_empty), 0);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK(strstr(last.msg, "\"k\"") != NULL);
	CHECK_KEY(kv, "k", NULL);
	CHECK((version = put_if(kv, N, "k", "a", AB_UNSET, absent)) > 0);
	/* There: lost, lost, lost; nothing has changed. */
	CHECK_INT(put_if(kv, N, "k", "x", AB_UNSET, absent), 0);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK_INT(put_if(kv, N, "k", "x", AB_UNSET, at_version(0)), 0);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK_INT(put_if(kv, N, "k", "x", AB_UNSET, at_version(version + 1)), 0);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK_INT(put_if(kv, N, "k", "x", AB_UNSET, is_empty), 0);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK_INT(CHECK_KEY(kv, "k", "a").seq, version);
	/* Won. */
	CHECK((version = put_if(kv, N, "k", "a", AB_UNSET, at_version(version))) > 0);
	CHECK((version = put_if(kv, N, "k", "", AB_UNSET, is_a)) > 0);
	CHECK((version = put_if(kv, N, "k", "a", AB_UNSET, is_empty)) > 0);
	CHECK_INT(put_if(kv, N, "k", "x", AB_UNSET, (struct ab_kv_condition){ .version = version, .sha256 = of_nothing }), 0);
	/* The other changes have them too. */
	CHECK_INT(append_if(kv, "k", "x", AB_UNSET, absent), 0);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK_INT(incr_if(kv, "k", 1, AB_UNSET, at_version(version - 1)), INT64_MIN);
	CHECK_INT(last_code, AB_E_CONFLICT); /* before it is said that this is no number */
	CHECK_INT(delete_if(kv, N, "k", is_empty), -1);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK_INT(delete_if(kv, N, "none", at_version(version)), -1);
	CHECK_INT(last_code, AB_E_CONFLICT);
	CHECK_INT(delete_if(kv, N, "none", at_version(0)), 0);
	CHECK_INT(CHECK_KEY(kv, "k", "a").seq, version);
	CHECK((version = append_if(kv, "k", "", AB_UNSET, is_a)) > 0);
	CHECK_INT(delete_if(kv, N, "k", at_version(version)), 1);
	/* What has expired is not there. */
	version = put_ttl(kv, "k", "a", 10);
	clock_ms += 10;
	CHECK_INT(put_if(kv, N, "k", "x", AB_UNSET, at_version(version)), 0);
	CHECK_INT(put_if(kv, N, "k", "x", AB_UNSET, is_a), 0);
	CHECK_INT(delete_if(kv, N, "k", is_a), -1);
	CHECK(put_if(kv, N, "k", "b", AB_UNSET, absent) > version);
	CHECK_INT(incr_if(kv, "new", 5, AB_UNSET, at_version(0)), 5);
	ab_kv_free(kv);
}

/* ---- expiry ---- */

static void
test_expiry(void)
{
	struct ab_kv *kv = open_kv("expiry");
	struct ab_entry entry;

	clock_ms = 1000;
	put_ttl(kv, "k", "1", 500);
	CHECK_INT(CHECK_KEY(kv, "k", "1").expires_ms, 1500);
	clock_ms = 1499;
	CHECK_KEY(kv, "k", "1");
	clock_ms = 1500; /* exactly then */
	CHECK_KEY(kv, "k", NULL);
	CHECK_INT(ab_kv_touch(kv, N, SPAN("k"), 1000, &anyhow, &entry, &last), 0);
	CHECK_INT(delete_if(kv, N, "k", anyhow), 0);
	clock_ms = 1499; /* it has gone for ever */
	CHECK_KEY(kv, "k", NULL);
	/* put clears it; incr and append keep it, or set it. */
	clock_ms = 2000;
	put_ttl(kv, "k", "1", 500);
	put(kv, "k", "1");
	CHECK_INT(CHECK_KEY(kv, "k", "1").expires_ms, AB_NEVER);
	put_ttl(kv, "k", "1", 500);
	CHECK_INT(incr(kv, "k", 1), 2);
	CHECK_INT(CHECK_KEY(kv, "k", "2").expires_ms, 2500);
	append_if(kv, "k", "0", AB_UNSET, anyhow);
	CHECK_INT(CHECK_KEY(kv, "k", "20").expires_ms, 2500);
	append_if(kv, "k", "0", 700, anyhow);
	CHECK_INT(CHECK_KEY(kv, "k", "200").expires_ms, 2700);
	CHECK_INT(incr_if(kv, "k", 1, 800, anyhow), 201);
	CHECK_INT(CHECK_KEY(kv, "k", "201").expires_ms, 2800);
	CHECK_INT(touch(kv, "k", 100), 1);
	CHECK_INT(CHECK_KEY(kv, "k", "201").expires_ms, 2100);
	CHECK_INT(touch(kv, "k", AB_UNSET), 1);
	CHECK_INT(CHECK_KEY(kv, "k", "201").expires_ms, AB_NEVER);
	CHECK_INT(touch(kv, "none", 100), 0);
	/* Longer than time is: never. */
	CHECK_INT(touch(kv, "k", INT64_MAX), 1);
	CHECK_INT(CHECK_KEY(kv, "k", "201").expires_ms, AB_NEVER);
	/* What is made anew begins with nothing of the old one. */
	put_ttl(kv, "k", "7", 10);
	clock_ms += 10;
	CHECK_INT(incr(kv, "k", 1), 1);
	CHECK_INT(CHECK_KEY(kv, "k", "1").expires_ms, AB_NEVER);
	CHECK_INT(CHECK_KEY(kv, "k", "1").created_ms, clock_ms);
	put_ttl(kv, "k", "7", 10);
	clock_ms += 10;
	append_if(kv, "k", "x", AB_UNSET, anyhow);
	CHECK_INT(CHECK_KEY(kv, "k", "x").expires_ms, AB_NEVER);
	ab_kv_free(kv);
}

static void
test_sweep(void)
{
	struct ab_kv *kv = open_kv("sweep");
	char key[16];

	clock_ms = 1000;
	for (int i = 0; i < 2500; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		ab_kv_group(kv);
		put_ttl(kv, key, "v", i % 2 == 0 ? 10 : 20);
	}
	CHECK_INT(ab_kv_settle(kv, &last), 0);
	CHECK_INT(swept_by(kv, true), 0);
	CHECK_INT(swept_by(kv, false), 0);
	clock_ms += 10;
	CHECK_INT(swept_by(kv, true), 1250);
	CHECK_INT(swept_by(kv, true), 1250);
	CHECK_INT(swept_by(kv, false), 1250);
	CHECK_INT(swept_by(kv, false), 0);
	CHECK_KEY(kv, "k1", "v");
	CHECK_INT(ab_kv_settle(kv, &last), 0);
	ab_kv_free(kv);
	/* A write takes 64 of them with it. */
	kv = open_kv("sweep");
	clock_ms += 10;
	put(kv, "other", "v");
	CHECK_INT(swept_by(kv, true), 1250 - 64);
	/* Each of them is told in the log. */
	CHECK_INT(ask("sweep", CHANGE_COUNT), 2500 + 1250 + 64 + 1);
	CHECK_INT(swept_by(kv, false), 1250 - 64);
	CHECK_INT(ask("sweep", CHANGE_COUNT), 2500 + 2500 + 1);
	ab_kv_free(kv);
}

/* ---- numbers ---- */

static void
test_incr(void)
{
	static const char *const refused[] = { "", " ", "x", "1x", "1 2", "0x10", "1.5", "-", "9223372036854775808", "-9223372036854775809", "--1" };
	static const struct {
		const char *text;
		int64_t sum;
	} row[] = {
		{ "0", 1 }, { "-1", 0 }, { "41", 42 }, { " 7\n", 8 }, { "+7", 8 }, { "007", 8 }, { "9223372036854775806", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN + 1 },
	};
	struct ab_kv *kv = open_kv("incr");

	clock_ms = 1000;
	CHECK_INT(incr(kv, "k", 5), 5);
	CHECK_INT(incr(kv, "k", -7), -2);
	CHECK_KEY(kv, "k", "-2");
	CHECK_INT(incr(kv, "k", 0), -2);
	for (size_t i = 0; i < AB_COUNT_OF(refused); i++) {
		put(kv, "k", refused[i]);
		if (!CHECK_INT(incr(kv, "k", 1), INT64_MIN) || !CHECK_INT(last_code, AB_E_INPUT_INVALID))
			printf("# '%s'\n", refused[i]);
		CHECK_KEY(kv, "k", refused[i]);
	}
	for (size_t i = 0; i < AB_COUNT_OF(row); i++) {
		put(kv, "k", row[i].text);
		CHECK_INT(incr(kv, "k", 1), row[i].sum);
	}
	CHECK_INT(incr(kv, "most", INT64_MAX), INT64_MAX);
	CHECK_INT(incr(kv, "most", 1), INT64_MIN);
	CHECK_INT(last_code, AB_E_INPUT_INVALID);
	CHECK_KEY(kv, "most", "9223372036854775807");
	CHECK_INT(incr(kv, "least", INT64_MIN + 1), INT64_MIN + 1);
	CHECK_INT(incr(kv, "least", -2), INT64_MIN);
	CHECK_INT(last_code, AB_E_INPUT_INVALID);
	CHECK_INT(incr(kv, "least", INT64_MAX), 0);
	/* A NUL byte is no end. */
	struct ab_entry entry;
	CHECK_INT(ab_kv_put(kv, N, SPAN("nul"), SPAN("1\0" "2"), AB_UNSET, &anyhow, &entry, &last), 0);
	CHECK_INT(incr(kv, "nul", 1), INT64_MIN);
	ab_kv_free(kv);
}

static void
test_size(void)
{
	struct ab_kv *kv = open_kv("size");
	AB_AUTO_FREE char *most = ab_calloc(1, VALUE_MAX + 2);
	int64_t version;

	clock_ms = 1000;
	memset(most, 'x', VALUE_MAX + 1);
	CHECK_INT(put(kv, "k", most), 0);
	CHECK_INT(last_code, AB_E_LIMIT_SIZE);
	CHECK(last.hint[0] != '\0');
	most[VALUE_MAX] = '\0';
	CHECK((version = put(kv, "k", most)) > 0);
	CHECK_INT(append_if(kv, "k", "x", AB_UNSET, anyhow), 0);
	CHECK_INT(last_code, AB_E_LIMIT_SIZE);
	CHECK_INT(CHECK_KEY(kv, "k", most).seq, version);
	CHECK_INT(append_if(kv, "k", "", AB_UNSET, anyhow), version + 1);
	ab_kv_free(kv);
}

/* ---- import ---- */

static void
test_import(void)
{
	struct ab_kv *kv = open_kv("import");
	struct ab_entry as = { .ns = N, .key = SPAN("k"), .created_ms = 10, .updated_ms = 20, .expires_ms = 5000 }, entry;

	clock_ms = 1000;
	CHECK_INT(ab_kv_import(kv, &as, SPAN("v"), &entry, &last), 1);
	entry = CHECK_KEY(kv, "k", "v");
	CHECK(entry.created_ms == 10 && entry.updated_ms == 20 && entry.expires_ms == 5000);
	put(kv, "k", "w");
	CHECK_INT(CHECK_KEY(kv, "k", "w").updated_ms, 1000); /* the times were of that one alone */
	as.updated_ms = 30;
	as.expires_ms = AB_NEVER;
	CHECK_INT(ab_kv_import(kv, &as, SPAN("v"), &entry, &last), 1);
	CHECK_INT(CHECK_KEY(kv, "k", "v").updated_ms, 1001); /* grows all the same */
	as.expires_ms = 1000;
	CHECK_INT(ab_kv_import(kv, &as, SPAN("x"), &entry, &last), 0);
	CHECK_KEY(kv, "k", "v");
	put(kv, "new", "v");
	CHECK_INT(CHECK_KEY(kv, "new", "v").created_ms, 1000);
	ab_kv_free(kv);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "a version is given once, whatever happens", test_versions },
		{ "times", test_times },
		{ "conditions, each lost and won", test_conditions },
		{ "expiry at the millisecond, cleared, kept and set", test_expiry },
		{ "sweep", test_sweep },
		{ "incr and its limits", test_incr },
		{ "the most that a value has", test_size },
		{ "import", test_import },
	};

	return run_tests(tests, AB_COUNT_OF(tests));
}
