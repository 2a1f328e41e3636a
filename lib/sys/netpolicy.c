/* The allow-list as text, as rules, and as an answer to "may it?". */
#include <netinet/in.h>
#include <string.h>

#include "core/mem.h"
#include "sys/netaddr.h"
#include "sys/netgate.h"

enum { RULES_MAX = 4096 };

/* What a fresh `npm ci`, `pip install`, `git clone`, … needs, and no more: no general object store, through
 * which anything could leave (so @go has no storage.googleapis.com). */
static const struct ab_net_group GROUPS[] = {
	{ "@alpine", "dl-cdn.alpinelinux.org", "Alpine packages (apk)" },
	{ "@crates", "index.crates.io,static.crates.io,crates.io", "Rust crates (cargo)" },
	{ "@debian", "deb.debian.org,security.debian.org,ftp.debian.org,snapshot.debian.org",
	    "Debian packages (apt)" },
	{ "@docker",
	    "docker.io,registry-1.docker.io,auth.docker.io,production.cloudflare.docker.com,"
	    "production.cloudfront.docker.com,index.docker.io",
	    "Docker Hub images" },
	{ "@fedora", "dl.fedoraproject.org,mirrors.fedoraproject.org,download.fedoraproject.org",
	    "Fedora packages (dnf)" },
	{ "@git",
	    "github.com,github.com:22,codeload.github.com,api.github.com,*.githubusercontent.com,ssh.github.com,"
	    "gitlab.com,gitlab.com:22,altssh.gitlab.com,bitbucket.org,bitbucket.org:22,altssh.bitbucket.org,"
	    "codeberg.org,codeberg.org:22,git.sr.ht,git.sr.ht:22",
	    "git over https and ssh: GitHub, GitLab, Bitbucket, Codeberg, SourceHut" },
	{ "@go", "proxy.golang.org,sum.golang.org,go.dev,dl.google.com", "Go modules and tool chains" },
	{ "@maven",
	    "repo.maven.apache.org,repo1.maven.org,plugins.gradle.org,plugins-artifacts.gradle.org,services.gradle.org",
	    "Maven Central and Gradle plugins" },
	{ "@npm", "registry.npmjs.org,registry.yarnpkg.com", "npm packages (npm, pnpm, yarn)" },
	{ "@nuget", "api.nuget.org,www.nuget.org,globalcdn.nuget.org", ".NET packages" },
	{ "@packagist", "packagist.org,repo.packagist.org", "PHP packages (composer)" },
	{ "@pypi", "pypi.org,files.pythonhosted.org", "Python packages (pip, uv, poetry)" },
	{ "@rubygems", "rubygems.org,index.rubygems.org", "Ruby gems (gem, bundler)" },
	{ "@ubuntu", "archive.ubuntu.com,*.archive.ubuntu.com,security.ubuntu.com,ports.ubuntu.com",
	    "Ubuntu packages (apt)" },
	{ NULL, NULL, NULL },
};

const struct ab_net_group *
ab_net_groups(void)
{
	return GROUPS;
}

static const struct ab_net_group *
find_group(const char *name, size_t len)
{
	for (const struct ab_net_group *group = GROUPS; group->name != NULL; group++)
		if (strlen(group->name) == len && memcmp(group->name, name, len) == 0)
			return group;
	return NULL;
}

/* Whether `pattern`, a rule's host, covers every host that `host`, a rule's host too, stands for. */
static bool
covers(const char *pattern, const char *host)
{
	struct ab_address address;

	if (strcmp(pattern, host) == 0)
		return true;
	if (strcmp(pattern, "localhost") == 0)
		return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0;
	if (pattern[0] != '*' || strcmp(host, "localhost") == 0 || ab_address_parse(host, &address))
		return false;
	if (pattern[1] == '\0')
		return true;
	size_t len = strlen(host), tail = strlen(pattern + 1); /* ".example.org" */
	return strcmp(host, "*") != 0 && len > tail && strcmp(host + len - tail, pattern + 1) == 0;
}

static bool
has_port(const struct ab_net_rule *rule, uint16_t port)
{
	return port != 0 && (rule->port[0] == port || rule->port[1] == port);
}

static bool
covered(const struct ab_net_policy *policy, const char *host, uint16_t port)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (has_port(&policy->rule[i], port) && covers(policy->rule[i].host, host))
			return true;
	return false;
}

