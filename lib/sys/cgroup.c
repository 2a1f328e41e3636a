/* A cgroup for one run. Names of the files: cgroup-v1/memory.rst, cgroup-v1/pids.rst, cgroup-v2.rst. */
#include "sys/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "core/id.h"
#include "core/mem.h"
#include "core/op.h"
#include "core/time.h"

#define TOP "/sys/fs/cgroup"
#define MAGIC_V1 0x27e0eb
#define MAGIC_V2 0x63677270
#define STALE_S 10	   /* a younger directory may belong to a run that has not attached its process yet */
#define CLOSE_MS 500 /* a busy machine takes that long to let go of two hundred dead processes */
#define SMALL_FILE 4096
#define INIT 1 /* the process that is in it before the command */

/* ---- small files ---- */

/* At most SMALL_FILE - 1 bytes of dir/file, NUL-ended; false when it cannot be read. */
static bool
read_small(const char *dir, const char *file, char text[static SMALL_FILE])
{
	AB_AUTO_FREE char *path = ab_asprintf("%s/%s", dir, file);
	AB_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, SMALL_FILE - 1);

	text[len > 0 ? len : 0] = '\0';
	return len >= 0;
}

static bool
write_small(const char *dir, const char *file, const char *text)
{
	AB_AUTO_FREE char *path = ab_asprintf("%s/%s", dir, file);
	AB_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool
write_number(const char *dir, const char *file, int64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	return write_small(dir, file, text);
}

/*
 * The number after `name ` at the beginning of a line, or the whole file's number when name is NULL; -1 when
 * there is none.
 */
static int64_t
read_number(const char *dir, const char *file, const char *name)
{
	char text[SMALL_FILE];

	if (dir == NULL || !read_small(dir, file, text))
		return -1;
	if (name == NULL)
		return text[0] >= '0' && text[0] <= '9' ? (int64_t)strtoll(text, NULL, 10) : -1;
	for (char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
		line += *line == '\n';
		size_t len = strlen(name);
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			return (int64_t)strtoll(line + len + 1, NULL, 10);
	}
	return -1;
}

/* ---- where ---- */

static bool
has_word(const char *list, const char *word, char separator)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)) != NULL; at += len)
		if ((at == list || at[-1] == separator) &&
		    (at[len] == separator || at[len] == '\0' || at[len] == '\n'))
			return true;
	return false;
}

/*
 * Our position in a controller's hierarchy ("" for v2), as /proc/self/cgroup says: "4:memory:/a/b". The
 * caller frees.
 */
static char *
own_position(const char *controller)
{
	char text[SMALL_FILE], *rest = text, *line;

	if (!read_small("/proc/self", "cgroup", text))
		return NULL;
	while ((line = strsep(&rest, "\n")) != NULL) {
		strsep(&line, ":");
		char *names = strsep(&line, ":");
		if (line == NULL || names == NULL)
			continue;
		if (controller[0] == '\0' ? names[0] == '\0' : has_word(names, controller, ','))
			return ab_strdup(strcmp(line, "/") == 0 ? "" : line);
	}
	return NULL;
}

static bool
is_mounted(const char *path, long magic)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == (__typeof__(fs.f_type))magic;
}

/*
 * Directories of dead runs: the process in the name is gone. One that still holds processes stays (rmdir
 * refuses).
 */
static void
remove_stale(const char *parent)
{
	DIR *dir = opendir(parent);
	const struct dirent *entry;
	struct stat st;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		const char *dash = strrchr(entry->d_name, '-');
		char *end = NULL;
		bool ours = strncmp(entry->d_name, "ab-", 3) == 0 && strlen(entry->d_name) > 3 + 26;
		long pid = ours ? strtol(dash + 1, &end, 10) : 0;
		if (pid <= 0 || *end != '\0' || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
			continue;
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    time(NULL) - st.st_mtime >= STALE_S)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	if (dir != NULL)
		closedir(dir);
}

static char *
make_child(const char *parent, const char *name)
{
	AB_AUTO_FREE char *path = ab_asprintf("%s/%s", parent, name);

	if (mkdir(path, 0755) != 0)
		return NULL;
	remove_stale(parent);
	return ab_steal(&path);
}

/* ---- v1 ---- */

