#!/usr/bin/env bats
# Levels that are never chosen by themselves: software (the guard alone) and bwrap (an installed bubblewrap).

load ../helpers/load

# run_at LEVEL OPTION…: its record is $output.
run_at() {
	local level=$1
	shift
	run -0 --separate-stderr ab-exec --json --exit-zero --isolation "$level" --timeout 20s "$@"
}

@test "software runs as none does, and says so: level, missing, the plan, the environment" {
	run_at none -c 'exit 3'
	local none=$output
	run_at software -c 'exit 3'
	check_json '.level == "software"' '.reason == "exit"' '.status == 3'
	[ "$(json -c .missing)" = "$(jq -c .missing <<<"$none")" ]
	[ "$(json '.missing | length')" -gt 3 ]
	run -0 --separate-stderr ab-exec --json --isolation software --dry-run -- true
	check_json '.level == "software"' '.missing | index("namespace")'
	run_at software -c "echo \$AB_SANDBOX; echo seen >'$BASE/outside'"
	check_json '.stdout == "software\n"'
	[ "$(cat "$BASE/outside")" = seen ]
}

@test "software is no wall: what a scope closes refuses it, and requests need --host-paths" {
	local setting
	for setting in "--net none" "--read $BASE" "--write $BASE" "--protect"; do
		# shellcheck disable=SC2086 # two words
		ab-scope create -q "$(echo "s$setting" | tr -cd 'a-z')" $setting
		run -125 ab-exec --scope "$(echo "s$setting" | tr -cd 'a-z')" --isolation software -- true
		[[ $output == *"isolation software cannot keep the scope's setting"*"[denied.policy]"* ]]
	done
	run -4 --separate-stderr ab-exec batch --fail <<<'{"id":1,"argv":["true"],"isolation":"software"}'
	check_json '.error.code == "denied.policy"'
	run -0 --separate-stderr ab-exec batch --fail --host-paths <<<'{"id":1,"argv":["true"],"isolation":"software"}'
	check_json '.level == "software"' '.status == 0'
}

@test "an allow-list is refused where nothing keeps it" {
	local level
	for level in software none landlock; do
		run -125 ab-exec --isolation $level --net allow:@npm -- true
		[[ $output == *"cannot keep a network allow-list"*"[isolation.unavailable]"*hint:* ]]
	done
}

@test "a scope's weakest level: software allows no none, and landlock no software" {
	ab-scope create -q soft --isolation software
	run -125 ab-exec --scope soft --isolation none -- true
	[[ $output == *"[denied.policy]"* ]]
	run -0 ab-exec --scope soft --isolation software -q -- true
	ab-scope create -q hard --isolation landlock
	run -125 ab-exec --scope hard --isolation software -- true
	[[ $output == *"[denied.policy]"* ]]
}

need_bwrap() { need_level bwrap "$@"; }
bwrap_holds() { ab-exec --isolation bwrap --json --dry-run -- true | jq -e '.missing | index("protect") == null' >/dev/null; }

@test "bwrap: output, input, status and the place come through" {
	need_bwrap
	run_at bwrap -c 'echo out; echo err >&2; pwd; echo kept >file; exit 7'
	check_json '.level == "bwrap"' '.reason == "exit"' '.exit_code == 7' '.status == 7' '.stderr == "err\n"'
	[ "$(json .stdout)" = "out"$'\n'"$TREE"$'\n' ] || [ "$(json .stdout)" = "out"$'\n'"$TREE" ]
	[ "$(cat file)" = kept ]
	[ "$(printf 'b\na\n' | ab-exec --isolation bwrap -q -- sort | tr '\n' ' ')" = "a b " ]
	run_at bwrap --cwd / --env "A=with space and
newline" -- printenv A AB_SANDBOX
	check_json '.stdout == "with space and\nnewline\nbwrap\n"'
	head -c 200000 /dev/zero | tr '\0' '#' >"$BASE/script"
	printf '\necho "long $0"\n' >>"$BASE/script"
	run_at bwrap -f "$BASE/script"
	check_json '.stdout == "long /run/ab/script\n"'
	run_at bwrap --merge --stdin none -c 'echo a; echo b >&2; cat'
	check_json '.stdout == "a\nb\n"'
}

@test "bwrap: a death by signal is one, and ab-exec dies of it too" {
	need_bwrap
	run_at bwrap -c 'kill -SEGV $$'
	check_json '.reason == "signal"' '.signal == "SIGSEGV"' '.status == 139' '.exit_code == null'
	run -143 ab-exec --isolation bwrap -q -c 'kill -TERM $$'
	run_at bwrap -c 'exit 145' # 17 is CHLD, of which nothing dies
	check_json '.reason == "exit"' '.exit_code == 145'
	run_at bwrap -c 'exit 255'
	check_json '.reason == "exit"' '.exit_code == 255'
}

