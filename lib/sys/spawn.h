/*
 * From a plan to a running command: clone, handshake, pipes.
 *
 * The child of ab_spawn is `init`: it applies the sandbox (sys/sandbox), starts the command, reaps, and
 * answers on one SOCK_SEQPACKET channel. At level namespace it is pid 1 of the namespace; at the other levels
 * a subreaper. It never execs, is not dumpable, has an empty environment, and holds no descriptor but its own
 * channel (also not a sibling's: everything that is not on an explicit list is closed first). It dies when
 * the channel's other end is closed or its parent dies.
 */
#ifndef AB_SYS_SPAWN_H
#define AB_SYS_SPAWN_H

#include "sys/plan.h"

struct ab_child {
	int pidfd;     /* of init; readable when init is gone */
	pid_t pid;     /* of init, in our namespace */
	int channel;   /* SOCK_SEQPACKET, non-blocking: messages below */
	int stdin_fd;  /* our end of the command's stdin, non-blocking; -1 when it is /dev/null */
	int stdout_fd; /* our ends, non-blocking */
	int stderr_fd; /* -1 when merged */
	/* init's own and all that it reaped, known once ab_child_reap said so: for runs that were killed
	 * before EXITED came */
	uint64_t user_us, sys_us, max_rss_bytes;
	/* private */
	enum ab_level level;
	bool reaped;
};

/* What the command's 0, 1 and 2 are. Without a wall they may be the caller's own (inherit). */
struct ab_spawn_io {
	bool stdin_pipe; /* else /dev/null */
	bool inherit; /* levels software and none only: no pipes, no session of its own (job control stays the caller's) */
	/* Run here, in the parent, right after clone; init waits until it is back (for cgroup v1). NULL: init
	 * does not wait. */
	void (*created)(void *data, pid_t pid);
	void *data;
	int cgroup_fd; /* cgroup v2: a directory that init is born in (CLONE_INTO_CGROUP); 0 or -1: none */
};

/* Messages from init, in this order: [NET] then READY STARTED … EXITED, or FAILED (at level bwrap perhaps after STARTED). EXITED comes when nothing of the command is left;
 * init's own death follows (the pidfd tells), which need not be waited for before an answer is given. */
enum ab_msg_kind {
	AB_MSG_NET = 1,
	AB_MSG_READY,
	AB_MSG_STARTED,
	AB_MSG_FAILED,
	AB_MSG_EXITED,
	AB_MSG_STOPPED,
	AB_MSG_CONTINUED
};

struct ab_msg {
	enum ab_msg_kind kind;
	int32_t wait_status; /* EXITED: as wait(2) gives it for the command */
	int32_t errno_value; /* FAILED; 0: not ours, but bwrap's failure */
	int32_t exec_failed; /* FAILED: execve(2) itself failed (126, 127), not the sandbox */
	char step[96];	     /* FAILED: what was being done: "mount /proc" */
	uint32_t survivors;  /* EXITED: processes that outlived the command and were killed */
	uint64_t user_us, sys_us, max_rss_bytes; /* EXITED: of reaped processes */
	uint32_t limits_hit;			 /* EXITED: bit 0 memory (sampled), bit 1 cpu time */
	uint32_t fd_count;   /* NET: descriptors passed by SCM_RIGHTS; their meaning is sys/netgate's */
	ab_promises missing; /* READY: what turned out not to hold */
};

/*
 * At the levels without namespaces the calling process becomes a subreaper (for good): should init be killed,
 * by the command itself say, what it leaves becomes a child of ours and ab_child_kill finds it by its session.
 * A helper that the caller forks must therefore stay in the caller's session.
 */
/* Start. 0, or -1 (isolation.unavailable, unavailable, system) with nothing left behind. Call from the main
 * thread only. */
int ab_spawn(const struct ab_plan *plan, const struct ab_spawn_io *io, struct ab_child *child,
    struct ab_error *err) AB_MUST_USE;

/* Next message: 1, 0 when there is none yet, -1 when init is gone. fds: room for up to *fd_count passed
 * descriptors (CLOEXEC, the caller owns them); *fd_count is set to how many came. */
int ab_child_receive(struct ab_child *child, struct ab_msg *msg, int *fds, unsigned *fd_count);

/* Ask init to send a signal to the command's process group, or to everything inside (all). Never blocks. */
enum ab_child_scope { AB_SIGNAL_GROUP, AB_SIGNAL_ALL };
void ab_child_signal(struct ab_child *child, int signo, enum ab_child_scope scope);

/* Kill everything at once and wait until nothing of it is left (pid namespace: SIGKILL to init; else
 * subreaper walk, bounded). Idempotent; the descriptors stay open for draining. */
void ab_child_kill(struct ab_child *child);
/* Reap init if it is gone; true when it is. */
bool ab_child_reap(struct ab_child *child);
/* Kill if needed, reap, close every descriptor. */
void ab_child_close(struct ab_child *child);

#endif
