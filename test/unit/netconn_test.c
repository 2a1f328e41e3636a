/* sys/netconn: connections that are allowed, judged, refused; direct and through the proxy. */
#include "sys/netconn.h"

#include "netbox.h"

static bool
run_with_server(struct netbox *box, bool echo, const char *policy_format)
{
	char policy[256];
	pid_t server = netbox_server(echo, &box->port);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(policy, sizeof(policy), policy_format, box->port, box->port);
#pragma GCC diagnostic pop
	box->policy = policy;
	bool good = netbox_run(box);
	box->policy = NULL;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return good;
}

static void
direct(struct netbox_result *result, uint16_t port)
{
	result->number[0] =
	    netbox_talk(netbox_connect_name("listed.test", port), "hello", true, result->text[0], 512);
	result->number[1] =
	    netbox_talk(netbox_connect(INADDR_LOOPBACK, port), "hello!", true, result->text[1], 512);
	result->number[2] =
	    netbox_talk(netbox_connect_name("evil.test", port), "x", true, result->text[2], 512);
}

static void
test_direct(void)
{
	struct netbox box = { .client = direct };

	if (!run_with_server(&box, false, "allow:listed.test:%u,localhost:%u"))
		return;
	CHECK_STRING(box.result->text[0], "got 5 bytes");
	CHECK_STRING(box.result->text[1], "got 6 bytes");
	CHECK(box.result->number[2] <= 0);
	CHECK_INT(box.violation_count, 1);
}

static void
rebound(struct netbox_result *result, uint16_t port)
{
	char request[128];

	result->number[0] =
	    netbox_talk(netbox_connect_name("evil.test", port), "x", true, result->text[0], 512);
	snprintf(request, sizeof(request), "CONNECT evil.test:%u HTTP/1.1\r\n\r\n", port);
	netbox_talk(
	    netbox_connect(INADDR_LOOPBACK, AB_NETGATE_PROXY_PORT), request, false, result->text[1], 512);
	snprintf(request, sizeof(request), "CONNECT private.test:%u HTTP/1.1\r\n\r\n", port);
	netbox_talk(
	    netbox_connect(INADDR_LOOPBACK, AB_NETGATE_PROXY_PORT), request, false, result->text[2], 512);
}

static void
test_rebound(void)
{
	struct netbox box = { .client = rebound };
	char want[128];

	if (!run_with_server(&box, false, "allow:*:%u"))
		return;
	CHECK(box.result->number[0] <= 0);
	CHECK_INT(box.violation_count, 2);
	CHECK_INT(box.violation[0].count, 2);
	snprintf(want, sizeof(want), "--net allow:evil.test:%u,127.0.0.1:%u", box.port, box.port);
	CHECK_STRING(box.violation[0].allow, want);
	CHECK(strstr(box.result->text[1], want) != NULL);
	CHECK(strncmp(box.result->text[1], "HTTP/1.1 403 ", 13) == 0);
	snprintf(want, sizeof(want), "--net allow:private.test:%u,10.255.255.1:%u", box.port, box.port);
	CHECK_STRING(box.violation[1].allow, want);
}

static void
failing(struct netbox_result *result, uint16_t port)
{
	char request[128];

	result->number[0] =
	    netbox_talk(netbox_connect_name("listed.test", port), "x", true, result->text[0], 512);
	snprintf(request, sizeof(request), "CONNECT listed.test:%u HTTP/1.1\r\n\r\n", port);
	netbox_talk(
	    netbox_connect(INADDR_LOOPBACK, AB_NETGATE_PROXY_PORT), request, false, result->text[1], 512);
	snprintf(request, sizeof(request), "CONNECT nowhere.test:%u HTTP/1.1\r\n\r\n", port);
	netbox_talk(
	    netbox_connect(INADDR_LOOPBACK, AB_NETGATE_PROXY_PORT), request, false, result->text[2], 512);
}

