/* What doctor finds: the host explained, each thing with what it costs and what to type. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/io.h"
#include "core/mem.h"
#include "sys/bwrap.h"
#include "sys/home.h"
#include "sys/landlock.h"
#include "sys/remedy.h"

struct ward {
	struct ab_finding *findings;
	size_t max, count;
	struct ab_probe probe;
	struct ab_obstacles obstacles;
	char namespace_remedy[AB_REMEDY_SIZE];
};

/* The next finding; its remedy is empty. What does not fit is dropped into the spare one. */
static struct ab_finding *
find(struct ward *ward, const char *name, const char *promise, bool ok, const char *fmt, ...) AB_PRINTF(5, 6);

static struct ab_finding *
find(struct ward *ward, const char *name, const char *promise, bool ok, const char *fmt, ...)
{
	static struct ab_finding spare;
	struct ab_finding *finding = ward->count < ward->max ? &ward->findings[ward->count++] : &spare;
	va_list args;

	*finding = (struct ab_finding){ .name = name, .promise = promise, .ok = ok };
	va_start(args, fmt);
	vsnprintf(finding->detail, sizeof(finding->detail), fmt, args);
	va_end(args);
	return finding;
}

static void
remedy(struct ab_finding *finding, const char *text)
{
	if (!finding->ok)
		snprintf(finding->remedy, sizeof(finding->remedy), "%s", text);
}

static const char *
word(enum ab_promise promise)
{
	return ab_promise_name(promise);
}

static void
find_namespaces(struct ward *ward)
{
	const struct ab_probe *probe = &ward->probe;

	remedy(find(ward, "user namespaces", word(AB_PROMISE_NAMESPACE), probe->namespaces, "%s%s%s",
		   probe->namespaces ? "can be made, with mounts in them" : probe->failed_step,
		   probe->namespaces ? "" : ": ", probe->namespaces ? "" : strerror(probe->failed_errno)),
	    ward->namespace_remedy);

	const char *proc = "can be mounted";
	if (!probe->namespaces)
		proc = "needs user namespaces";
	else if (!probe->fresh_proc)
		proc = "cannot be mounted: parts of the outer /proc are covered; inside there is a read-only stand-in";
	remedy(find(ward, "fresh /proc", word(AB_PROMISE_PROC), probe->fresh_proc, "%s", proc), ward->namespace_remedy);

	const char *net = "can be made, with a loopback interface; --net allow:… works";
	if (!probe->namespaces)
		net = "needs user namespaces; --net none is kept by refusing sockets, --net allow:… is not possible";
	else if (!probe->net)
		net = "cannot be made: only --net host works at level namespace";
	remedy(find(ward, "network namespace", word(AB_PROMISE_NET), probe->net, "%s", net), ward->namespace_remedy);
}

static void
find_landlock(struct ward *ward)
{
	const char *truncation = "", *signals = "", *sockets = "";
	int abi = ward->probe.landlock_abi;

	if (abi < AB_LANDLOCK_ABI_TRUNCATE)
		truncation = "; truncation is refused by the system-call filter instead (3)";
	if (abi < AB_LANDLOCK_ABI_SCOPE)
		signals = "; at level landlock signals reach processes outside (6)";
	if (abi < AB_LANDLOCK_ABI_UNIX)
		sockets = "; at level landlock there are no unix sockets at all (9)";
	if (abi > 0)
		find(ward, "Landlock", word(AB_PROMISE_LANDLOCK), true, "ABI %d%s%s%s", abi, truncation,
		    signals, sockets);
	else
		remedy(find(ward, "Landlock", word(AB_PROMISE_LANDLOCK), false, "not in the kernel, or switched off"),
		    "boot Linux 5.13 or newer with `landlock` in the boot option lsm= (cat /sys/kernel/security/lsm)");
	remedy(find(ward, "seccomp", word(AB_PROMISE_SECCOMP), ward->probe.seccomp, "%s",
		   ward->probe.seccomp ? "system-call filters work" : "the kernel takes no system-call filter"),
	    "run on a kernel with CONFIG_SECCOMP_FILTER");
}

