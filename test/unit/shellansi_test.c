/* $'…'. */
#include "shell_read.h"

static void
test_ansi(void)
{
	CHECK_STRING(words("$'a b\\n\\t\\'\\\\\\x41\\101\\u00e4\\U0001f600'c"), "a b\n\t'\\AA\xc3\xa4\xf0\x9f\x98\x80" "c");
	CHECK_STRING(words("$'\\x{41}\\cA\\c?\\c\\\\\\c\\'\\e\\z\\xg'"), "A\001\177\034\034'\033\\z\\xg");
	CHECK_STRING(words("$'a\\0b'c $'\\c@d' $'\\u0'"), "ac||");
	CHECK_STRING(words("\"$'a'\" $\"b\" '$'\\'"), "$'a'|b|$'");
	CHECK_STRING(words("$'rm' $'a"), "rm BROKEN");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "dollar-quotes", test_ansi },
	};

	return shell_tests(tests, AB_COUNT_OF(tests));
}
