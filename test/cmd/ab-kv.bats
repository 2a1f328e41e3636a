#!/usr/bin/env bats
# ab-kv: keys and values, on the command line and in batch; what is refused, what survives, what many processes do at once.
# shellcheck disable=SC2154,SC2016,SC2034 # bats sets stderr; scripts expand inside; OPTIONS is for ask

load ../helpers/load
load ../helpers/kv

@test "what only reads makes no store" {
	local op
	for op in 'get a' 'stat a'; do
		# shellcheck disable=SC2086
		refuses 1 not_found ab-kv $op
	done
	for op in list namespaces config gc 'gc --dry-run' 'history a'; do
		# shellcheck disable=SC2086
		ends 0 ab-kv $op
	done
	ends 1 ab-kv exists a
	refuses 1 not_found ab-kv check
	refuses 1 not_found ab-kv backup "$BASE/copy"
	ask '{"id":1,"op":"get","key":"a"}' '{"id":2,"op":"list"}' '{"id":3,"op":"config"}'
	[ "$(jq -c '.error.code' <<<"$output" | tr '\n' ' ')" = '"not_found" null null ' ]
	[ ! -e "$AB_HOME" ]
	# An empty file is a store that has nothing yet: somebody has just begun it.
	: >"$BASE/empty.db"
	ends 0 ab-kv list --db "$BASE/empty.db"
	refuses 1 not_found ab-kv get a --db "$BASE/empty.db"
	[ ! -s "$BASE/empty.db" ]
	ends 0 ab-kv list --db :memory:
}

@test "batch: a backup holds what was put just before it" {
	OPTIONS=(--host-paths)
	ask '{"id":1,"op":"put","key":"a","value":"1"}' '{"id":2,"op":"backup","file":"'"$BASE"'/copy"}' '{"id":3,"op":"put","key":"b","value":"2"}'
	[ "$(jq -c '[.id, .error.code]' <<<"$output" | tr '\n' ' ')" = '[1,null] [2,null] [3,null] ' ]
	ends 0 ab-kv list --db "$BASE/copy" --field key
	[ "$output" = a ]
	[ "$(ab-kv get b)" = 2 ]
}

@test "batch: a durable put among others, other limits, and other names of the same file, wait for nobody" {
	OPTIONS=(--host-paths --busy-timeout 0)
	ab-kv put seed 1 -q
	ask '{"id":1,"op":"put","key":"a","value":"1"}' '{"id":2,"op":"put","key":"b","value":"2","durable":true}' \
	    '{"id":3,"op":"incr","key":"a","db":"'"$AB_HOME"'/./kv.db"}' '{"id":4,"op":"get","key":"a"}' \
	    '{"id":5,"op":"put","key":"c","value":"123","max_value_bytes":3}' '{"id":6,"op":"put","key":"c","value":"1234","max_value_bytes":3}' \
	    '{"id":7,"op":"put","key":"m","value":"1","db":":memory:"}' '{"id":8,"op":"put","key":"d","value":"1"}' \
	    '{"id":9,"op":"get","key":"m","db":":memory:","durable":true}' '{"id":10,"op":"append","key":"c","value":"4","max_value_bytes":3}'
	[ "$(jq -c '[.id, .error.code // .value // "ok"]' <<<"$output" | tr '\n' ' ')" = \
	    '[1,"ok"] [2,"ok"] [3,"2"] [4,"2"] [5,"ok"] [6,"limit.size"] [7,"ok"] [8,"ok"] [9,"1"] [10,"limit.size"] ' ]
	jq -se '.[5].error | (.message | contains("more than the 3 allowed")) and (.hint | contains("--max-value"))' <<<"$output"
	ends 0 ab-kv list --field key
	[ "$output" = $'a\nb\nc\nd\nseed' ]
}

@test "delete takes all its keys or none: a condition is for one" {
	local digit=$'\x16' one=6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b
	ask '{"id":1,"op":"put","key":"one","value":"1"}' '{"id":2,"op":"delete","key":"one"}' '{"id":3,"op":"delete","key":{"base64":"b25l"}}' '{"id":4,"op":"delete","key":7}'
	jq -se '.[1].deleted == 1 and .[2].deleted == 0 and .[3].error.code == "input.invalid"' <<<"$output"
	ask '{"id":1,"op":"put","key":"a","value":"1"}' '{"id":2,"op":"put","key":"b","value":"2"}' \
	    '{"id":3,"op":"delete","key":["a","b"],"if_value_sha256":"'$one'"}' '{"id":4,"op":"list"}'
	jq -se '.[2].error.code == "input.invalid" and (.[3].items | map(.key)) == ["a","b"]' <<<"$output"
	refuses 3 input.invalid ab-kv delete a b --if-version 1
	refuses 3 input.invalid ab-kv delete a "" b
	ends 0 ab-kv list --field key
	[ "$output" = $'a\nb' ]
	ends 0 ab-kv delete a --if-value-sha256 "${one^^}"
	check_json '.deleted == 1'
	refuses 3 input.invalid ab-kv delete b --if-value-sha256 "${one/6/$digit}"
	ends 0 ab-kv delete a b c
	check_json '.deleted == 1'
}

