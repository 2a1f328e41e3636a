/* Simple commands of shell text: redirections, assignments, here-documents, places. */
#include "shell_read.h"

static void
test_documents(void)
{
	CHECK_STRING(documents("a <<E\nb $c `d` \\$ \" '\nE\nf"), "0:b ? $ $ \" '\n");
	CHECK_STRING(documents("a <<'E'\nb $c `d` \\$\nE\nf"), "0:b $c `d` \\$\n");
	CHECK_INT(shell.command_count, 2);
	CHECK_STRING(documents("a <<\\E; b <<-\"F G\"\nc\nE\n\td\n\t\tF G\ne"), "0:c\n,1:d\n");
	CHECK_INT(shell.command_count, 3);
	CHECK_STRING(documents("a <<E - $(b <<F\nc\nF\n)\nd\nE\ne"), "1:c\n,0:d\n");
	CHECK_STRING(documents("a $(b <<E)\nc\nE\nd"), "1:c\n");
	CHECK_STRING(documents("a $(b <<E\nc\nE)\nd"), "1:c\n");
	CHECK_INT(shell.command_count, 3);
	CHECK_STRING(documents("a <<E\nb\\\nE\nE\nc"), "0:bE\n");
	CHECK_STRING(documents("a <<$x$(b)\nb\n$x$(b)\nc"), "0:b\n");
	CHECK_STRING(documents("a <<E\nb"), "0:b");
	CHECK_STRING(documents("{ a; } <<E\n$(b)\nE\n"), "1:$\n");
	CHECK_INT(shell.document[0].word.inner, 2);
	CHECK_INT(shell.document[0].word.inner_end, 3);
	CHECK_INT(shell.document[0].word.start, 11);
	CHECK_INT(shell.document[0].word.end, 16);
	CHECK_STRING(documents("x ) <<E\nrm\nE\na"), "1:rm\n");
	CHECK_STRING(documents("x <<E )\nrm\nE\na"), "0:rm\n");
}

static void
test_redirections(void)
{
	CHECK_STRING(words("a<b>c>>d>|e<>f"), "a|<b|>c|>d|>e|>f");
	CHECK_STRING(words("a 2>b 10<c 2 >d x2>e \"2\">f"), "a|2|x2|2|>b|<c|>d|>e|>f");
	CHECK_STRING(words("a {b_1}>c {d} > e {1}>f"), "a|*:{d*:}|*:{1*:}|>c|>e|>f");
	CHECK_STRING(words("a &>b &>>c >&d"), "a|>b|>c|>d");
	CHECK_STRING(words("a >&2 2>&1 <&3 >&- 2>&1- >&$b"), "a|>?");
	CHECK_STRING(words(">a b <<<c<<<\"d e\""), "b|>a|<<<c|<<<d e");
	CHECK_STRING(words("a 2\\\n>b 2<(c)"), "a|2$|>b; c");
	CHECK_STRING(words("{ a; } >b 2>c | d"), "a; >b|>c; d");
	CHECK_STRING(words("a >"), "a BROKEN");
	CHECK_STRING(words("a > ; b"), "a; b BROKEN");
}

static void
test_assignments(void)
{
	CHECK_STRING(words("A=1 B+='2 3' c D=4"), "c|D=4|=A=1|=B+=2 3");
	CHECK_STRING(words("A=$(b c) >d E="), "=A=$|>d|=E=; b|c");
	CHECK_STRING(words("a[1]=b a[$((1 < (2)))]=c a[\"d e\"]+=f a[$(g h)]=i"),
	    "=a*:[1*:]=b|=a*:[?*:]=c|=a*:[d e*:]+=f|=a*:[$*:]=i; g|h");
	CHECK_STRING(words("1=a b"), "1=a|b");
	CHECK_STRING(words("a[ =b"), "a*:[|=b");
	CHECK_STRING(words("a=(b 'c d' [3]=e $(f) # g)\n) h"), "h|=(); f");
	CHECK(!shell.word[1].array && shell.word[2].array);
	CHECK_STRING(words("declare -a b=(c) d"), "declare|-a|d|=()");
	CHECK_STRING(words("a=(b"), " BROKEN");
}

static void
test_places(void)
{
	(void)words("a; bc \"d $(e f)\" >g | `h i`");
	CHECK_INT(shell.command_count, 5);
	CHECK_INT(shell.command[1].start, 3);
	CHECK_INT(shell.command[1].end, 19);
	const struct ab_shell_word *word = &shell.word[shell.command[1].word + 1];
	CHECK_INT(word->start, 6);
	CHECK_INT(word->end, 16);
	CHECK_INT(word->inner, 2);
	CHECK_INT(word->inner_end, 3);
	CHECK_INT(shell.command[2].start, 11);
	CHECK_INT(shell.command[2].end, 14);
	/* Backquotes: all within stands for the whole. */
	CHECK_INT(shell.command[4].start, 22);
	CHECK_INT(shell.command[4].end, 27);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "here-documents", test_documents },
		{ "redirections", test_redirections },
		{ "assignments", test_assignments },
		{ "places in the text", test_places },
	};

	return shell_tests(tests, AB_COUNT_OF(tests));
}
