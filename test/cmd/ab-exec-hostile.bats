#!/usr/bin/env bats
# What a hostile command leaves behind does no harm to ab-exec, to the next run, or to whoever reads the answer.

load ../helpers/load

setup() {
	ab_setup
	need_level namespace
}

@test "FIFOs and devices where ab-exec reads files of the tree keep nobody waiting" {
	run timeout -s KILL 20 ab-exec -q -c 'mkdir .git && mkfifo .git/config .gitmodules .envrc .mcp.json'
	[ "$status" -eq 0 ]
	run timeout -s KILL 20 ab-exec -q -c 'echo second; rm .gitmodules .git/config; ln -s /dev/zero .gitmodules; ln -s /dev/zero .git/config'
	[ "$status" -eq 0 ] && [ "$output" = second ]
	run timeout -s KILL 20 ab-exec -q -c 'echo third'
	[ "$status" -eq 0 ] && [ "$output" = third ]
}

@test "AB_HOME deep in the tree cannot be moved to where it would be seen" {
	export AB_HOME=$TREE/some/where/state
	mkdir -p "$AB_HOME"
	chmod 700 "$AB_HOME"
	echo hidden >"$AB_HOME/kv.db"
	ab-exec --root "$TREE" -c 'mv some other; mv some/where some/else; mv some/where/state s; true'
	[ -f "$AB_HOME/kv.db" ]
	run ab-exec --root "$TREE" -c 'find . -name kv.db; cat some/where/state/kv.db'
	[[ "$output" != *hidden* && "$output" != *./*kv.db* ]]
}

@test "names that a command chose do no harm to the terminal" {
	run -0 --separate-stderr ab-exec -c 'd=$(printf "x\033]0;title\007\nab-exec: \233\302\23331m"); mkdir "$d"; touch "$d/.bashrc"'
	[ "${#stderr_lines[@]}" -eq 1 ]
	LC_ALL=C run ! grep -q '[^ -~]' <<<"$stderr"
	run -0 ab-exec --json -c 'd=$(printf "y\377\n"); mkdir "$d"; touch "$d/.bashrc"'
	[ "$(jq -r '.planted[0].base64' <<<"$output" | base64 -d | tr '\377' '#')" = "y#/.bashrc" ]
}
