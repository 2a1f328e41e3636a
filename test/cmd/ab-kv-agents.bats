#!/usr/bin/env bats
# ab-kv: what agents and processes that wait for each other do with it: watch, atomic, search, export and import, memory-tool.
# shellcheck disable=SC2154,SC2016,SC2034 # bats sets stderr; scripts expand inside; OPTIONS is for ask

load ../helpers/load
load ../helpers/kv

# ---- watch, wait ----

@test "watch: every change once, in order, also those of other processes" {
	ab-kv watch k --limit 5 --timeout 20s --values >"$BASE/seen" 3>&- &
	local watcher=$!
	eventually 5 grep -q ready "$BASE/seen"
	ab-kv put k1 a -q
	ab-kv put other x -q
	ab-kv put k1 b -q -n elsewhere
	ab-kv append k1 b -q
	ab-kv put k2 c --ttl 1ms -q
	ab-kv delete k1 -q
	eventually 5 sh -c 'ab-kv gc -q; grep -q expire "$1"' sh "$BASE/seen"
	wait $watcher
	jq -c '[.type, .key, .value]' "$BASE/seen" >"$BASE/told"
	[ "$(sed -n '1p;$p' "$BASE/told" | tr '\n' ' ')" = '["ready",null,null] ["result",null,null] ' ]
	[ "$(jq -r 'select(.key) | "\(.type) \(.key)"' "$BASE/seen" | sort | tr '\n' ' ')" = 'delete k1 expire k2 put k1 put k1 put k2 ' ]
	jq -se 'map(select(.key) | .seq) as $seq | $seq == ($seq | sort) and ($seq | unique | length) == 5' "$BASE/seen"
	# from where one stopped
	ends 0 ab-kv watch --from-seq 1 --limit 2
	[ "$(jq -r 'select(.key) | .key' <<<"$output" | tr '\n' ' ')" = 'other k1 ' ]
	ends 0 ab-kv watch --key nothing --timeout 50ms
	[ "$(jq -r .type <<<"$output" | tr '\n' ' ')" = 'ready result ' ]
}

@test "watch: what is not committed is not told, and what is, is, at the end of the input too" {
	ask '{"id":"w","op":"watch","prefix":"a"}' '{"id":1,"op":"put","key":"a1","value":"1"}' '{"id":2,"op":"put","key":"b","value":"1"}'
	[ "$(jq -r 'select(.id == "w") | [.type, .key] | @tsv' <<<"$output" | tr '\t\n' '  ')" = 'ready  put a1 result  ' ]
}

@test "get --wait: it comes, it is newer, it does not come" {
	(sleep 0.3; ab-kv put late yes -q) 3>&- &
	ends 0 ab-kv get late --wait 20s
	[ "$output" = yes ]
	local version
	version=$(ab-kv stat late --field version)
	(sleep 0.3; ab-kv put late again -q) 3>&- &
	ends 0 ab-kv get late --wait 20s --newer-than "$version"
	[ "$output" = again ]
	refuses 5 timeout ab-kv get never --wait 100ms
	# What has no meaning without the other, or with it, is not passed over.
	refuses 2 usage ab-kv get late --newer-than 1
	refuses 2 usage ab-kv get late --wait 1s --at-version 1
	ask '{"id":1,"op":"get","key":"late","newer_than":1}'
	jq -e '.error.code == "input.invalid"' <<<"$output"
}

# ---- together ----

@test "atomic: all or none, of one store" {
	ask '{"id":0,"op":"put","key":"before","value":"1"}' '{"id":1,"op":"atomic","requests":[{"op":"put","key":"a","value":"1"},{"op":"incr","key":"n","by":5},{"op":"get","key":"a"}]}' \
	    '{"id":2,"op":"atomic","requests":[{"op":"put","key":"b","value":"1"},{"op":"delete","key":["before"]},{"op":"put","key":"a","value":"2","if_absent":true}]}' \
	    '{"id":3,"op":"get","key":"b"}' '{"id":4,"op":"get","key":"before"}' '{"id":5,"op":"atomic","requests":[{"op":"watch"}]}' \
	    '{"id":6,"op":"atomic","requests":[{"op":"put","key":"c","value":"1","durable":true}]}' '{"id":7,"op":"atomic","requests":[]}' \
	    '{"id":8,"op":"atomic","requests":{}}' '{"id":9,"op":"atomic","requests":[{"op":"get","key":"zz","wait_ms":9}]}'
	jq -se '(.[1].results | map(.value)) == [null, "5", "1"] and .[2].error.code == "conflict" and (.[2].error.message | startswith("request 3: ")) and
		.[3].error.code == "not_found" and .[4].value == "1" and .[5].error.code == "unsupported" and .[6].error.code == "input.invalid" and
		.[7].results == [] and .[8].error.code == "input.invalid" and .[9].error.code == "unsupported"' <<<"$output"
	ends 0 ab-kv list --field key
	[ "$output" = $'a\nbefore\nn' ]
	ends 0 ab-kv atomic '[{"op":"put","key":"x","value":"1"},{"op":"put","key":"y","value":"2"}]'
	refuses 1 conflict ab-kv atomic '[{"op":"put","key":"z","value":"1"},{"op":"put","key":"x","value":"2","if_absent":true}]'
	refuses 1 not_found ab-kv get z
}

