/* sys/netaddr: one form for hosts, and which addresses a name must not lead to. */
#include "sys/netaddr.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "tap.h"

static const char *
normal(const char *text)
{
	static char host[AB_HOST_SIZE];

	return ab_host_normalise(host, text, strlen(text)) ? host : NULL;
}

static void
test_names(void)
{
	CHECK_STRING(normal("Registry.NPMJS.org"), "registry.npmjs.org");
	CHECK_STRING(normal("example.org."), "example.org");
	CHECK_STRING(normal("xn--bcher-kva.example"), "xn--bcher-kva.example");
	CHECK_STRING(normal("a_b.local"), "a_b.local");
	CHECK_STRING(normal("localhost"), "localhost");
	CHECK_STRING(normal("3com.com"), "3com.com");
	CHECK_STRING(normal("a.0b"), "a.0b");
}

static void
test_literals(void)
{
	CHECK_STRING(normal("10.1.2.3"), "10.1.2.3");
	CHECK_STRING(normal("[2001:DB8:0::1]"), "2001:db8::1");
	CHECK_STRING(normal("2001:db8::1"), "2001:db8::1");
	CHECK_STRING(normal("::ffff:127.0.0.1"), "127.0.0.1");
	CHECK_STRING(normal("[::ffff:7f00:1]"), "127.0.0.1");
}

static void
test_refused(void)
{
	static const char *const BAD[] = { "", ".", "..", "a..b", ".a", "a b", "a/b", "user@host",
		"b\303\274cher.de", "[10.1.2.3]", "[name]", "[", "[]", "127.1", "2130706433", "0x7f000001",
		"a.0x7f", "fe80::1%eth0", "1.2.3.4.5", "10.1.2.999", "a:80", "*.b" };
	char label[70], longest[260];

	for (size_t i = 0; i < AB_COUNT_OF(BAD); i++)
		if (!CHECK(normal(BAD[i]) == NULL))
			printf("# it is '%s'\n", BAD[i]);
	memset(label, 'a', 64);
	label[64] = '\0';
	CHECK(normal(label) == NULL);
	CHECK(normal(label + 1) != NULL);
	for (size_t i = 0; i < 254; i++)
		longest[i] = i % 2 == 0 ? 'a' : '.';
	longest[253] = '\0';
	CHECK(normal(longest) != NULL);
	memcpy(longest + 253, "b", 2);
	CHECK(normal(longest) == NULL);
	char host[AB_HOST_SIZE];
	CHECK(!ab_host_normalise(host, "a\0b", 3));
}

static void
test_ports(void)
{
	char text[AB_HOST_PORT_SIZE];
	uint16_t port = 0;

	CHECK(ab_port_parse("65535", 5, &port));
	CHECK_INT(port, 65535);
	CHECK(!ab_port_parse("65536", 5, &port));
	CHECK(!ab_port_parse("0", 1, &port));
	CHECK(!ab_port_parse("", 0, &port));
	CHECK(!ab_port_parse("+80", 3, &port));
	CHECK(!ab_port_parse("000080", 6, &port));
	CHECK_STRING(ab_host_port(text, "a.b", 80), "a.b:80");
	CHECK_STRING(ab_host_port(text, "::1", 65535), "[::1]:65535");
}

static const char *
special(const char *host)
{
	struct ab_address address;

	return ab_address_parse(host, &address) ? ab_address_special(&address) : "not an address";
}