bool
ab_net_policy_allows(const struct ab_net_policy *policy, const char *text, uint16_t port)
{
	char host[AB_HOST_SIZE];

	if (policy->mode == AB_NET_HOST)
		return true;
	if (policy->mode == AB_NET_NONE || !ab_host_normalise(host, text, strlen(text)))
		return false;
	return covered(policy, host, port) ||
	    (strcmp(host, "localhost") == 0 && covered(policy, "127.0.0.1", port));
}

bool
ab_net_policy_lists(const struct ab_net_policy *policy, const char *host, uint16_t port)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rule[i].host[0] != '*' && has_port(&policy->rule[i], port) &&
		    covers(policy->rule[i].host, host))
			return true;
	return false;
}

bool
ab_net_policy_knows(const struct ab_net_policy *policy, const char *host)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (covers(policy->rule[i].host, host))
			return true;
	return policy->mode == AB_NET_HOST;
}

bool
ab_net_policy_within(const struct ab_net_policy *inner, const struct ab_net_policy *outer)
{
	if (outer->mode == AB_NET_HOST || inner->mode == AB_NET_NONE)
		return true;
	if (inner->mode == AB_NET_HOST)
		return false;
	for (size_t i = 0; i < inner->rule_count; i++)
		for (size_t j = 0; j < AB_COUNT_OF(inner->rule[i].port); j++)
			if (inner->rule[i].port[j] != 0 &&
			    !covered(outer, inner->rule[i].host, inner->rule[i].port[j]))
				return false;
	return true;
}

/* Keep ports sorted and without repetition; the count, one more than the maximum when it does not fit. */
static unsigned
add_port(uint16_t *ports, unsigned count, uint16_t port)
{
	unsigned at = 0;

	while (at < count && ports[at] < port)
		at++;
	if (port == 0 || (at < count && ports[at] == port))
		return count;
	if (count == AB_NETGATE_PORTS_MAX)
		return count + 1;
	memmove(ports + at + 1, ports + at, (count - at) * sizeof(*ports));
	ports[at] = port;
	return count + 1;
}

unsigned
ab_net_policy_ports(const struct ab_net_policy *policy, int family, uint16_t ports[static AB_NETGATE_PORTS_MAX])
{
	static const uint16_t ALWAYS[] = { 22, 80, 443 };
	unsigned count = 0;

	for (size_t i = 0; family == AF_INET && i < AB_COUNT_OF(ALWAYS); i++)
		count = add_port(ports, count, ALWAYS[i]);
	for (size_t i = 0; i < policy->rule_count && count <= AB_NETGATE_PORTS_MAX; i++) {
		if (family == AF_INET6 && strchr(policy->rule[i].host, ':') == NULL)
			continue;
		for (size_t j = 0; j < AB_COUNT_OF(policy->rule[i].port) && count <= AB_NETGATE_PORTS_MAX; j++)
			count = add_port(ports, count, policy->rule[i].port[j]);
	}
	return count;
}

static int
add_rule(struct ab_net_policy *policy, const char *host, uint16_t port, struct ab_error *err)
{
	if (policy->rule_count == RULES_MAX)
		return ab_fail(err, AB_E_INPUT_INVALID, "network list: more than %d hosts", RULES_MAX);
	policy->rule = ab_reallocarray(policy->rule, policy->rule_count + 1, sizeof(*policy->rule));
	policy->rule[policy->rule_count++] = (struct ab_net_rule){
		.host = ab_strdup(host),
		.port = { port != 0 ? port : 80, port != 0 ? 0 : 443 },
	};
	return 0;
}

/* Where the host of an item ends and whether a port follows. A bare IPv6 literal has no port. */
static size_t
host_length(const char *item, size_t len)
{
	const char *colon = memchr(item, ':', len);

	if (item[0] == '[') {
		const char *close = memchr(item, ']', len);
		return close == NULL ? len : (size_t)(close - item) + 1;
	}
	if (colon == NULL || memchr(colon + 1, ':', len - (size_t)(colon - item) - 1) != NULL)
		return len;
	return (size_t)(colon - item);
}

