/* The view: from the plan's entries to the root directory of the sandbox. */
#include "sys/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sys/idmap.h"
#include "sys/mount.h"
#include "sys/target.h"

/* Names in the new root while it is built. (What has no name any more cannot be attached: move_mount(2) says
 * ENOENT.) */
#define EMPTY_FILE ".empty"
#define EMPTY_DIR ".none"
#define TEXT_FILE ".text"

/* What is under construction. */
struct builder {
	const struct ab_launch *launch;
	const struct ab_plan *plan;
	struct ab_view_result *result;
	struct ab_fault *fault;
	int root;		   /* the new root: a tmpfs, attached over "/" */
	int empty_file, empty_dir; /* in it, under the names below until all is attached: what masks show */
	bool *attached;		   /* for each entry of the view */
};

static uint32_t
bind_attributes(const struct ab_view *entry)
{
	return AB_MOUNT_NOSUID | AB_MOUNT_NODEV | (entry->writable ? 0 : AB_MOUNT_RDONLY) |
	       (entry->noexec ? AB_MOUNT_NOEXEC : 0);
}

static bool
is_absent(int errno_value)
{
	return errno_value == ENOENT || errno_value == ENOTDIR || errno_value == EACCES;
}

/* A user namespace for idmapped mounts, kept for the next run of the same identity (batch). */
static int
mapping_for(const struct ab_ident *ident)
{
	static struct ab_ident last;
	static int last_fd = -1;

	if (last_fd >= 0 && memcmp(&last, ident, sizeof(last)) == 0)
		return last_fd;
	ab_close_indirect(&last_fd);
	last_fd = ab_idmap_userns(ident);
	memcpy(&last, ident, sizeof(last));
	return last_fd;
}

/* The ids that a BIND needs to have mapped: those of the plan, or in a tree of somebody else root's own
 * things. -1: none. */
static int
mapping_of(const struct ab_plan *plan, const struct ab_view *entry, const struct stat *st)
{
	if (!entry->writable && ab_plan_is_system(entry->source))
		return -1;
	if (plan->ident.mode == AB_IDENT_IDMAP)
		return mapping_for(&plan->ident);
	if (st->st_uid != 0)
		return -1;
	struct ab_ident root = plan->ident;
	root.uid_count = root.gid_count = 1;
	memset(root.uid, 0, sizeof(root.uid));
	memset(root.gid, 0, sizeof(root.gid));
	root.uid[0].kernel = plan->ident.kernel_uid;
	root.gid[0].kernel = plan->ident.kernel_gid;
	return mapping_for(&root);
}

static int
prepare_bind(const struct ab_plan *plan, const struct ab_view *entry, ab_promises *missing)
{
	struct stat st;
	AB_AUTO_CLOSE int fd = ab_mount_open(AT_FDCWD, entry->source, AB_MOUNT_HOST);

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	int userns = mapping_of(plan, entry, &st);
	if (userns >= 0) {
		int mapped = ab_mount_copy_mapped(fd, bind_attributes(entry), userns);
		if (mapped >= 0)
			return mapped;
		/* a file system without idmapped mounts: overlayfs, NFS */
		*missing |= AB_PROMISE_BIT(AB_PROMISE_OWNERS);
	}
	return ab_mount_copy(fd, bind_attributes(entry));
}

void
ab_view_prepare_undo(const struct ab_plan *plan, int *source)
{
	for (size_t i = 0; source != NULL && i < plan->view_count; i++)
		ab_close_indirect(&source[i]);
	ab_idmap_reap();
}

int
ab_view_prepare(const struct ab_plan *plan, int *source, ab_promises *missing, struct ab_error *err)
{
	for (size_t i = 0; i < plan->view_count; i++)
		source[i] = -1;
	for (size_t i = 0; i < plan->view_count; i++) {
		const struct ab_view *entry = &plan->view[i];
		if (entry->kind != AB_VIEW_BIND)
			continue;
		source[i] = prepare_bind(plan, entry, missing);
		if (source[i] >= 0 || (entry->optional && is_absent(errno)))
			continue;
		int saved = errno;
		ab_view_prepare_undo(plan, source);
		return ab_fail_errno(err, saved, "open \"%s\" for the sandbox", entry->source);
	}
	return 0;
}

