#include "core/filter.h"

#include <sys/stat.h>

#include "core/io.h"
#include "core/mem.h"
#include "demo_tool.h"
#include "tap.h"

static char dir[] = "/tmp/ab-filter-XXXXXX", path[64];

/* Stands for ab-jq: says its arguments, copies its input, and exits as its program says. */
static void
write_helper(const char *text)
{
	struct ab_error err = AB_ERROR_INIT;

	snprintf(path, sizeof(path), "%s/ab-jq", dir);
	CHECK_INT(ab_write_file_atomic(-100, path, text, strlen(text), 0755, &err), 0);
	setenv("AB_LIBEXEC_DIR", dir, 1);
}

static void
test_runs(void)
{
	struct ab_error err = AB_ERROR_INIT;
	pid_t pid;
	int fd;

	write_helper("#!/bin/sh\ncat >/dev/null\n[ \"$1 $2 $3\" = '-r -- exit 7' ] && exit 7\n[ \"$1 $2 $#\" = '-- . 2' ] || exit 1\n");
	CHECK_INT(ab_filter_start(".", false, &pid, &fd, &err), 0);
	close(fd);
	CHECK_INT(ab_filter_wait(pid, &err), 0);
	CHECK_INT(ab_filter_start("exit 7", true, &pid, &fd, &err), 0);
	CHECK_INT(write(fd, "{}\n", 3), 3);
	close(fd);
	CHECK_INT(ab_filter_wait(pid, &err), 7);
}

static void
test_absent(void)
{
	struct ab_error err = AB_ERROR_INIT;
	pid_t pid;
	int fd;

	setenv("AB_LIBEXEC_DIR", "/nonexistent", 1);
	CHECK_INT(ab_filter_start(".", false, &pid, &fd, &err), -1);
	CHECK_INT(err.code, AB_E_UNSUPPORTED);
	CHECK(strncmp(err.msg, "--jq: ", 6) == 0 && err.hint[0] != '\0');
}

/* The whole way, from an operation's records through the helper. */
static void
test_option(void)
{
	write_helper("#!/bin/sh\nsed 's/word/WORD/'\nexit 3\n");
	CHECK_INT(demo_run("ab-demo count 2 --jq .", ""), 3);
	CHECK_STRING(demo_out, "{\"n\":1,\"WORD\":\"odd\"}\n{\"n\":2,\"WORD\":\"even\"}\n");
	CHECK_INT(demo_run("ab-demo --jq . -- x", ""), 125);
	CHECK_INT(demo_run("ab-demo batch --jq .", "{\"op\":\"count\",\"to\":1}\n"), 3);
	CHECK_STRING(demo_out, "{\"id\":null,\"items\":[{\"n\":1,\"WORD\":\"odd\"}],\"next\":null}\n");
	write_helper("#!/bin/sh\nexit 2\n"); /* a program that is wrong, told though there are many records, or none */
	CHECK_INT(demo_run("ab-demo count 100000 --jq .", ""), 2);
	CHECK_INT(demo_run("ab-demo count 0 --jq .", ""), 2);
	CHECK_INT(demo_run("ab-demo nap 10ms --ticks 3 --jq .", ""), 2);
	CHECK_STRING(demo_err, "");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "the program and its status", test_runs },
		{ "a helper that is not there", test_absent },
		{ "--jq in both faces", test_option },
	};
	if (mkdtemp(dir) == NULL)
		return 1;
	int status = tap_run(tests, AB_COUNT_OF(tests));

	unlink(path);
	rmdir(dir);
	return status;
}
