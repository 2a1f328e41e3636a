/* sys/netgate: a sandbox's network as a whole; what is answered, what is refused, what is told. */
#include "netbox.h"

#include "sys/netconn.h"

static void
ask_none(struct netbox_result *result, uint16_t port)
{
	uint32_t address;

	(void)port;
	result->number[0] = netbox_ask("Registry.npmjs.org", 1, &address);
	result->number[1] = netbox_ask("registry.npmjs.org", 28, &address);
	result->number[2] = netbox_ask("localhost", 1, &address);
	result->number[3] = (int)address;
	result->number[4] = netbox_connect(INADDR_LOOPBACK, 80) < 0 ? errno : 0;
	result->number[5] = netbox_connect(0x01010101, 443) < 0 ? errno : 0;
	result->number[6] = netbox_ask("_sip._tcp.example.org", 33, &address);
	result->number[7] = netbox_ask("second.example", 28, &address);
}

static void
test_none(void)
{
	struct netbox box = { .policy = "none", .client = ask_none };

	if (!netbox_run(&box))
		return;
	CHECK_INT(box.fd_count, 1);
	CHECK_INT(box.result->number[0], 3);
	CHECK_INT(box.result->number[1], 3);
	CHECK_INT(box.result->number[2], 0);
	CHECK_INT(box.result->number[3], INADDR_LOOPBACK);
	CHECK_INT(box.result->number[4], ECONNREFUSED);
	CHECK_INT(box.result->number[5], ENETUNREACH);
	CHECK_INT(box.result->number[6], 3);
	CHECK_INT(box.violation_count, 2);
	CHECK_STRING(box.violation[0].target, "registry.npmjs.org");
	CHECK_STRING(box.violation[0].allow, "--net allow:registry.npmjs.org");
	CHECK_INT(box.violation[0].count, 1);
	CHECK_STRING(box.violation[1].target, "second.example");
}

static void
go_elsewhere(struct netbox_result *result, uint16_t port)
{
	uint32_t address, again;

	result->number[0] = netbox_ask("other.test", 1, &address);
	netbox_ask("quiet.test", 1, &again);
	netbox_ask("OTHER.test", 1, &again);
	result->number[1] = address == again && address >> 17 == 0xc612 >> 1;
	for (int i = 0; i < 2; i++)
		result->number[2 + i] =
		    netbox_talk(netbox_connect(address, 443), "x", false, result->text[0], 512);
	result->number[4] = netbox_talk(netbox_connect(address, 80), "x", false, result->text[0], 512);
	netbox_ask("other.test", 1, &again);
	/* an allowed name at a port of the list that is not its own */
	result->number[5] =
	    netbox_talk(netbox_connect_name("listed.test", 443), "x", false, result->text[0], 512);
	/* no name has this address */
	result->number[6] = netbox_talk(netbox_connect(0xc6130101, 443), "x", false, result->text[0], 512);
	/* nobody listens there */
	result->number[7] = netbox_connect(address, (uint16_t)(port == 9 ? 10 : 9)) < 0 ? errno : 0;
	result->number[8] = netbox_talk(netbox_connect(INADDR_LOOPBACK, 22), "x", false, result->text[0], 512);
}

static void
test_refused(void)
{
	char policy[128];
	struct netbox box = { .policy = policy, .client = go_elsewhere, .port = netbox_closed_port() };

	snprintf(policy, sizeof(policy), "allow:listed.test:%u", box.port);
	if (!netbox_run(&box))
		return;
	CHECK_INT(box.fd_count, 6);
	CHECK_INT(box.result->number[0], 0);
	CHECK_INT(box.result->number[1], 1);
	for (int i = 2; i <= 6; i++)
		CHECK(box.result->number[i] <= 0);
	CHECK_INT(box.result->number[7], ECONNREFUSED);
	CHECK_INT(box.violation_count, 5);
	CHECK_STRING(box.violation[0].target, "other.test:443");
	CHECK_STRING(box.violation[0].allow, "--net allow:other.test:443");
	CHECK_INT(box.violation[0].count, 2);
	CHECK_STRING(box.violation[1].target, "quiet.test");
	CHECK_STRING(box.violation[2].target, "other.test:80");
	CHECK_INT(box.violation[2].count, 1);
	CHECK_STRING(box.violation[3].target, "listed.test:443");
	CHECK_STRING(box.violation[4].target, "127.0.0.1:22");
}

static void
fill_up(struct netbox_result *result, uint16_t port)
{
	static int fd[AB_NETCONN_MAX + 1];
	char request[128];

	for (int i = 0; i <= AB_NETCONN_MAX; i++)
		result->number[0] += (fd[i] = netbox_connect(INADDR_LOOPBACK, AB_NETGATE_PROXY_PORT)) >= 0;
	snprintf(request, sizeof(request), "CONNECT localhost:%u HTTP/1.1\r\n\r\n", port);
	struct timeval short_time = { .tv_usec = 300000 };
	setsockopt(fd[AB_NETCONN_MAX], SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof(short_time));
	send(fd[AB_NETCONN_MAX], request, strlen(request), 0);
	result->number[1] = recv(fd[AB_NETCONN_MAX], result->text[0], 12, 0) < 0 ? errno : 0;
	close(fd[0]);
	short_time.tv_sec = 5;
	setsockopt(fd[AB_NETCONN_MAX], SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof(short_time));
	result->number[2] = (int)recv(fd[AB_NETCONN_MAX], result->text[0], 12, 0);
}

