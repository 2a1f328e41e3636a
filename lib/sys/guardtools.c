/* The programs that the guard knows by name, and how to find one's options and operands. */
#include <stdlib.h>
#include <string.h>

#include "sys/guardjudge.h"

/* Sorted. A name stands for itself with a version behind it, too: python3.11, mkfs.ext4. */
static const struct program programs[] = {
	{ .name = ".", .kind = TOOL_SOURCE },
	{ .name = "Rscript", .kind = TOOL_INTERPRETER, .valued = "", .gives = "e" },
	{ .name = "adduser", .kind = TOOL_ACCOUNT },
	{ .name = "ash", .kind = TOOL_SHELL, .valued = "oO", .gives = "c" },
	{ .name = "badblocks", .kind = TOOL_FORMAT },
	{ .name = "base32", .kind = TOOL_DECODE },
	{ .name = "base64", .kind = TOOL_DECODE },
	{ .name = "bash", .kind = TOOL_SHELL, .valued = "oO", .gives = "c" },
	{ .name = "blkdiscard", .kind = TOOL_FORMAT },
	{ .name = "builtin", .kind = TOOL_WRAPPER, .valued = "" },
	{ .name = "bun", .kind = TOOL_INTERPRETER, .valued = "", .gives = "ep" },
	{ .name = "busybox", .kind = TOOL_WRAPPER, .valued = "" },
	{ .name = "caffeinate", .kind = TOOL_WRAPPER, .valued = "tw" },
	{ .name = "cd", .kind = TOOL_CD },
	{ .name = "cfdisk", .kind = TOOL_FORMAT },
	{ .name = "chattr", .kind = TOOL_MODE },
	{ .name = "chgrp", .kind = TOOL_MODE },
	{ .name = "chmod", .kind = TOOL_MODE },
	{ .name = "chown", .kind = TOOL_MODE },
	{ .name = "chpasswd", .kind = TOOL_ACCOUNT },
	{ .name = "chrt", .kind = TOOL_WRAPPER, .valued = "TPD", .operands = 1 },
	{ .name = "chsh", .kind = TOOL_ACCOUNT },
	{ .name = "command", .kind = TOOL_WRAPPER, .valued = "" },
	{ .name = "cp", .kind = TOOL_COPY },
	{ .name = "cryptsetup", .kind = TOOL_FORMAT },
	{ .name = "csh", .kind = TOOL_SHELL, .valued = "", .gives = "c" },
	{ .name = "curl", .kind = TOOL_DOWNLOAD },
	{ .name = "dash", .kind = TOOL_SHELL, .valued = "oO", .gives = "c" },
	{ .name = "dd", .kind = TOOL_DD },
	{ .name = "delgroup", .kind = TOOL_ACCOUNT },
	{ .name = "deluser", .kind = TOOL_ACCOUNT },
	{ .name = "deno", .kind = TOOL_INTERPRETER, .valued = "", .gives = "" },
	{ .name = "doas", .kind = TOOL_PRIVILEGE },
	{ .name = "echo", .kind = TOOL_ECHO },
	{ .name = "env", .kind = TOOL_WRAPPER, .valued = "uCS" },
	{ .name = "eval", .kind = TOOL_EVAL },
	{ .name = "exec", .kind = TOOL_WRAPPER, .valued = "a" },
	{ .name = "fdisk", .kind = TOOL_FORMAT },
	{ .name = "fetch", .kind = TOOL_DOWNLOAD },
	{ .name = "find", .kind = TOOL_FIND },
	{ .name = "firewall-cmd", .kind = TOOL_FIREWALL },
	{ .name = "fish", .kind = TOOL_SHELL, .valued = "dDCoO", .gives = "c" },
	{ .name = "flock", .kind = TOOL_WRAPPER, .valued = "wEc", .operands = 1 },
	{ .name = "gdisk", .kind = TOOL_FORMAT },
	{ .name = "gpasswd", .kind = TOOL_ACCOUNT },
	{ .name = "groupadd", .kind = TOOL_ACCOUNT },
	{ .name = "groupdel", .kind = TOOL_ACCOUNT },
	{ .name = "groupmod", .kind = TOOL_ACCOUNT },
	{ .name = "halt", .kind = TOOL_POWER },
	{ .name = "hdparm", .kind = TOOL_FORMAT },
	{ .name = "http", .kind = TOOL_DOWNLOAD },
	{ .name = "https", .kind = TOOL_DOWNLOAD },
	{ .name = "init", .kind = TOOL_INIT },
	{ .name = "insmod", .kind = TOOL_MODULE },
	{ .name = "install", .kind = TOOL_COPY },
	{ .name = "ionice", .kind = TOOL_WRAPPER, .valued = "cnpPu" },
	{ .name = "ip6tables", .kind = TOOL_FIREWALL },
	{ .name = "ip6tables-restore", .kind = TOOL_FIREWALL },
	{ .name = "iptables", .kind = TOOL_FIREWALL },
	{ .name = "iptables-restore", .kind = TOOL_FIREWALL },
	{ .name = "kexec", .kind = TOOL_POWER },
	{ .name = "kill", .kind = TOOL_KILL },
	{ .name = "killall", .kind = TOOL_KILL_NAMED },
	{ .name = "killall5", .kind = TOOL_KILL_ALL },
	{ .name = "ksh", .kind = TOOL_SHELL, .valued = "oO", .gives = "c" },
	{ .name = "linux32", .kind = TOOL_WRAPPER, .valued = "" },
	{ .name = "linux64", .kind = TOOL_WRAPPER, .valued = "" },
	{ .name = "ln", .kind = TOOL_COPY },
	{ .name = "loginctl", .kind = TOOL_SYSTEMCTL },
	{ .name = "ltrace", .kind = TOOL_WRAPPER, .valued = "AaDeFlnopsuwx" },
	{ .name = "lua", .kind = TOOL_INTERPRETER, .valued = "lW", .gives = "e" },
	{ .name = "luajit", .kind = TOOL_INTERPRETER, .valued = "lj", .gives = "e" },
	{ .name = "lvremove", .kind = TOOL_FORMAT },
	{ .name = "lynx", .kind = TOOL_DOWNLOAD },
	{ .name = "mdadm", .kind = TOOL_FORMAT },
	{ .name = "mke2fs", .kind = TOOL_FORMAT },
	{ .name = "mkfs", .kind = TOOL_FORMAT },
	{ .name = "mksh", .kind = TOOL_SHELL, .valued = "oO", .gives = "c" },
	{ .name = "mkswap", .kind = TOOL_FORMAT },
	{ .name = "modprobe", .kind = TOOL_MODULE },
	{ .name = "mount", .kind = TOOL_MOUNT },
	{ .name = "mv", .kind = TOOL_COPY },
	{ .name = "nc", .kind = TOOL_DOWNLOAD },
	{ .name = "ncat", .kind = TOOL_DOWNLOAD },
	{ .name = "netcat", .kind = TOOL_DOWNLOAD },
	{ .name = "nft", .kind = TOOL_FIREWALL },
	{ .name = "nice", .kind = TOOL_WRAPPER, .valued = "n" },
	{ .name = "node", .kind = TOOL_INTERPRETER, .valued = "rC", .gives = "ep" },
	{ .name = "nodejs", .kind = TOOL_INTERPRETER, .valued = "rC", .gives = "ep" },
	{ .name = "nohup", .kind = TOOL_WRAPPER, .valued = "" },
	{ .name = "nsenter", .kind = TOOL_WRAPPER, .valued = "tSG" },
	{ .name = "nvme", .kind = TOOL_FORMAT },
	{ .name = "openssl", .kind = TOOL_DECODE },
	{ .name = "osascript", .kind = TOOL_INTERPRETER, .valued = "l", .gives = "e" },
	{ .name = "parallel", .kind = TOOL_XARGS, .valued = "jNnLlIaSXC" },
	{ .name = "parted", .kind = TOOL_FORMAT },
	{ .name = "passwd", .kind = TOOL_ACCOUNT },
	{ .name = "perl", .kind = TOOL_INTERPRETER, .valued = "IMm", .gives = "eE" },
	{ .name = "php", .kind = TOOL_INTERPRETER, .valued = "cdz", .gives = "rfBRF" },
	{ .name = "pkexec", .kind = TOOL_PRIVILEGE },
	{ .name = "pkill", .kind = TOOL_KILL_NAMED },
	{ .name = "popd", .kind = TOOL_CD },
	{ .name = "poweroff", .kind = TOOL_POWER },
	{ .name = "printf", .kind = TOOL_ECHO },
	{ .name = "prlimit", .kind = TOOL_WRAPPER, .valued = "op" },
	{ .name = "pushd", .kind = TOOL_CD },
	{ .name = "pvcreate", .kind = TOOL_FORMAT },
	{ .name = "pvremove", .kind = TOOL_FORMAT },
	{ .name = "pwsh", .kind = TOOL_INTERPRETER, .valued = "", .gives = "cf" },
	{ .name = "pypy", .kind = TOOL_INTERPRETER, .valued = "WXQ", .gives = "cm" },
	{ .name = "python", .kind = TOOL_INTERPRETER, .valued = "WXQ", .gives = "cm" },
	{ .name = "reboot", .kind = TOOL_POWER },
	{ .name = "rm", .kind = TOOL_REMOVE },
	{ .name = "rmmod", .kind = TOOL_MODULE },
	{ .name = "rsync", .kind = TOOL_COPY },
	{ .name = "rtcwake", .kind = TOOL_POWER },
	{ .name = "ruby", .kind = TOOL_INTERPRETER, .valued = "IrCEF", .gives = "e" },
	{ .name = "run0", .kind = TOOL_PRIVILEGE },
	{ .name = "runuser", .kind = TOOL_PRIVILEGE },
	{ .name = "scp", .kind = TOOL_COPY },
	{ .name = "script", .kind = TOOL_WRAPPER, .valued = "cEeBIOmoT" },
	{ .name = "sed", .kind = TOOL_SED },
	{ .name = "service", .kind = TOOL_SYSTEMCTL },
	{ .name = "setarch", .kind = TOOL_WRAPPER, .valued = "", .operands = 1 },
	{ .name = "setfacl", .kind = TOOL_MODE },
	{ .name = "setpriv", .kind = TOOL_WRAPPER, .valued = "" },
	{ .name = "setsid", .kind = TOOL_WRAPPER, .valued = "" },
	{ .name = "sfdisk", .kind = TOOL_FORMAT },
	{ .name = "sgdisk", .kind = TOOL_FORMAT },
	{ .name = "sh", .kind = TOOL_SHELL, .valued = "oO", .gives = "c" },
	{ .name = "shred", .kind = TOOL_FORMAT },
	{ .name = "shutdown", .kind = TOOL_POWER },
	{ .name = "socat", .kind = TOOL_DOWNLOAD },
	{ .name = "source", .kind = TOOL_SOURCE },
	{ .name = "stdbuf", .kind = TOOL_WRAPPER, .valued = "ioe" },
	{ .name = "strace", .kind = TOOL_WRAPPER, .valued = "abeEIoOpPsSuUX" },
	{ .name = "su", .kind = TOOL_PRIVILEGE },
	{ .name = "sudo", .kind = TOOL_PRIVILEGE },
	{ .name = "sudoedit", .kind = TOOL_PRIVILEGE },
	{ .name = "swapoff", .kind = TOOL_MOUNT },
	{ .name = "sysctl", .kind = TOOL_SYSCTL },
	{ .name = "systemctl", .kind = TOOL_SYSTEMCTL },
	{ .name = "systemd-run", .kind = TOOL_WRAPPER, .valued = "pEuMH" },
	{ .name = "taskset", .kind = TOOL_WRAPPER, .valued = "", .operands = 1 },
	{ .name = "tclsh", .kind = TOOL_INTERPRETER, .valued = "", .gives = "" },
	{ .name = "tcsh", .kind = TOOL_SHELL, .valued = "", .gives = "c" },
	{ .name = "tee", .kind = TOOL_TEE },
	{ .name = "telinit", .kind = TOOL_INIT },
	{ .name = "time", .kind = TOOL_WRAPPER, .valued = "fo" },
	{ .name = "timeout", .kind = TOOL_WRAPPER, .valued = "ks", .operands = 1 },
	{ .name = "toybox", .kind = TOOL_WRAPPER, .valued = "" },
	{ .name = "trap", .kind = TOOL_TRAP },
	{ .name = "truncate", .kind = TOOL_TEE },
	{ .name = "ufw", .kind = TOOL_FIREWALL },
	{ .name = "umount", .kind = TOOL_MOUNT },
	{ .name = "unbuffer", .kind = TOOL_WRAPPER, .valued = "" },
	{ .name = "unlink", .kind = TOOL_REMOVE },
	{ .name = "unshare", .kind = TOOL_WRAPPER, .valued = "RwSGl" },
	{ .name = "useradd", .kind = TOOL_ACCOUNT },
	{ .name = "userdel", .kind = TOOL_ACCOUNT },
	{ .name = "usermod", .kind = TOOL_ACCOUNT },
	{ .name = "uudecode", .kind = TOOL_DECODE },
	{ .name = "vgremove", .kind = TOOL_FORMAT },
	{ .name = "vigr", .kind = TOOL_ACCOUNT },
	{ .name = "vipw", .kind = TOOL_ACCOUNT },
	{ .name = "visudo", .kind = TOOL_ACCOUNT },
	{ .name = "watch", .kind = TOOL_WRAPPER, .valued = "n" },
	{ .name = "wget", .kind = TOOL_DOWNLOAD },
	{ .name = "wipefs", .kind = TOOL_FORMAT },
	{ .name = "xargs", .kind = TOOL_XARGS, .valued = "adEeIiLlnPs" },
	{ .name = "xxd", .kind = TOOL_DECODE },
	{ .name = "yash", .kind = TOOL_SHELL, .valued = "oO", .gives = "c" },
	{ .name = "zpool", .kind = TOOL_FORMAT },
	{ .name = "zsh", .kind = TOOL_SHELL, .valued = "oO", .gives = "c" },
};

