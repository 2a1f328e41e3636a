#!/usr/bin/env bats
# ab-kv: what many processes do at once, and what is left when something breaks or is in the way.
# shellcheck disable=SC2154,SC2016,SC2034,SC2030,SC2031 # bats sets stderr; scripts expand inside; OPTIONS is for ask; a test is a function of its own

load ../helpers/load
load ../helpers/kv

# increments N: N increments of "n" by one batch, each asked when the last one is answered.
increments() {
	local answer
	coproc ab-kv batch 3>&-
	for _ in $(seq "$1"); do
		echo '{"id":1,"op":"incr","key":"n"}' >&"${COPROC[1]}"
		IFS= read -r answer <&"${COPROC[0]}"
		echo "$answer"
	done
}

@test "16 writers, 200 increments each: none is lost, and nobody is told that it is busy" {
	local i
	for i in $(seq 14); do increments 200 >"$BASE/said.$i" 2>&1 3>&- & done
	for i in 15 16; do (for _ in $(seq 200); do ab-kv incr n --json; done) >"$BASE/said.$i" 2>&1 3>&- & done
	wait
	# Each number was given once, and nothing else was said.
	jq -c 'if .error then . else .value end' "$BASE"/said.* | sort >"$BASE/given"
	diff "$BASE/given" <(seq 3200 | sed 's/.*/"&"/' | sort)
	[ "$(ab-kv get n)" = 3200 ]
	[ "$(ab-kv stat n --field version)" = 3200 ]
}

@test "a lock is taken by one of many" {
	for i in $(seq 16); do (ab-kv put lock "$i" --if-absent -q 2>/dev/null && echo "$i") 3>&- & done >"$BASE/got"
	wait
	[ "$(wc -l <"$BASE/got")" = 1 ]
	[ "$(ab-kv get lock)" = "$(cat "$BASE/got")" ]
}

@test "a batch that is killed half-way: what it has answered is there, and the store is sound" {
	local round pid line want killed
	seq 20000 | awk '{ printf "{\"op\":\"put\",\"key\":\"k%d\",\"value\":\"value %d of ROUND\",\"namespace\":\"rROUND\"}\n", $1, $1 }' >"$BASE/requests"
	mkfifo "$BASE/answers"
	for round in $(seq 20); do
		sed "s/ROUND/$round/g" "$BASE/requests" >"$BASE/round"
		ab-kv batch <"$BASE/round" >"$BASE/answers" 3>&- &
		pid=$!
		exec 7<"$BASE/answers"
		want=$((round * 37))
		for _ in $(seq $want); do IFS= read -r line <&7; echo "$line"; done >"$BASE/got"
		# It has more to say than the pipe holds.
		kill -9 $pid
		cat <&7 >>"$BASE/got"
		exec 7<&-
		killed=0
		wait $pid || killed=$?
		[ $killed = 137 ]
		jq -rR 'fromjson? | select(.error == null) | .key' "$BASE/got" | sort >"$BASE/answered"
		[ "$(wc -l <"$BASE/answered")" -ge "$want" ]
		[ "$(wc -l <"$BASE/answered")" -lt 20000 ]
		ab-kv list -n "r$round" --values | jq -r 'select(.value == "value \(.key[1:]) of '"$round"'") | .key' | sort >"$BASE/there"
		[ -z "$(comm -23 "$BASE/answered" "$BASE/there")" ]
		ab-kv check -q
	done
	[ "$(ab-kv namespaces | wc -l)" = 20 ]
}

@test "a backup is of one moment, while a writer goes on" {
	local answer i pid
	coproc ab-kv batch 3>&-
	pid=$COPROC_PID
	for i in $(seq 300); do
		echo '{"id":1,"op":"put","key":"'$((1000 + i))'","value":"v"}' >&"${COPROC[1]}"
		IFS= read -r answer <&"${COPROC[0]}"
		echo "$answer" >>"$BASE/answers"
		if [ "$i" = 100 ]; then
			ab-kv backup "$BASE/copy" >"$BASE/said" 2>&1 3>&- &
		fi
	done
	wait $!
	eval "exec ${COPROC[1]}>&-"
	wait "$pid"
	[ "$(jq 'select(.error) | .error' "$BASE/answers")" = '' ]
	[ "$(jq -r .file "$BASE/said")" = "$BASE/copy" ]
	[ "$(stat -c %a "$BASE/copy")" = 600 ]
	ab-kv check -q --db "$BASE/copy"
	ab-kv list --db "$BASE/copy" --field key >"$BASE/keys"
	[ "$(wc -l <"$BASE/keys")" -ge 100 ]
	# Those that were put first, all of them.
	diff "$BASE/keys" <(seq 1001 $((1000 + $(wc -l <"$BASE/keys"))))
	[ "$(ab-kv list | wc -l)" = 300 ]
	ends 1 ab-kv backup "$BASE/copy"
	[[ $stderr == *"[exists]"* ]]
	[ -z "$(find "$BASE" -name '*.part*')" ]
}

