/*
 * The place where an entry of the view is attached: found, or made where nothing of the host would see it.
 * Private to sys/view.
 */
#ifndef AB_SYS_TARGET_H
#define AB_SYS_TARGET_H

#include "sys/plan.h"

struct ab_target_place {
	int root; /* the new root */
	const struct ab_plan *plan;
	const bool *attached; /* which entries are there already */
	size_t index;	      /* the entry that is being attached: those before it lie below */
};

/*
 * What decides whether something may be made at path: the last entry attached at or above it. Nothing (the
 * empty root), a TMPFS, or a writable BIND that shows its source somewhere else (private to the scope) say
 * yes. *base is the length of that entry's target.
 */
enum ab_target_ground { AB_GROUND_OWN, AB_GROUND_PRIVATE, AB_GROUND_HOST };
enum ab_target_ground ab_target_ground(const struct ab_target_place *place, const char *path, size_t *base);

/* O_PATH of the target (absolute; no link is followed). -1: ENOENT when it is not there and may not be made.
 */
int ab_target_open(const struct ab_target_place *place, const char *path, bool directory);
/* As above for a file, but a link that is there already is followed inside the view (resolv.conf, localtime).
 */
int ab_target_follow(const struct ab_target_place *place, const char *path);
/* Make a symbolic link and the directories above it. */
int ab_target_link(const struct ab_target_place *place, const char *text, const char *path);

#endif
