/*
 * Shell text against what POSIX.1-2017 XCU 2 and bash(1) say of it. Random words are compared with the shells themselves in
 * test/shell.bats.
 */
#include "shell_read.h"

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

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "who feeds whom", test_pipelines },
		{ "subshells", test_subshells },
		{ "functions", test_functions },
		{ "background", test_background },
		{ "conditions and arithmetic", test_conditions },
		{ "compound commands", test_compound },
		{ "text cut anywhere", test_cut },
		{ "text that is too deep", test_deep },
		{ "on behind what no shell takes", test_resume },
	};

	return shell_tests(tests, AB_COUNT_OF(tests));
}