/* What is allowed and cannot be reached is no violation. */
static void
test_failing(void)
{
	char policy[128];
	struct netbox box = { .client = failing, .policy = policy, .port = netbox_closed_port() };

	snprintf(policy, sizeof(policy), "allow:*.test:%u,127.0.0.1:%u", box.port, box.port);
	if (!netbox_run(&box))
		return;
	CHECK(box.result->number[0] <= 0);
	CHECK(strncmp(box.result->text[1], "HTTP/1.1 502 ", 13) == 0);
	CHECK(strstr(box.result->text[1], "Connection refused") != NULL);
	CHECK(strncmp(box.result->text[2], "HTTP/1.1 502 ", 13) == 0);
	CHECK_INT(box.violation_count, 0);
}

static void
second_address(struct netbox_result *result, uint16_t port)
{
	netbox_talk(netbox_connect_name("two.test", port), "hello", true, result->text[0], 512);
}

/* The first address refuses the connection, the second takes it. */
static void
test_second_address(void)
{
	struct netbox box = { .client = second_address };

	if (run_with_server(&box, false, "allow:two.test:%1$u,127.0.0.1:%1$u,127.0.0.2:%1$u"))
		CHECK_STRING(box.result->text[0], "got 5 bytes");
}

static void
proxied(struct netbox_result *result, uint16_t port)
{
	char request[256];
	uint32_t proxy = INADDR_LOOPBACK;

	snprintf(request, sizeof(request), "CONNECT LISTED.test:%u HTTP/1.1\r\nHost: x\r\n\r\nhello", port);
	netbox_talk(netbox_connect(proxy, AB_NETGATE_PROXY_PORT), request, true, result->text[0], 512);
	snprintf(
	    request, sizeof(request), "POST http://listed.test:%u/x HTTP/1.1\r\nHost: other\r\n\r\nbody", port);
	netbox_talk(netbox_connect(proxy, AB_NETGATE_PROXY_PORT), request, true, result->text[1], 512);
	netbox_talk(netbox_connect(proxy, AB_NETGATE_PROXY_PORT), "GET http://cdn.x/ HTTP/1.1\r\n\r\n", false,
	    result->text[2], 512);
	netbox_talk(netbox_connect(proxy, AB_NETGATE_PROXY_PORT), "GET / HTTP/1.1\r\n\r\n", false,
	    result->text[3], 512);
	netbox_talk(netbox_connect(proxy, AB_NETGATE_PROXY_PORT),
	    "GET http://169.254.169.254/ HTTP/1.1\r\n\r\n", false, result->text[4], 512);
	/* the listener is on 127.0.0.1 alone */
	result->number[0] = netbox_connect(0xc6120001, AB_NETGATE_PROXY_PORT) < 0 ? errno : 0;
}

static void
test_proxied(void)
{
	struct netbox box = { .client = proxied };
	char head[256];

	if (!run_with_server(&box, true, "allow:listed.test:%u,127.0.0.1:%u"))
		return;
	CHECK_STRING(box.result->text[0], "HTTP/1.1 200 Connection established\r\n\r\nhello");
	/* The echo shows what the server got. */
	snprintf(head, sizeof(head),
	    "POST /x HTTP/1.1\r\nHost: listed.test:%u\r\nConnection: close\r\n\r\nbody", box.port);
	CHECK_STRING(box.result->text[1], head);
	CHECK(strncmp(box.result->text[2], "HTTP/1.1 403 Not allowed: --net allow:cdn.x:80\r\n", 48) == 0);
	CHECK(strncmp(box.result->text[3], "HTTP/1.1 400 ", 13) == 0);
	CHECK(strncmp(box.result->text[4], "HTTP/1.1 403 ", 13) == 0);
	CHECK_INT(box.result->number[0], ECONNREFUSED);
	CHECK_INT(box.violation_count, 2);
	CHECK_STRING(box.violation[0].target, "cdn.x:80");
	CHECK_STRING(box.violation[1].target, "169.254.169.254:80");
}

