/* The guard's rules about the machine: its kernel, its users' rights, its processes, its power, its firewall. */
#include <string.h>

#include "core/mem.h"
#include "sys/guardjudge.h"

bool
guard_rule_kernel(const struct call *call)
{
	switch (guard_kind(call)) {
	case TOOL_SYSCTL:
		for (uint32_t i = 1; i < call->count; i++) /* -w may be left out */
			if (!guard_is_option(call, i) && strchr(guard_text(call, i), '=') != NULL)
				return true;
		return guard_has_option(call, 'w', "write") || guard_has_option(call, 'p', "load") || guard_has_option(call, 0, "system");
	case TOOL_MODULE:
		return !guard_only_tells(call) && !guard_has_option(call, 'n', "dry-run") && !guard_has_option(call, 'D', "show-depends") && call->count > 1;
	case TOOL_MOUNT:
		if (guard_only_tells(call) || (guard_is_program(call, "mount") && guard_has_option(call, 'l', "show-labels")))
			return false;
		for (uint32_t i = 1; i < call->count; i++)
			if (!guard_is_option(call, i) || guard_is(call, i, "-a") || guard_is(call, i, "--all"))
				return i == 1 || !guard_is(call, i - 1, "-t") || i + 1 < call->count;
		return false;
	default:
		return guard_writes(call, PLACE_KERNEL);
	}
}

bool
guard_rule_privilege(const struct call *call)
{
	return guard_kind(call) == TOOL_PRIVILEGE && !guard_only_tells(call);
}

/* Signals that end nothing. */
static bool
is_harmless_signal(const char *name)
{
	static const char *const harmless[] = { "0", "ALRM", "CHLD", "CONT", "HUP", "PIPE", "URG", "USR1", "USR2", "WINCH", NULL };

	name += strncmp(name, "SIG", 3) == 0 ? 3 : 0;
	for (const char *const *at = harmless; *at != NULL; at++)
		if (strcmp(name, *at) == 0)
			return true;
	return false;
}

/* pkill and killall: what runs everything else, or whatever runs. */
static bool
kills_all_named(const struct call *call)
{
	static const char *const all[] = { "init", "systemd", ".", ".*", "", NULL };
	bool named = false, of_root = false;

	for (uint32_t i = 1; i < call->count; i++) {
		const char *text = guard_text(call, i);
		if (!guard_is_option(call, i)) {
			named = true;
			for (const char *const *name = all; *name != NULL; name++)
				if (guard_is(call, i, *name))
					return true;
		} else if (is_harmless_signal(text + 1) || strcmp(text, "-l") == 0) {
			return false;
		} else if (i + 1 < call->count && (strcmp(text, "-s") == 0 || strcmp(text, "--signal") == 0)) {
			if (is_harmless_signal(guard_text(call, ++i)))
				return false;
		} else if (i + 1 < call->count && strchr("uUGgPt", text[strlen(text) - 1]) != NULL) {
			i++;
			of_root = of_root || guard_is(call, i, "root") || guard_is(call, i, "0");
		}
	}
	return of_root && !named;
}

bool
guard_rule_kill_all(const struct call *call)
{
	if (guard_kind(call) == TOOL_KILL_NAMED)
		return kills_all_named(call);
	if (guard_kind(call) == TOOL_KILL_ALL)
		return !guard_only_tells(call);
	if (guard_kind(call) != TOOL_KILL || call->count < 2 || guard_is(call, 1, "-l") || guard_is(call, 1, "-L"))
		return false;
	/* The first word that begins with - is the signal; a process follows. */
	bool signal = false;
	for (uint32_t i = 1; i < call->count; i++) {
		const char *text = guard_text(call, i);
		if (strcmp(text, "-s") == 0 || strcmp(text, "-n") == 0 || strcmp(text, "--signal") == 0) {
			signal = true;
			if (++i < call->count && is_harmless_signal(guard_text(call, i)))
				return false;
		} else if (strcmp(text, "--") == 0) {
			signal = true;
		} else if (text[0] == '-' && !signal) {
			signal = true;
			if (is_harmless_signal(text + 1))
				return false;
		} else if (guard_is(call, i, "1") || guard_is(call, i, "-1")) {
			return true;
		}
	}
	return false;
}

