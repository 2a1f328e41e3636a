/* One connection through the network gate. */
#include "sys/netconn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/time.h"
#include "sys/proxy.h"
#include "sys/relay.h"

enum { LINGER_MS = 2000, REPLY_MAX = 4096, READ_CHUNK = 16384 };

struct ab_netconn {
	struct ab_netconns *conns;
	struct ab_netconn *next, **link;
	struct ab_watch client; /* while it sends its head, and while it reads a refusal */
	struct ab_watch server; /* while connecting */
	struct ab_timer timer;
	bool proxied, relaying;
	struct ab_proxy proxy;
	struct ab_buf in;  /* from the client, not yet judged */
	struct ab_buf out; /* our replies to the client */
	char host[AB_HOST_SIZE];
	uint16_t port;
	struct ab_lookup lookup;
	struct ab_address address[AB_RESOLVE_ADDRESSES_MAX];
	size_t address_count, tried;
	struct ab_relay relay;
};

const char *
ab_netconn_allow(char text[static AB_NETCONN_ALLOW_SIZE], const char *host, uint16_t port, const char *address)
{
	char first[AB_HOST_PORT_SIZE], second[AB_HOST_PORT_SIZE] = "";

	ab_host_port(first, host, port);
	if (address != NULL)
		ab_host_port(second, address, port);
	snprintf(text, AB_NETCONN_ALLOW_SIZE, "--net allow:%s%s%s", first, address != NULL ? "," : "", second);
	return text;
}

void
ab_netconns_init(struct ab_netconns *conns, struct ab_loop *loop, const struct ab_net_policy *policy)
{
	*conns = (struct ab_netconns){ .loop = loop, .policy = policy };
	ab_resolver_init(&conns->resolver, loop);
}

static void
end_connection(struct ab_netconn *conn, bool reset)
{
	struct ab_netconns *conns = conn->conns;

	ab_resolve_cancel(&conn->lookup);
	ab_loop_disarm(conns->loop, &conn->timer);
	ab_loop_remove(conns->loop, &conn->client);
	ab_loop_remove(conns->loop, &conn->server);
	if (conn->relaying)
		ab_relay_close(&conn->relay);
	if (conn->client.fd >= 0 && reset)
		ab_relay_reset(conn->client.fd);
	else if (conn->client.fd >= 0)
		close(conn->client.fd);
	if (conn->server.fd >= 0)
		close(conn->server.fd);
	ab_proxy_release(&conn->proxy);
	ab_buf_release(&conn->in);
	ab_buf_release(&conn->out);
	*conn->link = conn->next;
	if (conn->next != NULL)
		conn->next->link = conn->link;
	free(conn);
	conns->count--;
	conns->ended(conns->data);
}

void
ab_netconns_close(struct ab_netconns *conns)
{
	for (struct ab_netconn *conn = conns->first, *next; conn != NULL; conn = next) {
		next = conn->next;
		end_connection(conn, true);
	}
}

static struct ab_netconn *
new_connection(struct ab_netconns *conns, int client)
{
	struct ab_netconn *conn = ab_calloc(1, sizeof(*conn));
	int on = 1;

	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conn->conns = conns;
	conn->client = (struct ab_watch){ .fd = client, .data = conn };
	conn->server = (struct ab_watch){ .fd = -1, .data = conn };
	conn->timer = (struct ab_timer){ .deadline_ms = AB_NEVER, .data = conn };
	conn->lookup.data = conn;
	ab_proxy_init(&conn->proxy);
	ab_buf_init(&conn->in, AB_PROXY_HEAD_MAX + READ_CHUNK);
	ab_buf_init(&conn->out, REPLY_MAX);
	conn->next = conns->first;
	conn->link = &conns->first;
	if (conn->next != NULL)
		conn->next->link = &conn->next;
	conns->first = conn;
	conns->count++;
	return conn;
}

static void
linger_over(struct ab_timer *timer)
{
	end_connection(timer->data, false);
}

/* Write the refusal, then read the client out: closing at once would reset the connection and lose it. */
static void
linger(struct ab_watch *watch, unsigned events)
{
	struct ab_netconn *conn = watch->data;
	char chunk[READ_CHUNK];

	(void)events;
	if (conn->out.len > 0) {
		ssize_t n = send(watch->fd, conn->out.data, conn->out.len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			end_connection(conn, false);
			return;
		}
		ab_buf_consume(&conn->out, n > 0 ? (size_t)n : 0);
		if (conn->out.len == 0) {
			shutdown(watch->fd, SHUT_WR);
			ab_loop_set(conn->conns->loop, watch, AB_READABLE);
		}
		return;
	}
	ssize_t n = recv(watch->fd, chunk, sizeof(chunk), 0);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		end_connection(conn, false);
}

