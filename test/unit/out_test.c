/* Whole lines out: pipes with slow readers, sockets, files, and readers that are gone. */
#include "core/out.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io.h"
#include "core/time.h"
#include "tap.h"

static struct ab_loop *loop;
static struct ab_error err;
static int fds[2];
static int drained, gone;

static void
stop_fired(struct ab_timer *timer)
{
	(void)timer;
	ab_loop_stop(loop);
}

static void
run_for(int64_t ms)
{
	struct ab_timer timer = { .fired = stop_fired };

	ab_loop_arm(loop, &timer, ab_deadline(ms));
	CHECK_INT(ab_loop_run(loop, &err), 0);
	ab_loop_disarm(loop, &timer);
}

static void
count_gone(void *data)
{
	gone++;
	ab_out_close(data);
	ab_loop_stop(loop);
}

static void
count_drained(void *data)
{
	(void)data;
	drained++;
}

static void
begin(struct ab_out *out, int fd)
{
	err = (struct ab_error)AB_ERROR_INIT;
	drained = gone = 0;
	loop = ab_loop_new(&err);
	CHECK_INT(ab_out_open(out, fd, loop, &err), 0);
	out->on_gone = count_gone;
	out->on_drained = count_drained;
	out->data = out;
}

static void
end(struct ab_out *out)
{
	ab_out_close(out);
	ab_loop_free(loop);
}

static void
end_pair(struct ab_out *out)
{
	end(out);
	close(fds[0]);
	close(fds[1]);
}

/* What is there to be read now. */
static size_t
read_now(char *to, size_t size)
{
	size_t len = 0;

	for (;;) {
		ssize_t n = recv(fds[0], to + len, size - 1 - len, MSG_DONTWAIT);
		if (n < 0 && errno == ENOTSOCK)
			n = read(fds[0], to + len, size - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	to[len] = '\0';
	return len;
}

static void
test_pipe(void)
{
	struct ab_out out;
	char text[100];

	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	begin(&out, fds[1]);
	CHECK(out.own >= 0);
	ab_out_line(&out, "a", 1);
	ab_out_line(&out, "b\n", 2);
	CHECK_INT(ab_out_pending(&out), 4);
	CHECK_INT(read_now(text, sizeof(text)), 0);
	run_for(10);
	CHECK_INT(ab_out_pending(&out), 0);
	read_now(text, sizeof(text));
	CHECK_STRING(text, "a\nb\n");
	CHECK_INT(drained, 1);
	ab_out_hold(&out);
	ab_out_line(&out, "", 0);
	ab_out_line(&out, "c", 1);
	run_for(10);
	CHECK_INT(read_now(text, sizeof(text)), 0);
	CHECK_INT(drained, 1);
	CHECK_INT(ab_out_flush(&out, &err), 0);
	CHECK_INT(ab_out_pending(&out), 3);
	ab_out_release_hold(&out);
	run_for(10);
	read_now(text, sizeof(text));
	CHECK_STRING(text, "\nc\n");
	CHECK_INT(drained, 2);
	/* the description that others share is as it was */
	CHECK((fcntl(fds[1], F_GETFL) & O_NONBLOCK) == 0);
	end_pair(&out);
}

static void
fill(struct ab_out *out, int count)
{
	char line[1000];

	memset(line, 'x', sizeof(line));
	for (int i = 0; i < count; i++)
		ab_out_line(out, line, sizeof(line));
}

/* Read to the end of `total` bytes on a timer, as a slow reader does, and count lines. */
struct reader {
	struct ab_timer timer;
	size_t total, lines;
	bool broken;
};

static void
read_slowly(struct ab_timer *timer)
{
	struct reader *reader = timer->data;
	static char text[100000];
	size_t len = read_now(text, sizeof(text));

	for (size_t i = 0; i < len; i++) {
		reader->lines += text[i] == '\n';
		reader->broken |= (text[i] == '\n') != ((reader->total + i) % 1001 == 1000);
	}
	reader->total += len;
	ab_loop_arm(loop, timer, ab_deadline(1));
}

/* The loop goes on while the reader is slow, and nothing is lost. */
static void
slow_reader(struct ab_out *out)
{
	struct reader reader = { .timer = { .fired = read_slowly, .data = &reader } };

	int64_t before = ab_now_ms();
	fill(out, 1000);
	CHECK(ab_out_pending(out) > 0);
	run_for(30);
	CHECK(ab_out_pending(out) > 0);
	CHECK(ab_now_ms() - before < 5000);
	CHECK_INT(drained, 0);
	ab_loop_arm(loop, &reader.timer, 0);
	for (int i = 0; i < 200 && reader.lines < 1000; i++)
		run_for(10);
	CHECK_INT(reader.lines, 1000);
	CHECK_INT(reader.total, 1001000);
	CHECK(!reader.broken);
	CHECK_INT(drained, 1);
	CHECK_INT(gone, 0);
	ab_loop_disarm(loop, &reader.timer);
}

static void
test_slow_pipe(void)
{
	struct ab_out out;

	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	begin(&out, fds[1]);
	slow_reader(&out);
	end_pair(&out);
}

static void
test_slow_socket(void)
{
	struct ab_out out;

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	begin(&out, fds[1]);
	CHECK(out.socket);
	slow_reader(&out);
	CHECK((fcntl(fds[1], F_GETFL) & O_NONBLOCK) == 0);
	end_pair(&out);
}

/* No descriptor is left to reopen the pipe with: the same, in small pieces. */
static void
test_timid_pipe(void)
{
	struct rlimit was, tight;
	struct ab_out out;

	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	loop = ab_loop_new(&err);
	int free_fd = dup(fds[0]);
	close(free_fd);
	getrlimit(RLIMIT_NOFILE, &was);
	tight = was;
	tight.rlim_cur = (rlim_t)free_fd;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &tight), 0);
	ab_loop_free(loop);
	/* the loop takes the one descriptor that it had */
	begin(&out, fds[1]);
	setrlimit(RLIMIT_NOFILE, &was);
	CHECK(out.timid && out.own < 0);
	slow_reader(&out);
	CHECK((fcntl(fds[1], F_GETFL) & O_NONBLOCK) == 0);
	end_pair(&out);
}

