/*
 * Processes as /proc tells them: who descends from whom, what they use, and how to end them all.
 * proc_pid_stat(5).
 *
 * Level namespace needs the sums alone (its processes are ended by kill(-1) or by the death of init). At the
 * other levels the tree is all there is: every descendant of a subreaper (PR_SET_CHILD_SUBREAPER) stays its
 * descendant, whatever it forks or detaches.
 */
#ifndef AB_SYS_PROCTREE_H
#define AB_SYS_PROCTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ab_process {
	pid_t pid, ppid, sid;
	char state;	    /* 'Z': dead, not reaped */
	uint64_t start;	    /* clock ticks since boot: with pid, the identity */
	uint64_t cpu_ticks; /* its own and of the children that it reaped */
	uint64_t rss_bytes;
	bool chosen; /* by ab_proctree_choose */
};

/* Every process that /proc shows, in a heap array that the caller frees; *count of them. NULL when there is
 * no /proc. */
struct ab_process *ab_proctree_list(int proc_fd, size_t *count);

/* Sort the list by pid; mark the processes for which `root` says so, and all their descendants; returns how
 * many. */
size_t ab_proctree_choose(
    struct ab_process *list, size_t count, bool (*root)(const struct ab_process *, void *), void *data);

/*
 * Send signo to every process that `root` chooses and to its descendants. A process is signalled through a
 * pidfd, after its start time was compared, so that a number that has been given to another process in the
 * meantime is not hit. Returns how many.
 */
size_t ab_proctree_signal(bool (*root)(const struct ab_process *, void *), void *data, int signo);

/*
 * End them: stop until a look finds none that runs, kill, until a look finds none at all; children of the
 * caller among them are reaped. From the fourth look on (a fork storm) forking is forbidden by prlimit(2) as
 * well, which holds for everyone but root. Bounded to about two seconds. Returns how many were killed; *left:
 * how many remain (in uninterruptible sleep).
 */
size_t ab_proctree_kill(bool (*root)(const struct ab_process *, void *), void *data, size_t *left);

/* Descendants of *(pid_t *)data, without it: a `root` for the three above. */
bool ab_proctree_is_child_of(const struct ab_process *process, void *data);

/* Memory of a process where each shared page counts in parts (smaps_rollup), or its resident size where that
 * cannot be read. */
uint64_t ab_proctree_pss(int proc_fd, const struct ab_process *process);

#endif
