/* A DNS stub: packets in, packets out. */
#include "sys/dnsstub.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

enum { HEADER = 12, SLOTS = 2 * AB_DNS_NAMES_MAX };
enum { FLAG_RESPONSE = 0x8000, FLAG_RD = 0x0100, FLAG_RA = 0x0080, OPCODE = 0x7800 };
enum { NOERROR = 0, SERVFAIL = 2, NXDOMAIN = 3, NOTIMP = 4, REFUSED = 5 };
enum { CLASS_IN = 1, TYPE_ANY = 255 };

/* 198.18.0.0/15; .1 is the sandbox's own address. No last octet is 0 or 255, which some take for a network. */
#define RANGE_FIRST 0xc6120000u
#define PER_BLOCK 250u

struct ab_dns_names {
	char *name[AB_DNS_NAMES_MAX];
	uint16_t slot[SLOTS]; /* open hashing: 0 = free, else index + 1 */
	unsigned count;
};

struct ab_dns_names *
ab_dns_names_new(void)
{
	return ab_calloc(1, sizeof(struct ab_dns_names));
}

void
ab_dns_names_free(struct ab_dns_names *names)
{
	for (unsigned i = 0; names != NULL && i < names->count; i++)
		free(names->name[i]);
	free(names);
}

static uint32_t
address_of(unsigned index)
{
	return RANGE_FIRST + (index / PER_BLOCK) * 256u + index % PER_BLOCK + 2u;
}

