#!/usr/bin/env bats
# ab-exec batch: requests in, records out.

load ../helpers/load

batch() { ab-exec batch "$@"; }
# A batch that stays open: to_batch LINE writes to it, from_batch reads a line.
open_batch() {
	coproc BATCH { exec ab-exec batch; }
	TO=${BATCH[1]} FROM=${BATCH[0]} PID=$BATCH_PID
}
to_batch() { echo "$1" >&"$TO"; }
from_batch() { read -r -t "${1:-10}" output <&"$FROM"; }
close_batch() { eval "exec $TO>&-"; wait "$PID"; }

@test "the first pipe: one request, one record" {
	run bash -c "echo '{\"id\":1,\"command\":\"echo hi\"}' | ab-exec batch"
	check_json '.id == 1' '.stdout == "hi\n"' '.status == 0' '.schema == "ab.exec/1"'
}

@test "ids come back exactly: strings, big integers; none is null; one in use is refused" {
	run bash -c "printf '%s\n' '{\"id\":\"ä\\u0000\",\"argv\":[\"true\"]}' '{\"id\":9007199254740993,\"argv\":[\"true\"]}' '{\"argv\":[\"true\"]}' | ab-exec batch"
	[[ ${lines[0]} == *'"id":"ä\u0000"'* ]]
	[[ ${lines[1]} == *'"id":9007199254740993,'* ]]
	[[ ${lines[2]} == *'"id":null,'* ]]
	run bash -c "printf '%s\n' '{\"id\":1,\"command\":\"sleep 0.5\"}' '{\"id\":1,\"command\":\"true\"}' | ab-exec batch -j 2"
	[ "$(jq -s '[.[] | select(.error.code == "input.invalid")] | length' <<<"$output")" -eq 1 ]
}

@test "a line that is no request, an unknown field, a wrong type, all problems at once" {
	run bash -c "printf '%s\n' 'nonsense' '{\"id\":2,\"comand\":\"x\",\"timeout_ms\":\"3\",\"merge\":1}' '[]' '{\"id\":4,\"command\":\"true\"}' | ab-exec batch"
	[ "$status" -eq 0 ]
	jq -se '.[0].id == null and .[0].line == 1 and .[0].error.code == "input.malformed"' <<<"$output"
	jq -se '.[1].id == 2 and .[1].error.code == "input.invalid" and (.[1].error.message | test("comand") and test("timeout_ms") and test("merge"))' <<<"$output"
	jq -se '.[2].line == 3 and .[3].status == 0' <<<"$output"
}

@test "null means not given" {
	run bash -c "echo '{\"id\":1,\"argv\":[\"true\"],\"command\":null,\"timeout_ms\":null}' | ab-exec batch"
	check_json '.status == 0'
}

@test "answers come in order; with -j as they finish" {
	printf '%s\n' '{"id":1,"command":"sleep 0.6"}' '{"id":2,"command":"true"}' >"$BASE/r"
	[ "$(batch <"$BASE/r" | jq -s -c 'map(.id)')" = '[1,2]' ]
	[ "$(batch -j 2 <"$BASE/r" | jq -s -c 'map(.id)')" = '[2,1]' ]
}

@test "an answer is there while the input is still open" {
	open_batch
	to_batch '{"id":1,"command":"echo a"}'
	from_batch
	check_json '.stdout == "a\n"'
	to_batch '{"id":2,"command":"echo b"}'
	from_batch
	check_json '.stdout == "b\n"'
	close_batch
}

@test "stdin is /dev/null, or what the request gives" {
	run bash -c "printf '%s\n' '{\"id\":1,\"command\":\"wc -c\"}' '{\"id\":2,\"command\":\"cat\",\"stdin\":\"ab\"}' '{\"id\":3,\"command\":\"wc -c\",\"stdin_base64\":\"/wA=\"}' | ab-exec batch"
	[ "$(jq -s -c 'map(.stdout)' <<<"$output")" = '["0\n","ab","2\n"]' ]
}

@test "argv elements may be any bytes" {
	run bash -c "echo '{\"id\":1,\"argv\":[\"printf\",{\"base64\":\"/w==\"}]}' | ab-exec batch"
	check_json '.stdout_base64 == "/w=="'
}