@test "bwrap: what is not there or cannot be executed is 127 and 126, and nothing ran" {
	need_bwrap
	run -127 --separate-stderr ab-exec --isolation bwrap --json -- no-such-program
	check_json '.reason == "failed"' '.error.code == "not_found"' '.status == 127'
	echo text >text
	run -126 --separate-stderr ab-exec --isolation bwrap --json -- ./text
	check_json '.reason == "failed"' '.error.code == "denied.permission"' '.status == 126'
	printf 'echo ran\n' >plain
	chmod +x plain
	run_at bwrap -- ./plain # no "#!": by the shell
	check_json '.stdout == "ran\n"'
}

@test "bwrap: nothing of the host but what the view shows; descriptors, memory and environment are nobody's" {
	need_bwrap
	echo secret >"$BASE/outside"
	export LEAK=leaked
	run_at bwrap --no-guard -c "cat '$BASE/outside' '$AB_HOME' /oldroot /newroot; ls '$BASE'; ls /home; echo x >/etc/new; echo x >/new; ls /proc/self/fd"
	check_json '.stderr | contains("/outside: No such file")' '.stderr | contains("/etc/new: Read-only")' '.stderr | contains("/new: Read-only")'
	[ "$(json .stdout | head -1)" = tree ]
	check_json '.stdout | endswith("0\n1\n2\n3\n")'
	run_at bwrap -c 'cat /proc/[0-9]*/environ | tr "\0" "\n"; hostname 2>/dev/null || uname -n'
	check_json '.stdout | contains("LEAK") | not' '.stdout | endswith("ab\n")'
	run_at bwrap --no-guard -c 'for f in /etc/shadow /proc/sys/kernel/core_pattern /proc/sysrq-trigger; do echo x >$f; done; cat /etc/shadow; id -u'
	check_json '.stdout | test("^[0-9]+\n$")' '.stdout != "0\n"'
	run_at bwrap -- python3 -c 'import ctypes, os; lib = ctypes.CDLL(None, use_errno=True); lib.syscall(425, 1, 0); print(os.strerror(ctypes.get_errno()))'
	check_json '.stdout != "Bad address\n"'
}

@test "bwrap: the network is none, or the host's; a list is refused" {
	need_bwrap
	run_at bwrap -c 'ls /sys/class/net 2>/dev/null; cat /proc/net/dev | wc -l'
	check_json '.stdout == "3\n"' '.net == "none"'
	run_at bwrap --net host -c 'cat /proc/net/dev'
	[ "$(json .stdout | grep . | tail -n +3 | cut -d: -f1 | tr -d ' ' | sort)" = "$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' | sort)" ]
	run -125 ab-exec --isolation bwrap --net allow:example.org -- true
	[[ $output == *"[unsupported]"*"--isolation namespace"* ]]
	run -125 ab-exec --isolation bwrap --leftover wait -- true
	[[ $output == *"[unsupported]"* ]]
}

@test "bwrap: a timeout ends everything, after its grace; a signal reaches the command" {
	need_bwrap
	local mark
	mark=$(unique)
	run_at bwrap --timeout 300ms --grace 5s -c "trap 'echo told; exit 5' TERM; setsid sleep $mark & (sleep $mark & ) ; sleep $mark & wait"
	check_json '.reason == "timeout"' '.status == 124' '.stdout == "told\n"' '.wall_ms < 4000'
	gone "sleep $mark"
	run_at bwrap --timeout 300ms --grace 100ms -c "trap '' TERM; sleep $mark & while :; do sleep 0.1; done"
	check_json '.reason == "timeout"'
	gone "sleep $mark"
	run_at bwrap -c "setsid sleep $mark & sleep 0.1; echo done"
	check_json '.stdout == "done\n"' '.reason == "exit"'
	gone "sleep $mark"
	env --default-signal=INT ab-exec --isolation bwrap -q --timeout 10s -c "trap 'exit 9' INT; echo up >up; while :; do :; done" 3>&- &
	local pid=$!
	eventually 5 test -e up
	kill -INT $pid
	local status=0
	wait $pid || status=$?
	[ $status = 9 ]
}

@test "bwrap: killed from outside, nothing stays behind" {
	need_bwrap
	local mark pid
	mark=$(unique)
	ab-exec --isolation bwrap -q -- sleep "$mark" 3>&- &
	pid=$!
	eventually 5 pgrep -f "^sleep $mark" >/dev/null
	kill -KILL $pid
	wait $pid || true
	gone "$mark"
}

