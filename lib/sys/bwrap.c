/* A plan as arguments of bubblewrap, and what it tells in return. */
#include "sys/bwrap.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "core/io.h"
#include "core/op.h"
#include "sys/launch.h"
#include "sys/mount.h"
#include "sys/path.h"
#include "sys/seccomp.h"
#include "sys/view.h"

#define ARGS_MAX ((size_t)64 << 20)
#define NUMBER_SIZE 24
#define LINKS_MAX 16

struct builder {
	const struct ab_plan *plan;
	struct ab_bwrap_start *start;
	struct ab_error *err;
	struct ab_buf args;
	bool *present; /* for each entry of the view: a BIND or TMPFS that is there */
};

/* ---- words and descriptors ---- */

/* Append words up to NULL. */
static void
put(struct builder *builder, ...)
{
	const char *word;
	va_list words;

	va_start(words, builder);
	while ((word = va_arg(words, const char *)) != NULL)
		ab_buf_put(&builder->args, word, strlen(word) + 1);
	va_end(words);
}

/* Hand fd (taken) to bwrap: its number as text. NULL with errno set when fd is -1. */
static const char *
give(struct builder *builder, int fd, char text[static NUMBER_SIZE])
{
	struct ab_bwrap_start *start = builder->start;
	int high = ab_above_stdio(fd);

	if (high < 0)
		return NULL;
	start->fd = ab_reallocarray(start->fd, start->fd_count + 1, sizeof(*start->fd));
	start->fd[start->fd_count++] = high;
	snprintf(text, NUMBER_SIZE, "%d", high);
	return text;
}

static int
put_data(struct builder *builder, const char *target, const char *text, size_t len)
{
	const struct ab_limits *limits = &builder->plan->limits;
	char number[NUMBER_SIZE];

	/* bwrap writes the file, and is held by the limit as the command is. */
	if (limits->file_size_bytes != AB_UNSET && (uint64_t)limits->file_size_bytes < len)
		return ab_fail(builder->err, AB_E_UNSUPPORTED, "level bwrap: --file-size is less than the %zu bytes of \"%s\"",
		    len, target);
	if (give(builder, ab_memory_file("ab", text, len), number) == NULL)
		return ab_fail_errno(builder->err, errno, "make \"%s\"", target);
	put(builder, "--perms", "0444", "--ro-bind-data", number, target, NULL);
	return 0;
}

/* ---- what lies where ---- */

/* What is mounted over path by the entries before `index`, or NULL: the empty root. The last one lies on top. */
static const struct ab_view *
covering(const struct builder *builder, size_t index, const char *path)
{
	for (size_t i = index; i-- > 0;)
		if (builder->present[i] && ab_path_below(path, builder->plan->view[i].target))
			return &builder->plan->view[i];
	return NULL;
}

/* The host's path of what cover shows at path; the caller frees. NULL: it shows nothing of the host. */
static char *
outside(const struct ab_view *cover, const char *path)
{
	if (cover == NULL || cover->kind != AB_VIEW_BIND)
		return NULL;
	return ab_asprintf("%s%s", cover->source, path + strlen(cover->target));
}

/* Where a path of the host appears among the entries before `index`; the caller frees. NULL: nowhere. */
static char *
inside(const struct builder *builder, size_t index, const char *host)
{
	for (size_t i = index; i-- > 0;) {
		const struct ab_view *view = &builder->plan->view[i];
		if (builder->present[i] && view->kind == AB_VIEW_BIND && ab_path_below(host, view->source)) {
			AB_AUTO_FREE char *path = ab_asprintf("%s%s", view->target, host + strlen(view->source));
			return covering(builder, index, path) == view ? ab_steal(&path) : NULL;
		}
	}
	return NULL;
}

static bool
is_itself(const struct ab_view *view)
{
	return view->kind == AB_VIEW_BIND && strcmp(view->source, view->target) == 0;
}

/* Whether a command may have laid a link in the way to target. */
static bool
is_exposed(const struct builder *builder, const struct ab_view *cover, const char *target)
{
	return cover != NULL && cover->kind == AB_VIEW_BIND && cover->writable && strcmp(cover->target, target) != 0 &&
	    !builder->plan->bwrap_holds;
}