static void
socks(struct netbox_result *result, uint16_t port)
{
	char request[64] = "\5\1\0\5\1\0\3\13listed.test";
	size_t len = 3 + 5 + 11;
	int fd = netbox_connect(INADDR_LOOPBACK, AB_NETGATE_PROXY_PORT);

	request[len++] = (char)(port >> 8);
	request[len++] = (char)port;
	/* greeting and request at once, then the request in two parts */
	memcpy(request + len, "hello", 5);
	send(fd, request, len + 5, 0);
	shutdown(fd, SHUT_WR);
	result->number[0] = (int)recv(fd, result->text[0], 12, MSG_WAITALL);
	recv(fd, result->text[1], 512, MSG_WAITALL);
	close(fd);
	fd = netbox_connect(INADDR_LOOPBACK, AB_NETGATE_PROXY_PORT);
	send(fd, request, 3, 0);
	result->number[1] = (int)recv(fd, result->text[2], 2, MSG_WAITALL);
	request[len - 1] = (char)(request[len - 1] + 1);
	send(fd, request + 3, 4, 0);
	usleep(20000);
	send(fd, request + 7, len - 7, 0);
	result->number[2] = (int)recv(fd, result->text[2], 10, MSG_WAITALL);
	close(fd);
}

static void
test_socks(void)
{
	struct netbox box = { .client = socks };

	if (!run_with_server(&box, true, "allow:listed.test:%u,127.0.0.1:%u"))
		return;
	CHECK_INT(box.result->number[0], 12);
	CHECK(memcmp(box.result->text[0], "\5\0\5\0\0\1\0\0\0\0\0\0", 12) == 0);
	CHECK_STRING(box.result->text[1], "hello");
	CHECK_INT(box.result->number[1], 2);
	CHECK_INT(box.result->number[2], 10);
	CHECK_INT(box.result->text[2][1], 2);
	CHECK_INT(box.violation_count, 1);
}

enum { BULK = 6 << 20 };

/* A writer and a slow reader of an echo: more than all buffers between hold, both ways at once. */
static void
bulk(struct netbox_result *result, uint16_t port)
{
	static unsigned char chunk[65536];
	int fd = netbox_connect_name("listed.test", port);
	size_t wrong = 0, got = 0;
	ssize_t n;

	if (fork() == 0) {
		for (size_t sent = 0; sent < BULK; sent += sizeof(chunk)) {
			for (size_t i = 0; i < sizeof(chunk); i++)
				chunk[i] = (unsigned char)((sent + i) % 251);
			for (size_t at = 0; at < sizeof(chunk); at += (size_t)n)
				if ((n = write(fd, chunk + at, sizeof(chunk) - at)) < 0)
					_exit(1);
		}
		shutdown(fd, SHUT_WR);
		_exit(0);
	}
	usleep(200000);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		for (ssize_t i = 0; i < n; i++, got++)
			wrong += chunk[i] != got % 251;
	result->number[0] = (int)got;
	result->number[1] = (int)wrong;
	result->number[2] = n == 0;
}

static void
test_bulk(void)
{
	struct netbox box = { .client = bulk };

	if (!run_with_server(&box, true, "allow:listed.test:%u,127.0.0.1:%u"))
		return;
	CHECK_INT(box.result->number[0], BULK);
	CHECK_INT(box.result->number[1], 0);
	CHECK_INT(box.result->number[2], 1);
}

static void
test_allow_text(void)
{
	char text[AB_NETCONN_ALLOW_SIZE];

	CHECK_STRING(ab_netconn_allow(text, "a.org", 443, NULL), "--net allow:a.org:443");
	CHECK_STRING(ab_netconn_allow(text, "a.org", 443, "fd00::1"), "--net allow:a.org:443,[fd00::1]:443");
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "a name and localhost, direct", test_direct },
		{ "a name that leads to a guarded address is refused", test_rebound },
		{ "what cannot be reached", test_failing },
		{ "the next address is tried", test_second_address },
		{ "through the proxy", test_proxied },
		{ "through SOCKS", test_socks },
		{ "6 MiB both ways at once", test_bulk },
		{ "the option that allows it", test_allow_text },
	};
	return netbox_tests(tests, AB_COUNT_OF(tests));
}