@test "batch --atomic: all of the input, or nothing of it" {
	OPTIONS=(--atomic)
	ask '{"id":1,"op":"put","key":"a","value":"1"}' '{"id":2,"op":"incr","key":"a"}' '{"id":3,"op":"get","key":"a"}'
	[ "$status" = 0 ]
	[ "$(jq -c '[.id, .value, .error]' <<<"$output" | tr '\n' ' ')" = '[1,null,null] [2,"2",null] [3,"2",null] ' ]
	ask '{"id":1,"op":"put","key":"b","value":"1"}' '{"id":2,"op":"put","key":"a","value":"x","if_absent":true}' '{"id":3,"op":"put","key":"c","value":"1"}' nonsense
	[ "$status" = 1 ]
	[ "$(jq -c '[.id, .error.code]' <<<"$output" | tr '\n' ' ')" = '[1,"cancelled"] [2,"conflict"] [3,"cancelled"] [null,"input.malformed"] ' ]
	jq -se '.[0].error.message == "not done: request 2 of this batch failed (conflict)"' <<<"$output"
	ask '{"op":"put","key":"b","value":"1"}' '{"op":"get","key":"none"}'
	jq -se '.[0].error.message == "not done: line 2 of this batch failed (not_found)"' <<<"$output"
	[ "$(ab-kv list --field key)" = a ]
	[ "$(ab-kv get a)" = 2 ]
	ask '{"id":1,"op":"put","key":"b","value":"1"}' '{"id":2,"op":"backup","file":"x"}' # a path of the host, and no part of anything
	[ "$status" = 5 ] || [ "$status" = 4 ]
	ask '{"id":1,"op":"put","key":"b","value":"1"}' '{"id":2,"op":"check"}'
	jq -se '.[1].error.code == "unsupported" and .[0].error.code == "cancelled"' <<<"$output"
	[ "$(ab-kv list --field key)" = a ]
	# one way to open the store, once something is written
	ask '{"id":1,"op":"get","key":"a"}' '{"id":2,"op":"put","key":"d","value":"1","durable":true}' '{"id":3,"op":"delete","key":"d","durable":true}'
	[ "$status" = 0 ]
	ask '{"id":1,"op":"put","key":"d","value":"1"}' '{"id":2,"op":"put","key":"e","value":"1","durable":true}'
	jq -se '.[1].error.code == "input.invalid" and .[0].error.code == "cancelled"' <<<"$output"
	# nobody waits while it reads
	(echo '{"id":1,"op":"put","key":"slow","value":"1"}'; eventually 10 test -e "$BASE/go"; echo '{"id":2,"op":"put","key":"slow","value":"2"}') |
		ab-kv batch --atomic >"$BASE/slow" 3>&- &
	ends 0 ab-kv put meanwhile 1 --busy-timeout 1s
	refuses 1 not_found ab-kv get slow
	touch "$BASE/go"
	wait
	[ "$(ab-kv get slow)" = 2 ]
	seq 5000 | jq -c '{id: ., op: "put", key: "many\(.)", value: "v"}' | ab-kv batch --atomic | jq -se 'length == 5000 and all(.[]; .error == null)'
	[ "$(ab-kv list many | wc -l)" = 5000 ]
	run -2 --separate-stderr ab-scope batch --atomic </dev/null
}

# ---- search ----

