/* Landlock rules from a plan's view. */
#include "sys/landlock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/mem.h"

/* What Debian 12's header does not name yet. */
#define FS_TRUNCATE (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define FS_RESOLVE_UNIX (1ULL << 16)
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

#define FS_READ (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_MAKE \
	(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
	    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
	    LANDLOCK_ACCESS_FS_MAKE_SYM)
#define FS_WRITE \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_MAKE | \
	    LANDLOCK_ACCESS_FS_REFER | FS_TRUNCATE)
/* What a rule on something other than a directory may hold. */
#define FS_OF_FILE \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE | \
	    FS_IOCTL_DEV | FS_RESOLVE_UNIX)

#define HIDDEN_MAX 256	/* hidden paths below one directory */
#define ENTRIES_MAX 4096 /* entries allowed one by one; what comes after is not allowed */

/*
 * struct landlock_ruleset_attr of ABI 6; an older kernel takes it as long as what it does not know is zero.
 */
struct ruleset_attr {
	uint64_t handled_fs, handled_net, scoped;
};

struct rules {
	int fd;
	uint64_t handled; /* file rights that the kernel knows and we restrict */
	const struct ab_plan *plan;
	int tree_fd;
};

int
ab_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

static uint64_t
known_rights(int abi)
{
	uint64_t known = FS_READ | FS_WRITE;

	if (abi < 2)
		known &= ~LANDLOCK_ACCESS_FS_REFER;
	if (abi < AB_LANDLOCK_ABI_TRUNCATE)
		known &= ~FS_TRUNCATE;
	if (abi >= 5)
		known |= FS_IOCTL_DEV;
	if (abi >= AB_LANDLOCK_ABI_UNIX)
		known |= FS_RESOLVE_UNIX;
	return known;
}

static int
create_rules(struct rules *rules, int abi, bool final_view)
{
	struct ruleset_attr attr = { .handled_fs = known_rights(abi) };

	/* In the final view everything may be read: a right that is not handled costs nothing at open(2). */
	if (final_view)
		attr.handled_fs &= FS_WRITE;
	else if (abi >= 4 && rules->plan->net.mode != AB_NET_HOST)
		attr.handled_net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= AB_LANDLOCK_ABI_SCOPE)
		attr.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	rules->handled = attr.handled_fs;
	rules->fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	return rules->fd < 0 ? -1 : 0;
}

static int
allow_stat(const struct rules *rules, int fd, const struct stat *st, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access & rules->handled, .parent_fd = fd };

	if (!S_ISDIR(st->st_mode))
		rule.allowed_access &= FS_OF_FILE;
	if (rule.allowed_access == 0)
		return 0;
	return (int)syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/* Allow access below path; what does not exist, or cannot be reached, needs no rule. */
static int
allow_path(const struct rules *rules, const char *path, uint64_t access)
{
	AB_AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == ENXIO ? 0 : -1;
	if (fstat(fd, &st) != 0)
		return -1;
	return allow_stat(rules, fd, &st, access);
}

/* The part of path below dir; NULL when it is not below (dir itself is not). Both are normalised. */
static const char *
below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	while (len > 0 && dir[len - 1] == '/')
		len--;
	bool is_below = strncmp(path, dir, len) == 0 && path[len] == '/' && path[len + 1] != '\0';
	return is_below ? path + len + 1 : NULL;
}

struct hidden {
	const char *path[HIDDEN_MAX];
	unsigned count;
};

/*
 * An entry of the view that lets nothing of the host be seen: also an empty file laid over one (/etc/shadow,
 * for root).
 */
static bool
hides(const struct ab_view *view)
{
	return view->kind == AB_VIEW_MASK || view->kind == AB_VIEW_TMPFS ||
	    (view->kind == AB_VIEW_FILE && view->text_len == 0);
}

/* What the view hides below target, relative to it. -1 (E2BIG) when there is more than we can keep apart. */
static int
find_hidden(const struct ab_plan *plan, const char *target, struct hidden *hidden)
{
	hidden->count = 0;
	for (size_t i = 0; i < plan->view_count; i++) {
		const char *rest = hides(&plan->view[i]) ? below(plan->view[i].target, target) : NULL;
		if (rest == NULL)
			continue;
		if (hidden->count == HIDDEN_MAX) {
			errno = E2BIG;
			return -1;
		}
		hidden->path[hidden->count++] = rest;
	}
	return 0;
}

/*
 * The hidden paths that begin with the entry `name`: whole when the entry itself is hidden; rest gets those
 * below it.
 */
static bool
match_hidden(const struct hidden *hidden, const char *name, struct hidden *rest)
{
	rest->count = 0;
	for (unsigned i = 0; i < hidden->count; i++) {
		if (strcmp(hidden->path[i], name) == 0)
			return true;
		const char *deeper = below(hidden->path[i], name);
		if (deeper != NULL)
			rest->path[rest->count++] = deeper;
	}
	return false;
}

static int allow_around(
    const struct rules *rules, int dir_fd, uint64_t access, const struct hidden *hidden, bool *hides_dir);

