/* The command itself: the last steps before execve(2). */
#include "sys/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "core/io.h"
#include "sys/landlock.h"
#include "sys/sandbox.h"
#include "sys/seccomp.h"

#define STACK_SIZE (256 * 1024)
/* Where a script's memfd stands at the levels without a private file system; above what shells and scripts
 * use (bash: 255). */
#define SCRIPT_FD 62
#define SCRIPT_FD_PATH "/proc/self/fd/62"

/* execve(2), and what a shell does with a file that has no magic number and no "#!". */
static void
execute(const char *path, char *const *argv, char *const *envp)
{
	size_t argc = 0;

	execve(path, argv, envp);
	if (errno != ENOEXEC)
		return;
	while (argv[argc] != NULL)
		argc++;
	char **shell = ab_calloc(argc + 2, sizeof(*shell));
	shell[0] = ab_strdup("/bin/sh");
	shell[1] = ab_strdup(path);
	for (size_t i = 1; i < argc; i++)
		shell[i + 1] = argv[i];
	execve(shell[0], shell, envp);
	int saved = errno;
	free(shell[0]);
	free(shell[1]);
	free(shell);
	errno = saved == ENOENT ? ENOEXEC : saved; /* no /bin/sh: what was wrong first */
}

static const char *
path_of(char *const *envp)
{
	for (; envp != NULL && *envp != NULL; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return "/usr/local/bin:/usr/bin:/bin";
}

void
ab_command_exec(char *const *argv, char *const *envp)
{
	const char *name = argv[0];
	char path[PATH_MAX];
	bool denied = false;

	if (*name == '\0') {
		errno = ENOENT;
		return;
	}
	if (strchr(name, '/') != NULL) {
		execute(name, argv, envp);
		return;
	}
	errno = ENOENT;
	for (const char *at = path_of(envp);; at++) {
		size_t len = strcspn(at, ":");
		int n = snprintf(path, sizeof(path), "%.*s%s%s", (int)len, at, len > 0 ? "/" : "", name);
		/* Asking costs a tenth of a failing execve(2), and PATH is long where there are tool chains. */
		if (n > 0 && (size_t)n < sizeof(path) && (access(path, F_OK) == 0 || errno == EACCES)) {
			execute(path, argv, envp);
			if (errno == EACCES)
				denied = true;
			else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ENODEV &&
				 errno != ETIMEDOUT)
				return;
		}
		at += len;
		if (*at == '\0')
			break;
	}
	errno = denied ? EACCES : ENOENT;
}

/* No private file system: the script is a file in memory that only this command has. */
static int
place_script(const struct ab_plan *plan, struct ab_fault *fault)
{
	if (plan->script == NULL || ab_level_has_view(plan->level))
		return 0;
	AB_AUTO_CLOSE int fd = ab_memory_file("script", plan->script, plan->script_len);
	if (fd < 0 || dup2(fd, SCRIPT_FD) < 0)
		return ab_fault_at(fault, "make the script's file");
	return 0;
}

