#include "sys/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io.h"
#include "core/time.h"
#include "tap.h"

static struct ab_error err;
static struct ab_loop *loop;
static bool is_done, turning;

static void
done(void *data)
{
	(void)data;
	CHECK(!is_done);
	is_done = true;
	if (turning)
		ab_loop_stop(loop);
}

static void
stop(struct ab_timer *timer)
{
	(void)timer;
	ab_loop_stop(loop);
}

/* Run the loop until done or for so long. */
static void
turn(int64_t ms)
{
	struct ab_timer timer = { .fired = stop };

	ab_loop_arm(loop, &timer, ab_now_ms() + ms);
	turning = true;
	CHECK_INT(ab_loop_run(loop, &err), 0);
	turning = false;
	ab_loop_disarm(loop, &timer);
}

static struct ab_pump_to
nowhere(void)
{
	return (struct ab_pump_to){ .spool_fd = -1, .copy_fd = -1 };
}

/* A pipe whose read end is pumped; returns the command's end. */
static int
begin(struct ab_pump *pump, const struct ab_pump_to *to)
{
	int ends[2];

	is_done = false;
	CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
	CHECK_INT(ab_set_nonblocking(ends[0]), 0);
	CHECK_INT(ab_pump_open(pump, loop, ends[0], to, done, NULL, &err), 0);
	return ends[1];
}

struct writer {
	pthread_t thread;
	int fd;
	size_t bytes, written;
	int failed_errno;
};

static void *
write_digits(void *data)
{
	struct writer *writer = data;
	static char digits[100000];

	for (size_t i = 0; i < sizeof(digits); i++)
		digits[i] = (char)('0' + i % 10);
	while (writer->written < writer->bytes) {
		size_t at = writer->written % 10, len = writer->bytes - writer->written;
		ssize_t n = write(writer->fd, digits + at, len < sizeof(digits) - at ? len : sizeof(digits) - at);
		if (n < 0) {
			writer->failed_errno = errno;
			break;
		}
		writer->written += (size_t)n;
	}
	close(writer->fd);
	return NULL;
}

static void
start_writer(struct writer *writer, int fd, size_t bytes)
{
	*writer = (struct writer){ .fd = fd, .bytes = bytes };
	pthread_create(&writer->thread, NULL, write_digits, writer);
}

static uint64_t chunk_bytes;

static void
count_chunk(void *data, int stream, const char *bytes, size_t len)
{
	CHECK(data == &chunk_bytes && stream == 1 && bytes != NULL);
	chunk_bytes += len;
}

static void
everything_at_once(void)
{
	struct ab_pump pump;
	struct ab_capture keep;
	struct ab_captured kept;
	struct writer writer;
	struct ab_spool_room room = { .left = 250000 };
	FILE *copied = tmpfile(), *spooled = tmpfile();
	struct stat st;
	struct ab_pump_to to = { .keep = &keep, .spool_fd = fileno(spooled), .room = &room, .copy_fd = fileno(copied), .chunk = count_chunk,
		.data = &chunk_bytes, .stream = 1 };

	chunk_bytes = 0;
	ab_capture_init(&keep, 1000, AB_KEEP_BOTH);
	start_writer(&writer, begin(&pump, &to), 1000003);
	turn(5000);
	CHECK(is_done && ab_pump_is_done(&pump));
	CHECK(pump.active_ms > 0);
	pthread_join(writer.thread, NULL);
	CHECK_INT(writer.failed_errno, 0);
	ab_capture_result(&keep, &kept);
	CHECK_INT(kept.total, 1000003);
	ab_buf_release(&kept.text);
	ab_capture_release(&keep);
	CHECK_INT(chunk_bytes, 1000003);
	fstat(fileno(copied), &st);
	CHECK_INT(st.st_size, 1000003);
	fstat(fileno(spooled), &st);
	CHECK_INT(st.st_size, 250000);
	CHECK(room.truncated && room.full);
	ab_pump_close(&pump);
	ab_pump_close(&pump);
	fclose(copied);
	fclose(spooled);
}

