/* Clocks, RFC 3339 and units. */
#include "core/time.h"

#include <stdlib.h>
#include <time.h>

#include "core/mem.h"
#include "tap.h"

static void
test_clocks(void)
{
	int64_t before = ab_now_us(), cpu = ab_now_cpu_us();
	struct timespec nap = { .tv_nsec = 3000000 };

	nanosleep(&nap, NULL);
	CHECK(ab_now_us() - before >= 3000);
	CHECK(ab_now_cpu_us() - cpu < 3000); /* sleeping is not working */
	CHECK(ab_now_ms() >= before / 1000 + 3);
	CHECK(llabs((long long)ab_now_unix_ms() / 1000 - (long long)time(NULL)) <= 1);
	CHECK_INT(ab_deadline(-1), AB_NEVER);
	CHECK_INT(ab_deadline(INT64_MAX), AB_NEVER);
	CHECK(ab_deadline(1000) - ab_now_ms() <= 1000);
	CHECK(ab_deadline(1000) - ab_now_ms() > 900);
}

static void
test_format(void)
{
	char text[AB_TIME_SIZE];

	CHECK_STRING(ab_time_format(text, 0), "1970-01-01T00:00:00.000Z");
	CHECK_STRING(ab_time_format(text, 951782399999), "2000-02-28T23:59:59.999Z");
	CHECK_STRING(ab_time_format(text, 951782400000), "2000-02-29T00:00:00.000Z");
	CHECK_STRING(ab_time_format(text, 1767323045678), "2026-01-02T03:04:05.678Z");
	CHECK_STRING(ab_time_format(text, 4107542400000), "2100-03-01T00:00:00.000Z");
	CHECK_STRING(ab_time_format(text, -5), "1970-01-01T00:00:00.000Z");
	CHECK_STRING(ab_time_format(text, INT64_MAX), "9999-12-31T23:59:59.999Z");
}

/* Every 37 hours of 130 years, against the C library. */
static void
test_format_calendar(void)
{
	char got[AB_TIME_SIZE], want[AB_TIME_SIZE];

	for (time_t at = 0; at < (time_t)130 * 365 * 86400; at += 37 * 3600 + 61) {
		struct tm tm;
		gmtime_r(&at, &tm);
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.007Z", &tm);
		if (strcmp(ab_time_format(got, (int64_t)at * 1000 + 7), want) != 0) {
			CHECK_STRING(got, want);
			return;
		}
	}
}

struct unit_case {
	const char *text;
	int64_t value; /* -1: refused */
};

static void
test_duration(void)
{
	static const struct unit_case cases[] = { { "0", 0 }, { "1", 1000 }, { "1.5s", 1500 }, { "500ms", 500 }, { "2m", 120000 },
		{ "1h", 3600000 }, { "7d", 604800000 }, { ".5", 500 }, { "1.", 1000 }, { "0.0001s", 1 }, { "1.2345678s", 1235 }, { "0.5ms", 1 },
		{ "", -1 }, { ".", -1 }, { "s", -1 }, { "-1", -1 }, { "+1", -1 }, { " 1", -1 }, { "1 s", -1 }, { "1e3", -1 }, { "inf", -1 },
		{ "1S", -1 }, { "1M", -1 }, { "1.2.3", -1 }, { "0x10", -1 }, { "1ss", -1 }, { "1.1234567890s", -1 },
		{ "9007199254740991ms", 9007199254740991 }, { "9007199254740992ms", -1 }, { "9007199254740991d", -1 },
		{ "99999999999999999999999", -1 } };

	for (size_t i = 0; i < AB_COUNT_OF(cases); i++) {
		struct ab_error err = AB_ERROR_INIT;
		int64_t ms = -1;
		int result = ab_duration_parse(cases[i].text, &ms, &err);
		CHECK_INT(result, cases[i].value < 0 ? -1 : 0);
		if (!tap_int(ms, cases[i].value, __FILE__, __LINE__, cases[i].text))
			continue;
		CHECK_INT(err.code, cases[i].value < 0 ? AB_E_USAGE : AB_E_NONE);
	}
}

