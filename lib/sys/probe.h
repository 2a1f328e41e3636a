/*
 * Which level this host gives: found by trying, cached.
 *
 * The cache (AB_HOME/run/probe-…) is keyed by boot, kernel, uid, user, mount and cgroup namespace, seccomp
 * mode, /proc/self/attr/current and build id; a real run that fails although the probe said yes invalidates
 * it.
 */
#ifndef AB_SYS_PROBE_H
#define AB_SYS_PROBE_H

#include "sys/plan.h"

struct ab_probe {
	bool namespaces;  /* a full set can be made and mounts done in it */
	bool fresh_proc;  /* and /proc mounted */
	bool net;	  /* a network namespace with lo up and a route */
	bool clone3, openat2, pidfd;
	int landlock_abi; /* 0: none */
	bool seccomp;
	bool idmap;	  /* root: idmapped mounts in general */
	bool cgroup_v2, cgroup_memory, cgroup_pids;
	bool in_container;
	int failed_errno; /* namespaces: why not */
	char failed_step[96];
	/* root: file systems on which an idmapped mount was tried, oldest first; for sys/ident */
	struct {
		uint64_t dev;
		int64_t fs_type;
		bool takes;
	} idmap_fs[8];
	unsigned idmap_fs_count;
};

/*
 * From the cache, or by trying (a fork, about 2 ms). A "no" is kept for a minute only: who follows doctor's
 * advice sees it work.
 */
int ab_probe_get(struct ab_probe *probe, struct ab_error *err) AB_MUST_USE;
/*
 * Forget: the next ab_probe_get tries again. Call it when a run failed in a step that the probe said works.
 */
void ab_probe_invalidate(void);
/* By trying, now; the cache is neither read nor written. */
void ab_probe_try(struct ab_probe *probe);
/* Whether a file system takes an idmapped mount, as remembered in the cache: 1, 0, or -1 for not known. */
int ab_probe_idmap_known(const struct ab_probe *probe, uint64_t dev, int64_t fs_type);
/* Remember it. */
void ab_probe_idmap_note(uint64_t dev, int64_t fs_type, bool takes);

/* What the plan asks for, by default or explicitly: its network, limits, and (own trees) protection. */
ab_promises ab_probe_asked(const struct ab_plan *plan);

/* What is not kept of that, by the probe and by the plan's level, net and ident (once chosen). */
ab_promises ab_probe_missing(const struct ab_probe *probe, const struct ab_plan *plan);

/*
 * Choose a level: want AUTO or one. Fills plan->level, fresh_proc, missing. -1 isolation.unavailable, with
 * the exact remedy as hint (sysctl, AppArmor profile or docker option, by what was found). require: promises
 * that must not be missing (to require is to ask).
 */
int ab_probe_choose(const struct ab_probe *probe, enum ab_level want, ab_promises require, struct ab_plan *plan,
    struct ab_error *err) AB_MUST_USE;

/* One finding of doctor. */
struct ab_finding {
	const char *name;   /* "user namespaces" */
	const char *promise; /* the word of the closed list it belongs to, or NULL */
	bool ok;
	char detail[256];
	char remedy[1024]; /* what to type, or "" */
};
/* Fill up to max findings; returns how many. Tries things for real. */
size_t ab_probe_doctor(struct ab_finding *findings, size_t max);

#endif
