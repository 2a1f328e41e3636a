/*
 * A cgroup for one run: v2 (a directly writable subtree), v1 controllers, or none. cgroups(7),
 * Documentation/admin-guide/cgroup-v2.rst.
 *
 * Only made when a limit needs it (--memory, --cpu-time, --pids beyond what RLIMIT_NPROC can do).
 */
#ifndef AB_SYS_CGROUP_H
#define AB_SYS_CGROUP_H

#include "sys/plan.h"

/*
 * v2: the nearest ancestor of our own position (or it) in which we may make a child with the controllers, as
 * a systemd user manager delegates it ("no internal processes": our own leaf can have no children with
 * controllers). v1: below our position in each controller, or at its root where a container shows no more.
 */
struct ab_cgroup {
	char *v2;     /* directory, or NULL */
	char *memory, *pids, *cpuacct; /* v1 directories, or NULL */
	int dir_fd;   /* v2: for CLONE_INTO_CGROUP; or -1 */
};
#define AB_CGROUP_INIT { .dir_fd = -1 }

/*
 * Make the directories and write the limits; *enforced gets a bit for memory and pids that the kernel will
 * keep. Never fails: what could not be had is not in *enforced. Directories of dead runs (name ab-ID-PID with
 * no such process) are removed in passing.
 */
void ab_cgroup_open(struct ab_cgroup *cgroup, const struct ab_limits *limits, ab_promises *enforced);
/*
 * Put a process (init, before it forks) into them. A no-op for what CLONE_INTO_CGROUP (dir_fd) did already.
 */
void ab_cgroup_attach(const struct ab_cgroup *cgroup, pid_t pid);
struct ab_cgroup_usage {
	bool known; /* cpu and memory figures come from the cgroup */
	int64_t user_us, sys_us, max_rss_bytes;
	uint64_t oom_kills, pids_max_events;
};
void ab_cgroup_read(const struct ab_cgroup *cgroup, struct ab_cgroup_usage *usage);
/*
 * Kill what is left (cgroup.kill, or v1 by cgroup.procs), remove the directories (with short retries, at most
 * 100 ms in all; what stays is removed by a later run). The struct is empty afterwards; closing an empty one
 * does nothing.
 */
void ab_cgroup_close(struct ab_cgroup *cgroup);
/* Which limits a cgroup would keep here: makes one and removes it. *v2: it is a v2 one. */
void ab_cgroup_probe(bool *v2, ab_promises *enforced);

#endif