/* The source of a BIND as a detached mount: the parent's, or opened here. -1 with ENOENT, ENOTDIR or EACCES:
 * there is none. */
static int
bind_source(struct builder *builder, size_t index)
{
	const struct ab_view *entry = &builder->plan->view[index];
	const int *prepared = builder->launch->source;

	if (prepared != NULL) {
		int fd = prepared[index];
		if (fd < 0)
			errno = ENOENT;
		return fd;
	}
	AB_AUTO_CLOSE int fd = ab_mount_open(AT_FDCWD, entry->source, AB_MOUNT_HOST);
	return fd < 0 ? -1 : ab_mount_copy(fd, bind_attributes(entry));
}

static int
attach_bind(struct builder *builder, size_t index)
{
	const struct ab_view *entry = &builder->plan->view[index];
	struct ab_target_place place = { builder->root, builder->plan, builder->attached, index };
	struct stat st;

	AB_AUTO_CLOSE int mount = bind_source(builder, index);
	if (mount < 0 && entry->optional && is_absent(errno))
		return 0;
	if (mount < 0 || fstat(mount, &st) < 0)
		return ab_fault_at(builder->fault, "open \"%s\"", entry->source);
	if (entry->ino != 0 && (st.st_ino != entry->ino || st.st_dev != entry->dev)) {
		errno = ESTALE;
		return ab_fault_at(builder->fault, "\"%s\" is not the one that was judged", entry->source);
	}
	AB_AUTO_CLOSE int target = ab_target_open(&place, entry->target, S_ISDIR(st.st_mode));
	if (target < 0 || ab_mount_attach(mount, target) < 0)
		return ab_fault_at(builder->fault, "attach \"%s\"", entry->target);
	builder->attached[index] = true;
	if (builder->plan->tree != NULL && strcmp(entry->target, builder->plan->tree) == 0) {
		ab_close_indirect(&builder->result->tree_fd);
		builder->result->tree_fd = ab_steal_fd(&mount);
	}
	return 0;
}

static int
attach_tmpfs(struct builder *builder, size_t index)
{
	const struct ab_view *entry = &builder->plan->view[index];
	struct ab_target_place place = { builder->root, builder->plan, builder->attached, index };
	char mode[16], size[32];
	const char *const options[] = { "mode", mode, entry->size > 0 ? "size" : NULL, size, NULL };

	snprintf(mode, sizeof(mode), "%o", (unsigned)entry->mode);
	snprintf(size, sizeof(size), "%lld", (long long)entry->size);
	AB_AUTO_CLOSE int fs = ab_mount_new(
	    "tmpfs", options, AB_MOUNT_NOSUID | AB_MOUNT_NODEV | (entry->noexec ? AB_MOUNT_NOEXEC : 0));
	AB_AUTO_CLOSE int target = fs < 0 ? -1 : ab_target_open(&place, entry->target, true);
	if (target < 0 || ab_mount_attach(fs, target) < 0)
		return ab_fault_at(builder->fault, "mount \"%s\"", entry->target);
	builder->attached[index] = true;
	return 0;
}

/* A file in the new root that holds text: what is attached is a read-only copy of it, and then it loses its
 * name. */