@test "delete --prefix and --all: whole subtrees, all or none, and none that was not meant" {
	local ns
	for ns in team team/u1 team/u1/x teams default; do
		ab-kv put -n "$ns" job/1 v -q
		ab-kv put -n "$ns" job/2 v -q
		ab-kv put -n "$ns" note v -q
	done
	keys() { ab-kv export --all | jq -r '"\(.namespace):\(.key)"' | grep -c "^${1-}" || true; }
	# An empty variable deletes nothing.
	refuses 2 usage ab-kv delete -n team
	refuses 3 input.invalid ab-kv delete -n team --prefix ''
	[[ $stderr == *--all* ]]
	refuses 3 input.invalid ab-kv delete -n '' --all
	refuses 2 usage ab-kv delete --all
	refuses 2 usage env AB_NAMESPACE= ab-kv delete --all
	refuses 3 input.invalid ab-kv delete -n team --all --db ''
	refuses 2 usage ab-kv delete -n team --all job/1
	refuses 2 usage ab-kv delete -n team --all --prefix job/
	refuses 2 usage ab-kv delete -n team --recursive job/1
	refuses 3 input.invalid ab-kv delete -n team --all --if-version 1
	refuses 2 usage ab-kv delete -n team --dry-run note --if-version 1
	refuses 2 usage ab-kv batch --all
	ends 2 ab-kv batch -n team --fixed namespace --prefix job/ --all
	[ "$(keys)" = 15 ]
	# Counting changes nothing, and makes no store.
	ends 0 ab-kv delete -n team --all --recursive --dry-run
	check_json '.deleted == 9 and .dry_run'
	ends 0 ab-kv delete -n team --prefix job/ --dry-run
	check_json '.deleted == 2'
	ends 0 ab-kv delete -n team note none --dry-run
	check_json '.deleted == 1'
	ends 0 ab-kv delete -n team --all --dry-run --db "$BASE/none.db"
	check_json '.deleted == 0'
	[ ! -e "$BASE/none.db" ]
	[ "$(keys)" = 15 ]
	ends 0 ab-kv delete -n team --prefix job/
	check_json '. == {deleted: 2}'
	[ "$(keys team:)" = 1 ] && [ "$(keys)" = 13 ]
	ends 0 ab-kv delete -n team --prefix job/ --recursive
	check_json '.deleted == 4'
	ends 0 env AB_NAMESPACE=team ab-kv delete --all
	check_json '.deleted == 1'
	ends 0 ab-kv rm -n team --all --recursive
	check_json '.deleted == 2'
	ends 0 ab-kv namespaces --field namespace
	[ "$output" = $'default\nteams' ]
	# With others, or not at all; and in a batch whose namespace is fixed there alone.
	refuses 1 not_found ab-kv atomic '[{"op":"delete","all":true,"namespace":"teams"},{"op":"get","key":"none"}]'
	[ "$(keys)" = 6 ]
	OPTIONS=(-n teams --fixed namespace)
	ask '{"id":1,"op":"put","key":"new","value":"1"}' '{"id":2,"op":"delete","all":true,"dry_run":true}' '{"id":3,"op":"delete","all":true,"recursive":true}' \
	    '{"id":4,"op":"delete","all":true,"namespace":"default"}' '{"id":5,"op":"delete"}' '{"id":6,"op":"delete","key":[]}' '{"id":7,"op":"delete","prefix":""}'
	[ "$(jq -c '.deleted // .error.code' <<<"$output" | tr '\n' ' ')" = 'null 4 4 "denied.policy" "input.invalid" 0 "input.invalid" ' ]
	[ "$(keys default:)" = 3 ] && [ "$(keys)" = 3 ]
}

@test "delete --all takes thousands, tells each, and leaves what history keeps" {
	ab-kv config -n big --history 1 -q
	seq 2500 | jq -c '{op: "put", key: "k\(.)", value: "v"}' | ab-kv batch -n big --fail >"$BASE/out"
	ab-kv put -n big brief v --ttl 1ms -q
	ab-kv put -n big/below k1 v -q
	seq=$(tail -n 1 "$BASE/out" | jq .version)
	ends 0 ab-kv delete -n big --all
	check_json '.deleted == 2500'
	ends 0 ab-kv watch -n big --from-seq "$seq" --timeout 100ms --jq 'select(.type == "delete") | .key'
	[ "$(sort -u <<<"$output" | wc -l)" = 2500 ]
	ends 0 ab-kv history k7 -n big --field size_bytes
	[ "$output" = 1 ]
	ends 0 ab-kv namespaces --field namespace
	[ "$output" = big/below ]
}

