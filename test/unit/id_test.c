/* Identifiers: shape, order, and no collision after fork. */
#include "core/id.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/time.h"
#include "tap.h"

static void
test_shape(void)
{
	char id[AB_ID_SIZE];

	CHECK(ab_id_new(id) == id);
	CHECK_INT(strlen(id), 26);
	CHECK_INT(strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
	CHECK(id[0] <= '7');
}

static void
test_time(void)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	char id[AB_ID_SIZE];
	int64_t before = ab_now_unix_ms(), time_ms = 0;

	ab_id_new(id);
	for (int i = 0; i < 10; i++)
		time_ms = time_ms * 32 + (strchr(digits, id[i]) - digits);
	CHECK(time_ms >= before);
	CHECK(time_ms <= ab_now_unix_ms());
}

static void
test_order(void)
{
	char last[AB_ID_SIZE], id[AB_ID_SIZE];
	int wrong = 0;

	ab_id_new(last);
	for (int i = 0; i < 20000; i++) {
		wrong += strcmp(ab_id_new(id), last) <= 0;
		memcpy(last, id, sizeof(id));
	}
	CHECK_INT(wrong, 0);
}

static void
test_fork(void)
{
	char ours[AB_ID_SIZE], theirs[AB_ID_SIZE] = "";
	int fds[2], same = 0;

	for (int i = 0; i < 50; i++) {
		ab_id_new(ours);
		CHECK_INT(pipe(fds), 0);
		pid_t pid = fork();
		if (pid == 0)
			_exit(write(fds[1], ab_id_new(theirs), AB_ID_SIZE) == AB_ID_SIZE ? 0 : 1);
		ab_id_new(ours);
		CHECK_INT(read(fds[0], theirs, AB_ID_SIZE), AB_ID_SIZE);
		same += strcmp(ours, theirs) == 0;
		close(fds[0]);
		close(fds[1]);
		waitpid(pid, NULL, 0);
	}
	CHECK_INT(same, 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "26 characters of base32", test_shape },
		{ "the first ten are the time", test_time },
		{ "later ids are larger", test_order },
		{ "a forked process gives other ids", test_fork },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
