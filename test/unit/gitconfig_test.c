/* ab_gitconfig_each reads files as git does. */
#include "sys/gitconfig.h"

#include "tap.h"

static char seen[4096];

static int
collect(void *data, const char *key, const char *value)
{
	(void)data;
	size_t len = strlen(seen);
	snprintf(seen + len, sizeof(seen) - len, "%s=%s|", key, value);
	return 0;
}

static const char *
read_text(const char *text)
{
	seen[0] = '\0';
	CHECK_INT(ab_gitconfig_each(text, strlen(text), collect, NULL), 0);
	return seen;
}

static void
test_plain(void)
{
	CHECK_STRING(read_text("[user]\n\tname = A B \n\temail=a@b\n"), "user.name=A B|user.email=a@b|");
	CHECK_STRING(read_text("[Core]\nHooksPath=h\n"), "core.hookspath=h|");
	CHECK_STRING(read_text("[core]\nbare\n"), "core.bare=true|");
}

static void
test_subsections(void)
{
	CHECK_STRING(read_text("[remote \"O\\\"x\"]\nurl = u\n"), "remote.O\"x.url=u|");
	CHECK_STRING(read_text("[a] b = c\n[d]\ne=f"), "a.b=c|d.e=f|");
}

static void
test_values(void)
{
	CHECK_STRING(read_text("[a]\nb = \"x ; y\" # note\nc = 1\\\n2\nd = \"q \\\" r\"\n"), "a.b=x ; y|a.c=12|a.d=q \" r|");
	CHECK_STRING(read_text("# [a]\n; b=c\n[a]\nb =\n"), "a.b=|");
	CHECK_STRING(read_text("b=c\n[a\nd=e\n"), "a.d=e|");
}

static int
stop_at_once(void *data, const char *key, const char *value)
{
	(void)data, (void)key, (void)value;
	return 7;
}

static void
test_stop(void)
{
	CHECK_INT(ab_gitconfig_each("[a]\nb=c\nd=e\n", 13, stop_at_once, NULL), 7);
	CHECK_INT(ab_gitconfig_each("[a]\nb=\\", 7, collect, NULL), 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "plain variables", test_plain },
		{ "subsections", test_subsections },
		{ "quotes, comments, continuations", test_values },
		{ "the walk can be stopped, and ends at a lone backslash", test_stop },
	};
	return tap_run(tests, sizeof(tests) / sizeof(tests[0]));
}
