/* The head of a proxy request: HTTP CONNECT, HTTP in absolute form, SOCKS5. */
#include "sys/proxy.h"

#include <string.h>
#include <strings.h>

enum { SOCKS_VERSION = 5, SOCKS_CONNECT = 1, SOCKS_IPV4 = 1, SOCKS_NAME = 3, SOCKS_IPV6 = 4 };
enum { SOCKS_FAILURE = 1, SOCKS_DENIED = 2, SOCKS_UNREACHABLE = 4, SOCKS_COMMAND = 7, SOCKS_ADDRESS = 8 };

void
ab_proxy_init(struct ab_proxy *proxy)
{
	memset(proxy, 0, sizeof(*proxy));
	/* The rewritten head is never longer than the one that came, but for the Host and Connection lines. */
	ab_buf_init(&proxy->head, AB_PROXY_HEAD_MAX + 512);
}

void
ab_proxy_release(struct ab_proxy *proxy)
{
	ab_buf_release(&proxy->head);
}

static enum ab_proxy_state
bad(struct ab_proxy *proxy, const char *reason)
{
	proxy->reason = reason;
	return proxy->state = AB_PROXY_BAD;
}

static enum ab_proxy_state
bad_socks(struct ab_proxy *proxy, unsigned code, const char *reason)
{
	proxy->socks_code = code;
	return bad(proxy, reason);
}

/* RFC 1928, section 3: version, number of methods, methods. */
static enum ab_proxy_state
parse_greeting(struct ab_proxy *proxy, const unsigned char *data, size_t len)
{
	if (len < 2 || len < 2u + data[1])
		return proxy->state = AB_PROXY_MORE;
	if (memchr(data + 2, 0, data[1]) == NULL)
		return bad_socks(
		    proxy, 0xff, "no acceptable SOCKS method: only \"no authentication\" is known");
	proxy->greeted = true;
	proxy->used = 2u + data[1];
	return proxy->state = AB_PROXY_GREETED;
}

/* RFC 1928, section 4: version, command, reserved, address type, address, port. */
static enum ab_proxy_state
parse_socks(struct ab_proxy *proxy, const unsigned char *data, size_t len)
{
	struct ab_address address = { .family = AF_INET };
	size_t at = 4, size;

	if (len < 5)
		return proxy->state = AB_PROXY_MORE;
	if (data[0] != SOCKS_VERSION)
		return bad_socks(proxy, SOCKS_FAILURE, "not a SOCKS5 request");
	if (data[1] != SOCKS_CONNECT)
		return bad_socks(proxy, SOCKS_COMMAND, "only the SOCKS command CONNECT is known");
	if (data[3] == SOCKS_NAME)
		size = data[at++];
	else if (data[3] == SOCKS_IPV4 || data[3] == SOCKS_IPV6)
		size = data[3] == SOCKS_IPV4 ? 4 : 16;
	else
		return bad_socks(proxy, SOCKS_ADDRESS, "unknown SOCKS address type");
	if (len < at + size + 2)
		return proxy->state = AB_PROXY_MORE;
	if (data[3] == SOCKS_NAME) {
		if (!ab_host_normalise(proxy->host, (const char *)data + at, size))
			return bad_socks(proxy, SOCKS_FAILURE, "not a host name");
	} else {
		address.family = size == 4 ? AF_INET : AF_INET6;
		memcpy(address.bytes, data + at, size);
		char host[AB_HOST_SIZE];
		ab_address_host(host, &address);
		ab_host_normalise(proxy->host, host, strlen(host)); /* maps ::ffff:0:0/96 */
	}
	proxy->port = (uint16_t)(data[at + size] << 8 | data[at + size + 1]);
	if (proxy->port == 0)
		return bad_socks(proxy, SOCKS_FAILURE, "port 0");
	proxy->used = at + size + 2;
	return proxy->state = AB_PROXY_SOCKS;
}

/* "host", "host:port", "[v6]:port"; default_port 0 means that it must be given. */
static bool
parse_authority(struct ab_proxy *proxy, const char *text, size_t len, uint16_t default_port)
{
	const char *colon = len > 0 ? memrchr(text, ':', len) : NULL;
	size_t host_len = len;

	if (colon != NULL && memchr(colon, ']', len - (size_t)(colon - text)) == NULL)
		host_len = (size_t)(colon - text);
	proxy->port = default_port;
	if (host_len < len && !(host_len + 1 == len && default_port != 0) &&
	    !ab_port_parse(text + host_len + 1, len - host_len - 1, &proxy->port))
		return false;
	/* An IPv6 literal needs its brackets here, else its last group would be the port. */
	if (host_len > 0 && text[0] != '[' && memchr(text, ':', host_len) != NULL)
		return false;
	return proxy->port != 0 && ab_host_normalise(proxy->host, text, host_len);
}

