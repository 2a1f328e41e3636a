/* One event loop. */
#include "core/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/time.h"

#define ROUND 64 /* events taken at once */

struct ab_loop {
	int epoll_fd;
	int signal_fd;
	bool running, stopped;
	/* this round's events; an entry is cleared when its watch is removed */
	struct epoll_event events[ROUND];
	int event_count;
	/* watches that are always ready, and the one that comes next in the walk over them */
	struct ab_watch *always, *walk;
	size_t always_wanted; /* of them, those that wait for something */
	/* binary heap by deadline, from index 1 */
	struct ab_timer **heap;
	size_t timers, room;
	struct ab_task *tasks, **tasks_end;
	sigset_t original;
	bool masked;
	struct ab_watch signal_watch;
	void (*caught)(int signo, void *data);
	void *caught_data;
};

struct ab_loop *
ab_loop_new(struct ab_error *err)
{
	AB_AUTO_CLOSE int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_fd < 0) {
		ab_fail_errno(err, errno, "make an epoll descriptor");
		return NULL;
	}
	struct ab_loop *loop = ab_calloc(1, sizeof(*loop));
	loop->epoll_fd = ab_steal_fd(&epoll_fd);
	loop->signal_fd = -1;
	loop->tasks_end = &loop->tasks;
	sigprocmask(SIG_BLOCK, NULL, &loop->original);
	return loop;
}

void
ab_loop_close_in_child(struct ab_loop *loop)
{
	ab_close_indirect(&loop->signal_fd);
	ab_close_indirect(&loop->epoll_fd);
}

void
ab_loop_free(struct ab_loop *loop)
{
	if (loop == NULL)
		return;
	assert(!loop->running);
	ab_loop_close_in_child(loop);
	if (loop->masked)
		sigprocmask(SIG_SETMASK, &loop->original, NULL);
	free(loop->heap);
	free(loop);
}

/* ---- watches ---- */

static bool
wants(const struct ab_watch *watch)
{
	return (watch->events & (AB_READABLE | AB_WRITABLE)) != 0;
}

/*
 * An idle watch stays registered, edge-triggered, so that a lasting hang-up wakes the loop once at most and coming back
 * cannot fail as adding it again could; EPOLL_CTL_MOD looks at the descriptor anew, so nothing is missed.
 */
static uint32_t
epoll_events(unsigned events)
{
	if (events == 0)
		return EPOLLET;
	return ((events & AB_READABLE) != 0 ? EPOLLIN : 0u) | ((events & AB_WRITABLE) != 0 ? EPOLLOUT : 0u);
}

int
ab_loop_add(struct ab_loop *loop, struct ab_watch *watch, struct ab_error *err)
{
	struct epoll_event event = { .events = epoll_events(watch->events), .data.ptr = watch };

	assert(!watch->added);
	watch->always = false;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) != 0) {
		if (errno != EPERM)
			return ab_fail_errno(err, errno, "watch descriptor %d", watch->fd);
		watch->always = true;
		watch->next_always = loop->always;
		loop->always = watch;
		loop->always_wanted += wants(watch);
	}
	watch->added = true;
	return 0;
}

void
ab_loop_set(struct ab_loop *loop, struct ab_watch *watch, unsigned events)
{
	struct epoll_event event = { .events = epoll_events(events), .data.ptr = watch };

	assert(watch->added);
	if (watch->events == events)
		return;
	if (watch->always)
		loop->always_wanted -= wants(watch);
	watch->events = events;
	if (watch->always)
		loop->always_wanted += wants(watch);
	else
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event);
}

static void
remove_always(struct ab_loop *loop, struct ab_watch *watch)
{
	struct ab_watch **at = &loop->always;

	while (*at != watch)
		at = &(*at)->next_always;
	*at = watch->next_always;
	if (loop->walk == watch)
		loop->walk = watch->next_always;
	loop->always_wanted -= wants(watch);
}

