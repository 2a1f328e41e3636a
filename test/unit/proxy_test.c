/* sys/proxy: the head of a request, whole and byte by byte. */
#include "sys/proxy.h"

#include "tap.h"

static enum ab_proxy_state
parse(struct ab_proxy *proxy, const char *text)
{
	ab_proxy_release(proxy);
	ab_proxy_init(proxy);
	return ab_proxy_parse(proxy, text, strlen(text));
}

static void
test_connect(void)
{
	struct ab_proxy proxy;
	struct ab_buf out = AB_BUF_INIT(4096);

	ab_proxy_init(&proxy);
	CHECK_INT(parse(&proxy, "CONNECT Example.ORG:443 HTTP/1.1\r\nHost: evil\r\nX: y\r\n\r\nrest"),
	    AB_PROXY_CONNECT);
	CHECK_STRING(proxy.host, "example.org");
	CHECK_INT(proxy.port, 443);
	CHECK_INT(proxy.used, 54);
	ab_proxy_put_reply(&proxy, AB_PROXY_REPLY_OK, "", &out);
	CHECK_STRING(out.data, "HTTP/1.1 200 Connection established\r\n\r\n");
	CHECK_INT(parse(&proxy, "CONNECT [2001:DB8::1]:8443 HTTP/1.0\r\n\r\n"), AB_PROXY_CONNECT);
	CHECK_STRING(proxy.host, "2001:db8::1");
	CHECK_INT(proxy.port, 8443);
	ab_buf_release(&out);
	ab_proxy_release(&proxy);
}

static void
test_forward(void)
{
	struct ab_proxy proxy;

	ab_proxy_init(&proxy);
	CHECK_INT(
	    parse(&proxy,
		"GET http://A.org/x?y=1 HTTP/1.1\r\nHost: evil.org\r\nAccept: */*\r\nProxy-Connection: keep-alive\r\n"
		"connection: keep-alive, X-Hop\r\nContent-Length: 2\r\nKeep-Alive: 5\r\nProxy-Authorization: secret\r\n\r\nhi"),
	    AB_PROXY_FORWARD);
	CHECK_STRING(proxy.host, "a.org");
	CHECK_INT(proxy.port, 80);
	CHECK_STRING(proxy.head.data,
	    "GET /x?y=1 HTTP/1.1\r\nHost: a.org\r\nConnection: close\r\nAccept: */*\r\nContent-Length: 2\r\n\r\n");
	CHECK_INT(parse(&proxy, "POST http://a.org:8080 HTTP/1.0\r\n\r\n"), AB_PROXY_FORWARD);
	CHECK_INT(proxy.port, 8080);
	CHECK_STRING(proxy.head.data, "POST / HTTP/1.0\r\nHost: a.org:8080\r\nConnection: close\r\n\r\n");
	CHECK_INT(parse(&proxy, "GET http://a.org?q HTTP/1.1\r\n\r\n"), AB_PROXY_FORWARD);
	CHECK_STRING(proxy.head.data, "GET /?q HTTP/1.1\r\nHost: a.org\r\nConnection: close\r\n\r\n");
	CHECK_INT(parse(&proxy, "OPTIONS HTTP://a.org:80 HTTP/1.1\r\n\r\n"), AB_PROXY_FORWARD);
	CHECK_STRING(proxy.head.data, "OPTIONS * HTTP/1.1\r\nHost: a.org\r\nConnection: close\r\n\r\n");
	CHECK_INT(parse(&proxy, "GET http://[::1]:81/ HTTP/1.1\r\n\r\n"), AB_PROXY_FORWARD);
	CHECK_STRING(proxy.host, "::1");
	CHECK_STRING(proxy.head.data, "GET / HTTP/1.1\r\nHost: [::1]:81\r\nConnection: close\r\n\r\n");
	CHECK_INT(parse(&proxy, "GET http://[2001:db8::1]/ HTTP/1.1\r\n\r\n"), AB_PROXY_FORWARD);
	CHECK_STRING(proxy.head.data, "GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\nConnection: close\r\n\r\n");
	ab_proxy_release(&proxy);
}