static void
test_full(void)
{
	char policy[128];
	struct netbox box = { .policy = policy, .client = fill_up };
	pid_t server = netbox_server(false, &box.port);

	snprintf(policy, sizeof(policy), "allow:localhost:%u", box.port);
	if (netbox_run(&box)) {
		CHECK_INT(box.result->number[0], AB_NETCONN_MAX + 1);
		CHECK_INT(box.result->number[1], EAGAIN);
		CHECK_STRING(box.result->text[0], "HTTP/1.1 200");
	}
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static void
flood(struct netbox_result *result, uint16_t port)
{
	uint32_t address;
	char name[64];

	(void)port;
	for (int i = 0; i < 1100; i++) {
		snprintf(name, sizeof(name), "host%d.flood.test", i);
		result->number[0] += netbox_ask(name, 1, &address) == 3;
	}
}

static void
test_many(void)
{
	struct netbox box = { .policy = "none", .client = flood };

	if (!netbox_run(&box))
		return;
	CHECK_INT(box.result->number[0], 1100);
	CHECK_INT(box.violation_count, 1024);
	CHECK_STRING(box.violation[7].target, "host7.flood.test");
}

static void
fire_and_forget(struct netbox_result *result, uint16_t port)
{
	static const char QUERY[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\6forget\4test\0\0\1\0\1";
	struct sockaddr_in to = netbox_address(INADDR_LOOPBACK, 53);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	result->number[0] = (int)sendto(fd, QUERY, sizeof(QUERY) - 1, 0, (struct sockaddr *)&to, sizeof(to));
	result->number[1] = netbox_connect(INADDR_LOOPBACK, 443) >= 0;
	result->number[2] = netbox_connect(INADDR_LOOPBACK, port) >= 0;
	result->number[3] = netbox_connect(INADDR_LOOPBACK, AB_NETGATE_PROXY_PORT) >= 0;
}

/* A command that does not wait for the answer is accounted for too. */
static void
test_settle(void)
{
	struct netbox box = {
		.policy = "allow:localhost:8080", .client = fire_and_forget, .port = 8080, .late = true
	};
	unsigned before = netbox_count_fds();

	if (!netbox_run(&box))
		return;
	for (int i = 0; i < 4; i++)
		CHECK(box.result->number[i] > 0);
	CHECK_INT(box.violation_count, 2);
	CHECK_STRING(box.violation[0].target, "forget.test");
	CHECK_STRING(box.violation[1].target, "127.0.0.1:443");
	CHECK_INT(netbox_count_fds(), before);
}

static void
hang(struct netbox_result *result, uint16_t port)
{
	char request[128];

	snprintf(request, sizeof(request), "CONNECT localhost:%u HTTP/1.1\r\n\r\n", port);
	netbox_connect(INADDR_LOOPBACK, AB_NETGATE_PROXY_PORT);
	for (int i = 0; i < 20; i++) {
		int fd = netbox_connect(INADDR_LOOPBACK, AB_NETGATE_PROXY_PORT);
		send(fd, request, strlen(request), 0);
		if (i < 3)
			result->number[0] += (int)recv(fd, result->text[0], 12, 0);
	}
	for (;;)
		pause();
}

/* Ended in the middle, with connections in every state: no descriptor and no child stays behind. */
static void
test_end(void)
{
	char policy[128];
	static const unsigned AFTER_MS[] = { 20, 80, 2000 };
	struct netbox box = { .policy = policy, .client = hang };
	pid_t server = netbox_server(false, &box.port);
	unsigned before = netbox_count_fds();

	snprintf(policy, sizeof(policy), "allow:localhost:%u", box.port);
	for (size_t round = 0; round < AB_COUNT_OF(AFTER_MS); round++) {
		box.stop_after_ms = AFTER_MS[round];
		netbox_run(&box);
	}
	CHECK_INT(box.result->number[0], 36);
	CHECK_INT(netbox_count_fds(), before);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
}

static void
test_open_fails(void)
{
	struct ab_error err = AB_ERROR_INIT;
	struct ab_loop *loop = ab_loop_new(&err);
	struct ab_net_policy policy = { .mode = AB_NET_NONE };
	int ends[2];
	unsigned before = netbox_count_fds();

	CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
	CHECK(ab_netgate_open(loop, &policy, ends, 2, &err) == NULL);
	CHECK_INT(err.code, AB_E_SYSTEM);
	CHECK_INT(netbox_count_fds(), before);
	struct ab_netgate *gate = ab_netgate_open(loop, &policy, NULL, 0, &err);
	const struct ab_violation *violations;
	CHECK_INT(ab_netgate_violations(gate, &violations), 0);
	ab_netgate_close(gate);
	ab_netgate_close(NULL);
	ab_loop_free(loop);
}

static void
test_environment(void)
{
	unsigned found = 0;

	for (const char *const *at = ab_netgate_environment(); *at != NULL; at++) {
		CHECK(strchr(*at, '=') != NULL);
		found += strcmp(*at, "https_proxy=http://127.0.0.1:3128") == 0;
	}
	CHECK_INT(found, 1);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "none: every name is unknown, and told", test_none },
		{ "what is not on the list is reset, counted and told", test_refused },
		{ "256 connections, the next one waits", test_full },
		{ "the account of refusals is bounded", test_many },
		{ "what nobody waited for is told too", test_settle },
		{ "ended in the middle nothing stays behind", test_end },
		{ "opening takes the descriptors also when it fails", test_open_fails },
		{ "variables", test_environment },
	};
	return netbox_tests(tests, AB_COUNT_OF(tests));
}