@test "config: what a namespace is told, and how to take it back" {
	ends 0 ab-kv config --max-bytes 10 --history 2 --history-age 5m
	check_json '.namespace == "default" and .history == 2 and .history_age_ms == 300000 and .max_bytes == 10'
	refuses 4 limit.quota ab-kv put a 1234567890
	[[ $stderr == *"max_bytes is 10"*"ab-kv config -n 'default' --max-bytes"* ]]
	ends 0 ab-kv put a 123456789
	ends 0 ab-kv put elsewhere 1234567890 -n other
	ends 0 ab-kv config --max-bytes 0 --history-age 0
	check_json '.history == 2 and .history_age_ms == null and .max_bytes == null'
	ends 0 ab-kv put a 1234567890
	ends 0 ab-kv config -n other
	check_json '.namespace == "other" and .history == 0'
}

# ---- what goes in comes out ----

# A file with every byte, three times in three orders.
every_byte() {
	# shellcheck disable=SC2059 # the format is the bytes
	for _ in 1 2 3; do printf "$(printf '\\x%02x' $(seq 0 255) $(seq 255 -1 0))"; done
}

@test "values of any bytes and any length come back unchanged" {
	local size
	every_byte >"$BASE/all"
	ends 0 ab-kv put all <"$BASE/all"
	check_json '.key == "all" and .namespace == "default" and .size_bytes == 1536 and .expires_at == null and has("value") == false'
	ab-kv get all | cmp - "$BASE/all"
	for size in 0 1 4095 4096 4097 262143 262144 262145 3000000; do
		head -c $size /dev/urandom >"$BASE/value"
		ab-kv put v -q <"$BASE/value"
		ab-kv get v | cmp - "$BASE/value"
		[ "$(ab-kv stat v --field size_bytes)" = $size ]
		head -c 5000 "$BASE/all" | ab-kv append v -q
		ab-kv append v tail -q
		{ cat "$BASE/value" "$BASE/all"; printf tail; } | cmp - <(ab-kv get v)
	done
	ends 0 ab-kv put empty </dev/null
	check_json '.size_bytes == 0'
	ends 0 ab-kv get empty
	[ -z "$output" ]
	ends 0 ab-kv put empty ''
	check_json '.size_bytes == 0 and .version > 1'
	ends 0 ab-kv put text $'word\n'
	[ "$(ab-kv get text | od -An -c | tr -d ' ')" = 'word\n' ]
	ends 0 ab-kv check
}

@test "in records bytes are a string, or NAME_base64; requests take either" {
	local key=$'\xff/\x01'
	every_byte >"$BASE/all"
	ab-kv put "$key" -q <"$BASE/all"
	ends 0 ab-kv get "$key" --json
	check_json 'has("key") == false and .key_base64 == "/y8B" and has("value") == false'
	json -r .value_base64 | base64 -d | cmp - "$BASE/all"
	ask '{"id":1,"op":"get","key_base64":"/y8B"}' '{"id":2,"op":"put","key_base64":"/y8C","value_base64":"/wA="}' \
	    '{"id":3,"op":"put","key_base64":"YQ==","value_base64":"Yg=="}' '{"id":4,"op":"get","key":"a"}' '{"id":5,"op":"put","key":"é","value":"\u0000é"}' \
	    '{"id":6,"op":"get","key":"é"}' '{"id":7,"op":"delete","key":[{"base64":"/y8C"},"a"]}' '{"id":8,"op":"list","prefix_base64":"/w=="}' \
	    '{"id":9,"op":"put","key_base64":"YQBi","value":""}' '{"id":10,"op":"put","key":"n","value":"","namespace_base64":"/w=="}'
	jq -r 'select(.id == 1) | .value_base64' <<<"$output" | base64 -d | cmp - "$BASE/all"
	jq -se '.[1].key_base64 == "/y8C" and .[1].size_bytes == 2 and .[3].value == "b" and .[5].value == "\u0000é" and .[6].deleted == 2 and
		(.[7].items | map(.key_base64)) == ["/y8B"] and .[8].error.code == "input.invalid" and .[9].namespace_base64 == "/w=="' <<<"$output"
	[ "$(ab-kv get é | od -An -tx1 | tr -d ' ')" = 00c3a9 ]
	ends 0 ab-kv get é --json --encoding base64
	check_json '.value_base64 == "AMOp" and .key_base64 == "w6k="'
	ends 0 ab-kv get "$key" --json --encoding utf8
	check_json '.value_lossy and .key_lossy'
	ab-kv list --field key -0 | od -An -tx1 | tr -d ' \n' >"$BASE/raw"
	[ "$(cat "$BASE/raw")" = c3a900ff2f0100 ]
}

