/* A plan as arguments of bubblewrap, and what it tells in return. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/io.h"
#include "core/op.h"
#include "sys/bwrapbuild.h"
#include "sys/launch.h"
#include "sys/path.h"
#include "sys/seccomp.h"
#include "sys/view.h"

#define ARGS_MAX ((size_t)64 << 20)
#define LINKS_MAX 16

/* ---- words and descriptors ---- */

void
ab_bwrapbuild_put(struct builder *builder, ...)
{
	const char *word;
	va_list words;

	va_start(words, builder);
	while ((word = va_arg(words, const char *)) != NULL)
		ab_buf_put(&builder->args, word, strlen(word) + 1);
	va_end(words);
}

const char *
ab_bwrapbuild_give(struct builder *builder, int fd, char text[static AB_BWRAPBUILD_NUMBER_SIZE])
{
	struct ab_bwrap_start *start = builder->start;
	int high = ab_above_stdio(fd);

	if (high < 0)
		return NULL;
	start->fd = ab_reallocarray(start->fd, start->fd_count + 1, sizeof(*start->fd));
	start->fd[start->fd_count++] = high;
	snprintf(text, AB_BWRAPBUILD_NUMBER_SIZE, "%d", high);
	return text;
}

int
ab_bwrapbuild_put_data(struct builder *builder, const char *target, const char *text, size_t len)
{
	const struct ab_limits *limits = &builder->plan->limits;
	char number[AB_BWRAPBUILD_NUMBER_SIZE];

	/* bwrap writes the file, and is held by the limit as the command is. */
	if (limits->file_size_bytes != AB_UNSET && (uint64_t)limits->file_size_bytes < len)
		return ab_fail(builder->err, AB_E_UNSUPPORTED, "level bwrap: --file-size is less than the %zu bytes of \"%s\"",
		    len, target);
	if (ab_bwrapbuild_give(builder, ab_memory_file("ab", text, len), number) == NULL)
		return ab_fail_errno(builder->err, errno, "make \"%s\"", target);
	ab_bwrapbuild_put(builder, "--perms", "0444", "--ro-bind-data", number, target, NULL);
	return 0;
}

/* ---- around the view ---- */

/*
 * /proc and /dev. What is guarded by uid and not by capability is covered, all of it: to the kernel root is root here.
 * Without a fresh /proc there is none, since nothing would keep the outer one from showing everything.
 */
static void
add_kernel(struct builder *builder)
{
	ab_bwrapbuild_put(builder, "--dev", "/dev", builder->plan->fresh_proc ? "--proc" : "--dir", "/proc", NULL);
	if (!builder->plan->fresh_proc)
		return;
	for (const struct ab_kernelfs_cover *cover = ab_kernelfs_covers; cover->path != NULL; cover++)
		if (access(cover->path, F_OK) == 0)
			ab_bwrapbuild_put(builder, "--ro-bind", cover->masked ? "/dev/null" : cover->path, cover->path, NULL);
}

static void
add_namespaces(struct builder *builder)
{
	const struct ab_plan *plan = builder->plan;
	char uid[AB_BWRAPBUILD_NUMBER_SIZE], gid[AB_BWRAPBUILD_NUMBER_SIZE];

	snprintf(uid, sizeof(uid), "%u", (unsigned)plan->ident.inside_uid);
	snprintf(gid, sizeof(gid), "%u", (unsigned)plan->ident.inside_gid);
	ab_bwrapbuild_put(builder, "--unshare-user", "--unshare-all", NULL);
	if (plan->net.mode == AB_NET_HOST)
		ab_bwrapbuild_put(builder, "--share-net", NULL);
	ab_bwrapbuild_put(builder, "--uid", uid, "--gid", gid, "--hostname", plan->hostname != NULL ? plan->hostname : "ab",
	    "--die-with-parent", "--new-session", "--cap-drop", "ALL", NULL);
}

static void
add_environment(struct builder *builder)
{
	ab_bwrapbuild_put(builder, "--clearenv", NULL);
	for (char **variable = builder->plan->envp; variable != NULL && *variable != NULL; variable++) {
		const char *equals = strchr(*variable, '=');
		if (equals == NULL)
			continue;
		AB_AUTO_FREE char *name = ab_strndup(*variable, (size_t)(equals - *variable));
		ab_bwrapbuild_put(builder, "--setenv", name, equals + 1, NULL);
	}
}