/* Read digits from a descriptor, slowly at first; false when one is wrong. */
static void *
read_digits(void *data)
{
	struct writer *reader = data;
	char text[5000];
	size_t total = 0;
	ssize_t n;

	while ((n = read(reader->fd, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (text[i] != (char)('0' + (total + (size_t)i) % 10))
				reader->failed_errno = EBADMSG;
		total += (size_t)n;
		if (total < 50000)
			usleep(1000);
	}
	reader->written = total;
	return NULL;
}

static void
copy_through(int ours, int theirs, bool other_wants)
{
	struct ab_pump pump;
	struct writer writer, reader = { .fd = theirs };
	struct ab_pump_to to = nowhere();

	to.copy_fd = ours;
	if (other_wants) {
		to.chunk = count_chunk;
		to.data = &chunk_bytes;
		to.stream = 1;
	}
	chunk_bytes = 0;
	pthread_create(&reader.thread, NULL, read_digits, &reader);
	start_writer(&writer, begin(&pump, &to), 3000001);
	turn(10000);
	CHECK(is_done);
	CHECK_INT(pump.failed_errno, 0);
	ab_pump_close(&pump);
	close(ours);
	pthread_join(writer.thread, NULL);
	pthread_join(reader.thread, NULL);
	CHECK_INT(reader.written, 3000001);
	CHECK_INT(reader.failed_errno, 0);
	CHECK_INT(chunk_bytes, other_wants ? 3000001 : 0);
	close(theirs);
}

static void
copies_are_exact(void)
{
	int ends[2];

	for (int other_wants = 0; other_wants < 2; other_wants++) {
		CHECK_INT(pipe(ends), 0);
		copy_through(ends[1], ends[0], other_wants == 1);
		CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		copy_through(ends[1], ends[0], other_wants == 1);
	}
}

/* A reader of ours that stands still: the loop goes on, the command waits, nothing grows. */
static void
a_slow_reader(void)
{
	struct ab_pump pump;
	struct writer writer;
	struct ab_pump_to to = nowhere();
	int ends[2], unread = 0;

	for (int splices = 0; splices < 2; splices++) {
		CHECK_INT(pipe(ends), 0);
		to.copy_fd = ends[1];
		to.chunk = splices ? NULL : count_chunk;
		to.data = &chunk_bytes;
		to.stream = 1;
		int command = begin(&pump, &to);
		start_writer(&writer, command, 10 << 20);
		int64_t before = ab_now_ms();
		turn(100);
		CHECK(!is_done);
		CHECK(ab_now_ms() - before < 1000);
		CHECK(ab_pump_is_blocked(&pump));
		CHECK_INT(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
		CHECK(writer.written < 4 << 20);
		CHECK(ioctl(ends[0], FIONREAD, &unread) == 0 && unread > 0);
		/* its deadline came: stop at once, though nobody reads */
		ab_pump_abandon(&pump);
		CHECK(is_done);
		ab_pump_close(&pump);
		pthread_join(writer.thread, NULL);
		CHECK_INT(writer.failed_errno, EPIPE);
		close(ends[0]);
		close(ends[1]);
	}
}

static void
a_reader_that_is_gone(void)
{
	struct ab_pump pump;
	struct writer writer;
	struct ab_pump_to to = nowhere();
	int ends[2];

	for (int splices = 0; splices < 2; splices++) {
		CHECK_INT(pipe(ends), 0);
		close(ends[0]);
		to.copy_fd = ends[1];
		to.chunk = splices ? NULL : count_chunk;
		to.data = &chunk_bytes;
		to.stream = 1;
		start_writer(&writer, begin(&pump, &to), 1 << 30);
		turn(5000);
		CHECK(is_done);
		CHECK_INT(pump.failed_errno, EPIPE);
		pthread_join(writer.thread, NULL);
		CHECK_INT(writer.failed_errno, EPIPE);
		ab_pump_close(&pump);
		close(ends[1]);
	}

	int full = open("/dev/full", O_WRONLY);
	to.copy_fd = full;
	start_writer(&writer, begin(&pump, &to), 1 << 30);
	turn(5000);
	CHECK(is_done);
	CHECK_INT(pump.failed_errno, ENOSPC);
	pthread_join(writer.thread, NULL);
	ab_pump_close(&pump);
	close(full);
}

/* A reader that goes while we wait for it. */
static void
a_slow_reader_that_goes(void)
{
	struct ab_pump pump;
	struct writer writer;
	struct ab_pump_to to = nowhere();
	int ends[2];

	CHECK_INT(pipe(ends), 0);
	to.copy_fd = ends[1];
	start_writer(&writer, begin(&pump, &to), 1 << 30);
	turn(50);
	CHECK(ab_pump_is_blocked(&pump));
	close(ends[0]);
	turn(1000);
	CHECK(is_done);
	CHECK_INT(pump.failed_errno, EPIPE);
	pthread_join(writer.thread, NULL);
	ab_pump_close(&pump);
	close(ends[1]);
}

static void
a_held_pipe(void)
{
	struct ab_pump pump;
	struct ab_capture keep;
	struct ab_captured kept;
	struct ab_pump_to to = nowhere();

	/* all that was written is there, though somebody still holds the other end */
	ab_capture_init(&keep, 1000000, AB_KEEP_BOTH);
	to.keep = &keep;
	int command = begin(&pump, &to);
	CHECK_INT(fcntl(command, F_SETPIPE_SZ, 1 << 20) >= 1 << 20, 1);
	char data[300000];
	memset(data, 'x', sizeof(data));
	CHECK_INT(ab_write_all(command, data, sizeof(data)), 0);
	ab_pump_end(&pump);
	CHECK(is_done);
	CHECK_INT(write(command, "late", 4), -1);
	ab_capture_result(&keep, &kept);
	CHECK_INT(kept.total, sizeof(data));
	ab_buf_release(&kept.text);
	ab_capture_release(&keep);
	ab_pump_close(&pump);
	close(command);

	/* an end with a slow reader: it gets everything, in its time */
	int ends[2], unread = 0;
	size_t total = 0;
	ssize_t n;
	for (int splices = 0; splices < 2; splices++) {
		CHECK_INT(pipe2(ends, O_NONBLOCK), 0);
		to = nowhere();
		to.copy_fd = ends[1];
		to.chunk = splices ? NULL : count_chunk;
		to.data = &chunk_bytes;
		to.stream = 1;
		command = begin(&pump, &to);
		CHECK_INT(fcntl(command, F_SETPIPE_SZ, 1 << 20) >= 1 << 20, 1);
		CHECK_INT(ab_write_all(command, data, sizeof(data)), 0);
		ab_pump_end(&pump);
		CHECK(!is_done);
		for (total = 0; !is_done; total += n > 0 ? (size_t)n : 0) {
			turn(2);
			n = read(ends[0], data, 20000);
		}
		ioctl(ends[0], FIONREAD, &unread);
		CHECK_INT(total + (size_t)unread, sizeof(data));
		ab_pump_close(&pump);
		close(command);
		close(ends[0]);
		close(ends[1]);
	}
}

static void
a_spool_that_fails(void)
{
	struct ab_pump pump;
	struct writer writer;
	struct ab_spool_room room = { .left = 1 << 30 };
	int full = open("/dev/full", O_WRONLY);
	struct ab_pump_to to = { .spool_fd = full, .room = &room, .copy_fd = -1 };

	start_writer(&writer, begin(&pump, &to), 1000000);
	turn(5000);
	CHECK(is_done);
	pthread_join(writer.thread, NULL);
	CHECK_INT(writer.written, 1000000);
	CHECK(room.truncated && !room.full);
	ab_pump_close(&pump);
	close(full);
}

static void
a_terminal(void)
{
	struct ab_pump pump;
	struct ab_pump_to to = nowhere();
	int terminal = posix_openpt(O_RDWR | O_NOCTTY);
	char name[64], text[64] = "";

	if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0 || ptsname_r(terminal, name, sizeof(name)) != 0) {
		printf("# no terminal here\n");
		return;
	}
	int slave = open(name, O_RDWR | O_NOCTTY);
	to.copy_fd = slave;
	int command = begin(&pump, &to);
	CHECK_INT(write(command, "hello\n", 6), 6);
	close(command);
	turn(1000);
	CHECK(is_done);
	CHECK_INT(read(terminal, text, sizeof(text)), 7);
	CHECK_STRING(text, "hello\r\n");
	ab_pump_close(&pump);
	close(slave);
	close(terminal);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "kept, spooled, told and copied", everything_at_once },
		{ "copies to pipes and sockets are exact", copies_are_exact },
		{ "a slow reader", a_slow_reader },
		{ "a reader that is gone, a full disk", a_reader_that_is_gone },
		{ "a slow reader that goes", a_slow_reader_that_goes },
		{ "a held pipe", a_held_pipe },
		{ "a spool that fails changes nothing", a_spool_that_fails },
		{ "a terminal", a_terminal },
	};
	signal(SIGPIPE, SIG_IGN);
	alarm(100);
	loop = ab_loop_new(&err);
	int failed = tap_run(tests, sizeof(tests) / sizeof(tests[0]));
	ab_loop_free(loop);
	return failed;
}