@test "bwrap: secrets stand on no command line" {
	need_bwrap
	local secret pid line
	secret=secret$(unique)
	ab-exec --isolation bwrap -q --env "TOKEN=$(printf %s "$secret" | tr a-z b-za)" -c 'echo up >up; sleep 5' 3>&- &
	pid=$!
	eventually 5 test -e up
	# What we gave ab-exec itself is ours; what it made of it must be nowhere else.
	secret=$(printf %s "$secret" | tr a-z b-za)
	run grep -l -- "$secret" /proc/[0-9]*/cmdline # (grep itself, and its shell are among them while they run)
	for line in "${lines[@]}"; do
		[[ $line != /proc/* || $line == "/proc/$pid/cmdline" || ! -e ${line%%/cmdline*} ]] || { echo "$line"; return 1; }
	done
	[ "$(pgrep -c -f "bwrap --args")" -ge 1 ]
	kill -TERM $pid
	wait $pid || true
}

@test "bwrap: limits" {
	need_bwrap
	run_at bwrap --cpu-time 200ms -c 'while :; do :; done'
	check_json '.reason == "limit"' '.limits_hit == ["cpu_time"]'
	run_at bwrap --memory 64MiB -- python3 -c 'import time; x = b"1" * (200 << 20); time.sleep(2); print("GOT")'
	check_json '.reason == "oom"' '.stdout == ""'
	run_at bwrap --file-size 1MiB -c 'head -c 3000000 /dev/zero >big'
	[ "$(stat -c %s big)" = 1048576 ]
	run -125 ab-exec --isolation bwrap --file-size 1 -- true
	[[ $output == *"--file-size"*"[unsupported]"* ]]
}

@test "bwrap before 0.12 has no target below what commands write to: protect is missing, a mask there is refused" {
	need_bwrap
	! bwrap_holds || skip "needs bubblewrap before 0.12"
	git init -q .
	run_at bwrap -c 'echo evil >.git/hooks/pre-commit'
	check_json '.missing | index("protect")' '.planted == [".git/hooks/pre-commit"]'
	run -125 ab-exec --isolation bwrap --require protect -- true
	[[ $output == *"protect"*"[isolation.unavailable]"* ]]
	run_at bwrap --no-protect -- true
	check_json '.missing | index("protect") == null'
	run -125 env AB_HOME="$TREE/state" ab-exec --isolation bwrap --root "$TREE" -- true
	[[ $output == *"AB_HOME"*"[unsupported]"* ]]
	local below
	below=$(mktemp -d /tmp/ab-below.XXXXXX) # below the scope's own /tmp
	run -0 --separate-stderr ab-exec --json --isolation bwrap --root "$below" -c 'echo in >file; ls /tmp'
	check_json ".stdout == \"${below##*/}\\n\""
	[ "$(cat "$below/file")" = in ]
	rm -r "$below"
}

@test "bwrap that is not there, too old, or within reach of the command is not used" {
	need_bwrap
	mkdir "$BASE/none" "$BASE/fake" bin
	ln -s "$(command -v ab-exec)" "$BASE/none/ab-exec"
	run -125 env PATH="$BASE/none" ab-exec --isolation bwrap -- /bin/true
	[[ $output == *"[isolation.unavailable]"*"install bubblewrap"* ]]
	printf '#!/bin/sh\necho bubblewrap 0.4.1\n' >"$BASE/fake/bwrap"
	printf '#!/bin/sh\n: >%s\necho bubblewrap 0.99.0\n' "$BASE/planted-ran" >bin/bwrap
	chmod +x "$BASE/fake/bwrap" bin/bwrap
	run -125 env PATH="$BASE/fake:$PATH" ab-exec --isolation bwrap -- true
	[[ $output == *"0.4 is too old"*"[isolation.unavailable]"* ]]
	run -0 env PATH="$TREE/bin:bin:$PATH" ab-exec --isolation bwrap -q -- true
	[ ! -e "$BASE/planted-ran" ]
	cp "$(command -v bwrap)" "$BASE/none/bwrap"
	run -125 env PATH="$BASE/none:$PATH" ab-exec --isolation bwrap --write "$BASE/none" -- true
	[[ $output == *"where commands may write"*"[denied.policy]"* ]]
}

@test "bwrap is not chosen by itself, and not by requests" {
	run -0 --separate-stderr ab-exec --json --dry-run -- true
	check_json '.level != "bwrap"'
	run -4 --separate-stderr ab-exec batch --fail <<<'{"id":1,"argv":["true"],"isolation":"bwrap"}'
	check_json '.error.code == "denied.policy"'
	need_bwrap
	run -0 --separate-stderr ab-exec batch --fail --host-paths -j 4 < <(for i in 1 2 3 4 5 6; do echo "{\"id\":$i,\"command\":\"echo $i\",\"isolation\":\"bwrap\"}"; done)
	[ "$(jq -s 'map(select(.level == "bwrap" and .stdout == "\(.id)\n")) | length' <<<"$output")" = 6 ]
}

@test "bwrap as an ordinary user: the same ids, the tree writable, no Landlock and no protect told" {
	need_bwrap as_user
	run -0 --separate-stderr as_user ab-exec --json --isolation bwrap -c 'id -u; echo mine >mine; cat /etc/shadow; true'
	[ "$(json .stdout | head -1)" = "$(is_root && echo $OTHER_UID || id -u)" ]
	[ -s mine ]
	check_json '.missing | index("landlock")' '.missing | index("kuid") == null'
}
