/* data/kvwatch: one is called soon after a write, and hardly ever else. */
#include "data/kvwatch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/time.h"
#include "tap.h"

static char base[] = "/tmp/ab-kvwatch-test-XXXXXX";
static struct ab_loop *loop;
static struct ab_error err;
static unsigned looks;

static char *
at(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

static void
look(void *data)
{
	(void)data;
	looks++;
}

static void
stop(struct ab_timer *timer)
{
	(void)timer;
	ab_loop_stop(loop);
}

static unsigned
looks_within(int64_t ms)
{
	struct ab_timer timer = { .fired = stop };

	looks = 0;
	ab_loop_arm(loop, &timer, ab_deadline(ms));
	CHECK_INT(ab_loop_run(loop, &err), 0);
	return looks;
}

static void
write_to(const char *name)
{
	AB_AUTO_CLOSE int fd = open(at(name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	CHECK_INT(write(fd, "x", 1), 1);
}

static void
test_writes(void)
{
	struct ab_kvwatch *watch = ab_kvwatch_new(loop, at("kv.db"), look, NULL);

	CHECK_INT(looks_within(100), 1); /* at once, and then nothing happens */
	CHECK_INT(looks_within(100), 0);
	write_to("kv.db-wal");
	CHECK(looks_within(200) >= 2); /* before the commit can be seen, and again */
	CHECK_INT(looks_within(100), 0);
	write_to("other");
	CHECK_INT(looks_within(100), 0);
	CHECK(looks_within(1200) >= 1); /* in case something was missed */
	ab_kvwatch_free(watch);
	ab_kvwatch_free(NULL);
	write_to("kv.db-wal");
	CHECK_INT(looks_within(50), 0);
}

static struct ab_kvwatch *own;

static void
look_and_free(void *data)
{
	look(data);
	ab_kvwatch_free(own);
}

static void
test_freed_within(void)
{
	own = ab_kvwatch_new(loop, at("kv.db"), look_and_free, NULL);
	CHECK_INT(looks_within(50), 1);
	write_to("kv.db");
	CHECK_INT(looks_within(50), 0);
}

/* Without a descriptor to be had for inotify it looks now and then. */
static void
test_blind(void)
{
	struct rlimit was, none;
	struct ab_kvwatch *watch;

	CHECK_INT(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 3;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
	watch = ab_kvwatch_new(loop, at("kv.db"), look, NULL);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &was), 0);
	CHECK(looks_within(400) >= 3);
	ab_kvwatch_free(watch);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "soon after a write, and not else", test_writes },
		{ "freed from its own call", test_freed_within },
		{ "without inotify", test_blind },
	};

	if (mkdtemp(base) == NULL || (loop = ab_loop_new(&err)) == NULL)
		return 1;
	int status = tap_run(tests, AB_COUNT_OF(tests));
	ab_loop_free(loop);
	static const char *const leftovers[] = { "kv.db", "kv.db-wal", "other", "" };
	for (size_t i = 0; i < AB_COUNT_OF(leftovers); i++)
		(void)remove(at(leftovers[i]));
	return status;
}
