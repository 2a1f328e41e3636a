/* Who the command is. */
#include "sys/ident.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/io.h"
#include "core/mem.h"
#include "sys/idmap.h"
#include "sys/mount.h"

#define INSIDE_ID 1000	 /* what root becomes */
#define NOBODY 65534
#define ENTRIES_MAX 256	 /* of the tree's top, whose owners are looked at */
#define PASSWD_MAX (4 << 20)

bool
ab_ident_lookup(const char *passwd, uid_t uid, char name[static 64], gid_t *gid)
{
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(PASSWD_MAX);
	struct ab_error err = AB_ERROR_INIT;
	char *line, *rest;

	snprintf(name, 64, "user");
	if (ab_read_file(AT_FDCWD, passwd, &buf, &err) != 0)
		return false;
	for (rest = buf.data; (line = strsep(&rest, "\n")) != NULL;) {
		const char *login = strsep(&line, ":");
		strsep(&line, ":");
		const char *number = strsep(&line, ":"), *group = strsep(&line, ":");
		char *end;
		if (group == NULL || *number < '0' || *number > '9' || strtoul(number, &end, 10) != uid ||
		    *end != '\0')
			continue;
		if (*login == '\0' || strlen(login) >= 64)
			return false;
		snprintf(name, 64, "%s", login);
		if (gid != NULL)
			*gid = (gid_t)strtoul(group, NULL, 10);
		return true;
	}
	return false;
}

/* ---- the tree's owners ---- */

struct owners {
	struct {
		uint32_t id[AB_IDENT_MAX];
		unsigned count;
	} uid, gid;
	bool beyond; /* an id that no idmapped mount of ours carries over */
};

static void
note(uint32_t id, uint32_t known[static AB_IDENT_MAX], unsigned *count, bool *beyond)
{
	for (unsigned i = 0; i < *count; i++)
		if (known[i] == id)
			return;
	if (id >= AB_IDMAP_SPAN)
		*beyond = true;
	else if (*count < AB_IDENT_MAX)
		known[(*count)++] = id;
}

static void
note_stat(struct owners *owners, const struct stat *st)
{
	note(st->st_uid, owners->uid.id, &owners->uid.count, &owners->beyond);
	note(st->st_gid, owners->gid.id, &owners->gid.count, &owners->beyond);
}

