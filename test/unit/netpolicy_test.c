/* sys/netpolicy: allow-lists as text, as rules, and compared. */
#include <netinet/in.h>

#include "core/mem.h"
#include "sys/netgate.h"
#include "tap.h"

static struct ab_net_policy
policy_of(const char *text)
{
	struct ab_net_policy policy;
	struct ab_error err = AB_ERROR_INIT;

	if (!CHECK_INT(ab_net_policy_parse(text, &policy, &err), 0))
		printf("# %s: %s\n", text, err.msg);
	return policy;
}

static bool
allows(const char *text, const char *host, uint16_t port)
{
	struct ab_net_policy policy = policy_of(text);
	bool answer = ab_net_policy_allows(&policy, host, port);

	ab_net_policy_release(&policy);
	return answer;
}

static bool
within(const char *inner_text, const char *outer_text)
{
	struct ab_net_policy inner = policy_of(inner_text), outer = policy_of(outer_text);
	bool answer = ab_net_policy_within(&inner, &outer);

	ab_net_policy_release(&inner);
	ab_net_policy_release(&outer);
	return answer;
}

static void
test_modes(void)
{
	struct ab_net_policy policy = policy_of("none");

	CHECK_INT(policy.mode, AB_NET_NONE);
	CHECK_STRING(policy.text, "none");
	ab_net_policy_release(&policy);
	policy = policy_of("host");
	CHECK_INT(policy.mode, AB_NET_HOST);
	ab_net_policy_release(&policy);
	policy = policy_of("allow:@npm,Example.org:8443");
	CHECK_INT(policy.mode, AB_NET_ALLOW);
	CHECK_INT(policy.rule_count, 3);
	CHECK_STRING(policy.text, "allow:@npm,Example.org:8443");
	ab_net_policy_release(&policy);
	ab_net_policy_release(&policy);
	CHECK(!allows("none", "a.b", 80));
	CHECK(allows("host", "a.b", 80));
}

static void
test_rules(void)
{
	CHECK(allows("allow:a.org", "a.org", 80));
	CHECK(allows("allow:a.org", "A.ORG.", 443));
	CHECK(!allows("allow:a.org", "a.org", 22));
	CHECK(!allows("allow:a.org", "b.a.org", 443));
	CHECK(!allows("allow:a.org", "xa.org", 443));
	CHECK(allows("allow:a.org:8443", "a.org", 8443));
	CHECK(!allows("allow:a.org:8443", "a.org", 443));
	CHECK(allows("allow:*.a.org", "x.a.org", 443));
	CHECK(allows("allow:*.a.org", "y.x.a.org", 443));
	CHECK(!allows("allow:*.a.org", "a.org", 443));
	CHECK(!allows("allow:*.a.org", "xa.org", 443));
	CHECK(!allows("allow:a.org", "a.org", 0));
	CHECK(!allows("allow:a.org", "a.org/", 80));
	CHECK(allows("allow:x.org,a.org:1,a.org:2", "a.org", 2));
}

static void
test_addresses(void)
{
	CHECK(allows("allow:10.1.2.3:5432", "10.1.2.3", 5432));
	CHECK(!allows("allow:10.1.2.3:5432", "10.1.2.4", 5432));
	CHECK(allows("allow:[2001:DB8::1]:443", "2001:db8:0::1", 443));
	CHECK(allows("allow:2001:db8::1", "[2001:db8::1]", 80));
	CHECK(allows("allow:127.0.0.1:80", "::ffff:127.0.0.1", 80));
	CHECK(!allows("allow:*", "10.1.2.3", 80));
	CHECK(!allows("allow:*", "::1", 80));
	CHECK(allows("allow:*", "any.example", 80));
}

static void
test_localhost(void)
{
	CHECK(allows("allow:localhost:8080", "127.0.0.1", 8080));
	CHECK(allows("allow:localhost:8080", "::1", 8080));
	CHECK(!allows("allow:localhost:8080", "127.0.0.1", 8081));
	CHECK(!allows("allow:localhost:8080", "127.0.0.2", 8080));
	CHECK(allows("allow:127.0.0.1:8080", "localhost", 8080));
	CHECK(!allows("allow:*", "localhost", 80));
	struct ab_net_policy policy = policy_of("allow:localhost:8080,*.b.org");
	CHECK(ab_net_policy_lists(&policy, "127.0.0.1", 8080));
	CHECK(!ab_net_policy_lists(&policy, "127.0.0.1", 80));
	CHECK(!ab_net_policy_lists(&policy, "a.b.org", 80));
	CHECK(ab_net_policy_knows(&policy, "a.b.org"));
	CHECK(!ab_net_policy_knows(&policy, "b.org"));
	ab_net_policy_release(&policy);
}

static void
test_groups(void)
{
	CHECK(allows("allow:@npm", "registry.npmjs.org", 443));
	CHECK(allows("allow:@pypi", "files.pythonhosted.org", 443));
	CHECK(allows("allow:@git", "github.com", 22));
	CHECK(allows("allow:@git", "raw.githubusercontent.com", 443));
	CHECK(!allows("allow:@git", "raw.githubusercontent.com", 22));
	CHECK(!allows("allow:@npm", "pypi.org", 443));
	for (const struct ab_net_group *group = ab_net_groups(); group->name != NULL; group++) {
		AB_AUTO_FREE char *text = ab_asprintf("allow:%s", group->name);
		struct ab_net_policy policy = policy_of(text);
		CHECK(policy.rule_count > 0);
		CHECK(group->help[0] != '\0');
		ab_net_policy_release(&policy);
	}
}