@test "keys: any bytes but NUL, up to 1 KiB" {
	local longest
	longest=$(printf '%01024d' 0)
	ends 0 ab-kv put "$longest" x
	ends 0 ab-kv get "$longest"
	refuses 4 limit.size ab-kv put "0$longest" x
	refuses 4 limit.size ab-kv get a -n "0$longest"
	refuses 3 input.invalid ab-kv put '' x
	refuses 3 input.invalid ab-kv get ''
	refuses 3 input.invalid ab-kv get a -n ''
	local ns
	for ns in / /a a/ a//b; do refuses 3 input.invalid ab-kv put a x -n "$ns"; done
	for ns in a a/b 'a b' .. '*' %; do
		ends 0 ab-kv put "$ns" "$ns" -n "$ns"
		[ "$(ab-kv get "$ns" -n "$ns")" = "$ns" ]
	done
}

@test "limits of a value: 64 MiB, and 16 MiB in a record" {
	head -c $((64 << 20)) /dev/zero >"$BASE/most"
	ends 0 ab-kv put big <"$BASE/most"
	check_json '.size_bytes == 67108864'
	ab-kv get big | cmp - "$BASE/most"
	refuses 4 limit.size ab-kv append big x
	echo >>"$BASE/most"
	refuses 4 limit.size ab-kv put big2 <"$BASE/most"
	[[ $stderr == *"--max-value"* ]]
	refuses 1 not_found ab-kv stat big2
	ends 0 ab-kv put big2 --max-value 65MiB <"$BASE/most"
	refuses 4 limit.size ab-kv get big --json
	[[ $stderr == *"without --json"* ]]
	head -c $((1 << 20)) "$BASE/most" | ab-kv put fits -q
	ends 0 ab-kv list --values
	jq -se 'map(.key) == ["big","big2","fits"] and (.[0] | .value_omitted and has("value") == false) and (.[2].value | length) == 1048576' <<<"$output"
}

# ---- the operations ----

@test "stat, exists, touch and delete" {
	ab-kv put a 12345 -q
	ends 0 ab-kv stat a
	check_json '.key == "a" and .version == 1 and .size_bytes == 5 and .created_at == .updated_at and .expires_at == null and has("value") == false'
	ends 0 ab-kv exists a
	check_json '.exists == true'
	ends 0 ab-kv exists a -q
	[ -z "$output" ]
	ends 0 ab-kv touch a --ttl 1h
	check_json '.version == 2 and .size_bytes == 5 and .updated_at > .created_at and .expires_at > .updated_at'
	ends 0 ab-kv touch a
	check_json '.version == 3 and .expires_at == null'
	[ "$(ab-kv get a)" = 12345 ]
	ends 0 ab-kv rm a
	check_json '.deleted == 1'
	ends 0 ab-kv delete a
	check_json '.deleted == 0'
	ends 1 ab-kv exists a
	check_json '.exists == false'
	[ -z "$stderr" ]
	ends 1 ab-kv exists a -q
	[ -z "$output$stderr" ]
	refuses 1 not_found ab-kv stat a
	refuses 1 not_found ab-kv touch a --ttl 1h
	refuses 1 not_found ab-kv get a
	[[ $stderr == *'"a"'* ]]
}

@test "incr: a decimal number, exact to 64 bits" {
	ends 0 ab-kv incr n
	[ "$output" = 1 ]
	ends 0 ab-kv incr n 41
	[ "$output" = 42 ]
	ends 0 ab-kv incr n --by=-50
	[ "$output" = -8 ]
	ends 0 ab-kv incr n -- -1
	[ "$output" = -9 ]
	ends 0 ab-kv incr n 0 --json
	check_json '.value == "-9" and .size_bytes == 2'
	ab-kv put n $' 7\n' -q
	ends 0 ab-kv incr n
	[ "$output" = 8 ]
	ab-kv put n 9223372036854775806 -q
	ends 0 ab-kv incr n
	[ "$output" = 9223372036854775807 ]
	refuses 3 input.invalid ab-kv incr n
	[ "$(ab-kv get n)" = 9223372036854775807 ]
	local value
	for value in '' x 1x 0x10 1.5 '1 2' 99999999999999999999; do
		ab-kv put t "$value" -q
		refuses 3 input.invalid ab-kv incr t
		[ "$(ab-kv get t)" = "$value" ]
	done
	ask '{"id":1,"op":"incr","key":"b","by":9007199254740993}' '{"id":2,"op":"incr","key":"b","by":-1}' '{"id":3,"op":"incr","key":"t"}'
	jq -se '.[0].value == "9007199254740993" and .[1].value == "9007199254740992" and .[2].error.code == "input.invalid"' <<<"$output"
}