@test "cancel: a running one ends, a queued one never starts, each gives its final line" {
	open_batch
	to_batch '{"id":1,"command":"sleep 60"}'
	to_batch '{"id":2,"command":"touch never"}'
	sleep 0.3
	to_batch '{"id":"c2","op":"cancel","target":2}'
	to_batch '{"id":"c1","op":"cancel","target":1}'
	to_batch '{"id":"c3","op":"cancel","target":77}'
	for _ in 1 2 3 4 5; do from_batch; echo "$output"; done >"$BASE/answers"
	close_batch
	jq -se 'any(.[]; .id == 1 and .reason == "cancelled")' "$BASE/answers"
	jq -se 'any(.[]; .id == 2 and (.error.code == "cancelled" or .reason == "cancelled"))' "$BASE/answers"
	[ ! -e never ]
}

@test "ping and describe are answered whatever runs" {
	open_batch
	to_batch '{"id":1,"command":"sleep 2"}'
	to_batch '{"id":"p","op":"ping"}'
	from_batch 1
	check_json '.id == "p"'
	to_batch '{"id":"d","op":"describe"}'
	from_batch 1
	check_json '.items | any(.name == "run")'
	close_batch
}

@test "a request that fails is an answer; --fail makes it the exit" {
	echo '{"id":1,"scope":"../x","root":null,"command":"true"}' >"$BASE/r"
	run batch <"$BASE/r"
	[ "$status" -eq 0 ]
	run batch --fail <"$BASE/r"
	[ "$status" -ne 0 ]
}

@test "options of batch are defaults; --fixed makes them final; host paths are refused" {
	run bash -c "echo '{\"id\":1,\"command\":\"echo \$A\"}' | ab-exec batch --env A=b --timeout 5s"
	check_json '.stdout == "b\n"'
	run bash -c "echo '{\"id\":1,\"command\":\"true\",\"timeout_ms\":9}' | ab-exec batch --timeout 5s --fixed timeout"
	check_json '.error.code == "denied.policy"' '.error.message | test("timeout")'
	run bash -c "echo '{\"id\":1,\"command\":\"true\",\"write\":[\"/etc\"]}' | ab-exec batch"
	check_json '.error.code == "denied.policy"' '.error.message | test("write")'
	run bash -c "echo '{\"id\":1,\"command\":\"true\",\"root\":\"/etc\"}' | ab-exec batch"
	check_json '.error.code == "denied.policy"'
	run bash -c "echo '{\"id\":1,\"command\":\"true\",\"isolation\":\"none\"}' | ab-exec batch"
	check_json '.error.code == "denied.policy"' '.error.message | test("isolation")'
	run bash -c "echo '{\"id\":1,\"command\":\"true\",\"protect\":false}' | ab-exec batch"
	check_json '.error.code == "denied.policy"' '.error.message | test("protect")'
	run bash -c "echo '{\"id\":1,\"command\":\"true\",\"unprotect\":[\".git/hooks\"]}' | ab-exec batch"
	check_json '.error.code == "denied.policy"' '.error.message | test("unprotect")'
	run bash -c "echo '{\"id\":1,\"command\":\"true\",\"protect\":true}' | ab-exec batch --no-protect"
	check_json '.status == 0'
	run bash -c "echo '{\"id\":1,\"command\":\"true\",\"home\":\"private\"}' | ab-exec batch"
	check_json '.status == 0'
	mkdir "$BASE/r"
	run bash -c "echo '{\"id\":1,\"command\":\"ls $BASE/r\",\"read\":[\"$BASE/r\"]}' | ab-exec batch --host-paths"
	check_json '.status == 0'
}