void
ab_loop_remove(struct ab_loop *loop, struct ab_watch *watch)
{
	if (!watch->added)
		return;
	watch->added = false;
	if (watch->always) {
		remove_always(loop, watch);
		return;
	}
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	for (int i = 0; i < loop->event_count; i++)
		if (loop->events[i].data.ptr == watch)
			loop->events[i].data.ptr = NULL;
}

static void
dispatch(struct ab_watch *watch, uint32_t found)
{
	unsigned events = 0;

	if ((found & (EPOLLHUP | EPOLLERR)) != 0)
		events = AB_HANGUP | AB_READABLE | AB_WRITABLE;
	if ((found & EPOLLIN) != 0)
		events |= AB_READABLE;
	if ((found & EPOLLOUT) != 0)
		events |= AB_WRITABLE;
	/* what is wanted now: it may have changed since the wait */
	if (watch->events != 0)
		events &= watch->events | AB_HANGUP;
	else
		events = 0;
	if (events != 0)
		watch->ready(watch, events);
}

static void
dispatch_all(struct ab_loop *loop)
{
	for (int i = 0; i < loop->event_count && !loop->stopped; i++)
		if (loop->events[i].data.ptr != NULL)
			dispatch(loop->events[i].data.ptr, loop->events[i].events);
	loop->event_count = 0;
	for (struct ab_watch *watch = loop->always; watch != NULL && !loop->stopped; watch = loop->walk) {
		loop->walk = watch->next_always;
		if (wants(watch))
			watch->ready(watch, watch->events & (AB_READABLE | AB_WRITABLE));
	}
	loop->walk = NULL;
}

/* ---- timers ---- */

static void
place(struct ab_loop *loop, size_t slot, struct ab_timer *timer)
{
	loop->heap[slot] = timer;
	timer->slot = (long)slot;
}

/* Put a timer where it belongs, beginning at a free slot. */
static void
settle(struct ab_loop *loop, size_t slot, struct ab_timer *timer)
{
	struct ab_timer **heap = loop->heap;

	while (slot > 1 && timer->deadline_ms < heap[slot / 2]->deadline_ms) {
		place(loop, slot, heap[slot / 2]);
		slot /= 2;
	}
	for (size_t child = 2 * slot; child <= loop->timers; child = 2 * slot) {
		if (child < loop->timers && heap[child + 1]->deadline_ms < heap[child]->deadline_ms)
			child++;
		if (timer->deadline_ms <= heap[child]->deadline_ms)
			break;
		place(loop, slot, heap[child]);
		slot = child;
	}
	place(loop, slot, timer);
}

void
ab_loop_disarm(struct ab_loop *loop, struct ab_timer *timer)
{
	size_t slot = (size_t)timer->slot;

	timer->deadline_ms = AB_NEVER;
	if (slot == 0)
		return;
	timer->slot = 0;
	struct ab_timer *last = loop->heap[loop->timers--];
	if (last != timer)
		settle(loop, slot, last);
}

void
ab_loop_arm(struct ab_loop *loop, struct ab_timer *timer, int64_t deadline_ms)
{
	if (deadline_ms == AB_NEVER) {
		ab_loop_disarm(loop, timer);
		return;
	}
	timer->deadline_ms = deadline_ms;
	if (timer->slot != 0) {
		settle(loop, (size_t)timer->slot, timer);
		return;
	}
	if (loop->timers + 1 >= loop->room) {
		loop->room = loop->room == 0 ? 16 : 2 * loop->room;
		loop->heap = ab_reallocarray(loop->heap, loop->room, sizeof(struct ab_timer *));
	}
	settle(loop, ++loop->timers, timer);
}