@test "conditions: absent, a version, a value; lost is conflict, and changes nothing" {
	local hash version op
	ends 0 ab-kv put a 1 --if-absent
	version=$(json .version)
	refuses 1 conflict ab-kv put a 2 --if-absent
	refuses 1 conflict ab-kv put a 2 --if-version 0
	refuses 1 conflict ab-kv put a 2 --if-version $((version + 1))
	refuses 1 conflict ab-kv put other 2 --if-version 1
	refuses 1 conflict ab-kv delete a --if-version $((version + 1))
	refuses 1 conflict ab-kv incr a --if-absent
	refuses 1 conflict ab-kv append a x --if-version 0
	[ "$(ab-kv get a)" = 1 ]
	[ "$(ab-kv stat a --field version)" = "$version" ]
	hash=$(printf 1 | sha256sum | cut -d ' ' -f 1)
	ends 0 ab-kv put a 2 --if-value-sha256 "$hash"
	refuses 1 conflict ab-kv put a 3 --if-value-sha256 "$hash"
	refuses 1 conflict ab-kv put none 3 --if-value-sha256 "$hash"
	for op in "${hash:1}" "${hash}0" "g${hash:1}" ''; do refuses 3 input.invalid ab-kv put a 3 --if-value-sha256 "$op"; done
	version=$(ab-kv stat a --field version)
	ends 0 ab-kv incr a --if-version "$version"
	[ "$output" = 3 ]
	ends 0 ab-kv append a 0 --if-version $((version + 1))
	ends 0 ab-kv delete a --if-version $((version + 2))
	ends 0 ab-kv put a again --if-version 0
	ask '{"id":1,"op":"put","key":"b","value":"1","if_absent":true}' '{"id":2,"op":"put","key":"b","value":"2","if_absent":true}' \
	    '{"id":3,"op":"delete","key":["b"],"if_version":1}' '{"id":4,"op":"get","key":"b"}'
	[ "$(jq -r '.error.code // .value // "ok"' <<<"$output" | tr '\n' ' ')" = 'ok conflict conflict 1 ' ]
}

@test "a version is never given twice: not after delete, nor after expiry" {
	local last=0 version i
	for i in 1 2 3; do
		version=$(ab-kv put a "$i" --field version)
		[ "$version" -gt "$last" ] && last=$version
		ab-kv delete a -q
		version=$(ab-kv put a "$i" --ttl 1ms --field version)
		[ "$version" -gt "$last" ] && last=$version
		eventually 5 not_there a
	done
	version=$(ab-kv put a x --field version)
	[ "$version" -gt "$last" ]
}
not_there() { ! ab-kv exists "$1" -q; }

@test "expiry: gone for every reader, cleared by put, kept by incr and append" {
	ab-kv put keep 1 -q
	ab-kv put n 1 --ttl 1ms -q
	ab-kv put s x --ttl 1ms -q
	eventually 5 not_there s
	eventually 5 not_there n
	refuses 1 not_found ab-kv get s
	refuses 1 not_found ab-kv stat s
	refuses 1 not_found ab-kv touch s --ttl 1h
	ends 0 ab-kv list --field key
	[ "$output" = keep ]
	ends 0 ab-kv namespaces
	check_json '.keys == 1'
	[ "$(ab-kv incr n)" = 1 ]
	ends 0 ab-kv put s y --if-absent --ttl 1h
	ends 0 ab-kv append s z
	check_json '.expires_at != null'
	[ "$(ab-kv get s)" = yz ]
	ab-kv touch n --ttl 1h -q
	ends 0 ab-kv incr n --json
	check_json '.expires_at != null and .value == "2"'
	ends 0 ab-kv put n 5
	check_json '.expires_at == null'
	ends 0 ab-kv incr n --ttl 1h --json
	check_json '.expires_at != null'
	refuses 2 usage ab-kv put n 5 --ttl 0
	refuses 2 usage ab-kv put n 5 --ttl -1s
	ask '{"id":1,"op":"put","key":"x","value":"1","ttl_ms":0}' '{"id":2,"op":"put","key":"x","value":"1","ttl_ms":3600000}'
	jq -se '.[0].error.code == "input.invalid" and .[1].expires_at != null' <<<"$output"
}

@test "gc takes away what has expired, and --dry-run only counts it" {
	for i in $(seq 200); do printf '{"op":"put","key":"k%s","value":"v","ttl_ms":1}\n' "$i"; done | ab-kv batch >/dev/null
	eventually 5 not_there k200
	ends 0 ab-kv gc --dry-run
	check_json '.dry_run and .expired > 0'
	ends 0 ab-kv gc
	check_json '.dry_run == false and .expired >= 0'
	ends 0 ab-kv gc --dry-run
	check_json '.expired == 0'
}

@test "history: old versions where the namespace keeps them, newest first" {
	ab-kv config -n h --history 2 -q
	for i in 1 2 3 4; do ab-kv put a "value $i" -n h -q; ab-kv put a "$i" -q; done
	ends 0 ab-kv history a -n h --values
	jq -se 'map(.value) == ["value 4","value 3","value 2"] and (map(.version) | . == (sort | reverse))' <<<"$output"
	local version
	version=$(jq -s '.[2].version' <<<"$output")
	ends 0 ab-kv get a -n h --at-version "$version"
	[ "$output" = 'value 2' ]
	refuses 1 not_found ab-kv get a -n h --at-version 1
	[[ $stderr == *'key "a" has no version 1 that is kept'*history* ]]
	ends 0 ab-kv history a -n h --limit 1
	check_json '.size_bytes == 7 and has("value") == false'
	ab-kv delete a -n h -q
	refuses 1 not_found ab-kv get a -n h
	ends 0 ab-kv history a -n h --values
	jq -se 'map(.value) == ["value 4","value 3"]' <<<"$output"
	ends 0 ab-kv history a --values
	jq -se 'map(.value) == ["4"]' <<<"$output"
	ask '{"id":1,"op":"history","key":"a","namespace":"h","values":true}'
	jq -e '(.items | map(.value)) == ["value 4","value 3"] and .next == null' <<<"$output"
}

