#!/usr/bin/env bats
# ab-jq: the helper behind --jq.
# shellcheck disable=SC2154,SC2016 # bats sets stderr; the inner shell expands
load ../helpers/load

jq_helper() { "$AB_BUILD/libexec/ab/ab-jq" "$@"; }

@test "one result a line, compact, in order; strings plain with -r" {
	run -0 jq_helper '.a, .b' <<<'{"a":[1, {"x":null}],"b":"ä\n"}'
	[ "${lines[0]}" = '[1,{"x":null}]' ]
	[ "${lines[1]}" = '"ä\n"' ]
	run -0 jq_helper -r -- '.b' <<<'{"b":"a\tb"}'
	[ "$output" = $'a\tb' ]
	run -0 jq_helper 'select(.a > 1) | .a' <<<$'{"a":1}\n{"a":2}\n\n{"a":3}'
	[ "$output" = $'2\n3' ]
}

@test "a program that does not compile is usage, before anything is read" {
	run -2 --separate-stderr jq_helper '.a[' <<<'{}'
	[ -z "$output" ]
	[[ $stderr == 'ab-jq: the program: '*'[usage]' ]]
	run -2 --separate-stderr jq_helper
	run -2 --separate-stderr jq_helper -x .
	AB_ERRORS=json run -2 --separate-stderr jq_helper 'nosuch'
	[ "$(jq -r .error.code <<<"$stderr")" = usage ]
}

@test "a record that fails costs one line and status 3, and never shows the input" {
	run -3 --separate-stderr jq_helper '.a + 1' <<<$'{"a":1}\n{"a":"hunter2)"}\nhunter2\n{"a":2}'
	[ "$output" = $'2\n3' ]
	[ "${#stderr_lines[@]}" = 2 ]
	[[ ${stderr_lines[0]} == 'ab-jq: record 2: '*'[input.invalid]' ]]
	[[ ${stderr_lines[1]} == 'ab-jq: record 3: not valid JSON [input.invalid]' ]]
	[[ $stderr != *hunter2* ]]
	run -3 --separate-stderr jq_helper 'error("mine")' <<<'1'
	[ "$stderr" = 'ab-jq: record 1: mine [input.invalid]' ]
	run -3 --separate-stderr jq_helper . < <(printf '%0300d' 0 | tr 0 '[')
	[ "$stderr" = 'ab-jq: record 1: nested too deeply [input.invalid]' ]
}

@test "what is ready does not wait for more input" {
	mkfifo in
	jq_helper .a <in >out 3>&- &
	exec 9>in
	echo '{"a":1}' >&9
	for _ in $(seq 100); do
		[ ! -s out ] || break
		sleep 0.05
	done
	[ "$(cat out)" = 1 ]
	exec 9>&-
	wait
}

@test "a full disk is told, a reader who is gone is not" {
	run -6 --separate-stderr bash -c '"$0" . <<<"1" >/dev/full' "$AB_BUILD/libexec/ab/ab-jq"
	[[ $stderr == *'[limit.storage]' ]]
	run -0 bash -c 'yes 1 | "$0" . | head -1; exit "$((${PIPESTATUS[1]} - 141))"' "$AB_BUILD/libexec/ab/ab-jq"
	[ "$output" = 1 ]
}

@test "--jq of a command, in both faces" {
	run -0 ab-exec groups --jq 'has("name")'
	[[ $output == true* ]]
	run -0 ab-exec batch --jq '.pong' <<<'{"id":1,"op":"ping"}'
	[ "$output" = true ]
}