static void
find_identity(struct ward *ward)
{
	bool fine = !ward->obstacles.root || ward->probe.idmap;
	const char *detail = "not needed: you are not root";

	if (ward->obstacles.root && fine)
		detail = "can be made; a tree of root's runs under a uid of its own where the file system takes it";
	else if (ward->obstacles.root)
		detail = "cannot be made: in a tree of root's a command is root to the kernel, without capabilities";
	remedy(find(ward, "idmapped mounts", word(AB_PROMISE_KUID), fine, "%s", detail),
	    "run ab-exec as an ordinary user, or give the tree to one: chown -R USER DIR");
}

static void
find_cgroups(struct ward *ward)
{
	const struct ab_probe *probe = &ward->probe;
	const char *kind = probe->cgroup_v2 ? "cgroup v2" : "cgroup v1", *memory = kind, *pids = kind;
	const char *text = "systemd-run --user --scope ab-exec … (below the user's own manager)";
	bool counted = probe->namespaces && !ward->obstacles.root; /* by RLIMIT_NPROC */

	if (ward->obstacles.root)
		text = "mount the cgroup file system writable (docker run --cgroupns private --privileged …)";
	if (!probe->cgroup_memory)
		memory = "no cgroup can be made: --memory is kept by looking every 50 ms";
	if (!probe->cgroup_pids && probe->namespaces)
		pids = "no cgroup can be made: --pids is kept by RLIMIT_NPROC, which does not count uid 0";
	else if (!probe->cgroup_pids)
		pids = "no cgroup can be made, and RLIMIT_NPROC would count your other processes";
	remedy(find(ward, "memory limit", word(AB_PROMISE_MEMORY), probe->cgroup_memory, "%s", memory), text);
	remedy(find(ward, "process limit", word(AB_PROMISE_PIDS), probe->cgroup_pids || counted, "%s", pids), text);
}

static void
find_apparmor(struct ward *ward)
{
	char path[256] = "", text[AB_REMEDY_PROFILE_SIZE];
	long value = ward->obstacles.apparmor_restricts;
	bool works = value <= 0 || ward->probe.namespaces;
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[len > 0 ? len : 0] = '\0';
	const char *detail = "does not restrict user namespaces here";
	if (value == 0)
		detail = "could restrict user namespaces, and does not";
	else if (value > 0 && works)
		detail = "restricts user namespaces, but not for this program";
	else if (value > 0)
		detail = "restricts user namespaces of ordinary users (kernel.apparmor_restrict_unprivileged_userns)";
	remedy(find(ward, "AppArmor", word(AB_PROMISE_NAMESPACE), works, "%s", detail), ab_remedy_apparmor(path, text));
}

static void
find_container(struct ward *ward)
{
	static const char *const kinds[] = { "not in a container", "in a Docker container", "in a Podman container",
		"in a container, or another sandbox" };
	bool whole = ward->probe.namespaces && ward->probe.fresh_proc;
	bool fine = whole || ward->obstacles.container == AB_CONTAINER_NONE;

	remedy(find(ward, "container", NULL, fine, "%s%s",
		   ward->obstacles.sandbox ? "in a sandbox of ab-exec" : kinds[ward->obstacles.container],
		   fine ? "" : ", which keeps something from us"),
	    ward->namespace_remedy);
}

static void
find_calls(struct ward *ward)
{
	const struct ab_probe *probe = &ward->probe;
	bool all = probe->openat2 && probe->pidfd;

	remedy(find(ward, "system calls", NULL, all, "clone3 %s, openat2 %s, pidfd_open %s",
		   probe->clone3 ? "yes" : "no (clone serves)", probe->openat2 ? "yes" : "no",
		   probe->pidfd ? "yes" : "no"),
	    "run on Linux 5.12 or newer, or with a newer container runtime (its filter is older than these calls)");
}

