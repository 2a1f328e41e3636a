/* Errors: the table, and the value. */
#include "core/error.h"

#include <errno.h>

#include "core/mem.h"
#include "core/text.h"
#include "tap.h"

/* Contract section 4: the exit status is that of the class. */
static void
test_table(void)
{
	static const struct {
		enum ab_errcode code;
		const char *name;
		int status;
	} some[] = { { AB_E_NONE, "none", 0 }, { AB_E_NOT_FOUND, "not_found", 1 }, { AB_E_GONE, "gone", 1 }, { AB_E_USAGE, "usage", 2 },
		{ AB_E_INPUT_MALFORMED, "input.malformed", 3 }, { AB_E_NOT_DIRECTORY, "not_directory", 3 }, { AB_E_SCOPE_ESCAPE, "scope.escape", 4 },
		{ AB_E_LIMIT_QUOTA, "limit.quota", 4 }, { AB_E_TIMEOUT, "timeout", 5 }, { AB_E_CONNECTION_LOST, "connection.lost", 5 },
		{ AB_E_SYSTEM, "system", 6 }, { AB_E_LIMIT_STORAGE, "limit.storage", 6 }, { AB_E_INTERNAL, "internal", 6 } };
	int last_status = 0;

	for (size_t i = 0; i < AB_COUNT_OF(some); i++) {
		CHECK_STRING(ab_errcode_name(some[i].code), some[i].name);
		CHECK_INT(ab_errcode_status(some[i].code), some[i].status);
	}
	for (enum ab_errcode code = AB_E_NONE; code < AB_E_COUNT; code++) {
		CHECK(ab_errcode_name(code) != NULL && ab_errcode_text(code) != NULL);
		CHECK(ab_errcode_status(code) == last_status || ab_errcode_status(code) == last_status + 1);
		last_status = ab_errcode_status(code);
		CHECK(!ab_errcode_retryable(code) || last_status == 5);
		for (enum ab_errcode other = AB_E_NONE; other < code; other++)
			CHECK(strcmp(ab_errcode_name(other), ab_errcode_name(code)) != 0);
	}
	CHECK_INT(last_status, 6);
	CHECK(ab_errcode_retryable(AB_E_BUSY));
	CHECK(!ab_errcode_retryable(AB_E_CANCELLED));
}

static void
test_names(void)
{
	static const char *const none[] = { "", "none", "Exists", "exists ", "exist", "input", "input.", "input.malformed.", "of.tomorrow" };

	for (enum ab_errcode code = AB_E_NONE + 1; code < AB_E_COUNT; code++)
		if (!CHECK_INT(ab_errcode_from_name(ab_errcode_name(code)), code))
			printf("# %s\n", ab_errcode_name(code));
	/* Never AB_E_NONE: what came with it did fail. */
	for (size_t i = 0; i < AB_COUNT_OF(none); i++)
		if (!CHECK_INT(ab_errcode_from_name(none[i]), AB_E_INTERNAL))
			printf("# \"%s\"\n", none[i]);
}

static void
test_fail(void)
{
	struct ab_error err = AB_ERROR_INIT;

	ab_error_hint(&err, "old");
	ab_error_operation(&err, "old");
	CHECK_INT(ab_fail(&err, AB_E_NOT_FOUND, "no such key \"%s\"", "a"), -1);
	CHECK_INT(err.code, AB_E_NOT_FOUND);
	CHECK_STRING(err.msg, "no such key \"a\"");
	CHECK_STRING(err.hint, "");
	CHECK_STRING(err.operation, "");
	ab_error_hint(&err, "try %d", 1);
	ab_error_operation(&err, "op %d", 2);
	ab_error_context(&err, "scope \"%s\"", "s1");
	CHECK_STRING(err.msg, "scope \"s1\": no such key \"a\"");
	CHECK_STRING(err.hint, "try 1");
	CHECK_STRING(err.operation, "op 2");
}

static void
test_errno(void)
{
	static const struct {
		int errno_value;
		enum ab_errcode code;
	} cases[] = { { ENOENT, AB_E_NOT_FOUND }, { EACCES, AB_E_DENIED_PERMISSION }, { EPERM, AB_E_DENIED_PERMISSION }, { EEXIST, AB_E_EXISTS },
		{ ENOTDIR, AB_E_NOT_DIRECTORY }, { EISDIR, AB_E_IS_DIRECTORY }, { ENOTEMPTY, AB_E_NOT_EMPTY }, { ENOSPC, AB_E_LIMIT_STORAGE },
		{ EDQUOT, AB_E_LIMIT_STORAGE }, { EIO, AB_E_SYSTEM } };
	struct ab_error err = AB_ERROR_INIT;

	for (size_t i = 0; i < AB_COUNT_OF(cases); i++) {
		CHECK_INT(ab_fail_errno(&err, cases[i].errno_value, "open"), -1);
		CHECK_INT(err.code, cases[i].code);
	}
	ab_fail_errno(&err, ENOENT, "open \"%s\"", "x");
	CHECK_STRING(err.msg, "open \"x\": No such file or directory");
}

/* Long messages are cut between characters, whatever their length. */
static void
test_cut(void)
{
	for (int before = 0; before < 4; before++) {
		struct ab_error err = AB_ERROR_INIT;
		char text[1000] = "";
		memset(text, 'a', (size_t)before);
		while (strlen(text) < 900)
			strcat(text, "\xe2\x82\xac");
		ab_fail(&err, AB_E_USAGE, "%s", text);
		size_t len = strlen(err.msg);
		CHECK(len < sizeof(err.msg) && len > sizeof(err.msg) - 8);
		CHECK(ab_utf8_valid(err.msg, len));
		CHECK(strncmp(err.msg, text, len) == 0);
	}
}

static void
test_sanitize(void)
{
	char text[] = "a\nb\x1b[0m\x7f\xc3\xa4\x01";

	ab_error_sanitize(text);
	CHECK_STRING(text, "a?b?[0m?\xc3\xa4?");
	/* C1: terminals take U+009B, and some a lone 0x9b, for the beginning of a control sequence */
	char high[] = "\xc2\x9b""31m\x9b""31m\xff\xe2\x82\xac\xe2\x82";
	ab_error_sanitize(high);
	CHECK_STRING(high, "??31m?31m?\xe2\x82\xac??");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "the table of codes", test_table },
		{ "codes by their names", test_names },
		{ "fail, context, hint, operation", test_fail },
		{ "errno", test_errno },
		{ "long messages", test_cut },
		{ "control characters", test_sanitize },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
