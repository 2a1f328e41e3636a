/*
 * Shell text against what POSIX.1-2017 XCU 2 and bash(1) say of it. Random words are compared with the shells themselves in
 * test/shell.bats.
 */
#include "sys/shell.h"

#include <stdlib.h>

#include "core/mem.h"

#include "tap.h"

static struct ab_shell shell;

/* The one text that is read at a time. */
static void
read_text(const char *text, size_t len)
{
	ab_shell_release(&shell);
	/* Of exactly this size, so that a byte too many is seen. */
	AB_AUTO_FREE char *copy = ab_malloc(len + 1);
	memcpy(copy, text, len);
	copy = ab_reallocarray(copy, len == 0 ? 1 : len, 1);
	ab_shell_read(&shell, copy, len);
}

static void
put_word(struct ab_buf *to, const struct ab_shell_word *word)
{
	static const char *const roles[] = { "", "=", "<", ">", "<<<" };

	ab_buf_puts(to, roles[word->role]);
	for (uint32_t i = 0; i < word->len; i++) {
		char mark = shell.marks.data[word->text + i];
		if (mark != AB_SHELL_PLAIN)
			ab_buf_putc(to, mark);
		if (mark != AB_SHELL_PLAIN && (mark == AB_SHELL_GLOB || mark != shell.text.data[word->text + i]))
			ab_buf_putc(to, ':');
		if (mark == AB_SHELL_PLAIN || mark == AB_SHELL_GLOB || mark != shell.text.data[word->text + i])
			ab_buf_putc(to, shell.text.data[word->text + i]);
	}
	if (word->array)
		ab_buf_puts(to, "()");
}

/*
 * The commands of a text, `; ` between them: words with `|` between them, redirections with their operator, assignments with `=`
 * before them. A byte of a pattern is `*:` and itself; `~`, `$` and `?` are marks (where one may be plain, its mark is looked at).
 */
static const char *
words(const char *text)
{
	static struct ab_buf out = AB_BUF_INIT(1 << 20);

	read_text(text, strlen(text));
	ab_buf_truncate(&out, 0);
	for (uint32_t i = 0; i < shell.command_count; i++) {
		const struct ab_shell_command *command = &shell.command[i];
		ab_buf_puts(&out, i > 0 ? "; " : "");
		for (uint32_t j = 0; j < command->word_count + command->other_count; j++) {
			ab_buf_puts(&out, j > 0 ? "|" : "");
			put_word(&out, &shell.word[command->word + j]);
		}
	}
	if (shell.broken)
		ab_buf_puts(&out, shell.too_deep ? " DEEP" : " BROKEN");
	return out.data == NULL ? "" : out.data;
}

/* The bodies of the here-documents, with the number of their commands. */
static const char *
documents(const char *text)
{
	static struct ab_buf out = AB_BUF_INIT(1 << 20);

	read_text(text, strlen(text));
	ab_buf_truncate(&out, 0);
	for (uint32_t i = 0; i < shell.document_count; i++) {
		ab_buf_printf(&out, "%s%u:", i > 0 ? "," : "", (unsigned)shell.document[i].command);
		put_word(&out, &shell.document[i].word);
	}
	return out.data == NULL ? "" : out.data;
}

/* Who feeds each command: `FIRST-BEHIND` or `-`. */
static const char *
feeds(const char *text)
{
	static struct ab_buf out = AB_BUF_INIT(1 << 20);

	read_text(text, strlen(text));
	ab_buf_truncate(&out, 0);
	for (uint32_t i = 0; i < shell.command_count; i++) {
		const struct ab_shell_command *command = &shell.command[i];
		if (command->feed == command->feed_end)
			ab_buf_puts(&out, i > 0 ? " -" : "-");
		else
			ab_buf_printf(&out, "%s%u-%u", i > 0 ? " " : "", (unsigned)command->feed, (unsigned)command->feed_end);
	}
	return out.data == NULL ? "" : out.data;
}

