#include "core/sink.h"

#include "core/mem.h"
#include "demo_tool.h"
#include "tap.h"

static void
test_plain(void)
{
	CHECK_INT(demo_run("ab-demo count 2", ""), 0);
	CHECK_STRING(demo_out, "{\"n\":1,\"word\":\"odd\"}\n{\"n\":2,\"word\":\"even\"}\n");
	CHECK_INT(demo_run("ab-demo count 3000 --width 100", ""), 0);
	size_t lines = 0;
	for (const char *at = demo_out; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	CHECK_INT(lines, 3000);
}

static void
test_field(void)
{
	CHECK_INT(demo_run("ab-demo count --field word", ""), 0);
	CHECK_STRING(demo_out, "odd\neven\nodd\n");
	CHECK_INT(demo_run("ab-demo count 2 --field n", ""), 0);
	CHECK_STRING(demo_out, "1\n2\n");
	CHECK_INT(demo_run("ab-demo count 2 --field word -0", ""), 0);
	CHECK(memcmp(demo_out, "odd\0even\0", 10) == 0);
	CHECK_INT(demo_run("ab-demo greet \377x --field name", ""), 0); /* bytes come back as they are */
	CHECK_STRING(demo_out, "\377x\n");
	CHECK_INT(demo_run("ab-demo greet x --field words", ""), 0);
	CHECK_STRING(demo_out, "[]\n");
	CHECK_INT(demo_run("ab-demo nap 1ms --ticks 2 --field n", ""), 0); /* of events that have it, and the record */
	CHECK_STRING(demo_out, "1\n2\n\n");
	CHECK_INT(demo_run("ab-demo count --field nope", ""), 1);
	CHECK_STRING(demo_err, "ab-demo: no record has a field \"nope\" [no_match]\n");
}

static void
test_table(void)
{
	CHECK_INT(demo_run("ab-demo count 2 --table", ""), 0);
	CHECK_STRING(demo_out, "N  WORD\n1  odd\n2  even\n");
	CHECK_INT(demo_run("ab-demo count 0 --table", ""), 0);
	CHECK_STRING(demo_out, "");
	CHECK_INT(demo_run("ab-demo check yes --table", ""), 0);
	CHECK_STRING(demo_out, "yes  true\n");
	CHECK_INT(demo_run("ab-demo nap 1ms --ticks 2 --table", ""), 0);
	CHECK_STRING(demo_out, "tick  1\ntick  2\ntype  result\ndone  2\n");
	setenv("AB_FORMAT", "table", 1);
	CHECK_INT(demo_run("ab-demo count 1", ""), 0); /* not a terminal */
	CHECK_STRING(demo_out, "{\"n\":1,\"word\":\"odd\"}\n");
	unsetenv("AB_FORMAT");
}

static struct ab_sink sink;

static void
test_full(void)
{
	struct ab_common common = { .help = 0 };
	struct ab_error err = AB_ERROR_INIT;
	int saved = dup(1), full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	fflush(stdout);
	dup2(full, 1);
	ab_sink_init(&sink, &common, &demo_ops[2], false);
	bool first = ab_sink_put(&sink, "{}\n", 3, AB_PUT_RECORD);
	int rc = ab_sink_close(&sink, &err);
	dup2(saved, 1);
	close(saved);
	close(full);
	CHECK(!first);
	CHECK_INT(rc, -1);
	CHECK_INT(err.code, AB_E_LIMIT_STORAGE);
	CHECK(!ab_sink_is_gone(&sink));
	ab_sink_release(&sink);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "records as they are", test_plain },
		{ "--field", test_field },
		{ "--table", test_table },
		{ "a full disk is told", test_full },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
