#!/usr/bin/env bats
# ab-exec as a filter, its record, its statuses, its refusals.

load ../helpers/load

@test "a command's output and status pass through, byte for byte" {
	run --separate-stderr ab-exec -- sh -c 'printf "a\000b\377"; echo e >&2; exit 3'
	[ "$status" -eq 3 ]
	[ "$stderr" = e ]
	ab-exec -- printf 'a\000b\377\n' >"$BASE/out"
	printf 'a\000b\377\n' | cmp - "$BASE/out"
}

@test "the first argument may be left out, be run, or be an option; another word is a usage error with a hint" {
	[ "$(ab-exec run -- echo x)" = x ]
	[ "$(ab-exec -c 'echo x')" = x ]
	printf '#!/bin/sh\necho "$0"\n' >-x
	chmod +x ./-x
	[ "$(ab-exec -c '-x' -e PATH="$PWD")" = "$PWD/-x" ] # no option of the shell's
	run ab-exec make
	[ "$status" -eq 125 ]
	[[ $output == *"ab-exec -- make"* && $output == *"[usage]"* ]]
}

@test "option parsing stops at the first operand" {
	[ "$(ab-exec run echo --json -c x)" = "--json -c x" ]
}

@test "nothing to run, two ways to run, an unknown option: 125 and what to type" {
	run ab-exec run
	[ "$status" -eq 125 ]
	[[ $output == *"nothing to run"*"[usage]"* ]]
	run ab-exec -c true -- true
	[ "$status" -eq 125 ]
	run ab-exec --tiemout 3s -- true
	[ "$status" -eq 125 ]
	[[ $output == *"--timeout"* ]]
}

@test "126, 127 and 128+n" {
	run ab-exec -- no-such-program-here
	[ "$status" -eq 127 ]
	[[ $output == *"no-such-program-here"*"[not_found]"* ]]
	printf 'x' >"$TREE/plain"
	run ab-exec -- ./plain
	[ "$status" -eq 126 ]
	[[ $output == *"plain"* ]]
	run ab-exec -c 'kill -KILL $$'
	[ "$status" -eq 137 ]
	run ab-exec -c 'kill -USR1 $$'
	[ "$status" -eq 138 ]
}

@test "--json answers one record; every field of ab.exec/1 is there" {
	run --separate-stderr ab-exec --json -c 'echo out; echo err >&2; exit 2'
	[ "$status" -eq 2 ]
	[ -z "$stderr" ]
	[ "${#lines[@]}" -eq 1 ]
	check_json '.schema == "ab.exec/1"' '.reason == "exit"' '.exit_code == 2' '.status == 2' '.signal == null' '.stdout == "out\n"' '.stderr == "err\n"' \
	    '.stdout_bytes == 4' '.truncated == false' '.spool == null' '.job == null' '.error == null' '.oom == false' '.violations == []' '.net == "none"' \
	    '.max_rss_bytes > 100000' '.started_at | test("^20..-..-..T..:..:..\\....Z$")' 'has("id") | not'
	ab-exec --describe | jq -r 'select(.name == "run").answer | [.. | objects | .properties? // empty | keys[]] | unique[]' | sort >"$BASE/described"
	jq -r 'keys[]' <<<"$output" | sort >"$BASE/got"
	[ -z "$(comm -13 "$BASE/described" "$BASE/got")" ]
}

@test "a death by signal is named in the record, and is ab-exec's own death" {
	run ab-exec --json -c 'kill -TERM $$'
	[ "$status" -eq 143 ]
	check_json '.reason == "signal"' '.signal == "SIGTERM"' '.status == 143' '.exit_code == null'
	python3 - <<-'EOF'
		import subprocess, signal
		assert subprocess.run(['ab-exec', '-c', 'kill -TERM $$']).returncode == -signal.SIGTERM
		assert subprocess.run(['ab-exec', '--json', '--exit-zero', '-c', 'kill -TERM $$'], stdout=subprocess.DEVNULL).returncode == 0
	EOF
}