static void
find_bwrap(struct ward *ward)
{
	struct ab_bwrap bwrap = { .major = 0 };
	struct ab_error err = AB_ERROR_INIT;

	if (ab_bwrap_find(getenv("PATH"), NULL, &bwrap, &err) < 0) {
		remedy(find(ward, "bubblewrap", NULL, false, "%.250s", err.msg), err.hint);
		return;
	}
	find(ward, "bubblewrap", NULL, true, "%u.%u, \"%.150s\": --isolation bwrap%s", bwrap.major, bwrap.minor, bwrap.path,
	    ab_bwrap_holds(&bwrap) ? "" : ", without protect (0.12)");
}

static void
find_home(struct ward *ward)
{
	struct ab_error err = AB_ERROR_INIT;
	AB_AUTO_FREE char *path = ab_home_path(false, &err);

	if (path == NULL) {
		remedy(find(ward, "AB_HOME", NULL, false, "%.250s", err.msg), err.hint);
		return;
	}
	/* It is made when first needed: then its nearest existing parent must be writable. */
	AB_AUTO_FREE char *upper = ab_strdup(path);
	char *slash;
	while (access(upper, F_OK) != 0 && (slash = strrchr(upper, '/')) != NULL && slash != upper)
		*slash = '\0';
	bool writable = access(upper, W_OK | X_OK) == 0;
	remedy(find(ward, "AB_HOME", NULL, writable, "\"%.200s\"%s", path, writable ? "" : " cannot be written"),
	    "export AB_HOME=DIR, a directory that you may write to");
}

/* The last `KillUserProcesses=` of a file decides; 1, 0, or -1 when it says nothing. logind.conf(5). */
static int
kills_users(const char *path)
{
	AB_AUTO_BUF struct ab_buf buf = AB_BUF_INIT(256 * 1024);
	struct ab_error err = AB_ERROR_INIT;
	static const char name[] = "KillUserProcesses=";
	int answer = -1;
	char *line, *rest;

	if (ab_read_file(AT_FDCWD, path, &buf, &err) != 0)
		return -1;
	for (rest = buf.data; (line = strsep(&rest, "\n")) != NULL;)
		if (strncmp(line, name, sizeof(name) - 1) == 0) {
			const char *value = line + sizeof(name) - 1;
			answer = strncasecmp(value, "yes", 3) == 0 || strncasecmp(value, "true", 4) == 0 ||
			    strncasecmp(value, "on", 2) == 0 || *value == '1';
		}
	return answer;
}

static void
find_logind(struct ward *ward)
{
	static const char *const patterns[] = { "/usr/lib/systemd/logind.conf", "/etc/systemd/logind.conf",
		"/usr/lib/systemd/logind.conf.d/*.conf", "/etc/systemd/logind.conf.d/*.conf" };
	int kills = 0;

	for (size_t i = 0; i < AB_COUNT_OF(patterns); i++) {
		glob_t found = { .gl_pathc = 0 };
		if (glob(patterns[i], 0, NULL, &found) == 0)
			for (size_t n = 0; n < found.gl_pathc; n++) {
				int says = kills_users(found.gl_pathv[n]);
				kills = says >= 0 ? says : kills;
			}
		globfree(&found);
	}
	const char *detail = "background jobs outlive it";
	if (kills)
		detail = "KillUserProcesses=yes: background jobs end when you log out";
	remedy(find(ward, "logout", NULL, kills == 0, "%s", detail),
	    "loginctl enable-linger, and start jobs by: systemd-run --user --scope ab-exec start …");
}

size_t
ab_probe_doctor(struct ab_finding *findings, size_t max)
{
	struct ward ward = { .findings = findings, .max = max };

	ab_probe_invalidate(); /* what was remedied since is to be seen, here and by the next run */
	ab_probe_try(&ward.probe);
	ab_remedy_look(&ward.probe, &ward.obstacles);
	ab_remedy_namespace(&ward.probe, &ward.obstacles, ward.namespace_remedy);
	find_namespaces(&ward);
	find_landlock(&ward);
	find_identity(&ward);
	find_cgroups(&ward);
	find_apparmor(&ward);
	find_container(&ward);
	find_calls(&ward);
	find_bwrap(&ward);
	find_home(&ward);
	find_logind(&ward);
	return ward.count;
}