@test "files: the store and what is beside it are their owner's alone" {
	(umask 000; ab-kv put a b -q; ab-kv put a b -q --db "$BASE/own.db")
	[ "$(stat -c %a "$AB_HOME")" = 700 ]
	[ "$(stat -c %a "$AB_HOME"/kv.db* "$BASE"/own.db* | sort -u)" = 600 ]
	ends 0 ab-kv get a --db "$BASE/own.db"
	[ "$output" = b ]
}

@test "--durable waits for the disk, and without it nothing does" {
	need strace
	need_plain_build
	strace -o "$BASE/trace" -e trace=fsync,fdatasync true || skip "needs to trace"
	ab-kv put a 1 -q
	strace -o "$BASE/trace" -e trace=fsync,fdatasync ab-kv put a 2 -q
	[ "$(grep -c sync "$BASE/trace")" = 0 ]
	strace -o "$BASE/trace" -e trace=fsync,fdatasync ab-kv put a 3 -q --durable
	[ "$(grep -c sync "$BASE/trace")" -ge 1 ]
	strace -o "$BASE/trace" -e trace=fsync,fdatasync ab-kv batch <<<'{"id":1,"op":"put","key":"a","value":"5","durable":true}'
	[ "$(grep -c sync "$BASE/trace")" -ge 1 ]
	[ "$(ab-kv get a)" = 5 ]
}

@test "a batch that is told to end: what it has answered, and no more, is done" {
	local pid status=0
	mkfifo "$BASE/requests"
	ab-kv batch <"$BASE/requests" >"$BASE/out" 3>&- &
	pid=$!
	exec 7>"$BASE/requests"
	for i in $(seq 1000); do echo '{"id":'"$i"',"op":"incr","key":"n"}'; done >&7
	eventually 5 test -s "$BASE/out"
	kill -TERM $pid
	wait $pid || status=$?
	exec 7>&-
	[ "$status" = 143 ]
	jq -se 'all(.value or .error.code == "cancelled")' "$BASE/out"
	[ "$(ab-kv get n)" = "$(jq -s 'map(select(.value)) | length' "$BASE/out")" ]
	ab-kv check -q
}

# byte_at FILE OFFSET OCTAL: change one byte.
byte_at() {
	# shellcheck disable=SC2059
	printf "\\$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "a store of a newer version, or of something else, is not touched" {
	local sum op
	ab-kv put a b -q
	ab-kv backup "$BASE/newer" -q
	byte_at "$BASE/newer" 63 143
	sum=$(sha256sum <"$BASE/newer")
	for op in 'get a' 'put a b' 'list' 'check' 'gc' 'incr a'; do
		# shellcheck disable=SC2086
		refuses 6 version.newer ab-kv $op --db "$BASE/newer"
		[[ $stderr == *"$BASE/newer"*99* ]]
	done
	[ "$(sha256sum <"$BASE/newer")" = "$sum" ]
	ab-kv backup "$BASE/other" -q
	byte_at "$BASE/other" 68 001
	sum=$(sha256sum <"$BASE/other")
	refuses 4 unsupported ab-kv put a b --db "$BASE/other"
	[ "$(sha256sum <"$BASE/other")" = "$sum" ]
	[ "$(find "$BASE" -name 'newer?*' -o -name 'other?*')" = "" ]
}

@test "what is no file is no store, and nobody waits for it" {
	local op
	mkfifo "$BASE/fifo"
	ln -s loop "$BASE/loop"
	for op in 'get a' 'put a b' check 'get a --wait 10ms'; do
		# shellcheck disable=SC2086
		refuses 4 unsupported timeout 10 ab-kv $op --db "$BASE/fifo"
		# shellcheck disable=SC2086
		refuses 4 unsupported timeout 10 ab-kv $op --db /dev/null
		# shellcheck disable=SC2086
		refuses 3 is_directory ab-kv $op --db "$BASE"
		# shellcheck disable=SC2086
		refuses 6 system ab-kv $op --db "$BASE/loop"
	done
}