@test "search: words, phrases, beginnings; only where it was asked for" {
	ab-kv put note1 'the quick brown fox' -q
	refuses 4 unsupported ab-kv search fox
	ends 0 ab-kv config --search on
	check_json '.search == "on"'
	ab-kv put note2 'Quick thinking; slow fox' -q
	ab-kv put -n other note3 'a fox of others' -q
	[ "$(ab-kv search fox --field key | sort | tr '\n' ' ')" = 'note1 note2 ' ]
	[ "$(ab-kv search '"brown fox"' --field key)" = note1 ]
	[ "$(ab-kv search 'thin*' --field key)" = note2 ]
	ab-kv search brown | jq -e '.snippet | contains("brown fox")'
	local query
	for query in 'fox AND' 'well-known' "don't" 'key:fox' 'fox?' ''; do
		refuses 3 input.invalid ab-kv search "$query"
		[[ $stderr == *"stands in double quotes"* && $stderr != *fts5* && $stderr != *column* ]]
	done
	ends 0 ab-kv search '"brown-fox"' --field key
	[ "$output" = note1 ]
	ab-kv delete note1 -q
	[ "$(ab-kv search fox --field key)" = note2 ]
	ab-kv config --search off -q
	refuses 4 unsupported ab-kv search fox
	refuses 3 input.too_long ab-kv search "$(printf '%020000d' 0)"
}

# With SQLite's own ranks and snippets this took minutes: both are quadratic in the hits of a text, and in the words of a query.
@test "search: texts with very many hits, and queries with very many words" {
	ab-kv config --search on -q
	local n
	for n in 1 2 3; do
		yes 'needle in a big haystack' | head -c 1000000 | ab-kv put "big$n" -q
	done
	ab-kv put small 'a needle; a thread' -q
	ends 0 timeout 20 ab-kv search 'needle' --field key
	[ "$(wc -l <<<"$output")" = 4 ]
	ends 0 timeout 20 ab-kv search "$(printf 'needle %.0s' {1..64})" --limit 3
	[ "$(wc -l <<<"$output")" = 3 ]
	ends 0 timeout 20 ab-kv search "a$(printf ' OR a%.0s' {1..31})"
	[ "$(wc -l <<<"$output")" = 4 ]
	for n in "$(printf 'a %.0s' {1..65})" "\"$(printf 'a %.0s' {1..8000})\"" "a$(printf ' OR a%.0s' {1..32})"; do
		refuses 3 input.invalid timeout 20 ab-kv search "$n"
		[[ $stderr == *"at most 64 words"* ]]
	done
}

# ---- export, import ----

@test "export and import: the same bytes again, any bytes, with their times" {
	ab-kv put a 'line
two' -q
	printf '\xff\x00\xfe' | ab-kv put binary -q
	ab-kv put -n deep/er b x --ttl 1h -q
	head -c 300000 /dev/urandom | ab-kv put big -q
	ab-kv export --all >"$BASE/one"
	[ "$(wc -l <"$BASE/one")" = 4 ]
	ends 0 ab-kv import --db "$BASE/new" --file "$BASE/one"
	check_json '.imported == 4 and .expired == 0'
	ab-kv export --all --db "$BASE/new" | cmp - "$BASE/one"
	ends 0 ab-kv import --db "$BASE/new" --into -n flat <"$BASE/one"
	[ "$(ab-kv list -n flat --db "$BASE/new" --field key | tr '\n' ' ')" = 'a b big binary ' ]
	[ "$(ab-kv export a | wc -l)" = 1 ]
	# what has expired is left out; dry runs change nothing
	jq -c '.expires_ms = 1000' "$BASE/one" >"$BASE/old"
	ends 0 ab-kv import --db "$BASE/third" <"$BASE/old"
	check_json '.imported == 0 and .expired == 4'
	ends 0 ab-kv import --db "$BASE/third" --dry-run <"$BASE/one"
	check_json '.imported == 4 and .dry_run'
	[ "$(ab-kv export --all --db "$BASE/third" | wc -l)" = 0 ]
	ends 0 ab-kv import --db "$BASE/fourth" --dry-run <"$BASE/one"
	check_json '.imported == 4 and .dry_run'
	[ ! -e "$BASE/fourth" ]
	# a byte of text may become six of a line
	head -c 16000000 /dev/zero | ab-kv put -n zeros a -q
	ab-kv export -n zeros >"$BASE/zeros"
	ends 0 ab-kv import --db "$BASE/new" --file "$BASE/zeros"
	ab-kv export -n zeros --db "$BASE/new" | cmp - "$BASE/zeros"
}

