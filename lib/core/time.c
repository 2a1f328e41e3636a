/* Clocks, times, and units as people write them. */
#include "core/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/mem.h"

/* Our own numbers stay below 2^53 (contract section 3). */
#define LARGEST ((INT64_C(1) << 53) - 1)

static int64_t
clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
ab_now_ms(void)
{
	return clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
ab_now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

int64_t
ab_now_cpu_us(void)
{
	return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

int64_t
ab_now_unix_ms(void)
{
	return clock_us(CLOCK_REALTIME) / 1000;
}

int64_t
ab_deadline(int64_t timeout_ms)
{
	int64_t deadline;

	if (timeout_ms < 0 || __builtin_add_overflow(ab_now_ms(), timeout_ms, &deadline))
		return AB_NEVER;
	return deadline;
}

/* The last digits of a number that is not negative. */
static void
put_digits(char *to, int64_t number, int count)
{
	for (; count > 0; number /= 10)
		to[--count] = (char)('0' + number % 10);
}

/*
 * Not snprintf, which was a sixth of what a get costs: a record has two of these. Not gmtime_r: glibc loads the time zone
 * before it looks at the argument. Days to a civil date after https://howardhinnant.github.io/date_algorithms.html (years
 * begin in March, eras have 146,097 days).
 */
const char *
ab_time_format(char text[static AB_TIME_SIZE], int64_t unix_ms)
{
	const int64_t last = INT64_C(253402300799999); /* 9999-12-31T23:59:59.999Z */

	if (unix_ms < 0)
		unix_ms = 0;
	if (unix_ms > last)
		unix_ms = last;
	int64_t days = unix_ms / 86400000 + 719468, ms = unix_ms % 86400000;
	int64_t era = days / 146097, day = days % 146097;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	day -= 365 * year + year / 4 - year / 100;
	int64_t month = (5 * day + 2) / 153;
	day -= (153 * month + 2) / 5 - 1;
	year += era * 400 + (month >= 10);
	month += month < 10 ? 3 : -9;
	static const char form[] = "YYYY-MM-DDThh:mm:ss.mmmZ";
	memcpy(text, form, sizeof(form));
	put_digits(text, year, 4);
	put_digits(text + 5, month, 2);
	put_digits(text + 8, day, 2);
	put_digits(text + 11, ms / 3600000, 2);
	put_digits(text + 14, ms / 60000 % 60, 2);
	put_digits(text + 17, ms / 1000 % 60, 2);
	put_digits(text + 20, ms % 1000, 3);
	return text;
}

/* Digits with at most 9 decimals. The number is whole + fraction / power. Returns what follows it, or NULL. */
static const char *
read_number(const char *at, int64_t *whole, int64_t *fraction, int64_t *power)
{
	const char *start = at;
	size_t points = 0;

	*whole = *fraction = 0;
	for (; *at >= '0' && *at <= '9'; at++) {
		*whole = *whole * 10 + (*at - '0');
		if (*whole > LARGEST)
			return NULL;
	}
	*power = 1;
	if (*at == '.') {
		points++;
		for (at++; *at >= '0' && *at <= '9'; at++) {
			*fraction = *fraction * 10 + (*at - '0');
			*power *= 10;
			if (*power > 1000000000)
				return NULL;
		}
	}
	return (size_t)(at - start) > points ? at : NULL;
}

struct unit {
	const char *name;
	int64_t factor;
};

static int
parse(const char *text, const struct unit *units, size_t count, int64_t *value)
{
	int64_t whole, fraction, power;
	const char *suffix = read_number(text, &whole, &fraction, &power);

	if (suffix == NULL)
		return -1;
	for (const struct unit *unit = units; unit < units + count; unit++) {
		if (strcmp(suffix, unit->name) != 0)
			continue;
		/* at most 2^53 * 2^40, which 128 bits hold */
		unsigned __int128 parts = (unsigned __int128)fraction * (unsigned __int128)unit->factor;
		unsigned __int128 total = (unsigned __int128)whole * (unsigned __int128)unit->factor;
		total += (parts + (unsigned __int128)(power - 1)) / (unsigned __int128)power;
		if (total > (unsigned __int128)LARGEST)
			return -1;
		*value = (int64_t)total;
		return 0;
	}
	return -1;
}

#define SECOND_MS INT64_C(1000)
static const struct unit durations[] = { { "", SECOND_MS }, { "ms", 1 }, { "s", SECOND_MS }, { "m", 60 * SECOND_MS },
	{ "h", 3600 * SECOND_MS }, { "d", 86400 * SECOND_MS } };

int
ab_duration_parse(const char *text, int64_t *ms, struct ab_error *err)
{
	if (parse(text, durations, AB_COUNT_OF(durations), ms) == 0)
		return 0;
	ab_fail(err, AB_E_USAGE, "\"%.64s\" is not a duration", text);
	ab_error_hint(err, "a number and one of ms, s, m, h, d: 1.5s");
	return -1;
}

#define KI INT64_C(1024)
#define KD INT64_C(1000)
static const struct unit sizes[] = { { "", 1 }, { "B", 1 }, { "K", KI }, { "M", KI *KI }, { "G", KI *KI *KI },
	{ "T", KI *KI *KI *KI }, { "KiB", KI }, { "MiB", KI *KI }, { "GiB", KI *KI *KI }, { "TiB", KI *KI *KI *KI },
	{ "KB", KD }, { "MB", KD *KD }, { "GB", KD *KD *KD }, { "TB", KD *KD *KD *KD }, { "k", KI }, { "kB", KD } };

int
ab_size_parse(const char *text, int64_t *bytes, struct ab_error *err)
{
	if (parse(text, sizes, AB_COUNT_OF(sizes), bytes) == 0)
		return 0;
	ab_fail(err, AB_E_USAGE, "\"%.64s\" is not a size", text);
	ab_error_hint(err, "a number and one of K, M, G, T, KiB, MiB, GiB, TiB (1024), KB, MB, GB, TB (1000): 64MiB");
	return -1;
}

const char *
ab_duration_format(char text[static AB_UNIT_SIZE], int64_t ms)
{
	static const struct unit whole[] = { { "d", 86400 * SECOND_MS }, { "h", 3600 * SECOND_MS },
		{ "m", 60 * SECOND_MS }, { "s", SECOND_MS } };

	if (ms != 0 && ms < SECOND_MS) {
		snprintf(text, AB_UNIT_SIZE, "%lldms", (long long)ms);
		return text;
	}
	for (size_t i = 0; i < AB_COUNT_OF(whole) && ms != 0; i++) {
		if (ms % whole[i].factor != 0)
			continue;
		snprintf(text, AB_UNIT_SIZE, "%lld%s", (long long)(ms / whole[i].factor), whole[i].name);
		return text;
	}
	int len = snprintf(text, AB_UNIT_SIZE, "%lld.%03d", (long long)(ms / SECOND_MS), (int)(ms % SECOND_MS));
	while (text[len - 1] == '0')
		len--;
	if (text[len - 1] == '.')
		len--;
	memcpy(text + len, "s", sizeof("s"));
	return text;
}

const char *
ab_size_format(char text[static AB_UNIT_SIZE], int64_t bytes)
{
	static const char *const binary[] = { "", "KiB", "MiB", "GiB", "TiB" };
	static const char *const decimal[] = { "", "KB", "MB", "GB", "TB" };
	int64_t base = bytes % KI == 0 ? KI : KD;
	size_t power = 0;

	while (bytes != 0 && bytes % base == 0 && power + 1 < AB_COUNT_OF(binary)) {
		bytes /= base;
		power++;
	}
	snprintf(text, AB_UNIT_SIZE, "%lld%s", (long long)bytes, base == KI ? binary[power] : decimal[power]);
	return text;
}