/* At most as many as are armed now: one that arms itself for the past does not keep the loop from its descriptors. */
static void
fire_timers(struct ab_loop *loop)
{
	if (loop->timers == 0)
		return;
	int64_t now_ms = ab_now_ms();
	for (size_t left = loop->timers; left > 0 && loop->timers > 0 && !loop->stopped; left--) {
		struct ab_timer *timer = loop->heap[1];
		if (timer->deadline_ms > now_ms)
			return;
		ab_loop_disarm(loop, timer);
		timer->fired(timer);
	}
}

/* ---- tasks ---- */

void
ab_loop_defer(struct ab_loop *loop, struct ab_task *task)
{
	if (task->queued)
		return;
	task->queued = true;
	task->next = NULL;
	*loop->tasks_end = task;
	loop->tasks_end = &task->next;
}

void
ab_loop_undefer(struct ab_loop *loop, struct ab_task *task)
{
	struct ab_task **at = &loop->tasks;

	if (!task->queued)
		return;
	while (*at != task)
		at = &(*at)->next;
	*at = task->next;
	if (loop->tasks_end == &task->next)
		loop->tasks_end = at;
	task->queued = false;
}

/* Those that are queued now; one that is queued by them runs in the next round, which then does not wait. */
static void
run_tasks(struct ab_loop *loop)
{
	size_t count = 0;

	for (struct ab_task *task = loop->tasks; task != NULL; task = task->next)
		count++;
	for (; count > 0 && loop->tasks != NULL && !loop->stopped; count--) {
		struct ab_task *task = loop->tasks;
		ab_loop_undefer(loop, task);
		task->run(task);
	}
}

/* ---- signals ---- */

static void
read_signals(struct ab_watch *watch, unsigned events)
{
	struct ab_loop *loop = watch->data;
	struct signalfd_siginfo info;

	(void)events;
	while (!loop->stopped && read(loop->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		loop->caught((int)info.ssi_signo, loop->caught_data);
}

int
ab_loop_signals(struct ab_loop *loop, const int *signals, void (*caught)(int signo, void *data), void *data,
    struct ab_error *err)
{
	struct sigaction action;
	sigset_t set;

	assert(loop->signal_fd < 0);
	sigemptyset(&set);
	for (; *signals != 0; signals++)
		if (sigaction(*signals, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&set, *signals);
	/* blocked before the descriptor is there: what arrives between the two waits in it */
	sigprocmask(SIG_BLOCK, &set, NULL);
	loop->masked = true;
	loop->caught = caught;
	loop->caught_data = data;
	loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop->signal_fd < 0)
		return ab_fail_errno(err, errno, "make a signal descriptor");
	loop->signal_watch = (struct ab_watch){
		.fd = loop->signal_fd, .events = AB_READABLE, .ready = read_signals, .data = loop
	};
	return ab_loop_add(loop, &loop->signal_watch, err);
}

const sigset_t *
ab_loop_original_mask(const struct ab_loop *loop)
{
	return &loop->original;
}

/* ---- rounds ---- */

/* For epoll_wait(2): milliseconds, -1 for ever. */
static int
patience(const struct ab_loop *loop)
{
	if (loop->tasks != NULL || loop->always_wanted > 0)
		return 0;
	if (loop->timers == 0)
		return -1;
	int64_t left = loop->heap[1]->deadline_ms - ab_now_ms();
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

int
ab_loop_run(struct ab_loop *loop, struct ab_error *err)
{
	int result = 0;

	assert(!loop->running);
	loop->running = true;
	while (!loop->stopped) {
		run_tasks(loop);
		if (loop->stopped)
			break;
		int count = epoll_wait(loop->epoll_fd, loop->events, ROUND, patience(loop));
		if (count < 0 && errno != EINTR) {
			result = ab_fail_errno(err, errno, "wait for events");
			break;
		}
		loop->event_count = count < 0 ? 0 : count;
		fire_timers(loop);
		dispatch_all(loop);
	}
	loop->stopped = false;
	loop->running = false;
	return result;
}

void
ab_loop_stop(struct ab_loop *loop)
{
	loop->stopped = true;
}