# ---- namespaces and lists ----

@test "one namespace never shows another's keys; --recursive shows those below" {
	local ns
	for ns in a a/b a/b/c a0 a-b ab default; do ab-kv put k "$ns" -n "$ns" -q; done
	[ "$(ab-kv get k)" = default ]
	[ "$(ab-kv get k -n a)" = a ]
	[ "$(AB_NAMESPACE=a/b ab-kv get k)" = a/b ]
	[ "$(AB_NAMESPACE=a/b ab-kv get k -n ab)" = ab ]
	ends 0 ab-kv list -n a --field namespace
	[ "$output" = a ]
	ends 0 ab-kv list -n a --recursive --field namespace
	[ "$output" = $'a\na/b\na/b/c' ]
	ends 0 ab-kv list -n a --recursive --reverse --field namespace
	[ "$output" = $'a/b/c\na/b\na' ]
	ends 0 ab-kv delete k -n a
	ends 0 ab-kv namespaces
	[ "$(jq -r .namespace <<<"$output" | tr '\n' ' ')" = 'a-b a/b a/b/c a0 ab default ' ]
	ends 0 ab-kv namespaces a
	jq -se 'map([.namespace, .keys, .bytes]) == [["a/b",1,4],["a/b/c",1,6]]' <<<"$output"
}

@test "list: in the order of bytes; prefix, start, end, reverse, limit" {
	local key
	for key in b a B aa ab é $'\xff' $'\xff\xff' 'a b' '*' a/1 a/2; do printf '%s' "$key" | ab-kv put "$key" -q; done
	ab-kv list --field key >"$BASE/list"
	[ "$(wc -l <"$BASE/list")" = 12 ]
	LC_ALL=C sort -c "$BASE/list"
	ends 0 ab-kv ls a/ --field key
	[ "$output" = $'a/1\na/2' ]
	ends 0 ab-kv list $'\xff' --json
	jq -se 'map(.key_base64) == ["/w==","//8="]' <<<"$output"
	ends 0 ab-kv list --start aa --end b --field key
	[ "$output" = $'aa\nab' ]
	ends 0 ab-kv list a --reverse --field key
	[ "$output" = $'ab\naa\na/2\na/1\na b\na' ]
	ends 0 ab-kv list --limit 2 --field key
	[ "$output" = $'*\nB' ]
	ends 0 ab-kv list a --values --limit 1
	check_json '.value == "a"'
	refuses 2 usage ab-kv list --limit 0
	refuses 3 input.invalid ab-kv list --cursor nonsense
	ends 0 ab-kv list --table b
	[[ ${lines[0]} == KEY*NAMESPACE*VERSION* ]]
	[[ ${lines[1]} == b*default* ]]
}

# pages LIMIT REQUEST: all pages of a list, followed by their cursors in one batch; as lines NAMESPACE KEY.
pages() {
	local cursor=null answer pid
	coproc ab-kv batch 3>&-
	pid=$COPROC_PID
	while :; do
		jq -cn --argjson cursor "$cursor" --argjson limit "$1" "$2"' + {id: 1, op: "list", $limit, $cursor}' >&"${COPROC[1]}"
		IFS= read -r answer <&"${COPROC[0]}"
		jq -e '.items | length <= '"$1" <<<"$answer" >/dev/null
		jq -r '.items[] | "\(.namespace) \(.key)"' <<<"$answer"
		cursor=$(jq -c .next <<<"$answer")
		[ "$cursor" != null ] || break
	done
	eval "exec ${COPROC[1]}>&-"
	wait "$pid"
}

@test "list: more than a page on the command line is all of it, and once" {
	seq -f '{"op":"put","key":"k%05g","value":"v"}' 2500 | ab-kv batch --fail >/dev/null
	seq -f '{"op":"put","key":"x%05g","value":"v","namespace":"default/below"}' 1500 | ab-kv batch --fail >/dev/null
	ab-kv list --field key >"$BASE/keys"
	seq -f 'k%05g' 2500 | diff - "$BASE/keys"
	ab-kv list --recursive --reverse --field key | tac >"$BASE/keys"
	(seq -f 'k%05g' 2500; seq -f 'x%05g' 1500) | diff - "$BASE/keys"
	[ "$(ab-kv list --limit 1200 | wc -l)" = 1200 ]
}

