/* sys/dnsstub: packets in, packets out; names and their addresses. */
#include "sys/dnsstub.h"

#include "core/mem.h"
#include "tap.h"

/* A query as resolvers send it; name with dots, no escapes. */
static size_t
query(unsigned char *packet, const char *name, unsigned type)
{
	static const unsigned char HEADER[12] = { 0x12, 0x34, 0x01, 0x00, 0, 1 };
	size_t at = sizeof(HEADER);

	memcpy(packet, HEADER, sizeof(HEADER));
	while (*name != '\0') {
		size_t len = strcspn(name, ".");
		packet[at++] = (unsigned char)len;
		memcpy(packet + at, name, len);
		at += len;
		name += len + (name[len] == '.');
	}
	packet[at++] = 0;
	packet[at++] = (unsigned char)(type >> 8);
	packet[at++] = (unsigned char)type;
	packet[at++] = 0;
	packet[at++] = 1;
	return at;
}

struct exchange {
	struct ab_dns_question question;
	unsigned char packet[600], reply[AB_DNS_REPLY_MAX];
	size_t packet_len, reply_len;
};

static void
ask(struct exchange *x, struct ab_dns_names *names, const char *name, unsigned type)
{
	x->packet_len = query(x->packet, name, type);
	ab_dns_parse(&x->question, x->packet, x->packet_len);
	x->reply_len =
	    x->question.kind == AB_DNS_MALFORMED ? 0 : ab_dns_reply(&x->question, x->packet, names, x->reply);
}

static unsigned
rcode(const struct exchange *x)
{
	return x->reply[3] & 0x0fu;
}

static unsigned
answers(const struct exchange *x)
{
	return (unsigned)(x->reply[6] << 8 | x->reply[7]);
}

