/* The system-call filter: choose one of the generated programs and load it. */
#include "sys/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/mem.h"
#include "seccomp_filter.h"
#include "sys/landlock.h"

#define PROGRAM(name) { .len = AB_COUNT_OF(name), .filter = name }

static const struct {
	unsigned short len;
	const struct sock_filter *filter;
} programs[AB_SECCOMP_COUNT] = {
	[AB_SECCOMP_NAMESPACE] = PROGRAM(filter_namespace),
	[AB_SECCOMP_NO_NET_OLD] = PROGRAM(filter_no_net_old),
	[AB_SECCOMP_NO_NET] = PROGRAM(filter_no_net),
	[AB_SECCOMP_NO_NET_UNIX] = PROGRAM(filter_no_net_unix),
	[AB_SECCOMP_NET_OLD] = PROGRAM(filter_net_old),
	[AB_SECCOMP_NET] = PROGRAM(filter_net),
	[AB_SECCOMP_NET_UNIX] = PROGRAM(filter_net_unix),
};

enum ab_seccomp_filter
ab_seccomp_choose(bool landlock_level, enum ab_net_mode net, int landlock_abi)
{
	if (!landlock_level)
		return AB_SECCOMP_NAMESPACE;
	/*
	 * An allow-list is not possible at this level; were it asked for, nothing would be the safe answer.
	 */
	bool host = net == AB_NET_HOST;
	if (landlock_abi < AB_LANDLOCK_ABI_TRUNCATE)
		return host ? AB_SECCOMP_NET_OLD : AB_SECCOMP_NO_NET_OLD;
	if (landlock_abi < AB_LANDLOCK_ABI_UNIX)
		return host ? AB_SECCOMP_NET : AB_SECCOMP_NO_NET;
	return host ? AB_SECCOMP_NET_UNIX : AB_SECCOMP_NO_NET_UNIX;
}

const void *
ab_seccomp_program(enum ab_seccomp_filter filter, size_t *len)
{
	*len = programs[filter].len * sizeof(struct sock_filter);
	return programs[filter].filter;
}

int
ab_seccomp_load(enum ab_seccomp_filter filter)
{
	struct sock_fprog program = {
		.len = programs[filter].len,
		.filter = (struct sock_filter *)(uintptr_t)programs[filter].filter, /* the kernel copies it */
	};

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

int
ab_seccomp_apply(bool landlock_level, const struct ab_plan *plan, const char **step)
{
	if ((plan->missing & AB_PROMISE_BIT(AB_PROMISE_SECCOMP)) != 0)
		return 0;
	*step = "load the system-call filter";
	int abi = landlock_level ? ab_landlock_abi() : 0;
	return ab_seccomp_load(ab_seccomp_choose(landlock_level, plan->net.mode, abi));
}

bool
ab_seccomp_available(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}