static void
test_bad(void)
{
	static const char *const BAD[] = {
		"GET / HTTP/1.1\r\n\r\n",
		"GET https://a.org/ HTTP/1.1\r\n\r\n",
		"GET ftp://a.org/ HTTP/1.1\r\n\r\n",
		"GET http:///x HTTP/1.1\r\n\r\n",
		"GET http://user@a.org/ HTTP/1.1\r\n\r\n",
		"GET http://user:pw@a.org:80/ HTTP/1.1\r\n\r\n",
		"GET http://a.org:0/ HTTP/1.1\r\n\r\n",
		"GET http://a.org:80x/ HTTP/1.1\r\n\r\n",
		"GET http://2130706433/ HTTP/1.1\r\n\r\n",
		"GET http://::1/ HTTP/1.1\r\n\r\n",
		"GET http://a.org/ HTTP/2.0\r\n\r\n",
		"GET http://a.org/\r\n\r\n",
		"GET http://a.org/ x HTTP/1.1\r\n\r\n",
		"G(T http://a.org/ HTTP/1.1\r\n\r\n",
		" GET http://a.org/ HTTP/1.1\r\n\r\n",
		"CONNECT a.org HTTP/1.1\r\n\r\n",
		"CONNECT a.org: HTTP/1.1\r\n\r\n",
		"CONNECT :443 HTTP/1.1\r\n\r\n",
		"CONNECT a.org:99999 HTTP/1.1\r\n\r\n",
		"CONNECT http://a.org:443/ HTTP/1.1\r\n\r\n",
		"CONNECT a.org:443 HTTP/1.1\r\nbad line\r\n\r\n",
		"GET http://a.org/ HTTP/1.1\r\nName : x\r\n\r\n",
		"GET http://a.org/ HTTP/1.1\r\n: x\r\n\r\n",
		"GET http://a.org/ HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
		"GET http://a.org/ HTTP/1.1\nA: b\n\n",
		"GET http://a.org/ HTTP/1.1\r\nA: b\rc\r\n\r\n",
		"GET http://a.org/\x01 HTTP/1.1\r\n\r\n",
		"\x16\x03\x01",
		"\r\n",
		"\n",
	};
	struct ab_proxy proxy;

	ab_proxy_init(&proxy);
	for (size_t i = 0; i < AB_COUNT_OF(BAD); i++) {
		if (!CHECK_INT(parse(&proxy, BAD[i]), AB_PROXY_BAD))
			printf("# it is case %zu: %.40s\n", i, BAD[i]);
		CHECK(proxy.reason != NULL);
	}
	ab_proxy_release(&proxy);
	ab_proxy_init(&proxy);
	CHECK_INT(ab_proxy_parse(&proxy, "GET \0 HTTP/1.1\r\n\r\n", 18), AB_PROXY_BAD);
	ab_proxy_release(&proxy);
}

/* A head that comes byte by byte gives the same as one that comes at once, and no byte too early. */
static void
test_drip(void)
{
	static const char *const HEADS[] = { "CONNECT a.org:443 HTTP/1.1\r\nA: b\r\n\r\n",
		"GET http://a.org/ HTTP/1.1\r\n\r\n" };
	struct ab_proxy proxy;

	for (size_t i = 0; i < AB_COUNT_OF(HEADS); i++) {
		size_t len = strlen(HEADS[i]);
		ab_proxy_init(&proxy);
		for (size_t n = 0; n < len; n++)
			CHECK_INT(ab_proxy_parse(&proxy, HEADS[i], n), AB_PROXY_MORE);
		CHECK_INT(ab_proxy_parse(&proxy, HEADS[i], len), i == 0 ? AB_PROXY_CONNECT : AB_PROXY_FORWARD);
		CHECK_STRING(proxy.host, "a.org");
		ab_proxy_release(&proxy);
	}
}

static void
test_limit(void)
{
	struct ab_proxy proxy;
	struct ab_buf head = AB_BUF_INIT(2 * AB_PROXY_HEAD_MAX);

	ab_buf_puts(&head, "GET http://a.org/ HTTP/1.1\r\nA: ");
	while (head.len < AB_PROXY_HEAD_MAX - 4)
		ab_buf_putc(&head, 'x');
	ab_buf_puts(&head, "\r\n\r\n");
	ab_proxy_init(&proxy);
	CHECK_INT(ab_proxy_parse(&proxy, head.data, head.len), AB_PROXY_FORWARD);
	ab_proxy_release(&proxy);
	ab_buf_truncate(&head, head.len - 4);
	ab_buf_puts(&head, "x\r\n\r\n");
	CHECK_INT(ab_proxy_parse(&proxy, head.data, head.len), AB_PROXY_BAD);
	ab_proxy_release(&proxy);
	ab_buf_release(&head);
}