/* The last four bytes: the address of an A record. */
static uint32_t
address(const struct exchange *x)
{
	const unsigned char *at = x->reply + x->reply_len - 4;

	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void
test_given(void)
{
	struct ab_dns_names *names = ab_dns_names_new();
	struct exchange x;

	ask(&x, names, "Example.ORG", AB_DNS_TYPE_A);
	CHECK_INT(x.question.kind, AB_DNS_NAME);
	CHECK_STRING(x.question.name, "example.org");
	CHECK_INT(x.reply_len, x.packet_len + 16);
	CHECK(memcmp(x.reply, "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12) == 0);
	CHECK(memcmp(x.reply + 12, x.packet + 12, x.packet_len - 12) == 0);
	CHECK(memcmp(x.reply + x.packet_len, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4", 12) == 0);
	uint32_t first = address(&x);
	CHECK_INT(first, 0xc6120002);
	CHECK_STRING(ab_dns_names_find(names, first), "example.org");
	ask(&x, names, "other.org", AB_DNS_TYPE_A);
	CHECK_INT(address(&x), first + 1);
	ask(&x, names, "EXAMPLE.org", AB_DNS_TYPE_A);
	CHECK_INT(address(&x), first);
	ask(&x, names, "example.org", AB_DNS_TYPE_AAAA);
	CHECK_INT(rcode(&x), 0);
	CHECK_INT(answers(&x), 0);
	CHECK_INT(x.reply_len, x.packet_len);
	ab_dns_names_free(names);
}

static void
test_none(void)
{
	struct exchange x;

	ask(&x, NULL, "example.org", AB_DNS_TYPE_A);
	CHECK_INT(rcode(&x), 3);
	CHECK_INT(answers(&x), 0);
	CHECK_INT(x.question.kind, AB_DNS_NAME);
	ask(&x, NULL, "localhost", AB_DNS_TYPE_A);
	CHECK_INT(x.question.kind, AB_DNS_LOCAL);
	CHECK_INT(rcode(&x), 0);
	CHECK_INT(address(&x), 0x7f000001);
	ask(&x, NULL, "app.localhost", AB_DNS_TYPE_AAAA);
	CHECK_INT(answers(&x), 1);
	CHECK_INT(x.reply[x.reply_len - 1], 1);
}

static void
test_reverse(void)
{
	struct ab_dns_names *names = ab_dns_names_new();
	struct exchange x;

	ask(&x, names, "a.example.org", AB_DNS_TYPE_A);
	ask(&x, names, "2.0.18.198.in-addr.arpa", AB_DNS_TYPE_PTR);
	CHECK_INT(x.question.kind, AB_DNS_REVERSE);
	CHECK_INT(rcode(&x), 0);
	CHECK_INT(answers(&x), 1);
	CHECK(memcmp(x.reply + x.reply_len - 17, "\0\x0f\1a\7example\3org", 17) == 0);
	ask(&x, names, "3.0.18.198.in-addr.arpa", AB_DNS_TYPE_PTR);
	CHECK_INT(rcode(&x), 3);
	ask(&x, names, "8.8.8.8.in-addr.arpa", AB_DNS_TYPE_PTR);
	CHECK_INT(rcode(&x), 3);
	ask(&x, names, "18.198.in-addr.arpa", AB_DNS_TYPE_PTR);
	CHECK_INT(rcode(&x), 3);
	ab_dns_names_free(names);
}

static void
test_odd(void)
{
	struct ab_dns_names *names = ab_dns_names_new();
	struct exchange x;

	ask(&x, names, "_http._tcp.deb.debian.org", 33);
	CHECK_INT(x.question.kind, AB_DNS_ODD);
	CHECK_INT(rcode(&x), 3);
	ask(&x, names, "", 2);
	CHECK_INT(x.question.kind, AB_DNS_ODD);
	ask(&x, names, "a b.org", AB_DNS_TYPE_A);
	CHECK_INT(x.question.kind, AB_DNS_ODD);
	x.packet_len = query(x.packet, "a.org", AB_DNS_TYPE_A);
	x.packet[x.packet_len - 1] = 3; /* class CHAOS */
	ab_dns_parse(&x.question, x.packet, x.packet_len);
	x.reply_len = ab_dns_reply(&x.question, x.packet, names, x.reply);
	CHECK_INT(rcode(&x), 5);
	x.packet_len = query(x.packet, "a.org", AB_DNS_TYPE_A);
	x.packet[2] |= 0x28; /* opcode UPDATE */
	ab_dns_parse(&x.question, x.packet, x.packet_len);
	x.reply_len = ab_dns_reply(&x.question, x.packet, names, x.reply);
	CHECK_INT(rcode(&x), 4);
	CHECK_INT(x.reply[2] & 0x78, 0x28);
	ab_dns_names_free(names);
}

static void
test_malformed(void)
{
	struct ab_dns_question question;
	unsigned char packet[600];
	size_t len = query(packet, "a.example.org", AB_DNS_TYPE_A);

	for (size_t cut = 0; cut < len; cut++) {
		ab_dns_parse(&question, packet, cut);
		CHECK_INT(question.kind, AB_DNS_MALFORMED);
	}
	packet[2] |= 0x80; /* a response */
	ab_dns_parse(&question, packet, len);
	CHECK_INT(question.kind, AB_DNS_MALFORMED);
	len = query(packet, "a.example.org", AB_DNS_TYPE_A);
	packet[5] = 2; /* two questions */
	ab_dns_parse(&question, packet, len);
	CHECK_INT(question.kind, AB_DNS_MALFORMED);
	len = query(packet, "a.example.org", AB_DNS_TYPE_A);
	packet[12] = 0xc0; /* a pointer */
	ab_dns_parse(&question, packet, len);
	CHECK_INT(question.kind, AB_DNS_MALFORMED);
	char longest[300];
	for (size_t i = 0; i < 256; i++)
		longest[i] = i % 2 == 0 ? 'a' : '.';
	longest[255] = '\0';
	len = query(packet, longest, AB_DNS_TYPE_A);
	ab_dns_parse(&question, packet, len);
	CHECK_INT(question.kind, AB_DNS_MALFORMED);
	longest[253] = '\0';
	len = query(packet, longest, AB_DNS_TYPE_A);
	ab_dns_parse(&question, packet, len);
	CHECK_INT(question.kind, AB_DNS_NAME);
	CHECK_STRING(question.name, longest);
}

/* The longest question with the longest answer still fits. */
static void
test_longest(void)
{
	struct ab_dns_names *names = ab_dns_names_new();
	struct exchange x;
	char longest[254];

	for (size_t i = 0; i < 253; i++)
		longest[i] = i % 64 == 63 ? '.' : 'a';
	longest[253] = '\0';
	ask(&x, names, longest, AB_DNS_TYPE_A);
	CHECK_INT(answers(&x), 1);
	ask(&x, names, "2.0.18.198.in-addr.arpa", AB_DNS_TYPE_PTR);
	CHECK_INT(answers(&x), 1);
	CHECK(x.reply_len <= AB_DNS_REPLY_MAX);
	CHECK_INT(x.reply[x.reply_len - 256], 255); /* the length of the data */
	ab_dns_names_free(names);
}

static void
test_full(void)
{
	struct ab_dns_names *names = ab_dns_names_new();
	char name[64];
	uint32_t last = 0;
	unsigned wrong = 0;

	for (unsigned i = 0; i < AB_DNS_NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "host%u.example.org", i);
		uint32_t given = ab_dns_names_give(names, name);
		const char *found = ab_dns_names_find(names, given);
		wrong += given <= last || (given & 0xff) == 0 || (given & 0xff) == 255 ||
		    given >> 17 != 0xc612 >> 1 || found == NULL || strcmp(found, name) != 0;
		last = given;
	}
	CHECK_INT(wrong, 0);
	struct exchange x;
	ask(&x, names, "one.more", AB_DNS_TYPE_A);
	CHECK_INT(rcode(&x), 2);
	CHECK_INT(answers(&x), 0);
	ask(&x, names, "host7.example.org", AB_DNS_TYPE_A);
	CHECK_INT(rcode(&x), 0);
	CHECK(ab_dns_names_find(names, last + 1) == NULL);
	CHECK(ab_dns_names_find(names, 0xc6120001) == NULL);
	CHECK(ab_dns_names_find(names, 0xc6120000) == NULL);
	CHECK(ab_dns_names_find(names, 0) == NULL);
	CHECK(ab_dns_names_find(names, 0xffffffff) == NULL);
	ab_dns_names_free(names);
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "a name gets an address of its own", test_given },
		{ "with no network every name is unknown, but localhost", test_none },
		{ "an address leads back to its name", test_reverse },
		{ "what is no host", test_odd },
		{ "malformed packets are dropped", test_malformed },
		{ "the longest names fit", test_longest },
		{ "4,096 names and no more", test_full },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
