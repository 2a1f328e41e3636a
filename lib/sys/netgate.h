/*
 * The network of a sandbox that has an allow-list, or none with names told.
 *
 * Inside, init makes (in the sandbox's own network namespace, before capabilities go): lo up, a local route for
 * 198.18.0.0/15, a DNS socket on 127.0.0.1:53, one any-address listener per port of the list (and 80, 443, 22 always, for
 * diagnosis), and an HTTP proxy listener on 127.0.0.1:3128; it passes them out by SCM_RIGHTS. Outside, in our loop, the gate
 * answers DNS (each name gets its own 198.18 address; at most 4,096; AAAA empty; with mode none NXDOMAIN), accepts, finds the
 * name back by getsockname(2), judges name and port, resolves, refuses loopback, private, link-local and metadata addresses
 * unless listed, and connects to exactly that address. No process relays, no socket file exists inside.
 */
#ifndef AB_SYS_NETGATE_H
#define AB_SYS_NETGATE_H

#include "core/loop.h"
#include "sys/plan.h"

#define AB_NETGATE_PROXY_PORT 3128
#define AB_NETGATE_FDS_MAX 64

/* Policy from its text: "none", "host", "allow:HOST[:PORT],@group,*.example.org". input.invalid names the part. */
int ab_net_policy_parse(const char *text, struct ab_net_policy *policy, struct ab_error *err) AB_MUST_USE;
void ab_net_policy_release(struct ab_net_policy *policy);
bool ab_net_policy_allows(const struct ab_net_policy *policy, const char *host, uint16_t port);
/* Whether `inner` allows nothing that `outer` does not (ceilings). */
bool ab_net_policy_within(const struct ab_net_policy *inner, const struct ab_net_policy *outer);
/* The table of groups: name ("@npm") and its hosts, one row after the other; NULL name at the end. */
struct ab_net_group {
	const char *name;
	const char *hosts; /* comma-separated */
	const char *help;
};
const struct ab_net_group *ab_net_groups(void);

/* In init, before capabilities are dropped: make the sockets. Returns their number, or -1 with errno set and *step naming what
 * failed. Order of fds: DNS socket, proxy listener, then the port listeners. Mode NONE: DNS socket and 80/443/22 listeners too. */
int ab_netgate_inside(const struct ab_net_policy *policy, int fds[static AB_NETGATE_FDS_MAX], const char **step);

struct ab_netgate; /* opaque: one a run */

/* Host side. Takes the descriptors. policy is borrowed and must outlive the gate. */
struct ab_netgate *ab_netgate_open(struct ab_loop *loop, const struct ab_net_policy *policy, const int *fds, unsigned fd_count, struct ab_error *err) AB_MUST_USE;
/* Close connections, listeners, and end resolver processes. NULL is allowed. */
void ab_netgate_close(struct ab_netgate *gate);

/* What was refused, in order of first attempt: target "cdn.x:443" (or "cdn.x" when only the name was asked), how often, and the
 * option that would allow it. */
struct ab_violation {
	char target[300];
	char allow[320];
	uint64_t count;
};
size_t ab_netgate_violations(const struct ab_netgate *gate, const struct ab_violation **violations);

/* Variables for programs inside that honour them (http_proxy, …), as "NAME=VALUE", NULL-ended, static. */
const char *const *ab_netgate_environment(void);

#endif
