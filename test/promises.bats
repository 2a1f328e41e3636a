#!/usr/bin/env bats
# The table of promises in ab-exec(1), cell by cell: what it claims is tried, and the record's `missing` and --require agree.
#
# Each promise_WORD is one experiment: it runs a command that tries to break the promise and sets $verdict, the table's word for
# what came of it. It works in a tree of its own ($place), at $level, as $who: user, root, or container (root in a container).

load helpers/load

OTHERS=4711 # an owner who is neither

setup() {
	ab_setup
	mark=$(unique)
	need python3 git
	outside=$BASE/outside
	echo outside >"$outside"
	# What listens outside: TCP, a unix socket that has a path, an abstract one.
	python3 - "$BASE/host.sock" "ab_$mark" >"$BASE/port" 3>&- <<-'END' &
		import os, selectors, socket, sys
		tcp, path, abstract = socket.socket(), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
		tcp.bind(('127.0.0.1', 0)); path.bind(sys.argv[1]); abstract.bind('\0' + sys.argv[2])
		os.chmod(sys.argv[1], 0o777)
		all = selectors.DefaultSelector()
		for listener in tcp, path, abstract:
		    listener.listen(); all.register(listener, 1)
		print(tcp.getsockname()[1], flush=True)
		while True:
		    for key, _ in all.select():
		        key.fileobj.accept()[0].sendall(b'HELLO')
	END
	listener=$!
	eventually 5 test -s "$BASE/port"
	port=$(cat "$BASE/port")
}
teardown() {
	[ -z "${listener:-}" ] || kill "$listener"
	rm -f "/tmp/ab-host-${mark:-}" "/tmp/ab-inside-${mark:-}"
	ab_teardown
}