static bool
is_token(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", text[i]) != NULL)
			return false;
	return len > 0;
}

/* Header fields that concern this hop alone, and Host, which is made anew. */
static bool
is_dropped(const char *name, size_t len)
{
	static const char *const DROPPED[] = { "host", "connection", "proxy-connection", "keep-alive",
		"proxy-authorization", "upgrade", "te" };

	for (size_t i = 0; i < AB_COUNT_OF(DROPPED); i++)
		if (strlen(DROPPED[i]) == len && strncasecmp(DROPPED[i], name, len) == 0)
			return true;
	return false;
}

/* Copy the header lines from `at` to the empty line, without those of this hop. */
static bool
put_fields(struct ab_proxy *proxy, const char *at, const char *end)
{
	while (at < end) {
		const char *line_end = memchr(at, '\r', (size_t)(end - at));
		const char *colon = memchr(at, ':', (size_t)(line_end - at));
		if (colon == NULL || !is_token(at, (size_t)(colon - at)))
			return false;
		if (proxy->state == AB_PROXY_FORWARD && !is_dropped(at, (size_t)(colon - at)))
			ab_buf_put(&proxy->head, at, (size_t)(line_end - at) + 2);
		at = line_end + 2;
	}
	return true;
}

static enum ab_proxy_state
parse_forward(struct ab_proxy *proxy, const char *method, size_t method_len, const char *uri, size_t uri_len,
    const char *version)
{
	char host_port[AB_HOST_PORT_SIZE];

	if (uri_len < 7 || strncasecmp(uri, "http://", 7) != 0)
		return bad(proxy, "this is a proxy: CONNECT HOST:PORT, or METHOD http://HOST/PATH");
	uri += 7;
	uri_len -= 7;
	size_t authority = 0;
	while (authority < uri_len && strchr("/?#", uri[authority]) == NULL)
		authority++;
	if (!parse_authority(proxy, uri, authority, 80))
		return bad(proxy, "the URI's host is no host name or address");
	ab_host_port(host_port, proxy->host, proxy->port);
	if (proxy->port == 80)
		*strrchr(host_port, ':') = '\0';
	ab_buf_put(&proxy->head, method, method_len);
	bool asterisk =
	    authority == uri_len && method_len == 7 && memcmp(method, "OPTIONS", 7) == 0; /* RFC 9112, 3.2.4 */
	ab_buf_puts(&proxy->head, asterisk ? " *" : authority < uri_len && uri[authority] == '/' ? " " : " /");
	ab_buf_put(&proxy->head, uri + authority, uri_len - authority);
	ab_buf_printf(&proxy->head, " %.8s\r\nHost: %s\r\nConnection: close\r\n", version, host_port);
	return proxy->state = AB_PROXY_FORWARD;
}

/* A whole head: `end` is the offset behind its empty line. */
static enum ab_proxy_state
parse_head(struct ab_proxy *proxy, const char *data, size_t end)
{
	const char *line_end = memchr(data, '\r', end);
	const char *method_end = memchr(data, ' ', (size_t)(line_end - data));
	const char *uri = method_end == NULL ? NULL : method_end + 1;
	const char *uri_end = uri == NULL ? NULL : memchr(uri, ' ', (size_t)(line_end - uri));

	if (uri_end == NULL || line_end - uri_end != 9 || !is_token(data, (size_t)(method_end - data)) ||
	    (memcmp(uri_end + 1, "HTTP/1.1", 8) != 0 && memcmp(uri_end + 1, "HTTP/1.0", 8) != 0))
		return bad(proxy, "not an HTTP/1.1 request line");
	size_t method_len = (size_t)(method_end - data), uri_len = (size_t)(uri_end - uri);
	if (method_len == 7 && memcmp(data, "CONNECT", 7) == 0) {
		if (!parse_authority(proxy, uri, uri_len, 0))
			return bad(proxy, "CONNECT needs HOST:PORT");
		proxy->state = AB_PROXY_CONNECT;
	} else if (parse_forward(proxy, data, method_len, uri, uri_len, uri_end + 1) == AB_PROXY_BAD) {
		return AB_PROXY_BAD;
	}
	if (!put_fields(proxy, line_end + 2, data + end - 2))
		return bad(proxy, "a header line is malformed");
	if (proxy->state == AB_PROXY_FORWARD)
		ab_buf_puts(&proxy->head, "\r\n");
	proxy->used = end;
	return proxy->state;
}