static int
refuse_exposed(struct builder *builder, const char *target)
{
	ab_fail(builder->err, AB_E_UNSUPPORTED,
	    "level bwrap: \"%s\" lies below what commands may write to, where bubblewrap before 0.12 follows links", target);
	ab_error_hint(builder->err, "--isolation namespace, or install bubblewrap 0.12 or newer");
	return -1;
}

/* A target that is not there is made only where nothing of the host would see it (sys/plan.h). */
static int
check_target(struct builder *builder, const struct ab_view *cover, const char *target)
{
	struct stat st;
	AB_AUTO_FREE char *host = outside(cover, target);

	if (is_exposed(builder, cover, target))
		return refuse_exposed(builder, target);
	if (host == NULL || (cover->writable && !is_itself(cover)) || lstat(host, &st) == 0)
		return 0;
	return ab_fail_errno(builder->err, errno, "attach \"%s\"", target);
}

/* ---- the view ---- */

static bool
is_absent(int errno_value)
{
	return errno_value == ENOENT || errno_value == ENOTDIR || errno_value == EACCES;
}

static int
add_bind(struct builder *builder, size_t index)
{
	const struct ab_view *entry = &builder->plan->view[index];
	const struct ab_view *cover = covering(builder, index, entry->target);
	char number[NUMBER_SIZE];
	struct stat st;
	AB_AUTO_CLOSE int fd = open(entry->source, O_PATH | O_CLOEXEC);

	if (fd < 0 && entry->optional && is_absent(errno))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return ab_fail_errno(builder->err, errno, "open \"%s\" for the sandbox", entry->source);
	if (entry->ino != 0 && (st.st_ino != entry->ino || st.st_dev != entry->dev))
		return ab_fail_errno(builder->err, ESTALE, "\"%s\" is not the one that was judged", entry->source);
	if (is_exposed(builder, cover, entry->target) && is_itself(cover) && is_itself(entry)) {
		/* It shows already; but not read-only. */
		if (!entry->writable)
			builder->start->missing |= AB_PROMISE_BIT(AB_PROMISE_PROTECT);
		return 0;
	}
	if (check_target(builder, cover, entry->target) < 0)
		return -1;
	builder->present[index] = true;
	if (!builder->plan->bwrap_holds) { /* --bind-fd is not as old as that everywhere */
		put(builder, entry->writable ? "--bind" : "--ro-bind", entry->source, entry->target, NULL);
		return 0;
	}
	if (give(builder, ab_steal_fd(&fd), number) == NULL)
		return ab_fail_errno(builder->err, errno, "open \"%s\" for the sandbox", entry->source);
	put(builder, entry->writable ? "--bind-fd" : "--ro-bind-fd", number, entry->target, NULL);
	return 0;
}

static int
add_tmpfs(struct builder *builder, size_t index)
{
	const struct ab_view *entry = &builder->plan->view[index];
	char mode[NUMBER_SIZE], size[NUMBER_SIZE];

	if (check_target(builder, covering(builder, index, entry->target), entry->target) < 0)
		return -1;
	snprintf(mode, sizeof(mode), "%04o", (unsigned)entry->mode);
	snprintf(size, sizeof(size), "%lld", (long long)entry->size);
	put(builder, "--perms", mode, NULL);
	if (entry->size > 0)
		put(builder, "--size", size, NULL);
	put(builder, "--tmpfs", entry->target, NULL);
	builder->present[index] = true;
	return 0;
}

/* Where a target really lies, links followed; the caller frees. NULL: it is not there. */
static char *
settle_target(const struct builder *builder, size_t index, const char *target)
{
	AB_AUTO_FREE char *host = outside(covering(builder, index, target), target);
	AB_AUTO_FREE char *real = host == NULL ? NULL : realpath(host, NULL);

	return real == NULL ? NULL : inside(builder, index, real);
}

