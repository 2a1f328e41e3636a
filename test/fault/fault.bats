#!/usr/bin/env bats
# Every call that can fail does fail once: the first of its kind, the second, and so on until there is none any more. Whatever
# fails, ab-exec ends cleanly: a result, or one error with a code and status 125; nothing crashes, hangs, or stays behind.
load ../helpers/load

setup() {
	ab_setup
	need_plain_build
	need_level namespace
	ab-exec -- true # what is made once (probe cache, private directories) is there
	log=$BASE/struck
}

# strike CALL:N:ERRNO COMMAND…: with that fault; fails when it did not strike any more.
strike() {
	local fault=$1
	shift
	rm -f "$log"
	run --separate-stderr timeout -k 5 20 env AB_ERRORS=json AB_FAULT="$fault" AB_FAULT_LOG="$log" \
	    LD_PRELOAD="$AB_BUILD/test/fault/inject.so" "$@"
	[ "$(od -An -tu8 -j8 -N8 "$log" | tr -d ' ')" = 1 ]
}

explain() {
	echo "fault $1: $2"
	echo "status $status, stdout: $output"
	echo "stderr: $stderr"
	return 1
}

# What every ending must look like.
judge() {
	local fault=$1
	case $status in
	0) jq -e '.stdout == "hi\n" and .reason == "exit"' <<<"$output" >/dev/null || explain "$fault" "status 0 without a result" ;;
	125)
		if [ -n "$output" ]; then
			jq -e '(.reason == "failed" or .reason == "denied") and (.error.code | length > 0) and (.error.message | length > 0)' \
			    <<<"$output" >/dev/null || explain "$fault" "a record without an error"
		else
			jq -e '.error.code | length > 0' <<<"$stderr" >/dev/null || explain "$fault" "neither a record nor an error"
		fi ;;
	6) ;; # stdout could not be written
	*) explain "$fault" "unexpected status" ;;
	esac
}

# walk CALL ERRNO [MUST]: with MUST=refuse a run in which the fault struck may not succeed as if nothing were missing.
walk() {
	local n struck=0
	mark=$(unique)
	for ((n = 1; n <= 60; n++)); do
		strike "$1:$n:$2" ab-exec --json -c "echo hi; sleep $mark 2>/dev/null & true" || break
		struck=$n
		judge "$1:$n:$2"
		# What could not be had may be said to be missing instead.
		if [ "${3:-}" = refuse ] && [ "$status" = 0 ] && ! jq -e '.missing | length > 0' <<<"$output" >/dev/null; then
			explain "$1:$n:$2" "ran all the same"
		fi
	done
	[ $struck -gt 0 ] || skip "$1 is never called"
	[ $struck -lt 60 ]
	gone "sleep $mark"
	[ "$(mounts)" = 0 ]
	eventually 5 no_stale_cgroup
	# Without a fault it works as before.
	run -0 ab-exec -- echo hi
	[ "$output" = hi ] || explain "$1" "no longer as before"
}

@test "clone3 fails" { walk clone3 EAGAIN; }
@test "clone3 is not there: clone(2) does" { walk clone3 ENOSYS; }
@test "fork fails" { walk fork EAGAIN; }
@test "pipe2 fails" { walk pipe2 EMFILE; }
@test "socketpair fails" { walk socketpair EMFILE; }
@test "openat fails" { walk openat EMFILE; }
@test "open fails" { walk open EMFILE; }
@test "openat2 fails" { walk openat2 EMFILE; }
@test "mkdirat fails" { walk mkdirat ENOSPC; }
@test "epoll_create1 fails" { walk epoll_create1 EMFILE; }
@test "write fails: full disk" { walk write ENOSPC; }
@test "write fails: input/output error" { walk write EIO; }
@test "open_tree fails" { walk open_tree ENOMEM; }
@test "mount_setattr fails: nothing runs with a weaker mount" { walk mount_setattr ENOMEM refuse; }
@test "move_mount fails" { walk move_mount ENOMEM; }
@test "fsopen fails" { walk fsopen EMFILE; }
@test "fsmount fails" { walk fsmount ENOMEM; }
@test "mount fails" { walk mount EPERM; }
@test "pivot_root fails: nothing runs in the old root" { walk pivot_root EINVAL refuse; }
@test "umount2 fails: nothing runs with the old root below" { walk umount2 EBUSY refuse; }
@test "capset fails: nothing runs with capabilities" { walk capset EPERM refuse; }
@test "seccomp fails: nothing runs without the filter" { walk seccomp EINVAL refuse; }

@test "Landlock fails: refused, or said to be missing" {
	for call in landlock_create_ruleset landlock_restrict_self; do
		strike "$call:1:ENOMEM" ab-exec --json -c "echo hi" || continue
		judge "$call"
		[ "$status" = 125 ] || check_json '.missing | index("landlock")'
	done
}

@test "a batch answers every request, whatever fails in one" {
	printf '{"id":%d,"argv":["echo","hi"]}\n' 1 2 3 4 >"$BASE/requests"
	for fault in pipe2:3:EMFILE clone3:2:EAGAIN socketpair:2:EMFILE openat2:4:EMFILE; do
		strike "$fault" bash -c 'ab-exec batch <"$1"' - "$BASE/requests" || continue
		[ "$status" = 0 ]
		[ "$(jq -s 'map(.id) == [1, 2, 3, 4]' <<<"$output")" = true ]
		[ "$(jq -s 'map(select(.stdout == "hi\n")) | length >= 2' <<<"$output")" = true ]
	done
}

@test "no descriptor is left to open: an error, not a hang" {
	for limit in 4 6 8 10 14 20; do
		run --separate-stderr timeout -k 5 20 bash -c "ulimit -n $limit; exec ab-exec --json -c 'echo hi'"
		[ "$status" = 0 ] || [ "$status" = 125 ] || [ "$status" = 6 ] || [ "$status" = 127 ] || { echo "$limit: $status $stderr"; false; }
	done
}

@test "a full file system under AB_HOME: the command's result is whole" {
	need_root
	mkdir "$BASE/small"
	mount -t tmpfs -o size=64k,mode=700 tmpfs "$BASE/small" || skip "needs mount"
	head -c 60000 /dev/zero >"$BASE/small/fill"
	AB_HOME=$BASE/small run --separate-stderr ab-exec --json --max-output 1000 -c 'seq 1 100000'
	umount -l "$BASE/small"
	[ "$status" = 0 ] || [ "$status" = 125 ]
	[ "$status" != 0 ] || check_json '.exit_code == 0' '.stdout_bytes == 588895' '.spool_truncated == true or .spool == null'
}