/* Refuse: the client's protocol says why; a direct connection is reset. */
static void
refuse(struct ab_netconn *conn, enum ab_proxy_reply reply, const char *text)
{
	struct ab_loop *loop = conn->conns->loop;

	if (!conn->proxied) {
		end_connection(conn, true);
		return;
	}
	ab_proxy_put_reply(&conn->proxy, reply, text, &conn->out);
	conn->client.ready = linger;
	ab_loop_set(loop, &conn->client, AB_WRITABLE);
	conn->timer.fired = linger_over;
	ab_loop_arm(loop, &conn->timer, ab_deadline(LINGER_MS));
}

static void
deny(struct ab_netconn *conn, const char *address)
{
	char allow[AB_NETCONN_ALLOW_SIZE];

	conn->conns->refused(conn->conns->data, conn->host, conn->port, address);
	refuse(conn, AB_PROXY_REPLY_DENIED, ab_netconn_allow(allow, conn->host, conn->port, address));
}

static void
relay_done(struct ab_relay *relay)
{
	end_connection(relay->data, false);
}

static void
start_relay(struct ab_netconn *conn)
{
	struct ab_loop *loop = conn->conns->loop;
	struct ab_error err;
	struct ab_buf up = AB_BUF_INIT(2 * (AB_PROXY_HEAD_MAX + READ_CHUNK));
	int on = 1;

	ab_loop_disarm(loop, &conn->timer);
	ab_loop_remove(loop, &conn->client);
	ab_loop_remove(loop, &conn->server);
	setsockopt(conn->server.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (conn->proxied)
		ab_proxy_put_reply(&conn->proxy, AB_PROXY_REPLY_OK, "", &conn->out);
	ab_buf_put(&up, conn->proxy.head.data, conn->proxy.head.len);
	ab_buf_put(&up, conn->in.data, conn->in.len);
	ab_buf_release(&conn->in);
	conn->relay.done = relay_done;
	conn->relay.data = conn;
	conn->relaying = true;
	struct ab_buf *first[2] = { &conn->out, &up };
	if (ab_relay_start(&conn->relay, loop, ab_steal_fd(&conn->client.fd), ab_steal_fd(&conn->server.fd),
		first, &err) != 0)
		end_connection(conn, true);
}

static void connect_next(struct ab_netconn *conn, int failed);

static void
connect_timed_out(struct ab_timer *timer)
{
	connect_next(timer->data, ETIMEDOUT);
}

static void
connected(struct ab_watch *watch, unsigned events)
{
	int failed = 0;
	socklen_t len = sizeof(failed);

	(void)events;
	if (getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0)
		failed = errno;
	if (failed != 0)
		connect_next(watch->data, failed);
	else
		start_relay(watch->data);
}

/* Begin to connect to one address; 0, or errno. */
static int
start_connect(struct ab_netconn *conn, const struct ab_address *address)
{
	struct ab_loop *loop = conn->conns->loop;
	struct sockaddr_storage to;
	struct ab_error err;
	socklen_t len = ab_address_to_sockaddr(address, conn->port, &to);

	conn->server.fd = socket(address->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (conn->server.fd < 0)
		return errno;
	if (connect(conn->server.fd, (struct sockaddr *)&to, len) != 0 && errno != EINPROGRESS)
		return errno;
	conn->server.events = AB_WRITABLE;
	conn->server.ready = connected;
	if (ab_loop_add(loop, &conn->server, &err) != 0)
		return ENOMEM;
	conn->timer.fired = connect_timed_out;
	ab_loop_arm(loop, &conn->timer, ab_deadline(AB_NETCONN_CONNECT_MS));
	return 0;
}

/* Try the next address that is left; `failed` is the errno of the one before. */
static void
connect_next(struct ab_netconn *conn, int failed)
{
	for (;;) {
		ab_loop_disarm(conn->conns->loop, &conn->timer);
		ab_loop_remove(conn->conns->loop, &conn->server);
		ab_close_indirect(&conn->server.fd);
		if (conn->tried == conn->address_count) {
			refuse(conn, AB_PROXY_REPLY_FAILED, strerror(failed));
			return;
		}
		failed = start_connect(conn, &conn->address[conn->tried++]);
		if (failed == 0)
			return;
	}
}

/* Of what the name led to, keep what it may lead to. */
static void
looked_up(struct ab_lookup *lookup, const struct ab_address *addresses, size_t count, const char *why)
{
	struct ab_netconn *conn = lookup->data;
	char host[AB_HOST_SIZE], refused[AB_HOST_SIZE] = "";

	if (count == 0) {
		refuse(conn, AB_PROXY_REPLY_FAILED, why);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		ab_address_host(host, &addresses[i]);
		bool guarded = ab_address_special(&addresses[i]) != NULL || ab_address_is_ours(&addresses[i]);
		if (!guarded || ab_net_policy_lists(conn->conns->policy, host, conn->port))
			conn->address[conn->address_count++] = addresses[i];
		else if (refused[0] == '\0')
			memcpy(refused, host, sizeof(refused));
	}
	if (conn->address_count == 0)
		deny(conn, refused);
	else
		connect_next(conn, 0);
}

/* Judge host and port, and go on to the name or to the address. */
static void
judge(struct ab_netconn *conn)
{
	const struct ab_net_policy *policy = conn->conns->policy;
	const char *name = conn->host;

	if (!ab_net_policy_allows(policy, conn->host, conn->port)) {
		deny(conn, NULL);
		return;
	}
	/* "localhost" is whatever it is outside: servers that listen on it are often on ::1 alone. */
	if ((strcmp(name, "127.0.0.1") == 0 || strcmp(name, "::1") == 0) &&
	    ab_net_policy_lists(policy, "localhost", conn->port))
		name = "localhost";
	if (ab_address_parse(name, &conn->address[0])) {
		conn->address_count = 1;
		connect_next(conn, 0);
		return;
	}
	memcpy(conn->lookup.host, name, strlen(name) + 1);
	conn->lookup.done = looked_up;
	ab_resolve(&conn->conns->resolver, &conn->lookup);
}

void
ab_netconn_direct(struct ab_netconns *conns, int client, const char *host, uint16_t port)
{
	struct ab_netconn *conn = new_connection(conns, client);

	snprintf(conn->host, sizeof(conn->host), "%s", host);
	conn->port = port;
	judge(conn);
}

static void
head_done(struct ab_netconn *conn)
{
	memcpy(conn->host, conn->proxy.host, sizeof(conn->host));
	conn->port = conn->proxy.port;
	ab_buf_consume(&conn->in, conn->proxy.used);
	ab_loop_set(conn->conns->loop, &conn->client, 0);
	judge(conn);
}

static void
head_readable(struct ab_watch *watch, unsigned events)
{
	struct ab_netconn *conn = watch->data;
	char *to = ab_buf_reserve(&conn->in, READ_CHUNK);
	ssize_t n = to == NULL ? 0 : recv(watch->fd, to, READ_CHUNK, 0);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end_connection(conn, false);
		return;
	}
	conn->in.len += (size_t)n;
	conn->in.data[conn->in.len] = '\0';
	switch (ab_proxy_parse(&conn->proxy, conn->in.data, conn->in.len)) {
	case AB_PROXY_MORE:
		return;
	case AB_PROXY_GREETED:
		/* The greeting's answer is two bytes on a connection that has sent nothing yet: it fits. */
		ab_proxy_put_reply(&conn->proxy, AB_PROXY_REPLY_GREETING, "", &conn->out);
		if (send(watch->fd, conn->out.data, conn->out.len, MSG_NOSIGNAL) != (ssize_t)conn->out.len) {
			end_connection(conn, false);
			return;
		}
		ab_buf_release(&conn->out);
		ab_buf_consume(&conn->in, conn->proxy.used);
		if (conn->in.len > 0 &&
		    ab_proxy_parse(&conn->proxy, conn->in.data, conn->in.len) == AB_PROXY_SOCKS)
			head_done(conn);
		else if (conn->proxy.state == AB_PROXY_BAD)
			refuse(conn, AB_PROXY_REPLY_BAD, "");
		return;
	case AB_PROXY_BAD:
		refuse(conn, AB_PROXY_REPLY_BAD, "");
		return;
	default:
		head_done(conn);
	}
}

void
ab_netconn_proxied(struct ab_netconns *conns, int client)
{
	struct ab_netconn *conn = new_connection(conns, client);
	struct ab_error err;

	conn->proxied = true;
	conn->client.events = AB_READABLE;
	conn->client.ready = head_readable;
	if (ab_loop_add(conns->loop, &conn->client, &err) != 0)
		end_connection(conn, true);
}