@test "batch: pages of a list, followed to the end, are the list" {
	local ns way limit
	for ns in p p/a p/a/b p/c; do
		for i in $(seq 10 16); do printf '{"op":"put","key":"k%s","value":"v","namespace":"%s"}\n' "$i" "$ns"; done
	done | ab-kv batch --fail >/dev/null
	for way in '' --recursive --reverse '--recursive --reverse' '--recursive --start k12 --end k15'; do
		# shellcheck disable=SC2086
		ab-kv list -n p $way | jq -r '"\(.namespace) \(.key)"' >"$BASE/whole"
		for limit in 1 3 7 100; do
			pages $limit '{namespace: "p", recursive: ("'"$way"'" | contains("recursive")), reverse: ("'"$way"'" | contains("reverse"))}
			    + if "'"$way"'" | contains("start") then {start: "k12", end: "k15"} else {} end' >"$BASE/pages"
			diff "$BASE/whole" "$BASE/pages"
		done
	done
	[ "$(wc -l <"$BASE/whole")" = 12 ]
	ask '{"id":1,"op":"list","namespace":"p","limit":7}'
	jq -e '(.items | length) == 7 and .next == null' <<<"$output"
}

@test "batch: an answer has a longest length: a list goes on in one page more, a history is refused" {
	local cursor
	ab-kv config --history 100 -q
	seq 10 75 | sed 's/.*/{"op":"put","key":"k&","value":"VALUE"}/' >"$BASE/requests"
	seq 66 | sed 's/.*/{"op":"put","key":"k75","value":"VALUE"}/' >>"$BASE/requests"
	awk 'BEGIN { v = "x"; while (length(v) < 1048576) v = v v } { sub("VALUE", v); print }' "$BASE/requests" | ab-kv batch --fail >/dev/null
	ab-kv batch <<<'{"id":1,"op":"list","values":true}' >"$BASE/first"
	cursor=$(tail -c 200 "$BASE/first" | sed -n 's/.*"next":"\([0-9a-f]*\)"}$/\1/p')
	ab-kv batch <<<'{"id":1,"op":"list","values":true,"cursor":"'"$cursor"'"}' >"$BASE/second"
	diff <(grep -oh '"key":"[^"]*"' "$BASE/first" "$BASE/second") <(seq -f '"key":"k%g"' 10 75)
	jq -e '.next == null' "$BASE/second"
	ask '{"id":1,"op":"history","key":"k75","values":true}' '{"id":2,"op":"history","key":"k75"}'
	jq -se '.[0].error.code == "limit.size" and .[0].error.hint and (.[1].items | length) == 67' <<<"$output"
}

# ---- batch ----

@test "batch: every operation, and what is wrong with a request" {
	local ops
	ops=$(ab-kv --describe | jq -r 'select(.kind == "operation" and .batch != false) | .name')
	OPTIONS=(--host-paths)
	ask '{"id":1,"op":"put","key":"a","value":"1"}' '{"id":2,"op":"get","key":"a"}' '{"id":3,"op":"append","key":"a","value":"0"}' \
	    '{"id":4,"op":"incr","key":"a","by":5}' '{"id":5,"op":"exists","key":"a"}' '{"id":6,"op":"exists","key":"b"}' '{"id":7,"op":"stat","key":"a"}' \
	    '{"id":8,"op":"touch","key":"a","ttl_ms":1000000}' '{"id":9,"op":"list"}' '{"id":10,"op":"history","key":"a"}' '{"id":11,"op":"namespaces"}' \
	    '{"id":12,"op":"config","history":1}' '{"id":13,"op":"check"}' '{"id":14,"op":"gc"}' '{"id":15,"op":"delete","key":["a","b"]}' \
	    '{"id":16,"op":"backup","file":"'"$BASE"'/copy"}' '{"id":17,"op":"backup","file":"'"$BASE"'/copy"}'
	[ "$status" = 0 ]
	jq -se 'map(.id) == [range(1; 18)] and (map(select(.error)) | map([.id, .error.code])) == [[17,"exists"]]' <<<"$output"
	jq -se '.[1].value == "1" and .[3].value == "15" and .[4].exists and (.[5].exists | not) and .[7].expires_at != null and
		.[8].next == null and .[12].sound and .[13].expired == 0 and .[14].deleted == 1' <<<"$output"
	# All of them are here.
	[ "$(sort <<<"$ops" | tr '\n' ' ')" = 'append atomic backup check config delete exists gc get history incr list memory-tool namespaces put search stat touch watch ' ]
	OPTIONS=()
	ask '{"id":1,"op":"get"}' '{"id":2,"op":"nonsense"}' '{"id":3,"op":"put","key":"a"}' '{"id":4,"op":"put","key":"a","value":"b","colour":1}' nonsense \
	    '{"id":5,"op":"get","key":"a","db":"/etc/passwd"}' '{"id":6,"op":"backup","file":"/x"}' '{"id":7,"op":"get","key":"a"}'
	[ "$(jq -c '.error.code' <<<"$output" | tr '\n' ' ')" = \
	    '"input.invalid" "input.invalid" "input.invalid" "input.invalid" "input.malformed" "denied.policy" "denied.policy" "not_found" ' ]
	OPTIONS=(--fail)
	ask '{"id":1,"op":"get","key":"a"}'
	[ "$status" = 1 ]
}

