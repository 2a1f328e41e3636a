#!/usr/bin/env bats
# ab-kv sync: stores of several hosts (each an AB_HOME), one copy, and a server that verifies every request and misbehaves when asked to.

load ../helpers/load
load ../helpers/kv
load ../helpers/s3

COPY=s3://bucket/copies/one

# on HOST ab-kv ARGUMENT…
on() { AB_HOME=$BASE/home/$1 "${@:2}"; }
# The server's log: one object's requests.
puts_of() { s3_count ".method == \"PUT\" and (.path | test(\"$1\")) and .status == 200"; }
same() { diff <(on "$1" ab-kv export --all) <(on "$2" ab-kv export --all); }
# The helpers of this test.
helpers() {
	local pid
	for pid in $(pgrep -x ab-s3); do
		! grep -qzF "HOME=$BASE/" "/proc/$pid/environ" 2>/dev/null || echo "$pid"
	done
}
nothing_runs() { [ -z "$(helpers)" ]; }
something_runs() { ! nothing_runs; }

@test "push, restore, pull: another host has the same, and goes on with it" {
	start_s3
	on a ab-kv config --history 3 --search on
	on a ab-kv put greeting 'good morning'
	on a ab-kv put greeting 'good evening'
	printf 'a\0b\377' | on a ab-kv put $'odd\377key' --namespace other/deep
	head -c 5000000 /dev/urandom | on a ab-kv put large
	on a ab-kv put soon x --ttl 1h
	ends 0 on a ab-kv sync push $COPY
	check_json '.moved and .whole and .seq == 5 and .from_seq == 0' '.writer | test("@")' '.parts >= 1' '.bytes > 5000000'
	ends 0 on b ab-kv sync restore $COPY
	check_json '.moved and .whole and .seq == 5'
	same a b
	[ "$(stat -c %a "$BASE/home/b/kv.db")" = 600 ]
	[ "$(on b ab-kv history greeting | wc -l)" -eq 2 ]
	[ "$(on b ab-kv search morning | wc -l)" -eq 0 ]
	[ "$(on b ab-kv search evening --field key)" = greeting ]
	[ "$(on b ab-kv get greeting --at-version 1)" = 'good morning' ]
	# On from there: only what has changed is moved.
	on b ab-kv delete soon
	on b ab-kv incr visits
	ends 0 on b ab-kv sync push $COPY
	check_json '.from_seq == 5 and .seq == 7 and (.whole | not) and .bytes < 2000'
	ends 0 on a ab-kv sync pull $COPY
	check_json '.from_seq == 5 and .seq == 7 and (.whole | not)'
	same a b
	[ "$(on a ab-kv incr visits)" = 2 ]
	[ "$(on a ab-kv stat visits --field version)" = 8 ]
	ends 0 on b ab-kv sync pull $COPY
	check_json '.moved | not'
	# nothing is left on the way
	[ -z "$(find "$BASE/home" -path '*/sync/*' -type f)" ]
}

@test "whoever follows sees every change once, in order" {
	start_s3
	on a ab-kv put k 0
	on a ab-kv sync push $COPY
	on b ab-kv sync pull $COPY
	(on b ab-kv watch --from-seq 1 --limit 12 --timeout 20s >"$BASE/seen") 3>&- &
	for i in 1 2 3; do
		on a ab-kv put k "$i"
		on a ab-kv put k "$i again"
		on a ab-kv delete k
		on a ab-kv put other "$i"
		on a ab-kv sync push $COPY
		on b ab-kv sync pull $COPY
	done
	wait $!
	[ "$(jq -c 'select(.type != "ready" and .type != "result") | [.seq, .type]' "$BASE/seen" | tr '\n' ' ')" = \
	    '[2,"put"] [3,"put"] [4,"delete"] [5,"put"] [6,"put"] [7,"put"] [8,"delete"] [9,"put"] [10,"put"] [11,"put"] [12,"delete"] [13,"put"] ' ]
}

@test "who follows one copy and pushes to another still follows" {
	start_s3
	on a ab-kv put soon x --ttl 300ms
	on a ab-kv put k 1
	on a ab-kv sync push $COPY
	on b ab-kv sync pull $COPY
	ends 0 on b ab-kv sync push s3://bucket/mirror
	sleep 0.4
	[ "$(on b ab-kv gc --field expired)" = 0 ]
	on a ab-kv put k 2
	on a ab-kv sync push $COPY
	ends 0 on b ab-kv sync pull $COPY
	same a b
	ends 0 on b ab-kv sync push s3://bucket/mirror
	ends 0 on c ab-kv sync restore s3://bucket/mirror
	same a c
}

