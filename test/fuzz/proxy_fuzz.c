/* Any bytes to the proxy, at once and in two parts: the same judgement, a host in normal form, a head without a second line of ours. */
#include <assert.h>
#include <string.h>

#include "core/mem.h"
#include "sys/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct ab_proxy *proxy, size_t size)
{
	char host[AB_HOST_SIZE];

	if (proxy->state == AB_PROXY_BAD) {
		assert(proxy->reason != NULL);
		return;
	}
	if (proxy->state == AB_PROXY_MORE)
		return;
	assert(proxy->used > 0 && proxy->used <= size);
	if (proxy->state == AB_PROXY_GREETED)
		return;
	assert(proxy->port != 0);
	assert(ab_host_normalise(host, proxy->host, strlen(proxy->host)) && strcmp(host, proxy->host) == 0);
	if (proxy->state == AB_PROXY_FORWARD) {
		const char *end = memmem(proxy->head.data, proxy->head.len, "\r\n\r\n", 4);
		assert(end != NULL && end + 4 == proxy->head.data + proxy->head.len);
		assert(memmem(proxy->head.data, proxy->head.len, "\r\nHost: ", 8) != NULL);
	}
}

static void
replies(const struct ab_proxy *proxy)
{
	struct ab_buf out = AB_BUF_INIT(4096);

	for (int reply = AB_PROXY_REPLY_GREETING; reply <= AB_PROXY_REPLY_BAD; reply++)
		if (reply != AB_PROXY_REPLY_BAD || proxy->state == AB_PROXY_BAD)
			ab_proxy_put_reply(proxy, (enum ab_proxy_reply)reply, "--net allow:a", &out);
	ab_buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ab_proxy whole, parts;
	const char *text = (const char *)data;

	ab_proxy_init(&whole);
	ab_proxy_init(&parts);
	enum ab_proxy_state state = ab_proxy_parse(&whole, text, size);
	check(&whole, size);
	replies(&whole);
	enum ab_proxy_state early = ab_proxy_parse(&parts, text, size / 2);
	if (early == AB_PROXY_MORE)
		assert(ab_proxy_parse(&parts, text, size) == state);
	if (state == AB_PROXY_GREETED) {
		ab_proxy_parse(&whole, text + whole.used, size - whole.used);
		check(&whole, size);
		replies(&whole);
	}
	ab_proxy_release(&whole);
	ab_proxy_release(&parts);
	return 0;
}
