#!/usr/bin/env bats
# Commands as links of a pipe: what a user of head, tee, xargs and jq expects of a program beside them.
load helpers/load

@test "a filter: stdin, stdout and status are those of the command" {
	need_level namespace
	run -0 bash -c 'printf "b\na\n" | ab-exec -- sort'
	[ "$output" = $'a\nb' ]
	run -3 bash -c 'echo x | ab-exec -c "cat >/dev/null; exit 3"'
}

@test "bytes pass unchanged" {
	need_level namespace
	head -c 300000 /dev/urandom >"$BASE/random"
	ab-exec -- cat <"$BASE/random" | cmp - "$BASE/random"
}

@test "yes | head: the command dies of SIGPIPE, quietly" {
	need_level namespace
	run -0 --separate-stderr bash -c 'ab-exec -- yes | head -n 1; exit 0'
	[ "$output" = y ]
	[ -z "$stderr" ]
}

@test "a loop over a file is not emptied by the first run" {
	need_level namespace
	run -0 bash -c 'printf "1\n2\n3\n" | while read -r n; do ab-exec --stdin none -- echo "$n"; done'
	[ "$output" = $'1\n2\n3' ]
}

@test "a shared file is left where the command stopped reading" {
	need_level namespace
	printf 'first\nsecond\n' >"$BASE/lines"
	run -0 bash -c '{ ab-exec -- head -c 6; cat; } <"$1"' - "$BASE/lines"
	[ "$output" = $'first\nsecond' ]
}

@test "one command's records are the next one's requests" {
	need_level namespace
	printf '%s\n' one two three >"$TREE/list"
	run -0 bash -c 'jq -cR "{id: ., argv: [\"wc\", \"-c\"], stdin: .}" list | ab-exec batch | jq -r "[.id, .stdout] | @tsv"'
	[ "${lines[0]}" = $'one\t3\\n' ]
	[ "${#lines[@]}" = 3 ]
}

@test "a full disk under stdout is an error, not silence" {
	need_level namespace
	for line in 'ab-exec --json -- echo hi' 'ab-exec -- echo hi' 'ab-exec --describe' 'ab-exec --help' \
	    'echo "{\"id\":1,\"argv\":[\"true\"]}" | ab-exec batch'; do
		run bash -c "$line >/dev/full"
		[ "$status" != 0 ] || { echo "$line"; false; }
	done
	run bash -c 'ab-exec --stream -- sleep 9 >/dev/full'
	[ "$status" -eq 125 ]
}

@test "a closed stdin, stdout or stderr hurts nobody" {
	need_level namespace
	run -0 bash -c 'ab-exec -- true <&-'
	run bash -c 'ab-exec -- true >&- 2>&-'
	[ "$status" -lt 126 ]
	run -0 bash -c 'ab-exec -- cat <&-'
	[ -z "$output" ]
	run -0 bash -c 'ab-exec -- sh -c "echo e >&2; echo o" 2>&-'
	[ "$output" = o ]
	# Output that is lost is never silence.
	run bash -c 'ab-exec -- echo lost >&-'
	[ "$status" -eq 125 ]
	[[ $output == *"Bad file descriptor"* ]]
}

@test "each answer is written as soon as it is known" {
	need_level namespace
	# The second request is only written when the first has been answered.
	run -0 timeout 20 bash -c '
		coproc ab-exec batch
		echo "{\"id\":1,\"argv\":[\"echo\",\"a\"]}" >&"${COPROC[1]}"
		read -r first <&"${COPROC[0]}"
		echo "{\"id\":2,\"argv\":[\"echo\",\"b\"]}" >&"${COPROC[1]}"
		read -r second <&"${COPROC[0]}"
		jq -r .stdout <<<"$first$second"'
	[ "$output" = $'a\n\nb' ]
}

@test "xargs -P: many at once in one tree" {
	need_level namespace
	seq 1 40 | xargs -P 8 -I N ab-exec -- touch fN
	[ "$(find "$TREE" -name 'f*' | wc -l)" = 40 ]
	[ "$(find "$AB_HOME" -name '*.tmp*' | wc -l)" = 0 ]
}