@test "streaming requests beside others" {
	run bash -c "printf '%s\n' '{\"id\":1,\"command\":\"echo a; sleep 0.3; echo b\",\"stream\":true}' '{\"id\":2,\"command\":\"echo c\"}' | ab-exec batch -j 2"
	[ "$(jq -sr '[.[] | select(.id == 1 and .type == "stdout").text] | join("")' <<<"$output")" = "a
b" ]
	jq -se '[.[] | select(.id == 1)] | .[-1].type == "result" and .[-1].status == 0' <<<"$output"
	jq -se 'any(.[]; .id == 2 and .stdout == "c\n")' <<<"$output"
}

@test "the reader gone: everything is cancelled at once" {
	mark=$(unique)
	(
		exec 3>&-
		{ echo "{\"id\":1,\"command\":\"touch started; sleep $mark\"}"; eventually 5 test -e started; echo '{"id":2,"op":"ping"}'; sleep 20; } | ab-exec batch -j 2 | head -n 1 >/dev/null
	) &
	eventually 5 test -e started
	eventually 5 nobody_runs "^sleep $mark"
	kill %1 2>/dev/null || true
}

@test "SIGTERM: every request is answered, exit 143" {
	run python3 - <<-'EOF'
		import json, signal, subprocess, time
		p = subprocess.Popen(['ab-exec', 'batch', '-j', '2'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
		for i in range(3): p.stdin.write(b'{"id":%d,"command":"sleep 60"}\n' % i)
		p.stdin.flush(); time.sleep(0.5)
		p.send_signal(signal.SIGTERM)
		answers = [json.loads(l) for l in p.stdout]
		assert sorted(a['id'] for a in answers) == [0, 1, 2], answers
		assert p.wait(5) in (143, -15), p.returncode
	EOF
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "a slow reader delays no deadline" {
	run python3 - <<-'EOF'
		import json, subprocess, time
		p = subprocess.Popen(['ab-exec', 'batch', '-j', '4'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
		for i in range(40): p.stdin.write(b'{"id":%d,"command":"head -c 100000 /dev/zero | tr \\\\\\\\0 x","max_output_bytes":200000}\n' % i)
		p.stdin.write(b'{"id":"t","command":"sleep 60","timeout_ms":500}\n'); p.stdin.close()
		time.sleep(3)
		answers = [json.loads(l) for l in p.stdout]
		t = [a for a in answers if a['id'] == 't'][0]
		assert t['reason'] == 'timeout' and t['wall_ms'] < 2500, t['wall_ms']
		assert len(answers) == 41 and p.wait() == 0
	EOF
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "an over-long line is one answer, and the stream goes on" {
	run bash -c "{ head -c 17000000 /dev/zero | tr '\\0' x; echo; echo '{\"id\":1,\"command\":\"true\"}'; } | ab-exec batch"
	jq -se '.[0].error.code == "input.too_long" and .[0].line == 1 and .[1].status == 0' <<<"$output"
}

@test "500 scopes served by one batch" {
	ab-scope create --root "$BASE" s0 >/dev/null
	{ for i in $(seq 1 500); do echo "{\"id\":$i,\"scope\":\"s/u$i\",\"create\":true,\"command\":\"echo $i >mine; cat mine; ls .. | wc -l\"}"; done; } >"$BASE/r"
	ab-exec batch -j 64 --root "$BASE" --fixed root,isolation,net --timeout 60s <"$BASE/r" >"$BASE/a"
	[ "$(jq -r 'select(.status == 0 and .stdout == "\(.id)\n1\n") | .id' "$BASE/a" | sort -n | uniq | wc -l)" -eq 500 ]
}

@test "other operations in a batch" {
	run bash -c "printf '%s\n' '{\"id\":1,\"op\":\"start\",\"command\":\"echo x\"}' | ab-exec batch"
	job=$(json .job)
	run bash -c "printf '%s\n' '{\"id\":1,\"op\":\"wait\",\"jobs\":[\"$job\"]}' '{\"id\":2,\"op\":\"output\",\"job\":\"$job\"}' '{\"id\":3,\"op\":\"list\"}' '{\"id\":4,\"op\":\"nonsense\"}' | ab-exec batch"
	jq -se '.[0].items[0].status == 0 and .[1].content == "x\n" and (.[2].items | length) == 1 and .[2].next == null and .[3].error.code == "input.invalid"' <<<"$output"
}

@test "control operations by the thousand wait for a slow reader, and cost no memory" {
	need_plain_build
	yes '{"op":"describe"}' | head -5000 >"$BASE/r"
	# 100 MB of answers; every one comes.
	[ "$(bash -c 'ulimit -v 90000; ab-exec batch' <"$BASE/r" | { sleep 0.5; wc -l; })" -eq 5000 ]
}
