/*
 * Host names and addresses as the network gate compares them.
 *
 * A host is kept in one form everywhere (rules, DNS questions, proxy requests, destinations of connections):
 * lower case, without the trailing dot, punycode as given (IDNA is left alone), or an address literal as
 * inet_ntop(3) prints it, without brackets.
 */
#ifndef AB_SYS_NETADDR_H
#define AB_SYS_NETADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define AB_HOST_MAX 253 /* RFC 1035, section 2.3.4, without the trailing dot */
#define AB_HOST_SIZE (AB_HOST_MAX + 1)
#define AB_HOST_PORT_SIZE (AB_HOST_SIZE + 8) /* "[…]:65535" */

/*
 * Bring a name or address literal (IPv6 with or without brackets) into that form. False when it is neither:
 * empty or long labels, bytes other than letters, digits, '-' and '_', a zone id, or a name whose last label is
 * a number (it would be read as an address by inet_aton(3): "127.1", "0x7f000001", "2130706433"). IPv4-mapped
 * IPv6 becomes IPv4.
 */
bool ab_host_normalise(char host[static AB_HOST_SIZE], const char *text, size_t len);
/* "host:port", "[2001:db8::1]:port". Returns text. */
const char *ab_host_port(char text[static AB_HOST_PORT_SIZE], const char *host, uint16_t port);
/* A decimal number, 1..65535, nothing else. */
bool ab_port_parse(const char *text, size_t len, uint16_t *port);

struct ab_address {
	sa_family_t family;	 /* AF_INET, AF_INET6 */
	unsigned char bytes[16]; /* network order; the first 4 of them for AF_INET */
};

/* A literal in normal form; false for a name. */
bool ab_address_parse(const char *host, struct ab_address *address);
/* IPv4-mapped IPv6 becomes AF_INET. False for another family. */
bool ab_address_from_sockaddr(struct ab_address *address, const struct sockaddr *from);
/* The length of what was written. */
socklen_t ab_address_to_sockaddr(const struct ab_address *address, uint16_t port, struct sockaddr_storage *to);
/* As a host in normal form. Returns host. */
const char *ab_address_host(char host[static AB_HOST_SIZE], const struct ab_address *address);

/*
 * Why a name must not lead to this address unless the list names the address itself: "loopback", "private",
 * "link-local" (metadata services are there), …; NULL for an address of the public Internet. An IPv6 address
 * that carries an IPv4 address (NAT64, RFC 6052; 6to4, RFC 3056) is judged by that. Source: IANA's
 * special-purpose address registries (RFC 6890).
 */
const char *ab_address_special(const struct ab_address *address);
/* Whether a connection to it would stay on this machine (the kernel is asked: getifaddrs(3), and for ranges
 * connect(2) of a datagram socket, getsockname(2)). */
bool ab_address_is_ours(const struct ab_address *address);

#endif