static int
parse_host(struct ab_net_policy *policy, const char *item, size_t len, struct ab_error *err)
{
	char host[AB_HOST_SIZE + 2] = "*.";
	size_t host_len = host_length(item, len);
	uint16_t port = 0;

	if (host_len < len &&
	    (item[host_len] != ':' || !ab_port_parse(item + host_len + 1, len - host_len - 1, &port)))
		return ab_fail(err, AB_E_INPUT_INVALID,
		    "network list: \"%.*s\": the port must be a number from 1 to 65535", (int)len, item);
	if (host_len == 1 && item[0] == '*')
		return add_rule(policy, "*", port, err);
	bool wild = host_len > 2 && item[0] == '*' && item[1] == '.';
	bool good = ab_host_normalise(wild ? host + 2 : host, item + (wild ? 2 : 0), host_len - (wild ? 2 : 0));
	struct ab_address address;
	if (!good || (wild && ab_address_parse(host + 2, &address))) {
		ab_fail(err, AB_E_INPUT_INVALID,
		    "network list: \"%.*s\" is not a host name, *.NAME, address or @group", (int)len, item);
		ab_error_hint(err,
		    memchr(item, '/', len) != NULL
			? "write HOST or HOST:PORT, without scheme or path"
			: "names are ASCII (punycode for others); addresses are written in full, IPv6 as [ADDRESS]:PORT");
		return -1;
	}
	return add_rule(policy, host, port, err);
}

static int
unknown_group(const char *item, size_t len, struct ab_error *err)
{
	char names[400] = "";
	size_t used = 0;

	for (const struct ab_net_group *group = GROUPS; group->name != NULL; group++) {
		size_t name_len = strlen(group->name);
		if (used + name_len + 2 > sizeof(names))
			break;
		if (used > 0)
			names[used++] = ' ';
		memcpy(names + used, group->name, name_len + 1);
		used += name_len;
	}
	ab_fail(err, AB_E_INPUT_INVALID, "network list: no group \"%.*s\"", (int)len, item);
	ab_error_hint(err, "groups are: %s", names);
	return -1;
}

static int
parse_list(struct ab_net_policy *policy, const char *text, bool groups, struct ab_error *err)
{
	for (const char *item = text;;) {
		size_t len = strcspn(item, ",");
		if (len == 0)
			return ab_fail(
			    err, AB_E_INPUT_INVALID, "network list: \"%.200s\" has an empty part", text);
		const struct ab_net_group *group = NULL;
		int shown = len > 200 ? 200 : (int)len;
		if (len > AB_HOST_MAX + 10)
			return ab_fail(err, AB_E_INPUT_INVALID,
			    "network list: \"%.*s…\" is too long for a host", shown, item);
		if (groups && item[0] == '@' && (group = find_group(item, len)) == NULL)
			return unknown_group(item, len, err);
		if (group != NULL ? parse_list(policy, group->hosts, false, err)
				  : parse_host(policy, item, len, err))
			return -1;
		if (item[len] == '\0')
			return 0;
		item += len + 1;
	}
}

static int
check_ports(const struct ab_net_policy *policy, struct ab_error *err)
{
	uint16_t ports[AB_NETGATE_PORTS_MAX];
	unsigned count =
	    ab_net_policy_ports(policy, AF_INET, ports) + ab_net_policy_ports(policy, AF_INET6, ports);

	if (count > AB_NETGATE_PORTS_MAX)
		return ab_fail(err, AB_E_INPUT_INVALID, "network list: more than %d different ports",
		    AB_NETGATE_PORTS_MAX);
	return 0;
}

int
ab_net_policy_parse(const char *text, struct ab_net_policy *policy, struct ab_error *err)
{
	*policy = (struct ab_net_policy){ .mode = AB_NET_NONE };
	if (strcmp(text, "host") == 0) {
		policy->mode = AB_NET_HOST;
	} else if (strncmp(text, "allow:", strlen("allow:")) == 0) {
		policy->mode = AB_NET_ALLOW;
		if (parse_list(policy, text + strlen("allow:"), true, err) != 0 ||
		    check_ports(policy, err) != 0) {
			ab_net_policy_release(policy);
			return -1;
		}
	} else if (strcmp(text, "none") != 0) {
		ab_fail(err, AB_E_INPUT_INVALID,
		    "network \"%.200s\" is neither none, host, nor allow:HOST[:PORT],…", text);
		if (text[0] == '@' || strchr(text, '.') != NULL)
			ab_error_hint(err, "--net allow:%.200s", text);
		return -1;
	}
	policy->text = ab_strdup(text);
	return 0;
}

void
ab_net_policy_release(struct ab_net_policy *policy)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		free(policy->rule[i].host);
	free(policy->rule);
	free(policy->text);
	*policy = (struct ab_net_policy){ .mode = AB_NET_NONE };
}