uint32_t
ab_dns_names_give(struct ab_dns_names *names, const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a: the table is bounded at half full, so bad luck costs little */

	for (const char *at = name; *at != '\0'; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619u;
	unsigned slot = hash % SLOTS;
	for (; names->slot[slot] != 0; slot = (slot + 1) % SLOTS)
		if (strcmp(names->name[names->slot[slot] - 1], name) == 0)
			return address_of(names->slot[slot] - 1u);
	if (names->count == AB_DNS_NAMES_MAX)
		return 0;
	names->name[names->count] = ab_strdup(name);
	names->slot[slot] = (uint16_t)(names->count + 1);
	return address_of(names->count++);
}

const char *
ab_dns_names_find(const struct ab_dns_names *names, uint32_t address)
{
	uint32_t offset = address - RANGE_FIRST;
	uint32_t low = offset % 256u;

	if (address < RANGE_FIRST || low < 2u || low >= PER_BLOCK + 2u)
		return NULL;
	uint32_t index = offset / 256u * PER_BLOCK + low - 2u;
	return index < names->count ? names->name[index] : NULL;
}

static uint16_t
get16(const unsigned char *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static unsigned char *
put16(unsigned char *at, unsigned value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
	return at + 2;
}

static unsigned char *
put32(unsigned char *at, uint32_t value)
{
	return put16(put16(at, value >> 16), value & 0xffffu);
}

/*
 * The labels at *offset as dotted text (at most 254 bytes of it, by RFC 1035's limit of 255 on the wire). False
 * when they are broken or compressed (a question has nothing to point at). A label with bytes that no host name
 * has makes *odd true.
 */
static bool
read_name(const unsigned char *packet, size_t len, size_t *offset, char text[static 256], bool *odd)
{
	size_t used = 0, at = *offset;

	*odd = false;
	for (;;) {
		if (at >= len || packet[at] > 63)
			return false;
		size_t label = packet[at++];
		if (label == 0)
			break;
		if (label > len - at || used + label + 2 > 255)
			return false;
		if (used > 0)
			text[used++] = '.';
		for (size_t i = 0; i < label; i++) {
			unsigned char c = packet[at + i];
			*odd |= c <= ' ' || c == '.' || c >= 0x7f;
			text[used++] = (char)c;
		}
		at += label;
	}
	text[used] = '\0';
	*offset = at;
	return true;
}

static bool
ends_with(const char *name, const char *tail)
{
	size_t len = strlen(name), tail_len = strlen(tail);

	return len >= tail_len && strcmp(name + len - tail_len, tail) == 0;
}

static enum ab_dns_kind
kind_of(const struct ab_dns_question *question)
{
	const char *name = question->name;

	if (strcmp(name, "localhost") == 0 || strcmp(name, "localhost.localdomain") == 0 ||
	    ends_with(name, ".localhost"))
		return AB_DNS_LOCAL;
	if (ends_with(name, ".in-addr.arpa") || ends_with(name, ".ip6.arpa"))
		return AB_DNS_REVERSE;
	return name[0] == '_' ? AB_DNS_ODD : AB_DNS_NAME;
}

void
ab_dns_parse(struct ab_dns_question *question, const void *packet, size_t len)
{
	const unsigned char *bytes = packet;
	char text[256];
	size_t at = HEADER;
	bool odd;

	memset(question, 0, sizeof(*question));
	if (len < HEADER || len > AB_DNS_QUERY_MAX)
		return;
	question->id = get16(bytes);
	question->flags = get16(bytes + 2);
	if ((question->flags & FLAG_RESPONSE) != 0 || get16(bytes + 4) != 1 ||
	    !read_name(bytes, len, &at, text, &odd) || len - at < 4)
		return;
	question->type = get16(bytes + at);
	question->class = get16(bytes + at + 2);
	question->end = at + 4;
	odd |= question->class != CLASS_IN || (question->flags & OPCODE) != 0;
	if (odd || !ab_host_normalise(question->name, text, strlen(text)))
		question->kind = AB_DNS_ODD;
	else
		question->kind = kind_of(question);
}

/* "4.3.18.198.in-addr.arpa" is 198.18.3.4; 0 when it is no whole address. */
static uint32_t
reverse_address(const char *name)
{
	unsigned a, b, c, d;
	int used = 0;

	if (sscanf(name, "%3u.%3u.%3u.%3u.in-addr.arpa%n", &a, &b, &c, &d, &used) != 4 || used == 0 ||
	    name[used] != '\0')
		return 0;
	return a > 255 || b > 255 || c > 255 || d > 255 ? 0 : d << 24 | c << 16 | b << 8 | a;
}

/* Owner (a pointer to the question), type, class, time to live; the caller adds length and data. */
static unsigned char *
put_record(unsigned char *at, unsigned type)
{
	return put32(put16(put16(put16(at, 0xc000u | HEADER), type), CLASS_IN), AB_DNS_TTL_S);
}

static unsigned char *
put_address(unsigned char *at, uint32_t address)
{
	return put32(put16(put_record(at, AB_DNS_TYPE_A), 4), address);
}

static unsigned char *
put_loopback6(unsigned char *at)
{
	at = put16(put_record(at, AB_DNS_TYPE_AAAA), 16);
	memset(at, 0, 16);
	at[15] = 1;
	return at + 16;
}

static unsigned char *
put_pointer(unsigned char *at, const char *name)
{
	at = put16(put_record(at, AB_DNS_TYPE_PTR), (unsigned)strlen(name) + 2);
	for (;;) {
		size_t len = strcspn(name, ".");
		*at++ = (unsigned char)len;
		memcpy(at, name, len);
		at += len;
		if (name[len] == '\0')
			break;
		name += len + 1;
	}
	*at++ = 0;
	return at;
}

static unsigned
answer_name(const struct ab_dns_question *question, struct ab_dns_names *names, unsigned char **at)
{
	if (names == NULL)
		return NXDOMAIN;
	uint32_t address = ab_dns_names_give(names, question->name);
	if (address == 0)
		return SERVFAIL;
	if (question->type == AB_DNS_TYPE_A || question->type == TYPE_ANY)
		*at = put_address(*at, address);
	return NOERROR;
}

static unsigned
answer(const struct ab_dns_question *question, struct ab_dns_names *names, unsigned char **at)
{
	const char *name;

	if ((question->flags & OPCODE) != 0)
		return NOTIMP;
	if (question->class != CLASS_IN)
		return REFUSED;
	switch (question->kind) {
	case AB_DNS_NAME:
		return answer_name(question, names, at);
	case AB_DNS_LOCAL:
		if (question->type == AB_DNS_TYPE_A)
			*at = put_address(*at, 0x7f000001u);
		else if (question->type == AB_DNS_TYPE_AAAA)
			*at = put_loopback6(*at);
		return NOERROR;
	case AB_DNS_REVERSE:
		name = names != NULL ? ab_dns_names_find(names, reverse_address(question->name)) : NULL;
		if (name == NULL)
			return NXDOMAIN;
		if (question->type == AB_DNS_TYPE_PTR)
			*at = put_pointer(*at, name);
		return NOERROR;
	default:
		return NXDOMAIN;
	}
}

size_t
ab_dns_reply(const struct ab_dns_question *question, const void *packet, struct ab_dns_names *names,
    unsigned char reply[static AB_DNS_REPLY_MAX])
{
	unsigned char *records = reply + question->end, *at = records;

	/* The question goes back as it came: resolvers that mix case against spoofing compare it. */
	memcpy(reply, packet, question->end);
	unsigned code = answer(question, names, &at);
	put16(reply + 2, (unsigned)FLAG_RESPONSE | (question->flags & (OPCODE | FLAG_RD)) | FLAG_RA | code);
	put16(reply + 4, 1);
	put16(reply + 6, at > records ? 1 : 0);
	put32(reply + 8, 0);
	return (size_t)(at - reply);
}