static int
attach_file(
    struct builder *builder, size_t index, const char *path, const char *text, size_t len, bool optional)
{
	struct ab_target_place place = { builder->root, builder->plan, builder->attached, index };
	AB_AUTO_CLOSE int file =
	    openat(builder->root, TEXT_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

	if (file < 0)
		return ab_fault_at(builder->fault, "make \"%s\"", path);
	for (size_t at = 0; at < len;) {
		ssize_t n = write(file, text + at, len - at);
		if (n < 0 && errno != EINTR)
			return ab_fault_at(builder->fault, "write \"%s\"", path);
		at += n > 0 ? (size_t)n : 0;
	}
	AB_AUTO_CLOSE int copy = ab_mount_copy(file, AB_MOUNT_NOSUID | AB_MOUNT_NODEV | AB_MOUNT_RDONLY);
	AB_AUTO_CLOSE int target = copy < 0 ? -1 : ab_target_follow(&place, path);
	bool skip = target < 0 && optional && copy >= 0 && is_absent(errno);
	if (!skip && (target < 0 || ab_mount_attach(copy, target) < 0))
		return ab_fault_at(builder->fault, "attach \"%s\"", path);
	if (unlinkat(builder->root, TEXT_FILE, 0) < 0)
		return ab_fault_at(builder->fault, "make \"%s\"", path);
	return 0;
}

static int
make_link(struct builder *builder, size_t index)
{
	const struct ab_view *entry = &builder->plan->view[index];
	struct ab_target_place place = { builder->root, builder->plan, builder->attached, index };

	if (ab_target_link(&place, entry->source, entry->target) < 0 && errno != EEXIST)
		return ab_fault_at(builder->fault, "link \"%s\"", entry->target);
	return 0;
}

/* Without following a link. What lies in the tree is looked up from the tree, whose way a command of another run may rename meanwhile
 * (a tree below /tmp lies in the scope's own /tmp, which all its runs share). */
static int
open_beneath(const struct builder *builder, const char *path)
{
	const char *tree = builder->plan->tree;
	int tree_fd = builder->result->tree_fd;

	if (tree_fd >= 0 && tree != NULL) {
		size_t len = strlen(tree);
		if (strncmp(path, tree, len) == 0 && path[len] == '/')
			return ab_mount_open(tree_fd, path + len + 1, AB_MOUNT_BENEATH);
	}
	return ab_mount_open(builder->root, path + 1, AB_MOUNT_BENEATH);
}

/* PIN and LOCK: a target bound onto itself. One that is reached through a link cannot be held: said, not
 * guessed at. */
static int
attach_self(struct builder *builder, const struct ab_view *entry)
{
	uint32_t attributes = entry->kind == AB_VIEW_LOCK ? AB_MOUNT_RDONLY : 0;
	AB_AUTO_CLOSE int target = open_beneath(builder, entry->target);

	if (target < 0 && errno == ELOOP) {
		builder->result->missing |= AB_PROMISE_BIT(AB_PROMISE_PROTECT);
		return 0;
	}
	if (target < 0 && is_absent(errno))
		return 0;
	AB_AUTO_CLOSE int copy =
	    target < 0 ? -1 : ab_mount_copy(target, attributes | AB_MOUNT_NOSUID | AB_MOUNT_NODEV);
	if (copy < 0 || ab_mount_attach(copy, target) < 0)
		return ab_fault_at(
		    builder->fault, "%s \"%s\"", entry->kind == AB_VIEW_LOCK ? "lock" : "pin", entry->target);
	return 0;
}

static int
attach_mask(struct builder *builder, const struct ab_view *entry)
{
	struct stat st;
	AB_AUTO_CLOSE int beneath = open_beneath(builder, entry->target);
	AB_AUTO_CLOSE int target =
	    beneath >= 0 ? ab_steal_fd(&beneath) : ab_mount_open(builder->root, entry->target + 1, AB_MOUNT_IN_ROOT);

	/* What init cannot reach, the command cannot either: it has the same ids and fewer capabilities. */
	if (target < 0 && (is_absent(errno) || errno == ELOOP))
		return 0;
	if (target < 0 || fstat(target, &st) < 0)
		return ab_fault_at(builder->fault, "open \"%s\" to mask it", entry->target);
	AB_AUTO_CLOSE int copy = ab_mount_copy(S_ISDIR(st.st_mode) ? builder->empty_dir : builder->empty_file,
	    AB_MOUNT_NOSUID | AB_MOUNT_NODEV | AB_MOUNT_NOEXEC | AB_MOUNT_RDONLY);
	if (copy < 0 || ab_mount_attach(copy, target) < 0)
		return ab_fault_at(builder->fault, "mask \"%s\"", entry->target);
	return 0;
}

static int
attach_entry(struct builder *builder, size_t index)
{
	const struct ab_view *entry = &builder->plan->view[index];

	if (entry->target[0] != '/' || entry->target[1] == '\0') {
		errno = EINVAL;
		return ab_fault_at(builder->fault, "attach \"%s\"", entry->target);
	}
	switch (entry->kind) {
	case AB_VIEW_BIND:
		return attach_bind(builder, index);
	case AB_VIEW_TMPFS:
		return attach_tmpfs(builder, index);
	case AB_VIEW_FILE:
		return attach_file(
		    builder, index, entry->target, entry->text, entry->text_len, entry->optional);
	case AB_VIEW_SYMLINK:
		return make_link(builder, index);
	case AB_VIEW_MASK:
		return attach_mask(builder, entry);
	case AB_VIEW_PIN:
	case AB_VIEW_LOCK:
		return attach_self(builder, entry);
	}
	errno = EINVAL;
	return ab_fault_at(builder->fault, "attach \"%s\"", entry->target);
}

/* The empty root over "/" (our own copy of the mounts; the host's paths are still reached through the old
 * root that we keep until the pivot), and the two empty things that masks show. */
static int
begin(struct builder *builder)
{
	static const char *const options[] = { "mode", "0755", NULL };

	builder->root = ab_mount_new("tmpfs", options, AB_MOUNT_NOSUID | AB_MOUNT_NODEV);
	if (builder->root < 0 || ab_mount_attach_at(builder->root, AT_FDCWD, "/") < 0)
		return ab_fault_at(builder->fault, "mount the new root");
	builder->empty_file =
	    openat(builder->root, EMPTY_FILE, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (builder->empty_file < 0 || mkdirat(builder->root, EMPTY_DIR, 0555) < 0)
		return ab_fault_at(builder->fault, "make masks");
	builder->empty_dir = openat(builder->root, EMPTY_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return builder->empty_dir < 0 ? ab_fault_at(builder->fault, "make masks") : 0;
}

static int
build(struct builder *builder)
{
	const struct ab_plan *plan = builder->plan;

	if (begin(builder) < 0)
		return -1;
	if (ab_kernelfs_proc(builder->root, plan, EMPTY_FILE, builder->result, builder->fault) < 0 ||
	    ab_kernelfs_dev(builder->root, plan, builder->fault) < 0)
		return -1;
	for (size_t i = 0; i < plan->view_count; i++)
		if (attach_entry(builder, i) < 0)
			return -1;
	if (plan->script != NULL &&
	    attach_file(builder, plan->view_count, AB_SCRIPT_PATH, plan->script, plan->script_len, false) < 0)
		return -1;
	if (unlinkat(builder->root, EMPTY_FILE, 0) < 0 ||
	    unlinkat(builder->root, EMPTY_DIR, AT_REMOVEDIR) < 0 ||
	    ab_mount_restrict(builder->root, AB_MOUNT_RDONLY, false) < 0)
		return ab_fault_at(builder->fault, "make the root read-only");
	if (ab_mount_pivot(builder->root) < 0)
		return ab_fault_at(builder->fault, "enter the new root");
	return 0;
}

int
ab_view_enter(const struct ab_launch *launch, struct ab_view_result *result, struct ab_fault *fault)
{
	struct builder builder = {
		.launch = launch,
		.plan = launch->plan,
		.result = result,
		.fault = fault,
		.root = -1,
		.empty_file = -1,
		.empty_dir = -1,
		.attached = ab_calloc(launch->plan->view_count + 1, sizeof(bool)),
	};

	*result = (struct ab_view_result){ .tree_fd = -1 };
	int status = build(&builder);
	ab_close_indirect(&builder.empty_dir);
	ab_close_indirect(&builder.empty_file);
	ab_close_indirect(&builder.root);
	ab_free_indirect(&builder.attached);
	return status;
}
