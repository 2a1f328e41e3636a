/* The probe's cache, and the choice of a level. */
#include "sys/probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "core/io.h"
#include "core/mem.h"
#include "core/op.h"
#include "core/time.h"
#include "sys/bwrap.h"
#include "sys/home.h"
#include "sys/remedy.h"

#define CACHE_FORMAT 1
#define KEY_SIZE 768
#define BUILD_MAX 200 /* of it: the program's ELF notes, with its build id */
#define LABEL_MAX 256 /* the label of a security module */
#define SAME_BOOT_MS 1000
#define NO_LASTS_MS (60 * 1000)	/* a refusal is asked again after that: somebody may have followed the advice */
#define OLD_S (7 * 24 * 3600)

/* The file: read whole, with one open and one read; anything that does not fit is as if it were not there. */
struct cache {
	uint32_t format, size;
	int64_t written_unix_ms, boot_unix_ms;
	char key[KEY_SIZE];
	struct ab_probe probe;
};

static struct {
	bool loaded;
	char name[32]; /* of the file in AB_HOME/run */
	struct cache cache;
} current;

/* ---- key ---- */

static int
note_build_id(struct dl_phdr_info *object, size_t size, void *data)
{
	struct ab_buf *key = data;

	(void)size;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &object->dlpi_phdr[i];
		const unsigned char *bytes = (const unsigned char *)object->dlpi_addr + header->p_vaddr;
		for (size_t n = 0; header->p_type == PT_NOTE && n < header->p_memsz && key->len < BUILD_MAX;
		     n++)
			ab_buf_putc(key, bytes[n] != 0 ? (char)bytes[n] : '0');
	}
	return 1; /* the first object is the program */
}

/*
 * All that the answer depends on: who we are, where, under which filter and label, which program, which
 * kernel. The boot is told apart by its time (below), which costs no system call; what this leaves open, a
 * kernel that forbids what it allowed, shows in the first run.
 */
static void
make_key(char text[static KEY_SIZE])
{
	static const char *const spaces[] = { "ns/user", "ns/mnt", "ns/cgroup" };
	AB_AUTO_BUF struct ab_buf key = AB_BUF_INIT(KEY_SIZE - 1);
	AB_AUTO_CLOSE int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AB_AUTO_CLOSE int label = openat(self, "attr/current", O_RDONLY | O_CLOEXEC);
	struct utsname kernel;
	struct stat st;

	dl_iterate_phdr(note_build_id, &key);
	ssize_t len = label < 0 ? -1 : read(label, ab_buf_reserve(&key, LABEL_MAX), LABEL_MAX);
	key.len += len > 0 ? (size_t)len : 0;
	ab_buf_printf(&key, " " AB_VERSION " %u %d", geteuid(), prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	for (size_t i = 0; i < AB_COUNT_OF(spaces); i++)
		if (fstatat(self, spaces[i], &st, 0) == 0)
			ab_buf_printf(&key, " %lu", (unsigned long)st.st_ino);
	if (uname(&kernel) == 0)
		ab_buf_printf(&key, " %.64s %.64s", kernel.release, kernel.version);
	memset(text, 0, KEY_SIZE);
	memcpy(text, key.data, key.len);
}

/* When this boot was, by the wall clock; where that clock was set since, it is asked anew. */
static int64_t
boot_unix_ms(void)
{
	struct timespec since;

	clock_gettime(CLOCK_BOOTTIME, &since);
	return ab_now_unix_ms() - (since.tv_sec * 1000 + since.tv_nsec / 1000000);
}

/* FNV-1a, 64 bits: several environments (a container beside the host) may share one AB_HOME. */
static void
name_file(const char key[static KEY_SIZE], char name[static 32])
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < KEY_SIZE; i++)
		hash = (hash ^ (unsigned char)key[i]) * 1099511628211u;
	snprintf(name, 32, "probe-%016llx", (unsigned long long)hash);
}

/* ---- file ---- */

