#include "sys/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/time.h"
#include "tap.h"

static struct ab_error err;

struct command {
	struct ab_loop *loop;
	struct ab_watch watch;
	struct ab_timer patience;
	int in;		/* the command's end of its stdin */
	size_t want, got;
	bool end, late;
	char text[1 << 20];
};

static void
command_reads(struct ab_watch *watch, unsigned events)
{
	struct command *command = watch->data;
	size_t room = command->want - command->got;

	(void)events;
	ssize_t n = read(command->in, command->text + command->got, room < sizeof(command->text) ? room : sizeof(command->text));
	if (n > 0)
		command->got += (size_t)n;
	command->end = n == 0;
	if (n <= 0 || command->got == command->want)
		ab_loop_stop(command->loop);
}

static void
too_late(struct ab_timer *timer)
{
	struct command *command = timer->data;

	command->late = true;
	ab_loop_stop(command->loop);
}

static struct command command;

/* Feed a command that reads up to `want` bytes and then ends. */
static void
feed(int from, const char *data, size_t len, size_t want)
{
	struct ab_feed under_test;
	int ends[2];

	memset(&command, 0, sizeof(command));
	CHECK_INT(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	command.loop = ab_loop_new(&err);
	command.in = ends[0];
	command.want = want;
	command.watch = (struct ab_watch){ .fd = ends[0], .events = AB_READABLE, .ready = command_reads, .data = &command };
	CHECK_INT(ab_loop_add(command.loop, &command.watch, &err), 0);
	CHECK_INT(ab_feed_open(&under_test, command.loop, ends[1], from, data, len, &err), 0);
	command.patience = (struct ab_timer){ .fired = too_late, .data = &command };
	ab_loop_arm(command.loop, &command.patience, ab_now_ms() + 300);
	if (want > 0)
		CHECK_INT(ab_loop_run(command.loop, &err), 0);
	ab_loop_remove(command.loop, &command.watch);
	ab_feed_close(&under_test);
	ab_feed_close(&under_test);
	close(command.in);
	ab_loop_free(command.loop);
}

static int
file_of(size_t len)
{
	char path[] = "/tmp/ab-feed-test-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	for (size_t i = 0; i < len; i++) {
		char digit = (char)('0' + i % 10);
		(void)!write(fd, &digit, 1);
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void
bytes_and_their_end(void)
{
	feed(-1, "hello", 5, 100);
	CHECK_INT(command.got, 5);
	CHECK(command.end);
	CHECK(memcmp(command.text, "hello", 5) == 0);
	feed(-1, NULL, 0, 100);
	CHECK(command.end && command.got == 0);
	static char large[700000];
	feed(-1, large, sizeof(large), sizeof(large) + 1);
	CHECK_INT(command.got, sizeof(large));
	CHECK(command.end);
	feed(-1, large, sizeof(large), 10);
	CHECK_INT(command.got, 10);
}

/* What the command did not take is there for the next reader of the file. */
static void
a_file_is_put_back(void)
{
	static const size_t sizes[] = { 0, 10, 4096, 65536, 65537, 300000 }, takes[] = { 0, 1, 9, 4096, 65536, 100000, 300000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int fd = file_of(sizes[i]);
		for (size_t j = 0; j < sizeof(takes) / sizeof(takes[0]); j++) {
			size_t expect = takes[j] < sizes[i] ? takes[j] : sizes[i];
			lseek(fd, 0, SEEK_SET);
			feed(fd, NULL, 0, takes[j] + 0);
			CHECK(!command.late);
			CHECK_INT(command.got, expect);
			CHECK_INT(lseek(fd, 0, SEEK_CUR), expect);
		}
		close(fd);
	}
	/* and it begins where the file stands */
	int fd = file_of(100);
	lseek(fd, 42, SEEK_SET);
	feed(fd, NULL, 0, 5);
	CHECK(memcmp(command.text, "23456", 5) == 0);
	CHECK_INT(lseek(fd, 0, SEEK_CUR), 47);
	close(fd);
}

static void
pipes_and_sockets(void)
{
	int ends[2];

	CHECK_INT(pipe(ends), 0);
	CHECK_INT(write(ends[1], "0123456789", 10), 10);
	feed(ends[0], NULL, 0, 100);
	CHECK(command.late); /* no end yet */
	CHECK_INT(command.got, 10);
	/* the caller's description is as it was */
	CHECK_INT(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
	CHECK_INT(write(ends[1], "abc", 3), 3);
	close(ends[1]);
	feed(ends[0], NULL, 0, 100);
	CHECK_INT(command.got, 3);
	CHECK(command.end);
	close(ends[0]);

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	CHECK_INT(write(ends[1], "abc", 3), 3);
	shutdown(ends[1], SHUT_WR);
	feed(ends[0], NULL, 0, 100);
	CHECK_INT(command.got, 3);
	CHECK(command.end);
	close(ends[0]);
	close(ends[1]);

	int null = open("/dev/null", O_RDONLY), zero = open("/dev/zero", O_RDONLY), directory = open("/", O_RDONLY);
	feed(null, NULL, 0, 100);
	CHECK(command.end && command.got == 0);
	feed(zero, NULL, 0, 1000000);
	CHECK_INT(command.got, 1000000);
	feed(directory, NULL, 0, 100);
	CHECK(command.end && command.got == 0);
	close(null);
	close(zero);
	close(directory);
}

/* A command that closes its stdin while there is nothing to read must not cost the next reader a byte. */
static void
closed_by_the_command(void)
{
	struct ab_feed under_test;
	struct ab_timer stop = { .fired = too_late, .data = &command };
	int ends[2], ours[2];
	char text[8] = "";

	CHECK_INT(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	CHECK_INT(pipe(ours), 0);
	command.loop = ab_loop_new(&err);
	CHECK_INT(ab_feed_open(&under_test, command.loop, ends[1], ours[0], NULL, 0, &err), 0);
	ab_loop_arm(command.loop, &stop, ab_now_ms() + 20);
	CHECK_INT(ab_loop_run(command.loop, &err), 0);
	close(ends[0]);
	ab_loop_arm(command.loop, &stop, ab_now_ms() + 20);
	CHECK_INT(ab_loop_run(command.loop, &err), 0);
	CHECK_INT(write(ours[1], "next", 4), 4);
	ab_loop_arm(command.loop, &stop, ab_now_ms() + 20);
	CHECK_INT(ab_loop_run(command.loop, &err), 0);
	CHECK_INT(read(ours[0], text, sizeof(text)), 4);
	CHECK_STRING(text, "next");
	ab_feed_close(&under_test);
	ab_loop_free(command.loop);
	close(ours[0]);
	close(ours[1]);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "bytes and their end", bytes_and_their_end },
		{ "a file is put back by what was not taken", a_file_is_put_back },
		{ "pipes, sockets, devices", pipes_and_sockets },
		{ "a stdin that the command closes", closed_by_the_command },
	};
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	return tap_run(tests, sizeof(tests) / sizeof(tests[0]));
}
