/*
 * One event loop: descriptors, timers, signals, and work put off to the end of the round. epoll(7), signalfd(2).
 *
 * Watches and timers are embedded in the caller's structures and owned by it; the loop keeps pointers. A callback may add,
 * change or remove any watch or timer, its own too. Regular files (which epoll refuses with EPERM) are always ready.
 */
#ifndef AB_CORE_LOOP_H
#define AB_CORE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

struct ab_loop; /* opaque */

#define AB_READABLE 1u
#define AB_WRITABLE 2u
#define AB_HANGUP 4u /* reported only: error or hang-up */

struct ab_watch {
	int fd;		 /* borrowed; remove the watch before closing it */
	unsigned events; /* AB_READABLE | AB_WRITABLE; 0 = added but idle (hang-up is then not reported either) */
	void (*ready)(struct ab_watch *watch, unsigned events);
	void *data;
	/* private */
	bool added, always, registered;
	struct ab_watch *next_always;
};

struct ab_timer {
	int64_t deadline_ms; /* ab_now_ms() clock; AB_NEVER = not armed */
	void (*fired)(struct ab_timer *timer);
	void *data;
	/* private */
	long slot;
};

struct ab_task {
	void (*run)(struct ab_task *task);
	void *data;
	/* private */
	struct ab_task *next;
	bool queued;
};

struct ab_loop *ab_loop_new(struct ab_error *err) AB_MUST_USE;
void ab_loop_free(struct ab_loop *loop);

int ab_loop_add(struct ab_loop *loop, struct ab_watch *watch, struct ab_error *err) AB_MUST_USE;
void ab_loop_set(struct ab_loop *loop, struct ab_watch *watch, unsigned events);
void ab_loop_remove(struct ab_loop *loop, struct ab_watch *watch); /* a watch that was not added is ignored */

void ab_loop_arm(struct ab_loop *loop, struct ab_timer *timer, int64_t deadline_ms); /* AB_NEVER disarms */
void ab_loop_disarm(struct ab_loop *loop, struct ab_timer *timer);

/* Run once before the loop waits again. Queuing a queued task does nothing. */
void ab_loop_defer(struct ab_loop *loop, struct ab_task *task);

/*
 * Block these signals in the process and call `caught` for each that arrives. The mask as it was before is kept for
 * children: ab_loop_original_mask(). At most one handler; call before anything else blocks.
 */
int ab_loop_signals(struct ab_loop *loop, const int *signals, void (*caught)(int signo, void *data), void *data, struct ab_error *err) AB_MUST_USE;

/* Until ab_loop_stop(). Timers that are due fire before descriptors are looked at. -1: epoll failed. */
int ab_loop_run(struct ab_loop *loop, struct ab_error *err) AB_MUST_USE;
void ab_loop_stop(struct ab_loop *loop);
/* Close the loop's own descriptors in a child that does not exec. */
void ab_loop_close_in_child(struct ab_loop *loop);

#endif
