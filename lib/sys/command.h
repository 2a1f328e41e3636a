/*
 * The command itself: the last steps before execve(2), in a child of init.
 *
 * The child shares init's memory until it executes (CLONE_VM | CLONE_VFORK), so it needs no pipe to say what
 * failed, and no page table is copied. It runs on a stack of its own.
 */
#ifndef AB_SYS_COMMAND_H
#define AB_SYS_COMMAND_H

#include "sys/launch.h"

struct ab_command {
	const struct ab_launch *launch;
	int tree_fd;	 /* for Landlock; or -1 */
	bool outer_proc; /* /proc must not be seen without Landlock */
	mode_t umask;	 /* the caller's */
	/* what came of it */
	ab_promises missing;
	int errno_value;  /* 0: it was executed */
	bool exec_failed; /* execve(2) itself failed, not what goes before it */
	struct ab_fault fault;
};

/* Start it: the pid, once it was executed or has failed (then it is reaped already and errno_value is set).
 * -1: no child. */
pid_t ab_command_start(struct ab_command *command);

/*
 * As execvpe(3), with the PATH of envp: a name with a slash is that file, another is looked for; EACCES is
 * remembered, what is no executable format is given to /bin/sh. Returns only when it failed, with errno.
 */
void ab_command_exec(char *const *argv, char *const *envp);

#endif
