/* Bytes both ways between two stream sockets. */
#include "sys/relay.h"

#include <errno.h>
#include <sys/socket.h>

void
ab_relay_reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* Side i is read while the other takes what it is sent, and written while something is pending for it. */
static void
set_events(struct ab_relay *relay)
{
	for (int i = 0; i < 2; i++) {
		struct ab_relay_side *side = &relay->side[i], *other = &relay->side[!i];
		unsigned events = (side->pending.len > 0 ? AB_WRITABLE : 0u) |
		    (!side->ended && other->pending.len == 0 ? AB_READABLE : 0u);
		if (events != side->watch.events)
			ab_loop_set(relay->loop, &side->watch, events);
	}
}

/* Write what is pending; pass end-of-file on when nothing is. False: the side failed. */
static bool
flush_side(struct ab_relay_side *side, bool other_ended)
{
	while (side->pending.len > 0) {
		ssize_t n = send(side->watch.fd, side->pending.data, side->pending.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		ab_buf_consume(&side->pending, (size_t)n);
	}
	ab_buf_release(&side->pending);
	if (other_ended && !side->shut) {
		side->shut = true;
		shutdown(side->watch.fd, SHUT_WR);
	}
	return true;
}

/* Read once and hand on; what the other side does not take at once is kept for it. False: one of them failed.
 */
static bool
pass_on(struct ab_relay_side *from, struct ab_relay_side *to)
{
	char chunk[AB_RELAY_CHUNK];
	ssize_t n = recv(from->watch.fd, chunk, sizeof(chunk), 0), sent = 0;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		from->ended = true;
	else
		sent = send(to->watch.fd, chunk, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return false;
	sent = sent < 0 ? 0 : sent;
	if (sent < n)
		ab_buf_put(&to->pending, chunk + sent, (size_t)(n - sent));
	return flush_side(to, from->ended);
}

static void
fail(struct ab_relay *relay)
{
	for (int i = 0; i < 2; i++) {
		struct ab_relay_side *side = &relay->side[i];
		ab_loop_remove(relay->loop, &side->watch);
		ab_relay_reset(side->watch.fd);
		side->watch.fd = -1;
	}
	relay->done(relay);
}

static void
ready(struct ab_watch *watch, unsigned events)
{
	struct ab_relay_side *side = watch->data;
	struct ab_relay *relay = side->relay;
	struct ab_relay_side *other = side == &relay->side[0] ? &relay->side[1] : &relay->side[0];
	bool good = true;

	if (side->pending.len > 0 && (events & (AB_WRITABLE | AB_HANGUP)) != 0)
		good = flush_side(side, other->ended);
	if (good && !side->ended && other->pending.len == 0 && (events & (AB_READABLE | AB_HANGUP)) != 0)
		good = pass_on(side, other);
	else if (good && (events & AB_HANGUP) != 0)
		/* Neither readable nor writable for us, yet hung up: nothing more can come of it. */
		good = side->pending.len > 0 || other->pending.len > 0;
	if (!good)
		fail(relay);
	else if (relay->side[0].shut && relay->side[1].shut)
		relay->done(relay);
	else
		set_events(relay);
}

int
ab_relay_start(
    struct ab_relay *relay, struct ab_loop *loop, int a, int b, struct ab_buf *first[2], struct ab_error *err)
{
	relay->loop = loop;
	for (int i = 0; i < 2; i++) {
		struct ab_relay_side *side = &relay->side[i];
		*side = (struct ab_relay_side){ .relay = relay };
		side->watch = (struct ab_watch){ .fd = i == 0 ? a : b, .ready = ready, .data = side };
		if (first[i] != NULL) {
			side->pending = *first[i];
			ab_buf_init(first[i], first[i]->max);
		}
		side->pending.max = side->pending.len + AB_RELAY_CHUNK;
		side->watch.events = AB_READABLE | (side->pending.len > 0 ? AB_WRITABLE : 0u);
	}
	for (int i = 0; i < 2; i++)
		if (ab_loop_add(loop, &relay->side[i].watch, err) != 0)
			return -1;
	set_events(relay);
	return 0;
}

void
ab_relay_close(struct ab_relay *relay)
{
	for (int i = 0; i < 2; i++) {
		struct ab_relay_side *side = &relay->side[i];
		ab_loop_remove(relay->loop, &side->watch);
		if (side->watch.fd >= 0)
			close(side->watch.fd);
		side->watch.fd = -1;
		ab_buf_release(&side->pending);
	}
}
