/*
 * The plan: everything that has been decided about one run, as plain data that --dry-run prints.
 *
 * cmd/ab-exec makes it (all policy is decided there), sys/spawn and sys/sandbox carry it out, and nobody after that decides
 * anything. Strings are owned by the plan unless said otherwise.
 */
#ifndef AB_SYS_PLAN_H
#define AB_SYS_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/json.h"
#include "sys/promise.h"

/*
 * One thing in the view, attached in order (a later one lies on top). Targets are absolute paths inside.
 *   BIND     source (host path) at target, recursively; read-only unless writable; nosuid, nodev always. Its descriptor is opened
 *            once, in the new mount namespace, and compared with dev/ino when those are set (the tree must be the one judged).
 *   TMPFS    an empty directory of its own, at most `size` bytes (0: 50 % of memory), mode `mode`.
 *   FILE     a file with `text`, read-only (generated passwd, group, hosts, resolv.conf).
 *   SYMLINK  target -> source.
 *   MASK     an empty read-only directory or file (whichever target is) over something that must not be seen.
 *   PIN      target bound onto itself, writable (a mount point cannot be renamed away): the top `.git`.
 *   LOCK     target bound onto itself, read-only: hooks, config.
 * PIN, LOCK and MASK never create anything: a target that does not exist is left out. PIN and LOCK are resolved without following
 * any link (openat2 RESOLVE_BENEATH|NO_SYMLINKS|NO_MAGICLINKS); one that is a link is not locked and the run's `missing` says
 * protect. MASK follows links inside the view (RESOLVE_IN_ROOT), so that what must not be seen is covered where it lies.
 *
 * Where a target does not exist yet: it is made (0755) where nothing of the host would see it: in the empty root, in a TMPFS, or
 * in a writable BIND whose source is not its target (a private /tmp or home: what earlier commands left in the way there is
 * removed). Anywhere else, in the tree above all, a missing target fails the run; nothing is ever created there.
 *
 * Ids (SETID and IDMAP): a BIND that is writable or whose source is not below a system directory (ab_plan_is_system) is the
 * caller's own; where its owner is not what the command runs as, it is mapped by an idmapped mount (mount_setattr(2)).
 */
enum ab_view_kind { AB_VIEW_BIND, AB_VIEW_TMPFS, AB_VIEW_FILE, AB_VIEW_SYMLINK, AB_VIEW_MASK, AB_VIEW_PIN, AB_VIEW_LOCK };

struct ab_view {
	enum ab_view_kind kind;
	char *source;
	char *target;
	char *text;
	size_t text_len;
	int64_t size;
	mode_t mode;
	bool writable;
	bool optional; /* a source that does not exist is no error */
	bool noexec;
	dev_t dev;
	ino_t ino; /* 0: not compared */
};

/* How the caller's ids and the ids inside are related (launcher-rules: the decision order for root). */
enum ab_ident_mode {
	AB_IDENT_SELF,	/* an ordinary caller: its own uid mapped to inside_uid */
	AB_IDENT_SETID, /* root; the tree belongs to kernel_uid ≠ 0: run as that */
	AB_IDENT_IDMAP, /* root; the tree is root's and its file system takes an idmapped mount: run as a private kuid */
	AB_IDENT_ROOT,	/* root; neither: kuid 0 without capabilities; /etc entries that others may not read are masked */
};

#define AB_IDENT_MAX 8
struct ab_ident {
	enum ab_ident_mode mode;
	uid_t inside_uid; /* what getuid() says inside */
	gid_t inside_gid;
	uid_t kernel_uid; /* what the kernel sees */
	gid_t kernel_gid;
	/* IDMAP: each uid and gid found at the top of the tree and the kuid it appears as in the sandbox's mounts */
	struct {
		uint32_t disk, kernel;
	} uid[AB_IDENT_MAX], gid[AB_IDENT_MAX];
	unsigned uid_count, gid_count;
	char name[64]; /* login name inside */
};

enum ab_net_mode { AB_NET_NONE, AB_NET_HOST, AB_NET_ALLOW };

/* One rule of an allow-list. */
struct ab_net_rule {
	char *host; /* lower case; "*.example.org" matches every name below; an address literal matches itself */
	uint16_t port[2]; /* 0: unused; without a port in the rule: 80 and 443 */
};

struct ab_net_policy {
	enum ab_net_mode mode;
	struct ab_net_rule *rule;
	size_t rule_count;
	char *text; /* as it is printed in the record: "none", "host", "allow:…" */
};

/* AB_UNSET (INT64_MIN): no limit. */
struct ab_limits {
	int64_t timeout_ms, idle_timeout_ms, grace_ms;
	int64_t memory_bytes, cpu_time_ms, pids, file_size_bytes;
	bool pids_told; /* whether a refused fork is told: that takes a cgroup where one can be had */
};

struct ab_plan {
	/* what */
	char **argv;	 /* NULL-ended; argv[0] is looked up in the PATH of envp, inside the view */
	char **envp;	 /* NULL-ended */
	char *script;	 /* text given to argv as a file in the private tmpfs when it is too long for an argument, or NULL; the
			    element of argv that is AB_PLAN_SCRIPT is replaced by its path */
	size_t script_len;
	char *cwd;	 /* absolute, inside */
	/* where */
	char *scope_name; /* for the record; NULL: the tree's path */
	char *tree;	  /* canonical host path of the scope's directory; also its path inside */
	dev_t tree_dev;
	ino_t tree_ino;
	bool managed;
	struct ab_view *view;
	size_t view_count;
	/* Landlock level: the same intent as path rules (read+execute, and write); taken from `view` */
	/* how */
	enum ab_level level;
	char *bwrap;	 /* level bwrap: path of the program; else NULL */
	bool bwrap_holds; /* it is 0.12 or newer: mount targets below what a command may write to are safe */
	bool fresh_proc; /* levels namespace and bwrap: false = /proc cannot be mounted here; a read-only stand-in or none */
	ab_promises missing; /* known before the run; the run may add */
	ab_promises require; /* what turns out to be missing of these fails the run before its command starts */
	struct ab_ident ident;
	struct ab_net_policy net;
	struct ab_limits limits;
	char *hostname;
	bool merge;	  /* stderr is stdout */
	bool leftover_wait; /* --leftover wait */
	char *cgroup;	  /* directory made for this run, or NULL */
	/* Limits that no cgroup keeps: init looks every 50 ms, kills everything, and says so in limits_hit. Memory is the sum of
	   resident pages, each shared page counted in parts (Pss) once the plain sum is over the limit. */
	bool sample_memory, sample_cpu;
	bool count_pids; /* a cgroup keeps limits.pids, and tells; RLIMIT_NPROC is only behind it */
};

#define AB_PLAN_SCRIPT "\001script\001"

void ab_plan_init(struct ab_plan *plan);
void ab_plan_release(struct ab_plan *plan);
/* Append one entry; strings are copied (source and text may be NULL). The returned entry may be filled further. */
struct ab_view *ab_plan_view(struct ab_plan *plan, enum ab_view_kind kind, const char *source, const char *target);
/* Whether a canonical path is at or below /usr /etc /bin /sbin /lib* /opt /var /nix /snap /dev /proc /sys /run /boot, but for
 * /var/lib, /var/tmp, /var/home and /run/user, which hold people's own things. */
bool ab_plan_is_system(const char *path);
/* The plan as members of the object that json is in; names of variables, never their values. */
void ab_plan_print(const struct ab_plan *plan, struct ab_json *json);

#endif