/* Each packet is one write. */
static void
test_whole_lines(void)
{
	enum { LONG = 150000 };
	static char line[LONG], packet[2 * LONG];
	struct ab_out out;
	size_t total = 0;
	int big = 4 * LONG;

	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
	begin(&out, fds[1]);
	memset(line, 'z', sizeof(line));
	ab_out_line(&out, "first", 5);
	ab_out_hold(&out);
	ab_out_line(&out, line, LONG);
	fill(&out, 200);
	ab_out_release_hold(&out);
	while (total < 6 + LONG + 1 + 200 * 1001) {
		run_for(2);
		ssize_t n = recv(fds[0], packet, sizeof(packet), MSG_DONTWAIT);
		if (!CHECK(n > 0))
			break;
		CHECK_INT(packet[n - 1], '\n');
		total += (size_t)n;
	}
	CHECK_INT(total, 6 + LONG + 1 + 200 * 1001);
	end_pair(&out);
}

/* An idle out hears that its reader has gone. */
static void
test_reader_gone(void)
{
	for (int kind = 0; kind < 2; kind++) {
		struct ab_out out;
		if (kind == 0)
			CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
		else
			CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		begin(&out, fds[1]);
		ab_out_line(&out, "a", 1);
		run_for(10);
		CHECK_INT(gone, 0);
		close(fds[0]);
		CHECK_INT(ab_loop_run(loop, &err), 0);
		CHECK_INT(gone, 1);
		CHECK(out.gone);
		CHECK_INT(out.failed_errno, EPIPE);
		ab_out_line(&out, "b", 1);
		CHECK_INT(ab_out_pending(&out), 0);
		CHECK_INT(ab_out_flush(&out, &err), -1);
		CHECK_STRING(err.msg, "write the output: Broken pipe");
		run_for(10);
		CHECK_INT(gone, 1);
		end(&out);
		close(fds[1]);
	}
}

static void
test_full_disk(void)
{
	struct ab_out out;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	begin(&out, fd);
	ab_out_line(&out, "a", 1);
	CHECK_INT(ab_loop_run(loop, &err), 0);
	CHECK_INT(gone, 1);
	CHECK_INT(out.failed_errno, ENOSPC);
	end(&out);
	CHECK_INT(ab_out_open(&out, fd, NULL, &err), 0);
	ab_out_line(&out, "a", 1);
	CHECK_INT(ab_out_flush(&out, &err), -1);
	CHECK_INT(err.code, AB_E_LIMIT_STORAGE);
	ab_out_close(&out);
	close(fd);
	CHECK_INT(ab_out_open(&out, fd, NULL, &err), -1);
	CHECK(strstr(err.msg, "Bad file descriptor") != NULL);
	ab_out_close(&out);
}

static void
test_file(void)
{
	char path[] = "/tmp/ab-out-test-XXXXXX", name[] = "file";
	AB_AUTO_BUF struct ab_buf text = AB_BUF_INIT(1000);
	struct ab_out out;
	int fd = mkstemp(path);

	begin(&out, fd);
	ab_out_line(&out, "on the loop", 11);
	run_for(5);
	CHECK_INT(drained, 1);
	ab_out_line(&out, "flushed", 7);
	CHECK_INT(ab_out_flush(&out, &err), 0);
	end(&out);
	CHECK_INT(ab_out_open(&out, fd, NULL, &err), 0);
	ab_out_line(&out, "at once", 7);
	CHECK_INT(lseek(fd, 0, SEEK_CUR), 28);
	ab_out_hold(&out);
	ab_out_line(&out, "held", 4);
	CHECK_INT(lseek(fd, 0, SEEK_CUR), 28);
	ab_out_release_hold(&out);
	CHECK_INT(lseek(fd, 0, SEEK_CUR), 33);
	ab_out_close(&out);
	lseek(fd, 0, SEEK_SET);
	CHECK_INT(ab_read_all(fd, &text, name, &err), 0);
	CHECK_STRING(text.data, "on the loop\nflushed\nat once\nheld\n");
	close(fd);
	unlink(path);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "a pipe, and holding back", test_pipe },
		{ "a slow reader of a pipe", test_slow_pipe },
		{ "a slow reader of a socket", test_slow_socket },
		{ "a pipe that cannot be reopened", test_timid_pipe },
		{ "every write holds whole lines", test_whole_lines },
		{ "the reader goes", test_reader_gone },
		{ "failed writes", test_full_disk },
		{ "files, on the loop and without", test_file },
	};
	signal(SIGPIPE, SIG_IGN);
	return tap_run(tests, AB_COUNT_OF(tests));
}