@test "bytes that are not UTF-8: base64, or replaced and said so" {
	run ab-exec --json -c 'printf "a\377"'
	check_json '.stdout_base64 == "Yf8="' 'has("stdout") | not' '.stderr == ""'
	run ab-exec --json --encoding utf8 -c 'printf "a\377"'
	check_json '.stdout == "a\ufffd"' '.stdout_lossy == true'
	run ab-exec --json --encoding base64 -c 'printf a'
	check_json '.stdout_base64 == "YQ=="'
}

@test "a refusal that was understood is a whole record with its error" {
	run --separate-stderr ab-exec --json -- no-such-program-here
	[ "$status" -eq 127 ]
	check_json '.reason == "failed"' '.status == 127' '.error.code == "not_found"' '.error.retryable == false' '.stdout == ""'
	run --separate-stderr ab-exec --json --scope no/such --root "$TREE" -- true
	[ "$status" -eq 125 ]
	check_json '.reason == "failed"' '.error.code == "not_found"' '.error.hint | test("create")'
	run --separate-stderr ab-exec --json --exit-zero -- no-such-program-here
	[ "$status" -eq 0 ]
}

@test "-q prints no record and no notes; AB_ERRORS=json makes errors records" {
	run --separate-stderr ab-exec -q --json -- true
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	run -0 --separate-stderr ab-exec -v -- true
	[[ $stderr == "ab-exec: exit, status 0, after "*"net none" ]]
	run -125 --separate-stderr ab-exec -q --scope nobody -- true
	[[ $stderr == *"[not_found]"* ]]
	AB_ERRORS=json run --separate-stderr ab-exec -- no-such-program-here
	[ "$(jq -r .error.code <<<"$stderr")" = not_found ]
}

@test "--field, --jq and --table work on the record" {
	[ "$(ab-exec --field stdout -c 'printf hello')" = hello ]
	[ "$(ab-exec --field status -c 'exit 0')" = 0 ]
	run ab-exec --jq '.stdout | length' -c 'printf hello'
	[ "$output" = 5 ]
	run ab-exec doctor --table
	[ "$status" -eq 0 ]
	[[ $output == *level* ]]
}

@test "scripts: -c, -f FILE, -f -, long ones, --shell" {
	echo 'echo from file; echo $0 "$@"' >"$TREE/s"
	[ "$(ab-exec -f s | head -1)" = "from file" ]
	[ "$(echo 'echo from stdin' | ab-exec -f -)" = "from stdin" ]
	[ "$(ab-exec --shell sh -c 'echo ${BASH_VERSION:-none}')" = none ]
	{ for i in $(seq 1 12000); do echo "# line $i of a long script"; done; echo 'echo end'; } >"$BASE/long"
	[ "$(stat -c %s "$BASE/long")" -gt 200000 ]
	[ "$(ab-exec -f "$BASE/long")" = end ]
	run bash -c 'jq -nRc --rawfile s "$BASE/long" "{id: 1, command: \$s}" | ab-exec batch'
	check_json '.stdout == "end\n"'
}

@test "--dry-run prints the plan and runs nothing; names of variables, never values" {
	run ab-exec --dry-run --env TOKEN=hush123 --timeout 3s -- touch ran
	[ "$status" -eq 0 ]
	[ ! -e "$TREE/ran" ]
	[[ $output != *hush123* ]]
	check_json '.level' '[.. | strings] | any(. == "TOKEN")'
}

@test "secrets appear in no record, log or error" {
	export AB_LOG=$BASE/log
	run ab-exec --json --env TOKEN=hush123 -- true
	[[ $output != *hush123* ]]
	run ab-exec --env TOKEN=hush123 --timeout nonsense -- true
	[[ $output != *hush123* ]]
	run ab-exec --env TOKEN=hush123 -- no-such-program-here
	[[ $output != *hush123* ]]
	job=$(ab-exec start --env TOKEN=hush123 -c 'true' | jq -r .job)
	ab-exec wait "$job" >/dev/null
	run ! grep -r hush123 "$AB_HOME" "$AB_LOG"
	jq -se 'all(.[]; .tool == "ab-exec") and any(.[]; .operation == "run")' "$AB_LOG" >/dev/null
}

