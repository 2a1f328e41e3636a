/*
 * To look at a store soon after somebody has written to it, and never without need.
 *
 * inotify(7) tells of writes to the store's log; that is before the commit can be seen, so one looks again 1, 3 and 10 ms later, and once a
 * second in case something was missed. Where there is no inotify (its limits are used up, or a file system that tells nothing), one looks
 * every 50 ms.
 */
#ifndef AB_DATA_KVWATCH_H
#define AB_DATA_KVWATCH_H

#include "core/loop.h"

struct ab_kvwatch;

/* look is called from the loop, the first time at once; it may free the watch. path: of the store's file, in a directory that exists. */
struct ab_kvwatch *ab_kvwatch_new(struct ab_loop *loop, const char *path, void (*look)(void *data), void *data);
void ab_kvwatch_free(struct ab_kvwatch *watch);

#endif
