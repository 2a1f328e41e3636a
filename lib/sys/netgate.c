/* The host side of a sandbox's network: DNS, accept, and the account of what was refused. */
#include "sys/netgate.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/time.h"
#include "sys/dnsstub.h"
#include "sys/netconn.h"

enum { DNS_BURST = 64, ACCEPT_BURST = 16, VIOLATIONS_MAX = 1024, PAUSE_MS = 100 };

struct listener {
	struct ab_watch watch;
	uint16_t port;
};

/* What is known of a violation beside what is told. */
struct note {
	bool name_only;
	uint64_t asked_a, asked_aaaa; /* one getaddrinfo(3) asks for both: the larger is how often */
};

struct ab_netgate {
	struct ab_loop *loop;
	const struct ab_net_policy *policy;
	struct ab_watch dns;	    /* fd -1: none */
	struct ab_dns_names *names; /* mode ALLOW, from the first question on */
	struct listener listener[AB_NETGATE_FDS_MAX];
	unsigned listener_count;
	bool paused;   /* no connection is accepted */
	bool settling; /* nothing is connected any more, only judged */
	struct ab_timer resume;
	struct ab_netconns conns;
	struct ab_violation *violation;
	struct note *note;
	size_t violation_count;
};

static struct ab_violation *
find_violation(struct ab_netgate *gate, const char *target)
{
	for (size_t i = 0; i < gate->violation_count; i++)
		if (strcmp(gate->violation[i].target, target) == 0)
			return &gate->violation[i];
	return NULL;
}

static struct ab_violation *
add_violation(struct ab_netgate *gate, const char *target)
{
	size_t i = gate->violation_count;

	if (i == VIOLATIONS_MAX)
		return NULL;
	if ((i & (i - 1)) == 0) { /* grow at 0 and the powers of two */
		size_t room = i == 0 ? 1 : 2 * i;
		gate->violation = ab_reallocarray(gate->violation, room, sizeof(*gate->violation));
		gate->note = ab_reallocarray(gate->note, room, sizeof(*gate->note));
	}
	gate->violation_count++;
	memset(&gate->violation[i], 0, sizeof(gate->violation[i]));
	memset(&gate->note[i], 0, sizeof(gate->note[i]));
	snprintf(gate->violation[i].target, sizeof(gate->violation[i].target), "%s", target);
	return &gate->violation[i];
}

/* A connection was refused. It takes the place of its name's own line: that only said less. */
static void
note_refused(void *data, const char *host, uint16_t port, const char *address)
{
	struct ab_netgate *gate = data;
	char target[AB_HOST_PORT_SIZE];
	struct ab_violation *violation = find_violation(gate, ab_host_port(target, host, port));

	if (violation == NULL && (violation = find_violation(gate, host)) != NULL) {
		memcpy(violation->target, target, sizeof(target));
		violation->count = 0;
		gate->note[violation - gate->violation].name_only = false;
	}
	if (violation == NULL)
		violation = add_violation(gate, target);
	if (violation == NULL)
		return;
	violation->count++;
	ab_netconn_allow(violation->allow, host, port, address);
}

/* Whether a connection to this name was refused: "name:port" is there. */
static bool
told_with_port(const struct ab_netgate *gate, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < gate->violation_count; i++)
		if (strncmp(gate->violation[i].target, name, len) == 0 && gate->violation[i].target[len] == ':')
			return true;
	return false;
}

/* A name was asked for that no rule knows. */
static void
note_asked(struct ab_netgate *gate, const struct ab_dns_question *question)
{
	if (question->kind != AB_DNS_NAME ||
	    (question->type != AB_DNS_TYPE_A && question->type != AB_DNS_TYPE_AAAA) ||
	    ab_net_policy_knows(gate->policy, question->name))
		return;
	struct ab_violation *violation = find_violation(gate, question->name);
	if (violation == NULL && !told_with_port(gate, question->name))
		violation = add_violation(gate, question->name);
	if (violation == NULL)
		return;
	struct note *note = &gate->note[violation - gate->violation];
	note->name_only = true;
	(*(question->type == AB_DNS_TYPE_A ? &note->asked_a : &note->asked_aaaa))++;
	violation->count = note->asked_a > note->asked_aaaa ? note->asked_a : note->asked_aaaa;
	snprintf(violation->allow, sizeof(violation->allow), "--net allow:%s", question->name);
}

