/*
 * A DNS stub as pure functions over packets: it knows no upstream, gives every name an address of its own, and
 * finds the name back.
 *
 * Source: RFC 1035 (messages), RFC 6761 (localhost), RFC 6891 (a responder may ignore EDNS). Nothing here does
 * I/O; sys/netgate owns the socket. Addresses are IPv4 in host byte order.
 */
#ifndef AB_SYS_DNSSTUB_H
#define AB_SYS_DNSSTUB_H

#include "core/error.h"
#include "sys/netaddr.h"

#define AB_DNS_QUERY_MAX 4096 /* a longer datagram is no question that we know */
#define AB_DNS_REPLY_MAX 640
#define AB_DNS_NAMES_MAX 4096
#define AB_DNS_TTL_S 60

enum { AB_DNS_TYPE_A = 1, AB_DNS_TYPE_PTR = 12, AB_DNS_TYPE_AAAA = 28 };

/* Names and their addresses, each name one for as long as the table lives. */
struct ab_dns_names; /* opaque */
struct ab_dns_names *ab_dns_names_new(void) AB_MUST_USE;
void ab_dns_names_free(struct ab_dns_names *names);
/* The address of a name (normal form), given now if it has none; 0 when 4,096 have been given. */
uint32_t ab_dns_names_give(struct ab_dns_names *names, const char *name);
/* The name of an address, or NULL; lives as long as the table. */
const char *ab_dns_names_find(const struct ab_dns_names *names, uint32_t address);

enum ab_dns_kind {
	AB_DNS_MALFORMED, /* not a query, or broken: answer nothing */
	AB_DNS_NAME,	  /* a name in normal form: a host that somebody wants */
	AB_DNS_LOCAL,	  /* localhost, localhost.localdomain and names below localhost */
	AB_DNS_REVERSE,	  /* a name below in-addr.arpa or ip6.arpa */
	AB_DNS_ODD, /* well-formed, but no host name: service discovery ("_http._tcp…"), the root, other bytes,
		       not class IN */
};

struct ab_dns_question {
	enum ab_dns_kind kind;
	uint16_t id, flags, type, class;
	size_t end;		 /* offset behind the question in the packet */
	char name[AB_HOST_SIZE]; /* NAME, LOCAL, REVERSE: lower case */
};

/* Read a packet; kind MALFORMED when it is none. */
void ab_dns_parse(struct ab_dns_question *question, const void *packet, size_t len);

/*
 * The answer to a question that is not MALFORMED; packet is the one that it was read from. names NULL (mode
 * none): NXDOMAIN for every host. Else A: the name's address; AAAA and every other type of a name: no data;
 * REVERSE: the name of one of our addresses. SERVFAIL when the table is full. The reply's length, at most
 * AB_DNS_REPLY_MAX.
 */
size_t ab_dns_reply(const struct ab_dns_question *question, const void *packet, struct ab_dns_names *names,
    unsigned char reply[static AB_DNS_REPLY_MAX]);

#endif
