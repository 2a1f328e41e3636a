#!/usr/bin/env bats
# Time, memory, processes; and that nothing outlives a command.

load ../helpers/load

@test "timeout: 124, TERM first, KILL after the grace; what it wrote is there" {
	run ab-exec --json --timeout 300ms -c 'echo before; trap "echo term; exit 0" TERM; sleep 60 & wait'
	[ "$status" -eq 124 ]
	check_json '.reason == "timeout"' '.status == 124' '.stdout == "before\nterm\n"'
	SECONDS=0
	run ab-exec --json --timeout 300ms --grace 300ms -c 'trap "" TERM; echo before; sleep 60'
	[ $SECONDS -lt 5 ]
	check_json '.reason == "timeout"' '.stdout == "before\n"'
	run ab-exec --timeout 300ms -- sleep 60
	[ "$status" -eq 124 ]
	[[ $output == *300ms* ]]
}

@test "idle timeout: silence ends it, output does not" {
	run ab-exec --json --idle-timeout 400ms -c 'echo x; sleep 60'
	[ "$status" -eq 124 ]
	check_json '.reason == "idle_timeout"' '.stdout == "x\n"'
	run ab-exec --json --idle-timeout 800ms -c 'for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done'
	check_json '.reason == "exit"'
}

@test "a stopped process ends at its timeout" {
	SECONDS=0
	run ab-exec --json --timeout 500ms --grace 200ms -c 'kill -STOP $$; sleep 60'
	[ $SECONDS -lt 5 ]
	check_json '.reason == "timeout"'
}

@test "double forks, setsid, ignored TERM: nothing is left" {
	mark=$(unique)
	run ab-exec --json --timeout 500ms --grace 100ms -c "(setsid sh -c 'trap \"\" TERM HUP; setsid sleep $mark & setsid sleep $mark' &) ; sleep $mark"
	check_json '.reason == "timeout"'
	gone "sleep $mark"
	run ab-exec --json -c "setsid nohup sleep $mark >/dev/null 2>&1 & exit 0"
	check_json '.reason == "exit"' '.survivors_killed >= 1'
	gone "sleep $mark"
}

# nothing_more BEFORE: after one more run there are no more mounts and cgroups than before.
nothing_more() {
	ab-exec -q --pids 10 -- true
	[ "$(mounts) $(cgroups)" = "$1" ]
}

@test "50 fork storms with 50 ms each: no survivor, no leak of descriptors, mounts, cgroups" {
	mark=$(unique)
	before="$(mounts) $(cgroups)"
	printf '#!/bin/sh\nwhile :; do setsid sleep %s & done\n' "$mark" >storm
	chmod +x storm
	seq 1 50 | jq -c '{id: ., command: "./storm", timeout_ms: 50, grace_ms: 0, pids: 200}' >"$BASE/requests"
	ab-exec batch -j 8 <"$BASE/requests" >"$BASE/answers" 2>"$BASE/errors"
	[ "$(wc -l <"$BASE/answers")" -eq 50 ]
	# A shell ends by itself, with 2, when it may not fork any more.
	[ -z "$(jq -c 'select(.reason != "timeout" and (.reason != "exit" or .status != 2))' "$BASE/answers" | tee /dev/stderr)" ]
	[ "$(jq -sc 'map(select(.reason == "timeout")) | length >= 25' "$BASE/answers")" = true ]
	gone "sleep $mark"
	# A cgroup that could not be removed at once goes with a later run.
	eventually 20 nothing_more "$before"
	[ -z "$(find "$AB_HOME/run" -type f ! -name 'probe-*')" ]
}

@test "processes are limited, and that is told apart" {
	need_promise pids
	run ab-exec --json --pids 300 --timeout 20s -- python3 -c '
import os, time
n = 0
try:
    while n < 2000:
        if os.fork() == 0:
            time.sleep(20); os._exit(0)
        n += 1
except OSError:
    print("LIMITED", n)
'
	check_json '.stdout | startswith("LIMITED")'
}

@test "a refused fork is told apart where a cgroup counts" {
	need_promise pids
	ab-exec doctor | jq -se 'any(.[]; .name == "process limit" and (.detail | startswith("cgroup")))' || skip "no cgroup can be made"
	run ab-exec --json --pids 10 -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 0.2 & done; wait'
	check_json '.limits_hit == ["pids"]' '.missing == []'
}

@test "memory is limited, for all processes together; oom is said" {
	need_promise memory
	run ab-exec --json --memory 100MiB --timeout 30s -- python3 -c 'x = bytearray(400 << 20); x[::4096] = b"1" * len(x[::4096]); print("GOT")'
	check_json '.reason == "oom"' '.oom' '.stdout == ""' '.limits_hit | index("memory")'
	run ab-exec --json --memory 200MiB -- true
	check_json '.reason == "exit"' '.missing | index("memory") | not'
}

@test "processor time is limited" {
	need_promise cpu
	run ab-exec --json --cpu-time 500ms --timeout 20s -c 'while :; do :; done'
	check_json '.reason == "limit"' '.limits_hit | index("cpu_time")'
}