static int
by_name(const void *key, const void *program)
{
	return strcmp(key, ((const struct program *)program)->name);
}

/* Whether a path's directory is one of programs: /etc/passwd is not passwd. */
static bool
is_bin(const char *path, const char *slash)
{
	return slash == path || (slash - path >= 3 && memcmp(slash - 3, "bin", 3) == 0);
}

const struct program *
guard_program(const char *name)
{
	const char *slash = strrchr(name, '/');
	char base[32];
	size_t len;

	if (slash != NULL && !is_bin(name, slash))
		return NULL;
	if (slash != NULL)
		name = slash + 1;
	len = strlen(name);
	len -= len > 0 && name[len - 1] == '\r'; /* the line ends of Windows */
	if (len == 0 || len >= sizeof(base))
		return NULL;
	memcpy(base, name, len);
	base[len] = '\0';
	const struct program *found = bsearch(base, programs, AB_COUNT_OF(programs), sizeof(*programs), by_name);
	if (found != NULL)
		return found;
	char *dot = strchr(base, '.');
	if (dot != NULL && strncmp(base, "mkfs.", 5) == 0) {
		*dot = '\0';
	} else {
		while (len > 0 && strchr("0123456789.", base[len - 1]) != NULL)
			base[--len] = '\0';
	}
	return len == 0 ? NULL : bsearch(base, programs, AB_COUNT_OF(programs), sizeof(*programs), by_name);
}

