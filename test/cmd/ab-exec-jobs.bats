#!/usr/bin/env bats
# Background jobs without a daemon.

load ../helpers/load

@test "start, list, output, wait" {
	run --separate-stderr ab-exec start -c 'echo one; echo err >&2; while [ ! -e go ]; do sleep 0.05; done; echo two; exit 3'
	[ "$status" -eq 0 ]
	job=$(json .job)
	[ "$(ab-exec list | jq -r 'select(.job == "'"$job"'").state')" = running ]
	touch go
	run ab-exec wait "$job"
	[ "$status" -eq 3 ]
	check_json '.job == "'"$job"'"' '.reason == "exit"' '.exit_code == 3' '.stdout == "one\ntwo\n"' '.stderr == "err\n"'
	[ "$(ab-exec output "$job")" = "one
two" ]
	[ "$(ab-exec logs --stderr "$job")" = err ]
	[ "$(ab-exec ps | jq -r .state)" = "done" ]
}

@test "a command that cannot be started is told by start" {
	run -127 --separate-stderr ab-exec start -- no-such-program-here
	[[ $stderr == *not_found* ]]
	run -126 ab-exec start -- /etc/passwd
	[ -z "$(ab-exec list)" ]
}

@test "start returns at once and holds nothing of the caller" {
	SECONDS=0
	job=$(ab-exec start -- sleep 5 | jq -r .job)
	[ $SECONDS -lt 4 ]
	ab-exec kill "$job" >/dev/null
	run ab-exec wait "$job"
	[ "$status" -eq 143 ]
	check_json '.reason == "cancelled"'
}

@test "batch: output --follow waits for no slot, and at the end of input hands on what is there" {
	job=$(ab-exec start -c 'echo a; sleep 0.3; echo b' | jq -r .job)
	{
		echo '{"id":1,"command":"sleep 2"}'
		echo "{\"id\":2,\"op\":\"output\",\"job\":\"$job\",\"follow\":true}"
		sleep 1.5
	} | ab-exec batch >"$BASE/answers"
	[ "$(jq -r .id "$BASE/answers" | tr '\n' ' ')" = "2 1 " ]
	[ "$(jq -r 'select(.id == 2) | .content' "$BASE/answers")" = $'a\nb' ]
	run ab-exec batch <<<"{\"op\":\"output\",\"job\":\"$job\",\"follow\":true}"
	check_json '.content == "a\nb\n"'
	run ab-exec output "$job" --offset 9223372036854775807
	[ "$status" -eq 3 ]
}

@test "a job has the stdin and writes the record that were asked for" {
	job=$(echo hello | ab-exec start --stdin - --record "$BASE/record" -- cat | jq -r .job)
	ab-exec wait "$job" >/dev/null
	[ "$(ab-exec output "$job")" = hello ]
	jq -e '.stdout == "hello\n"' "$BASE/record"
	ab-exec start --record fd:1 -- echo x | jq -se 'length == 2 and any(.stdout == "x\n")'
}

@test "start answers once: it has no --stream" {
	run ab-exec start --stream -- true
	[ "$status" -eq 125 ]
	[[ $output == *"output --follow"* ]]
}

@test "output --follow ends with the job" {
	job=$(ab-exec start -c 'for i in 1 2 3 4; do echo $i; sleep 0.2; done' | jq -r .job)
	[ "$(timeout 10 ab-exec output --follow "$job" | tr '\n' ' ')" = "1 2 3 4 " ]
}

@test "wait --timeout gives up with 125, the job goes on; several jobs; an unknown one" {
	a=$(ab-exec start -- sleep 30 | jq -r .job)
	b=$(ab-exec start -c 'exit 4' | jq -r .job)
	run ab-exec wait --timeout 200ms "$a"
	[ "$status" -eq 125 ]
	[[ $output == *timeout* ]]
	[ "$(ab-exec list --running | jq -r .job)" = "$a" ]
	ab-exec kill -s KILL "$a" >/dev/null
	run ab-exec wait "$a" "$b"
	[ "$status" -eq 137 ]
	run ab-exec wait "$b"
	[ "$status" -eq 4 ]
	run ab-exec wait job_nonsense
	[ "$status" -eq 125 ]
	run ab-exec kill "$b"
	[ "$status" -eq 1 ]
}

@test "a supervisor that was killed: the job is lost, and nothing of it runs" {
	mark=$(unique)
	job=$(ab-exec start -c "setsid sleep $mark & sleep $mark" | jq -r .job)
	eventually 5 pgrep -f "^sleep $mark"
	pkill -KILL -f "^ab-exec start -c setsid sleep $mark"
	gone "^sleep $mark"
	[ "$(ab-exec list | jq -r .state)" = lost ]
	run ab-exec wait "$job"
	[ "$status" -ne 0 ]
	check_json '.reason == "lost"'
}

@test "a job survives its caller's end and terminal" {
	job=$(setsid sh -c 'ab-exec start -c "sleep 0.5; echo alive"' | jq -r .job)
	run ab-exec wait "$job"
	check_json '.stdout == "alive\n"'
}

@test "list tells of a kept spool what ran, where and since when, as of a job" {
	run ab-exec --json --max-output 10 -- /usr/bin/seq 1 1000
	started=$(jq -r .started_at <<<"$output")
	run ab-exec list
	check_json '.kind == "spool"' '.what == "seq"' '.scope == "'"$TREE"'"' '.started_at == "'"$started"'"' '.status == 0'
}

@test "gc deletes by age and by size, never what runs" {
	a=$(ab-exec start -c 'seq 1 1000' | jq -r .job)
	[ -z "$(ab-exec wait -q "$a")" ]
	b=$(ab-exec start -- sleep 30 | jq -r .job)
	run ab-exec gc --age 1h --max 1GiB
	check_json '.deleted == 0'
	run ab-exec gc --age 0 --dry-run
	check_json '.deleted == 1' '.freed_bytes >= 3893' '.dry_run'
	run ab-exec kill --dry-run "$b"
	check_json '.dry_run'
	run -1 ab-exec kill --dry-run "$a"
	[ "$(ab-exec list --field state | sort | xargs)" = "done running" ]
	run ab-exec gc --age 0
	check_json '.deleted == 1' '.freed_bytes >= 3893'
	[ "$(ab-exec list | jq -r .job)" = "$b" ]
	ab-exec kill "$b" >/dev/null
}

@test "two at once never share a job; the beginning of a name is enough" {
	for _ in 1 2 3 4 5 6 7 8; do ab-exec start -- true >"$BASE/j.$RANDOM$RANDOM" & done
	wait
	[ "$(jq -r .job "$BASE"/j.* | sort -u | wc -l)" -eq 8 ]
	job=$(ab-exec start -- true | jq -r .job)
	ab-exec wait "${job:0:28}" >/dev/null
}

@test "gc deletes the private HOME and /tmp of trees that are gone" {
	mkdir "$BASE/gone"
	ab-exec --root "$BASE/gone" -c 'echo x >~/f; echo y >/tmp/g'
	ab-exec -c 'echo x >~/f'
	rmdir "$BASE/gone"
	run ab-exec gc
	check_json '.orphans >= 1'
	[ "$(ab-exec -c 'cat ~/f')" = x ]
	[ -z "$(find "$AB_HOME/homes" -name '*gone*')" ]
}

@test "gc deletes what a killed ab-scope left half written, and nothing that is being written" {
	ab-scope create a --memory 64MiB
	touch -d '2 minutes ago' "$AB_HOME/scopes/.ab-01M80RQYB7E3XMSMPNHT86E2NX.tmp"
	touch -d '2 minutes ago' "$AB_HOME/scopes/.lock"
	touch "$AB_HOME/scopes/.ab-01M80RQY7CQ080YJGFT5CZ1HM6.tmp"
	ab-exec gc --dry-run
	[ -e "$AB_HOME/scopes/.ab-01M80RQYB7E3XMSMPNHT86E2NX.tmp" ]
	ab-exec gc
	[ "$(find "$AB_HOME/scopes" -mindepth 1 -name '.*' | wc -l)" -eq 2 ]
	[ -e "$AB_HOME/scopes/.lock" ] && [ ! -e "$AB_HOME/scopes/.ab-01M80RQYB7E3XMSMPNHT86E2NX.tmp" ]
	[ "$(ab-scope show a | jq .memory_bytes)" -eq 67108864 ]
}

@test "a job that fills the disk has its result all the same" {
	need_root
	mkdir "$BASE/small" && mount -t tmpfs -o size=256k,mode=700 none "$BASE/small"
	job=$(AB_HOME=$BASE/small/ab ab-exec start -c 'seq 1 200000; exit 7' | jq -r .job)
	AB_HOME=$BASE/small/ab run timeout 20 ab-exec wait "$job"
	umount -l "$BASE/small"
	[ "$status" -eq 7 ]
	check_json '.reason == "exit"' '.spool_truncated' '.stdout_bytes == 1288895'
}