static int
add_file(struct builder *builder, size_t index)
{
	const struct ab_view *entry = &builder->plan->view[index];
	const struct ab_view *cover = covering(builder, index, entry->target);
	AB_AUTO_FREE char *target = settle_target(builder, index, entry->target);

	if (target == NULL && cover != NULL && cover->kind == AB_VIEW_BIND) {
		if (entry->optional)
			return 0;
		return ab_fail_errno(builder->err, ENOENT, "attach \"%s\"", entry->target);
	}
	if (target == NULL)
		target = ab_strdup(entry->target);
	if (is_exposed(builder, cover, target))
		return refuse_exposed(builder, target);
	return put_data(builder, target, entry->text, entry->text_len);
}

static int
add_mask(struct builder *builder, size_t index)
{
	const struct ab_view *entry = &builder->plan->view[index];
	AB_AUTO_FREE char *target = settle_target(builder, index, entry->target);
	const struct ab_view *cover = target == NULL ? NULL : covering(builder, index, target);
	AB_AUTO_FREE char *host = target == NULL ? NULL : outside(cover, target);
	struct stat st;

	if (host == NULL || stat(host, &st) < 0)
		return 0;
	if (is_exposed(builder, cover, target))
		return refuse_exposed(builder, target);
	if (!S_ISDIR(st.st_mode))
		return put_data(builder, target, "", 0);
	put(builder, "--perms", "0555", "--tmpfs", target, "--remount-ro", target, NULL);
	return 0;
}

static int
add_link(struct builder *builder, size_t index)
{
	const struct ab_view *entry = &builder->plan->view[index];
	AB_AUTO_FREE char *host = outside(covering(builder, index, entry->target), entry->target);
	struct stat st;

	if (host != NULL && lstat(host, &st) == 0)
		return 0;
	put(builder, "--symlink", entry->source, entry->target, NULL);
	return 0;
}

/* PIN and LOCK: never through a link, so by descriptor. */
static int
add_self(struct builder *builder, size_t index)
{
	const struct ab_view *entry = &builder->plan->view[index];
	const struct ab_view *cover = covering(builder, index, entry->target);
	char number[NUMBER_SIZE];

	if (!builder->plan->bwrap_holds) {
		builder->start->missing |= AB_PROMISE_BIT(AB_PROMISE_PROTECT);
		return 0;
	}
	if (cover == NULL || cover->kind != AB_VIEW_BIND)
		return 0;
	const char *rel = entry->target + strlen(cover->target);
	AB_AUTO_CLOSE int top = ab_mount_open(AT_FDCWD, cover->source, AB_MOUNT_HOST);
	AB_AUTO_CLOSE int fd = top < 0 ? -1 : ab_mount_open(top, *rel == '/' ? rel + 1 : ".", AB_MOUNT_BENEATH);
	if (fd < 0 && errno == ELOOP)
		builder->start->missing |= AB_PROMISE_BIT(AB_PROMISE_PROTECT);
	if (fd < 0 && (errno == ELOOP || is_absent(errno)))
		return 0;
	if (give(builder, ab_steal_fd(&fd), number) == NULL)
		return ab_fail_errno(builder->err, errno, "lock \"%s\"", entry->target);
	put(builder, entry->kind == AB_VIEW_LOCK ? "--ro-bind-fd" : "--bind-fd", number, entry->target, NULL);
	return 0;
}

static int
add_entry(struct builder *builder, size_t index)
{
	switch (builder->plan->view[index].kind) {
	case AB_VIEW_BIND:
		return add_bind(builder, index);
	case AB_VIEW_TMPFS:
		return add_tmpfs(builder, index);
	case AB_VIEW_FILE:
		return add_file(builder, index);
	case AB_VIEW_SYMLINK:
		return add_link(builder, index);
	case AB_VIEW_MASK:
		return add_mask(builder, index);
	case AB_VIEW_PIN:
	case AB_VIEW_LOCK:
		return add_self(builder, index);
	}
	return 0;
}

/* ---- the rest ---- */

/*
 * /proc and /dev. What is guarded by uid and not by capability is covered, all of it: to the kernel root is root here.
 * Without a fresh /proc there is none, since nothing would keep the outer one from showing everything.
 */
