/*
 * Host names to addresses outside the sandbox, without holding up the loop: one short-lived child a lookup runs
 * getaddrinfo(3) (so /etc/hosts, nsswitch and the resolver's configuration apply) and writes the addresses to a
 * pipe. At most 8 at once, the rest queued; each has 10 s and is then killed. Children are reaped on every
 * path.
 */
#ifndef AB_SYS_RESOLVE_H
#define AB_SYS_RESOLVE_H

#include "core/loop.h"
#include "sys/netaddr.h"

#define AB_RESOLVE_PARALLEL 8
#define AB_RESOLVE_TIMEOUT_MS 10000
#define AB_RESOLVE_ADDRESSES_MAX 8

struct ab_lookup {
	char host[AB_HOST_SIZE];
	/*
	 * Called once, from the loop, never from ab_resolve() itself. count 0: failed, and why is a phrase. May
	 * start and cancel lookups; the lookup is not touched afterwards.
	 */
	void (*done)(
	    struct ab_lookup *lookup, const struct ab_address *addresses, size_t count, const char *why);
	void *data;
	/* private */
	struct ab_resolver *resolver; /* NULL: not under way */
	struct ab_lookup *next;
	struct ab_watch watch; /* of the pipe */
	struct ab_timer timer;
	int pidfd;
	bool running;
	size_t got;
	struct ab_resolve_answer {
		int32_t status; /* EAI_*, 0: good */
		uint32_t count;
		struct ab_address address[AB_RESOLVE_ADDRESSES_MAX];
	} answer;
};

struct ab_resolver {
	struct ab_loop *loop;
	struct ab_lookup *first, **last; /* waiting */
	unsigned running;
};

void ab_resolver_init(struct ab_resolver *resolver, struct ab_loop *loop);
/* Begin; lookup->host, done and data are set, and the lookup is the caller's until done or cancelled. An
 * address literal needs none. */
void ab_resolve(struct ab_resolver *resolver, struct ab_lookup *lookup);
/* Forget it; its child, if any, is killed and reaped. One that is not under way is ignored. */
void ab_resolve_cancel(struct ab_lookup *lookup);

#endif