@test "batch --fixed namespace keeps all requests in one" {
	ab-kv put secret 1 -n u/2 -q
	OPTIONS=(-n u/1 --fixed namespace)
	ask '{"id":1,"op":"put","key":"a","value":"1"}' '{"id":2,"op":"get","key":"secret","namespace":"u/2"}' '{"id":3,"op":"list","recursive":true}' \
	    '{"id":4,"op":"delete","key":["secret"],"namespace":"u/2"}' '{"id":5,"op":"get","key":"a"}'
	[ "$(jq -r '.error.code // "ok"' <<<"$output" | tr '\n' ' ')" = 'ok denied.policy ok denied.policy ok ' ]
	[ "$(ab-kv get secret -n u/2)" = 1 ]
	[ "$(ab-kv get a -n u/1)" = 1 ]
	ab-kv put a 1 -n u/1/x -q
	ab-kv put a 1 -n u/10 -q
	ask '{"id":1,"op":"namespaces"}' '{"id":2,"op":"namespaces","prefix":"u"}' '{"id":3,"op":"namespaces","prefix":"u/2"}' \
	    '{"id":4,"op":"namespaces","prefix":"u/1/x"}'
	[ "$(jq -c '.items | map(.namespace)' <<<"$output" | tr '\n' ' ')" = '["u/1","u/1/x"] ["u/1","u/1/x"] [] ["u/1/x"] ' ]
	ends 0 ab-kv namespaces -n u/1 --field namespace
	[ "$output" = $'u/1\nu/1/x' ]
	ends 0 ab-kv namespaces u --field namespace
	[ "$output" = $'u/1\nu/1/x\nu/10\nu/2' ]
}

@test "wrong command lines" {
	refuses 2 usage ab-kv
	refuses 2 usage ab-kv nonsense
	refuses 2 usage ab-kv get
	refuses 2 usage ab-kv get a b
	refuses 2 usage ab-kv delete
	refuses 2 usage ab-kv put a b --nonsense
	refuses 2 usage ab-kv incr a x
	refuses 2 usage ab-kv incr a -5
	[ ! -e "$AB_HOME" ]
}

@test "old versions that shall no longer be kept are gone at once" {
	ab-kv config -n h --history 5 -q
	for i in 1 2 3; do
		ab-kv put -n h a "secret $i" -q
		ab-kv put -n h b "$i" -q
	done
	ab-kv delete -n h b -q
	[ "$(ab-kv history -n h a --values --field value)" = $'secret 3\nsecret 2\nsecret 1' ]
	ab-kv config -n h --history 1 -q
	[ "$(ab-kv history -n h a --values --field value)" = $'secret 3\nsecret 2' ]
	[ "$(ab-kv history -n h b --values --field value)" = 3 ]
	ab-kv config -n h --history 0 -q
	[ "$(ab-kv history -n h a --values --field value)" = 'secret 3' ]
	[ -z "$(ab-kv history -n h b)" ]
	# and what is too old, by gc
	ab-kv config -n h --history 5 --history-age 300ms -q
	ab-kv put -n h a now -q
	[ "$(ab-kv history -n h a | wc -l)" -ge 1 ]
	sleep 0.5
	ab-kv gc -q
	[ "$(ab-kv history -n h a --values --field value)" = now ]
}

@test "touch of what nobody else has touched" {
	local mine
	mine=$(ab-kv put lock me --if-absent --ttl 1m --field version)
	mine=$(ab-kv touch lock --ttl 2m --if-version "$mine" --field version)
	refuses 1 conflict ab-kv touch lock --ttl 2m --if-version 1
	refuses 1 conflict ab-kv touch none --ttl 2m --if-version 1
	ends 0 ab-kv touch lock --ttl 2m --if-value-sha256 "$(printf me | sha256sum | cut -d' ' -f1)"
	refuses 2 usage ab-kv touch lock --if-absent
}

@test "what is not there says nothing of the key" {
	refuses 3 input.invalid ab-kv put k --value "$BASE/none"
	refuses 3 input.invalid ab-kv put k v --db "$BASE/none/kv.db"
	[[ $stderr == *"mkdir -p '$BASE/none'"* ]]
	refuses 1 not_found ab-kv get k --db "$BASE/none/kv.db"
	refuses 2 usage ab-kv import -n x </dev/null
	AB_NAMESPACE=x ends 0 ab-kv import </dev/null
	ab-kv put k v -q
	refuses 1 gone ab-kv watch --from-seq 100
	[[ $stderr == *"at change 1, and was never at 100"* ]]
}