static int
allow_entry(const struct rules *rules, int dir_fd, const char *name, uint64_t access,
    const struct hidden *hidden, bool *hides_dir)
{
	AB_AUTO_CLOSE int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct hidden rest;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return errno == ENOENT || errno == EACCES ? 0 : -1;
	if (match_hidden(hidden, name, &rest)) {
		*hides_dir |= S_ISDIR(st.st_mode);
		return 0;
	}
	if (S_ISLNK(st.st_mode)) /* what it leads to has its own rule or none */
		return 0;
	if (rest.count > 0 && S_ISDIR(st.st_mode))
		return allow_around(rules, fd, access, &rest, hides_dir);
	return allow_stat(rules, fd, &st, access);
}

/*
 * A rule cannot take back what a rule above it gives. So a directory with something hidden in it gets no
 * rule; its other entries get one each. New entries cannot be made in it then; it can be listed unless that
 * would list a hidden directory too.
 */
static int
allow_around(
    const struct rules *rules, int dir_fd, uint64_t access, const struct hidden *hidden, bool *hides_dir)
{
	int list_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = list_fd < 0 ? NULL : fdopendir(list_fd);
	bool hides_here = false;
	int result = 0;

	if (dir == NULL)
		return errno == EACCES ? 0 : -1;
	for (unsigned n = 0; result == 0 && n < ENTRIES_MAX; n++) {
		const struct dirent *entry = readdir(dir);
		if (entry == NULL)
			break;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = allow_entry(rules, dir_fd, entry->d_name, access, hidden, &hides_here);
	}
	closedir(dir);
	*hides_dir |= hides_here;
	if (result == 0 && !hides_here) {
		struct stat st = { .st_mode = S_IFDIR };
		result = allow_stat(rules, dir_fd, &st, access & LANDLOCK_ACCESS_FS_READ_DIR);
	}
	return result;
}

/* A BIND on the host's own view: its source. */
static int
allow_source(const struct rules *rules, const struct ab_view *view)
{
	bool is_tree = rules->plan->tree != NULL && strcmp(view->target, rules->plan->tree) == 0;
	AB_AUTO_CLOSE int own_fd = -1;
	int fd = rules->tree_fd;
	uint64_t access = FS_READ | (view->writable ? FS_WRITE | FS_RESOLVE_UNIX : 0);
	struct hidden hidden;
	struct stat st;
	bool hides_dir = false;

	if (!is_tree || fd < 0) {
		own_fd = open(view->source, O_PATH | O_CLOEXEC);
		fd = own_fd;
		if (fd < 0)
			return view->optional ? 0 : -1;
	}
	if (fstat(fd, &st) != 0)
		return -1;
	if (view->ino != 0 && (view->ino != st.st_ino || view->dev != st.st_dev)) {
		errno = ESTALE;
		return -1;
	}
	if (view->noexec)
		access &= ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
	if (find_hidden(rules->plan, view->target, &hidden) != 0)
		return -1;
	return hidden.count > 0 && S_ISDIR(st.st_mode) ? allow_around(rules, fd, access, &hidden, &hides_dir)
						       : allow_stat(rules, fd, &st, access);
}

static int
allow_host_view(const struct rules *rules)
{
	static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random",
		"/dev/urandom" };

	for (size_t i = 0; i < rules->plan->view_count; i++)
		if (rules->plan->view[i].kind == AB_VIEW_BIND &&
		    allow_source(rules, &rules->plan->view[i]) != 0)
			return -1;
	for (size_t i = 0; i < AB_COUNT_OF(devices); i++)
		if (allow_path(rules, devices[i],
			FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV) != 0)
			return -1;
	/*
	 * Other processes' memory, environment and descriptors stay closed: a domain cannot look into one
	 * outside (ptrace(2)).
	 */
	return allow_path(rules, "/proc", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
}

static int
allow_final_view(const struct rules *rules)
{
	for (size_t i = 0; i < rules->plan->view_count; i++) {
		const struct ab_view *view = &rules->plan->view[i];
		if (view->kind != AB_VIEW_TMPFS && !(view->kind == AB_VIEW_BIND && view->writable))
			continue;
		if (rules->tree_fd >= 0 && rules->plan->tree != NULL &&
		    strcmp(view->target, rules->plan->tree) == 0) {
			struct stat st;
			if (fstat(rules->tree_fd, &st) != 0 ||
			    allow_stat(rules, rules->tree_fd, &st, FS_WRITE) != 0)
				return -1;
		} else if (allow_path(rules, view->target, FS_WRITE) != 0) {
			return -1;
		}
	}
	/* The nodes may be written, nothing made beside them; /proc has no rule. */
	if (allow_path(rules, "/dev", LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE) != 0)
		return -1;
	return allow_path(rules, "/dev/shm", FS_WRITE);
}

int
ab_landlock_apply(
    const struct ab_plan *plan, int tree_fd, bool final_view, ab_promises *missing, const char **step)
{
	struct rules rules = { .fd = -1, .plan = plan, .tree_fd = tree_fd };
	int abi = ab_landlock_abi();

	if (abi == 0 && final_view) {
		*missing |= AB_PROMISE_BIT(AB_PROMISE_LANDLOCK);
		return 0;
	}
	*step = "make the Landlock rules";
	if (abi == 0) {
		errno = ENOSYS;
		return -1;
	}
	if (create_rules(&rules, abi, final_view) != 0)
		return -1;
	AB_AUTO_CLOSE int fd = rules.fd;
	if ((final_view ? allow_final_view(&rules) : allow_host_view(&rules)) != 0)
		return -1;
	*step = "apply the Landlock rules";
	return (int)syscall(SYS_landlock_restrict_self, fd, 0);
}