@test "a damaged file is told as such, and named" {
	yes nonsense | head -c 20000 >"$BASE/bad.db"
	local op
	for op in 'get a' 'put a b' 'check'; do
		# shellcheck disable=SC2086
		refuses 6 corrupt ab-kv $op --db "$BASE/bad.db"
		[[ $stderr == *"$BASE/bad.db"* ]]
	done
	seq 3000 | awk '{ printf "{\"op\":\"put\",\"key\":\"%d\",\"value\":\"v\"}\n", $1 }' | ab-kv batch -q >/dev/null
	ab-kv backup "$BASE/torn.db" -q
	ab-kv check -q --db "$BASE/torn.db"
	# All pages but the first.
	yes nonsense | dd of="$BASE/torn.db" bs=4096 seek=1 count=$(($(stat -c %s "$BASE/torn.db") / 4096 - 1)) iflag=fullblock conv=notrunc status=none
	refuses 6 corrupt ab-kv check --db "$BASE/torn.db"
	refuses 6 corrupt ab-kv list --db "$BASE/torn.db"
	OPTIONS=(--host-paths)
	ask '{"id":1,"op":"get","key":"7","db":"'"$BASE"'/torn.db"}' '{"id":2,"op":"put","key":"7","value":"x"}'
	[ "$(jq -r '.error.code' <<<"$output" | tr '\n' ' ')" = 'corrupt null ' ]
}

@test "a value of which a part is gone is no shorter value" {
	need python3
	head -c 600000 /dev/zero | ab-kv put big -q
	ab-kv put small x -q
	python3 -c 'if 1:
		import sqlite3, sys
		with sqlite3.connect(sys.argv[1]) as store:
			store.execute("DELETE FROM chunk WHERE at = (SELECT max(at) FROM chunk)")' "$AB_HOME/kv.db"
	for op in 'get big' 'get big --json' check 'list --values' export 'append big x --if-value-sha256 '"$(printf %064d 0)"; do
		# shellcheck disable=SC2086
		refuses 6 corrupt ab-kv $op
		[[ $stderr == *"$AB_HOME/kv.db"*hint:* ]]
	done
	ends 0 ab-kv get small
	ends 0 ab-kv put big new
	ends 0 ab-kv check
}

@test "a store that is replaced while a batch has it open: gone, and nothing is written to the old one" {
	local answer pid
	coproc ab-kv batch 3>&-
	pid=$COPROC_PID
	echo '{"id":1,"op":"put","key":"a","value":"1"}' >&"${COPROC[1]}"
	IFS= read -r answer <&"${COPROC[0]}"
	[ "$(jq .version <<<"$answer")" = 1 ]
	ab-kv backup "$BASE/copy" -q
	mkdir "$BASE/old"
	mv "$AB_HOME"/kv.db* "$BASE/old"
	mv "$BASE/copy" "$AB_HOME/kv.db"
	echo '{"id":2,"op":"put","key":"b","value":"2"}' >&"${COPROC[1]}"
	IFS= read -r answer <&"${COPROC[0]}"
	[ "$(jq -r .error.code <<<"$answer")" = gone ]
	eval "exec ${COPROC[1]}>&-"
	wait "$pid"
	[ "$(ab-kv list --field key)" = a ]
	[ "$(ab-kv list --field key --db "$BASE/old/kv.db")" = a ]
}

# The tests that mount undo it, whatever happens.
teardown() {
	! mountpoint -q "$BASE/disk" || umount "$BASE/disk"
	ab_teardown
}

@test "a full disk: limit.storage, the old data is there, and writing goes on when there is room" {
	need_root
	need mountpoint
	mkdir "$BASE/disk"
	mount -t tmpfs -o size=4m,mode=700 tmpfs "$BASE/disk" || skip "needs to mount a tmpfs"
	export AB_HOME=$BASE/disk/ab
	ab-kv put old kept -q
	head -c 2900000 /dev/zero >"$BASE/disk/ballast"
	head -c 3000000 /dev/urandom >"$BASE/big"
	refuses 6 limit.storage ab-kv put big <"$BASE/big"
	[[ $stderr == *"$AB_HOME/kv.db"* ]]
	[ "$(ab-kv get old)" = kept ]
	# In a batch what could not be committed is answered so, and nothing of it is there.
	seq 3000 | awk '{ printf "{\"id\":%d,\"op\":\"put\",\"key\":\"k%d\",\"value\":\"%01000d\"}\n", $1, $1, 0 }' | ab-kv batch >"$BASE/out"
	[ "$(wc -l <"$BASE/out")" = 3000 ]
	jq -se 'map(select(.error)) | length > 0 and all(.error.code == "limit.storage" and (.error.message | contains("kv.db")))' "$BASE/out"
	jq -r 'select(.error == null) | .key' "$BASE/out" | sort >"$BASE/answered"
	ab-kv list k --field key | sort | diff - "$BASE/answered"
	ab-kv check -q
	[ "$(ab-kv get old)" = kept ]
	rm "$BASE/disk/ballast"
	ends 0 ab-kv delete old
	ends 0 ab-kv put new "$(printf '%01000d' 7)"
	ab-kv check -q
	[ "$(ab-kv list k | wc -l)" = "$(wc -l <"$BASE/answered")" ]
}

