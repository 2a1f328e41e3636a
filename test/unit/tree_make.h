/* For tests that look at trees: a directory of our own in which scripts make them, and git without anybody's configuration. */
#ifndef AB_TEST_TREE_MAKE_H
#define AB_TEST_TREE_MAKE_H

#include <stdlib.h>

#include "core/mem.h"
#include "tap.h"

static char base[] = "/tmp/ab-tree-test-XXXXXX";

#define REPO "git init -q .; git config user.name x; git config user.email x@y; git commit -q --allow-empty -m x"

/* Run a script in a directory below base. */
static inline void
shell(const char *dir, const char *script)
{
	AB_AUTO_FREE char *command = ab_asprintf("cd '%s/%s' && { %s\n} >/dev/null 2>&1", base, dir, script);

	if (!CHECK(system(command) == 0))
		printf("# %s\n", script);
}

/* Run the tests with base there, and delete it; the exit status. */
static inline int
tree_tests(const struct tap_test *tests, size_t count)
{
	if (mkdtemp(base) == NULL)
		return 1;
	setenv("HOME", base, 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	int status = tap_run(tests, count);
	AB_AUTO_FREE char *clean = ab_asprintf("chmod -R u+rwX '%s'; rm -rf '%s'", base, base);
	return system(clean) != 0 ? 1 : status;
}

#endif
