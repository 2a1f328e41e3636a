/* What the tests of the guard's files share: a text and the rule that is against it. */
#ifndef AB_TEST_GUARD_PAIRS_H
#define AB_TEST_GUARD_PAIRS_H

#include <stdlib.h>

#include "core/mem.h"
#include "sys/guard.h"
#include "tap.h"

static struct ab_guard_verdict verdict;

/* The rule against it, or "". */
static inline const char *
rule_of(const char *text)
{
	const struct ab_guard_place place = { .scope = "/ws/scope", .cwd = "/ws/scope" };

	return ab_guard_text(text, strlen(text), &place, &verdict) ? verdict.rule->name : "";
}

struct pair {
	const char *text, *rule;
};

static inline void
check_pairs(const struct pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!CHECK_STRING(rule_of(pairs[i].text), pairs[i].rule))
			printf("#   of: %s\n", pairs[i].text);
}

#endif
