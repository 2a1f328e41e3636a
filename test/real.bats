#!/usr/bin/env bats
# Real work inside, without extra options: this project, cargo, pip, npm.

load helpers/load

# Tool chains lie below the home directory: the real one, for these tests.
real_home() { HOME=$(getent passwd "$(id -u)" | cut -d: -f6); }

@test "this project builds in a sandbox of its own, and its unit tests pass there" {
	need_level namespace
	need git
	git clone -q "$AB_REPO" src 2>/dev/null || cp -R "$AB_REPO" src
	cd src
	ab-exec --timeout 10m -c 'make -j2 BUILD=/tmp/build >/tmp/log 2>&1 || { tail -20 /tmp/log; exit 1; }
		for t in error buf mem text time json ndjson param opt capture dnsstub proxy netpolicy gitconfig; do
			make BUILD=/tmp/build /tmp/build/test/${t}_test >/tmp/log 2>&1 && /tmp/build/test/${t}_test >/tmp/log || { tail -20 /tmp/log; exit 1; }
		done
		/tmp/build/bin/ab-exec --version'
}

@test "ab-exec inside ab-exec is level landlock, and says so" {
	need_level namespace
	need_level landlock
	mkdir bin && cp "$(command -v ab-exec)" bin/
	run ab-exec -c 'mkdir -p inner && AB_HOME=/tmp/state bin/ab-exec --root inner --json -- true'
	check_json '.level == "landlock"' '.status == 0'
}

@test "cargo builds and runs a program" {
	need cargo
	real_home
	ab-exec --timeout 5m -c 'cargo init -q --vcs none --name hello . && cargo build -q --offline && ./target/debug/hello' >"$BASE/out" 2>&1 || { cat "$BASE/out"; false; }
	grep -q Hello "$BASE/out"
}

@test "pip installs from a local folder" {
	local python
	real_home
	for python in $(type -aP python3); do
		! "$python" -W ignore -c 'import setuptools, wheel, pip' || break
		python=
	done
	[ -n "${python:-}" ] || skip "no python3 has pip, setuptools and wheel"
	mkdir -p pkg/hello
	printf 'def f():\n    return 1\n' >pkg/hello/__init__.py
	printf 'from setuptools import setup\nsetup(name="hello", version="1", packages=["hello"])\n' >pkg/setup.py
	ab-exec --timeout 5m --env PYTHON="$python" -c '$PYTHON -m pip install -q --no-build-isolation --no-deps --target lib ./pkg && PYTHONPATH=lib $PYTHON -c "import hello; print(hello.f())"' >"$BASE/out" 2>&1 || { cat "$BASE/out"; false; }
	grep -qx 1 "$BASE/out"
}

@test "npm installs a package of the tree and uses it" {
	need npm
	mkdir -p dep
	printf '{"name":"dep","version":"1.0.0"}\n' >dep/package.json
	echo 'module.exports = 42' >dep/index.js
	printf '{"name":"x","version":"1.0.0","dependencies":{"dep":"file:./dep"}}\n' >package.json
	ab-exec --timeout 5m -c 'npm install --offline --no-audit --silent && node -e "console.log(require(\"dep\"))"' >"$BASE/out" 2>&1 || { cat "$BASE/out"; false; }
	grep -qx 42 "$BASE/out"
}

@test "strace and gdb work on the command's own processes" {
	need strace
	need_level namespace
	ab-exec -c 'strace -f -o trace true && grep -q execve trace'
}