/* The filter, and the pipe on which bwrap tells what becomes of the command. */
static int
add_descriptors(struct builder *builder)
{
	size_t len;
	char number[AB_BWRAPBUILD_NUMBER_SIZE];
	int ends[2];

	if ((builder->plan->missing & AB_PROMISE_BIT(AB_PROMISE_SECCOMP)) == 0) {
		const void *program = ab_seccomp_program(AB_SECCOMP_NAMESPACE, &len);
		if (ab_bwrapbuild_give(builder, ab_memory_file("ab", program, len), number) == NULL)
			return ab_fail_errno(builder->err, errno, "hand the system-call filter over");
		ab_bwrapbuild_put(builder, "--seccomp", number, NULL);
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return ab_fail_errno(builder->err, errno, "make a pipe for bwrap");
	int *status_fd = &builder->start->status_fd;
	*status_fd = ab_above_stdio(ends[0]); /* what is below is replaced on the way */
	if (ab_bwrapbuild_give(builder, ends[1], number) == NULL || *status_fd < 0 || fcntl(*status_fd, F_SETFL, O_NONBLOCK) < 0)
		return ab_fail_errno(builder->err, errno, "make a pipe for bwrap");
	ab_bwrapbuild_put(builder, "--json-status-fd", number, NULL);
	return 0;
}

static int
add_all(struct builder *builder)
{
	const struct ab_plan *plan = builder->plan;

	add_namespaces(builder);
	add_kernel(builder);
	if (ab_bwrapbuild_view(builder) < 0)
		return -1;
	if (plan->script != NULL && ab_bwrapbuild_put_data(builder, AB_SCRIPT_PATH, plan->script, plan->script_len) < 0)
		return -1;
	ab_bwrapbuild_put(builder, "--remount-ro", "/", NULL);
	add_environment(builder);
	if (plan->cwd != NULL)
		ab_bwrapbuild_put(builder, "--chdir", plan->cwd, NULL);
	return add_descriptors(builder);
}

/* ---- the command ---- */

/* Whether a file can be executed inside, as far as can be seen from outside: 0, ENOENT or EACCES. */
static int
look_at(const struct builder *builder, const char *path)
{
	const struct ab_plan *plan = builder->plan;
	AB_AUTO_FREE char *at = ab_strdup(path);
	struct stat st;

	for (size_t i = 0, links = 0; i < plan->view_count && links < LINKS_MAX; i++) {
		const struct ab_view *view = &plan->view[i];
		if (view->kind != AB_VIEW_SYMLINK || !ab_path_below(at, view->target))
			continue;
		int above = view->source[0] == '/' ? 0 : (int)(strrchr(view->target, '/') - view->target) + 1;
		char *next = ab_asprintf("%.*s%s%s", above, view->target, view->source, at + strlen(view->target));
		free(at);
		at = next;
		links++;
		i = (size_t)-1; /* from the beginning */
	}
	AB_AUTO_FREE char *host = ab_bwrapbuild_outside(builder, at);
	if (host == NULL || (lstat(host, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)))
		return ENOENT;
	if (stat(host, &st) < 0)
		return 0; /* a link that means something else inside, perhaps */
	return S_ISREG(st.st_mode) && faccessat(AT_FDCWD, host, X_OK, AT_EACCESS) == 0 ? 0 : EACCES;
}

/* bwrap says "not found" in words alone; so look first. execvp(3). */
static int
look_for(const struct builder *builder, const char *name)
{
	const struct ab_plan *plan = builder->plan;
	const char *search = "/usr/local/bin:/usr/bin:/bin";
	int found = ENOENT;

	if (name[0] == '\0')
		return ENOENT;
	if (strchr(name, '/') != NULL) {
		const char *rel = strncmp(name, "./", 2) == 0 ? name + 2 : name;
		AB_AUTO_FREE char *path = name[0] == '/' ? ab_strdup(name) : ab_asprintf("%s/%s", plan->cwd, rel);
		return strstr(path, "/..") != NULL || strstr(path, "/./") != NULL ? 0 : look_at(builder, path);
	}
	for (char **variable = plan->envp; variable != NULL && *variable != NULL; variable++)
		if (strncmp(*variable, "PATH=", 5) == 0)
			search = *variable + 5;
	for (const char *at = search;; at++) {
		size_t len = strcspn(at, ":");
		if (len == 0 || *at != '/')
			return 0; /* relative: for bwrap to find */
		AB_AUTO_FREE char *path = ab_asprintf("%.*s/%s", (int)len, at, name);
		int status = look_at(builder, path);
		if (status == 0)
			return 0;
		if (status == EACCES)
			found = EACCES;
		at += len;
		if (*at == '\0')
			return found;
	}
}

static void
make_argv(struct ab_bwrap_start *start, const struct ab_plan *plan, const char *args_number)
{
	size_t count = 0;

	ab_strv_push(&start->argv, &count, plan->bwrap);
	ab_strv_push(&start->argv, &count, "--args");
	ab_strv_push(&start->argv, &count, args_number);
	ab_strv_push(&start->argv, &count, "--");
	for (char **arg = plan->argv; *arg != NULL; arg++)
		ab_strv_push(&start->argv, &count, strcmp(*arg, AB_PLAN_SCRIPT) == 0 ? AB_SCRIPT_PATH : *arg);
}

/* bwrap itself: whoever could write to it could be run outside. */
static int
check_program(const struct ab_plan *plan, struct ab_error *err)
{
	for (size_t i = 0; i < plan->view_count; i++) {
		const struct ab_view *view = &plan->view[i];
		if (view->kind != AB_VIEW_BIND || !view->writable || !ab_path_below(plan->bwrap, view->source))
			continue;
		ab_fail(err, AB_E_DENIED_POLICY, "\"%s\" lies below \"%s\", where commands may write", plan->bwrap, view->source);
		ab_error_hint(err, "install bubblewrap elsewhere, or put another one first in PATH");
		return -1;
	}
	return 0;
}

int
ab_bwrap_prepare(const struct ab_plan *plan, struct ab_bwrap_start *start, struct ab_error *err)
{
	struct builder builder = { .plan = plan, .start = start, .err = err };
	char number[AB_BWRAPBUILD_NUMBER_SIZE];

	assert(plan->bwrap != NULL && plan->net.mode != AB_NET_ALLOW);
	*start = (struct ab_bwrap_start){ .status_fd = -1 };
	if (check_program(plan, err) < 0)
		return -1;
	builder.present = ab_calloc(plan->view_count + 1, sizeof(bool));
	ab_buf_init(&builder.args, ARGS_MAX);
	int status = add_all(&builder);
	start->args_len = builder.args.len;
	start->args = ab_buf_take(&builder.args);
	if (status == 0 && ab_bwrapbuild_give(&builder, ab_memory_file("ab", start->args, start->args_len), number) == NULL)
		status = ab_fail_errno(err, errno, "hand the arguments over");
	if (status == 0) {
		start->exec_errno = look_for(&builder, plan->argv[0]);
		make_argv(start, plan, number);
	}
	free(builder.present);
	if (status < 0)
		ab_bwrap_release(start);
	return status;
}

void
ab_bwrap_release(struct ab_bwrap_start *start)
{
	for (size_t i = 0; i < start->fd_count; i++)
		ab_close_indirect(&start->fd[i]);
	ab_close_indirect(&start->status_fd);
	if (start->args != NULL)
		explicit_bzero(start->args, start->args_len);
	free(start->args);
	free(start->fd);
	ab_strv_free(start->argv);
	*start = (struct ab_bwrap_start){ .status_fd = -1 };
}

/* ---- what it tells ---- */

bool
ab_bwrap_listen(struct ab_bwrap_status *status, int fd)
{
	for (;;) {
		size_t room = sizeof(status->text) - 1 - status->len;
		ssize_t n = room == 0 ? 0 : read(fd, status->text + status->len, room);
		if (n < 0 && errno == EINTR)
			continue;
		status->len += n > 0 ? (size_t)n : 0;
		status->text[status->len] = '\0';
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
	}
}

/* The number that follows a member's name, when the line is whole; -1. */
static long
member(const struct ab_bwrap_status *status, const char *name)
{
	const char *at = status->len == 0 ? NULL : strstr(status->text, name);

	if (at == NULL || strchr(at, '\n') == NULL)
		return -1;
	at += strlen(name);
	at += strspn(at, "\": ");
	return *at >= '0' && *at <= '9' ? strtol(at, NULL, 10) : -1;
}

pid_t
ab_bwrap_inside(const struct ab_bwrap_status *status)
{
	long pid = member(status, "\"child-pid\"");

	return pid > 0 ? (pid_t)pid : 0;
}

static bool
kills(int signo)
{
	static const int harmless[] = { SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH };

	for (size_t i = 0; i < AB_COUNT_OF(harmless); i++)
		if (signo == harmless[i])
			return false;
	return (signo >= 1 && signo <= SIGSYS) || (signo >= 34 && signo <= 64);
}

bool
ab_bwrap_ended(const struct ab_bwrap_status *status, int *wait_status)
{
	long code = member(status, "\"exit-code\"");

	if (code < 0 || code > 255)
		return false;
	*wait_status = kills((int)code - 128) ? (int)code - 128 : (int)code << 8;
	return true;
}