@test "a full disk: what stands before an atomic in a batch is not answered as done when it is not" {
	need_root
	need mountpoint
	mkdir "$BASE/disk"
	mount -t tmpfs -o size=4m,mode=700 tmpfs "$BASE/disk" || skip "needs to mount a tmpfs"
	export AB_HOME=$BASE/disk/ab
	ab-kv put old kept -q
	head -c 3600000 /dev/zero >"$BASE/disk/ballast"
	{
		for i in 1 2 3; do printf '{"id":%d,"op":"put","key":"k%d","value":"%0300000d"}\n' "$i" "$i" 0; done
		echo '{"id":4,"op":"atomic","requests":[{"op":"put","key":"small","value":"x"}]}'
	} | ab-kv batch >"$BASE/out"
	jq -se 'map(select(.id < 4 and .error)) | length > 0 and all(.error.code == "limit.storage")' "$BASE/out"
	jq -r 'if .error then empty elif .id == 4 then "small" else .key end' "$BASE/out" | sort >"$BASE/answered"
	ab-kv list --field key | sort | diff - <(sort "$BASE/answered" <(echo old))
}

@test "a store that may not be read, or not written" {
	need_root
	mkdir -m 700 "$BASE/closed"
	ab-kv put a b -q --db "$BASE/closed/kv.db"
	mkdir -m 755 "$BASE/open"
	ab-kv put a b -q --db "$BASE/open/kv.db"
	refuses 4 denied.permission as_user ab-kv get a --db "$BASE/open/kv.db"
	[[ $stderr == *"$BASE/open/kv.db"* && $stderr == *hint:* ]]
	refuses 4 denied.permission as_user ab-kv put a c --db "$BASE/open/kv.db"
	refuses 4 denied.permission as_user ab-kv list --db "$BASE/closed/kv.db"
	[[ $stderr == *hint:* ]]
	refuses 4 denied.permission as_user ab-kv put a b --db "$BASE/open/new.db"
	[[ $stderr == *hint:* ]]
	chmod 644 "$BASE"/open/kv.db*
	refuses 4 denied.permission as_user ab-kv put a c --db "$BASE/open/kv.db"
	[[ $stderr == *hint:* ]]
	ends 0 as_user ab-kv get a --db "$BASE/open/kv.db"
	[ "$output" = b ]
	echo '{"id":1,"op":"get","key":"a"}' | as_user ab-kv batch --db "$BASE/open/kv.db" >"$BASE/out"
	jq -e '.value == "b"' "$BASE/out"
}

@test "a writer that others keep waiting is told so after --busy-timeout" {
	need python3
	ab-kv put a 1 -q
	mkfifo "$BASE/ready" "$BASE/done"
	python3 -c 'if 1:
		import sqlite3, sys
		store = sqlite3.connect(sys.argv[1], isolation_level=None)
		store.execute("BEGIN IMMEDIATE")
		open(sys.argv[2], "w").close()
		open(sys.argv[3]).close()' "$AB_HOME/kv.db" "$BASE/ready" "$BASE/done" 3>&- &
	: <"$BASE/ready"
	refuses 5 busy ab-kv put a 2 --busy-timeout 20ms
	ends 0 ab-kv get a --busy-timeout 20ms
	[ "$output" = 1 ]
	ask '{"id":1,"op":"incr","key":"a","busy_timeout_ms":20}' '{"id":2,"op":"get","key":"a"}'
	jq -se '.[0].error.code == "busy" and .[0].error.retryable and .[1].value == "1"' <<<"$output"
	: >"$BASE/done"
	wait
	ends 0 ab-kv incr a
	[ "$output" = 2 ]
}

@test "inside ab-exec it begins no second store, unless --db says which" {
	need_level namespace
	mkdir "$BASE/bin"
	cp "$AB_BUILD/bin/ab-kv" "$BASE/bin"
	ab-kv put a outside -q
	refuses 4 denied.policy ab-exec --read "$BASE/bin" -- "$BASE/bin/ab-kv" get a
	ends 4 ab-exec --read "$BASE/bin" -- "$BASE/bin/ab-kv" put a inside
	[[ $stderr == *"[denied.policy]"*"--db ./FILE"* ]]
	ends 0 ab-exec --read "$BASE/bin" -- "$BASE/bin/ab-kv" put a inside --db ./own.db
	ends 0 ab-exec --read "$BASE/bin" -- "$BASE/bin/ab-kv" get a --db ./own.db
	[ "$output" = inside ]
	[ "$(ab-kv get a)" = outside ]
	[ "$(ab-kv get a --db "$TREE/own.db")" = inside ]
}

@test "as an ordinary user" {
	as_user ab-kv put a b -q
	[ "$(as_user ab-kv get a)" = b ]
	[ "$(as_user ab-kv incr n)" = 1 ]
	as_user ab-kv check -q
}
