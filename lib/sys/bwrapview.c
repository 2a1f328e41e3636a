/* The view of a plan as arguments of bubblewrap, entry by entry. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/op.h"
#include "sys/bwrapbuild.h"
#include "sys/mount.h"
#include "sys/path.h"

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
	char number[AB_BWRAPBUILD_NUMBER_SIZE];
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
		ab_bwrapbuild_put(builder, entry->writable ? "--bind" : "--ro-bind", entry->source, entry->target, NULL);
		return 0;
	}
	if (ab_bwrapbuild_give(builder, ab_steal_fd(&fd), number) == NULL)
		return ab_fail_errno(builder->err, errno, "open \"%s\" for the sandbox", entry->source);
	ab_bwrapbuild_put(builder, entry->writable ? "--bind-fd" : "--ro-bind-fd", number, entry->target, NULL);
	return 0;
}

static int
add_tmpfs(struct builder *builder, size_t index)
{
	const struct ab_view *entry = &builder->plan->view[index];
	char mode[AB_BWRAPBUILD_NUMBER_SIZE], size[AB_BWRAPBUILD_NUMBER_SIZE];

	if (check_target(builder, covering(builder, index, entry->target), entry->target) < 0)
		return -1;
	snprintf(mode, sizeof(mode), "%04o", (unsigned)entry->mode);
	snprintf(size, sizeof(size), "%lld", (long long)entry->size);
	ab_bwrapbuild_put(builder, "--perms", mode, NULL);
	if (entry->size > 0)
		ab_bwrapbuild_put(builder, "--size", size, NULL);
	ab_bwrapbuild_put(builder, "--tmpfs", entry->target, NULL);
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
	return ab_bwrapbuild_put_data(builder, target, entry->text, entry->text_len);
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
		return ab_bwrapbuild_put_data(builder, target, "", 0);
	ab_bwrapbuild_put(builder, "--perms", "0555", "--tmpfs", target, "--remount-ro", target, NULL);
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
	ab_bwrapbuild_put(builder, "--symlink", entry->source, entry->target, NULL);
	return 0;
}

/* PIN and LOCK: never through a link, so by descriptor. */
static int
add_self(struct builder *builder, size_t index)
{
	const struct ab_view *entry = &builder->plan->view[index];
	const struct ab_view *cover = covering(builder, index, entry->target);
	char number[AB_BWRAPBUILD_NUMBER_SIZE];

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
	if (ab_bwrapbuild_give(builder, ab_steal_fd(&fd), number) == NULL)
		return ab_fail_errno(builder->err, errno, "lock \"%s\"", entry->target);
	ab_bwrapbuild_put(builder, entry->kind == AB_VIEW_LOCK ? "--ro-bind-fd" : "--bind-fd", number, entry->target, NULL);
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

int
ab_bwrapbuild_view(struct builder *builder)
{
	for (size_t i = 0; i < builder->plan->view_count; i++)
		if (add_entry(builder, i) < 0)
			return -1;
	return 0;
}

char *
ab_bwrapbuild_outside(const struct builder *builder, const char *path)
{
	return outside(covering(builder, builder->plan->view_count, path), path);
}