@test "--record beside live output, to a file and to a descriptor" {
	[ "$(ab-exec --record "$BASE/rec" -c 'echo live; exit 4' || echo $?)" = "live
4" ]
	jq -e '.status == 4 and .stdout == "live\n"' "$BASE/rec"
	ab-exec --record fd:7 -c 'echo live' 7>"$BASE/rec7" >/dev/null
	jq -e '.status == 0' "$BASE/rec7"
	run ab-exec --record fd:77 -- true
	[ "$status" -eq 125 ]
}

@test "--stream: start, chunks that never split a character, the result last" {
	run ab-exec --stream -c 'printf "\303"; sleep 0.2; printf "\244\n"; echo e >&2; exit 5'
	[ "$status" -eq 5 ]
	[ "$(jq -r .type <<<"${lines[0]}")" = start ]
	[ "$(jq -sr '[.[] | select(.type == "stdout").text] | join("")' <<<"$output")" = "ä" ]
	[ "$(jq -sr '[.[] | select(.type == "stderr").text] | join("")' <<<"$output")" = "e" ]
	jq -se '.[-1] | .type == "result" and .status == 5 and (has("stdout") | not) and .stdout_bytes == 3' <<<"$output"
	jq -se '[.[] | .seq // empty] | . == (. | sort)' <<<"$output"
}

@test "--merge keeps the order of both streams" {
	run ab-exec --json --merge -c 'for i in 1 2 3; do echo o$i; echo e$i >&2; done'
	check_json '.stdout == "o1\ne1\no2\ne2\no3\ne3\n"' '.stderr == ""'
}

@test "the scope is the working directory, at its own path; --cwd below it, never out" {
	mkdir -p "$TREE/a/b"
	[ "$(ab-exec -- pwd)" = "$TREE" ]
	[ "$(ab-exec --cwd a/b -- pwd)" = "$TREE/a/b" ]
	[ "$(ab-exec --cwd "$TREE/a" -- pwd)" = "$TREE/a" ]
	ln -s /etc "$TREE/out"
	for cwd in .. a/../.. out; do
		run ab-exec --cwd "$cwd" -- pwd
		[ "$status" -eq 125 ]
		[[ $output == *scope.escape* || $output == *not_found* ]]
	done
}

@test "places that are refused" {
	for place in / /etc /usr /tmp /home; do
		run ab-exec --root "$place" -- true
		[ "$status" -eq 125 ]
	done
	cd "$HOME" # it holds AB_HOME
	run ab-exec -- true
	[ "$status" -eq 125 ]
	[[ $output == *"--root"* ]]
	ab-exec --root "$HOME" -- true
}

@test "every failure of ours is 125, and says what, to what, why" {
	run ab-exec --root /no/such -- true
	[ "$status" -eq 125 ]
	[[ $output == *'"/no/such"'* ]]
	run ab-exec --net allow:bad..host -- true
	[ "$status" -eq 125 ]
	[[ $output == *input.invalid* ]]
	run ab-exec --require nonsense -- true
	[ "$status" -eq 125 ]
	[[ $output == *nonsense* ]]
}

@test "writing to a full disk is said, with status 125" {
	run --separate-stderr bash -c 'ab-exec --json -- true >/dev/full'
	[ "$status" -ne 0 ]
	[[ $stderr == *"No space left"* ]]
	run --separate-stderr bash -c 'ab-exec -- echo x >/dev/full'
	[ "$status" -ne 0 ]
	[[ $stderr == *"No space left"* ]]
}

@test "the environment is an allow-list; --env, --env-file, --pass" {
	export SECRET_X=1 AWS_A=2 AWS_B=3 LC_TIME=C
	run ab-exec -- env
	[[ $output != *SECRET_X* && $output != *AWS_A* ]]
	[[ $output == *LC_TIME=C* && $output == *AB_SANDBOX=* && $output == *GIT_TERMINAL_PROMPT=0* ]]
	[ "$(ab-exec --pass 'AWS_*' -c 'echo $AWS_A$AWS_B')" = 23 ]
	printf '# note\nA=1 2\nSECRET_X\n\nB="q"\n' >"$BASE/env"
	[ "$(ab-exec --env-file "$BASE/env" --env A2=x=y -c 'echo "$A|$B|$SECRET_X|$A2"')" = '1 2|"q"|1|x=y' ]
	printf 'not a line\n' >"$BASE/env"
	run ab-exec --env-file "$BASE/env" -- true
	[ "$status" -eq 125 ]
	[[ $output == *"line 1"* ]]
}

@test "who am I: never 0 unless asked, with a name, and git knows me" {
	[ "$(ab-exec -- id -u)" != 0 ]
	# Root is nobody of the host inside; everybody else is who they are.
	if [ "$(id -u)" -eq 0 ]; then name=user; else name=$(id -un 2>/dev/null) || name=user; fi
	[ "$(ab-exec -- whoami)" = "$name" ]
	[ "$(ab-exec --user root -- id -u)" = 0 ]
	printf '[user]\n\tname = A Person\n\temail = a@example.org\n' >"$HOME/.gitconfig"
	[ "$(ab-exec -c 'git config user.name; git config user.email')" = "A Person
a@example.org" ]
}

@test "/tmp belongs to the scope and is kept; --tmp fresh is empty; the host's is not there" {
	need_level namespace
	echo host >"/tmp/ab-host-$$"
	ab-exec -c "echo kept >/tmp/f; test ! -e /tmp/ab-host-$$; test -d /var/tmp"
	[ "$(ab-exec -- cat /tmp/f)" = kept ]
	[ "$(ab-exec --tmp fresh -c 'ls /tmp | wc -l')" = 0 ]
	mkdir "$BASE/other"
	run ab-exec --root "$BASE/other" -- cat /tmp/f
	[ "$status" -ne 0 ]
	rm -f "/tmp/ab-host-$$"
	[ ! -e /tmp/f ]
}

@test "what is asked for below /var/tmp shows there, and so do tool chains, when the tree lies elsewhere" {
	need_level namespace
	elsewhere=$(mktemp -d /tmp/ab-test.XXXXXX)
	mkdir -p "$BASE/asked" "$HOME/.local/bin"
	echo there >"$BASE/asked/f"
	printf '#!/bin/sh\necho tool\n' >"$HOME/.local/bin/ab-test-tool"
	chmod +x "$HOME/.local/bin/ab-test-tool"
	cd "$elsewhere"
	run ab-exec --read "$BASE/asked" -- cat "$BASE/asked/f"
	[ "$output" = there ]
	PATH="$HOME/.local/bin:$PATH" run ab-exec -c 'ab-test-tool; echo x >/var/tmp/x'
	[ "$output" = tool ]
	[ "$status" = 0 ]
	cd "$TREE"
	rm -rf "$elsewhere"
}

@test "HOME: private for a tree and kept, the scope for a managed scope, --home" {
	ab-exec -c 'echo x >~/kept'
	[ "$(ab-exec -c 'cat ~/kept')" = x ]
	[ ! -e "$TREE/kept" ]
	ab-scope create --root "$BASE" managed
	[ "$(ab-exec --root "$BASE" --scope managed -c 'echo $HOME')" = "$BASE/managed" ]
	[ "$(ab-exec --home scope -c 'echo $HOME')" = "$TREE" ]
	mkdir "$BASE/h"
	ab-exec --home "$BASE/h" -c 'echo y >~/z'
	[ "$(cat "$BASE/h/z")" = y ]
}

@test "--read and --write show host paths; nothing else does" {
	mkdir "$BASE/r" "$BASE/w"
	echo r >"$BASE/r/f"
	run ab-exec -- cat "$BASE/r/f"
	[ "$status" -ne 0 ]
	[ "$(ab-exec --read "$BASE/r" -- cat "$BASE/r/f")" = r ]
	run ab-exec --read "$BASE/r" -- touch "$BASE/r/g"
	[ "$status" -ne 0 ]
	ab-exec --write "$BASE/w" -- touch "$BASE/w/g"
	[ -e "$BASE/w/g" ]
	run ab-exec --read / -- true
	[ "$status" -eq 125 ]
}

@test "files made inside belong to the caller" {
	ab-exec -c 'echo x >made; mkdir d; echo y >d/e'
	[ "$(stat -c %u made d d/e | sort -u)" = "$(id -u)" ]
}