static void
test_invalid(void)
{
	static const char *const BAD[] = { "", "nothing", "allow", "allow:", "allow:,", "allow:a,,b",
		"allow:a,", "allow:@nosuch", "allow:@npm:80", "allow:a:0", "allow:a:65536", "allow:a:b",
		"allow:a:", "allow:http://a", "allow:a/b", "allow:*a.org", "allow:a.*.org", "allow:*.10.0.0.1",
		"allow:[::1", "allow:[::1]x", "allow:a b", "allow:127.1", "@npm", "NONE", "none,a" };

	for (size_t i = 0; i < AB_COUNT_OF(BAD); i++) {
		struct ab_net_policy policy;
		struct ab_error err = AB_ERROR_INIT;
		if (!CHECK_INT(ab_net_policy_parse(BAD[i], &policy, &err), -1))
			printf("# it is '%s'\n", BAD[i]);
		CHECK_INT(err.code, AB_E_INPUT_INVALID);
		CHECK_INT(policy.rule_count, 0);
		CHECK(policy.text == NULL);
	}
}

static void
test_messages(void)
{
	struct ab_net_policy policy;
	struct ab_error err = AB_ERROR_INIT;

	CHECK_INT(ab_net_policy_parse("allow:@nosuch", &policy, &err), -1);
	CHECK(strstr(err.msg, "\"@nosuch\"") != NULL);
	CHECK(strstr(err.hint, "@npm") != NULL && strstr(err.hint, "@ubuntu") != NULL);
	CHECK_INT(ab_net_policy_parse("pypi.org", &policy, &err), -1);
	CHECK_STRING(err.hint, "--net allow:pypi.org");
	CHECK_INT(ab_net_policy_parse("allow:x.org,a:99999", &policy, &err), -1);
	CHECK(strstr(err.msg, "\"a:99999\"") != NULL);
}

static void
test_within(void)
{
	CHECK(within("none", "none"));
	CHECK(within("none", "allow:a.org"));
	CHECK(within("allow:a.org", "host"));
	CHECK(!within("host", "allow:*"));
	CHECK(!within("host", "none"));
	CHECK(!within("allow:a.org", "none"));
	CHECK(within("allow:a.org", "allow:b.org,a.org"));
	CHECK(!within("allow:a.org", "allow:a.org:443"));
	CHECK(within("allow:a.org:443", "allow:a.org"));
	CHECK(within("allow:a.org", "allow:a.org:443,a.org:80"));
	CHECK(within("allow:*.x.a.org", "allow:*.a.org"));
	CHECK(!within("allow:*.a.org", "allow:*.x.a.org"));
	CHECK(!within("allow:a.org", "allow:*.a.org"));
	CHECK(within("allow:*.a.org,b.org", "allow:*"));
	CHECK(within("allow:*", "allow:*"));
	CHECK(!within("allow:*", "allow:*.a.org"));
	CHECK(!within("allow:10.0.0.1", "allow:*"));
	CHECK(!within("allow:localhost", "allow:*"));
	CHECK(within("allow:127.0.0.1:80", "allow:localhost:80"));
	CHECK(!within("allow:localhost:80", "allow:127.0.0.1:80"));
	CHECK(within("allow:@npm", "allow:@npm,@pypi"));
}

static void
test_ports(void)
{
	uint16_t ports[AB_NETGATE_PORTS_MAX];
	struct ab_net_policy policy = policy_of("allow:a.org,b.org:8443,[2001:db8::1]:99,c.org:8443");

	CHECK_INT(ab_net_policy_ports(&policy, AF_INET, ports), 5);
	CHECK_INT(ports[0], 22);
	CHECK_INT(ports[1], 80);
	CHECK_INT(ports[2], 99);
	CHECK_INT(ports[4], 8443);
	CHECK_INT(ab_net_policy_ports(&policy, AF_INET6, ports), 1);
	CHECK_INT(ports[0], 99);
	ab_net_policy_release(&policy);
	/* 57 ports beside 22, 80 and 443 are 60 */
	for (unsigned count = 57; count <= 58; count++) {
		struct ab_buf text = AB_BUF_INIT(4096);
		struct ab_error err = AB_ERROR_INIT;
		ab_buf_puts(&text, "allow:a:1000");
		for (unsigned i = 1; i < count; i++)
			ab_buf_printf(&text, ",a:%u", 1000 + i);
		CHECK_INT(ab_net_policy_parse(text.data, &policy, &err), count == 57 ? 0 : -1);
		ab_net_policy_release(&policy);
		ab_buf_release(&text);
	}
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "the three modes", test_modes },
		{ "names, wildcards and ports", test_rules },
		{ "address literals", test_addresses },
		{ "localhost is named, never implied", test_localhost },
		{ "groups", test_groups },
		{ "invalid lists", test_invalid },
		{ "messages and hints", test_messages },
		{ "one list within another", test_within },
		{ "ports that need a listener", test_ports },
	};
	return tap_run(tests, AB_COUNT_OF(tests));
}
