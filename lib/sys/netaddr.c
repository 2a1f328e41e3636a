/* Host names and addresses: one form, and which addresses a name must not lead to. */
#include "sys/netaddr.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

/* As inet_aton(3) would read a label: decimal, octal or hexadecimal. */
static bool
is_number(const char *label)
{
	if (label[0] == '0' && label[1] == 'x')
		return label[2 + strspn(label + 2, "0123456789abcdef")] == '\0';
	return label[strspn(label, "0123456789")] == '\0';
}

static bool
is_name(const char *host)
{
	const char *label = host;

	for (;;) {
		size_t len = strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789-_");
		if (len == 0 || len > 63)
			return false;
		if (label[len] == '\0')
			return !is_number(label);
		if (label[len] != '.')
			return false;
		label += len + 1;
	}
}

bool
ab_host_normalise(char host[static AB_HOST_SIZE], const char *text, size_t len)
{
	struct ab_address address;
	bool brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';

	if (brackets) {
		text++;
		len -= 2;
	} else if (len > 1 && text[len - 1] == '.') {
		len--;
	}
	if (len == 0 || len > AB_HOST_MAX || memchr(text, '\0', len) != NULL)
		return false;
	for (size_t i = 0; i < len; i++)
		host[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
	host[len] = '\0';
	if (ab_address_parse(host, &address)) {
		if (brackets && address.family == AF_INET && strchr(host, ':') == NULL)
			return false;
		ab_address_host(host, &address);
		return true;
	}
	return !brackets && is_name(host);
}

const char *
ab_host_port(char text[static AB_HOST_PORT_SIZE], const char *host, uint16_t port)
{
	bool v6 = strchr(host, ':') != NULL;

	snprintf(text, AB_HOST_PORT_SIZE, "%s%.253s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", (unsigned)port);
	return text;
}

bool
ab_port_parse(const char *text, size_t len, uint16_t *port)
{
	unsigned value = 0;

	if (len == 0 || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	if (value == 0 || value > UINT16_MAX)
		return false;
	*port = (uint16_t)value;
	return true;
}

static const unsigned char MAPPED[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static void
set_v6(struct ab_address *address, const void *bytes)
{
	bool mapped = memcmp(bytes, MAPPED, sizeof(MAPPED)) == 0;

	memset(address, 0, sizeof(*address));
	address->family = mapped ? AF_INET : AF_INET6;
	memcpy(address->bytes, (const char *)bytes + (mapped ? 12 : 0), mapped ? 4 : 16);
}

bool
ab_address_parse(const char *host, struct ab_address *address)
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, host, bytes) == 1) {
		memset(address, 0, sizeof(*address));
		address->family = AF_INET;
		memcpy(address->bytes, bytes, 4);
		return true;
	}
	if (inet_pton(AF_INET6, host, bytes) == 1) {
		set_v6(address, bytes);
		return true;
	}
	return false;
}

bool
ab_address_from_sockaddr(struct ab_address *address, const struct sockaddr *from)
{
	if (from->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, from, sizeof(in));
		memset(address, 0, sizeof(*address));
		address->family = AF_INET;
		memcpy(address->bytes, &in.sin_addr, 4);
		return true;
	}
	if (from->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, from, sizeof(in6));
		set_v6(address, &in6.sin6_addr);
		return true;
	}
	return false;
}

socklen_t
ab_address_to_sockaddr(const struct ab_address *address, uint16_t port, struct sockaddr_storage *to)
{
	memset(to, 0, sizeof(*to));
	if (address->family == AF_INET) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
		memcpy(&in.sin_addr, address->bytes, 4);
		memcpy(to, &in, sizeof(in));
		return sizeof(in);
	}
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	memcpy(&in6.sin6_addr, address->bytes, 16);
	memcpy(to, &in6, sizeof(in6));
	return sizeof(in6);
}

