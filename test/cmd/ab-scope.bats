#!/usr/bin/env bats
# ab-scope: scopes are made, listed, shown, changed, measured and deleted; ceilings hold in ab-exec.
# shellcheck disable=SC2154,SC2016 # bats sets stderr; scripts expand inside

load ../helpers/load

# Both streams of a command that must end with the given status.
ends() {
	local want=$1
	shift
	run --separate-stderr "$@"
	[ "$status" -eq "$want" ] || { echo "status $status, not $want: $*"; echo "$output"; echo "$stderr"; return 1; }
}

@test "create makes a directory, and a private file outside of it" {
	ends 0 ab-scope create users/u1 --timeout 10m --description 'for u1'
	[ "$(jq -r .path <<<"$output")" = "$AB_HOME/root/users/u1" ]
	[ -d "$AB_HOME/root/users/u1" ]
	[ -z "$(ls -A "$AB_HOME/root/users/u1")" ]
	[ "$(stat -c %a "$AB_HOME")" = 700 ]
	[ "$(stat -c %a "$AB_HOME"/scopes/*.json)" = 600 ]
	jq -e '.schema == "ab.scope/1" and .timeout_ms == 600000' "$AB_HOME"/scopes/*.json
}

@test "reading makes nothing" {
	ends 0 ab-scope list
	[ -z "$output" ]
	ends 1 ab-scope show nothing
	[[ $stderr == *'no such scope "nothing" [not_found]'*'ab-scope create'* ]]
	ends 1 ab-scope delete nothing
	ends 0 ab-scope create x --dry-run
	jq -e .dry_run <<<"$output"
	[ ! -e "$AB_HOME" ]
}

@test "create refuses what exists, unless --existing, and never loosens" {
	ab-scope create s --timeout 1m
	ends 1 ab-scope create s
	[[ $stderr == *"[exists]"* ]]
	ends 1 ab-scope create s --existing
	mkdir "$AB_HOME/root/d" && touch "$AB_HOME/root/d/f"
	ends 1 ab-scope create d
	[[ $stderr == *"--existing"* ]]
	ends 0 ab-scope create d --existing
	[ -e "$AB_HOME/root/d/f" ]
	ends 0 ab-scope create --root "$BASE/fresh"
	[ -d "$BASE/fresh" ]
	ends 2 ab-scope create
}

@test "names cannot lead out, links cannot either" {
	ends 4 ab-scope create ../x
	[[ $stderr == *"[scope.escape]"* ]]
	ends 4 ab-scope create /x
	ends 3 ab-scope create a//b
	ends 3 ab-scope create $'a\nb'
	ab-scope create u1
	ab-scope create u2
	ln -s u2 "$AB_HOME/root/alias"
	ln -s / "$AB_HOME/root/u1/out"
	ends 4 ab-scope show alias
	ends 4 ab-scope path u1/out
	ends 4 ab-scope create u1/out/made
	ends 4 ab-scope delete alias --recursive
	[ -d "$AB_HOME/root/u2" ]
	ends 4 ab-exec --scope u1/out -- true || [ "$status" -eq 125 ]
}

@test "places that are never a scope, and those that need --root" {
	local dir
	for dir in / /tmp /home /usr /etc /usr/lib /var; do
		[ -d "$dir" ] || continue
		ends 4 ab-scope show --root "$dir"
		[[ $stderr == *"[denied.policy]"*"--root DIR"* ]]
	done
	cd "$HOME"
	ends 4 ab-scope show
	[[ $stderr == *"--root '$HOME'"* ]]
	ends 0 ab-scope show --root "$HOME"
	mkdir -p "$AB_HOME/jobs"
	ends 4 ab-scope show --root "$AB_HOME/jobs"
	ends 4 ab-scope create --root "$AB_HOME" jobs/x
	AB_HOME=/ ends 4 ab-scope create x
	AB_HOME=/tmp ends 4 ab-scope create x
	[[ $stderr != *"chmod 700 '/tmp'"* ]]
	cd "$TREE"
	ends 0 ab-scope show
	jq -e '.managed == false and .kind == null' <<<"$output"
}

@test "show and set: own settings and those in effect" {
	ab-scope create team --timeout 10m --memory 1GiB --net 'allow:*.example.org' -e A=outer -e B=outer
	ab-scope create team/u1 --timeout 5m --net allow:a.example.org -e A=inner
	ends 0 ab-scope show team/u1
	jq -e '.managed and .name == "team/u1" and .timeout_ms == 300000 and .memory_bytes == null and .env == {"A":"inner"}' <<<"$output"
	jq -e '.effective | .timeout_ms == 300000 and .memory_bytes == 1073741824 and .net == "allow:a.example.org" and .env == {"A":"inner","B":"outer"}' <<<"$output"
	ends 0 ab-scope set team --timeout 1m
	ends 0 ab-scope show team/u1
	jq -e '.timeout_ms == 300000 and .effective.timeout_ms == 60000' <<<"$output"
	ends 0 ab-scope set team/u1 --unset env.A --unset timeout --pids 9 -e C=c --read /opt --read /srv
	jq -e '.env == {"C":"c"} and .timeout_ms == null and .pids == 9 and .read == ["/opt","/srv"]' <<<"$output"
	ends 0 ab-scope set team/u1 --read none --write none --protect
	jq -e '.read == [] and .write == [] and .protect == true' <<<"$output"
	ends 0 ab-scope set team/u1 --unset read --unset protect --unset env
	jq -e '.read == null and .write == [] and .protect == null and .env == {}' <<<"$output"
	ends 0 ab-scope set team/u1 --pids 3 --dry-run
	jq -e '.pids == 3' <<<"$output"
	ends 0 ab-scope show team/u1
	jq -e '.pids == 9' <<<"$output"
	ends 3 ab-scope set team/u1 --unset nonsense
	[[ $stderr == *"[input.invalid]"*idle-timeout* ]]
}

@test "a nested scope cannot loosen" {
	ab-scope create team --timeout 10m --net none --isolation namespace --read /opt
	ends 4 ab-scope create team/a --timeout 11m
	[[ $stderr == *timeout*"10m"*"[denied.policy]"* ]]
	ends 4 ab-scope create team/a --net host
	[[ $stderr == *"net"*"none"* ]]
	ends 4 ab-scope create team/a --isolation landlock
	ends 4 ab-scope create team/a --read /srv
	[ ! -e "$AB_HOME/root/team/a" ]
	ends 0 ab-scope create team/a --timeout 1m --read /opt/x
	ends 4 ab-scope set team/a --timeout 1h
	ends 3 ab-scope set team/a --timeout 0
	ends 3 ab-scope set team/a --read relative
	ends 3 ab-scope set team/a --log-to relative
}

@test "ceilings hold in ab-exec, however the directory is named" {
	need_level namespace
	ab-scope create team --timeout 10s --memory 1GiB --net none -e WHO=team
	ab-scope create team/u1
	ends 125 ab-exec --scope team/u1 --timeout 20s -- true
	[[ $stderr == *timeout*"[denied.policy]"* ]]
	ends 125 ab-exec --scope team/u1 --timeout 0 -- true
	[[ $stderr == *"--unset timeout"* ]]
	ends 125 ab-exec --scope team/u1 --net host -- true
	ends 125 ab-exec --root "$AB_HOME/root/team/u1" --net host -- true
	cd "$AB_HOME/root/team/u1"
	ends 125 ab-exec --net host -- true
	ends 125 ab-exec --scope team/u1 --isolation none -- true
	[[ $stderr == *"setting net [denied.policy]"* ]]
	ends 0 ab-exec --scope team/u1 --timeout 5s --memory 1GiB -c 'echo $WHO; echo $HOME'
	[ "$output" = team$'\n'"$AB_HOME/root/team/u1" ]
	ends 0 ab-exec --scope team/u1 -e WHO=me -c 'echo $WHO'
	[ "$output" = me ]
}

@test "a damaged or newer settings file is not passed over" {
	ab-scope create s --timeout 1m
	local file=("$AB_HOME"/scopes/*.json)
	jq -c '.disk_bytes = 1' "${file[0]}" >"$BASE/new" && cp "$BASE/new" "${file[0]}"
	ends 6 ab-scope show s
	[[ $stderr == *disk_bytes*"[version.newer]"* ]]
	echo '{' >"${file[0]}"
	ends 6 ab-scope show s
	[[ $stderr == *"[corrupt]"* ]]
	ends 125 ab-exec --scope s -- true
}

@test "list: names below the root, by prefix, in pages" {
	for name in b a/x a/y c; do ab-scope create "$name" -q; done
	mkdir "$BASE/elsewhere" && ab-scope create --root "$BASE/elsewhere" p -e SECRET=hush
	ends 0 ab-scope list --field name
	[ "$output" = a/x$'\n'a/y$'\n'b$'\n'c ]
	ends 0 ab-scope list a --field name
	[ "$output" = a/x$'\n'a/y ]
	ends 0 ab-scope ls --limit 2 --cursor a/y --field name
	[ "$output" = b$'\n'c ]
	ends 0 ab-scope list --root "$BASE/elsewhere"
	jq -e '.name == "p" and .exists and .env_names == ["SECRET"]' <<<"$output"
	[[ $output != *hush* ]]
	ends 0 ab-scope list --all --field path
	[ "${#lines[@]}" -eq 5 ]
	echo '{"id":1,"op":"list","limit":3}' | ab-scope batch >"$BASE/out"
	jq -e '(.items | length) == 3 and .next == "b"' "$BASE/out"
	rmdir "$AB_HOME/root/c"
	ends 0 ab-scope list c
	jq -e '.exists == false' <<<"$output"
}

@test "path: a line for a shell, a field in a record" {
	ab-scope create 'a b'
	cd "$(ab-scope path 'a b')"
	[ "$PWD" = "$AB_HOME/root/a b" ]
	cd "$TREE"
	[ "$(ab-scope path)" = "$TREE" ]
	[ "$(ab-scope path 'a b' --json | jq -r .path)" = "$AB_HOME/root/a b" ]
}

@test "delete asks for --recursive, never follows a link out, and forgets what was nested" {
	ab-scope create u/a
	ab-scope create u/a/n
	mkdir "$BASE/keep" && echo x >"$BASE/keep/f"
	ln -s "$BASE/keep" "$AB_HOME/root/u/a/link"
	ends 1 ab-scope delete u/a
	[[ $stderr == *"[not_empty]"*"--recursive"* ]]
	ends 0 ab-scope delete u/a -r --dry-run
	[ -e "$AB_HOME/root/u/a/link" ]
	mkdir -p "$AB_HOME/root/u/a/ro/sub" && chmod 555 "$AB_HOME/root/u/a/ro"
	ends 0 ab-scope delete u/a --recursive
	[ ! -e "$AB_HOME/root/u/a" ] && [ -e "$BASE/keep/f" ]
	[ -z "$(ab-scope list)" ]
	ends 1 ab-scope delete u/a
	ends 0 ab-scope rm u
	ends 2 ab-scope delete
}

@test "delete takes no checkout of yours" {
	mkdir -p "$BASE/src/project" && touch "$BASE/src/project/f"
	ends 4 ab-scope delete --root "$BASE/src" project --recursive
	[[ $stderr == *"[denied.policy]"*"rm -r"* ]]
	ab-scope set --root "$BASE/src/project" --timeout 1m
	ends 4 ab-scope delete --root "$BASE/src" project --recursive
	[ -e "$BASE/src/project/f" ]
	ab-scope set --root "$BASE/src/project" --kind managed
	ends 0 ab-scope delete --root "$BASE/src" project --recursive
	[ ! -e "$BASE/src/project" ] && [ -d "$BASE/src" ]
}

@test "usage counts files with several names once" {
	ab-scope create s
	cd "$AB_HOME/root/s" && mkdir d && printf 12345 >f && ln f d/g && truncate -s 1M d/sparse && ln -s / d/out && cd "$TREE"
	ends 0 ab-scope usage s
	jq -e '.files == 3 and .directories == 1 and .bytes == 1048581 and .allocated_bytes < 1000000 and .unreadable == 0' <<<"$output"
	ends 0 ab-scope du --root "$AB_HOME/root/s"
	printf '{"id":%s,"op":"usage","name":"s"}\n' 1 2 3 | ab-scope batch -j 3 >"$BASE/out"
	[ "$(jq -s 'map(select(.files == 3)) | length' "$BASE/out")" = 3 ]
}

@test "batch: host paths are the caller's only" {
	printf '%s\n' '{"id":1,"op":"create","name":"a","timeout_ms":1000,"env":{"A":"b"}}' '{"id":2,"op":"create","name":"b","root":"/var/tmp"}' \
	    '{"id":3,"op":"show","name":"a"}' '{"id":4,"op":"set","name":"a","read":["/etc"]}' '{"id":5,"op":"delete","name":"a"}' |
		ab-scope batch >"$BASE/out"
	[ "$(jq -c '[.id, .error.code // "ok"]' "$BASE/out" | tr '\n' ' ')" = '[1,"ok"] [2,"denied.policy"] [3,"ok"] [4,"denied.policy"] [5,"ok"] ' ]
	jq -se '.[2].env.A == "b" and .[2].timeout_ms == 1000' "$BASE/out"
}

@test "changes at the same time are all kept" {
	ab-scope create s
	for i in $(seq 20); do ab-scope set s -q -e "V$i=$i" 3>&- & done
	wait
	[ "$(ab-scope show s | jq '.env | length')" = 20 ]
	for i in $(seq 10); do (ab-scope create once -q 2>/dev/null && echo made) 3>&- & done >"$BASE/made"
	wait
	[ "$(grep -c made "$BASE/made")" = 1 ]
}

@test "recipe: 500 scopes served by one ab-exec batch -j 64 --fixed" {
	need_level namespace
	for i in $(seq 500); do printf '{"id":%s,"op":"create","name":"users/u%s"}\n' "$i" "$i"; done | ab-scope batch -q >"$BASE/made"
	[ "$(ab-scope list users/ | wc -l)" -eq 500 ]
	for i in $(seq 500); do printf '{"id":%s,"scope":"users/u%s","command":"echo %s >f; ls ..; pwd"}\n' "$i" "$i" "$i"; done |
		ab-exec batch -j 64 --timeout 60s --net none --fixed timeout,net >"$BASE/out"
	[ "$(jq -s 'map(select(.status == 0)) | length' "$BASE/out")" -eq 500 ]
	# Each saw its own directory, and no sibling.
	jq -se --arg root "$AB_HOME/root/users" 'all(.stdout == "u\(.id)\n\($root)/u\(.id)\n")' "$BASE/out"
	[ "$(cat "$AB_HOME/root/users/u321/f")" = 321 ]
	echo '{"id":1,"scope":"users/u1","command":"true","net":"host"}' | ab-exec batch --net none --fixed net >"$BASE/out"
	jq -e '.error.code == "denied.policy"' "$BASE/out"
}

@test "as an ordinary user" {
	as_user ab-scope create mine/a --timeout 1m
	as_user ab-scope show mine/a
	as_user ab-scope delete mine/a
}
