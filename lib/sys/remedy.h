/*
 * Why this host refuses namespaces, and what to type so that it does not. Text only: nothing is ever applied.
 *
 * user_namespaces(7); Ubuntu's restriction: kernel.apparmor_restrict_unprivileged_userns (23.10 and later);
 * Docker's default seccomp profile (clone3: ENOSYS, clone with CLONE_NEWUSER: EPERM) and masked /proc paths.
 */
#ifndef AB_SYS_REMEDY_H
#define AB_SYS_REMEDY_H

#include "sys/probe.h"

enum ab_container { AB_CONTAINER_NONE, AB_CONTAINER_DOCKER, AB_CONTAINER_PODMAN, AB_CONTAINER_OTHER };

/* What stands in the way, as far as files tell. */
struct ab_obstacles {
	bool root;		     /* the caller is root */
	enum ab_container container;
	bool sandbox;		     /* AB_SANDBOX is set: this runs inside ab-exec */
	bool filtered;		     /* a system-call filter is on already */
	long apparmor_restricts;     /* the sysctl's value; -1: there is none */
	long max_user_namespaces;    /* … */
	long unprivileged_userns_clone; /* … Debian before 11 */
};
void ab_remedy_look(const struct ab_probe *probe, struct ab_obstacles *obstacles);

#define AB_REMEDY_SIZE 512
/*
 * The next thing to type to get level namespace (or a fresh /proc when namespaces work and that is missing);
 * "" when nothing is wrong. Returns text.
 */
const char *ab_remedy_namespace(
    const struct ab_probe *probe, const struct ab_obstacles *obstacles, char text[static AB_REMEDY_SIZE]);
/*
 * The AppArmor profile that lets the program at `path` make user namespaces, and how to load it. Returns
 * text.
 */
#define AB_REMEDY_PROFILE_SIZE 1024
const char *ab_remedy_apparmor(const char *path, char text[static AB_REMEDY_PROFILE_SIZE]);

#endif
