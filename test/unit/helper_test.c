/* sys/helper: a child that is asked, line by line. */
#include "sys/helper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io.h"
#include "core/mem.h"
#include "tap.h"

#define ANSWER_MAX 1048576 /* bytes of a line */

static char base[] = "/tmp/ab-helper-XXXXXX";

/* Stands for a helper; what it answers hangs on the first word of the request. */
static const char stand[] =
    "#!/bin/sh\n"
    "case $1 in\n"
    "gone) exit 3 ;;\n"
    "slow) cat >/dev/null; sleep 0.2; echo done >\"$2\"; exit 0 ;;\n"
    "esac\n"
    "n=0\n"
    "long() { printf '{\"text\":\"'; head -c \"$1\" /dev/zero | tr '\\0' x; printf '\"}\\n'; }\n"
    "while read -r word rest; do\n"
    "n=$((n + 1))\n"
    "case $word in\n"
    "count) echo \"{\\\"n\\\":$n}\" ;;\n"
    "length) echo \"{\\\"n\\\":${#rest}}\" ;;\n"
    "answer) printf '%s\\n' \"$rest\" ;;\n"
    "empty) printf '\\n\\n{\"n\":%s}\\r\\n' \"$n\" ;;\n"
    "long) long \"$rest\" ;;\n"
    "half) printf '{\"n\":1}'; exit 0 ;;\n"
    "*) exit 1 ;;\n"
    "esac\n"
    "done\n";

static struct ab_error last;

/* With one or two arguments behind its name; ends the test when it cannot be started. */
static struct ab_helper *
start(const char *first, const char *second)
{
	AB_AUTO_FREE char *one = ab_strdup(first), *two = second != NULL ? ab_strdup(second) : NULL;
	char name[] = "ab-stand";
	char *argv[] = { name, one, two, NULL };
	struct ab_helper *helper = NULL;

	if (!CHECK_INT(ab_helper_start(&helper, argv, &last), 0)) {
		printf("# %s\n", last.msg);
		exit(1);
	}
	return helper;
}

/* The answer, which the caller frees; NULL with what was said in `last`. */
static struct ab_value *
ask(struct ab_helper *helper, const char *request)
{
	struct ab_value *answer = NULL;

	last = (struct ab_error)AB_ERROR_INIT;
	int status = ab_helper_ask(helper, request, strlen(request), &answer, &last);
	CHECK((status == 0) == (answer != NULL) && (status == 0) == (last.code == AB_E_NONE));
	return answer;
}

/* Member n of the answer. */
static int64_t
ask_number(struct ab_helper *helper, const char *request)
{
	AB_AUTO_VALUE struct ab_value *answer = ask(helper, request);

	return ab_value_get_integer(answer, "n", -1);
}

/* The code of what it fails with. */
static enum ab_errcode
fail(struct ab_helper *helper, const char *request)
{
	ab_value_free(ask(helper, request));
	return last.code;
}

static bool
no_child_is_left(void)
{
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

static int
count_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count;
}

static void
test_answers(void)
{
	const int before = count_open();
	struct ab_helper *helper = start("batch", NULL);
	AB_AUTO_VALUE struct ab_value *answer = ask(helper, "answer {\"n\":7,\"text\":\"\xc3\xa4\",\"error\":null}");

	CHECK_INT(ab_value_get_integer(answer, "n", -1), 7);
	CHECK_STRING(ab_value_get_string(answer, "text", ""), "\xc3\xa4");
	CHECK_INT(ask_number(helper, "count"), 2);
	CHECK_INT(ask_number(helper, "empty"), 3); /* empty lines are none, CR LF is an end */
	for (int i = 4; i < 500; i++)
		if (!CHECK_INT(ask_number(helper, "count"), i))
			break;
	ab_helper_stop(helper);
	CHECK_INT(ab_value_get_integer(answer, "n", -1), 7); /* it is the caller's */
	CHECK_INT(count_open(), before);
	CHECK(no_child_is_left());
}

/* More than a pipe holds at once. */
static void
test_long_request(void)
{
	AB_AUTO_HELPER struct ab_helper *helper = start("batch", NULL);
	AB_AUTO_BUF struct ab_buf request = AB_BUF_INIT(1000000);

	ab_buf_puts(&request, "length ");
	for (int i = 0; i < 200000; i++)
		ab_buf_putc(&request, 'x');
	CHECK_INT(ask_number(helper, request.data), 200000);
	CHECK_INT(ask_number(helper, "count"), 2);
}

static void
test_errors(void)
{
	AB_AUTO_HELPER struct ab_helper *helper = start("batch", NULL);

	CHECK_INT(fail(helper, "answer {\"error\":{\"code\":\"exists\",\"message\":\"it is there\",\"hint\":\"another name\"}}"), AB_E_EXISTS);
	CHECK_STRING(last.msg, "it is there");
	CHECK_STRING(last.hint, "another name");
	CHECK_INT(fail(helper, "answer {\"error\":{\"code\":\"timeout\",\"message\":\"100%s\",\"hint\":null}}"), AB_E_TIMEOUT);
	CHECK_STRING(last.msg, "100%s");
	CHECK_STRING(last.hint, "");
	CHECK_INT(fail(helper, "answer {\"error\":{\"code\":\"of.tomorrow\",\"message\":\"new\"}}"), AB_E_INTERNAL);
	CHECK_STRING(last.msg, "new");
	CHECK_INT(fail(helper, "answer {\"error\":{\"code\":\"none\",\"message\":\"nothing\"}}"), AB_E_INTERNAL);
	CHECK_INT(fail(helper, "answer {\"error\":{}}"), AB_E_INTERNAL);
	CHECK(last.msg[0] != '\0');
	CHECK_INT(ask_number(helper, "answer {\"n\":8,\"error\":false}"), 8);
	CHECK_INT(ask_number(helper, "count"), 7); /* it goes on */
}

