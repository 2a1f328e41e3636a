/* sys/relay: bytes, ends and resets, both ways. */
#include "sys/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/time.h"
#include "tap.h"

struct rig {
	struct ab_loop *loop;
	struct ab_relay relay;
	int peer[2]; /* what the test talks to */
	unsigned done;
	struct ab_timer timer;
};

static void
relay_done(struct ab_relay *relay)
{
	struct rig *rig = relay->data;

	rig->done++;
	ab_loop_stop(rig->loop);
}

static void
stop(struct ab_timer *timer)
{
	ab_loop_stop(timer->data);
}

/* A connected pair of TCP sockets: resets are not to be had from others. */
static void
tcp_pair(int pair[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	AB_AUTO_CLOSE int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_INT(bind(listener, (struct sockaddr *)&at, len), 0);
	CHECK_INT(listen(listener, 1), 0);
	CHECK_INT(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_INT(connect(pair[0], (struct sockaddr *)&at, len), 0);
	pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	CHECK(pair[1] >= 0);
}

static void
set_up(struct rig *rig, struct ab_buf *to_first, struct ab_buf *to_second)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_buf *first[2] = { to_first, to_second };
	int ends[2];

	memset(rig, 0, sizeof(*rig));
	rig->loop = ab_loop_new(&err);
	rig->timer = (struct ab_timer){ .fired = stop, .data = rig->loop };
	tcp_pair(ends);
	rig->peer[0] = ends[0];
	int a = ends[1];
	tcp_pair(ends);
	rig->peer[1] = ends[0];
	rig->relay.done = relay_done;
	rig->relay.data = rig;
	CHECK_INT(ab_relay_start(&rig->relay, rig->loop, a, ends[1], first, &err), 0);
}

static void
run_for(struct rig *rig, int64_t ms)
{
	struct ab_error err = AB_ERROR_INIT;

	ab_loop_arm(rig->loop, &rig->timer, ab_deadline(ms));
	CHECK_INT(ab_loop_run(rig->loop, &err), 0);
	ab_loop_disarm(rig->loop, &rig->timer);
}

static void
tear_down(struct rig *rig)
{
	ab_relay_close(&rig->relay);
	for (int i = 0; i < 2; i++)
		if (rig->peer[i] >= 0)
			close(rig->peer[i]);
	ab_loop_free(rig->loop);
}

static const char *
take(int fd)
{
	static char text[256];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN ? "(nothing)" : strerror(errno);
	text[n] = '\0';
	return text;
}

static void
test_bytes(void)
{
	struct rig rig;

	set_up(&rig, NULL, NULL);
	CHECK_INT(write(rig.peer[0], "to", 2), 2);
	CHECK_INT(write(rig.peer[1], "fro", 3), 3);
	run_for(&rig, 50);
	CHECK_STRING(take(rig.peer[1]), "to");
	CHECK_STRING(take(rig.peer[0]), "fro");
	CHECK_STRING(take(rig.peer[0]), "(nothing)");
	CHECK_INT(rig.done, 0);
	tear_down(&rig);
}

static void
test_first(void)
{
	struct rig rig;
	struct ab_buf to_first = AB_BUF_INIT(100), to_second = AB_BUF_INIT(100);

	ab_buf_puts(&to_first, "reply ");
	ab_buf_puts(&to_second, "head ");
	set_up(&rig, &to_first, &to_second);
	CHECK_INT(to_first.len + to_second.len, 0);
	CHECK_INT(write(rig.peer[0], "rest", 4), 4);
	run_for(&rig, 50);
	CHECK_STRING(take(rig.peer[1]), "head rest");
	CHECK_STRING(take(rig.peer[0]), "reply ");
	tear_down(&rig);
}

static void
test_half_close(void)
{
	struct rig rig;

	set_up(&rig, NULL, NULL);
	CHECK_INT(write(rig.peer[0], "question", 8), 8);
	shutdown(rig.peer[0], SHUT_WR);
	run_for(&rig, 50);
	CHECK_STRING(take(rig.peer[1]), "question");
	CHECK_STRING(take(rig.peer[1]), "");
	CHECK_STRING(take(rig.peer[0]), "(nothing)");
	CHECK_INT(rig.done, 0);
	CHECK_INT(write(rig.peer[1], "answer", 6), 6);
	run_for(&rig, 50);
	CHECK_STRING(take(rig.peer[0]), "answer");
	shutdown(rig.peer[1], SHUT_WR);
	run_for(&rig, 5000);
	CHECK_INT(rig.done, 1);
	CHECK_STRING(take(rig.peer[0]), "");
	tear_down(&rig);
}

static void
test_reset(void)
{
	struct rig rig;

	set_up(&rig, NULL, NULL);
	ab_relay_reset(rig.peer[0]);
	rig.peer[0] = -1;
	run_for(&rig, 5000);
	CHECK_INT(rig.done, 1);
	CHECK_STRING(take(rig.peer[1]), strerror(ECONNRESET));
	tear_down(&rig);
}

/* A reader that does not read: the other side is stopped, and what is kept is bounded. */
static void
test_bounded(void)
{
	static char chunk[65536];
	struct rig rig;
	size_t sent = 0, got = 0;
	ssize_t n;

	set_up(&rig, NULL, NULL);
	for (int idle = 0; idle < 3;) {
		n = send(rig.peer[0], chunk, sizeof(chunk), MSG_DONTWAIT);
		idle = n < 0 ? idle + 1 : 0;
		sent += n > 0 ? (size_t)n : 0;
		run_for(&rig, 10);
	}
	CHECK(rig.relay.side[1].pending.len > 0);
	CHECK(rig.relay.side[1].pending.room <= AB_RELAY_CHUNK + 1);
	shutdown(rig.peer[0], SHUT_WR);
	while (got < sent) {
		while ((n = recv(rig.peer[1], chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
			got += (size_t)n;
		if (n == 0)
			break;
		run_for(&rig, 10);
	}
	CHECK_INT(got, sent);
	CHECK(rig.relay.side[1].pending.data == NULL);
	tear_down(&rig);
}

/* Idle, with one side ended: the loop does not spin. */
static void
test_quiet(void)
{
	struct rig rig;
	struct timespec before, after;

	set_up(&rig, NULL, NULL);
	shutdown(rig.peer[0], SHUT_WR);
	run_for(&rig, 20);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	run_for(&rig, 200);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	int64_t used_us = (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
	CHECK(used_us < 50000);
	tear_down(&rig);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "bytes both ways", test_bytes },
		{ "what goes first", test_first },
		{ "an end is passed on, the other direction goes on", test_half_close },
		{ "a reset is passed on", test_reset },
		{ "a slow reader stops the writer", test_bounded },
		{ "idle costs nothing", test_quiet },
	};
	signal(SIGPIPE, SIG_IGN);
	return tap_run(tests, AB_COUNT_OF(tests));
}