static uint32_t
first_operand(const struct call *call)
{
	uint32_t at = 1;

	while (at < call->count && guard_is_option(call, at))
		at++;
	return at;
}

/* Whether a word is a unit of systemd by that name, its type left out or not. */
static bool
is_unit(const struct call *call, uint32_t number, const char *name, const char *type)
{
	size_t len = strlen(name);
	const char *text = number < call->count && guard_is_literal(call, number) ? guard_text(call, number) : "";

	return strncmp(text, name, len) == 0 && (text[len] == '\0' || strcmp(text + len, type) == 0);
}

bool
guard_rule_shutdown(const struct call *call)
{
	static const char *const verbs[] = { "poweroff", "reboot", "halt", "kexec", "suspend", "hibernate", "hybrid-sleep", "rescue", "emergency",
		"soft-reboot", "exit", "isolate", NULL };
	uint32_t at;

	switch (guard_kind(call)) {
	case TOOL_POWER:
		return !guard_only_tells(call) && !(guard_is_program(call, "shutdown") && guard_has_option(call, 'c', NULL));
	case TOOL_INIT:
		return call->count == 2 && strlen(guard_text(call, 1)) == 1 && strchr("0156sS", guard_text(call, 1)[0]) != NULL;
	case TOOL_SYSTEMCTL:
		at = first_operand(call);
		for (const char *const *verb = verbs; !guard_is_program(call, "service") && *verb != NULL; verb++)
			if (guard_is(call, at, *verb) || (guard_is(call, at, "start") && is_unit(call, at + 1, *verb, ".target")))
				return true;
		return false;
	default:
		return false;
	}
}

/* systemctl stop ufw; service ufw stop */
static bool
stops_firewall(const struct call *call)
{
	static const char *const services[] = { "firewalld", "ip6tables", "iptables", "nftables", "ufw", NULL };
	static const char *const verbs[] = { "stop", "disable", "mask", "kill", NULL };
	uint32_t verb = first_operand(call), first = verb + 1, end = call->count;

	if (guard_is_program(call, "service")) {
		first = verb;
		end = first + 1;
		verb = first + 1;
	}
	for (const char *const *word = verbs; *word != NULL; word++)
		for (uint32_t i = first; guard_is(call, verb, *word) && i < end; i++)
			for (const char *const *service = services; *service != NULL; service++)
				if (is_unit(call, i, *service, ".service"))
					return true;
	return false;
}

bool
guard_rule_firewall(const struct call *call)
{
	static const char *const asking[] = { "list", "status", "show", "--state", "--list-all", "--list-all-zones", "--list-services", "--list-ports",
		"--get-default-zone", "--get-active-zones", "--get-zones", "-L", "-S", "--list", "--list-rules", "version", NULL };

	if (guard_kind(call) == TOOL_SYSTEMCTL)
		return stops_firewall(call);
	if (guard_kind(call) != TOOL_FIREWALL || guard_only_tells(call))
		return false;
	if (guard_is_program(call, "iptables-restore") || guard_is_program(call, "ip6tables-restore")) /* from its input */
		return !guard_has_option(call, 't', "test");
	if (call->count < 2)
		return false;
	for (uint32_t i = 1; i < call->count; i++)
		for (const char *const *word = asking; *word != NULL; word++)
			if (guard_is(call, i, *word))
				return false;
	return !(guard_is_program(call, "iptables") || guard_is_program(call, "ip6tables")) ||
	    !(guard_has_option(call, 'L', "list") || guard_has_option(call, 'S', "list-rules"));
}
