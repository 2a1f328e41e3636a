/* A command's output on its way out. */
#include "sys/pump.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/io.h"
#include "core/time.h"

#define READ_BYTES ((size_t)65536)
/* Rounds before the other descriptors of the loop have their turn. */
#define ROUNDS 8
#define LARGE_PIPE (1 << 20)

/* One for all streams: nothing stays in it between two calls. */
static char buffer[READ_BYTES];

static void
tell_done(struct ab_pump *pump)
{
	if (pump->told || !ab_pump_is_done(pump))
		return;
	pump->told = true;
	pump->done(pump->done_data);
}

static void
close_from(struct ab_pump *pump)
{
	ab_loop_remove(pump->loop, &pump->from_watch);
	ab_close_indirect(&pump->from);
}

/* Copying is over: the command must notice (SIGPIPE), and what waited is void. */
static void
copy_failed(struct ab_pump *pump, int failed_errno)
{
	pump->failed_errno = failed_errno;
	ab_buf_truncate(&pump->queue, 0);
	pump->blocked = false;
	ab_loop_remove(pump->loop, &pump->out_watch);
	close_from(pump);
}

/* On the first byte: most commands that fail or are silent never pay for it. */
static void
open_out(struct ab_pump *pump)
{
	char path[64];
	struct stat st;
	bool file = fstat(pump->to.copy_fd, &st) != 0 || S_ISREG(st.st_mode) || S_ISBLK(st.st_mode);

	/* Opened again it could be written to; the caller's descriptor cannot. */
	if ((fcntl(pump->to.copy_fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
		file = true;

	pump->out = pump->to.copy_fd;
	if (file) {
		pump->writing = AB_PUMP_FILE;
	} else if (S_ISSOCK(st.st_mode)) {
		pump->writing = AB_PUMP_SOCKET;
	} else {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", pump->to.copy_fd);
		int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		pump->writing = own >= 0 ? AB_PUMP_PRIVATE : AB_PUMP_CAUTIOUS;
		pump->out = own >= 0 ? own : pump->to.copy_fd;
	}
	bool alone = pump->to.keep == NULL && pump->to.chunk == NULL && pump->to.spool_fd < 0;
	pump->splices = alone && pump->writing == AB_PUMP_PRIVATE && S_ISFIFO(st.st_mode);
}

/* As write(2) on a non-blocking descriptor. */
static ssize_t
write_some(struct ab_pump *pump, const char *data, size_t len)
{
	struct pollfd ready = { .fd = pump->out, .events = POLLOUT };

	switch (pump->writing) {
	case AB_PUMP_SOCKET:
		return send(pump->out, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	case AB_PUMP_CAUTIOUS:
		if (poll(&ready, 1, 0) == 0) {
			errno = EAGAIN;
			return -1;
		}
		return write(pump->out, data, len < PIPE_BUF ? len : PIPE_BUF);
	default:
		return write(pump->out, data, len);
	}
}

/* Write until it would wait; returns what was written, or -1 when copying has failed. */
static ssize_t
write_ready(struct ab_pump *pump, const char *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write_some(pump, data + done, len - done);
		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR) {
			copy_failed(pump, errno);
			return -1;
		}
	}
	return (ssize_t)done;
}

static void read_more(struct ab_pump *pump);

static void
unblock(struct ab_pump *pump)
{
	pump->blocked = false;
	ab_loop_remove(pump->loop, &pump->out_watch);
	if (pump->ending)
		read_more(pump);
	else if (pump->from >= 0)
		ab_loop_set(pump->loop, &pump->from_watch, AB_READABLE);
}

static void
out_ready(struct ab_watch *watch, unsigned events)
{
	struct ab_pump *pump = watch->data;

	(void)events;
	ssize_t n = write_ready(pump, pump->queue.data, pump->queue.len);
	if (n > 0)
		ab_buf_consume(&pump->queue, (size_t)n);
	if (pump->queue.len == 0 && pump->blocked)
		unblock(pump);
	tell_done(pump);
}

/* The reader of ours is slow: leave the command's pipe alone until it has taken what it was given. */
static void
block(struct ab_pump *pump)
{
	struct ab_error err;

	pump->blocked = true;
	if (pump->from >= 0)
		ab_loop_set(pump->loop, &pump->from_watch, 0);
	pump->out_watch = (struct ab_watch){ .fd = pump->out, .events = AB_WRITABLE, .ready = out_ready, .data = pump };
	if (ab_loop_add(pump->loop, &pump->out_watch, &err) != 0)
		copy_failed(pump, EIO);
}

static void
copy(struct ab_pump *pump, const char *data, size_t len)
{
	if (pump->writing == AB_PUMP_UNOPENED)
		open_out(pump);
	ssize_t n = write_ready(pump, data, len);
	if (n < 0 || (size_t)n == len)
		return;
	ab_buf_put(&pump->queue, data + n, len - (size_t)n);
	block(pump);
}

static void
spool(struct ab_pump *pump, const char *data, size_t len)
{
	struct ab_spool_room *room = pump->to.room;

	if (room->left < 0)
		return;
	if ((int64_t)len > room->left) {
		room->truncated = true;
		room->full = true;
		len = (size_t)room->left;
	}
	room->left -= (int64_t)len;
	if (len > 0 && ab_write_all(pump->to.spool_fd, data, len) != 0) {
		room->truncated = true;
		room->left = -1;
	}
}

static void
hand_on(struct ab_pump *pump, const char *data, size_t len)
{
	pump->active_ms = ab_now_ms();
	if (pump->to.keep != NULL)
		ab_capture_add(pump->to.keep, data, len);
	if (pump->to.spool_fd >= 0)
		spool(pump, data, len);
	if (pump->to.chunk != NULL)
		pump->to.chunk(pump->to.data, pump->to.stream, data, len);
	if (pump->to.copy_fd >= 0 && pump->failed_errno == 0)
		copy(pump, data, len);
}

/* A command that fills its pipe again and again gets a larger one: fewer rounds. Where it is refused (the
 * user's share of pipe pages is used up) it stays as it is. */
static void
enlarge(struct ab_pump *pump, size_t len)
{
	if (len < READ_BYTES || pump->full_reads > 2)
		return;
	if (++pump->full_reads == 2)
		(void)fcntl(pump->from, F_SETPIPE_SZ, LARGE_PIPE);
}

static size_t
may_read(const struct ab_pump *pump, size_t most)
{
	return pump->ending && pump->left < (int64_t)most ? (size_t)pump->left : most;
}

/* Move pages from pipe to pipe: 1 when some were, 0 at the end, -1 when there are none or the reader is slow,
 * -2 where it cannot be done. */
static int
splice_once(struct ab_pump *pump)
{
	int unread = 0;
	const unsigned flags = SPLICE_F_NONBLOCK | SPLICE_F_MOVE;
	ssize_t n = splice(pump->from, NULL, pump->out, NULL, may_read(pump, LARGE_PIPE), flags);

	if (n > 0) {
		pump->active_ms = ab_now_ms();
		pump->left -= n;
		enlarge(pump, (size_t)n);
		return 1;
	}
	if (n == 0)
		return 0;
	if (errno == EINTR)
		return 1;
	if (errno == EAGAIN) {
		/* Which of the two pipes it was only shows here. */
		if (ioctl(pump->from, FIONREAD, &unread) == 0 && unread > 0)
			block(pump);
		return -1;
	}
	if (errno == EINVAL) {
		pump->splices = false;
		return -2;
	}
	copy_failed(pump, errno);
	return -1;
}

static int
read_once(struct ab_pump *pump)
{
	if (pump->splices) {
		int moved = splice_once(pump);
		if (moved != -2)
			return moved;
	}
	ssize_t n = read(pump->from, buffer, may_read(pump, READ_BYTES));
	if (n < 0)
		return errno == EINTR ? 1 : errno == EAGAIN ? -1 : 0;
	if (n == 0)
		return 0;
	pump->left -= n;
	enlarge(pump, (size_t)n);
	hand_on(pump, buffer, (size_t)n);
	return 1;
}

static void
read_more(struct ab_pump *pump)
{
	for (int round = 0; pump->from >= 0 && !pump->blocked; round++) {
		/* While ending the amount is bounded: what is in the pipe. */
		if (round == ROUNDS && !pump->ending)
			return;
		int more = pump->ending && pump->left <= 0 ? 0 : read_once(pump);
		if (more == 0 || (more < 0 && pump->ending && !pump->blocked))
			close_from(pump);
		else if (more < 0)
			return;
	}
}

static void
from_ready(struct ab_watch *watch, unsigned events)
{
	struct ab_pump *pump = watch->data;

	(void)events;
	read_more(pump);
	tell_done(pump);
}

int
ab_pump_open(struct ab_pump *pump, struct ab_loop *loop, int from, const struct ab_pump_to *to,
    void (*done)(void *data), void *done_data, struct ab_error *err)
{
	*pump = (struct ab_pump){ .loop = loop, .to = *to, .from = from, .out = -1 };
	pump->done = done;
	pump->done_data = done_data;
	ab_buf_init(&pump->queue, READ_BYTES);
	pump->from_watch = (struct ab_watch){ .fd = from, .events = AB_READABLE, .ready = from_ready, .data = pump };
	if (ab_loop_add(loop, &pump->from_watch, err) == 0)
		return 0;
	ab_close_indirect(&pump->from);
	return -1;
}

void
ab_pump_end(struct ab_pump *pump)
{
	int unread = 0;

	if (pump->ending || pump->loop == NULL)
		return;
	pump->ending = true;
	if (pump->from >= 0 && ioctl(pump->from, FIONREAD, &unread) != 0)
		unread = 0;
	pump->left = unread;
	read_more(pump);
	tell_done(pump);
}

void
ab_pump_abandon(struct ab_pump *pump)
{
	if (pump->loop == NULL)
		return;
	if (pump->blocked) {
		ab_loop_remove(pump->loop, &pump->out_watch);
		ab_buf_truncate(&pump->queue, 0);
		pump->blocked = false;
		pump->splices = false;
		/* Nothing more is copied after a hole. */
		pump->to.copy_fd = -1;
	}
	if (pump->ending) {
		read_more(pump);
		tell_done(pump);
	} else {
		ab_pump_end(pump);
	}
	if (pump->blocked)
		ab_pump_abandon(pump);
}

bool
ab_pump_is_done(const struct ab_pump *pump)
{
	return pump->loop == NULL || (pump->from < 0 && pump->queue.len == 0);
}

bool
ab_pump_is_blocked(const struct ab_pump *pump)
{
	return pump->loop != NULL && pump->blocked;
}

void
ab_pump_close(struct ab_pump *pump)
{
	if (pump->loop == NULL)
		return;
	close_from(pump);
	ab_loop_remove(pump->loop, &pump->out_watch);
	if (pump->writing == AB_PUMP_PRIVATE)
		close(pump->out);
	ab_buf_release(&pump->queue);
	*pump = (struct ab_pump){ .from = -1 };
}
