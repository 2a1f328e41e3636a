#!/usr/bin/env bats
# Your own checkout: what runs later on your behalf is protected, and daily work goes on.

load ../helpers/load

tree() {
	git -c init.defaultBranch=main init -q .
	git config user.name A && git config user.email a@example.org
	echo one >f && git add f && git commit -qm one
}

@test "the top repository: hooks, config, info/attributes cannot be changed, .git cannot be moved away" {
	need_level namespace
	tree
	mkdir -p .git/info && touch .git/info/attributes
	for act in 'echo x >.git/hooks/pre-commit' 'echo x >>.git/config' 'git config core.fsmonitor x' 'echo x >>.git/info/attributes' 'mv .git .g2' 'rm -rf .git/hooks; test ! -e .git/hooks'; do
		run ab-exec -c "$act"
		[ "$status" -ne 0 ] || { echo "went through: $act"; false; }
	done
	[ -d .git/hooks ] && ! grep -q fsmonitor .git/config
}

@test "editor and tool files at the top are read-only, when they are there; new ones are told" {
	need_level namespace
	tree
	mkdir .vscode && echo '{}' >.vscode/tasks.json && echo x >.envrc
	run ab-exec -c 'echo y >.envrc'
	[ "$status" -ne 0 ]
	run ab-exec -c 'echo y >.vscode/tasks.json'
	[ "$status" -ne 0 ]
	run ab-exec --json -c 'echo "{}" >.mcp.json'
	check_json '.planted | index(".mcp.json")'
	run ab-exec -c 'mkdir -p .idea; echo x >.idea/x'
	[[ $output == *"on your behalf"* ]]
}

@test "nested repositories that are there are locked, new ones are detected" {
	need_level namespace
	tree
	git init -q vendor/sub
	for act in 'echo x >vendor/sub/.git/hooks/pre-commit' 'git -C vendor/sub config core.fsmonitor x' 'mv vendor/sub/.git vendor/g' 'mv vendor v2'; do
		run ab-exec -c "$act"
		[ "$status" -ne 0 ] || { echo "went through: $act"; false; }
	done
	ab-exec -c 'cd vendor/sub && echo x >f && git add f && git -c user.name=a -c user.email=a@b commit -qm x'
	run ab-exec --json -c 'git init -q fresh && echo x >fresh/.git/hooks/post-checkout'
	check_json '.planted | length > 0'
	run ab-exec --json -c 'echo plain >g'
	check_json '.planted == []'
}

@test "--unprotect leaves one path writable; --no-protect all" {
	need_level namespace
	tree
	ab-exec --unprotect .git/config -- git config test.a b
	[ "$(git config test.a)" = b ]
	run ab-exec --unprotect .git/config -c 'echo x >.git/hooks/h'
	[ "$status" -ne 0 ]
	ab-exec --no-protect -c 'echo x >.git/hooks/h'
	[ -e .git/hooks/h ]
}

@test "plain git work: commit, stash, branch, switch, worktree, gc, clone" {
	tree
	ab-exec -c 'set -e
		echo two >>f; git commit -qam two
		echo three >>f; git stash -q; git stash pop -q; git commit -qam three
		git switch -qc side; git switch -q -
		git worktree add -q wt side; git -C wt log --oneline >/dev/null; git worktree remove wt
		git gc -q; git clone -q . copy; git -C copy log --oneline >/dev/null; rm -rf copy'
	[ "$(git log --oneline | wc -l)" -eq 3 ]
	[ "$(git log -1 --format=%ae)" = a@example.org ]
}

@test "a worktree: its gitdir outside the tree works when it points back" {
	tree
	git worktree add -q "$BASE/wt"
	cd "$BASE/wt"
	ab-exec -c 'echo x >new; git add new; git commit -qm new'
	[ "$(git log -1 --format=%s)" = new ]
	run ab-exec -c 'echo x >"$(git rev-parse --git-common-dir)"/hooks/h'
	[ "$status" -ne 0 ]
}

@test "tar, install, ln, chmod, a build with make" {
	ab-exec -c 'set -e
		mkdir src && echo "int main(void){return 0;}" >src/m.c
		printf "all:\n\tcc -o m src/m.c\n" >Makefile && make -s && ./m
		tar cf t.tar src && rm -r src && tar xf t.tar && test -f src/m.c
		install -m 755 m m2 && ln -s m2 m3 && ln m m4 && chmod 600 m4'
	[ "$(stat -c %a m4)" = 600 ]
}

@test "tar x of files of another owner works" {
	need python3
	python3 -c "
import tarfile, io
t = tarfile.open('o.tar', 'w')
i = tarfile.TarInfo('owned'); i.size = 1; i.uid = 1234; i.gid = 1234
t.addfile(i, io.BytesIO(b'x')); t.close()"
	ab-exec -- tar xf o.tar
	[ -e owned ]
}

@test "a Python test suite, pip install from a local folder, a virtual environment" {
	need python3
	mkdir pkg
	printf 'def f():\n    return 1\n' >pkg/__init__.py
	printf 'import unittest, pkg\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(pkg.f(), 1)\n' >test_pkg.py
	ab-exec -- python3 -m unittest -q
	ab-exec -c 'python3 -m venv --without-pip v && v/bin/python -c "import sys; assert sys.prefix.endswith(\"v\")"'
}

@test "a Node test suite" {
	need node
	printf 'const test = require("node:test"); const assert = require("assert"); test("a", () => assert.equal(1, 1));\n' >a.test.js
	ab-exec -- node --test a.test.js >"$BASE/out" 2>&1 || { cat "$BASE/out"; false; }
}

@test "npm runs a script of the tree" {
	need npm
	printf '{"name":"x","version":"1.0.0","scripts":{"test":"echo ran >ran"}}\n' >package.json
	ab-exec -- npm test >"$BASE/out" 2>&1 || { cat "$BASE/out"; false; }
	[ -e ran ]
}

@test "a server and its client in one command" {
	need python3
	echo hello >index.html
	run ab-exec --timeout 20s -c 'python3 -m http.server 8123 >/dev/null 2>&1 & for i in $(seq 1 50); do python3 -c "import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:8123/index.html\").read().decode())" 2>/dev/null && break; sleep 0.1; done'
	[[ $output == *hello* ]]
}

@test "a managed scope is the agent's own: nothing in it is protected" {
	ab-scope create --root "$BASE" own
	ab-exec --root "$BASE" --scope own -c 'git init -q . && git config user.name x && echo h >.git/hooks/pre-commit'
	[ -e "$BASE/own/.git/hooks/pre-commit" ]
}