# shellcheck disable=SC2030 # a test is a function of its own
@test "import: a wrong line is named, and what is in the store is said" {
	(for i in $(seq 2500); do printf '{"namespace":"n","key":"k%s","value":"v"}\n' "$i"; done; echo '{"namespace":"n","key":"x"}') >"$BASE/lines"
	refuses 3 input.invalid ab-kv import <"$BASE/lines"
	[[ $stderr == *"line 2501: \"value\" is missing"*"the first 2000 lines are in the store"* ]]
	[ "$(ab-kv list -n n | wc -l)" = 2000 ]
	refuses 3 input.malformed ab-kv import <<<'{'
	[[ $stderr == *"nothing of it is in the store"* ]]
	refuses 3 input.malformed ab-kv import < <(head -n 1 "$BASE/lines"; echo '{')
	[[ $stderr == *"import: line 2: column "* ]]
	refuses 3 input.invalid ab-kv import <<<'{"namespace":"n","key":"k","value_base64":"*"}'
	refuses 3 input.invalid ab-kv import <<<'{"namespace":"n","key":"k","value":"v","value_base64":"eA=="}'
	local wrong
	for wrong in '"expires_ms":"never"' '"expires_ms":1e15' '"expires_ms":-1' '"created_ms":true' '"updated_ms":9223372036854775807' '"created_ms":-1'; do
		refuses 3 input.invalid ab-kv import <<<'{"namespace":"n","key":"k","value":"v",'"$wrong"'}'
		[[ $stderr == *"${wrong%%:*}"* ]]
	done
	refuses 1 not_found ab-kv get -n n k
	refuses 3 input.too_long ab-kv import --max-value 10 <<<"{\"namespace\":\"n\",\"key\":\"k\",\"value\":\"$(head -c 70000 /dev/zero | tr '\0' a)\"}"
	refuses 1 not_found ab-kv import --file "$BASE/nothing"
}

# ---- memory-tool ----

# told STATUS TEXT INPUT: what the model is told.
told() {
	run memory-tool-of "$3"
	# shellcheck disable=SC2031 # run sets them here
	if [ "$status" != "$1" ] || [ "$output" != "$2" ]; then
		# shellcheck disable=SC2031
		printf 'status %s\n%s\n' "$status" "$output"
		return 1
	fi
}
memory-tool-of() { ab-kv memory-tool 3>&- <<<"$1"; }

@test "memory-tool: the texts that models expect" {
	local head="Here're the files and directories up to 2 levels deep in /memories, excluding hidden items and node_modules:"
	told 0 "$head"$'\n0\t/memories' '{"command":"view","path":"/memories"}'
	told 0 'File created successfully at: /memories/n/a.txt' '{"command":"create","path":"/memories/n/a.txt","file_text":"one\ntwo\nthree\n"}'
	told 1 'Error: File /memories/n/a.txt already exists' '{"command":"create","path":"/memories/n/a.txt","file_text":""}'
	told 1 'Error: File /memories/n already exists' '{"command":"create","path":"/memories/n","file_text":""}'
	told 1 'Error: File /memories/n/a.txt/x already exists' '{"command":"create","path":"/memories/n/a.txt/x","file_text":""}'
	told 0 $'Here\'s the content of /memories/n/a.txt with line numbers:\n     1\tone\n     2\ttwo\n     3\tthree' '{"command":"view","path":"/memories/n/a.txt"}'
	told 0 $'Here\'s the content of /memories/n/a.txt with line numbers:\n     2\ttwo\n     3\tthree' '{"command":"view","path":"/memories/n/a.txt","view_range":[2,-1]}'
	told 0 $'The memory file has been edited.\n     1\tone\n     2\tzwei\n     3\tthree' '{"command":"str_replace","path":"/memories/n/a.txt","old_str":"two","new_str":"zwei"}'
	told 1 'No replacement was performed, old_str `two` did not appear verbatim in /memories/n/a.txt.' '{"command":"str_replace","path":"/memories/n/a.txt","old_str":"two","new_str":"x"}'
	told 1 'No replacement was performed. Multiple occurrences of old_str `e` in lines: 1, 2, 3, 3. Please ensure it is unique' '{"command":"str_replace","path":"/memories/n/a.txt","old_str":"e","new_str":"x"}'
	told 0 'The file /memories/n/a.txt has been edited.' '{"command":"insert","path":"/memories/n/a.txt","insert_line":1,"insert_text":"one and a half"}'
	[ "$(ab-kv get /memories/n/a.txt | tr '\n' '|')" = 'one|one and a half|zwei|three|' ]
	told 1 'Error: Invalid `insert_line` parameter: 9. It should be within the range of lines of the file: [0, 4]' '{"command":"insert","path":"/memories/n/a.txt","insert_line":9,"insert_text":"x"}'
	told 1 'Error: The path /memories/x does not exist. Please provide a valid path.' '{"command":"str_replace","path":"/memories/x","old_str":"a","new_str":"b"}'
	told 0 'File created successfully at: /memories/n/deep/er/b.txt' '{"command":"create","path":"/memories/n/deep/er/b.txt","file_text":"b"}'
	told 0 'File created successfully at: /memories/.hidden' '{"command":"create","path":"/memories/.hidden","file_text":"b"}'
	told 0 "$head"$'\n32\t/memories\n31\t/memories/n\n30\t/memories/n/a.txt\n1\t/memories/n/deep' '{"type":"tool_use","name":"memory","input":{"command":"view","path":"/memories/"}}'
	told 0 'Successfully renamed /memories/n to /memories/m' '{"command":"rename","old_path":"/memories/n","new_path":"/memories/m"}'
	told 1 'Error: The destination /memories/m/a.txt already exists' '{"command":"rename","old_path":"/memories/.hidden","new_path":"/memories/m/a.txt"}'
	told 1 'Error: The path /memories/n does not exist' '{"command":"delete","path":"/memories/n"}'
	told 0 'Successfully deleted /memories/m' '{"command":"delete","path":"/memories/m"}'
	[ "$(ab-kv list --field key)" = /memories/.hidden ]
	told 1 'The path /memories/m does not exist. Please provide a valid path.' '{"command":"view","path":"/memories/m"}'
	told 1 'Error: The path /memories/../etc is not within /memories. Please provide a valid path.' '{"command":"view","path":"/memories/../etc"}'
	told 1 'Error: The /memories directory itself cannot be deleted' '{"command":"delete","path":"/memories"}'
	refuses 3 input.invalid memory-tool-of '{"path":"/memories"}'
	refuses 3 input.malformed memory-tool-of '{'
}

