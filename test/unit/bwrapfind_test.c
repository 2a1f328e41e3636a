/* sys/bwrapfind: which bubblewrap is believed. */
#include "sys/bwrap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "tap.h"

static void
test_versions(void)
{
	unsigned major = 9, minor = 9;

	CHECK_INT(ab_bwrap_parse_version("bubblewrap 0.8.0\n", &major, &minor), 0);
	CHECK(major == 0 && minor == 8);
	CHECK_INT(ab_bwrap_parse_version("bubblewrap 1.2", &major, &minor), 0);
	CHECK(major == 1 && minor == 2);
	CHECK_INT(ab_bwrap_parse_version("bubblewrap 12", &major, &minor), -1);
	CHECK_INT(ab_bwrap_parse_version("bubblewrap .1", &major, &minor), -1);
	CHECK_INT(ab_bwrap_parse_version("bwrap 0.8.0", &major, &minor), -1);
	CHECK(!ab_bwrap_holds(&(struct ab_bwrap){ .minor = 11 }));
	CHECK(ab_bwrap_holds(&(struct ab_bwrap){ .minor = 12 }));
	CHECK(ab_bwrap_holds(&(struct ab_bwrap){ .major = 1 }));
}

static char base[] = "/var/tmp/ab-bwrapfind-XXXXXX";

/* A program that answers with text. */
static void
plant(const char *dir, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", base, dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/bwrap", base, dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	CHECK(fd >= 0 && dprintf(fd, "#!/bin/sh\necho '%s'\n", text) > 0);
	close(fd);
}

/* search: %s stands for the directory of this test, twice. */
static int
find(const char *search, const char *tree, struct ab_bwrap *bwrap, struct ab_error *err)
{
	char text[256], below[128];

	snprintf(text, sizeof(text), search, base, base);
	snprintf(below, sizeof(below), "%s/%s", base, tree != NULL ? tree : "");
	*err = (struct ab_error)AB_ERROR_INIT;
	return ab_bwrap_find(text, tree != NULL ? below : NULL, bwrap, err);
}

static void
test_find(void)
{
	struct ab_bwrap bwrap;
	struct ab_error err;

	CHECK(mkdtemp(base) != NULL && chmod(base, 0755) == 0);
	plant("old", "bubblewrap 0.7.1");
	plant("new", "bubblewrap 0.12.3");
	plant("other", "something else");
	CHECK_INT(find("%s/none:relative:%s/new", NULL, &bwrap, &err), 0);
	CHECK(bwrap.major == 0 && bwrap.minor == 12 && bwrap.path[0] == '/');
	CHECK_INT(find("%s/new:%s/other", "new", &bwrap, &err), -1); /* below the tree: passed over */
	CHECK_INT(err.code, AB_E_ISOLATION_UNAVAILABLE);
	CHECK_INT(find("%s/old:%s/new", NULL, &bwrap, &err), -1); /* the first one counts */
	CHECK(strstr(err.msg, "0.7 is too old") != NULL);
	CHECK_INT(find("%s/none", NULL, &bwrap, &err), -1);
	CHECK_INT(err.code, AB_E_ISOLATION_UNAVAILABLE);
	CHECK(strstr(err.hint, "install bubblewrap") != NULL);
	static const char *const names[] = { "old/bwrap", "old", "new/bwrap", "new", "other/bwrap", "other", "" };
	for (size_t i = 0; i < AB_COUNT_OF(names); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/%s", base, names[i]);
		CHECK_INT(remove(path), 0);
	}
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "versions", test_versions },
		{ "found", test_find },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