static void
test_size(void)
{
	static const struct unit_case cases[] = { { "0", 0 }, { "4096", 4096 }, { "64MiB", 67108864 }, { "10MB", 10000000 },
		{ "1.5G", 1610612736 }, { "1K", 1024 }, { "1k", 1024 }, { "1KiB", 1024 }, { "1KB", 1000 }, { "1kB", 1000 }, { "2T", 2199023255552 },
		{ "1B", 1 }, { "0.3", 1 }, { "1.3K", 1332 }, { "8191T", 9006099743113216 }, { "8192T", -1 }, { "", -1 }, { "K", -1 }, { "-1K", -1 }, { "1KK", -1 },
		{ "1 K", -1 }, { "1Kib", -1 }, { "1X", -1 }, { "1,5G", -1 } };

	for (size_t i = 0; i < AB_COUNT_OF(cases); i++) {
		struct ab_error err = AB_ERROR_INIT;
		int64_t bytes = -1;
		int result = ab_size_parse(cases[i].text, &bytes, &err);
		CHECK_INT(result, cases[i].value < 0 ? -1 : 0);
		tap_int(bytes, cases[i].value, __FILE__, __LINE__, cases[i].text);
	}
}

static void
test_error_is_bounded(void)
{
	struct ab_error err = AB_ERROR_INIT;
	char text[400];
	int64_t value;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK_INT(ab_size_parse(text, &value, &err), -1);
	CHECK(strlen(err.msg) < 100);
	CHECK(err.hint[0] != '\0');
}

static void
test_unit_format(void)
{
	char text[AB_UNIT_SIZE];

	CHECK_STRING(ab_duration_format(text, 0), "0s");
	CHECK_STRING(ab_duration_format(text, 1), "1ms");
	CHECK_STRING(ab_duration_format(text, 999), "999ms");
	CHECK_STRING(ab_duration_format(text, 1000), "1s");
	CHECK_STRING(ab_duration_format(text, 1500), "1.5s");
	CHECK_STRING(ab_duration_format(text, 100001), "100.001s");
	CHECK_STRING(ab_duration_format(text, 90000), "90s");
	CHECK_STRING(ab_duration_format(text, 5400000), "90m");
	CHECK_STRING(ab_duration_format(text, 86400000), "1d");
	CHECK_STRING(ab_size_format(text, 0), "0");
	CHECK_STRING(ab_size_format(text, 1), "1");
	CHECK_STRING(ab_size_format(text, 131072), "128KiB");
	CHECK_STRING(ab_size_format(text, 1073741824), "1GiB");
	CHECK_STRING(ab_size_format(text, 10000000), "10MB");
	CHECK_STRING(ab_size_format(text, 1025), "1025");
	CHECK_STRING(ab_size_format(text, INT64_C(5) << 40), "5TiB");
	CHECK_STRING(ab_size_format(text, INT64_C(5) << 50), "5120TiB");
}

/* What is formatted is read back as the same number. */
static void
test_round_trip(void)
{
	struct ab_error err = AB_ERROR_INIT;
	char text[AB_UNIT_SIZE];
	int64_t back;

	for (int64_t value = 0; value < (INT64_C(1) << 52); value = value * 17 / 11 + 1) {
		CHECK_INT(ab_duration_parse(ab_duration_format(text, value), &back, &err), 0);
		tap_int(back, value, __FILE__, __LINE__, text);
		CHECK_INT(ab_size_parse(ab_size_format(text, value), &back, &err), 0);
		tap_int(back, value, __FILE__, __LINE__, text);
	}
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "clocks and deadlines", test_clocks },
		{ "RFC 3339", test_format },
		{ "RFC 3339 through the calendar", test_format_calendar },
		{ "durations", test_duration },
		{ "sizes", test_size },
		{ "errors do not echo long input", test_error_is_bounded },
		{ "units printed", test_unit_format },
		{ "units printed and read back", test_round_trip },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
