/* A command's stdin. */
#include "sys/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/mem.h"

#define BUFFER_BYTES ((size_t)65536)
/* Rounds before the other descriptors of the loop have their turn. */
#define ROUNDS 8

/* Put a seekable descriptor back by what was read of it and not taken. */
static void
put_back(struct ab_feed *feed)
{
	int unread = 0, pipe_end = feed->to >= 0 ? feed->to : feed->left;

	if (!feed->seekable)
		return;
	feed->seekable = false;
	if (pipe_end >= 0 && ioctl(pipe_end, FIONREAD, &unread) != 0)
		unread = 0;
	off_t back = (off_t)unread + (off_t)feed->len;
	if (back > 0)
		(void)lseek(feed->from, -back, SEEK_CUR);
}

/* The command takes no more. */
static void
stop(struct ab_feed *feed)
{
	ab_loop_remove(feed->loop, &feed->from_watch);
	ab_loop_remove(feed->loop, &feed->to_watch);
	put_back(feed);
	feed->len = 0;
	feed->ended = true;
	ab_close_indirect(&feed->to);
	ab_close_indirect(&feed->left);
}

/* All is in the pipe: the command gets its end-of-file. What it leaves in the pipe can be seen from a read
 * end only. */
static void
end(struct ab_feed *feed)
{
	char path[64];

	ab_loop_remove(feed->loop, &feed->from_watch);
	ab_loop_remove(feed->loop, &feed->to_watch);
	if (feed->seekable) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", feed->to);
		feed->left = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	}
	ab_close_indirect(&feed->to);
}

static ssize_t
read_some(struct ab_feed *feed)
{
	struct pollfd ready = { .fd = feed->own, .events = POLLIN };

	if (feed->socket)
		return recv(feed->own, feed->buffer, BUFFER_BYTES, MSG_DONTWAIT);
	if (feed->ready_first && poll(&ready, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return read(feed->own, feed->buffer, BUFFER_BYTES);
}

/* Next bytes to write; false when there are none now, or no more (then the end has been passed on). */
static bool
refill(struct ab_feed *feed)
{
	if (feed->from < 0)
		feed->ended = true;
	while (!feed->ended) {
		ssize_t n = read_some(feed);
		if (n > 0) {
			feed->data = feed->buffer;
			feed->len = (size_t)n;
			return true;
		}
		if (n < 0 && errno == EAGAIN) {
			ab_loop_set(feed->loop, &feed->from_watch, AB_READABLE);
			/* A command that closes its stdin meanwhile gets nothing more read on its account. */
			ab_loop_set(feed->loop, &feed->to_watch, AB_HANGUP);
			return false;
		}
		/* An error of ours (EIO: the terminal went away) is the end of the command's input. */
		feed->ended = n == 0 || errno != EINTR;
	}
	end(feed);
	return false;
}

static void
step(struct ab_feed *feed)
{
	for (int round = 0; round < ROUNDS; round++) {
		if (feed->len == 0 && !refill(feed))
			return;
		ssize_t n = write(feed->to, feed->data, feed->len);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			stop(feed);
			return;
		}
		if (n < 0 && errno == EAGAIN)
			break;
		if (n > 0) {
			feed->data += n;
			feed->len -= (size_t)n;
		}
	}
	if (feed->from_watch.added)
		ab_loop_set(feed->loop, &feed->from_watch, 0);
	ab_loop_set(feed->loop, &feed->to_watch, AB_WRITABLE);
}

static void
from_ready(struct ab_watch *watch, unsigned events)
{
	(void)events;
	step(watch->data);
}

static void
to_ready(struct ab_watch *watch, unsigned events)
{
	struct ab_feed *feed = watch->data;

	if ((events & AB_HANGUP) != 0)
		stop(feed);
	else
		step(feed);
}

/* How `from` can be read without waiting, whatever it is. */
static void
open_from(struct ab_feed *feed)
{
	char path[64];
	struct stat st;

	feed->own = feed->from;
	feed->buffer = ab_malloc(BUFFER_BYTES);
	if (fstat(feed->from, &st) != 0 || S_ISDIR(st.st_mode)) {
		feed->ended = true;
	} else if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) {
		feed->seekable = true;
	} else if (S_ISSOCK(st.st_mode)) {
		feed->socket = true;
	} else {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", feed->from);
		int own = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		feed->own = own >= 0 ? own : feed->from;
		feed->ready_first = own < 0;
	}
}

int
ab_feed_open(struct ab_feed *feed, struct ab_loop *loop, int to, int from, const char *data, size_t len,
    struct ab_error *err)
{
	*feed = (struct ab_feed){ .loop = loop, .to = to, .left = -1, .from = from, .own = -1, .data = data };
	feed->len = from < 0 ? len : 0;
	if (from >= 0)
		open_from(feed);
	feed->to_watch = (struct ab_watch){ .fd = to, .events = AB_WRITABLE, .ready = to_ready, .data = feed };
	feed->from_watch = (struct ab_watch){ .fd = feed->own, .events = 0, .ready = from_ready, .data = feed };
	bool watched = ab_loop_add(loop, &feed->to_watch, err) == 0;
	/* A file is never waited for. */
	if (watched && from >= 0 && !feed->seekable && !feed->ended)
		watched = ab_loop_add(loop, &feed->from_watch, err) == 0;
	if (watched)
		return 0;
	ab_feed_close(feed);
	return -1;
}

void
ab_feed_close(struct ab_feed *feed)
{
	if (feed->loop == NULL)
		return;
	stop(feed);
	if (feed->own != feed->from)
		ab_close_indirect(&feed->own);
	free(feed->buffer);
	*feed = (struct ab_feed){ .to = -1 };
}
