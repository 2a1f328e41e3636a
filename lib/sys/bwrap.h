/*
 * Level bwrap: a plan carried out by an installed bubblewrap. bwrap(1).
 *
 * For hosts where a profile lets that program alone make namespaces. The plan's view becomes its arguments, all of which
 * are handed over in memory (--args FD): on a command line everybody could read the environment in /proc. What bwrap
 * execs is the command; what starts bwrap is init, as at the levels without namespaces (sys/init).
 *
 * What it cannot do as our own launcher does: Landlock on top; ids other than the caller's (started by root the kernel
 * sees uid 0); a wait for what outlives the command; and before 0.12 a mount target below anything that a command may
 * write to, since it follows links there, out of the sandbox too (CVE-2026-87766). So older ones get none: PIN and LOCK
 * are left out (`protect` is missing), any other such target refuses the run.
 */
#ifndef AB_SYS_BWRAP_H
#define AB_SYS_BWRAP_H

#include <limits.h>

#include "sys/plan.h"

struct ab_bwrap {
	char path[PATH_MAX]; /* canonical */
	unsigned major, minor;
};

/*
 * The first `bwrap` of the absolute directories in search (as PATH), asked for its version. One that lies below tree
 * (NULL: none) is passed over, since a command may have put it there. -1: isolation.unavailable, with the way to get one.
 * The answer of a program is remembered.
 */
int ab_bwrap_find(
    const char *search, const char *tree, struct ab_bwrap *bwrap, struct ab_error *err) AB_MUST_USE;
/* Whether targets below what a command may write to are safe. */
bool ab_bwrap_holds(const struct ab_bwrap *bwrap);
/* "bubblewrap 0.8.0" and the like. -1: that is no version. */
int ab_bwrap_parse_version(const char *text, unsigned *major, unsigned *minor) AB_MUST_USE;

/* What starts it. */
struct ab_bwrap_start {
	char **argv;	 /* bwrap --args N -- COMMAND… */
	char *args;	 /* what stands in N: words, each ended by NUL */
	size_t args_len;
	int *fd;	 /* to be open in bwrap under these numbers; here close-on-exec, and above 2 */
	size_t fd_count;
	int status_fd;	 /* what bwrap tells (--json-status-fd), for ab_bwrap_listen(); non-blocking */
	int exec_errno;	 /* the command is not there (ENOENT) or cannot be executed (EACCES); 0: as far as can be seen */
	ab_promises missing;
};

/* From a plan with level bwrap, which names the program. -1: the view cannot be had by bwrap (unsupported), or a source is
 * not there; nothing is left open. */
int ab_bwrap_prepare(const struct ab_plan *plan, struct ab_bwrap_start *start, struct ab_error *err) AB_MUST_USE;
void ab_bwrap_release(struct ab_bwrap_start *start);

/* What bwrap has told so far. Begin with { .len = 0 }. */
struct ab_bwrap_status {
	char text[1024];
	size_t len;
};
/* Take what is there; never blocks, allocates nothing. False: it ended, there will be no more. */
bool ab_bwrap_listen(struct ab_bwrap_status *status, int fd);
/* The sandbox's pid 1, as its starter sees it, which leads the command's session and group; 0: not told (yet). */
pid_t ab_bwrap_inside(const struct ab_bwrap_status *status);
/*
 * How the command ended, as wait(2) would say it; false: it was never executed, as far as bwrap told. bwrap gives 128+n for
 * a death by signal n, and an exit with that status looks the same: where n is a signal that kills, it is taken for one.
 */
bool ab_bwrap_ended(const struct ab_bwrap_status *status, int *wait_status);

#endif
