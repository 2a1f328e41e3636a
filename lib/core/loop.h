/*
 * One event loop: descriptors, timers, signals, and work put off to the end of the round. epoll(7), signalfd(2).
 *
 * Watches, timers and tasks are embedded in the caller's structures, zero-initialised and owned by it; the loop keeps
 * pointers. A callback may add, change or remove any of them, its own too, and free what holds it afterwards: nothing is
 * delivered to what has been removed, also not what was pending in the same round. Regular files (which epoll refuses with
 * EPERM) are always ready. Everything is level-triggered. Not for threads.
 */
#ifndef AB_CORE_LOOP_H
#define AB_CORE_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

struct ab_loop; /* opaque */

#define AB_READABLE 1u
#define AB_WRITABLE 2u
/* Error or hang-up. It is reported together with what was asked for (the next read or write tells end or error and does not
   block); asked for alone, nothing else is reported. */
#define AB_HANGUP 4u

struct ab_watch {
	int fd;		 /* borrowed; remove the watch before closing it; one watch a descriptor */
	unsigned events; /* AB_READABLE | AB_WRITABLE; 0 = added but idle (hang-up is then not reported either); change it by
			    ab_loop_set() */
	void (*ready)(struct ab_watch *watch, unsigned events);
	void *data;
	/* private */
	bool added, always;
	struct ab_watch *next_always;
};

struct ab_timer {
	int64_t deadline_ms; /* ab_now_ms() clock; AB_NEVER = not armed */
	void (*fired)(struct ab_timer *timer);
	void *data;
	/* private */
	long slot; /* in the heap, from 1; 0: not armed */
};

struct ab_task {
	void (*run)(struct ab_task *task);
	void *data;
	/* private */
	struct ab_task *next;
	bool queued;
};

struct ab_loop *ab_loop_new(struct ab_error *err) AB_MUST_USE;
/* Owners remove their watches first. */
void ab_loop_free(struct ab_loop *loop);

int ab_loop_add(struct ab_loop *loop, struct ab_watch *watch, struct ab_error *err) AB_MUST_USE;
void ab_loop_set(struct ab_loop *loop, struct ab_watch *watch, unsigned events);
void ab_loop_remove(struct ab_loop *loop, struct ab_watch *watch); /* a watch that was not added is ignored */

/* A timer that is armed already gets the new deadline; AB_NEVER disarms. It is disarmed before it fires. */
void ab_loop_arm(struct ab_loop *loop, struct ab_timer *timer, int64_t deadline_ms);
void ab_loop_disarm(struct ab_loop *loop, struct ab_timer *timer);

/* Run once before the loop waits again. Queuing a queued task does nothing, removing one that is not queued neither. */
void ab_loop_defer(struct ab_loop *loop, struct ab_task *task);
void ab_loop_undefer(struct ab_loop *loop, struct ab_task *task);

/*
 * Block these signals (a list that ends with 0) and call `caught` for each that arrives. A signal that is ignored when this is
 * called stays so and is not reported: nohup(1), and `command &` of a shell, mean it. The mask as it was before is kept for
 * children and put back by ab_loop_free(). At most one handler a loop; call before there are threads.
 */
int ab_loop_signals(struct ab_loop *loop, const int *signals, void (*caught)(int signo, void *data), void *data,
    struct ab_error *err) AB_MUST_USE;

/* The signal mask as it was when the loop was made. */
const sigset_t *ab_loop_original_mask(const struct ab_loop *loop);

/* Until ab_loop_stop(); a stop before the run makes it return at once. May be called again, not from a callback. Timers
   that are due fire before descriptors are looked at. -1: epoll failed. */
int ab_loop_run(struct ab_loop *loop, struct ab_error *err) AB_MUST_USE;
void ab_loop_stop(struct ab_loop *loop);
/* Close the loop's own descriptors in a child that does not exec; nothing else may then be done with the loop there
   (removing a watch would remove the parent's). */
void ab_loop_close_in_child(struct ab_loop *loop);

#endif
