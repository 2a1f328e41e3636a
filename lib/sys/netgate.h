/*
 * The network of a sandbox that has an allow-list, or none with names told.
 *
 * Inside, init makes, in the sandbox's own network namespace and before capabilities go, a handful of sockets
 * and passes them out by SCM_RIGHTS; outside, in our loop, the gate serves them. No process relays, no socket
 * file exists inside.
 *
 * Mode NONE: lo up and a DNS socket on 127.0.0.1:53 that answers NXDOMAIN, so that every host that was asked
 * for by name is known. There are no listeners: nothing leads to them, and a port of 127.0.0.1 that answers
 * would only look like a leak.
 *
 * Mode ALLOW: lo up; the address 198.18.0.1/15 on lo, which makes all of 198.18.0.0/15 (RFC 2544, never used on
 * the Internet) local and lets getaddrinfo(3) with AI_ADDRCONFIG see an IPv4 network; one any-address listener
 * per port of the list (and 80, 443 and 22 always, for diagnosis); an HTTP and SOCKS5 proxy listener on
 * 127.0.0.1:3128; and each address literal of the list as an address of lo, so that plain connections to it
 * arrive as well. The DNS stub gives each name its own 198.18 address (at most 4,096 names, then SERVFAIL; AAAA
 * is empty; UDP only). The gate accepts, finds the name back by getsockname(2), judges name and port, resolves
 * outside, refuses what ab_address_special() names and addresses of this machine unless the list has that very
 * address, and connects to exactly that one. "localhost:PORT" or "127.0.0.1:PORT" in the list opens that port
 * of our loopback.
 *
 * What cannot be seen: connections to address literals that are not listed (ENETUNREACH, as there is no route;
 * through the proxy they are seen), connections of a name to a port on which nobody listens (ECONNREFUSED; the
 * name is then told without the port when no rule has it), and UDP other than DNS. A server inside cannot
 * listen on a port of the list (EADDRINUSE).
 */
#ifndef AB_SYS_NETGATE_H
#define AB_SYS_NETGATE_H

#include "core/loop.h"
#include "sys/plan.h"

#define AB_NETGATE_PROXY_PORT 3128
#define AB_NETGATE_FDS_MAX 64

#define AB_NETGATE_PORTS_MAX 60

/*
 * Policy from its text: "none", "host", or "allow:" and a comma-separated list of HOST[:PORT], where HOST is a
 * name, "*.NAME" (every name below it, not itself), "*" (every name), an address literal ([IPv6]:PORT) or a
 * group ("@npm"). Without a port: 80 and 443. Wildcards match no address literal and not "localhost".
 * input.invalid names the part; the policy is then empty. The caller releases.
 */
int ab_net_policy_parse(const char *text, struct ab_net_policy *policy, struct ab_error *err) AB_MUST_USE;
void ab_net_policy_release(struct ab_net_policy *policy);
/* host: in any spelling that ab_host_normalise() takes; what it refuses is not allowed. HOST allows all. */
bool ab_net_policy_allows(const struct ab_net_policy *policy, const char *host, uint16_t port);
/* Whether a rule names this host itself (normal form; no wildcard). "localhost" is 127.0.0.1 and ::1 too. */
bool ab_net_policy_lists(const struct ab_net_policy *policy, const char *host, uint16_t port);
/* Whether any rule matches the host, at whatever port. */
bool ab_net_policy_knows(const struct ab_net_policy *policy, const char *host);
/* The ports that need a listener, ascending: for family AF_INET those of all rules and 22, 80, 443; for
 * AF_INET6 those of IPv6 literals. Returns how many. */
unsigned ab_net_policy_ports(
    const struct ab_net_policy *policy, int family, uint16_t ports[static AB_NETGATE_PORTS_MAX]);
/* Whether `inner` allows nothing that `outer` does not (ceilings). */
bool ab_net_policy_within(const struct ab_net_policy *inner, const struct ab_net_policy *outer);
/* The table of groups: name ("@npm") and its hosts, one row after the other; NULL name at the end. */
struct ab_net_group {
	const char *name;
	const char *hosts; /* comma-separated, each as in a policy's text */
	const char *help;
};
const struct ab_net_group *ab_net_groups(void);

/*
 * In init, before capabilities are dropped (needs CAP_NET_ADMIN and CAP_NET_BIND_SERVICE over the network
 * namespace): bring lo up and make the sockets, all CLOEXEC and non-blocking. Returns their number, or -1 with
 * errno set, *step naming what failed and no descriptor left open. Order of fds: DNS socket, then (ALLOW) proxy
 * listener and port listeners; the gate tells them apart by getsockname(2), not by order. Mode HOST is a
 * mistake of the caller (EINVAL). NONE costs three system calls.
 */
int ab_netgate_inside(
    const struct ab_net_policy *policy, int fds[static AB_NETGATE_FDS_MAX], const char **step);

struct ab_netgate; /* opaque: one a run */

/* Host side. Takes the descriptors, also when it fails. policy is borrowed and must outlive the gate. */
struct ab_netgate *ab_netgate_open(struct ab_loop *loop, const struct ab_net_policy *policy, const int *fds,
    unsigned fd_count, struct ab_error *err) AB_MUST_USE;
/* Account for what the command asked for last and did not wait for (a datagram or connection still in a queue);
 * nothing is connected any more. Call it once when everything inside is dead, before the violations are read.
 * NULL is allowed. */
void ab_netgate_settle(struct ab_netgate *gate);
/* Close connections, listeners, and end resolver processes. NULL is allowed. Connections end with the run: what a
 * command sent at the very last, without waiting for an answer, may be lost. */
void ab_netgate_close(struct ab_netgate *gate);

/* What was refused, in order of first attempt: target "cdn.x:443" (or "cdn.x" when only the name was asked),
 * how often, and the option that would allow it (a name that led to a private address needs both: "--net
 * allow:db.corp:5432,10.1.2.3:5432"). At most 1,024 different ones are kept; later ones are refused just the
 * same. The array is valid until the loop runs again. */
struct ab_violation {
	char target[300];
	char allow[384];
	uint64_t count;
};
size_t ab_netgate_violations(const struct ab_netgate *gate, const struct ab_violation **violations);

/* Variables for programs inside that honour them (http_proxy, …; mode ALLOW only), as "NAME=VALUE", NULL-ended,
 * static. They are a courtesy (a refusal is then an HTTP answer that names the option, not a reset): programs
 * that ignore them are served too. */
const char *const *ab_netgate_environment(void);

#endif
