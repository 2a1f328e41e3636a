#!/usr/bin/env bats
# ab-kv: keys and values, on the command line and in batch; what is refused, what survives, what many processes do at once.
# shellcheck disable=SC2154,SC2016 # bats sets stderr; scripts expand inside

load ../helpers/load

# Both streams of a command that must end with the given status.
ends() {
	local want=$1
	shift
	run --separate-stderr "$@"
	[ "$status" -eq "$want" ] || { echo "status $status, not $want: $*"; echo "$output"; echo "$stderr"; return 1; }
}
# refuses STATUS CODE COMMAND…: it ends so, with that code.
refuses() {
	local code=$2
	ends "$1" "${@:3}"
	[[ $stderr == *"[$code]"* ]] || { echo "no [$code]: ${*:3}"; echo "$stderr"; return 1; }
}
# Requests, one an argument, to a batch; its answers are in $output.
ask() { run --separate-stderr ab-kv batch "${OPTIONS[@]}" < <(printf '%s\n' "$@"); }
OPTIONS=()

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
	OPTIONS=(--host-paths --timeout 0)
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

@test "config: what a namespace is told, and how to take it back" {
	ends 0 ab-kv config --max 10 --history 2 --history-age 5m
	check_json '.namespace == "default" and .history == 2 and .history_age_ms == 300000 and .max_bytes == 10'
	refuses 4 limit.quota ab-kv put a 1234567890
	ends 0 ab-kv put a 123456789
	ends 0 ab-kv put elsewhere 1234567890 -n other
	ends 0 ab-kv config --max 0 --history-age 0
	check_json '.history == 2 and .history_age_ms == null and .max_bytes == null'
	ends 0 ab-kv put a 1234567890
	ends 0 ab-kv config -n other
	check_json '.namespace == "other" and .history == 0'
}