static void
dns_readable(struct ab_watch *watch, unsigned events)
{
	struct ab_netgate *gate = watch->data;
	unsigned char packet[AB_DNS_QUERY_MAX + 1], reply[AB_DNS_REPLY_MAX];
	struct ab_dns_question question;

	(void)events;
	for (int i = 0; i < DNS_BURST; i++) {
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(watch->fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);
		if (n < 0)
			return;
		ab_dns_parse(&question, packet, (size_t)n);
		if (question.kind == AB_DNS_MALFORMED)
			continue;
		note_asked(gate, &question);
		if (gate->names == NULL && gate->policy->mode == AB_NET_ALLOW)
			gate->names = ab_dns_names_new();
		size_t len = ab_dns_reply(&question, packet, gate->names, reply);
		/* A reply that does not fit the asker's buffer is lost, as any datagram may be. */
		sendto(watch->fd, reply, len, MSG_NOSIGNAL, (struct sockaddr *)&from, from_len);
	}
}

static void
accept_from_all(struct ab_netgate *gate, bool on)
{
	gate->paused = !on;
	for (unsigned i = 0; i < gate->listener_count; i++)
		ab_loop_set(gate->loop, &gate->listener[i].watch, on ? AB_READABLE : 0u);
}

static void
resume(struct ab_timer *timer)
{
	struct ab_netgate *gate = timer->data;

	if (gate->conns.count < AB_NETCONN_MAX)
		accept_from_all(gate, true);
}

static void
connection_ended(void *data)
{
	struct ab_netgate *gate = data;

	if (gate->paused)
		ab_loop_arm(gate->loop, &gate->resume, ab_now_ms());
}

static void
pause_accepting(struct ab_netgate *gate)
{
	accept_from_all(gate, false);
	ab_loop_arm(gate->loop, &gate->resume, ab_deadline(PAUSE_MS));
}

/* Whom a client meant: the address that it connected to is the name's own one, or a literal. */
static void
admit(struct ab_netgate *gate, const struct listener *listener, int client)
{
	static const struct ab_address LOOPBACK = { .family = AF_INET, .bytes = { 127, 0, 0, 1 } };
	struct sockaddr_storage to = { 0 };
	struct ab_address address;
	char literal[AB_HOST_SIZE];
	socklen_t len = sizeof(to);

	if (getsockname(client, (struct sockaddr *)&to, &len) != 0 ||
	    !ab_address_from_sockaddr(&address, (struct sockaddr *)&to)) {
		close(client);
		return;
	}
	bool proxied =
	    listener->port == AB_NETGATE_PROXY_PORT && memcmp(&address, &LOOPBACK, sizeof(address)) == 0;
	if (proxied && !gate->settling) {
		ab_netconn_proxied(&gate->conns, client);
		return;
	}
	const char *host = ab_address_host(literal, &address);
	if (address.family == AF_INET && address.bytes[0] == 198 && (address.bytes[1] & 0xfe) == 18) {
		uint32_t number = (uint32_t)address.bytes[0] << 24 | (uint32_t)address.bytes[1] << 16 |
		    (uint32_t)address.bytes[2] << 8 | address.bytes[3];
		host = gate->names != NULL ? ab_dns_names_find(gate->names, number) : NULL;
	}
	if (gate->settling && !proxied && host != NULL &&
	    !ab_net_policy_allows(gate->policy, host, listener->port))
		note_refused(gate, host, listener->port, NULL);
	if (gate->settling || host == NULL)
		close(client); /* an address of the range that no name has: somebody tries numbers */
	else
		ab_netconn_direct(&gate->conns, client, host, listener->port);
}

static void
acceptable(struct ab_watch *watch, unsigned events)
{
	struct ab_netgate *gate = watch->data;
	const struct listener *listener = (const struct listener *)(const void *)watch;

	(void)events;
	for (int i = 0; i < ACCEPT_BURST && !gate->paused; i++) {
		if (gate->conns.count >= AB_NETCONN_MAX) {
			pause_accepting(gate);
			return;
		}
		int client = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (client >= 0) {
			admit(gate, listener, client);
			continue;
		}
		if (errno == EAGAIN)
			return;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(gate); /* the listener stays ready: without a pause we would spin */
	}
}