/* Judge the bytes of an HTTP head one by one, so that what is no HTTP is told at once and not after 64 KiB. */
static enum ab_proxy_state
scan_http(struct ab_proxy *proxy, const char *data, size_t len)
{
	for (; proxy->scanned < len; proxy->scanned++) {
		size_t i = proxy->scanned;
		char c = data[i], before = i > 0 ? data[i - 1] : '\n';
		if (i == AB_PROXY_HEAD_MAX)
			return bad(proxy, "the head is longer than 64 KiB");
		if ((c == '\n') != (before == '\r') ||
		    ((unsigned char)c < ' ' && c != '\r' && c != '\n' && c != '\t') || c == 0x7f)
			return bad(proxy, "not an HTTP head: lines end in CRLF, and no control characters");
		if (i == 0 && !is_token(data, 1))
			return bad(proxy, "not an HTTP request");
		if ((c == ' ' || c == '\t') && before == '\n')
			return bad(proxy, "folded header lines are not accepted");
		if (c == '\n' && i >= 3 && data[i - 2] == '\n')
			return parse_head(proxy, data, i + 1);
	}
	return proxy->state = AB_PROXY_MORE;
}

enum ab_proxy_state
ab_proxy_parse(struct ab_proxy *proxy, const char *data, size_t len)
{
	if (len > 0 && !proxy->socks && proxy->scanned == 0)
		proxy->socks = data[0] == SOCKS_VERSION;
	if (len == 0)
		return proxy->state = AB_PROXY_MORE;
	if (!proxy->socks)
		return scan_http(proxy, data, len);
	return proxy->greeted ? parse_socks(proxy, (const unsigned char *)data, len)
			      : parse_greeting(proxy, (const unsigned char *)data, len);
}

static void
put_socks_reply(const struct ab_proxy *proxy, enum ab_proxy_reply reply, struct ab_buf *out)
{
	unsigned code = reply == AB_PROXY_REPLY_OK ? 0
	    : reply == AB_PROXY_REPLY_DENIED	   ? SOCKS_DENIED
	    : reply == AB_PROXY_REPLY_FAILED	   ? SOCKS_UNREACHABLE
						   : proxy->socks_code;
	const char bytes[] = { SOCKS_VERSION, (char)code, 0, SOCKS_IPV4, 0, 0, 0, 0, 0, 0 };

	/* Before the greeting was accepted the reply is version and method (0xff: none). */
	if (reply == AB_PROXY_REPLY_GREETING)
		ab_buf_put(out, "\5\0", 2);
	else
		ab_buf_put(out, bytes, proxy->greeted ? sizeof(bytes) : 2);
}

static void
put_http_reply(const char *status, const char *body, struct ab_buf *out)
{
	ab_buf_printf(out,
	    "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
	    status, strlen(body), body);
}

void
ab_proxy_put_reply(
    const struct ab_proxy *proxy, enum ab_proxy_reply reply, const char *text, struct ab_buf *out)
{
	char host_port[AB_HOST_PORT_SIZE];
	AB_AUTO_FREE char *status = NULL;
	AB_AUTO_FREE char *body = NULL;

	if (proxy->socks) {
		put_socks_reply(proxy, reply, out);
		return;
	}
	switch (reply) {
	case AB_PROXY_REPLY_OK:
		if (proxy->state == AB_PROXY_CONNECT)
			ab_buf_puts(out, "HTTP/1.1 200 Connection established\r\n\r\n");
		return;
	case AB_PROXY_REPLY_DENIED:
		ab_host_port(host_port, proxy->host, proxy->port);
		status = ab_asprintf("403 Not allowed: %s", text);
		body = ab_asprintf(
		    "\"%s\" is not on the list of allowed hosts; what allows it: %s\n", host_port, text);
		break;
	case AB_PROXY_REPLY_FAILED:
		ab_host_port(host_port, proxy->host, proxy->port);
		status = ab_asprintf("502 Bad Gateway");
		body = ab_asprintf("\"%s\": %s\n", host_port, text);
		break;
	default:
		status = ab_asprintf("400 Bad Request");
		body = ab_asprintf("%s\n", proxy->reason);
		break;
	}
	put_http_reply(status, body, out);
}