/* Whether what the one command does to its shell reaches the other, which is later. */
static bool
reaches(uint32_t from, uint32_t to)
{
	uint32_t at = shell.command[to].subshell;

	while (at != shell.command[from].subshell && at != 0)
		at = shell.subshell[at];
	return at == shell.command[from].subshell;
}

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

static void
test_ansi(void)
{
	CHECK_STRING(words("$'a b\\n\\t\\'\\\\\\x41\\101\\u00e4\\U0001f600'c"), "a b\n\t'\\AA\xc3\xa4\xf0\x9f\x98\x80" "c");
	CHECK_STRING(words("$'\\x{41}\\cA\\c?\\c\\\\\\c\\'\\e\\z\\xg'"), "A\001\177\034\034'\033\\z\\xg");
	CHECK_STRING(words("$'a\\0b'c $'\\c@d' $'\\u0'"), "ac||");
	CHECK_STRING(words("\"$'a'\" $\"b\" '$'\\'"), "$'a'|b|$'");
	CHECK_STRING(words("$'rm' $'a"), "rm BROKEN");
}

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
test_pipelines(void)
{
	CHECK_STRING(feeds("a | b; c"), "- 0-1 -");
	CHECK_STRING(feeds("a | tee b | tee >(c) | d"), "- 0-1 0-2 0-2 0-4");
	CHECK_STRING(feeds("a |& b || c"), "- 0-1 -");
	CHECK_STRING(feeds("a |\n\n# b\n c"), "- 0-1");
	CHECK_STRING(feeds("a && b | c"), "- - 1-2");
	CHECK_STRING(feeds("{ a; b | c; } | d"), "- - 1-2 0-3");
	CHECK_STRING(feeds("a | { b; c | d; }"), "- 0-1 0-1 0-3");
	CHECK_STRING(feeds("a | while b; do c; done | d"), "- 0-1 0-1 0-3");
	CHECK_STRING(feeds("a | (b; (c))"), "- 0-1 0-1");
	CHECK_STRING(feeds("a $(b | c) | d"), "- - 1-2 0-3");
	CHECK_STRING(feeds("! a | b"), "- 0-1");
}

static void
test_subshells(void)
{
	read_text("a; (b; c); d", 12);
	CHECK_INT(shell.command[0].subshell, 0);
	CHECK_INT(shell.command[3].subshell, 0);
	CHECK(reaches(0, 1) && reaches(1, 2) && !reaches(1, 3) && reaches(0, 3));
	(void)words("a | b; c $(d; e) & f");
	CHECK(!reaches(0, 1) && !reaches(0, 2) && !reaches(1, 2) && !reaches(2, 5) && reaches(3, 4) && reaches(2, 3) && !reaches(3, 5));
	CHECK_INT(shell.command[5].subshell, 0);
	(void)words("{ a; (b); } | c");
	CHECK(reaches(0, 1) && !reaches(0, 2) && !reaches(1, 2));
	(void)words("a && { b; } && c; if d; then e; fi");
	for (uint32_t i = 0; i < shell.command_count; i++)
		CHECK_INT(shell.command[i].subshell, 0);
	CHECK_INT(shell.subshell_count, 1);
	(void)words("a && { b; (c); } & d");
	CHECK(reaches(0, 1) && reaches(1, 2) && !reaches(0, 3));
	(void)words("coproc a b; c; coproc N { d; }; coproc N d");
	CHECK(!reaches(0, 1) && !reaches(2, 3) && shell.command[0].background && shell.command[2].background);
}

static void
test_functions(void)
{
	CHECK_STRING(words("f() { a; g ( ) (b); }; function h { c; }; function i() d; e"), "; a; ; b; c; d; e");
	CHECK_INT(shell.function_count, 4);
	CHECK_STRING(shell.text.data + shell.function[0].name, "f");
	CHECK_STRING(shell.text.data + shell.function[1].name, "g");
	CHECK_INT(shell.function[1].outer, 0);
	CHECK_INT(shell.function[2].outer, AB_SHELL_NONE);
	CHECK_INT(shell.command[1].function, 0);
	CHECK_INT(shell.command[3].function, 1);
	CHECK_INT(shell.command[4].function, 2);
	CHECK_INT(shell.command[6].function, AB_SHELL_NONE);
	CHECK_INT(shell.function[1].start, 9);
	CHECK_INT(shell.function[1].end, 18);
	CHECK_STRING(words("f()\n# a\n{ b; } >c 2>&1; d"), "; b; >c; d");
	CHECK_INT(shell.command[2].function, 0);
	CHECK_STRING(words("f-g:h() if a; then b; fi"), "; a; b");
	CHECK_STRING(words("a () (b"), "; b BROKEN");
}

