/* sys/netinside: what is there in the sandbox's network namespace. Each case in a namespace of its own. */
#include "netbox.h"

#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <sys/ioctl.h>

/* Run check in a child with a fresh network; its checks print there, its status tells. */
static void
in_namespace(const char *text, void (*check)(const int *fds, int count))
{
	struct ab_net_policy policy;
	struct ab_error err = AB_ERROR_INIT;
	int fds[AB_NETGATE_FDS_MAX], status = -1;
	const char *step = "";

	if (!CHECK_INT(ab_net_policy_parse(text, &policy, &err), 0))
		return;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		tap_failures = 0;
		CHECK_INT(unshare(CLONE_NEWUSER | CLONE_NEWNET), 0);
		int count = ab_netgate_inside(&policy, fds, &step);
		if (CHECK(count > 0))
			check(fds, count);
		else
			printf("# %s: %s\n", step, strerror(errno));
		fflush(stdout);
		_exit(tap_failures > 0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	ab_net_policy_release(&policy);
}

static uint16_t
local_port(int fd)
{
	struct sockaddr_in6 at = { 0 };
	socklen_t len = sizeof(at);

	getsockname(fd, (struct sockaddr *)&at, &len);
	return ntohs(at.sin6_port);
}

/* Connect to a literal, and what the listener that takes it believes the destination is. */
static void
check_reaches(const int *fds, int count, const char *literal, uint16_t port)
{
	struct ab_address address, seen = { 0 };
	struct pollfd waiting[AB_NETGATE_FDS_MAX];
	struct sockaddr_storage to;
	socklen_t len;

	CHECK(ab_address_parse(literal, &address));
	len = ab_address_to_sockaddr(&address, port, &to);
	AB_AUTO_CLOSE int fd = socket(address.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!CHECK_INT(connect(fd, (struct sockaddr *)&to, len), 0)) {
		printf("# %s port %u: %s\n", literal, port, strerror(errno));
		return;
	}
	/* A busy kernel may hand over the connection a moment after connect returns. */
	for (int i = 1; i < count; i++)
		waiting[i - 1] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	CHECK_INT(poll(waiting, (nfds_t)count - 1, 10 * 1000), 1);
	for (int i = 1; i < count; i++) {
		AB_AUTO_CLOSE int client = accept4(fds[i], NULL, NULL, SOCK_CLOEXEC);
		len = sizeof(to);
		if (client < 0 || getsockname(client, (struct sockaddr *)&to, &len) != 0)
			continue;
		CHECK(ab_address_from_sockaddr(&seen, (struct sockaddr *)&to));
		CHECK_INT(local_port(fds[i]), port);
	}
	CHECK(memcmp(&seen, &address, sizeof(seen)) == 0);
}

static int
try_connect(uint32_t address, uint16_t port)
{
	AB_AUTO_CLOSE int fd = netbox_connect(address, port);

	return fd < 0 ? errno : 0;
}

static void
check_none(const int *fds, int count)
{
	struct ifreq lo = { .ifr_name = "lo" };

	CHECK_INT(count, 1);
	CHECK_INT(local_port(fds[0]), 53);
	CHECK_INT(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	CHECK_INT(ioctl(fds[0], SIOCGIFFLAGS, &lo), 0);
	CHECK(lo.ifr_flags & IFF_UP);
	CHECK_INT(try_connect(INADDR_LOOPBACK, 80), ECONNREFUSED);
	CHECK_INT(try_connect(INADDR_LOOPBACK, AB_NETGATE_PROXY_PORT), ECONNREFUSED);
	CHECK_INT(try_connect(0xc6120002, 80), ENETUNREACH);
}

static void
test_none(void)
{
	in_namespace("none", check_none);
}

static void
check_allow(const int *fds, int count)
{
	static const uint16_t PORTS[] = { 53, 3128, 22, 80, 443, 8443 };

	CHECK_INT(count, AB_COUNT_OF(PORTS));
	for (int i = 0; i < count; i++) {
		CHECK_INT(local_port(fds[i]), PORTS[i]);
		CHECK_INT(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		CHECK(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
	}
	check_reaches(fds, count, "198.18.0.2", 443);
	check_reaches(fds, count, "198.19.255.254", 8443);
	check_reaches(fds, count, "127.0.0.1", 80);
	check_reaches(fds, count, "127.0.0.1", 3128);
	CHECK_INT(try_connect(0xc6120002, 3128), ECONNREFUSED);
	CHECK_INT(try_connect(0xc6120002, 8444), ECONNREFUSED);
	CHECK_INT(try_connect(0x01010101, 443), ENETUNREACH);
}

static void
test_allow(void)
{
	in_namespace("allow:a.org,b.org:8443", check_allow);
}

static void
check_literals(const int *fds, int count)
{
	check_reaches(fds, count, "203.0.113.9", 5432);
	check_reaches(fds, count, "10.0.0.7", 5432);
	check_reaches(fds, count, "2001:db8::9", 5433);
	check_reaches(fds, count, "::1", 5434);
	check_reaches(fds, count, "198.18.0.2", 3128);
	check_reaches(fds, count, "127.0.0.1", 3128);
	CHECK_INT(try_connect(0x0a000008, 5432), ENETUNREACH);
}

static void
test_literals(void)
{
	AB_AUTO_CLOSE int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		printf("# no IPv6 here\n");
	in_namespace(
	    "allow:203.0.113.9:5432,10.0.0.7:5432,[2001:db8::9]:5433,[::1]:5434,224.0.0.1:5432,a.org:3128,127.0.0.1:5432,"
	    "10.0.0.7:80",
	    fd < 0 ? check_none : check_literals);
}

/* Programs that ask with AI_ADDRCONFIG for IPv4 alone get an answer: lo has an address that is not a loopback
 * address. */
static void
check_addrconfig(const int *fds, int count)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_flags = AI_ADDRCONFIG }, *list = NULL;

	(void)fds;
	(void)count;
	CHECK_INT(getaddrinfo("listed.test", "80", &hints, &list), 0);
	if (list != NULL)
		freeaddrinfo(list);
}

static void
test_addrconfig(void)
{
	in_namespace("allow:a.org", check_addrconfig);
}

/* What cannot be made is named, and nothing stays open. */
static void
test_failures(void)
{
	struct ab_net_policy policy = { .mode = AB_NET_HOST };
	int fds[AB_NETGATE_FDS_MAX];
	const char *step = NULL;
	unsigned before = netbox_count_fds();

	CHECK_INT(ab_netgate_inside(&policy, fds, &step), -1);
	CHECK_INT(errno, EINVAL);
	policy.mode = AB_NET_NONE; /* in the network namespace of this machine we are nobody */
	CHECK_INT(ab_netgate_inside(&policy, fds, &step), -1);
	CHECK_INT(errno, EPERM);
	CHECK_STRING(step, "bring lo up");
	CHECK_INT(netbox_count_fds(), before);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "none: lo and DNS, and nothing that answers", test_none },
		{ "allow: the range, the ports, the proxy", test_allow },
		{ "address literals of the list", test_literals },
		{ "getaddrinfo with AI_ADDRCONFIG", test_addrconfig },
		{ "failures", test_failures },
	};
	return netbox_tests(tests, AB_COUNT_OF(tests));
}
