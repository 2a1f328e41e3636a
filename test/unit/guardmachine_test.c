/* The rules about the machine where they end: what is nearly refused. */
#include "guard_pairs.h"

static void
processes(void)
{
	static const struct pair pairs[] = {
		{ "kill -s KILL -1", "kill-all" },
		{ "kill -- -1", "kill-all" },
		{ "kill -0 1", "" },
		{ "kill -HUP 1", "" },
		{ "kill 0", "" },
		{ "pkill -9 init", "kill-all" },
		{ "killall systemd", "kill-all" },
		{ "pkill -KILL .", "kill-all" },
		{ "pkill -f '.*'", "kill-all" },
		{ "pkill -9 -u root", "kill-all" },
		{ "killall -u 0", "kill-all" },
		{ "pkill -0 .", "" },
		{ "pkill -HUP systemd", "" },
		{ "pkill --signal USR1 .", "" },
		{ "pkill -u root nginx", "" },
		{ "pkill -u me", "" },
		{ "pkill -f 'node server.js'", "" },
		{ "pkill -f ./server", "" },
		{ "killall -9 node", "" },
		{ "killall -l", "" },
		{ "pkill init.sh", "" },
	};
	check_pairs(pairs, AB_COUNT_OF(pairs));
}

static void
power_and_rights(void)
{
	static const struct pair pairs[] = {
		{ "systemctl --user poweroff", "shutdown" },
		{ "systemctl restart reboot", "" },
		{ "shutdown -c", "" },
		{ "sudo --version", "" },
		{ "systemctl start poweroff.target", "shutdown" },
		{ "systemctl start reboot-notify.service", "" },
		{ "systemctl status poweroff.target", "" },
		{ "loginctl reboot", "shutdown" },
		{ "kexec -e", "shutdown" },
		{ "rtcwake -m mem -s 60", "shutdown" },
		{ "kexec --help", "" },
		{ "loginctl list-sessions", "" },
		{ "service reboot status", "" },
	};
	check_pairs(pairs, AB_COUNT_OF(pairs));
}

static void
kernel_and_firewall(void)
{
	static const struct pair pairs[] = {
		{ "echo 1 >/proc/sys/vm/drop_caches", "kernel" },
		{ "mount", "" },
		{ "mount -t tmpfs", "" },
		{ "modprobe -n x", "" },
		{ "sysctl kernel.ostype", "" },
		{ "iptables -L -n", "" },
		{ "nft list ruleset", "" },
		{ "umount -l /home", "kernel" },
		{ "mount -l", "" },
		{ "sysctl kernel.panic=1", "kernel" },
		{ "iptables-restore <x", "firewall" },
		{ "systemctl stop firewalld", "firewall" },
		{ "systemctl disable --now ufw.service", "firewall" },
		{ "systemctl stop nginx ufw", "firewall" },
		{ "systemctl status ufw", "" },
		{ "systemctl stop ufw-report", "" },
		{ "service iptables stop", "firewall" },
		{ "service iptables status", "" },
		{ "service stop iptables", "" },
	};
	check_pairs(pairs, AB_COUNT_OF(pairs));
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "processes", processes },
		{ "power and rights", power_and_rights },
		{ "kernel and firewall", kernel_and_firewall },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
