/* What the tests of a bubblewrap's arguments share: a plan for it, and what stands among the words. */
#ifndef AB_TEST_BWRAP_ARGS_H
#define AB_TEST_BWRAP_ARGS_H

#include "sandbox_run.h"
#include "sys/bwrap.h"

/* Whether the words stand in a row among the arguments; "*" is any word. */
static inline bool
has(const struct ab_bwrap_start *start, const char *const *words)
{
	const char *end = start->args + start->args_len;

	for (const char *from = start->args; from < end; from += strlen(from) + 1) {
		const char *at = from;
		size_t i = 0;
		for (; words[i] != NULL && at < end; i++, at += strlen(at) + 1)
			if (strcmp(words[i], "*") != 0 && strcmp(words[i], at) != 0)
				break;
		if (words[i] == NULL)
			return true;
	}
	return false;
}
#define HAS(start, ...) has(start, (const char *const[]){ __VA_ARGS__, NULL })

/* A plan for a bubblewrap that stands at its usual place; holds: one that is new enough. */
static inline void
begin(struct run *run, bool holds)
{
	run_begin(run);
	run->child = (struct ab_child){ .pidfd = -1, .pid = -1, .channel = -1, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .reaped = true };
	run->plan.level = AB_LEVEL_BWRAP;
	run->plan.bwrap = ab_strdup("/usr/bin/bwrap");
	run->plan.bwrap_holds = holds;
	run_shell(run, "true");
}

static inline void
make_dir(const struct run *run, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", run->tree, name);
	mkdir(path, 0755);
}

#endif