const char *
guard_text(const struct call *call, uint32_t number)
{
	return call->judge->shell->text.data + call->word[number].text;
}

const char *
guard_marks(const struct call *call, uint32_t number)
{
	return call->judge->shell->marks.data + call->word[number].text;
}

bool
guard_is_literal(const struct call *call, uint32_t number)
{
	const char *marks = guard_marks(call, number);

	for (uint32_t i = 0; i < call->word[number].len; i++)
		if (marks[i] == AB_SHELL_UNKNOWN || marks[i] == AB_SHELL_OUTPUT)
			return false;
	return true;
}

bool
guard_is(const struct call *call, uint32_t number, const char *text)
{
	if (number >= call->count || !guard_is_literal(call, number))
		return false;
	const char *own = guard_text(call, number);
	size_t len = strlen(text);
	return strncmp(own, text, len) == 0 && (own[len] == '\0' || strcmp(own + len, "\r") == 0);
}

bool
guard_is_option(const struct call *call, uint32_t number)
{
	const char *text = guard_text(call, number);

	return text[0] == '-' && text[1] != '\0' && guard_marks(call, number)[0] == AB_SHELL_PLAIN;
}

bool
guard_has_option(const struct call *call, char letter, const char *name)
{
	for (uint32_t i = 1; i < call->count; i++) {
		const char *text = guard_text(call, i);
		if (!guard_is_option(call, i))
			continue;
		if (strcmp(text, "--") == 0)
			return false;
		if (text[1] != '-') {
			if (letter != 0 && strchr(text + 1, letter) != NULL)
				return true;
			continue;
		}
		size_t len = strcspn(text + 2, "=");
		if (name != NULL && len >= 3 && strncmp(text + 2, name, len) == 0)
			return true;
	}
	return false;
}

enum tool
guard_kind(const struct call *call)
{
	return call->program != NULL ? call->program->kind : TOOL_NONE;
}

bool
guard_is_program(const struct call *call, const char *name)
{
	return call->program != NULL && strcmp(call->program->name, name) == 0;
}

bool
guard_only_tells(const struct call *call)
{
	return guard_is(call, 1, "--help") || guard_is(call, 1, "--version") || guard_is(call, 1, "-V") ||
	    (guard_is(call, 1, "-h") && call->count == 2);
}

bool
guard_has_word(const struct call *call, const char *text)
{
	for (uint32_t i = 1; i < call->count; i++)
		if (guard_is(call, i, text))
			return true;
	return false;
}