@test "memory-tool in batch, under a prefix, and by many at once" {
	local i
	ask '{"id":1,"op":"memory-tool","prefix":"u1","command":"create","path":"/memories/count","file_text":"0\n"}' \
	    '{"id":2,"op":"memory-tool","prefix":"u2","command":"view","path":"/memories/count"}' '{"id":3,"op":"memory-tool","prefix":"u1","command":"dance"}'
	jq -se '.[0].is_error == false and .[1].is_error and (.[1].content | startswith("The path")) and .[2].error.code == "input.invalid"' <<<"$output"
	for i in $(seq 8); do
		(for _ in 1 2 3 4 5; do
			echo '{"command":"insert","path":"/memories/count","insert_line":0,"insert_text":"x"}' | ab-kv memory-tool --prefix u1 >/dev/null
		done) 3>&- &
	done
	wait
	[ "$(ab-kv get u1/memories/count | grep -c x)" = 40 ]
}

@test "memory-tool: no key becomes longer than one may be" {
	local long
	long=$(printf '%01010d' 0)
	ab-kv memory-tool <<<'{"command":"create","path":"/memories/d/file","file_text":"x"}'
	refuses 4 limit.size ab-kv memory-tool <<<'{"command":"rename","old_path":"/memories/d","new_path":"/memories/'"$long"'"}'
	refuses 4 limit.size ab-kv memory-tool --prefix agent/ <<<'{"command":"create","path":"/memories/'"$long"'","file_text":"x"}'
	ask '{"id":1,"op":"memory-tool","command":"rename","old_path":"/memories/d","new_path":"/memories/'"$long"'"}'
	jq -e '.error.code == "limit.size"' <<<"$output"
	[ "$(ab-kv list --field key)" = /memories/d/file ]
}

@test "memory-tool in batch: a directory that cannot be renamed whole stays whole" {
	ask '{"id":1,"op":"memory-tool","command":"create","path":"/memories/d/a","file_text":"123456789012345678901234567890"}' \
	    '{"id":2,"op":"memory-tool","command":"create","path":"/memories/d/b","file_text":"1234567890123456789012345678901234567890123456789012345678901234567890"}' \
	    '{"id":3,"op":"config","max_bytes":180}' '{"id":4,"op":"put","key":"k","value":"v"}' \
	    '{"id":5,"op":"memory-tool","command":"rename","old_path":"/memories/d","new_path":"/memories/e"}' '{"id":6,"op":"get","key":"k"}'
	jq -se '.[4].error.code == "limit.quota" and (.[:4] | all(.error == null)) and .[5].value == "v"' <<<"$output"
	[ "$(ab-kv list --field key | tr '\n' ' ')" = '/memories/d/a /memories/d/b k ' ]
}