static bool
is_fresh(const struct cache *cache, const char *key)
{
	const struct ab_probe *probe = &cache->probe;
	int64_t age_ms = ab_now_unix_ms() - cache->written_unix_ms;
	int64_t boot_ms = boot_unix_ms() - cache->boot_unix_ms;

	if (cache->format != CACHE_FORMAT || boot_ms < -SAME_BOOT_MS || boot_ms > SAME_BOOT_MS)
		return false;
	if (cache->size != sizeof(*cache) || memcmp(cache->key, key, KEY_SIZE) != 0)
		return false;
	if (probe->idmap_fs_count > AB_COUNT_OF(probe->idmap_fs) ||
	    memchr(probe->failed_step, '\0', sizeof(probe->failed_step)) == NULL)
		return false;
	return (probe->namespaces && probe->fresh_proc && probe->net) || (age_ms >= 0 && age_ms < NO_LASTS_MS);
}

/* Whether the host said so; anything else (no memory, a full disk, too many processes) may be over in a moment, and a run that is
 * weaker for its sake must stay the only one. */
static bool
is_final(const struct ab_probe *probe)
{
	switch (probe->failed_errno) {
	case 0:
		return probe->namespaces && probe->net; /* else a second try hid why the first one failed */
	case EPERM:
	case EACCES:
	case ENOSYS:
	case EINVAL:
		return true;
	default:
		return false;
	}
}

