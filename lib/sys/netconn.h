/*
 * The connections of one network gate: each from accept, or from the head of its proxy request, over judgement,
 * name and connect to the relay, and its refusal on the way. Everything on the loop, nothing blocks.
 */
#ifndef AB_SYS_NETCONN_H
#define AB_SYS_NETCONN_H

#include "sys/netaddr.h"
#include "sys/netgate.h"
#include "sys/resolve.h"

#define AB_NETCONN_MAX 256
#define AB_NETCONN_CONNECT_MS 10000 /* for each address that is tried */

struct ab_netconn; /* opaque */

struct ab_netconns {
	struct ab_loop *loop;
	const struct ab_net_policy *policy;
	struct ab_resolver resolver;
	struct ab_netconn *first;
	unsigned count; /* the caller accepts no more than AB_NETCONN_MAX */
	/* host and port were refused; address: a name of the list led to this address that it may not (NULL: it
	 * is not listed) */
	void (*refused)(void *data, const char *host, uint16_t port, const char *address);
	void (*ended)(void *data); /* a connection is gone: there is room */
	void *data;
};

void ab_netconns_init(struct ab_netconns *conns, struct ab_loop *loop, const struct ab_net_policy *policy);
/* Take an accepted non-blocking connection to host (normal form) and port; a refusal is a reset. */
void ab_netconn_direct(struct ab_netconns *conns, int client, const char *host, uint16_t port);
/* Take one to the proxy. */
void ab_netconn_proxied(struct ab_netconns *conns, int client);
/* End all of them. */
void ab_netconns_close(struct ab_netconns *conns);

/* The option that would allow it: "--net allow:HOST:PORT", with address (may be NULL) as a second host. */
#define AB_NETCONN_ALLOW_SIZE 384
const char *ab_netconn_allow(
    char text[static AB_NETCONN_ALLOW_SIZE], const char *host, uint16_t port, const char *address);

#endif