static void
test_socks(void)
{
	struct ab_proxy proxy;
	struct ab_buf out = AB_BUF_INIT(4096);
	const char name[] = "\5\1\0\3\5A.org\1\xbb";
	const char v4[] = "\5\1\0\1\x7f\0\0\1\0\x50";
	const char v6[] = "\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\x50";

	ab_proxy_init(&proxy);
	CHECK_INT(ab_proxy_parse(&proxy, "\5", 1), AB_PROXY_MORE);
	CHECK_INT(ab_proxy_parse(&proxy, "\5\2\2\0", 4), AB_PROXY_GREETED);
	CHECK_INT(proxy.used, 4);
	ab_proxy_put_reply(&proxy, AB_PROXY_REPLY_GREETING, "", &out);
	CHECK(out.len == 2 && memcmp(out.data, "\5\0", 2) == 0);
	for (size_t n = 0; n < sizeof(name) - 1; n++)
		CHECK_INT(ab_proxy_parse(&proxy, name, n), AB_PROXY_MORE);
	CHECK_INT(ab_proxy_parse(&proxy, name, sizeof(name) - 1), AB_PROXY_SOCKS);
	CHECK_STRING(proxy.host, "a.org");
	CHECK_INT(proxy.port, 443);
	CHECK_INT(ab_proxy_parse(&proxy, v4, sizeof(v4) - 1), AB_PROXY_SOCKS);
	CHECK_STRING(proxy.host, "127.0.0.1");
	CHECK_INT(ab_proxy_parse(&proxy, v6, sizeof(v6) - 1), AB_PROXY_SOCKS);
	CHECK_STRING(proxy.host, "2001:db8::1");
	CHECK_INT(proxy.port, 80);
	ab_buf_truncate(&out, 0);
	ab_proxy_put_reply(&proxy, AB_PROXY_REPLY_DENIED, "--net allow:a.org", &out);
	CHECK(out.len == 10 && memcmp(out.data, "\5\2\0\1\0\0\0\0\0\0", 10) == 0);
	CHECK_INT(ab_proxy_parse(&proxy, "\5\2\0\1\x7f\0\0\1\0\x50", 10), AB_PROXY_BAD); /* BIND */
	ab_buf_truncate(&out, 0);
	ab_proxy_put_reply(&proxy, AB_PROXY_REPLY_BAD, "", &out);
	CHECK_INT(out.data[1], 7);
	CHECK_INT(ab_proxy_parse(&proxy, "\5\1\0\3\3a b\0\x50", 10), AB_PROXY_BAD);
	CHECK_INT(ab_proxy_parse(&proxy, "\5\1\0\1\1\1\1\1\0\0", 10), AB_PROXY_BAD);
	CHECK_INT(ab_proxy_parse(&proxy, "\5\1\0\2\1\1\1\1\0\0", 10), AB_PROXY_BAD);
	ab_proxy_release(&proxy);
	ab_proxy_init(&proxy);
	CHECK_INT(ab_proxy_parse(&proxy, "\5\1\2", 3), AB_PROXY_BAD); /* password only */
	ab_buf_truncate(&out, 0);
	ab_proxy_put_reply(&proxy, AB_PROXY_REPLY_BAD, "", &out);
	CHECK(out.len == 2 && (unsigned char)out.data[1] == 0xff);
	ab_proxy_release(&proxy);
	ab_buf_release(&out);
}

static void
test_replies(void)
{
	struct ab_proxy proxy;
	struct ab_buf out = AB_BUF_INIT(4096);

	ab_proxy_init(&proxy);
	parse(&proxy, "CONNECT cdn.x:443 HTTP/1.1\r\n\r\n");
	ab_proxy_put_reply(&proxy, AB_PROXY_REPLY_DENIED, "--net allow:cdn.x:443", &out);
	CHECK(strncmp(out.data, "HTTP/1.1 403 Not allowed: --net allow:cdn.x:443\r\n", 49) == 0);
	CHECK(strstr(out.data, "\r\nConnection: close\r\n") != NULL);
	const char *body = strstr(out.data, "\r\n\r\n") + 4;
	CHECK(strstr(body, "\"cdn.x:443\"") != NULL && strstr(body, "--net allow:cdn.x:443") != NULL);
	char length[64];
	snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", strlen(body));
	CHECK(strstr(out.data, length) != NULL);
	ab_buf_truncate(&out, 0);
	ab_proxy_put_reply(&proxy, AB_PROXY_REPLY_FAILED, "Connection refused", &out);
	CHECK(strncmp(out.data, "HTTP/1.1 502 ", 13) == 0);
	CHECK(strstr(out.data, "Connection refused") != NULL);
	parse(&proxy, "GET / HTTP/1.1\r\n\r\n");
	ab_buf_truncate(&out, 0);
	ab_proxy_put_reply(&proxy, AB_PROXY_REPLY_BAD, "", &out);
	CHECK(strncmp(out.data, "HTTP/1.1 400 ", 13) == 0);
	parse(&proxy, "GET http://a.org/ HTTP/1.1\r\n\r\n");
	ab_buf_truncate(&out, 0);
	ab_proxy_put_reply(&proxy, AB_PROXY_REPLY_OK, "", &out);
	CHECK_INT(out.len, 0);
	ab_buf_release(&out);
	ab_proxy_release(&proxy);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "CONNECT", test_connect },
		{ "absolute form becomes origin form", test_forward },
		{ "everything else is refused", test_bad },
		{ "byte by byte", test_drip },
		{ "64 KiB of head and no more", test_limit },
		{ "SOCKS5", test_socks },
		{ "replies", test_replies },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
