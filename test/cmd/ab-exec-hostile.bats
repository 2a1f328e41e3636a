#!/usr/bin/env bats
# What a hostile command leaves behind does no harm to ab-exec, to the next run, or to whoever reads the answer.

load ../helpers/load

setup() {
	ab_setup
	need_level namespace
}

@test "FIFOs and devices where ab-exec reads files of the tree keep nobody waiting" {
	run timeout -s KILL 20 ab-exec -q -c 'mkdir .git && mkfifo .git/config .gitmodules .envrc .mcp.json'
	[ "$status" -eq 0 ]
	run timeout -s KILL 20 ab-exec -q -c 'echo second; rm .gitmodules .git/config; ln -s /dev/zero .gitmodules; ln -s /dev/zero .git/config'
	[ "$status" -eq 0 ] && [ "$output" = second ]
	run timeout -s KILL 20 ab-exec -q -c 'echo third'
	[ "$status" -eq 0 ] && [ "$output" = third ]
}

@test "AB_HOME deep in the tree cannot be moved to where it would be seen" {
	export AB_HOME=$TREE/some/where/state
	mkdir -p "$AB_HOME"
	chmod 700 "$AB_HOME"
	echo hidden >"$AB_HOME/kv.db"
	ab-exec --root "$TREE" -c 'mv some other; mv some/where some/else; mv some/where/state s; true'
	[ -f "$AB_HOME/kv.db" ]
	run ab-exec --root "$TREE" -c 'find . -name kv.db; cat some/where/state/kv.db'
	[[ "$output" != *hidden* && "$output" != *./*kv.db* ]]
}

@test "a link on the way to AB_HOME cannot be replaced by an AB_HOME of the command's" {
	mkdir "$BASE/state"
	ln -s "$BASE/state" "$TREE/link"
	AB_HOME=$TREE/link/ab run -125 ab-exec -- true
	[[ "$output" == *unsupported*"AB_HOME='$BASE/state/ab'"* ]]
	AB_HOME=$BASE/state/ab run -0 ab-exec -- true
	ln -s "$BASE/state" "$BASE/link"
	AB_HOME=$BASE/link/ab run -0 ab-exec -- true
}

@test "names that a command chose do no harm to the terminal" {
	run -0 --separate-stderr ab-exec -c 'd=$(printf "x\033]0;title\007\nab-exec: \233\302\23331m"); mkdir "$d"; touch "$d/.bashrc"'
	[ "${#stderr_lines[@]}" -eq 1 ]
	LC_ALL=C run ! grep -q '[^ -~]' <<<"$stderr"
	run -0 ab-exec --json -c 'd=$(printf "y\377\n"); mkdir "$d"; touch "$d/.bashrc"'
	[ "$(jq -r '.planted[0].base64' <<<"$output" | base64 -d | tr '\377' '#')" = "y#/.bashrc" ]
}

planted() { ab-exec --json "$@" | jq -r '.planted[]'; }

@test "a hook that is a link to a script of the tree is watched where it leads" {
	need git
	git init -q .
	mkdir scripts
	echo '#!/bin/sh' >scripts/check
	ln -s ../../scripts/check .git/hooks/pre-commit
	[ "$(planted -c 'true')" = "" ]
	[ "$(planted -c 'echo evil >>scripts/check')" = .git/hooks/pre-commit ]
}

@test "what is a link is not locked, and the record says so" {
	need git
	git init -q .
	rm -r .git/hooks
	mkdir githooks
	ln -s ../githooks .git/hooks
	run -0 ab-exec --json -c 'echo evil >githooks/post-commit'
	[ "$(jq -c '[.missing, .planted]' <<<"$output")" = '[["protect"],[".git/hooks/post-commit"]]' ]
	run ab-exec --require protect -- true
	[ "$status" -eq 125 ]
}

@test "a directory of hooks that is an absolute link is watched where it leads" {
	mkdir scripts
	echo true >scripts/pre-push
	ln -s "$TREE/scripts" .husky
	[ "$(planted -c true)" = "" ]
	[ "$(planted -c 'echo evil >>scripts/pre-push')" = .husky/pre-push ]
}

@test "a configuration that is a link counts by what it leads to" {
	need git
	git init -q .
	run planted --unprotect .git/config -c 'cp .git/config evil; echo "[core] fsmonitor = evil" >>evil; rm .git/config; ln -s "$PWD/evil" .git/config'
	[ "$output" = .git/config ]
	[ "$(planted -c 'true')" = "" ]
	[ "$(planted -c 'echo "[core] pager = evil" >>evil')" = .git/config ]
}

@test "hooks in a worktree, named by the configuration outside it, are locked" {
	need git
	git init -q "$BASE/main"
	git -C "$BASE/main" -c user.name=a -c user.email=a@b commit -q --allow-empty -m x
	git -C "$BASE/main" config core.hooksPath .githooks
	git -C "$BASE/main" worktree add -q "$BASE/worktree"
	mkdir "$BASE/worktree/.githooks"
	cd "$BASE/worktree"
	run ab-exec -q -c 'echo evil >.githooks/pre-commit'
	[ ! -e .githooks/pre-commit ]
	need_level landlock
	[ "$(planted --isolation landlock -c 'echo evil >.githooks/pre-commit')" = .githooks/pre-commit ]
}

@test "the list of a rebase in progress is watched: its exec lines run at --continue" {
	need git
	git init -q .
	[ "$(planted -c 'mkdir .git/rebase-merge; echo "exec evil" >.git/rebase-merge/git-rebase-todo')" = .git/rebase-merge/git-rebase-todo ]
}

@test "settings of agents, editors and hook runners that run programs are watched" {
	run planted -c 'mkdir -p .codex .opencode/plugin .husky .zed; touch mise.toml lefthook.yml .codex/config.toml .opencode/plugin/x.js .husky/pre-push .zed/tasks.json'
	[ "$(tr '\n' ' ' <<<"$output")" = ".codex/config.toml .husky/pre-push .opencode/plugin/x.js .zed/tasks.json lefthook.yml mise.toml " ]
}

@test "what interpreters, package managers and more agents run from where they are started is watched" {
	run planted -c 'mkdir -p .husky/_ .cargo .yarn/releases .kiro/hooks; touch .Rprofile .irbrc .pdbrc .husky/_/h .cargo/config.toml .yarn/releases/y.cjs .kiro/hooks/x'
	[ "$(tr '\n' ' ' <<<"$output")" = ".Rprofile .cargo/config.toml .husky/_/h .irbrc .kiro/hooks/x .pdbrc .yarn/releases/y.cjs " ]
}

@test "a link that a command left does not choose what --write, --read and --home give to the next" {
	mkdir "$BASE/other"
	echo safe >"$BASE/other/file"
	ab-exec -c "ln -s '$BASE/other' out"
	for option in --write --read --home; do
		run -125 ab-exec $option out -- true
		[[ "$output" == *scope.escape* ]]
		run -125 ab-exec $option "$TREE/out" -- true
	done
	run -0 ab-exec --write "$BASE/other" -c "echo new >'$BASE/other/file'"
	[ "$(cat "$BASE/other/file")" = new ]
	mkdir in
	run -0 ab-exec --write in/../../other -c true
}

@test "a link that a command left does not choose what ab-exec reads and writes" {
	mkdir "$BASE/other"
	echo safe >"$BASE/other/file"
	ab-exec -c "ln -s '$BASE/other/file' out; ln -s '$BASE/other/new' new; ln -s '$BASE/other' dir; echo 'echo in' >script; ln -s script in"
	for option in '--record out' '--record new' '--record dir/new' '--spool out' '--stdin out' '--env-file out'; do
		run -125 ab-exec $option -- true
		[[ "$output" == *scope.escape* ]]
	done
	run -125 ab-exec -f out
	[[ "$output" == *scope.escape* ]]
	[ "$(cat "$BASE/other/file")" = safe ] && [ ! -e "$BASE/other/new" ]
	[ "$(ab-exec -f in)" = in ]
	ab-exec --record ../record -- true
	[ "$(jq -r .reason ../record)" = exit ]
}

@test "rights that a command took from its HOME and /tmp are there for the next" {
	ab-exec -c 'chmod 0 /tmp; chmod 500 ~'
	run -0 ab-exec -c 'touch /tmp/new ~/new; stat -c %a /tmp ~'
	[[ "${lines[0]}" == *7?? && "${lines[1]}" == 7?? ]]
	ab-exec -c 'chmod 0 ~ /tmp'
	run -0 ab-exec --tmp fresh -c 'touch /tmp/new ~/new'
}

@test "a file in the tree gives no variable of the caller's, and a FIFO there keeps nobody waiting" {
	ab-exec -c 'printf "A=b\nSECRET\n" >.env; mkfifo fifo'
	SECRET=hush run -125 ab-exec --env-file .env -- env
	[[ "$output" == *denied.policy*"--pass SECRET"* && "$output" != *hush* ]]
	mv .env ../env
	SECRET=hush run -0 ab-exec --env-file ../env -c 'echo "$A $SECRET"'
	[ "$output" = "b hush" ]
	for option in --record --spool --stdin --env-file; do
		run -125 timeout -s KILL 20 ab-exec $option fifo -- true
	done
	run -125 timeout -s KILL 20 ab-exec -f fifo
}

@test "--tmp fresh is empty, also at level landlock, or refused" {
	need_level landlock
	ab-exec -q --isolation landlock -c 'echo left >"$TMPDIR/left"'
	run -0 ab-exec -q --isolation landlock --tmp fresh -c 'ls "$TMPDIR"'
	[ "$output" = "" ]
	ab-exec -q --isolation landlock -c 'echo left >"$TMPDIR/left"'
	job=$(ab-exec start --isolation landlock -c 'sleep 60' | jq -r .job)
	run -125 ab-exec --isolation landlock --tmp fresh -c 'ls "$TMPDIR"'
	[[ "$output" == *"[busy]"* ]]
	ab-exec kill "$job"
}

@test "no two trees share a private HOME and /tmp, whatever their names are" {
	long=$BASE/$(printf 'x%.0s' $(seq 230))
	# The first part of a key that has two, and the tree whose key would be that part.
	part=$(printf %s "$long/tree" | cut -c-200)
	for dir in "$BASE/a%b" "$BASE/a/25b" "$BASE/a=25b" "$BASE/a=b" "$BASE/a=3db" "$long/tree" "$part/+" "$part=+"; do
		mkdir -p "$dir"
		run -0 ab-exec --root "$dir" -c 'find ~ /tmp -type f; echo mine >~/mine; echo mine >/tmp/mine'
		[ "$output" = "" ]
	done
	rm -r "$BASE/a%b"
	ab-exec gc
	[ "$(ab-exec --root "$BASE/a=b" -c 'cat ~/mine')" = mine ]
	mkdir "$BASE/a%b"
	[ "$(ab-exec --root "$BASE/a%b" -c 'ls ~')" = "" ]
}

@test "--home DIR does not show AB_HOME, does not pass a ceiling, and leaves the tree's protection" {
	need git
	git init -q .
	ab-exec -- true
	for dir in "$AB_HOME" "$AB_HOME/homes"; do
		run -125 ab-exec --home "$dir" -- true
		[[ "$output" == *denied.policy* ]]
	done
	echo hidden >"$AB_HOME/kv.db"
	run ab-exec --home "$BASE" -c 'cd ~ && find . -name kv.db; cd -; echo evil >>.git/config'
	[[ "$output" != *kv.db* ]] && ! grep -q evil .git/config
	run -0 ab-exec --home "$BASE" -c 'echo "$HOME"; touch ~/mine'
	[ "$output" = "$BASE" ] && [ -e "$BASE/mine" ]
}

@test "AB_HOME is not given to a command that asks for it" {
	ab-exec -- true
	run -125 ab-exec --read "$AB_HOME/homes" -- true
	[[ "$output" == *denied.policy* ]]
	run -125 ab-exec --write "$AB_HOME" -- true
}