/* The tree's own owner first. */
static int
find_owners(int tree_fd, struct owners *owners, struct ab_error *err)
{
	struct stat st;
	int list_fd = openat(tree_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = list_fd < 0 ? NULL : fdopendir(list_fd);
	const struct dirent *entry;

	*owners = (struct owners){ .beyond = false };
	if (dir == NULL || fstat(tree_fd, &st) != 0)
		return ab_fail_errno(err, errno, "look at the owners of the tree");
	note_stat(owners, &st);
	for (unsigned n = 0; n < ENTRIES_MAX && (entry = readdir(dir)) != NULL; n++)
		if (strcmp(entry->d_name, "..") != 0 &&
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			note_stat(owners, &st);
	closedir(dir);
	return 0;
}

/* ---- idmapped mounts ---- */

static bool
takes_idmap(const struct ab_ident *ident, int tree_fd, const struct ab_probe *probe)
{
	struct stat st;
	struct statfs fs;

	if (fstat(tree_fd, &st) != 0 || fstatfs(tree_fd, &fs) != 0)
		return false;
	int known = ab_probe_idmap_known(probe, st.st_dev, (int64_t)fs.f_type);
	if (known >= 0)
		return known > 0;
	AB_AUTO_CLOSE int userns = ab_idmap_userns(ident);
	ab_idmap_reap();
	AB_AUTO_CLOSE int mount = userns < 0 ? -1 : ab_mount_copy_mapped(tree_fd, 0, userns);
	if (userns >= 0)
		ab_probe_idmap_note(st.st_dev, (int64_t)fs.f_type, mount >= 0);
	return mount >= 0;
}

/*
 * Every owner has a private kernel id, always the same; those seen are named, so that they can be shown
 * inside.
 */
static void
fill_map(struct ab_ident *ident, const struct owners *owners)
{
	ident->uid_count = owners->uid.count;
	for (unsigned i = 0; i < owners->uid.count; i++) {
		ident->uid[i].disk = owners->uid.id[i];
		ident->uid[i].kernel = AB_IDMAP_BASE + owners->uid.id[i];
	}
	ident->gid_count = owners->gid.count;
	for (unsigned i = 0; i < owners->gid.count; i++) {
		ident->gid[i].disk = owners->gid.id[i];
		ident->gid[i].kernel = AB_IDMAP_BASE + owners->gid.id[i];
	}
	ident->kernel_uid = ident->uid[0].kernel;
	ident->kernel_gid = ident->gid[0].kernel;
}

/* ---- the decision ---- */

/* Whether we may become somebody else: root in a container may lack it. */
static bool
may_change_ids(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	const uint32_t both = 1u << CAP_SETUID | 1u << CAP_SETGID;

	return syscall(SYS_capget, &header, data) == 0 && (data[0].effective & both) == both;
}

/* The owner's group, but never root's: it opens files of the host. */
static gid_t
group_of(const struct stat *st)
{
	char name[64];
	gid_t gid = NOBODY;

	if (st->st_gid != 0)
		return st->st_gid;
	return ab_ident_lookup("/etc/passwd", st->st_uid, name, &gid) && gid != 0 ? gid : NOBODY;
}

static int
choose_for_root(struct ab_plan *plan, int tree_fd, const struct ab_probe *probe, struct ab_error *err)
{
	struct ab_ident *ident = &plan->ident;
	struct owners owners;
	struct stat st;

	if (fstat(tree_fd, &st) != 0)
		return ab_fail_errno(err, errno, "look at the tree");
	if (find_owners(tree_fd, &owners, err) != 0)
		return -1;
	bool others = owners.uid.count > 1 || owners.beyond;
	if (st.st_uid != 0 && plan->level != AB_LEVEL_BWRAP && may_change_ids()) {
		ident->mode = AB_IDENT_SETID;
		ident->kernel_uid = st.st_uid;
		ident->kernel_gid = group_of(&st);
	} else if (st.st_uid == 0 && plan->level == AB_LEVEL_NAMESPACE && probe->idmap && may_change_ids()) {
		ident->mode = AB_IDENT_IDMAP;
		fill_map(ident, &owners);
		if (!takes_idmap(ident, tree_fd, probe))
			ident->mode = AB_IDENT_ROOT;
	} else {
		ident->mode = AB_IDENT_ROOT;
	}
	if (ident->mode == AB_IDENT_ROOT) {
		ident->kernel_uid = ident->kernel_gid = 0;
		ident->uid_count = ident->gid_count = 0;
		others |= st.st_uid != 0;
	}
	if (others)
		plan->missing |= AB_PROMISE_BIT(AB_PROMISE_OWNERS);
	return 0;
}

int
ab_ident_choose(
    struct ab_plan *plan, int tree_fd, const struct ab_probe *probe, bool inside_root, struct ab_error *err)
{
	struct ab_ident *ident = &plan->ident;
	const bool root = geteuid() == 0;

	*ident = (struct ab_ident){
		.mode = root ? AB_IDENT_ROOT : AB_IDENT_SELF, .kernel_uid = geteuid(), .kernel_gid = getegid()
	};
	if (root && ab_level_has_wall(plan->level) && choose_for_root(plan, tree_fd, probe, err) != 0)
		return -1;
	ident->inside_uid = ident->kernel_uid;
	ident->inside_gid = ident->kernel_gid;
	if (ab_level_has_view(plan->level) && inside_root)
		ident->inside_uid = ident->inside_gid = 0;
	else if (ab_level_has_view(plan->level) && root)
		ident->inside_uid = ident->inside_gid = INSIDE_ID;
	if (ident->inside_uid == 0)
		snprintf(ident->name, sizeof(ident->name), "root");
	else if (root && ab_level_has_view(plan->level))
		snprintf(ident->name, sizeof(ident->name), "user"); /* nobody of the host, whoever has that number there */
	else
		ab_ident_lookup("/etc/passwd", ident->inside_uid, ident->name, NULL);
	plan->missing |= ab_probe_missing(probe, plan);
	return 0;
}