const char *
ab_address_host(char host[static AB_HOST_SIZE], const struct ab_address *address)
{
	if (inet_ntop(address->family, address->bytes, host, AB_HOST_SIZE) == NULL)
		host[0] = '\0';
	return host;
}

struct range {
	unsigned char prefix[16];
	unsigned bits;
	const char *what;
};

static const struct range V4[] = {
	{ { 0 }, 8, "unspecified" },
	{ { 10 }, 8, "private" },
	{ { 100, 64 }, 10, "shared (carrier-grade NAT)" },
	{ { 127 }, 8, "loopback" },
	{ { 168, 63, 129, 16 }, 32, "the platform's (Azure)" },
	{ { 169, 254 }, 16, "link-local" },
	{ { 172, 16 }, 12, "private" },
	{ { 192, 0, 0 }, 24, "reserved" },
	{ { 192, 168 }, 16, "private" },
	{ { 198, 18 }, 15, "benchmarking" },
	{ { 224 }, 4, "multicast" },
	{ { 240 }, 4, "reserved" },
};

/* The first row also covers ::, ::1 and the deprecated IPv4-compatible addresses. */
static const struct range V6[] = {
	{ { 0 }, 96, "loopback" },
	{ { 0x01 }, 64, "discard" },
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48, "private" },
	{ { 0x20, 0x01 }, 32, "Teredo" },
	{ { 0xfc }, 7, "private" },
	{ { 0xfe, 0x80 }, 10, "link-local" },
	{ { 0xfe, 0xc0 }, 10, "private" },
	{ { 0xff }, 8, "multicast" },
};

static const char *
search(const struct range *range, size_t count, const unsigned char *bytes)
{
	for (size_t i = 0; i < count; i++) {
		size_t whole = range[i].bits / 8;
		unsigned rest = range[i].bits % 8;
		if (memcmp(bytes, range[i].prefix, whole) != 0)
			continue;
		if (rest == 0 || (bytes[whole] ^ range[i].prefix[whole]) >> (8 - rest) == 0)
			return range[i].what;
	}
	return NULL;
}

const char *
ab_address_special(const struct ab_address *address)
{
	static const unsigned char NAT64[12] = { 0x00, 0x64, 0xff, 0x9b };
	const unsigned char *bytes = address->bytes;

	if (address->family == AF_INET)
		return search(V4, AB_COUNT_OF(V4), bytes);
	if (memcmp(bytes, NAT64, sizeof(NAT64)) == 0)
		return search(V4, AB_COUNT_OF(V4), bytes + 12);
	if (bytes[0] == 0x20 && bytes[1] == 0x02)
		return search(V4, AB_COUNT_OF(V4), bytes + 2);
	return search(V6, AB_COUNT_OF(V6), bytes);
}

static bool
same_address(const struct ab_address *address, const struct sockaddr *other)
{
	struct ab_address own;

	return other != NULL && ab_address_from_sockaddr(&own, other) && own.family == address->family &&
	    memcmp(own.bytes, address->bytes, sizeof(own.bytes)) == 0;
}

/* An interface has it: a second address of a subnet is reached from the first. */
static bool
is_assigned(const struct ab_address *address)
{
	struct ifaddrs *list;
	bool found = false;

	if (getifaddrs(&list) != 0)
		return false;
	for (const struct ifaddrs *at = list; at != NULL && !found; at = at->ifa_next)
		found = same_address(address, at->ifa_addr);
	freeifaddrs(list);
	return found;
}

bool
ab_address_is_ours(const struct ab_address *address)
{
	AB_AUTO_CLOSE int fd = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage peer, self = { 0 };
	socklen_t len = ab_address_to_sockaddr(address, 9, &peer), self_len = sizeof(self);

	if (is_assigned(address))
		return true;
	/* A route of type local makes a whole range ours. */
	if (fd < 0 || connect(fd, (struct sockaddr *)&peer, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&self, &self_len) != 0)
		return false;
	return same_address(address, (struct sockaddr *)&self);
}
