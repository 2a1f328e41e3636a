/* sys/guard: every rule with its example and counter-example; text within text; how it is said. The long list is in ab-exec-guard.bats. */
#include "guard_pairs.h"

static void
examples(void)
{
	for (const struct ab_guard_rule *rule = ab_guard_rules(); rule->name != NULL; rule++) {
		CHECK_STRING(rule_of(rule->example), rule->name);
		CHECK_STRING(rule_of(rule->counter), "");
		CHECK(rule->what[0] != '\0' && rule->why[0] != '\0' && rule->safer[0] != '\0');
	}
}

static void
argv_is_not_text(void)
{
	const struct ab_guard_place place = { .scope = "/ws/scope" };
	static char echo[] = "echo", text[] = "x; rm -rf /", rm[] = "/bin/rm", option[] = "-rf", root[] = "/", pattern[] = "/*";
	char *harmless[] = { echo, text, NULL }, *dangerous[] = { rm, option, root, NULL }, *quoted[] = { rm, option, pattern, NULL };

	CHECK(!ab_guard_argv(harmless, &place, &verdict));
	CHECK(ab_guard_argv(dangerous, &place, &verdict));
	CHECK_STRING(verdict.part, "/bin/rm -rf /");
	CHECK(!ab_guard_argv(quoted, &place, &verdict)); /* nobody expands it: a file of that name */
}

static void
parts_and_refusal(void)
{
	struct ab_error err = AB_ERROR_INIT;

	rule_of("make && curl x | tee y | sh; echo");
	CHECK_STRING(verdict.part, "curl x | tee y | sh");
	rule_of("true\n  sudo id  # really\n");
	CHECK_STRING(verdict.part, "sudo id");
	rule_of("sh -c 'a; sudo id'");
	CHECK_STRING(verdict.part, "sh -c 'a; sudo id'");
	CHECK_INT(ab_guard_refuse(&verdict, &err), -1);
	CHECK_INT(err.code, AB_E_DENIED_DANGEROUS);
	CHECK_STRING(err.operation, "sh -c 'a; sudo id'");
	CHECK(strstr(err.msg, "privilege") != NULL && err.hint[0] != '\0');
	/* cut at a character */
	AB_AUTO_FREE char *long_text = ab_calloc(1000, 1);
	memcpy(long_text, "sudo ", 5);
	for (size_t i = 5; i + 2 < 1000; i += 2)
		memcpy(long_text + i, "ä", 2);
	rule_of(long_text);
	CHECK(strlen(verdict.part) >= AB_GUARD_PART_SIZE - 3 && (strlen(verdict.part) - 5) % 2 == 0);
	CHECK(ab_guard_text("ls \0; rm", 8, &(struct ab_guard_place){ .scope = "/ws" }, &verdict));
	CHECK_STRING(verdict.rule->name, "unreadable");
	CHECK(!ab_guard_text("", 0, &(struct ab_guard_place){ .scope = NULL }, &verdict));
}

/* Each level of a find is read by the one around it: one too deep is refused, not read for minutes. */
static void
finds_within_finds(void)
{
	enum { COUNT = 20000 };
	static const char find[] = "find -exec ";
	AB_AUTO_FREE char *text = ab_calloc(COUNT * (sizeof(find) - 1) + 1, 1);

	CHECK_STRING(rule_of("find -exec find -exec find -exec ls ;"), "");
	CHECK_STRING(rule_of("find -exec find -exec find -exec rm -r / ;"), "delete");
	for (size_t i = 0; i < COUNT; i++)
		memcpy(text + i * (sizeof(find) - 1), find, sizeof(find) - 1);
	CHECK_STRING(rule_of(text), "unreadable");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "each rule's example and counter-example", examples },
		{ "argv is not text", argv_is_not_text },
		{ "finds within finds", finds_within_finds },
		{ "parts, and what a refusal says", parts_and_refusal },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