static void
test_special(void)
{
	static const char *const GUARDED[] = { "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1",
		"100.127.255.255", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1", "172.31.255.255",
		"192.0.0.1", "192.168.1.1", "198.18.0.5", "198.19.255.255", "224.0.0.1", "239.1.1.1",
		"240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "fc00::1",
		"fdff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "64:ff9b::a00:1", "64:ff9b:1::1",
		"2002:7f00:1::1", "2001::1", "100::1" };
	static const char *const PUBLIC[] = { "1.1.1.1", "9.255.255.255", "11.0.0.1", "100.63.255.255",
		"100.128.0.1", "126.1.1.1", "128.0.0.1", "169.253.1.1", "172.15.0.1", "172.32.0.1",
		"192.167.1.1", "198.17.1.1", "198.20.1.1", "223.255.255.255", "2606:4700::1111",
		"2001:4860::8888", "64:ff9b::101:101", "2002:101:101::1" };

	for (size_t i = 0; i < AB_COUNT_OF(GUARDED); i++)
		if (!CHECK(special(GUARDED[i]) != NULL))
			printf("# it is %s\n", GUARDED[i]);
	for (size_t i = 0; i < AB_COUNT_OF(PUBLIC); i++)
		CHECK_STRING(special(PUBLIC[i]), NULL);
	CHECK_STRING(special("169.254.169.254"), "link-local");
	CHECK_STRING(special("64:ff9b::7f00:1"), "loopback");
}

static void
test_sockaddr(void)
{
	struct sockaddr_storage storage;
	struct ab_address address, back;
	char host[AB_HOST_SIZE];

	CHECK(ab_address_parse("203.0.113.7", &address));
	CHECK_INT(ab_address_to_sockaddr(&address, 443, &storage), sizeof(struct sockaddr_in));
	CHECK(ab_address_from_sockaddr(&back, (struct sockaddr *)&storage));
	CHECK_STRING(ab_address_host(host, &back), "203.0.113.7");
	CHECK(ab_address_parse("2001:db8::7", &address));
	CHECK_INT(ab_address_to_sockaddr(&address, 443, &storage), sizeof(struct sockaddr_in6));
	CHECK(ab_address_from_sockaddr(&back, (struct sockaddr *)&storage));
	CHECK_STRING(ab_address_host(host, &back), "2001:db8::7");
	storage.ss_family = AF_UNIX;
	CHECK(!ab_address_from_sockaddr(&back, (struct sockaddr *)&storage));
}

static void
test_ours(void)
{
	struct ab_address address;

	CHECK(ab_address_parse("127.0.0.1", &address));
	CHECK(ab_address_is_ours(&address));
	CHECK(ab_address_parse("203.0.113.7", &address));
	CHECK(!ab_address_is_ours(&address));
}

/* Give lo one more address: 0, or -1. */
static int
give(int fd, const char *name, const char *host)
{
	struct ifreq request = { .ifr_flags = 0 };
	struct sockaddr_storage to;
	struct ab_address address;

	if (!ab_address_parse(host, &address))
		return -1;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	ab_address_to_sockaddr(&address, 0, &to);
	memcpy(&request.ifr_addr, &to, sizeof(request.ifr_addr));
	return ioctl(fd, SIOCSIFADDR, &request);
}

/* What a child in a network of its own finds: 0 both are ours, 1 one is not, 2 it could not make the network. */
static int
look_at_second(void)
{
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	struct ab_address first, second;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return 2;
	AB_AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &up) != 0 || give(fd, "lo:1", "203.0.113.7") != 0 || give(fd, "lo:2", "203.0.113.8") != 0)
		return 2;
	bool parsed = ab_address_parse("203.0.113.7", &first) && ab_address_parse("203.0.113.8", &second);
	return parsed && ab_address_is_ours(&first) && ab_address_is_ours(&second) ? 0 : 1;
}

static void
test_second(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(look_at_second());
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	if (WEXITSTATUS(status) == 2)
		TAP_SKIP("no network namespace");
	else
		CHECK_INT(WEXITSTATUS(status), 0);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "names take one form", test_names },
		{ "literals take one form", test_literals },
		{ "what is no host is refused", test_refused },
		{ "ports", test_ports },
		{ "guarded and public addresses", test_special },
		{ "socket addresses and back", test_sockaddr },
		{ "addresses of this machine", test_ours },
		{ "a second address of a subnet", test_second },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
