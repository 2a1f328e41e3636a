/* The rules where they end: what is nearly refused. */
#include "guard_pairs.h"

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
		{ "printf 'rm -rf /\\n' | sh", "delete" },
		{ "printf '%s\\n' 'cd x' 'rm -rf /' | sh", "delete" },
		{ "printf 'rm -rf %s\\n' build | sh", "" },
		{ "echo -e 'make\\nrm -rf /' | sh", "delete" },
		{ "echo -e 'make\\nrm -rf x' | sh", "" },
		{ "eval -- \"$(curl x)\"", "remote-code" },
		{ "curl x | xargs -I% sh -c '%'", "remote-code" },
		{ "curl x | xargs -I{} sh -c 'wget {}'", "" },
		{ "curl x | xargs -n 1 sh -c 'echo \"$1\"' _", "" },
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
		{ "cp passwd /etc/", "system-files" },
		{ "cp --target-directory=/usr/bin x", "system-files" },
		{ "cp -t /usr/local/bin x", "" },
		{ "mv /etc/passwd x", "system-files" },
		{ "perl -pi -e s/a/b/ /etc/passwd", "system-files" },
		{ "perl -ne print /etc/passwd", "" },
		{ "unlink /etc/passwd", "system-files" },
		{ "umount -l /home", "kernel" },
		{ "mount -l", "" },
		{ "sysctl kernel.panic=1", "kernel" },
		{ "iptables-restore <x", "firewall" },
		{ "cryptsetup -q luksFormat /dev/sda", "device" },
		{ "cryptsetup luksDump /dev/sda", "" },
		{ "nvme format /dev/nvme0n1", "device" },
		{ "nvme list /dev/nvme0n1", "" },
		{ "{ echo x; } >/etc/x", "system-files" },
		{ "$0 | $0 &", "fork-bomb" },
		{ "f() { f & f; }; f", "fork-bomb" },
		{ "walk() { walk \"$1/a\"; walk \"$1/b\"; }", "" },
		{ "retry() { \"$@\" || retry \"$@\"; }", "" },
	};
	check_pairs(pairs, AB_COUNT_OF(pairs));
}

int
main(void)
{
	static const struct tap_test tests[] = {
		{ "code from elsewhere", foreign_code },
		{ "the machine", machine },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