static char *
make_v1(const char *controller, const char *name)
{
	AB_AUTO_FREE char *top = ab_asprintf(TOP "/%s", controller);
	AB_AUTO_FREE char *position = own_position(controller);

	if (position == NULL || !is_mounted(top, MAGIC_V1))
		return NULL;
	AB_AUTO_FREE char *own = ab_asprintf("%s%s", top, position);
	char *made = make_child(own, name);
	return made == NULL && errno == ENOENT ? make_child(top, name) : made;
}

static bool
limit_memory_v1(const char *dir, int64_t bytes)
{
	write_small(dir, "memory.use_hierarchy", "1");
	if (!write_number(dir, "memory.limit_in_bytes", bytes))
		return false;
	write_number(dir, "memory.memsw.limit_in_bytes", bytes); /* where swap is counted */
	return true;
}

static void
open_v1(struct ab_cgroup *cgroup, const char *name, const struct ab_limits *limits, ab_promises *enforced)
{
	if (limits->memory_bytes != AB_UNSET && (cgroup->memory = make_v1("memory", name)) != NULL &&
	    limit_memory_v1(cgroup->memory, limits->memory_bytes))
		*enforced |= AB_PROMISE_BIT(AB_PROMISE_MEMORY);
	if (limits->pids != AB_UNSET && (cgroup->pids = make_v1("pids", name)) != NULL &&
	    write_number(cgroup->pids, "pids.max", limits->pids + INIT))
		*enforced |= AB_PROMISE_BIT(AB_PROMISE_PIDS);
	if (cgroup->memory != NULL || limits->cpu_time_ms != AB_UNSET)
		cgroup->cpuacct = make_v1("cpuacct", name);
}

/* ---- v2 ---- */

/*
 * Make the controllers there for children of dir, as far as it goes: EBUSY where dir has processes of its
 * own.
 */
static void
enable_controllers(const char *dir, const struct ab_limits *limits)
{
	char enabled[SMALL_FILE];

	if (!read_small(dir, "cgroup.subtree_control", enabled))
		return;
	if (limits->memory_bytes != AB_UNSET && !has_word(enabled, "memory", ' '))
		write_small(dir, "cgroup.subtree_control", "+memory");
	if (limits->pids != AB_UNSET && !has_word(enabled, "pids", ' '))
		write_small(dir, "cgroup.subtree_control", "+pids");
}

static ab_promises
limit_v2(const char *dir, const struct ab_limits *limits)
{
	ab_promises enforced = 0;

	if (limits->memory_bytes != AB_UNSET && write_number(dir, "memory.max", limits->memory_bytes)) {
		write_number(dir, "memory.swap.max", 0);
		enforced |= AB_PROMISE_BIT(AB_PROMISE_MEMORY);
	}
	if (limits->pids != AB_UNSET && write_number(dir, "pids.max", limits->pids + INIT))
		enforced |= AB_PROMISE_BIT(AB_PROMISE_PIDS);
	return enforced;
}

