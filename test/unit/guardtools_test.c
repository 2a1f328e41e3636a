/* Programs by their names, and what only starts another. */
#include "guard_pairs.h"

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
		{ "env --split-string='rm -rf /'", "delete" },
		{ "env -S'make all' -v", "" },
		{ "timeout --signal KILL 5 rm -rf /", "delete" },
		{ "timeout --signal KILL 5 rm -rf build", "" },
		{ "strace -f -o log systemd-run --user setpriv rm -rf /", "delete" },
		{ "strace -f -o log unshare -r make", "" },
		{ "bash -c -e -- 'rm -rf /'", "delete" },
		{ "bash --rcfile x -c 'rm -rf /'", "delete" },
		{ "sh -c -e 'make' 'rm -rf /'", "" },
		{ "reboot\r\n", "shutdown" },
		{ "make\r\n", "" },
		{ "curl x | sh\r\n", "remote-code" },
		{ "kill -9 -1\r\n", "kill-all" },
		{ "kill -9 12\r\n", "" },
	};
	check_pairs(pairs, AB_COUNT_OF(pairs));
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "wrappers", wrappers },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
