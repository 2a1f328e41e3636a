#!/usr/bin/env bats
# ab-exec in a pipeline: descriptors, signals, draining. It behaves as the plain command does.

load ../helpers/load

@test "stdin is passed when it is a pipe or a file" {
	[ "$(printf 'a\nb\n' | ab-exec -- wc -l)" -eq 2 ]
	printf 'a\nb\nc\n' >"$BASE/f"
	[ "$(ab-exec -- wc -l <"$BASE/f")" -eq 3 ]
	[ "$(echo x | ab-exec --json -- cat | jq -r .stdout)" = "" ]
	[ "$(echo x | ab-exec --json --stdin - -- cat | jq -r .stdout)" = x ]
	[ "$(ab-exec --stdin "$BASE/f" -- cat | head -1)" = a ]
	run ab-exec --stdin "$BASE" -- cat
	[ "$status" -eq 125 ]
	[[ $output == *is_directory* ]]
}

@test "100 MB through a filter, unchanged" {
	head -c 100000000 /dev/urandom >"$BASE/big"
	ab-exec -- cat <"$BASE/big" | cmp - "$BASE/big"
}

@test "yes | head ends at once, by SIGPIPE" {
	[ "$(timeout 5 ab-exec -- yes | head -1)" = y ]
	run bash -c 'set -o pipefail; timeout 5 ab-exec -- yes | head -1; echo ${PIPESTATUS[0]}'
	[ "${lines[1]}" = 141 ]
}