# as_who COMMAND…
as_who() {
	local kind=userns
	[[ $level == namespace || $level == bwrap ]] || kind=plain
	case $who in
	user) as_user "$@" ;;
	root) "$@" ;;
	container) "$AB_REPO/test/helpers/container.sh" "$kind" "$@" ;;
	esac
}
# unguarded OPTION…: in $options, without the guard; at the level that is the guard alone a script goes into a file, which it does
# not read.
unguarded() {
	local script=()
	options=()
	while (($# > 0)) && [[ $1 != -- ]]; do
		if [[ $level == software && $1 == -c ]]; then
			printf '%s\n' "$2" >"$place/.experiment"
			script=(-- bash "$place/.experiment")
			shift
		else
			options+=("$1")
		fi
		shift
	done
	[[ $level == software ]] || options=(--no-guard "${options[@]}")
	options+=("${script[@]}" "$@")
}
# try OPTION…: run a command; its record is $output.
try() {
	unguarded "$@"
	output=$(as_who ab-exec --json --exit-zero --isolation "$level" --timeout 20s "${options[@]}" 2>"$BASE/stderr" 3>&- </dev/null)
}
# try_beside OPTION…: the same, while `sleep $mark` runs outside; its number is in $VICTIM, its status afterwards in $beside.
try_beside() {
	unguarded "$@"
	output=$(as_who sh -c 'level=$1; sleep "$2" & victim=$!; shift 2
		until [ "$(cat /proc/$victim/comm)" = sleep ]; do :; done
		ab-exec --json --exit-zero --isolation "$level" --timeout 20s --env VICTIM=$victim "$@"
		kill $victim; wait $victim; echo $?' sh "$level" "$mark" "${options[@]}" 2>"$BASE/stderr" 3>&- </dev/null)
	beside=${output##*$'\n'}
	output=${output%$'\n'*}
}
# kept_unless CONDITION…, told_if CONDITION…: the verdict; the second makes `detected` of `not kept`.
kept_unless() { if "$@"; then verdict='not kept'; else verdict=kept; fi; }
told_if() { if [ "$verdict" != kept ] && "$@"; then verdict=detected; fi; }
said() { jq -e "$@" <<<"$output" >/dev/null; }
ended_by_us() { ! said '.reason == "exit" or .reason == "timeout"'; }

promise_namespace() {
	try -c "uname -n; if [ -e '$outside' ]; then echo seen; fi"
	kept_unless said '.stdout != "ab\n"'
}
promise_proc() {
	try_beside -c 'grep -q "^Name:" /proc/self/status && echo self; cat /proc/[0-9]*/cmdline | tr "\0" " " | grep -o "sleep [0-9.]*"'
	kept_unless said --arg seen "sleep $mark" '(.stdout | startswith("self\n") | not) or (.stdout | contains($seen))'
}
promise_net() {
	try -c "exec 5<>/dev/tcp/127.0.0.1/$port && head -c 5 <&5"
	kept_unless said '.stdout == "HELLO"'
}
promise_seccomp() { # io_uring_setup: EFAULT when it is let through
	try -- python3 -c 'import ctypes, os; lib = ctypes.CDLL(None, use_errno=True); lib.syscall(425, 1, 0); print(os.strerror(ctypes.get_errno()))'
	kept_unless said '.stdout == "Bad address\n"'
}
promise_landlock() { # at most 16 of its rule sets lie on a process: how many may we add?
	try -- python3 -c '
import ctypes
lib, rights, n = ctypes.CDLL(None), ctypes.c_uint64(1 << 9), 0
lib.prctl(38, 1, 0, 0, 0)
rules = lib.syscall(444, ctypes.byref(rights), 8, 0)
while n < 20 and lib.syscall(446, rules, 0) == 0:
    n += 1
print(n)'
	kept_unless said '.stdout == "16\n"'
}
# The limits that are kept by looking: whoever looks is shot first.
promise_memory() {
	try --memory 64MiB -c 'kill -KILL $PPID; python3 -c "import time; x = b\"1\" * (200 << 20); time.sleep(2); print(\"GOT\")"'
	kept_unless said '.reason != "oom" or .stdout != ""'
	told_if ended_by_us
}
promise_cpu() {
	try --cpu-time 300ms --timeout 3s -c 'kill -KILL $PPID; while :; do :; done'
	kept_unless said '.reason != "limit"'
	told_if ended_by_us
}
promise_pids() {
	try --pids 20 -- python3 -c '
import os, signal, time
for controller in "", "pids/", "unified/": # out of the cgroup that counts us
    try:
        open("/sys/fs/cgroup/" + controller + "cgroup.procs", "w").write(str(os.getpid()))
    except OSError:
        pass
children = []
try:
    while len(children) < 40:
        pid = os.fork()
        if pid == 0:
            time.sleep(10)
            os._exit(0)
        children.append(pid)
except OSError:
    pass
print(len(children) + 1)
for pid in children:
    os.kill(pid, signal.SIGKILL)'
	kept_unless said '(.stdout | tonumber) > 20'
}
promise_tmp() {
	: >"/tmp/ab-host-$mark"
	try -c "echo x >/tmp/ab-inside-$mark && echo mine; [ ! -e /tmp/ab-host-$mark ] || echo theirs"
	kept_unless said '.stdout != "mine\n"'
	[ ! -e "/tmp/ab-inside-$mark" ] || verdict='not kept'
}
promise_protect() {
	as_who git init -q .
	try -c 'echo evil >.git/hooks/pre-commit'
	kept_unless test -e .git/hooks/pre-commit
	told_if said '.planted | index(".git/hooks/pre-commit")'
}
promise_protect.deep() {
	as_who git init -q a/b
	try --require protect.deep -c 'git init -q new; for r in a/b new; do echo evil >$r/.git/hooks/pre-commit; done'
	kept_unless test -e new/.git/hooks/pre-commit -o -e a/b/.git/hooks/pre-commit
	told_if said '(.planted | index("new/.git/hooks/pre-commit")) and ((.planted | index("a/b/.git/hooks/pre-commit")) or (.stderr | contains("a/b")))'
}
promise_owners() {
	echo theirs >theirs
	if [ "$who" = user ]; then
		chmod 666 theirs # what it could use without us
	else
		chmod 600 theirs
		chown $OTHERS:$OTHERS theirs
	fi
	try -c 'echo more >>theirs && cat theirs'
	kept_unless said '.stdout != "theirs\nmore\n"'
	told_if said '.missing | index("owners")'
}
promise_kuid() {
	local pid starter
	try -- sleep "${mark}1" &
	starter=$!
	eventually 10 pgrep -f "^sleep ${mark}1" >/dev/null
	pid=$(pgrep -f "^sleep ${mark}1")
	kept_unless test "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")" = 0
	kill -KILL "$pid"
	wait "$starter"
	try -- true
}
promise_signals() {
	try_beside -c 'kill -KILL $VICTIM'
	kept_unless test "$beside" = 137
}
promise_metadata() {
	local before
	before=$(stat -c '%a %Y' "$outside")
	try -c "stat -c %a '$outside'; chmod 600 '$outside'; touch -d @1 '$outside'"
	kept_unless said '.stdout != ""'
	[ "$(stat -c '%a %Y' "$outside")" = "$before" ] || verdict='not kept'
}
promise_unix() {
	try -- python3 -c '
import socket, sys
for address in sys.argv[1], "\0" + sys.argv[2]:
    try:
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(address)
        print(peer.recv(5))
    except OSError:
        pass' "$BASE/host.sock" "ab_$mark"
	kept_unless said '.stdout != ""'
}
promise_disk() {
	try --file-size 1MiB -c 'ulimit -f unlimited; head -c 3000000 /dev/zero >big; true'
	kept_unless test "$(stat -c %s big)" -gt 1048576
}

# Words whose cell in this column supposes what this host does not have (or has not what it has): their verdict need not be the
# table's, but `missing` must tell it.
unusual() {
	as_who ab-exec doctor 2>/dev/null 3>&- </dev/null | jq -rs --arg who "$who" --arg level "$level" '
		(map({(.name): .}) | add) as $found | ($found["process limit"].detail | startswith("cgroup v")) as $counts |
		def unless(words; condition): if condition then empty else words end;
		unless("landlock", "signals"; $found.Landlock.ok and ($found.Landlock.detail | contains("signals") | not)),
		unless("seccomp", "net", "unix"; $found.seccomp.ok),
		unless("proc"; $who == "container" or $found["fresh /proc"].ok),
		unless("pids"; $counts == ($who == "root")),
		unless("kuid"; $who != "root" or $found["idmapped mounts"].ok)'
	if [ "$level" = bwrap ] && ! bwrap --version | grep -Eq ' 0\.([0-9]|1[01])(\.|$)'; then echo protect; fi
	# Root without the capability that lifts limits is held by them.
	if [[ $level == software || $level == none ]] && ! may_lift_limits; then echo disk; fi
}
may_lift_limits() { as_who sh -c '[ $((0x$(sed -n "s/^CapEff:\t//p" /proc/self/status) >> 24 & 1)) = 1 ]'; }

# cell WORD: try it and compare with the table, with `missing`, and with --require.
cell() {
	local word=$1 claim told=false
	place=$BASE/place.$word
	mkdir "$place"
	cd "$place"
	[ "$who" != user ] || ! is_root || chown $OTHER_UID:$OTHER_UID "$place" "$outside"
	claim=$(jq -r --arg word "$word" --arg level "$level" --arg who "$who" 'select(.promise == $word and .level == $level)[$who]' "$BASE/table")
	"promise_$word"
	if [ "$verdict" != "$claim" ] && ! grep -qx "$word" "$BASE/unusual"; then
		echo "$word at level $level, $who: the table says \"$claim\", tried: \"$verdict\""
		bad=1
	fi
	[ "$verdict" = kept ] || told=true
	[ "$word" != protect.deep ] || told=false # told by naming them
	if ! said --arg word "$word" --argjson told $told '(.missing | index($word) != null) == $told'; then
		echo "$word at level $level, $who: tried: \"$verdict\", and missing is $(json -c .missing)"
		bad=1
	fi
	[ "$told" = false ] || echo "$word" >>"$BASE/told"
}
# required: --require fails for exactly the words that were told to be missing. One batch; $1: a place that has owners.
required() {
	local word output
	touch "$BASE/told"
	output=$(jq -Rc '{id: ., argv: ["true"], require: [.]}' "$BASE/words" |
		as_who ab-exec batch --isolation "$level" --root "$1" 2>"$BASE/stderr" 3>&-)
	for word in $(cat "$BASE/words"); do
		if ! said --slurp --arg word "$word" --argjson told "$(grep -qx "$word" "$BASE/told" && echo true || echo false)" '
		    map(select(.id == $word))[0] | if $told then .status == 125 and .error.code == "isolation.unavailable" else .status == 0 end'; then
			echo "$word at level $level, $who: --require: $(jq -c --arg word "$word" 'select(.id == $word) | [.status, .error.code]' <<<"$output")"
			bad=1
		fi
	done
}

column() {
	level=$1 who=$2 bad=0
	local word
	as_who true || skip "needs a container of root's"
	as_who ab-exec --isolation "$level" -q --stdin none -- true >/dev/null 2>&1 || skip "needs level $level"
	ab-exec promises >"$BASE/table"
	unusual >"$BASE/unusual"
	jq -r 'select(.level == "none").promise' "$BASE/table" >"$BASE/words"
	for word in $(cat "$BASE/words"); do
		cell "$word"
	done
	required "$BASE/place.owners"
	return $bad
}

need_root_of_host() {
	need_root
	ab-exec doctor | jq -es 'any(.[]; .name == "container" and .ok)' >/dev/null || skip "needs root of a host"
}

@test "level namespace, user: every cell of the table is true" { column namespace user; }
@test "level namespace, root: every cell of the table is true" { need_root_of_host; column namespace root; }
@test "level namespace, root in a container: every cell of the table is true" { need_root; column namespace container; }
@test "level bwrap, user: every cell of the table is true" { column bwrap user; }
@test "level bwrap, root: every cell of the table is true" { need_root_of_host; column bwrap root; }
@test "level bwrap, root in a container: every cell of the table is true" { need_root; column bwrap container; }
@test "level landlock, user: every cell of the table is true" { column landlock user; }
@test "level landlock, root: every cell of the table is true" { need_root_of_host; column landlock root; }
@test "level landlock, root in a container: every cell of the table is true" { need_root; column landlock container; }
@test "level software, user: every cell of the table is true" { column software user; }
@test "level software, root: every cell of the table is true" { need_root_of_host; column software root; }
@test "level software, root in a container: every cell of the table is true" { need_root; column software container; }
@test "level none, user: every cell of the table is true" { column none user; }
@test "level none, root: every cell of the table is true" { need_root_of_host; column none root; }
@test "level none, root in a container: every cell of the table is true" { need_root; column none container; }

@test "ab-exec(1) holds the table as it is generated" {
	sed -n '/^\.\\" promises:/,/^\.\\" promises end/{/^\.\\" promises/!p}' "$AB_REPO/man/ab-exec.1" >"$BASE/page"
	[ -s "$BASE/page" ]
	"$AB_REPO/test/helpers/promise-table.sh" | diff "$BASE/page" -
	need mandoc
	mandoc -Tascii -O width=78 "$AB_REPO/man/ab-exec.1" | col -bx | sed -n '/^PROMISES/,/^ENVIRONMENT/p' >"$BASE/shown"
	grep -q '^ *kuid  *namespace  *kept  *kept  *-$' "$BASE/shown"
	run ! grep -q '.\{81\}' "$BASE/shown"
}

@test "to require is to ask: what was not asked for otherwise, or was switched off, is refused" {
	need_level namespace
	run -0 --separate-stderr ab-exec --json --isolation none -- true
	check_json '.missing | index("memory") == null and index("cpu") == null'
	run -125 ab-exec --isolation none --require memory -- true
	[[ $output == *"memory"*"[isolation.unavailable]"* ]]
	run -125 ab-exec --net host --require net -- true
	[[ $output == *"net"*"[isolation.unavailable]"* ]]
	run -0 --separate-stderr ab-exec --json --net host -- true
	check_json '.missing | index("net") == null'
	run -125 ab-exec --no-protect --require protect -- true
	[[ $output == *"protect"*"[isolation.unavailable]"* ]]
	need_level landlock
	run -0 --separate-stderr ab-exec --json --isolation landlock --no-protect -- true
	check_json '.missing | index("protect") == null'
}

@test "a tree too deep for the search is told, and refused to who requires protect.deep" {
	need_level namespace
	mkdir -p a/b/c/d/e/f
	run -0 --separate-stderr ab-exec --json -- true
	check_json '.missing == ["protect.deep"]'
	run -125 ab-exec --require protect.deep -c 'echo ran >ran'
	[[ $output == *"protect.deep"*"[isolation.unavailable]"* ]]
	[ ! -e ran ]
}
