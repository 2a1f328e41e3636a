/* Any datagram to the DNS stub: the reply keeps within its bounds, and an address leads back to the name it was given for. */
#include <assert.h>
#include <string.h>

#include "core/mem.h"
#include "sys/dnsstub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char reply[AB_DNS_REPLY_MAX];
	struct ab_dns_question question;
	struct ab_dns_names *names = ab_dns_names_new();

	ab_dns_parse(&question, data, size);
	if (question.kind != AB_DNS_MALFORMED) {
		assert(question.end <= size);
		size_t len = ab_dns_reply(&question, data, NULL, reply);
		assert(len >= question.end && len <= sizeof(reply));
		ab_dns_names_give(names, "a.name.org");
		len = ab_dns_reply(&question, data, names, reply);
		assert(len >= question.end && len <= sizeof(reply));
		assert((reply[2] & 0x80) != 0 && memcmp(reply, data, 2) == 0);
	}
	if (question.kind == AB_DNS_NAME) {
		uint32_t address = ab_dns_names_give(names, question.name);
		assert(strcmp(ab_dns_names_find(names, address), question.name) == 0);
	}
	ab_dns_names_free(names);
	return 0;
}
