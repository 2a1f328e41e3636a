/* What to type. */
#include "sys/remedy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/mem.h"

static long
read_sysctl(const char *path)
{
	char text[32] = "";
	AB_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 ? strtol(text, NULL, 10) : -1;
}

void
ab_remedy_look(const struct ab_probe *probe, struct ab_obstacles *obstacles)
{
	*obstacles = (struct ab_obstacles){
		.root = geteuid() == 0,
		.sandbox = getenv("AB_SANDBOX") != NULL,
		.filtered = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2,
		.apparmor_restricts = read_sysctl("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
		.max_user_namespaces = read_sysctl("/proc/sys/user/max_user_namespaces"),
		.unprivileged_userns_clone = read_sysctl("/proc/sys/kernel/unprivileged_userns_clone"),
	};
	/* The marker files alone prove nothing: images of machines are made from containers too. */
	if (probe->in_container || obstacles->filtered)
		obstacles->container = access("/run/.containerenv", F_OK) == 0 ? AB_CONTAINER_PODMAN :
		    access("/.dockerenv", F_OK) == 0			       ? AB_CONTAINER_DOCKER :
		    probe->in_container					       ? AB_CONTAINER_OTHER :
										 AB_CONTAINER_NONE;
}

static const char *
container_remedy(enum ab_container container, bool namespaces)
{
	switch (container) {
	case AB_CONTAINER_DOCKER:
		return namespaces ?
		    "docker run --security-opt systempaths=unconfined … (lets /proc be mounted)" :
		    "docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined …";
	case AB_CONTAINER_PODMAN:
		return namespaces ? "podman run --security-opt unmask=ALL … (lets /proc be mounted)" :
				    "podman run --security-opt seccomp=unconfined --security-opt unmask=ALL …";
	default:
		return namespaces ?
		    "start the container without masked /proc paths" :
		    "start the container so that it may make user namespaces (its seccomp filter or AppArmor profile)";
	}
}

const char *
ab_remedy_namespace(
    const struct ab_probe *probe, const struct ab_obstacles *obstacles, char text[static AB_REMEDY_SIZE])
{
	const char *what = "run on Linux 5.12 or newer, with CONFIG_USER_NS, CONFIG_PID_NS and CONFIG_NET_NS";

	if (probe->namespaces && probe->fresh_proc && probe->net)
		what = "";
	else if (obstacles->sandbox)
		what = "run it outside of the sandbox that it is in";
	else if (probe->namespaces && !probe->fresh_proc)
		what = container_remedy(obstacles->container, true);
	else if (obstacles->max_user_namespaces == 0 ||
	    (probe->failed_errno == ENOSPC && probe->failed_step[0] == 's'))
		what = "sudo sysctl user.max_user_namespaces=15000";
	else if (!obstacles->root && obstacles->unprivileged_userns_clone == 0)
		what = "sudo sysctl kernel.unprivileged_userns_clone=1";
	else if (obstacles->container != AB_CONTAINER_NONE)
		what = container_remedy(obstacles->container, false);
	else if (!obstacles->root && obstacles->apparmor_restricts > 0)
		what = "load the AppArmor profile that `ab-exec doctor` prints, or: "
		       "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0";
	else if (obstacles->filtered)
		what =
		    "run it outside of the system-call filter that it is in (seccomp, of a container or a service)";
	snprintf(text, AB_REMEDY_SIZE, "%s", what);
	return text;
}

const char *
ab_remedy_apparmor(const char *path, char text[static AB_REMEDY_PROFILE_SIZE])
{
	snprintf(text, AB_REMEDY_PROFILE_SIZE,
	    "sudo tee /etc/apparmor.d/ab-exec <<'END'\n"
	    "abi <abi/4.0>,\n"
	    "include <tunables/global>\n"
	    "profile ab-exec %s flags=(unconfined) {\n"
	    "  userns,\n"
	    "  include if exists <local/ab-exec>\n"
	    "}\n"
	    "END\n"
	    "sudo apparmor_parser -r /etc/apparmor.d/ab-exec",
	    path);
	return text;
}
