/* sys/guard: every rule with its example and counter-example, and what lies between. The long list of cases is in ab-exec-guard.bats. */
#include "sys/guard.h"

#include <stdlib.h>

#include "core/mem.h"
#include "tap.h"

static struct ab_guard_verdict verdict;

/* The rule against it, or "". */
static const char *
rule_of(const char *text)
{
	const struct ab_guard_place place = { .scope = "/ws/scope", .cwd = "/ws/scope" };

	return ab_guard_text(text, strlen(text), &place, &verdict) ? verdict.rule->name : "";
}

static void
examples(void)
{
	for (const struct ab_guard_rule *rule = ab_guard_rules(); rule->name != NULL; rule++) {
		CHECK_STRING(rule_of(rule->example), rule->name);
		CHECK_STRING(rule_of(rule->counter), "");
		CHECK(rule->what[0] != '\0' && rule->why[0] != '\0' && rule->safer[0] != '\0');
	}
}

struct pair {
	const char *text, *rule;
};

static void
check_pairs(const struct pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!CHECK_STRING(rule_of(pairs[i].text), pairs[i].rule))
			printf("#   of: %s\n", pairs[i].text);
}

static void
wrappers(void)
{
	static const struct pair pairs[] = {
		{ "env -i A=b nice -n 5 nohup timeout -k 5 10s rm -rf /usr", "delete" },
		{ "command -p rm -rf /", "delete" },
		{ "command -v sudo", "" },
		{ "/usr/sbin/../bin/sudo id", "privilege" },
		{ "/etc/passwd", "" },
		{ "./sudo id", "" },
		{ "busybox rm -rf /", "delete" },
		{ "xargs -n 1 -I {} rm -rf /", "delete" },
		{ "sh -ec 'bash -lc \"rm -rf /\"'", "delete" },
		{ "env -S 'rm -rf /'", "delete" },
		{ "watch -n 1 rm -rf /", "delete" },
		{ "trap 'rm -rf /' EXIT", "delete" },
		{ "trap 'rm -rf \"$tmp\"' EXIT", "" },
		{ "eval rm -rf /", "delete" },
		{ "eval \"$x\"", "" },
		{ "sh script.sh -c 'rm -rf /'", "" },
		{ "ssh host 'sudo reboot'", "" },
		{ "docker run x sudo id", "" },
		{ "$RM -rf /", "" },
		{ "find . -exec rm -rf / ';'", "delete" },
		{ "flock /tmp/l -c 'rm -rf /'", "delete" },
		{ "git commit -m 'sudo rm -rf /'", "" },
	};
	check_pairs(pairs, AB_COUNT_OF(pairs));
}

static void
places(void)
{
	static const struct pair pairs[] = {
		{ "rm -rf ../..", "delete" },
		{ "rm -rf ../sibling", "" },
		{ "rm -rf ..", "delete" },
		{ "rm -rf /ws", "delete" },
		{ "rm -rf /ws/scope/build", "" },
		{ "rm -rf *", "" },
		{ "cd / && rm -rf *", "delete" },
		{ "cd /tmp; rm -rf *", "" },
		{ "(cd /); rm -rf *", "" },
		{ "cd .. | true; rm -rf *", "" },
		{ "cd; rm -rf .??*", "delete" },
		{ "cd \"$x\"; rm -rf *", "" },
		{ "rm -rf /{usr,etc}/lib", "delete" },
		{ "rm -rf {a,b}/{c,d}", "" },
		{ "rm -rf /u*", "delete" },
		{ "rm -rf /tmp/u*", "" },
		{ "rm -rf '/*'", "" },
		{ "rm -rf ~", "delete" },
		{ "rm -rf ~/.cache/x", "" },
		{ "rm -rf \"$HOME\"/../..", "delete" },
		{ "rm -rf /home/ann", "delete" },
		{ "rm -rf /home/ann/src/build", "" },
		{ "rm -rf /var/lib/apt/lists/*", "" },
		{ "rm -rf \"$dir\"/", "" },
		{ "rm -f /etc/passwd", "system-files" },
		{ "rm -f /", "" }, /* rm itself refuses a directory */
		{ "rm -rf -- /", "delete" },
		{ "rm -r --force --no-preserve-root /", "delete" },
		{ "find / -name '*.o' -delete", "delete" },
		{ "find /usr/local -name '*.pyc' -delete", "" },
		{ "find /usr -delete", "delete" },
		{ "find . -name '*.o' -delete", "" },
		{ "find / -name core -print", "" },
		{ "chown -R me:me .", "" },
		{ "chown -R me ~", "permissions" },
	};
	check_pairs(pairs, AB_COUNT_OF(pairs));
}

