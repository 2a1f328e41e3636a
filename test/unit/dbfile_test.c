/* data/dbfile: where a database may lie. (db_test opens them there.) */
#include "data/dbfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "tap.h"

static void
test_directory(void)
{
	static const struct {
		const char *path, *want;
	} cases[] = { { "kv.db", "." }, { "/kv.db", "/" }, { "a/b/kv.db", "a/b" }, { "/a/kv.db", "/a" }, { "./kv.db", "." } };

	for (size_t i = 0; i < AB_COUNT_OF(cases); i++) {
		AB_AUTO_FREE char *dir = ab_dbfile_directory(cases[i].path);
		CHECK_STRING(dir, cases[i].want);
	}
}

static enum ab_errcode
check_code(const char *path, bool write)
{
	struct ab_error err = AB_ERROR_INIT;
	int status = ab_dbfile_check("store", path, write, &err);

	CHECK((status == 0) == (err.code == AB_E_NONE));
	return err.code;
}

static void
test_places(void)
{
	char base[] = "/tmp/ab-dbfile-test-XXXXXX";

	if (!CHECK(mkdtemp(base) != NULL))
		return;
	AB_AUTO_FREE char *fifo = ab_asprintf("%s/fifo", base);
	AB_AUTO_FREE char *none = ab_asprintf("%s/none", base);
	AB_AUTO_FREE char *below = ab_asprintf("%s/none/kv.db", base);
	CHECK_INT(mkfifo(fifo, 0600), 0);
	CHECK_INT(check_code("/etc/passwd", false), AB_E_NONE);
	CHECK_INT(check_code(none, true), AB_E_NONE);
	CHECK_INT(check_code(base, true), AB_E_IS_DIRECTORY);
	CHECK_INT(check_code(fifo, false), AB_E_UNSUPPORTED);
	CHECK_INT(check_code(below, true), AB_E_INPUT_INVALID);
	CHECK_INT(check_code(below, false), AB_E_NOT_FOUND);
	CHECK_INT(check_code("/etc/passwd/kv.db", false), AB_E_NOT_DIRECTORY);
	CHECK(unlink(fifo) == 0 && rmdir(base) == 0);
}

static void
test_hint(void)
{
	struct ab_error err = AB_ERROR_INIT;

	ab_fail(&err, AB_E_DENIED_PERMISSION, "x");
	CHECK_INT(ab_dbfile_hint("/a/kv.db", &err), -1);
	CHECK(strstr(err.hint, "ls -ld '/a/kv.db'*") != NULL);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "the directory of a path", test_directory },
		{ "places", test_places },
		{ "permission", test_hint },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
