/*
 * The inside of the network gate: what init makes in the sandbox's own network namespace.
 *
 * Sources: netdevice(7), rtnetlink(7). An address with a short prefix on lo makes the whole prefix local (the
 * kernel adds the route itself, as it does for 127.0.0.0/8), so one message gives the range, its route and a
 * source address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#include "core/mem.h"
#include "sys/netaddr.h"
#include "sys/netgate.h"

enum { LOOPBACK_INDEX = 1, DNS_PORT = 53, BACKLOG = 64 };

struct sockets {
	int *fd;
	int count;
};

/* One socket bound to address:port and, for a stream, listening. */
static int
add_socket(
    struct sockets *sockets, int type, const struct ab_address *address, uint16_t port, const char **step)
{
	struct sockaddr_storage to;
	socklen_t len = ab_address_to_sockaddr(address, port, &to);

	*step = "socket";
	int fd = socket(address->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	sockets->fd[sockets->count++] = fd;
	int on = 1;
	if (address->family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		return -1;
	*step = "bind a network port";
	if (bind(fd, (struct sockaddr *)&to, len) != 0)
		return -1;
	*step = "listen";
	return type == SOCK_STREAM ? listen(fd, BACKLOG) : 0;
}

/* The DNS socket serves for the ioctl too: a system call less, and lo must be up before 127.0.0.1 can be bound.
 */
static int
open_dns(struct sockets *sockets, const char **step)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(DNS_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	*step = "DNS socket";
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	sockets->fd[sockets->count++] = fd;
	*step = "bring lo up";
	if (ioctl(fd, SIOCSIFFLAGS, &up) != 0)
		return -1;
	*step = "bind 127.0.0.1:53";
	return bind(fd, (struct sockaddr *)&to, sizeof(to));
}

/* One request to the kernel, and its answer (it is there when send returns). What is there already is no failure. */
static int
ask(int netlink, const struct nlmsghdr *request)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[256];
	} reply;

	if (send(netlink, request, request->nlmsg_len, 0) < 0 || recv(netlink, &reply, sizeof(reply), 0) < 0)
		return -1;
	if (reply.header.nlmsg_type == NLMSG_ERROR && reply.error.error != 0 && reply.error.error != -EEXIST) {
		errno = -reply.error.error;
		return -1;
	}
	return 0;
}

/* Give lo an address. */
static int
add_address(int netlink, const struct ab_address *address, unsigned prefix)
{
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg message;
		struct rtattr attribute;
		unsigned char address[16];
	} request = {
		.header = { .nlmsg_type = RTM_NEWADDR,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK },
		.message = { .ifa_family = (unsigned char)address->family,
		    .ifa_prefixlen = (unsigned char)prefix,
		    .ifa_index = LOOPBACK_INDEX },
		.attribute = { .rta_type = IFA_LOCAL },
	};
	size_t size = address->family == AF_INET ? 4 : 16;

	if (address->family == AF_INET6)
		request.message.ifa_flags = IFA_F_NODAD;
	memcpy(request.address, address->bytes, size);
	request.attribute.rta_len = (unsigned short)RTA_LENGTH(size);
	request.header.nlmsg_len = (unsigned)(NLMSG_LENGTH(sizeof(request.message)) + RTA_LENGTH(size));
	return ask(netlink, &request.header);
}

/* The kernel makes the local route to a new IPv6 address in its own time (addrconf's work queue); until then what is sent there is
 * refused. So we make one. */
static int
add_local_route(int netlink, const struct ab_address *address)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg message;
		struct rtattr to;
		unsigned char address[16];
		struct rtattr out;
		int interface;
	} request = {
		.header = { .nlmsg_type = RTM_NEWROUTE,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK,
		    .nlmsg_len = sizeof(request) },
		.message = { .rtm_family = AF_INET6,
		    .rtm_dst_len = 128,
		    .rtm_table = RT_TABLE_LOCAL,
		    .rtm_protocol = RTPROT_STATIC,
		    .rtm_scope = RT_SCOPE_UNIVERSE,
		    .rtm_type = RTN_LOCAL },
		.to = { .rta_type = RTA_DST, .rta_len = RTA_LENGTH(16) },
		.out = { .rta_type = RTA_OIF, .rta_len = RTA_LENGTH(sizeof(int)) },
		.interface = LOOPBACK_INDEX,
	};

	memcpy(request.address, address->bytes, 16);
	return ask(netlink, &request.header);
}

/* The range of the names, and every address literal of the list that is not local anyway. */
static int
add_addresses(const struct ab_net_policy *policy, const char **step)
{
	struct ab_address address = { .family = AF_INET, .bytes = { 198, 18, 0, 1 } };
	AB_AUTO_CLOSE int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	*step = "add 198.18.0.1/15 to lo";
	if (netlink < 0 || add_address(netlink, &address, 15) != 0)
		return -1;
	for (size_t i = 0; i < policy->rule_count; i++) {
		if (!ab_address_parse(policy->rule[i].host, &address) ||
		    (address.family == AF_INET && address.bytes[0] == 127) ||
		    strcmp(policy->rule[i].host, "::1") == 0)
			continue;
		/* An address that no interface can have (multicast), or no IPv6 here: it stays unreachable, the
		 * rest works. */
		if (add_address(netlink, &address, address.family == AF_INET ? 32 : 128) != 0)
			continue;
		if (address.family == AF_INET6)
			(void)add_local_route(netlink, &address);
	}
	return 0;
}

/* Where the proxy's port is on the list, its listener takes any address; the gate tells which was meant. */
static int
add_listeners(struct sockets *sockets, const struct ab_net_policy *policy, const char **step)
{
	static const struct ab_address LOOPBACK = { .family = AF_INET, .bytes = { 127, 0, 0, 1 } };
	static const struct ab_address ANY4 = { .family = AF_INET }, ANY6 = { .family = AF_INET6 };
	uint16_t ports[AB_NETGATE_PORTS_MAX];
	unsigned count = ab_net_policy_ports(policy, AF_INET, ports);
	bool shared = false;

	for (unsigned i = 0; i < count; i++)
		shared |= ports[i] == AB_NETGATE_PROXY_PORT;
	if (add_socket(sockets, SOCK_STREAM, shared ? &ANY4 : &LOOPBACK, AB_NETGATE_PROXY_PORT, step) != 0)
		return -1;
	for (unsigned i = 0; i < count; i++)
		if (ports[i] != AB_NETGATE_PROXY_PORT &&
		    add_socket(sockets, SOCK_STREAM, &ANY4, ports[i], step) != 0)
			return -1;
	count = ab_net_policy_ports(policy, AF_INET6, ports);
	for (unsigned i = 0; i < count; i++)
		if (add_socket(sockets, SOCK_STREAM, &ANY6, ports[i], step) != 0 && errno != EAFNOSUPPORT)
			return -1;
	return 0;
}

int
ab_netgate_inside(const struct ab_net_policy *policy, int fds[static AB_NETGATE_FDS_MAX], const char **step)
{
	struct sockets sockets = { .fd = fds };

	*step = "network policy";
	errno = EINVAL;
	if (policy->mode != AB_NET_HOST && open_dns(&sockets, step) == 0 &&
	    (policy->mode == AB_NET_NONE ||
		(add_addresses(policy, step) == 0 && add_listeners(&sockets, policy, step) == 0)))
		return sockets.count;
	int saved = errno;
	while (sockets.count > 0)
		close(fds[--sockets.count]);
	errno = saved;
	return -1;
}
