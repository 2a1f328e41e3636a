/* Looks at a store when it has changed. */
#include "data/kvwatch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/time.h"

#define IDLE_MS 1000
#define BLIND_MS 50 /* without inotify */

/* After a write, from one look to the next: together 1, 3 and 10 ms behind it. */
static const int64_t behind_ms[] = { 1, 2, 7 };

struct ab_kvwatch {
	struct ab_loop *loop;
	struct ab_watch inotify;
	struct ab_timer timer;
	char *name; /* of the store's file; those of its log and its shared memory begin so */
	size_t phase; /* the next of behind_ms */
	void (*look)(void *data);
	void *data;
};

static void
look(struct ab_kvwatch *watch)
{
	int64_t wait_ms = watch->phase < AB_COUNT_OF(behind_ms) ? behind_ms[watch->phase++] : watch->inotify.fd >= 0 ? IDLE_MS : BLIND_MS;

	/* Armed first: the function may free all this. */
	ab_loop_arm(watch->loop, &watch->timer, ab_now_ms() + wait_ms);
	watch->look(watch->data);
}

static void
timer_fired(struct ab_timer *timer)
{
	look(timer->data);
}

static void
inotify_ready(struct ab_watch *inotify, unsigned events)
{
	struct ab_kvwatch *watch = inotify->data;
	_Alignas(struct inotify_event) char buf[4096];
	const struct inotify_event *event;
	size_t len = strlen(watch->name);
	bool ours = false;
	ssize_t n;

	(void)events;
	while ((n = read(inotify->fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const struct inotify_event *)(const void *)(buf + at);
			ours = ours || (event->mask & IN_Q_OVERFLOW) != 0 || (event->len > 0 && strncmp(event->name, watch->name, len) == 0);
		}
	/* One that is soon to come anyway will do: a busy store is looked at once a millisecond. */
	if (!ours)
		return;
	watch->phase = 0;
	if (watch->timer.deadline_ms > ab_now_ms() + behind_ms[0])
		ab_loop_arm(watch->loop, &watch->timer, ab_now_ms());
}

struct ab_kvwatch *
ab_kvwatch_new(struct ab_loop *loop, const char *path, void (*look_function)(void *data), void *data)
{
	struct ab_kvwatch *watch = ab_calloc(1, sizeof(*watch));
	AB_AUTO_FREE char *dir = ab_strdup(path);
	char *slash = strrchr(dir, '/');
	struct ab_error ignored = AB_ERROR_INIT;

	*watch = (struct ab_kvwatch){ .loop = loop, .name = ab_strdup(slash != NULL ? slash + 1 : path), .phase = AB_COUNT_OF(behind_ms),
		.look = look_function, .data = data };
	watch->timer = (struct ab_timer){ .deadline_ms = AB_NEVER, .fired = timer_fired, .data = watch };
	watch->inotify = (struct ab_watch){ .fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .events = AB_READABLE, .ready = inotify_ready, .data = watch };
	if (slash != NULL)
		slash[slash == dir] = '\0';
	if (watch->inotify.fd >= 0 && (inotify_add_watch(watch->inotify.fd, slash != NULL ? dir : ".", IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0 ||
	    ab_loop_add(loop, &watch->inotify, &ignored) < 0))
		ab_close_indirect(&watch->inotify.fd);
	ab_loop_arm(loop, &watch->timer, ab_now_ms());
	return watch;
}

void
ab_kvwatch_free(struct ab_kvwatch *watch)
{
	if (watch == NULL)
		return;
	ab_loop_disarm(watch->loop, &watch->timer);
	if (watch->inotify.fd >= 0)
		ab_loop_remove(watch->loop, &watch->inotify);
	ab_close_indirect(&watch->inotify.fd);
	free(watch->name);
	free(watch);
}
