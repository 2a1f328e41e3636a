/* Words of shell text: quotes, expansions, what is marked. */
#include "shell_read.h"

static void
test_words(void)
{
	CHECK_STRING(words(""), "");
	CHECK_STRING(words(" \t\n\n"), "");
	CHECK_STRING(words("a b\tc"), "a|b|c");
	CHECK_STRING(words("a'b c'\"d e\"\\ f"), "ab cd e f");
	CHECK_STRING(words("'' \"\" a''"), "||a");
	CHECK_STRING(words("\"a\\\"b\\a\\\nc\""), "a\"b\\ac");
	CHECK_STRING(words("a\\\nb\\\n c'\\\n'"), "ab|c\\\n");
	CHECK_STRING(words("a\\"), "a\\");
	CHECK_STRING(words("a#b #c\n#d\ne;#f\\\ng"), "a#b; e; g");
	CHECK_STRING(words("a \\\n#b\nc\\\n#d"), "a; c#d");
	CHECK_STRING(words("a\r b"), "a\r|b");
}

static void
test_marks(void)
{
	CHECK_STRING(words("* '*' \\* \"*\" a?[b]{c,d}"), "*:*|*|*|*|a*:?*:[b*:]*:{c*:,d*:}");
	CHECK_STRING(words("$HOME ${HOME} \"$HOME\"/a $H\\\nOME $HOMES '$'HOME"), "~|~|~/a|~|?|$HOME");
	CHECK_STRING(words("$a ${a} $1 $@ $$ $? \"$a\"b a$"), "?|?|?|?|?|?|?b|a$");
	CHECK_STRING(words("${a:-}} ${a:-'}'} ${a:-\"}\"} ${a:-\\}} ${a:-${b}}c"), "?*:}|?|?|?|?c");
	CHECK_STRING(words("\"${a:-'}\" \"${a#'}'}\" \"${a[1]%\"}\"}\""), "?|?|?");
	CHECK_STRING(words("$((1 + (2) )) $[ 1 + 2 ] $(b) `c d`"), "?|?|$|$; b; c|d");
	CHECK_STRING(words("<(a) b >(c)d"), "$|b|$d; a; c");
	CHECK_STRING(words("x ${a:-<(b)} \"${a:-<(b)}\" \"${a:-$(c)}\""), "x|?|?|?; b; c");
	CHECK_STRING(words("x `a \\`b \\\\\\`c\\\\\\`\\``"), "x|$; a|$; b|$; c");
	CHECK_STRING(words("x \"`a \\\"b c\\\"`\""), "x|$; a|b c");
}

static void
test_home(void)
{
	CHECK_STRING(words("~ ~/a ~root/b a~ \"~\" \\~ ~\"/a\" ~$a"), "~|~/a|~root/b|a~|~|~|~/a|~?");
	CHECK_INT(shell.marks.data[shell.word[0].text], AB_SHELL_HOME);
	CHECK_INT(shell.marks.data[shell.word[2].text], AB_SHELL_HOME);
	for (uint32_t i = 3; i < 7; i++)
		CHECK(memchr(shell.marks.data + shell.word[i].text, AB_SHELL_HOME, shell.word[i].len) == NULL);
	CHECK_INT(shell.marks.data[shell.word[7].text], AB_SHELL_PLAIN);
	CHECK_STRING(words("a=~/b:~/c d ~+/e"), "d|?/e|=a=~/b:~/c");
	const struct ab_shell_word *word = &shell.word[2];
	CHECK_INT(shell.marks.data[word->text + 2], AB_SHELL_HOME);
	CHECK_INT(shell.marks.data[word->text + 6], AB_SHELL_HOME);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "words, quotes, comments", test_words },
		{ "marks of what is expanded", test_marks },
		{ "the home directory", test_home },
	};

	return shell_tests(tests, AB_COUNT_OF(tests));
}
