/* What a run planted: a picture of the tree from before it, one from after it, and what differs (ab_protect_before, ab_protect_planted
 * of sys/protect.h). */
#include <string.h>
#include <time.h>

#include "core/time.h"
#include "sys/picture.h"
#include "sys/protect.h"

#define BEFORE_US 300	/* of a run that takes about 2,000; some eighty directories */
#define AFTER_US 400	/* enough for what the first look saw, and a little growth */
#define AFTER_CUT_US 120 /* when the first look was cut off, and the run was short */
#define AFTER_SHARE 20	/* and always a twentieth of the time that the run took */

struct ab_protect {
	char *tree;
	char **unprotect;
	struct ab_picture before;
	bool unhurried, deep;
	int64_t started_us;
	struct timespec started; /* coarse, as the kernel stamps files */
};

static struct ab_protect *
before(int tree_fd, const char *tree, char *const *unprotect, bool unhurried, bool *deep)
{
	struct ab_protect *protect = ab_calloc(1, sizeof(*protect));
	size_t count = 0;

	protect->tree = ab_strdup(tree);
	for (; unprotect != NULL && *unprotect != NULL; unprotect++)
		ab_strv_push(&protect->unprotect, &count, *unprotect);
	protect->unhurried = unhurried;
	ab_picture_take(tree_fd, protect->tree, protect->unprotect, NULL, unhurried ? AB_NEVER : BEFORE_US, &protect->before);
	protect->deep = protect->before.complete;
	protect->started_us = ab_now_us();
	clock_gettime(CLOCK_REALTIME_COARSE, &protect->started);
	*deep = protect->deep;
	return protect;
}

struct ab_protect *
ab_protect_before(int tree_fd, const char *tree, char *const *unprotect, bool *deep)
{
	return before(tree_fd, tree, unprotect, false, deep);
}

struct ab_protect *
ab_protect_before_deep(int tree_fd, const char *tree, char *const *unprotect, bool *deep)
{
	return before(tree_fd, tree, unprotect, true, deep);
}

const char *
ab_protect_nested(const struct ab_protect *protect, size_t number)
{
	for (size_t i = 0; i < protect->before.count; i++) {
		const struct ab_picture_entry *entry = &protect->before.entry[i];
		bool top = strcmp(entry->path, ".git") == 0 || strncmp(entry->path, ".git/", 5) == 0;
		if (entry->kind == AB_PICTURE_REPOSITORY && !top && number-- == 0)
			return entry->path;
	}
	return NULL;
}

bool
ab_protect_deep(const struct ab_protect *protect)
{
	return protect->deep;
}

static bool
since(const struct ab_protect *protect, const struct statx_timestamp *stamp)
{
	return stamp->tv_sec > protect->started.tv_sec ||
	    (stamp->tv_sec == protect->started.tv_sec && (long)stamp->tv_nsec >= protect->started.tv_nsec);
}

static bool
is_planted(const struct ab_protect *protect, const struct ab_picture_entry *now)
{
	const struct ab_picture_entry *was = ab_picture_find(&protect->before, now->path);

	if (was == NULL && now->deep && !protect->before.complete &&
	    !since(protect, now->kind == AB_PICTURE_REPOSITORY ? &now->born : &now->changed))
		return false; /* it may have been there, unseen */
	if (now->kind == AB_PICTURE_CONFIG)
		return now->commands != 0 && (was == NULL || was->commands != now->commands);
	if (was == NULL || was->kind != now->kind)
		return true;
	if (now->kind == AB_PICTURE_REPOSITORY)
		return was->dev != now->dev || was->ino != now->ino;
	return !ab_picture_same(was, now) || was->commands != now->commands;
}

char **
ab_protect_planted(struct ab_protect *protect, int tree_fd)
{
	int64_t time_us = (ab_now_us() - protect->started_us) / AFTER_SHARE, least_us = protect->before.complete ? AFTER_US : AFTER_CUT_US;
	char **planted = ab_calloc(1, sizeof(*planted));
	struct ab_picture now;
	size_t count = 0;

	time_us = protect->unhurried ? AB_NEVER : time_us > least_us ? time_us : least_us;
	ab_picture_take(tree_fd, protect->tree, protect->unprotect, &protect->before, time_us, &now);
	for (size_t i = 0; i < now.count; i++)
		if (is_planted(protect, &now.entry[i]))
			ab_strv_push(&planted, &count, now.entry[i].path);
	protect->deep = protect->before.complete && now.complete;
	ab_picture_release(&now);
	return planted;
}

void
ab_protect_free(struct ab_protect *protect)
{
	if (protect == NULL)
		return;
	ab_picture_release(&protect->before);
	ab_strv_free(protect->unprotect);
	free(protect->tree);
	free(protect);
}
