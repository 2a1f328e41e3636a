#!/bin/sh
# container.sh plain|userns COMMAND...: run a command as root in a container without privileges, as Docker makes one: a root of its
# own, processes of its own, the default capabilities, parts of /proc covered, no cgroup that can be written. plain: also without
# new namespaces (the default filter); userns: with them, but /proc cannot be mounted anew. Needs root.
set -eu
kind=$1
shift
caps=chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot,mknod,audit_write,setfcap
caps=-all,+$(echo "$caps" | sed 's/,/,+/g')
export kind caps HELPERS
# shellcheck disable=SC2016 # expanded inside
exec unshare --mount --pid --fork --kill-child --propagation private sh -ec '
	here=$PWD
	mount -t tmpfs -o mode=755 none /mnt
	for entry in /*; do
		if [ -L "$entry" ]; then
			cp -P "$entry" "/mnt$entry"
		elif [ -d "$entry" ] && [ "$entry" != /mnt ] && [ "$entry" != /proc ]; then
			mkdir "/mnt$entry" && mount --rbind "$entry" "/mnt$entry"
		fi
	done
	mkdir /mnt/proc && mount -t proc proc /mnt/proc
	mount -t tmpfs -o ro,size=4k none /mnt/proc/scsi 2>/dev/null || mount -t tmpfs -o ro,size=4k none /mnt/proc/fs
	mount --bind /mnt/proc/sys /mnt/proc/sys && mount -o remount,bind,ro /mnt/proc/sys
	mount -t tmpfs -o ro,size=4k none /mnt/sys/fs/cgroup
	: >/mnt/.dockerenv
	cd /mnt && pivot_root . . && umount -l . && cd "$here"
	[ "$kind" = userns ] || set -- "$HELPERS/no-userns" "$@"
	exec setpriv --bounding-set "$caps" --inh-caps -all "$@"
' container "$@"
