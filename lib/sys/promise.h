/*
 * What a level promises, in one closed list of words; the source of `missing`, --require, `doctor` and of the
 * table in ab-exec(1). A word is in `missing` only when it was asked for or is a default.
 */
#ifndef AB_SYS_PROMISE_H
#define AB_SYS_PROMISE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

/* From strong to weak; a scope's setting names the weakest that it allows. `software` is the guard for dangerous
 * commands alone, which judges what a command says: for everything else it is `none`. */
enum ab_level {
	AB_LEVEL_AUTO = -1,
	AB_LEVEL_NAMESPACE,
	AB_LEVEL_BWRAP,
	AB_LEVEL_LANDLOCK,
	AB_LEVEL_SOFTWARE,
	AB_LEVEL_NONE,
	AB_LEVEL_COUNT
};

enum ab_promise {
	AB_PROMISE_NAMESPACE, /* an own view of files, processes, IPC and host name */
	AB_PROMISE_PROC,      /* a fresh /proc that shows the command's processes alone */
	AB_PROMISE_NET,	      /* the network is none, or the allow-list */
	AB_PROMISE_SECCOMP,   /* the system-call filter */
	AB_PROMISE_LANDLOCK,  /* Landlock on top */
	AB_PROMISE_MEMORY,    /* --memory */
	AB_PROMISE_PIDS,      /* --pids */
	AB_PROMISE_CPU,	      /* --cpu-time */
	AB_PROMISE_TMP,	      /* a private /tmp */
	AB_PROMISE_PROTECT,   /* what runs later on the owner's behalf is read-only */
	AB_PROMISE_PROTECT_DEEP, /* and detected in nested repositories, all of them */
	AB_PROMISE_OWNERS,    /* files of every owner in the tree are usable */
	AB_PROMISE_KUID,      /* the kernel sees a user other than root */
	AB_PROMISE_SIGNALS,   /* no signal reaches a process outside */
	AB_PROMISE_METADATA,  /* owners, modes, times and attributes outside cannot be changed or read */
	AB_PROMISE_UNIX,      /* no unix socket outside the scope can be reached */
	AB_PROMISE_DISK,      /* --file-size */
	AB_PROMISE_COUNT
};

typedef uint32_t ab_promises; /* a set: bit 1 << enum ab_promise */
#define AB_PROMISE_BIT(promise) ((ab_promises)1 << (promise))

const char *ab_level_name(enum ab_level level); /* "namespace", "bwrap", "landlock", "software", "none"; "auto" */
/* Whether anything but good will keeps the command from the host: every level but `software` and `none` (auto: yes,
 * since it chooses a wall or nothing). */
bool ab_level_has_wall(enum ab_level level);
/* Whether the command has a root directory of its own, made of the plan's view: `namespace` and `bwrap`. */
bool ab_level_has_view(enum ab_level level);
const char *ab_promise_name(enum ab_promise promise);
/* One sentence in ab-exec(1) and doctor. */
const char *ab_promise_text(enum ab_promise promise);
/* -1: input.invalid, naming the word and the list. */
int ab_promise_parse(const char *word, enum ab_promise *promise, struct ab_error *err) AB_MUST_USE;

/*
 * The table promise × level × who: what ab-exec(1) prints and the tests prove cell by cell. Detected: a
 * breach is not prevented but seen, and told (`planted`, `missing`, a limit's reason).
 */
enum ab_who { AB_WHO_USER, AB_WHO_ROOT, AB_WHO_CONTAINER_ROOT, AB_WHO_COUNT };
enum ab_kept { AB_KEPT, AB_DETECTED, AB_NOT_KEPT };
enum ab_kept ab_promise_kept(enum ab_promise promise, enum ab_level level, enum ab_who who);
const char *ab_who_name(enum ab_who who);   /* "user", "root", "root in a container" */
const char *ab_kept_name(enum ab_kept kept); /* "kept", "detected", "not kept" */

/*
 * What decides a cell on a given host. The table's columns are these facts as they usually are: a user
 * without a cgroup of its own; root with every capability, cgroups and idmapped mounts; root in a container
 * that hides /proc paths, gives no cgroup, lies on overlayfs, and has the few capabilities that are usual. bubblewrap is
 * older than 0.12.
 */
struct ab_facts {
	bool fresh_proc;    /* /proc can be mounted */
	bool seccomp;	    /* the kernel takes filters */
	int landlock_abi;   /* 0: none */
	bool cgroup_memory; /* a cgroup of the run's own can be made, with this controller */
	bool cgroup_pids;
	bool root;	    /* the caller is root */
	bool kernel_root;   /* the kernel sees uid 0 in the command, too */
	bool bwrap_holds;   /* level bwrap: mounts below what a command may write to are safe (0.12) */
	bool host_net;	    /* --net host: abstract sockets of the host are in reach but for Landlock */
	bool lifts_limits;  /* without a wall: the command has CAP_SYS_RESOURCE */
};
/* The facts that a column of the table stands for, at a level. */
void ab_facts_usual(struct ab_facts *facts, enum ab_level level, enum ab_who who);
/*
 * What is not kept of `asked` (detected is not kept): behind it and behind the table is one function of level
 * and facts. `owners` and `protect.deep` depend on what is found in the tree: whoever looks adds them
 * (sys/ident, sys/protect).
 */
ab_promises ab_promise_missing(enum ab_level level, const struct ab_facts *facts, ab_promises asked);

/* Promised unless an option says otherwise. */
#define AB_PROMISES_DEFAULT \
	(AB_PROMISE_BIT(AB_PROMISE_NAMESPACE) | AB_PROMISE_BIT(AB_PROMISE_PROC) | \
	    AB_PROMISE_BIT(AB_PROMISE_NET) | AB_PROMISE_BIT(AB_PROMISE_SECCOMP) | \
	    AB_PROMISE_BIT(AB_PROMISE_LANDLOCK) | AB_PROMISE_BIT(AB_PROMISE_PIDS) | \
	    AB_PROMISE_BIT(AB_PROMISE_TMP) | AB_PROMISE_BIT(AB_PROMISE_OWNERS) | \
	    AB_PROMISE_BIT(AB_PROMISE_KUID) | AB_PROMISE_BIT(AB_PROMISE_SIGNALS) | \
	    AB_PROMISE_BIT(AB_PROMISE_METADATA) | AB_PROMISE_BIT(AB_PROMISE_UNIX))

/* --require: 0, or -1 isolation.unavailable naming the words of `required` that are in `missing`. */
int ab_promise_require(
    ab_promises required, ab_promises missing, enum ab_level level, struct ab_error *err) AB_MUST_USE;
/* The words of a set, in the order of the list, joined by `separator`. Returns text. */
#define AB_PROMISES_SIZE 160
const char *ab_promises_text(ab_promises set, const char *separator, char text[static AB_PROMISES_SIZE]);

#endif
