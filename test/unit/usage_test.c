/* sys/usage: everything once, nothing outside. */
#include "sys/usage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/mem.h"
#include "tap.h"

static char base[] = "/tmp/ab-usage-test-XXXXXX";

static void
shell(const char *script)
{
	AB_AUTO_FREE char *command = ab_asprintf("cd '%s' && { %s\n} >/dev/null", base, script);

	CHECK(system(command) == 0);
}

static struct ab_usage_total
usage_of(const char *dir, unsigned step)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *path = ab_asprintf("%s/%s", base, dir);
	AB_AUTO_CLOSE int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct ab_usage *usage = ab_usage_open(fd, &err);
	struct ab_usage_total total = { 0 };

	CHECK(usage != NULL);
	if (usage == NULL)
		return total;
	while (ab_usage_step(usage, step))
		;
	total = *ab_usage_total(usage);
	ab_usage_close(usage);
	return total;
}

static void
test_counts(void)
{
	shell("mkdir -p t/a/b t/c; printf 12345 >t/a/f; printf 123 >t/c/g; mkfifo t/p; ln -s /etc t/link; truncate -s 1M t/sparse");
	for (unsigned step = 1; step < 100; step += 33) {
		struct ab_usage_total total = usage_of("t", step);
		CHECK_INT(total.files, 5);
		CHECK_INT(total.directories, 3);
		CHECK_INT(total.bytes, 5 + 3 + 1024 * 1024);
		CHECK(total.allocated_bytes < 1024 * 1024);
		CHECK_INT(total.unreadable, 0);
	}
}

static void
test_hard_links_once(void)
{
	shell("mkdir h; head -c 10000 /dev/zero >h/f; for i in $(seq 400); do ln h/f h/l$i; printf x >h/x$i; ln h/x$i h/y$i; done");
	struct ab_usage_total total = usage_of("h", 1000);
	CHECK_INT(total.files, 401);
	CHECK_INT(total.bytes, 10400);
}

static void
test_deep(void)
{
	shell("p=deep; mkdir deep; cd deep; for i in $(seq 150); do mkdir d e; printf x >f; cd d; done");
	struct ab_usage_total total = usage_of("deep", 7);
	CHECK_INT(total.directories, 300);
	CHECK_INT(total.files, 150);
	CHECK_INT(total.unreadable, 0);
}

static void
test_too_deep(void)
{
	int fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < 1100; i++) {
		CHECK(mkdirat(fd, "q", 0755) == 0);
		int next = openat(fd, "q", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	close(fd);
	struct ab_usage_total total = usage_of("q", 1000);
	CHECK_INT(total.unreadable, 1);
}

static void
test_unreadable(void)
{
	if (geteuid() == 0)
		TAP_SKIP("root reads all");
	shell("mkdir -p u/no; printf x >u/f; chmod 0 u/no");
	struct ab_usage_total total = usage_of("u", 1000);
	CHECK_INT(total.unreadable, 1);
	CHECK_INT(total.files, 1);
	shell("chmod 700 u/no");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "counts", test_counts },
		{ "hard links count once", test_hard_links_once },
		{ "deeper than descriptors are kept", test_deep },
		{ "too deep", test_too_deep },
		{ "unreadable", test_unreadable },
	};

	if (mkdtemp(base) == NULL)
		return 1;
	int status = tap_run(tests, AB_COUNT_OF(tests));
	AB_AUTO_FREE char *clean = ab_asprintf("rm -rf '%s'", base);
	return system(clean) != 0 ? 1 : status;
}
