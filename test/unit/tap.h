/*
 * A small TAP harness: `TEST(name) { CHECK_INT(f(), 3); }` and TAP_MAIN(...). A failed check prints both sides and goes on.
 */
#ifndef AB_TEST_TAP_H
#define AB_TEST_TAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int tap_failures;
static const char *tap_skipped; /* why the running test gives up: set by TAP_SKIP, printed as `# SKIP reason` */

static inline bool
tap_check(bool ok, const char *file, int line, const char *what)
{
	if (!ok) {
		tap_failures++;
		printf("# %s:%d: failed: %s\n", file, line, what);
	}
	return ok;
}

static inline bool
tap_int(intmax_t got, intmax_t want, const char *file, int line, const char *what)
{
	if (!tap_check(got == want, file, line, what))
		printf("#   got %jd, want %jd\n", got, want);
	return got == want;
}

static inline bool
tap_string(const char *got, const char *want, const char *file, int line, const char *what)
{
	bool same = got == want || (got != NULL && want != NULL && strcmp(got, want) == 0);

	if (!tap_check(same, file, line, what))
		printf("#   got  '%s'\n#   want '%s'\n", got == NULL ? "(null)" : got, want == NULL ? "(null)" : want);
	return same;
}

#define CHECK(condition) tap_check((condition), __FILE__, __LINE__, #condition)
#define CHECK_INT(got, want) tap_int((intmax_t)(got), (intmax_t)(want), __FILE__, __LINE__, #got)
#define CHECK_STRING(got, want) tap_string((got), (want), __FILE__, __LINE__, #got)

/* In a test's function: leave it, because this host or user cannot do what it needs. */
#define TAP_SKIP(reason)                \
	do {                            \
		tap_skipped = (reason); \
		return;                 \
	} while (0)

struct tap_test {
	const char *name;
	void (*run)(void);
};

/* Run the tests; the exit status is 1 when any check failed. */
static inline int
tap_run(const struct tap_test *tests, size_t count)
{
	int failed = 0;

	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		int before = tap_failures;
		tap_skipped = NULL;
		tests[i].run();
		bool ok = tap_failures == before;
		failed += !ok;
		printf("%sok %zu - %s%s%s\n", ok ? "" : "not ", i + 1, tests[i].name, tap_skipped != NULL ? " # SKIP " : "",
		    tap_skipped != NULL ? tap_skipped : "");
		fflush(stdout);
	}
	return failed > 0;
}

#endif