static void
default_signals(void)
{
	const struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	/* execve(2) resets what is handled and keeps what is ignored; nobody hands down an ignored real-time
	 * signal. */
	for (int signo = 1; signo < 32; signo++)
		if (signo != SIGKILL && signo != SIGSTOP)
			(void)sigaction(signo, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What init has not given up already on the command's behalf: at the levels without namespaces init stays
 * what it is, so that it can end the command and not the other way round. */
static int
give_up(const struct ab_launch *launch, struct ab_fault *fault)
{
	const struct ab_plan *plan = launch->plan;

	if (plan->level == AB_LEVEL_LANDLOCK) {
		if (plan->ident.mode == AB_IDENT_SETID &&
		    ab_sandbox_become(plan->ident.kernel_uid, plan->ident.kernel_gid, fault) < 0)
			return -1;
		if (ab_sandbox_drop_capabilities(fault) < 0)
			return -1;
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			return ab_fault_at(fault, "set no_new_privs");
	}
	/* Cleared by every change of ids, so last. In a pid namespace init's death is the death of all. */
	if (plan->level != AB_LEVEL_NAMESPACE && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return ab_fault_at(fault, "tie the command to init");
	return ab_sandbox_limit(plan, fault);
}

static int
confine(struct ab_command *command)
{
	const struct ab_plan *plan = command->launch->plan;
	bool namespaces = plan->level == AB_LEVEL_NAMESPACE;
	const char *step = "Landlock";

	if (!ab_level_has_wall(plan->level) || plan->level == AB_LEVEL_BWRAP)
		return 0; /* (bwrap: it forbids the mounts to come) */
	if (ab_landlock_apply(plan, command->tree_fd, namespaces, &command->missing, &step) < 0)
		return ab_fault_at(&command->fault, "%s", step);
	if (command->outer_proc && plan->ident.mode != AB_IDENT_IDMAP &&
	    (command->missing & AB_PROMISE_BIT(AB_PROMISE_LANDLOCK)) != 0) {
		errno = EPERM;
		return ab_fault_at(&command->fault, "confine the outer /proc by Landlock");
	}
	return 0;
}

/* 0, 1, 2, and what bwrap or the shell gets beside them. */
static int
keep_descriptors(const struct ab_launch *launch, struct ab_fault *fault)
{
	const struct ab_plan *plan = launch->plan;
	size_t more = launch->bwrap != NULL ? launch->bwrap->fd_count : 0;
	AB_AUTO_FREE int *keep = ab_calloc(4 + more, sizeof(*keep));

	for (int fd = 0; fd < 3; fd++)
		keep[fd] = fd;
	keep[3] = plan->script != NULL && !ab_level_has_view(plan->level) ? SCRIPT_FD : -1;
	for (size_t i = 0; i < more; i++) {
		keep[4 + i] = launch->bwrap->fd[i];
		if (fcntl(keep[4 + i], F_SETFD, 0) < 0)
			return ab_fault_at(fault, "hand descriptors to bwrap");
	}
	ab_sandbox_close_all_but(keep, 4 + more);
	return 0;
}

static int
prepare(struct ab_command *command, const char **step)
{
	const struct ab_launch *launch = command->launch;
	const struct ab_plan *plan = launch->plan;
	struct ab_fault *fault = &command->fault;

	if (!launch->inherit && setsid() < 0)
		return ab_fault_at(fault, "begin a session");
	if (place_script(plan, fault) < 0 || give_up(launch, fault) < 0)
		return -1;
	umask(command->umask);
	if (plan->cwd != NULL && chdir(plan->cwd) < 0)
		return ab_fault_at(fault, "change to \"%s\"", plan->cwd);
	if (confine(command) < 0)
		return -1;
	if ((command->missing & plan->require) != 0) {
		errno = ENOTSUP;
		return ab_fault_at(fault, "keep what is required");
	}
	if (keep_descriptors(launch, fault) < 0)
		return -1;
	default_signals();
	if (ab_level_has_wall(plan->level) && plan->level != AB_LEVEL_BWRAP &&
	    ab_seccomp_apply(plan->level == AB_LEVEL_LANDLOCK, plan, step) < 0)
		return ab_fault_at(fault, "%s", *step);
	return 0;
}

/* argv with the script's path in its place. */
static char **
resolve_argv(const struct ab_plan *plan)
{
	const char *path = ab_level_has_view(plan->level) ? AB_SCRIPT_PATH : SCRIPT_FD_PATH;
	size_t argc = 0;

	while (plan->argv[argc] != NULL)
		argc++;
	char **argv = ab_calloc(argc + 1, sizeof(*argv));
	for (size_t i = 0; i < argc; i++) {
		bool script = strcmp(plan->argv[i], AB_PLAN_SCRIPT) == 0;
		argv[i] = ab_strdup(script ? path : plan->argv[i]);
	}
	return argv;
}

/* Returns only when it failed, with errno. bwrap has an empty environment: what its processes got is to be read in /proc. */
static void
start(const struct ab_launch *launch, char *const *argv)
{
	char *const nothing[] = { NULL };

	if (launch->bwrap == NULL)
		ab_command_exec(argv, launch->plan->envp);
	else if (launch->bwrap->exec_errno != 0)
		errno = launch->bwrap->exec_errno;
	else
		execve(launch->bwrap->argv[0], launch->bwrap->argv, nothing);
}

/* (ASan keeps its books by thread and takes the borrowed stack for an error when it sees a function that does
 * not return.) */
__attribute__((no_sanitize("address"))) static int
child(void *data)
{
	struct ab_command *command = data;
	const char *step = "load the system-call filter";
	char **argv = resolve_argv(command->launch->plan);

	if (prepare(command, &step) == 0) {
		start(command->launch, argv);
		int saved = errno;
		command->exec_failed = true;
		ab_fault_at(&command->fault, "execute \"%s\"", argv[0]);
		errno = saved;
	}
	command->errno_value = errno != 0 ? errno : EIO;
	return 127;
}

pid_t
ab_command_start(struct ab_command *command)
{
	/* Not given back: init does this once, and has nothing else to map. */
	char *stack =
	    mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	command->errno_value = 0;
	command->exec_failed = false;
	if (stack == MAP_FAILED)
		return ab_fault_at(&command->fault, "make room for the command");
	pid_t pid = clone(child, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, command);
	if (pid < 0)
		return ab_fault_at(&command->fault, "start the command");
	if (command->errno_value != 0)
		(void)waitpid(pid, NULL, 0);
	return pid;
}