static bool
load(int run_fd, const char *key)
{
	AB_AUTO_CLOSE int fd = openat(run_fd, current.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && read(fd, &current.cache, sizeof(current.cache)) == (ssize_t)sizeof(current.cache) &&
	    is_fresh(&current.cache, key);
}

/* Files of earlier boots and builds; called only when a new one is made. */
static void
prune(int run_fd)
{
	int list_fd = openat(run_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = list_fd < 0 ? NULL : fdopendir(list_fd);
	const struct dirent *entry;
	struct stat st;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, "probe-", 6) == 0 &&
		    fstatat(run_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    time(NULL) - st.st_mtime > OLD_S)
			unlinkat(run_fd, entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
}

/* Not ab_write_file_atomic: what is lost with the power is found again, so no fsync(2). */
static void
save(int run_fd)
{
	char temporary[64];

	snprintf(temporary, sizeof(temporary), "%s.%d", current.name, (int)getpid());
	current.cache.written_unix_ms = ab_now_unix_ms();
	current.cache.boot_unix_ms = boot_unix_ms();
	AB_AUTO_CLOSE int fd =
	    openat(run_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (ab_write_all(fd, &current.cache, sizeof(current.cache)) != 0 ||
	    renameat(run_fd, temporary, run_fd, current.name) != 0)
		unlinkat(run_fd, temporary, 0);
}

/* AB_HOME/run, where it exists. */
static int
existing_run(void)
{
	struct ab_error ignored = AB_ERROR_INIT;
	AB_AUTO_FREE char *home = ab_home_path(false, &ignored);

	if (home == NULL)
		return -1;
	AB_AUTO_FREE char *run = ab_asprintf("%s/run", home);
	return open(run, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int
ab_probe_get(struct ab_probe *probe, struct ab_error *err)
{
	char key[KEY_SIZE];

	(void)err; /* an AB_HOME that cannot be used costs the cache, not the run: others will say what is wrong
		      with it */
	if (!current.loaded) {
		struct ab_error ignored = AB_ERROR_INIT;
		AB_AUTO_CLOSE int run_fd = ab_home_dir("run", &ignored);
		make_key(key);
		name_file(key, current.name);
		if (run_fd < 0 || !load(run_fd, key)) {
			current.cache = (struct cache){ .format = CACHE_FORMAT, .size = sizeof(current.cache) };
			memcpy(current.cache.key, key, KEY_SIZE);
			ab_probe_try(&current.cache.probe);
			if (run_fd >= 0 && is_final(&current.cache.probe)) {
				prune(run_fd);
				save(run_fd);
			}
		}
		current.loaded = true;
	}
	*probe = current.cache.probe;
	return 0;
}

void
ab_probe_invalidate(void)
{
	AB_AUTO_CLOSE int run_fd = existing_run();
	char key[KEY_SIZE], name[32];

	current.loaded = false;
	make_key(key);
	name_file(key, name);
	if (run_fd >= 0)
		unlinkat(run_fd, name, 0);
}

int
ab_probe_idmap_known(const struct ab_probe *probe, uint64_t dev, int64_t fs_type)
{
	for (unsigned i = 0; i < probe->idmap_fs_count; i++)
		if (probe->idmap_fs[i].dev == dev && probe->idmap_fs[i].fs_type == fs_type)
			return probe->idmap_fs[i].takes;
	return -1;
}

void
ab_probe_idmap_note(uint64_t dev, int64_t fs_type, bool takes)
{
	struct ab_probe *probe = &current.cache.probe;
	struct ab_error ignored = AB_ERROR_INIT;

	if (!current.loaded || ab_probe_idmap_known(probe, dev, fs_type) >= 0)
		return;
	if (probe->idmap_fs_count == AB_COUNT_OF(probe->idmap_fs)) {
		memmove(&probe->idmap_fs[0], &probe->idmap_fs[1],
		    sizeof(probe->idmap_fs) - sizeof(probe->idmap_fs[0]));
		probe->idmap_fs_count--;
	}
	probe->idmap_fs[probe->idmap_fs_count].dev = dev;
	probe->idmap_fs[probe->idmap_fs_count].fs_type = fs_type;
	probe->idmap_fs[probe->idmap_fs_count++].takes = takes;
	AB_AUTO_CLOSE int run_fd = ab_home_dir("run", &ignored);
	if (run_fd >= 0)
		save(run_fd);
}

/* ---- choice ---- */

ab_promises
ab_probe_asked(const struct ab_plan *plan)
{
	ab_promises asked = AB_PROMISES_DEFAULT;
	bool locks = !plan->managed;

	for (size_t i = 0; i < plan->view_count; i++)
		locks |= plan->view[i].kind == AB_VIEW_LOCK;
	if (locks)
		asked |= AB_PROMISE_BIT(AB_PROMISE_PROTECT);
	if (plan->net.mode == AB_NET_HOST)
		asked &= ~AB_PROMISE_BIT(AB_PROMISE_NET);
	if (plan->limits.pids == AB_UNSET)
		asked &= ~AB_PROMISE_BIT(AB_PROMISE_PIDS);
	if (plan->limits.memory_bytes != AB_UNSET)
		asked |= AB_PROMISE_BIT(AB_PROMISE_MEMORY);
	if (plan->limits.cpu_time_ms != AB_UNSET)
		asked |= AB_PROMISE_BIT(AB_PROMISE_CPU);
	if (plan->limits.file_size_bytes != AB_UNSET)
		asked |= AB_PROMISE_BIT(AB_PROMISE_DISK);
	return asked;
}

static bool
may_lift_limits(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	return syscall(SYS_capget, &header, data) == 0 && (data[0].effective & (1u << CAP_SYS_RESOURCE)) != 0;
}

static ab_promises
missing_of(const struct ab_probe *probe, const struct ab_plan *plan, ab_promises asked)
{
	const bool root = geteuid() == 0;
	const struct ab_facts facts = {
		.fresh_proc = plan->level == AB_LEVEL_BWRAP ? plan->fresh_proc : probe->fresh_proc,
		.seccomp = probe->seccomp,
		.landlock_abi = probe->landlock_abi,
		.cgroup_memory = probe->cgroup_memory,
		.cgroup_pids = probe->cgroup_pids,
		.root = root,
		.kernel_root = root && (!ab_level_has_wall(plan->level) || plan->level == AB_LEVEL_BWRAP ||
		    plan->ident.mode == AB_IDENT_ROOT),
		.bwrap_holds = plan->bwrap_holds,
		.host_net = plan->net.mode == AB_NET_HOST,
		.lifts_limits = !ab_level_has_wall(plan->level) && may_lift_limits(),
	};

	return ab_promise_missing(plan->level, &facts, asked);
}

ab_promises
ab_probe_missing(const struct ab_probe *probe, const struct ab_plan *plan)
{
	return missing_of(probe, plan, ab_probe_asked(plan));
}

/* 0 when the level can be had for this plan, else -1 and why. */
static int
check_level(const struct ab_probe *probe, enum ab_level level, const struct ab_plan *plan, struct ab_error *err)
{
	if (level == AB_LEVEL_NAMESPACE && !probe->namespaces)
		return ab_fail(err, AB_E_ISOLATION_UNAVAILABLE, "level namespace is not available here: %s: %s",
		    probe->failed_step, strerror(probe->failed_errno));
	if (level == AB_LEVEL_NAMESPACE && !probe->net && plan->net.mode != AB_NET_HOST)
		return ab_fail(err, AB_E_ISOLATION_UNAVAILABLE,
		    "level namespace is not available here: no network namespace with a "
		    "loopback interface can be made");
	if (level == AB_LEVEL_LANDLOCK && probe->landlock_abi == 0)
		return ab_fail(err, AB_E_ISOLATION_UNAVAILABLE,
		    "level landlock is not available here: the kernel has no Landlock, "
		    "or it is switched off");
	if (level == AB_LEVEL_LANDLOCK && !probe->seccomp)
		return ab_fail(err, AB_E_ISOLATION_UNAVAILABLE,
		    "level landlock is not available here: the kernel takes no "
		    "system-call filter");
	if (level == AB_LEVEL_LANDLOCK && plan->net.mode == AB_NET_ALLOW)
		return ab_fail(err, AB_E_ISOLATION_UNAVAILABLE,
		    "level landlock cannot keep a network allow-list: Landlock knows "
		    "ports, not hosts");
	if (!ab_level_has_wall(level) && plan->net.mode == AB_NET_ALLOW)
		return ab_fail(err, AB_E_ISOLATION_UNAVAILABLE, "level %s cannot keep a network allow-list: it is no wall", ab_level_name(level));
	return 0;
}

/* What bubblewrap is not asked for, since it would not do it; and which one. */
static int
choose_bwrap(struct ab_plan *plan, struct ab_error *err)
{
	struct ab_bwrap bwrap;

	if (plan->net.mode == AB_NET_ALLOW || plan->leftover_wait) {
		bool net = plan->net.mode == AB_NET_ALLOW;
		ab_fail(err, AB_E_UNSUPPORTED, net ? "level bwrap cannot keep a network allow-list: bubblewrap knows all or nothing" :
		    "level bwrap cannot wait for what outlives the command: it dies with bubblewrap");
		ab_error_hint(err, net ? "--isolation namespace, or --net none or host" : "--isolation namespace, or --leftover kill");
		return -1;
	}
	if (ab_bwrap_find(getenv("PATH"), plan->tree, &bwrap, err) < 0)
		return -1;
	free(plan->bwrap);
	plan->bwrap = ab_strdup(bwrap.path);
	plan->bwrap_holds = ab_bwrap_holds(&bwrap);
	return 0;
}

static void
hint_namespace(const struct ab_probe *probe, struct ab_error *err)
{
	struct ab_obstacles obstacles;
	char text[AB_REMEDY_SIZE];

	ab_remedy_look(probe, &obstacles);
	if (ab_remedy_namespace(probe, &obstacles, text)[0] != '\0')
		ab_error_hint(err, "%s", text);
}

int
ab_probe_choose(const struct ab_probe *probe, enum ab_level want, ab_promises require, struct ab_plan *plan,
    struct ab_error *err)
{
	enum ab_level level = want == AB_LEVEL_AUTO ? AB_LEVEL_NAMESPACE : want;
	struct ab_error weaker = AB_ERROR_INIT;

	if (check_level(probe, level, plan, err) != 0) {
		if (want == AB_LEVEL_LANDLOCK && probe->landlock_abi == 0)
			ab_error_hint(err,
			    "run on Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK, and `landlock` in the boot option lsm=");
		else if (plan->net.mode == AB_NET_ALLOW && probe->namespaces && probe->net)
			ab_error_hint(err, "--isolation namespace, or --net none or host");
		else
			hint_namespace(probe, err);
		if (want != AB_LEVEL_AUTO)
			return -1;
		if (check_level(probe, AB_LEVEL_LANDLOCK, plan, &weaker) != 0)
			return ab_error_context(err, "no isolation, nothing was run"), -1;
		level = AB_LEVEL_LANDLOCK;
	}
	if (level == AB_LEVEL_BWRAP && choose_bwrap(plan, err) < 0)
		return -1;
	plan->level = level;
	plan->fresh_proc = ab_level_has_view(level) && (probe->fresh_proc || !probe->namespaces);
	plan->missing |= missing_of(probe, plan, ab_probe_asked(plan) | require);
	if (ab_promise_require(require, plan->missing, level, err) == 0)
		return 0;
	hint_namespace(probe, err);
	return -1;
}
