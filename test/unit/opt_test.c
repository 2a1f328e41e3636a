#include "core/opt.h"

#include "core/mem.h"
#include "demo_tool.h"
#include "tap.h"

static struct greet_params values;
static struct ab_common common;
static struct ab_arena arena;
static struct ab_args args, common_args;
static struct ab_opt opt;
static struct ab_error err;
static char words[16][128], *argv_of[16];

/* Words split at spaces; "_" alone is an empty word. */
static int
parse(const char *line, bool filter)
{
	int argc = 0;

	for (const char *at = line; *at != '\0'; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");
		snprintf(words[argc], sizeof(words[argc]), "%.*s", (int)len, at);
		if (strcmp(words[argc], "_") == 0)
			words[argc][0] = '\0';
		argv_of[argc] = words[argc];
		argc++;
		at += len;
	}
	ab_arena_reset(&arena);
	ab_args_init(&args, greet_params, &values, sizeof(values), &arena);
	ab_args_init(&common_args, ab_common_params, &common, sizeof(common), &arena);
	static struct ab_opt_set sets[2];
	sets[0] = (struct ab_opt_set){ .args = &args, .group = 0 };
	sets[1] = (struct ab_opt_set){ .args = &common_args, .group = 1 };
	memset(&err, 0, sizeof(err));
	opt = (struct ab_opt){ .sets = sets, .set_count = 2, .filter = filter };
	return ab_opt_parse(&opt, argc, argv_of, &err);
}

static int
parse_all(const char *line, bool filter)
{
	return parse(line, filter) < 0 ? -1 : ab_opt_operands(&args, &opt, &err);
}

static void
test_forms(void)
{
	CHECK_INT(parse("--times 3 --time-out=2s -w a -wb --word=c -ln4 -e A=1 --env B=2", false), 0);
	CHECK(values.times == 4 && values.timeout_ms == 2000 && values.words.count == 3 && values.loud == 1 && values.env.count == 2);
	CHECK_INT(parse("--loud --no-loud --json -vv -0r", false), 0);
	CHECK(values.loud == 0 && common.json == 1 && common.verbose == 2 && common.nul == 1 && common.raw == 1 && common.quiet == 0);
	CHECK_INT(parse("--tone= --x", false), -1);
	CHECK_STRING(err.msg, "--tone: \"\" is not one of kind, rude, as:; unknown option \"--x\"");
	CHECK_INT(parse("--times -1", false), -1); /* a value may begin with '-' */
	CHECK_STRING(err.msg, "--times: must be at least 1");
	CHECK_INT(parse("--stdin -", false), 0);
	CHECK_INT(values.stdin_bytes.kind, AB_BYTES_STDIN);
}

static void
test_refused(void)
{
	static const struct { const char *line, *message, *hint; } cases[] = {
		{ "--tmies 3", "unknown option \"--tmies\"", "did you mean --times?" },
		{ "--time", "unknown option \"--time\"", "did you mean --times?" }, /* no abbreviations */
		{ "--jsno", "unknown option \"--jsno\"", "did you mean --json?" },
		{ "--zzz=5", "unknown option \"--zzz\"", "" },
		{ "-z", "unknown option \"-z\"", "" },
		{ "--times", "--times needs a value (N)", "" },
		{ "-n", "-n needs a value (N)", "" },
		{ "--loud=1", "--loud takes no value", "" },
		{ "--no-times", "unknown option \"--no-times\"", "" },
		{ "--no-no-loud --no-tone", "unknown option \"--no-tone\"", "" },
		{ "--name_", "unknown option \"--name_\"", "did you mean --name?" },
		{ "--nude", "unknown option \"--nude\"", "" },
	};

	for (size_t i = 0; i < AB_COUNT_OF(cases); i++) {
		CHECK_INT(parse(cases[i].line, false), -1);
		CHECK_STRING(err.msg, cases[i].message);
		CHECK_STRING(err.hint, cases[i].hint);
		CHECK_INT(err.code, AB_E_USAGE);
	}
}

static void
test_operands(void)
{
	CHECK_INT(parse_all("bob --times 2", false), 0);
	CHECK_STRING(values.name, "bob");
	CHECK_INT(values.times, 2);
	CHECK_INT(parse_all("-- --times", false), 0);
	CHECK_STRING(values.name, "--times");
	CHECK_INT(parse_all("-", false), 0);
	CHECK_STRING(values.name, "-");
	CHECK_INT(parse_all("_", false), 0);
	CHECK_STRING(values.name, "");
	CHECK_INT(parse_all("--name bob", false), 0);
	CHECK_STRING(values.name, "bob");
	CHECK_INT(parse_all("--name bob eve", false), -1);
	CHECK_STRING(err.msg, "unexpected operand \"eve\"");
	CHECK_INT(parse_all("a b", false), -1);
	CHECK_STRING(err.msg, "unexpected operand \"b\"");
}

static void
test_filter(void)
{
	CHECK_INT(parse("--times 2 make --times 3 -- x", true), 0);
	CHECK_INT(values.times, 2);
	CHECK_INT(opt.operand_count, 5);
	CHECK_STRING(opt.operands[0], "make");
	CHECK_STRING(opt.operands[3], "--");
	CHECK(opt.operands[5] == NULL);
	CHECK_INT(parse("-- -- x", true), 0);
	CHECK_INT(opt.operand_count, 2);
	CHECK_STRING(opt.operands[0], "--");
}

static void
test_encoding(void)
{
	CHECK_INT(parse("--encoding base64", false), 0);
	CHECK_INT(ab_common_encoding(&common), AB_ENCODING_BASE64);
	CHECK_INT(parse("--encoding utf8", false), 0);
	CHECK_INT(ab_common_encoding(&common), AB_ENCODING_UTF8);
	CHECK_INT(parse("", false), 0);
	CHECK_INT(ab_common_encoding(&common), AB_ENCODING_AUTO);
	CHECK_INT(parse("--encoding latin1", false), -1);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "long, short, combined, with = and without", test_forms },
		{ "what is wrong is named, and what was meant", test_refused },
		{ "operands", test_operands },
		{ "a filter's options end at its first operand", test_filter },
		{ "encodings", test_encoding },
	};
	int status = tap_run(tests, AB_COUNT_OF(tests));

	ab_arena_release(&arena);
	return status;
}