/* Try in dir; true when the run can live in a child of it. */
static bool
open_v2_in(struct ab_cgroup *cgroup, const char *dir, const char *name, const struct ab_limits *limits,
    ab_promises *enforced)
{
	AB_AUTO_FREE char *procs = ab_asprintf("%s/cgroup.procs", dir);

	/* Moving a process asks for this right on the nearest common ancestor, which dir is. */
	if (access(procs, W_OK) != 0)
		return false;
	enable_controllers(dir, limits);
	AB_AUTO_FREE char *child = make_child(dir, name);
	if (child == NULL)
		return false;
	ab_promises kept = limit_v2(child, limits);
	if (kept == 0 && (limits->memory_bytes != AB_UNSET || limits->pids != AB_UNSET)) {
		rmdir(child);
		return false;
	}
	*enforced |= kept;
	cgroup->dir_fd = open(child, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cgroup->v2 = ab_steal(&child);
	return true;
}

static void
open_v2(struct ab_cgroup *cgroup, const char *name, const struct ab_limits *limits, ab_promises *enforced)
{
	AB_AUTO_FREE char *position = own_position("");

	while (position != NULL) {
		AB_AUTO_FREE char *dir = ab_asprintf(TOP "%s", position);
		char *slash = strrchr(position, '/');
		if (open_v2_in(cgroup, dir, name, limits, enforced) || slash == NULL)
			return;
		*slash = '\0';
	}
}

void
ab_cgroup_open(struct ab_cgroup *cgroup, const struct ab_limits *limits, ab_promises *enforced)
{
	char id[AB_ID_SIZE], name[AB_ID_SIZE + 32];

	*cgroup = (struct ab_cgroup)AB_CGROUP_INIT;
	*enforced = 0;
	snprintf(name, sizeof(name), "ab-%s-%d", ab_id_new(id), (int)getpid());
	if (is_mounted(TOP, MAGIC_V2))
		open_v2(cgroup, name, limits, enforced);
	else
		open_v1(cgroup, name, limits, enforced);
}

void
ab_cgroup_probe(bool *v2, ab_promises *enforced)
{
	struct ab_limits limits = { .memory_bytes = 1 << 30, .pids = 1000, .cpu_time_ms = AB_UNSET };
	struct ab_cgroup cgroup;

	ab_cgroup_open(&cgroup, &limits, enforced);
	*v2 = cgroup.v2 != NULL;
	ab_cgroup_close(&cgroup);
}

/* ---- use ---- */

void
ab_cgroup_attach(const struct ab_cgroup *cgroup, pid_t pid)
{
	const char *const dirs[] = { cgroup->v2, cgroup->memory, cgroup->pids, cgroup->cpuacct };

	for (size_t i = 0; i < AB_COUNT_OF(dirs); i++)
		if (dirs[i] != NULL)
			write_number(dirs[i], "cgroup.procs", pid);
}

static uint64_t
count_or_zero(int64_t number)
{
	return number > 0 ? (uint64_t)number : 0;
}

void
ab_cgroup_read(const struct ab_cgroup *cgroup, struct ab_cgroup_usage *usage)
{
	int64_t peak, user, system;

	*usage = (struct ab_cgroup_usage){ .known = false };
	if (cgroup->v2 != NULL) {
		peak = read_number(cgroup->v2, "memory.peak", NULL);
		user = read_number(cgroup->v2, "cpu.stat", "user_usec");
		system = read_number(cgroup->v2, "cpu.stat", "system_usec");
		usage->oom_kills = count_or_zero(read_number(cgroup->v2, "memory.events", "oom_kill"));
		usage->pids_max_events = count_or_zero(read_number(cgroup->v2, "pids.events", "max"));
	} else {
		peak = read_number(cgroup->memory, "memory.max_usage_in_bytes", NULL);
		user = read_number(cgroup->cpuacct, "cpuacct.usage_user", NULL); /* nanoseconds */
		system = read_number(cgroup->cpuacct, "cpuacct.usage_sys", NULL);
		user = user < 0 ? user : user / 1000;
		system = system < 0 ? system : system / 1000;
		usage->oom_kills = count_or_zero(read_number(cgroup->memory, "memory.oom_control", "oom_kill"));
		usage->pids_max_events = count_or_zero(read_number(cgroup->pids, "pids.events", "max"));
	}
	usage->known = peak >= 0 && user >= 0 && system >= 0;
	if (usage->known) {
		usage->max_rss_bytes = peak;
		usage->user_us = user;
		usage->sys_us = system;
	}
}

static void
kill_members(const char *dir)
{
	char text[SMALL_FILE], *rest = text, *line;

	if (write_small(dir, "cgroup.kill", "1") || !read_small(dir, "cgroup.procs", text))
		return;
	while ((line = strsep(&rest, "\n")) != NULL) {
		pid_t pid = (pid_t)strtol(line, NULL, 10);
		/* a number cut by the end of the buffer has no newline after it */
		if (pid > 0 && rest != NULL)
			kill(pid, SIGKILL);
	}
}

static void
close_dir(char **dir, int64_t deadline_ms)
{
	struct timespec pause = { .tv_nsec = 200 * 1000 };

	while (*dir != NULL && rmdir(*dir) != 0 && errno == EBUSY && ab_now_ms() < deadline_ms) {
		kill_members(*dir);
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 5 * 1000 * 1000)
			pause.tv_nsec *= 2;
	}
	ab_free_indirect(dir);
}

void
ab_cgroup_close(struct ab_cgroup *cgroup)
{
	int64_t deadline_ms = ab_now_ms() + CLOSE_MS;

	ab_close_indirect(&cgroup->dir_fd);
	close_dir(&cgroup->v2, deadline_ms);
	close_dir(&cgroup->memory, deadline_ms);
	close_dir(&cgroup->pids, deadline_ms);
	close_dir(&cgroup->cpuacct, deadline_ms);
}