@test "two writers never overwrite each other: the second is told, and by whom" {
	start_s3
	on a ab-kv put k 1
	on a ab-kv sync push $COPY
	on b ab-kv sync restore $COPY
	on a ab-kv put k a
	on b ab-kv put k b
	on a ab-kv sync push $COPY
	refuses 1 conflict on b ab-kv sync push $COPY
	[[ $stderr == *"pushed by $(id -un)@$(uname -n) at 20"* ]]
	[[ $stderr == *"sync restore $COPY --db NEW-FILE"* ]]
	refuses 1 conflict on b ab-kv sync pull $COPY
	[ "$(on b ab-kv get k)" = b ]
	# the way that it names
	on b ab-kv sync restore $COPY --db "$BASE/merged.db"
	on b ab-kv export --all | on b ab-kv import --db "$BASE/merged.db"
	on b ab-kv sync push $COPY --db "$BASE/merged.db"
	on a ab-kv sync pull $COPY
	[ "$(on a ab-kv get k)" = b ]
	# a stranger
	on c ab-kv put mine 1
	refuses 1 conflict on c ab-kv sync push $COPY
	refuses 1 exists on c ab-kv sync restore $COPY
	[ "$(on c ab-kv get mine)" = 1 ]
}

@test "at the same moment: one push of many wins, and no acknowledged one is lost" {
	start_s3
	on 0 ab-kv put k 0
	on 0 ab-kv sync push $COPY
	for host in 1 2 3 4; do on $host ab-kv sync restore $COPY; done
	for round in 1 2 3; do
		for host in 1 2 3 4; do on $host ab-kv put "from$host" "$round"; done
		local pushes=()
		for host in 1 2 3 4; do
			(if on $host ab-kv sync push $COPY >"$BASE/out$host" 2>&1; then touch "$BASE/won$host-$round"; fi) 3>&- &
			pushes+=($!)
		done
		wait "${pushes[@]}"
		[ "$(ls "$BASE"/won?-$round | wc -l)" -eq 1 ]
		won=$(basename "$BASE"/won?-$round | cut -c4)
		# the others give up what is theirs, and take over
		for host in 1 2 3 4; do
			[ $host = "$won" ] && continue
			grep -q '\[conflict\]' "$BASE/out$host"
			rm "$BASE/home/$host"/kv.db*
			on $host ab-kv sync restore $COPY
			[ "$(on $host ab-kv get "from$won")" = $round ]
		done
	done
}

@test "trouble on the way is tried again, and nothing comes of it" {
	start_s3
	on a ab-kv put k 1
	on a ab-kv sync push $COPY
	on b ab-kv sync pull $COPY
	i=0
	for trouble in status:503 status:500 status:429 reset reset-after-body lost-answer truncate-put error:SlowDown; do
		i=$((i + 1))
		on a ab-kv put k "$trouble"
		on a ab-kv put "k$i" "$trouble"
		clear_faults
		fault "{\"match\":\"PUT segment\",\"do\":\"$trouble\",\"times\":2}" "{\"match\":\"PUT head\",\"do\":\"$trouble\",\"times\":1}"
		ends 0 on a ab-kv sync push $COPY
		clear_faults
		case $trouble in
		lost-answer | truncate-put) fault '{"match":"GET .","do":"short","times":2}' ;;
		*) fault "{\"match\":\"GET .\",\"do\":\"$trouble\",\"times\":2}" ;;
		esac
		ends 0 on b ab-kv sync pull $COPY
		same a b
		[ "$(on b ab-kv get k)" = "$trouble" ]
	done
	s3_forget
	clear_faults
	on a ab-kv put k later
	fault '{"match":"GET .","do":"status:503","times":1,"retry_after":1}'
	SECONDS=0
	ends 0 on a ab-kv sync push $COPY
	[ $SECONDS -ge 1 ]
	[ "$(s3_count '.status == 503')" -eq 1 ]
}

