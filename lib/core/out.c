/* Whole lines out. */
#include "core/out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH ((size_t)64 * 1024)  /* bytes written at once, unless a single line is longer: what an empty pipe takes */
#define KEEP ((size_t)1024 * 1024) /* memory that an empty queue keeps */

static int
target(const struct ab_out *out)
{
	return out->own >= 0 ? out->own : out->fd;
}

size_t
ab_out_pending(const struct ab_out *out)
{
	return out->queue.len - out->written;
}

/* ---- writing ---- */

static void
drop_queue(struct ab_out *out)
{
	out->written = 0;
	if (out->queue.room > KEEP)
		ab_buf_release(&out->queue);
	else
		ab_buf_truncate(&out->queue, 0);
}

static void
fail(struct ab_out *out, int errno_value)
{
	out->gone = true;
	out->failed_errno = errno_value;
	drop_queue(out);
}

/* As many whole lines as one write should hold. */
static size_t
batch(const struct ab_out *out)
{
	const char *data = out->queue.data + out->written;
	size_t pending = ab_out_pending(out), limit = out->timid ? PIPE_BUF : BATCH;

	if (pending <= limit)
		return pending;
	const char *end = memrchr(data, '\n', limit);
	if (end == NULL && out->timid)
		return limit;
	if (end == NULL)
		end = memchr(data + limit, '\n', pending - limit);
	return (size_t)(end - data) + 1;
}

/* One attempt that does not wait (but for what a file takes). */
static ssize_t
put(struct ab_out *out, const char *data, size_t len)
{
	struct pollfd room = { .fd = out->fd, .events = POLLOUT };

	if (out->socket)
		return send(out->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (out->timid && poll(&room, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(target(out), data, len);
}

/* Write until the queue is empty (true; also when the reader is gone) or the reader is slow (false). */
static bool
write_some(struct ab_out *out)
{
	while (ab_out_pending(out) > 0) {
		ssize_t n = put(out, out->queue.data + out->written, batch(out));
		if (n >= 0)
			out->written += (size_t)n;
		else if (errno == EAGAIN)
			return false;
		else if (errno != EINTR)
			fail(out, errno);
	}
	drop_queue(out);
	return true;
}

/* Wait until at most `keep` bytes are queued. */
static void
drain(struct ab_out *out, size_t keep)
{
	struct pollfd room = { .fd = target(out), .events = POLLOUT };

	while (ab_out_pending(out) > keep && !write_some(out))
		poll(&room, 1, -1);
}

int
ab_out_flush(struct ab_out *out, struct ab_error *err)
{
	if (!out->held)
		drain(out, 0);
	return out->gone ? ab_fail_errno(err, out->failed_errno, "write the output") : 0;
}

/* ---- on the loop ---- */

/* Write, then wait for the reader: for room when it is slow, else only for its end. */
static void
attempt(struct ab_out *out)
{
	bool slow = !out->gone && !out->held && !write_some(out);

	if (slow && !out->watch.added) {
		/* something that the loop cannot watch and that somebody else has made non-blocking */
		drain(out, 0);
		slow = false;
	}
	if (out->gone) {
		ab_loop_remove(out->loop, &out->watch);
		if (!out->told && out->on_gone != NULL) {
			out->told = true;
			out->on_gone(out->data);
		}
		return;
	}
	if (out->watch.added)
		ab_loop_set(out->loop, &out->watch, slow ? AB_WRITABLE : AB_HANGUP);
	if (!out->filled || ab_out_pending(out) > 0)
		return;
	out->filled = false;
	if (out->on_drained != NULL)
		out->on_drained(out->data);
}

static void
run_task(struct ab_task *task)
{
	attempt(task->data);
}

static void
ready(struct ab_watch *watch, unsigned events)
{
	struct ab_out *out = watch->data;

	if ((events & AB_HANGUP) != 0)
		fail(out, EPIPE);
	attempt(out);
}

/* ---- what callers do ---- */

/* Find out what kind of file it is. True when it is one whose reader can be slow or gone. */
static bool
look(struct ab_out *out, mode_t mode)
{
	char path[32];

	out->socket = S_ISSOCK(mode);
	if (out->socket || out->loop == NULL)
		return out->socket;
	if (!S_ISFIFO(mode) && !(S_ISCHR(mode) && isatty(out->fd)))
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", out->fd);
	out->own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	out->timid = out->own < 0;
	return true;
}

int
ab_out_open(struct ab_out *out, int fd, struct ab_loop *loop, struct ab_error *err)
{
	struct stat st;

	*out = (struct ab_out){ .fd = fd, .own = -1, .loop = loop };
	/* the real limit is AB_OUT_MAX, which waits instead of failing */
	ab_buf_init(&out->queue, SIZE_MAX / 4);
	if (fstat(fd, &st) != 0)
		return ab_fail_errno(err, errno, "write to descriptor %d", fd);
	bool watched = look(out, st.st_mode);
	if (loop == NULL)
		return 0;
	out->task = (struct ab_task){ .run = run_task, .data = out };
	out->watch = (struct ab_watch){ .fd = target(out), .events = AB_HANGUP, .ready = ready, .data = out };
	if (watched && ab_loop_add(loop, &out->watch, err) != 0) {
		ab_close_indirect(&out->own);
		return -1;
	}
	return 0;
}

void
ab_out_close(struct ab_out *out)
{
	if (out->loop != NULL) {
		ab_loop_undefer(out->loop, &out->task);
		ab_loop_remove(out->loop, &out->watch);
	}
	ab_close_indirect(&out->own);
	ab_buf_release(&out->queue);
	out->written = 0;
}

/* After something was queued. */
static void
push(struct ab_out *out)
{
	size_t pending = ab_out_pending(out);

	if (out->loop == NULL || pending > AB_OUT_MAX)
		drain(out, out->loop == NULL ? 0 : AB_OUT_MAX);
	else if (pending >= BATCH && (out->watch.events & AB_WRITABLE) == 0)
		write_some(out);
	/* the rest, and what is to be told, is the loop's */
	if (out->loop != NULL && (out->watch.events & AB_WRITABLE) == 0)
		ab_loop_defer(out->loop, &out->task);
}

void
ab_out_line(struct ab_out *out, const char *data, size_t len)
{
	if (out->gone)
		return;
	if (out->written > 0 && out->written >= ab_out_pending(out)) {
		ab_buf_consume(&out->queue, out->written);
		out->written = 0;
	}
	ab_buf_put(&out->queue, data, len);
	if (len == 0 || data[len - 1] != '\n')
		ab_buf_putc(&out->queue, '\n');
	out->filled = true;
	if (!out->held)
		push(out);
}

void
ab_out_hold(struct ab_out *out)
{
	out->held = true;
}

void
ab_out_release_hold(struct ab_out *out)
{
	out->held = false;
	if (ab_out_pending(out) > 0)
		push(out);
}