@test "file size is limited" {
	run ab-exec --json --file-size 1MiB -c 'head -c 5000000 /dev/zero >big'
	[ "$(stat -c %s big)" -le 1048576 ]
	run ab-exec --json --file-size 1MiB -- head -c 5000000 /dev/zero
	check_json '.status == 0'
}

@test "no core files" {
	ab-exec -c 'ulimit -c unlimited 2>/dev/null; sh -c "kill -SEGV \$\$"' || true
	[ -z "$(ls core* 2>/dev/null)" ]
}

@test "a limit that cannot be kept is in missing only when it was asked for" {
	run ab-exec --json -- true
	check_json '.missing | index("memory") | not' '.missing | index("cpu") | not'
}

@test "100 at once" {
	before=$(mounts)
	for i in $(seq 1 100); do echo "{\"id\":$i,\"command\":\"sleep 0.2; echo $i\"}"; done >"$BASE/requests"
	ab-exec batch -j 100 <"$BASE/requests" >"$BASE/answers"
	[ "$(jq -r 'select(.reason == "exit" and .stdout == "\(.id)\n") | .id' "$BASE/answers" | sort -n | uniq | wc -l)" -eq 100 ]
	for i in $(seq 1 30); do ab-exec -c "echo $i" >"$BASE/o.$i" & done
	wait
	[ "$(cat "$BASE"/o.* | sort -n | uniq | wc -l)" -eq 30 ]
	[ "$(mounts)" = "$before" ]
}

@test "1,000 in a row, and no descriptor is leaked on the way" {
	for i in $(seq 1 1000); do echo "{\"id\":$i,\"argv\":[\"true\"]}"; done >"$BASE/requests"
	echo '{"id":"fds","command":"true"}' >>"$BASE/requests"
	ab-exec batch <"$BASE/requests" >"$BASE/answers"
	[ "$(jq -r 'select(.status == 0) | .id' "$BASE/answers" | wc -l)" -eq 1001 ]
	run python3 - <<-'EOF'
		import json, os, subprocess
		p = subprocess.Popen(['ab-exec', 'batch'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
		def ask(i):
		    p.stdin.write(b'{"id":%d,"argv":["true"]}\n' % i); p.stdin.flush()
		    assert json.loads(p.stdout.readline())['status'] == 0
		ask(0); before = len(os.listdir('/proc/%d/fd' % p.pid))
		for i in range(1, 100): ask(i)
		assert len(os.listdir('/proc/%d/fd' % p.pid)) == before
		p.stdin.close(); assert p.wait() == 0
	EOF
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "batch -j 8 killed by SIGKILL: no process is left, no lock held" {
	mark=$(unique)
	for i in $(seq 1 8); do echo "{\"id\":$i,\"command\":\"setsid sleep $mark & sleep $mark\"}"; done >"$BASE/requests"
	{ cat "$BASE/requests"; sleep 30; } | ab-exec batch -j 8 >/dev/null &
	batch=$!
	eventually 5 bash -c "[ \$(pgrep -cf '^sleep $mark') -ge 16 ]"
	kill -KILL "$batch"
	gone "^sleep $mark"
}

@test "the default of --pids bows to a scope's ceiling" {
	ab-scope create --root "$BASE" small --pids 50 >/dev/null
	run ab-exec --root "$BASE" --scope small --json -- true
	check_json '.status == 0'
	run ab-exec --root "$BASE" --scope small --pids 60 -- true
	[ "$status" -eq 125 ]
	[[ $output == *denied.policy*  ]]
}

@test "0 is no limit, and the largest that can be said is none in practice" {
	run ab-exec --timeout 0 --idle-timeout 0 --cpu-time 0 --file-size 0 --json -c 'sleep 0.1; echo x >f; cat f'
	check_json '.reason == "exit"' '.stdout == "x\n"'
	for field in timeout_ms idle_timeout_ms grace_ms cpu_time_ms memory_bytes file_size_bytes max_spool_bytes; do
		run ab-exec batch <<<"{\"command\":\"sleep 0.02; echo x\",\"$field\":9007199254740991}"
		check_json '.reason == "exit"' '.stdout == "x\n"'
		run ab-exec batch <<<"{\"command\":\"true\",\"$field\":9007199254740992}"
		check_json '.error.code == "input.invalid"'
	done
	ab-scope create --root "$BASE" limited --timeout 5m >/dev/null
	run ab-exec --root "$BASE" --scope limited --timeout 0 -- true
	[ "$status" -eq 125 ]
	[[ $output == *denied.policy* ]]
}

@test "a scope's log is the default of --log" {
	ab-scope create --root "$BASE" logged --log-to "$BASE/log" >/dev/null
	ab-exec --root "$BASE" --scope logged -c 'true secret-argument'
	jq -e '.tool == "ab-exec" and .operation == "run" and .scope == "logged"' "$BASE/log"
	run ! grep secret-argument "$BASE/log"
}