@test "what was changed on the way is found out" {
	start_s3
	on a ab-kv put k 'some value'
	on a ab-kv sync push $COPY
	fault '{"match":"GET snapshot","do":"flip"}'
	refuses 6 corrupt on b ab-kv sync restore $COPY
	[ ! -e "$BASE/home/b/kv.db" ] || [ -z "$(on b ab-kv list)" ]
	clear_faults
	fault '{"match":"GET head","do":"flip"}'
	run -6 on b ab-kv sync restore $COPY
	clear_faults
	ends 0 on b ab-kv sync restore $COPY
	same a b
	# and what was changed where it lies
	part=$(find "$S3_ROOT/bucket" -name '*snapshot*')
	printf x >>"$part"
	refuses 6 corrupt on c ab-kv sync restore $COPY
	[[ $stderr == *snapshot/* ]]
	rm "$part"
	refuses 6 corrupt on c ab-kv sync restore $COPY
	[[ $stderr == *"lists what is not there"* ]]
}

@test "a head that lies about the length of a part is corrupt, and what lay about is swept" {
	start_s3
	on a ab-kv put k 'some value'
	on a ab-kv sync push $COPY
	head=$(s3_file copies/one/head.json)
	jq -c '.snapshot.parts[0].plain_bytes = 5' "$head" >"$BASE/head"
	cp "$head" "$BASE/right"
	cp "$BASE/head" "$head"
	refuses 6 corrupt on b ab-kv sync restore $COPY
	cp "$BASE/right" "$head"
	touch "$(echo "$BASE"/home/b/sync/*)/.ab-01ABC.tmp"
	ends 0 on b ab-kv sync restore $COPY
	[ -z "$(find "$BASE/home/b/sync" -type f)" ]
	on b ab-kv put mine 1
	ends 0 on b ab-kv sync pull $COPY
	check_json '(.moved or .whole) | not'
}

@test "a push that is killed is gone on with; what was sent is not sent again" {
	start_s3
	head -c 30000000 /dev/urandom >"$BASE/random"
	split -b 3000000 "$BASE/random" "$BASE/piece."
	for piece in "$BASE"/piece.*; do on a ab-kv put "${piece##*.}" <"$piece"; done
	fault '{"match":"PUT snapshot/.*/0003","do":"delay:30"}'
	AB_HOME=$BASE/home/a ab-kv sync push $COPY 3>&- &
	pid=$!
	eventually 60 eval '[ "$(puts_of "snapshot.*/0002")" -eq 1 ]'
	sleep 0.3
	kill -KILL $pid
	local ended=0
	wait $pid || ended=$?
	[ $ended -eq 137 ]
	eventually 10 nothing_runs
	[ ! -e "$(s3_file copies/one/head.json)" ]
	refuses 1 not_found on b ab-kv sync restore $COPY
	clear_faults
	s3_forget
	on a ab-kv put more 1
	ends 0 on a ab-kv sync push $COPY
	[ "$(puts_of 'snapshot.*/000[12]')" -eq 0 ]
	[ "$(puts_of 'snapshot.*/0003')" -eq 1 ]
	# the same with what comes
	fault '{"match":"GET snapshot/.*/0003","do":"delay:30"}'
	AB_HOME=$BASE/home/b ab-kv sync restore $COPY 3>&- &
	pid=$!
	eventually 60 eval '[ "$(s3_count ".method == \"GET\" and (.path | test(\"/0002.\")) and .status == 200")" -eq 1 ]'
	sleep 0.3
	kill -TERM $pid
	ended=0
	wait $pid || ended=$?
	[ $ended -eq 143 ]
	eventually 10 nothing_runs
	clear_faults
	s3_forget
	ends 0 on b ab-kv sync restore $COPY
	[ "$(s3_count '.method == "GET" and (.path | test("snapshot.*/000[12]."))')" -eq 0 ]
	same a b
}

@test "wrong credentials are told at once, and no secret anywhere" {
	start_s3
	on a ab-kv put k 1
	AWS_SECRET_ACCESS_KEY=not-the-secret refuses 4 auth.failed on a ab-kv sync push $COPY
	[ "$(s3_count true)" -eq 1 ]
	AWS_ACCESS_KEY_ID=AKIAOTHER refuses 4 auth.failed on a ab-kv sync push $COPY
	[ "$(s3_count true)" -eq 2 ]
	AWS_SECRET_ACCESS_KEY='' refuses 4 auth.failed on a ab-kv sync push $COPY
	[[ $stderr == *AWS_SECRET_ACCESS_KEY* ]]
	fault '{"match":"* .","do":"denied"}'
	refuses 4 auth.failed on a ab-kv sync push $COPY
	[[ $stderr == *"$COPY/head.json"* ]]
	clear_faults
	fault '{"match":"* .","do":"error:ExpiredToken"}'
	refuses 4 auth.failed on a ab-kv sync push $COPY
	clear_faults
	# nobody can read it from the processes, the store or what is written
	fault '{"match":"PUT .","do":"slow:2"}'
	AB_LOG=$BASE/log on a ab-kv sync push $COPY -vv >"$BASE/said" 2>&1 3>&- &
	sleep 1
	something_runs
	echo "$AWS_SECRET_ACCESS_KEY" >"$BASE/secret"
	cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' >"$BASE/words"
	run -1 grep -Ff "$BASE/secret" "$BASE/words"
	wait $!
	[ "$(jq -r 'select(.tool == "ab-kv").what' "$BASE/log")" = $COPY ]
	run -1 grep -rFf "$BASE/secret" "$BASE/home" "$BASE/said" "$BASE/log" "$S3_LOG"
}

@test "a session token is sent, and signed" {
	start_s3 --token token/of+a=session
	on a ab-kv put k 1
	ends 0 on a ab-kv sync push $COPY
	AWS_SESSION_TOKEN=another refuses 4 auth.failed on a ab-kv sync push $COPY
}

@test "a clock that is wrong by hours is no hindrance" {
	for offset in 7200 -7200; do
		start_s3 --clock-offset $offset
		on a ab-kv incr k
		s3_forget
		ends 0 on a ab-kv sync push $COPY
		check_json '.moved'
		ends 0 on b ab-kv sync pull $COPY
		same a b
		[ "$(s3_count '.code == "RequestTimeTooSkewed"')" -le 2 ]
	done
}

@test "a store that takes no notice of conditions is refused" {
	start_s3 --ignore-conditions
	on a ab-kv put k 1
	refuses 4 unsupported on a ab-kv sync push $COPY
	[[ $stderr == *If-None-Match* ]]
	[ ! -e "$(s3_file copies/one/head.json)" ]
}

@test "nobody answers: an end in time, and what to do" {
	start_s3
	on a ab-kv put k 1
	SECONDS=0
	AWS_ENDPOINT_URL_S3=http://127.0.0.1:1 run -5 on a ab-kv sync push $COPY --timeout 2s
	[ $SECONDS -lt 8 ]
	run -5 on a ab-kv sync push $COPY --timeout 2s --endpoint http://127.0.0.1:1
	fault '{"match":"GET .","do":"hang"}'
	SECONDS=0
	run -5 on a ab-kv sync push $COPY --timeout 2s
	[ $SECONDS -lt 8 ]
	eventually 10 nothing_runs
}

@test "a 200 of somebody in between is no push" {
	start_s3
	on a ab-kv put k 1
	on a ab-kv sync push $COPY
	on a ab-kv put k 2
	for at in segment head; do
		fault "{\"match\":\"PUT $at\",\"do\":\"status:200\"}"
		refuses 5 unavailable on a ab-kv sync push $COPY
		[[ $stderr == *ETag* ]]
		clear_faults
	done
	ends 0 on a ab-kv sync push $COPY
	check_json '.moved and .seq == 2'
	on b ab-kv sync restore $COPY
	same a b
}

@test "an older head is not taken for the newest" {
	start_s3
	for i in 1 2 3; do
		on a ab-kv put k $i
		on a ab-kv sync push $COPY
	done
	on b ab-kv sync pull $COPY
	fault '{"match":"GET head","do":"stale"}'
	on a ab-kv put k 4
	refuses 5 unavailable on a ab-kv sync push $COPY
	refuses 5 unavailable on b ab-kv sync pull $COPY
	clear_faults
	ends 0 on a ab-kv sync push $COPY
	ends 0 on b ab-kv sync pull $COPY
	same a b
}

@test "readers while somebody pushes: each sees whole states only" {
	start_s3
	on a ab-kv batch >/dev/null <<<'{"op":"atomic","requests":[{"op":"put","key":"x","value":"0"},{"op":"put","key":"y","value":"0"}]}'
	on a ab-kv sync push $COPY
	(for i in $(seq 1 40); do
		on a ab-kv atomic "[{\"op\":\"put\",\"key\":\"x\",\"value\":\"$i\"},{\"op\":\"put\",\"key\":\"y\",\"value\":\"$i\"}]" >/dev/null
		on a ab-kv sync push $COPY >/dev/null || exit 1
	done) 3>&- &
	pusher=$!
	for reader in b c; do
		(while kill -0 $pusher 2>/dev/null; do
			on $reader ab-kv sync pull $COPY >/dev/null || exit 1
			[ "$(on $reader ab-kv list --values --field value | sort -u | wc -l)" -eq 1 ] || exit 1
		done) 3>&- &
		eval "$reader=\$!"
	done
	wait $pusher
	wait $b
	wait $c
	on b ab-kv sync pull $COPY
	same a b
}

@test "--dry-run says what would be done, and does nothing" {
	start_s3
	on a ab-kv put k 1
	ends 0 on a ab-kv sync push $COPY --dry-run
	check_json '.dry_run and .moved and .whole and .seq == 1 and .bytes > 0'
	[ "$(s3_count '.method != "GET"')" -eq 0 ]
	on a ab-kv sync push $COPY
	ends 0 on b ab-kv sync restore $COPY --dry-run
	check_json '.dry_run and .moved and .parts == 1'
	[ ! -e "$BASE/home/b/kv.db" ]
	ends 0 on a ab-kv sync push $COPY --dry-run
	check_json '.moved | not'
}

@test "one sync of a store at a time" {
	start_s3
	on a ab-kv put k 1
	fault '{"match":"GET head","do":"slow:3"}'
	on a ab-kv sync push $COPY 3>&- &
	eventually 5 something_runs
	refuses 5 busy on a ab-kv sync push $COPY
	wait $!
	# but anybody may write meanwhile
	clear_faults
	fault '{"match":"GET head","do":"slow:2"}'
	on a ab-kv put k 2
	on a ab-kv sync push $COPY 3>&- &
	sleep 0.3
	on a ab-kv put k 3 --busy-timeout 500ms
	wait $!
}

@test "what is not there, and what is not meant" {
	start_s3
	refuses 1 not_found ab-kv sync push $COPY
	refuses 1 not_found ab-kv sync pull $COPY
	refuses 1 not_found ab-kv sync restore $COPY
	refuses 1 not_found ab-kv sync restore s3://no-such-bucket/x
	[[ $stderr == *"there is no copy of a store at s3://no-such-bucket/x"*"no such bucket"* ]]
	[ ! -e "$AB_HOME/kv.db" ]
	ab-kv put k 1
	refuses 1 not_found ab-kv sync push s3://no-such-bucket/x
	[[ $stderr == *no-such-bucket* ]]
	refuses 3 input.invalid ab-kv sync push /bucket/x
	refuses 3 input.invalid ab-kv sync push s3://
	refuses 3 input.invalid ab-kv sync push $'s3://bucket/a\377'
	refuses 2 usage ab-kv sync mirror $COPY
	refuses 4 unsupported ab-kv sync push $COPY --db :memory:
	AB_LIBEXEC_DIR=$BASE refuses 4 unsupported ab-kv sync push $COPY
	[[ $stderr == *ab-s3* ]]
	# a bucket itself, and odd prefixes
	for prefix in '' /a '/with space/ü+=&'; do
		ends 0 ab-kv sync push "s3://bucket$prefix"
		rm -rf "$BASE/home/x"
		ends 0 on x ab-kv sync restore "s3://bucket$prefix/"
	done
	run bash -c "ldd '$(command -v ab-kv)' | grep -E 'curl|zstd'"
	[ -z "$output" ]
}

@test "progress is shown on a terminal, and nowhere else" {
	start_s3
	ab-kv put k 1
	fault '{"match":"PUT .","do":"slow:1"}'
	run -0 python3 - "$COPY" <<-'EOF'
		import os, pty, subprocess, sys
		ours, its = pty.openpty()
		p = subprocess.Popen(['ab-kv', 'sync', 'push', sys.argv[1]], stdout=subprocess.DEVNULL, stderr=its)
		os.close(its)
		seen = b''
		while True:
		    try: data = os.read(ours, 4096)
		    except OSError: break
		    if not data: break
		    seen += data
		assert p.wait() == 0
		assert b'push ' + sys.argv[1].encode() in seen, seen
		assert b'1 of 1 parts' in seen, seen
		assert seen.endswith(b'\r\x1b[K'), seen
	EOF
	ab-kv put k 2
	ends 0 ab-kv sync push $COPY
	[ -z "$stderr" ]
}