/* Find out what a descriptor is and watch it. */
static int
take(struct ab_netgate *gate, int fd, struct ab_error *err)
{
	struct sockaddr_storage at = { 0 };
	struct sockaddr_in in;
	socklen_t len = sizeof(at), type_len = sizeof(int);
	int type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
		int saved = errno;
		close(fd);
		return ab_fail_errno(err, saved, "network gate: a socket of the sandbox");
	}
	memcpy(&in, &at, sizeof(in)); /* the port lies at the same place for both families (RFC 3493) */
	if (type == SOCK_DGRAM) {
		gate->dns =
		    (struct ab_watch){ .fd = fd, .events = AB_READABLE, .ready = dns_readable, .data = gate };
		return ab_loop_add(gate->loop, &gate->dns, err);
	}
	struct listener *listener = &gate->listener[gate->listener_count++];
	listener->port = ntohs(in.sin_port);
	listener->watch =
	    (struct ab_watch){ .fd = fd, .events = AB_READABLE, .ready = acceptable, .data = gate };
	return ab_loop_add(gate->loop, &listener->watch, err);
}

struct ab_netgate *
ab_netgate_open(struct ab_loop *loop, const struct ab_net_policy *policy, const int *fds, unsigned fd_count,
    struct ab_error *err)
{
	struct ab_netgate *gate = ab_calloc(1, sizeof(*gate));
	bool good = true;

	gate->loop = loop;
	gate->policy = policy;
	gate->dns.fd = -1;
	gate->resume = (struct ab_timer){ .deadline_ms = AB_NEVER, .fired = resume, .data = gate };
	ab_netconns_init(&gate->conns, loop, policy);
	gate->conns.refused = note_refused;
	gate->conns.ended = connection_ended;
	gate->conns.data = gate;
	for (unsigned i = 0; i < fd_count; i++) {
		bool extra = i >= AB_NETGATE_FDS_MAX;
		if (good && !extra) {
			good = take(gate, fds[i], err) == 0;
			continue;
		}
		close(fds[i]);
		if (good)
			ab_fail(err, AB_E_INTERNAL, "network gate: more than %d sockets", AB_NETGATE_FDS_MAX);
		good = false;
	}
	if (good)
		return gate;
	ab_netgate_close(gate);
	return NULL;
}

void
ab_netgate_settle(struct ab_netgate *gate)
{
	if (gate == NULL)
		return;
	gate->settling = true;
	ab_netconns_close(&gate->conns);
	gate->paused = false;
	if (gate->dns.fd >= 0)
		dns_readable(&gate->dns, AB_READABLE);
	for (unsigned i = 0; i < gate->listener_count; i++)
		acceptable(&gate->listener[i].watch, AB_READABLE);
}

void
ab_netgate_close(struct ab_netgate *gate)
{
	if (gate == NULL)
		return;
	ab_netconns_close(&gate->conns);
	ab_loop_disarm(gate->loop, &gate->resume);
	for (unsigned i = 0; i < gate->listener_count; i++) {
		ab_loop_remove(gate->loop, &gate->listener[i].watch);
		close(gate->listener[i].watch.fd);
	}
	ab_loop_remove(gate->loop, &gate->dns);
	if (gate->dns.fd >= 0)
		close(gate->dns.fd);
	ab_dns_names_free(gate->names);
	free(gate->violation);
	free(gate->note);
	free(gate);
}

size_t
ab_netgate_violations(const struct ab_netgate *gate, const struct ab_violation **violations)
{
	*violations = gate->violation;
	return gate->violation_count;
}

const char *const *
ab_netgate_environment(void)
{
	static const char *const VARIABLES[] = {
		"http_proxy=http://127.0.0.1:3128",
		"https_proxy=http://127.0.0.1:3128",
		"HTTP_PROXY=http://127.0.0.1:3128",
		"HTTPS_PROXY=http://127.0.0.1:3128",
		"no_proxy=localhost,127.0.0.1,::1",
		"NO_PROXY=localhost,127.0.0.1,::1",
		NULL,
	};

	return VARIABLES;
}