/* What is no record is a defect of the helper, not of what the user said. */
static void
test_no_record(void)
{
	static const char *const requests[] = { "answer oops", "answer {\"n\":1", "answer {\"n\":1} {}", "answer \xff", "answer [1]", "answer 7", "answer null" };
	AB_AUTO_HELPER struct ab_helper *helper = start("batch", NULL);

	for (size_t i = 0; i < AB_COUNT_OF(requests); i++)
		if (!CHECK_INT(fail(helper, requests[i]), AB_E_INTERNAL) || !CHECK(strstr(last.msg, "ab-stand") != NULL))
			printf("# %s: %s\n", requests[i], last.msg);
	CHECK_INT(ask_number(helper, "count"), AB_COUNT_OF(requests) + 1);
}

static void
test_long_answer(void)
{
	static const int lengths[] = { 100000, ANSWER_MAX - 11, ANSWER_MAX - 10, ANSWER_MAX + 1000, 5 * ANSWER_MAX };
	AB_AUTO_HELPER struct ab_helper *helper = start("batch", NULL);

	for (size_t i = 0; i < AB_COUNT_OF(lengths); i++) {
		AB_AUTO_FREE char *request = ab_asprintf("long %d", lengths[i]);
		AB_AUTO_VALUE struct ab_value *answer = ask(helper, request);
		size_t len = 0;
		if (i < 2) {
			CHECK(ab_value_string(ab_value_get(answer, "text"), &len) != NULL);
			CHECK_INT(len, lengths[i]);
		} else {
			CHECK_INT(last.code, AB_E_INTERNAL);
			CHECK(strstr(last.msg, "too much") != NULL);
		}
		CHECK_INT(ask_number(helper, "count"), 2 * i + 2); /* what was left of it is no answer */
	}
}

static void
test_death(void)
{
	struct ab_helper *helper = start("batch", NULL);

	CHECK_INT(fail(helper, "die"), AB_E_CONNECTION_LOST);
	CHECK(strstr(last.msg, "ab-stand") != NULL && last.hint[0] != '\0');
	CHECK_INT(fail(helper, "count"), AB_E_CONNECTION_LOST);
	ab_helper_stop(helper);
	helper = start("batch", NULL);
	CHECK_INT(ask_number(helper, "count"), 1);
	CHECK_INT(fail(helper, "half"), AB_E_CONNECTION_LOST); /* a line without its end may not be all of it */
	ab_helper_stop(helper);
	CHECK(no_child_is_left());
}

/* It does not even read. */
static void
test_gone_at_once(void)
{
	for (int i = 0; i < 2; i++) {
		struct ab_helper *helper = start("gone", NULL);
		siginfo_t info;
		if (i == 0) /* then writing fails, and reading is not tried */
			CHECK_INT(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
		CHECK_INT(fail(helper, "count"), AB_E_CONNECTION_LOST);
		ab_helper_stop(helper);
	}
	CHECK(no_child_is_left());
}

static void
test_stop(void)
{
	AB_AUTO_FREE char *path = ab_asprintf("%s/done", base);
	const int before = count_open();
	struct ab_helper *helper = start("slow", path), *other = start("batch", NULL);

	CHECK(access(path, F_OK) < 0);
	ab_helper_stop_indirect(&helper); /* the other one does not hold its input */
	CHECK(helper == NULL);
	CHECK_INT(access(path, F_OK), 0);
	CHECK_INT(ask_number(other, "count"), 1);
	unlink(path);
	/* One that still writes is not waited for in vain. */
	AB_AUTO_FREE char *request = ab_asprintf("long %d", 50 * ANSWER_MAX);
	CHECK_INT(fail(other, request), AB_E_INTERNAL);
	ab_helper_stop(other);
	ab_helper_stop(NULL);
	ab_helper_stop_indirect(&helper);
	CHECK_INT(count_open(), before);
	CHECK(no_child_is_left());
}

static void
test_absent(void)
{
	char name[] = "ab-absent";
	char *argv[] = { name, NULL };
	struct ab_helper *helper = NULL;
	const int before = count_open();

	CHECK_INT(ab_helper_start(&helper, argv, &last), -1);
	CHECK_INT(last.code, AB_E_UNSUPPORTED);
	CHECK(helper == NULL);
	CHECK_INT(count_open(), before);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "answers, one after the other", test_answers },
		{ "a long request", test_long_request },
		{ "errors come through", test_errors },
		{ "an answer that is no record", test_no_record },
		{ "long answers, and too long ones", test_long_answer },
		{ "a helper that dies", test_death },
		{ "a helper that ends at once", test_gone_at_once },
		{ "stop waits", test_stop },
		{ "a helper that is not there", test_absent },
	};
	struct ab_error err = AB_ERROR_INIT;

	if (mkdtemp(base) == NULL)
		return 1;
	AB_AUTO_FREE char *path = ab_asprintf("%s/ab-stand", base);
	if (ab_write_file_atomic(AT_FDCWD, path, stand, strlen(stand), 0755, &err) < 0)
		return 1;
	setenv("AB_LIBEXEC_DIR", base, 1);
	signal(SIGPIPE, SIG_IGN); /* as a tool has it */
	alarm(300);		  /* who waits for ever has failed */
	int status = tap_run(tests, AB_COUNT_OF(tests));

	unlink(path);
	rmdir(base);
	return status;
}