@test "while read … ab-exec --stdin none leaves the loop its lines" {
	run bash -c 'printf "1\n2\n3\n" | while read -r l; do ab-exec --stdin none -- echo "got $l"; done'
	[ "$output" = "got 1
got 2
got 3" ]
}

@test "a seekable stdin is put back by what was not consumed" {
	printf '%s\n' one two three >"$BASE/f"
	run bash -c '{ ab-exec -c "read -r l; echo \$l" ; cat; } <"$BASE/f"'
	[ "${lines[0]}" = one ]
	# the shell inside reads byte by byte from a pipe: the rest is still there
	[ "${lines[1]}" = two ]
	[ "${lines[2]}" = three ]
}

@test "a pipe that something else holds never delays the answer" {
	SECONDS=0
	run ab-exec --json -c 'setsid sleep 60 & echo done'
	[ $SECONDS -lt 10 ]
	check_json '.stdout == "done\n"' '.reason == "exit"' '.survivors_killed >= 1'
}

@test "what was written before the end is all there, whoever holds the pipe" {
	run ab-exec --json --max-output 4MiB -c 'setsid sleep 60 & head -c 1000000 /dev/zero | tr "\0" x'
	check_json '.stdout_bytes == 1000000' '.stdout | length == 1000000'
}

@test "--leftover wait waits for what outlives the command" {
	run ab-exec --json --leftover wait -c '(sleep 0.5; echo late >late) & echo now'
	check_json '.stdout == "now\n"' '.survivors_killed == 0'
	[ "$(cat late)" = late ]
}

@test "the caller's descriptors are not there, nor can they be reopened" {
	echo host >"$BASE/hostfile"
	ab-exec -c 'echo pwned >/proc/self/fd/0' <"$BASE/hostfile" 2>/dev/null || true
	[ "$(cat "$BASE/hostfile")" = host ]
	exec 8<"$BASE/hostfile"
	run ab-exec -c 'ls /proc/self/fd'
	[[ $output != *8* ]]
	exec 8<&-
	echo kept >"$BASE/log"
	ab-exec -c ': >/proc/self/fd/1; python3 -c "import os; os.ftruncate(1, 0)"' >>"$BASE/log" 2>/dev/null || true
	[ "$(cat "$BASE/log")" = kept ]
}

@test "no terminal inside" {
	run ab-exec -c 'test -t 0 || test -t 1 || test -t 2 || echo x >/dev/tty'
	[ "$status" -ne 0 ]
}

@test "SIGINT reaches the command and starts no clock; what it does about it is its business" {
	run python3 - <<-'EOF'
		import signal, subprocess, time
		p = subprocess.Popen(['ab-exec', '-c', 'trap "echo caught; exit 7" INT; echo ready; while :; do :; done'], stdout=subprocess.PIPE)
		assert p.stdout.readline() == b'ready\n'
		p.send_signal(signal.SIGINT)
		assert p.stdout.readline() == b'caught\n'
		assert p.wait(5) == 7, p.returncode
		p = subprocess.Popen(['ab-exec', '--', 'sleep', '60'])
		time.sleep(0.3)
		p.send_signal(signal.SIGINT)
		assert p.wait(5) == -signal.SIGINT, p.returncode
	EOF
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "SIGTERM: TERM, grace, KILL, and ab-exec dies of it too" {
	run python3 - <<-'EOF'
		import signal, subprocess, time
		p = subprocess.Popen(['ab-exec', '--grace', '300ms', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.05; done'], stdout=subprocess.PIPE)
		assert p.stdout.readline() == b'ready\n'
		t = time.time()
		p.send_signal(signal.SIGTERM)
		assert p.wait(5) == -signal.SIGTERM, p.returncode
		assert 0.2 < time.time() - t < 3
	EOF
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "SIGKILL of ab-exec leaves no process of the command" {
	mark=$(unique)
	ab-exec -c "setsid sleep $mark & sleep $mark" &
	pid=$!
	eventually 5 pgrep -f "^sleep $mark"
	kill -KILL $pid
	gone "^sleep $mark"
}

@test "Ctrl-Z stops both, fg continues both" {
	run python3 - <<-'EOF'
		import os, signal, subprocess, time
		def state(pid): return open('/proc/%d/stat' % pid).read().rsplit(')', 1)[1].split()[0]
		p = subprocess.Popen(['ab-exec', '-c', 'i=0; while [ $i -lt 40 ]; do echo $i >n; i=$((i+1)); sleep 0.05; done'])
		time.sleep(0.5)
		p.send_signal(signal.SIGTSTP)
		for _ in range(100):
		    if state(p.pid) == 'T': break
			time.sleep(0.02)
		assert state(p.pid) == 'T'
		time.sleep(0.2)
		a = open('n').read(); time.sleep(0.5); b = open('n').read()
		assert a == b, (a, b)
		p.send_signal(signal.SIGCONT)
		assert p.wait(20) == 0
		assert open('n').read() == '39\n'
	EOF
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "10 GB of output cost little memory; counts are exact; head and tail are kept" {
	need_plain_build
	cat >"$BASE/peak.py" <<-'EOF'
		import os, re, subprocess, sys, threading, json
		n = int(sys.argv[1])
		p = subprocess.Popen(['ab-exec', '--json', '--max-spool', '0', '-c', 'echo first; head -c %d /dev/zero | tr "\\0" y; echo; echo last' % n], stdout=subprocess.PIPE)
		peak = 0
		def watch():
		    global peak
		    while p.poll() is None:
		        try: peak = max(peak, int(re.search(r'VmHWM:\s+(\d+)', open('/proc/%d/status' % p.pid).read()).group(1)))
		        except (OSError, AttributeError): pass
		        threading.Event().wait(0.05)
		t = threading.Thread(target=watch); t.start()
		r = json.loads(p.stdout.read()); t.join()
		assert r['stdout_bytes'] == n + 12, r['stdout_bytes']
		assert r['stdout'].startswith('first\n') and r['stdout'].endswith('last\n')
		assert r['truncated'] and r['stdout_omitted_bytes'] > n - 140000
		assert peak <= 8192, peak
	EOF
	python3 "$BASE/peak.py" 1000000000
}

@test "long output: the marker line, the numbers, the spool, paging" {
	run ab-exec --json --max-output 1KiB -c 'seq 1 10000'
	check_json '.truncated' '.stdout_bytes == 48894' '.stdout | test("\n\\[… [0-9]+ bytes omitted …\\]\n")' '.spool == .job' \
	    '(.stdout | utf8bytelength) <= 1100' '.stdout | startswith("1\n2\n")' '.stdout | endswith("\n10000\n")'
	job=$(json .spool)
	[ "$(ab-exec output "$job" | sha256sum)" = "$(seq 1 10000 | sha256sum)" ]
	[ "$(ab-exec output "$job" --offset 2 --length 3)" = "$(printf '2\n3')" ]
	run ab-exec output "$job" --stderr
	[ -z "$output" ]
	run ab-exec --json --max-output 1KiB --keep tail -c 'seq 1 10000'
	check_json '.stdout | endswith("\n10000\n")' '.stdout_head_bytes == 0'
	run ab-exec --json --max-output 1KiB --keep head -c 'seq 1 10000'
	check_json '.stdout | startswith("1\n2\n")' '.stdout | test("omitted …\\]\n$")'
}

@test "--spool FILE keeps everything; its ceiling is said" {
	ab-exec --spool "$BASE/all" -c 'seq 1 1000; echo e >&2' >/dev/null 2>&1
	[ "$(wc -l <"$BASE/all")" -eq 1001 ]
	run ab-exec --json --spool "$BASE/some" --max-spool 100 -c 'seq 1 1000'
	check_json '.spool_truncated'
	[ "$(stat -c %s "$BASE/some")" -eq 100 ]
}

@test "a spool on a full disk changes nothing of the result" {
	need_root
	mkdir "$BASE/small" && mount -t tmpfs -o size=64k none "$BASE/small"
	run ab-exec --json --spool "$BASE/small/s" -c 'seq 1 100000'
	umount "$BASE/small"
	[ "$status" -eq 0 ]
	check_json '.reason == "exit"' '.spool_truncated' '.stdout_bytes == 588895'
}

@test "a slow reader of ours delays no deadline" {
	SECONDS=0
	run bash -c 'ab-exec --timeout 1s -- yes | { sleep 4; head -c 10; } >/dev/null; echo ${PIPESTATUS[0]}'
	[ $SECONDS -lt 7 ]
}

@test "a caller that ignores SIGCHLD, or blocks signals, is told the same as any other" {
	run -3 timeout -s KILL 20 env --ignore-signal=CHLD ab-exec -c 'exit 3'
	run -124 timeout -s KILL 20 env --ignore-signal=CHLD ab-exec --timeout 100ms --grace 0 -- sleep 60
	run -0 timeout -s KILL 20 env --ignore-signal=CHLD ab-exec batch <<<'{"command":"exit 4"}'
	check_json '.status == 4'
	run -143 timeout -s KILL 20 env --block-signal ab-exec -c 'kill -TERM $$'
}

@test "a command that was heard is asked to end, however soon the signal comes" {
	# (A loop of builtins: bash 5.2 raises SIGINT at itself for ever when it comes just as bash begins to wait for a process.)
	run -0 python3 - <<-'EOF'
		import signal, subprocess
		for i in range(40):
		    p = subprocess.Popen(['ab-exec', '--timeout', '60s', '-c', 'trap "exit 5" INT; trap "echo asked; exit" TERM; echo ready; while :; do :; done'],
		        stdout=subprocess.PIPE)
		    assert p.stdout.readline() == b'ready\n'
		    p.send_signal(signal.SIGTERM if i % 2 else signal.SIGINT)
		    said, status = p.stdout.read(), p.wait(10)
		    assert (said, status) == ((b'asked\n', -signal.SIGTERM) if i % 2 else (b'', 5)), (i, said, status)
	EOF
}