static void
test_background(void)
{
	(void)words("a & b && c | (d) & e; { f & g; }; h");
	for (uint32_t i = 0; i < shell.command_count; i++)
		CHECK_INT(shell.command[i].background, i != 4 && i < 6);
	CHECK_STRING(words("a&b&&c"), "a; b; c");
	CHECK(shell.command[0].background && !shell.command[1].background);
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
test_conditions(void)
{
	CHECK_STRING(words("[[ a && ( b < c ) || $(d) =~ ^(e|#)$ ]] && f"), "d; f");
	CHECK_STRING(words("([[ a ]]);[[ b ]]&&c\n[[ d\n&& e ]] >f"), "c; >f");
	CHECK_STRING(words("[[ a == <(b) ]]; [[ ';' ]]; [[ x ]]|c"), "b; c");
	CHECK_STRING(words("(( a > $(b) )) && ((c)); d"), "b; d");
	CHECK_STRING(words("((a); (b)); c"), "a; b; c");
	CHECK_STRING(words("x $((a); b) $((1)) $(( (1) + $(c) ))"), "x|$|?|?; a; b; c");
	CHECK_STRING(words("[[ a"), " BROKEN");
	CHECK_STRING(words("[ a ]; ]] b"), "*:[|a|*:]; *:]*:]|b");
}

static void
test_compound(void)
{
	CHECK_STRING(words("if a; then b; elif c\nthen d; else e; fi; f"), "a; b; c; d; e; f");
	CHECK_STRING(words("while a; do b; done <c; until d; do e; done"), "a; b; <c; d; e");
	CHECK_STRING(words("for x in a $(b); do c; done; for x do d; done; for x; do e; done; for x\nin f; { g; }"),
	    "=a|=$; b; c; d; e; =f; g");
	CHECK_STRING(words("for ((i = $(a); i < 1; i++)); do b; done; for ((;;)) { c; }; select x in d; do e; done"), "a; b; c; =d; e");
	CHECK_STRING(words("case $(a) in (b | 'c d') e ;; @(f|g)) h ;& i) j;;& k) esac; l"), "a; e; h; j; l");
	CHECK_STRING(words("x $(case a in b) c;; esac) d"), "x|$|d; c");
	CHECK_STRING(words("{(a)}; { b\n}; {c; (d)"), "a; b; *:{c; d");
	CHECK_STRING(words("wh\\\nile\\\n a; do\\\n b; done"), "a; b");
	CHECK_STRING(words("\"if\" a; \\if b; 'time' c; i\\f"), "if|a; if|b; time|c; if");
	CHECK_STRING(words("time -p a; time b; ! time ! c; time -f x d; time"), "a; b; c; time|-f|x|d; ");
	CHECK_STRING(words("echo if then fi done } { !"), "echo|if|then|fi|done|*:}|*:{|!");
	CHECK_STRING(words("rm !(a|b) +(c) @('d e'|$(f))"), "rm|!*:(a*:|b*:)|+*:(c*:)|@*:(d e*:|$*:); f");
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

static const char sample[] =
    "f() { a=(1 [2]=3) b \"${c:-$(d `e \\`g\\``)}\" $'\\x41\\u20ac\\cx\\0' <<-E <<'F' {x}>&2 | (y & z); }\n"
    "\tg $((1 + $(h))) \\\n\n\tE\ni\nF\n"
    "case $x in (a|@(b|c)) [[ d =~ ^(#|e)$ ]];; *) for ((;;)) { select x in ~/y; do if ((1)); then\n"
    "coproc P { q; }; fi; done };; esac\n"
    "time -p a[$(b c)]=~/d:~ e &>>f <(g) $[ 1 ] ~root ${HOME} # comment\nfunction z { while a\\\n; do b; done <<<w; } >&f &\n";

/* Text may end anywhere. */
static void
test_cut(void)
{
	for (size_t len = 0; len < sizeof(sample); len++) {
		read_text(sample, len);
		for (uint32_t i = 0; i < shell.command_count; i++)
			CHECK(shell.command[i].start <= shell.command[i].end && shell.command[i].end <= len);
		for (uint32_t i = 0; i < shell.word_count; i++)
			CHECK_INT(shell.text.data[shell.word[i].text + shell.word[i].len], 0);
		/* and begin anywhere, with any byte in the middle */
		read_text(sample + len, sizeof(sample) - 1 - len);
		char copy[sizeof(sample)];
		memcpy(copy, sample, sizeof(sample));
		for (unsigned i = 0; i < 8 && len < sizeof(sample) - 1; i++) {
			copy[len] = "\0'\"$`)\\\n"[i];
			read_text(copy, sizeof(sample) - 1);
		}
	}
	read_text(sample, sizeof(sample) - 1);
	CHECK(!shell.broken);
}

static void
test_deep(void)
{
	static const char *const openers[] = { "(", "$(", "{ ", "\"$(", "${a:-", "if ", "f() ", "while ", "`", "$((",
		"a=(x $(", "case x in a) ", "<(" };
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(1 << 20);

	for (size_t i = 0; i < AB_COUNT_OF(openers); i++) {
		ab_buf_truncate(&text, 0);
		ab_buf_puts(&text, "a\n");
		for (int j = 0; j < 2999; j++)
			ab_buf_puts(&text, openers[i]);
		ab_buf_puts(&text, "b");
		read_text(text.data, text.len);
		CHECK(shell.broken);
		CHECK(shell.command_count >= 1 && shell.word_count >= 1);
	}
	ab_buf_truncate(&text, 0);
	for (int j = 0; j < 90; j++)
		ab_buf_puts(&text, "( ");
	ab_buf_puts(&text, "a");
	for (int j = 0; j < 90; j++)
		ab_buf_puts(&text, ")");
	CHECK_STRING(words(text.data), "a");
	CHECK_STRING(words("x $(a"), "x; a BROKEN");
	memset(text.data, '(', text.len);
	read_text(text.data, text.len);
	CHECK(shell.too_deep);
}

/* What a shell refuses is read on from the next line. */
static void
test_resume(void)
{
	CHECK_STRING(words("a )\nb"), "a; b BROKEN");
	CHECK_STRING(words("a; fi b\nc"), "a; b; c BROKEN");
	CHECK_STRING(words("if a; b\nfi\nc"), "a; b; c BROKEN");
	CHECK(strstr(words("for x in a (b)\nc d"), "c|d BROKEN") != NULL);
	CHECK(strstr(words("case x in a b c\nd\ne f"), "BROKEN") != NULL);
	CHECK(strstr(words("a (b c\nd e"), "BROKEN") != NULL);
	CHECK_STRING(words("a ;; b\nc"), "a; b; c BROKEN");
	CHECK_STRING(words("a 'b\nc"), "a BROKEN");
}

static const struct tap_test tests[] = {
	{ "words, quotes, comments", test_words },
	{ "marks of what is expanded", test_marks },
	{ "the home directory", test_home },
	{ "dollar-quotes", test_ansi },
	{ "here-documents", test_documents },
	{ "who feeds whom", test_pipelines },
	{ "subshells", test_subshells },
	{ "functions", test_functions },
	{ "background", test_background },
	{ "redirections", test_redirections },
	{ "assignments", test_assignments },
	{ "conditions and arithmetic", test_conditions },
	{ "compound commands", test_compound },
	{ "places in the text", test_places },
	{ "text cut anywhere", test_cut },
	{ "text that is too deep", test_deep },
	{ "on behind what no shell takes", test_resume },
};

int
main(void)
{
	int status = tap_run(tests, AB_COUNT_OF(tests));

	ab_shell_release(&shell);
	return status;
}