static void
add_kernel(struct builder *builder)
{
	put(builder, "--dev", "/dev", builder->plan->fresh_proc ? "--proc" : "--dir", "/proc", NULL);
	if (!builder->plan->fresh_proc)
		return;
	for (const struct ab_kernelfs_cover *cover = ab_kernelfs_covers; cover->path != NULL; cover++)
		if (access(cover->path, F_OK) == 0)
			put(builder, "--ro-bind", cover->masked ? "/dev/null" : cover->path, cover->path, NULL);
}

static void
add_namespaces(struct builder *builder)
{
	const struct ab_plan *plan = builder->plan;
	char uid[NUMBER_SIZE], gid[NUMBER_SIZE];

	snprintf(uid, sizeof(uid), "%u", (unsigned)plan->ident.inside_uid);
	snprintf(gid, sizeof(gid), "%u", (unsigned)plan->ident.inside_gid);
	put(builder, "--unshare-user", "--unshare-all", NULL);
	if (plan->net.mode == AB_NET_HOST)
		put(builder, "--share-net", NULL);
	put(builder, "--uid", uid, "--gid", gid, "--hostname", plan->hostname != NULL ? plan->hostname : "ab", "--die-with-parent",
	    "--new-session", "--cap-drop", "ALL", NULL);
}

static void
add_environment(struct builder *builder)
{
	put(builder, "--clearenv", NULL);
	for (char **variable = builder->plan->envp; variable != NULL && *variable != NULL; variable++) {
		const char *equals = strchr(*variable, '=');
		if (equals == NULL)
			continue;
		AB_AUTO_FREE char *name = ab_strndup(*variable, (size_t)(equals - *variable));
		put(builder, "--setenv", name, equals + 1, NULL);
	}
}

/* The filter, and the pipe on which bwrap tells what becomes of the command. */
static int
add_descriptors(struct builder *builder)
{
	size_t len;
	char number[NUMBER_SIZE];
	int ends[2];

	if ((builder->plan->missing & AB_PROMISE_BIT(AB_PROMISE_SECCOMP)) == 0) {
		const void *program = ab_seccomp_program(AB_SECCOMP_NAMESPACE, &len);
		if (give(builder, ab_memory_file("ab", program, len), number) == NULL)
			return ab_fail_errno(builder->err, errno, "hand the system-call filter over");
		put(builder, "--seccomp", number, NULL);
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return ab_fail_errno(builder->err, errno, "make a pipe for bwrap");
	int *status_fd = &builder->start->status_fd;
	*status_fd = ab_above_stdio(ends[0]); /* what is below is replaced on the way */
	if (give(builder, ends[1], number) == NULL || *status_fd < 0 || fcntl(*status_fd, F_SETFL, O_NONBLOCK) < 0)
		return ab_fail_errno(builder->err, errno, "make a pipe for bwrap");
	put(builder, "--json-status-fd", number, NULL);
	return 0;
}

static int
add_all(struct builder *builder)
{
	const struct ab_plan *plan = builder->plan;

	add_namespaces(builder);
	add_kernel(builder);
	for (size_t i = 0; i < plan->view_count; i++)
		if (add_entry(builder, i) < 0)
			return -1;
	if (plan->script != NULL && put_data(builder, AB_SCRIPT_PATH, plan->script, plan->script_len) < 0)
		return -1;
	put(builder, "--remount-ro", "/", NULL);
	add_environment(builder);
	if (plan->cwd != NULL)
		put(builder, "--chdir", plan->cwd, NULL);
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
	AB_AUTO_FREE char *host = outside(covering(builder, plan->view_count, at), at);
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
	char number[NUMBER_SIZE];

	assert(plan->bwrap != NULL && plan->net.mode != AB_NET_ALLOW);
	*start = (struct ab_bwrap_start){ .status_fd = -1 };
	if (check_program(plan, err) < 0)
		return -1;
	builder.present = ab_calloc(plan->view_count + 1, sizeof(bool));
	ab_buf_init(&builder.args, ARGS_MAX);
	int status = add_all(&builder);
	start->args_len = builder.args.len;
	start->args = ab_buf_take(&builder.args);
	if (status == 0 && give(&builder, ab_memory_file("ab", start->args, start->args_len), number) == NULL)
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