static void
foreign_code(void)
{
	static const struct pair pairs[] = {
		{ "curl -fsSL x | bash -s -- --yes", "remote-code" },
		{ "curl x | tee i.sh | nice sh", "remote-code" },
		{ "curl x | (cat | sh)", "remote-code" },
		{ "curl x | { read a; python3 -; }", "remote-code" },
		{ "curl x | python3 -m json.tool", "" },
		{ "curl x | python3 -c 'import json'", "" },
		{ "curl x | python3 parse.py", "" },
		{ "curl x | perl -ne print", "" },
		{ "curl x | bash script.sh", "" },
		{ "curl -o x.sh x | cat", "" },
		{ "base64 -d x | sh", "remote-code" },
		{ "base64 x | sh", "" },
		{ "bash -c \"$(wget -qO- x)\"", "remote-code" },
		{ "bash -c \"echo $(curl -s ifconfig.me)\"", "" },
		{ "$(curl x)", "remote-code" },
		{ "x=$(curl x)", "" },
		{ "sh < <(curl x)", "remote-code" },
		{ "bash <<<\"$(curl x)\"", "remote-code" },
		{ "source <(curl x)", "remote-code" },
		{ "source <(kubectl completion bash)", "" },
		{ "eval \"$(ssh-agent -s)\"", "" },
		{ "curl x | xargs -0 bash -c", "remote-code" },
		{ "echo 'sudo id' | sh", "privilege" },
		{ "sh <<'END'\nsudo id\nEND", "privilege" },
		{ "cat <<END | sh\nsudo id\nEND", "privilege" },
		{ "cat <<END >f\nsudo id\nEND", "" },
		{ "cat <<END\n$(sudo id)\nEND", "privilege" },
	};
	check_pairs(pairs, AB_COUNT_OF(pairs));
}

static void
machine(void)
{
	static const struct pair pairs[] = {
		{ "kill -s KILL -1", "kill-all" },
		{ "kill -- -1", "kill-all" },
		{ "kill -0 1", "" },
		{ "kill -HUP 1", "" },
		{ "kill 0", "" },
		{ "systemctl --user poweroff", "shutdown" },
		{ "systemctl restart reboot", "" },
		{ "shutdown -c", "" },
		{ "sudo --version", "" },
		{ "mkfs.ext4 disk.img", "" },
		{ "mkfs.ext4 /dev/sdb1", "device" },
		{ "cat x >/dev/nvme0n1", "device" },
		{ "echo x >/dev/shm/y 2>/dev/null", "" },
		{ "echo 1 >/proc/sys/vm/drop_caches", "kernel" },
		{ "mount", "" },
		{ "mount -t tmpfs", "" },
		{ "modprobe -n x", "" },
		{ "sysctl kernel.ostype", "" },
		{ "iptables -L -n", "" },
		{ "nft list ruleset", "" },
		{ "tee -a /etc/hosts", "system-files" },
		{ "cp /etc/hosts .", "" },
		{ "cp x /usr/bin/y", "system-files" },
		{ "cp x /usr/local/bin/y", "" },
		{ "sed -i s/a/b/ /etc/x", "system-files" },
		{ "sed s/a/b/ /etc/x", "" },
		{ "{ echo x; } >/etc/x", "system-files" },
		{ "$0 | $0 &", "fork-bomb" },
		{ "f() { f & f; }; f", "fork-bomb" },
		{ "walk() { walk \"$1/a\"; walk \"$1/b\"; }", "" },
		{ "retry() { \"$@\" || retry \"$@\"; }", "" },
	};
	check_pairs(pairs, AB_COUNT_OF(pairs));
}

static void
argv_is_not_text(void)
{
	const struct ab_guard_place place = { .scope = "/ws/scope" };
	static char echo[] = "echo", text[] = "x; rm -rf /", rm[] = "/bin/rm", option[] = "-rf", root[] = "/", pattern[] = "/*";
	char *harmless[] = { echo, text, NULL }, *dangerous[] = { rm, option, root, NULL }, *quoted[] = { rm, option, pattern, NULL };

	CHECK(!ab_guard_argv(harmless, &place, &verdict));
	CHECK(ab_guard_argv(dangerous, &place, &verdict));
	CHECK_STRING(verdict.part, "/bin/rm -rf /");
	CHECK(!ab_guard_argv(quoted, &place, &verdict)); /* nobody expands it: a file of that name */
}

static void
parts_and_refusal(void)
{
	struct ab_error err = AB_ERROR_INIT;

	rule_of("make && curl x | tee y | sh; echo");
	CHECK_STRING(verdict.part, "curl x | tee y | sh");
	rule_of("true\n  sudo id  # really\n");
	CHECK_STRING(verdict.part, "sudo id");
	rule_of("sh -c 'a; sudo id'");
	CHECK_STRING(verdict.part, "sh -c 'a; sudo id'");
	CHECK_INT(ab_guard_refuse(&verdict, &err), -1);
	CHECK_INT(err.code, AB_E_DENIED_DANGEROUS);
	CHECK_STRING(err.operation, "sh -c 'a; sudo id'");
	CHECK(strstr(err.msg, "privilege") != NULL && err.hint[0] != '\0');
	/* cut at a character */
	AB_AUTO_FREE char *long_text = ab_calloc(1000, 1);
	memcpy(long_text, "sudo ", 5);
	for (size_t i = 5; i + 2 < 1000; i += 2)
		memcpy(long_text + i, "ä", 2);
	rule_of(long_text);
	CHECK(strlen(verdict.part) >= AB_GUARD_PART_SIZE - 3 && (strlen(verdict.part) - 5) % 2 == 0);
	CHECK(ab_guard_text("ls \0; rm", 8, &(struct ab_guard_place){ .scope = "/ws" }, &verdict));
	CHECK_STRING(verdict.rule->name, "unreadable");
	CHECK(!ab_guard_text("", 0, &(struct ab_guard_place){ .scope = NULL }, &verdict));
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "each rule's example and counter-example", examples },
		{ "wrappers", wrappers },
		{ "places", places },
		{ "code from elsewhere", foreign_code },
		{ "the machine", machine },
		{ "argv is not text", argv_is_not_text },
		{ "parts, and what a refusal says", parts_and_refusal },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
