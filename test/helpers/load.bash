# shellcheck shell=bash
# Loaded by every bats file: `load ../helpers/load` (or `load helpers/load`).
#
# Each test gets, in $BASE: an empty tree ($TREE, the working directory), an AB_HOME of its own, and PATH with the commands that
# were built. $BASE lies in /var/tmp, because /tmp itself is one of the things a sandbox replaces. Afterwards nothing of it is left.
bats_require_minimum_version 1.5.0

AB_REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
AB_BUILD=${AB_BUILD:-$AB_REPO/build}
HELPERS=$AB_BUILD/test/helpers
export AB_REPO AB_BUILD HELPERS
OTHER_UID=12345

# One number for a test: to name processes so that they can be found again ("sleep 9123.1").
unique() { echo "9$((BASHPID % 10000))$BATS_TEST_NUMBER.${1:-1}"; }

ab_setup() {
	BASE=$(mktemp -d /var/tmp/ab-test.XXXXXX)
	chmod 755 "$BASE"
	TREE=$BASE/tree
	mkdir "$TREE" "$BASE/home"
	export HOME=$BASE/home AB_HOME=$BASE/home/ab TREE BASE
	export PATH="$AB_BUILD/bin:$PATH"
	unset AB_ROOT AB_SCOPE AB_LOG AB_FORMAT AB_ERRORS AB_SANDBOX XDG_STATE_HOME NO_COLOR
	cd "$TREE" || return
}
ab_teardown() {
	cd /
	[ -z "${BASE:-}" ] || { chmod -R u+rwX "$BASE" 2>/dev/null; rm -rf "$BASE"; }
}
setup() { ab_setup; }
teardown() { ab_teardown; }

is_root() { [ "$(id -u)" = 0 ]; }

# as_user COMMAND…: run it without any right, in a world of its own. As root only ($BASE then belongs to that user); an ordinary
# user is that user already.
as_user() {
	if ! is_root; then
		"$@"
		return
	fi
	if [ ! -d "$BASE/bin" ]; then
		# The build may lie where nobody else may look.
		mkdir -p "$BASE/libexec" "$BASE/user"
		cp -R "$AB_BUILD/bin" "$BASE/bin"
		cp -R "$AB_BUILD/libexec/ab" "$BASE/libexec/ab"
		chown -R $OTHER_UID:$OTHER_UID "$BASE/user" "$TREE"
	fi
	setpriv --reuid $OTHER_UID --regid $OTHER_UID --clear-groups env HOME="$BASE/user" AB_HOME="$BASE/user/ab" \
	    PATH="$BASE/bin:$PATH" "$@"
}

need_root() { is_root || skip "needs root"; }
need() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "needs $program"
	done
}

# need_level LEVEL [as_user]: skip unless the host gives that level. Asked once a file.
need_level() {
	local known="$BATS_FILE_TMPDIR/level-$1-${2:-self}"
	if [ ! -e "$known" ]; then
		if ${2:-} ab-exec --isolation "$1" -q --stdin none -- true >/dev/null 2>"$known.why"; then
			echo yes >"$known"
		else
			echo no >"$known"
		fi
	fi
	[ "$(cat "$known")" = yes ] || skip "needs level $1"
}
# need_promise WORD: skip unless the host keeps that promise at level namespace (`proc`, `memory`, …).
need_promise() {
	need_level namespace
	ab-exec --isolation namespace --require "$1" -q --stdin none -- true 2>/dev/null || skip "needs $1"
}
# The tests that give a program to LD_PRELOAD, or count its memory, mean nothing in a build with sanitizers.
need_plain_build() {
	! grep -q -- '-fsanitize=address' "$AB_BUILD/flags" || skip "not in a build with sanitizers"
}

# json FILTER: the value in $output; a missing one fails. check_json FILTER…: each must be true of $output.
# shellcheck disable=SC2154 # bats sets output
json() { jq -er "$@" <<<"$output"; }
check_json() {
	local filter
	for filter; do
		if ! jq -e "$filter" <<<"$output" >/dev/null; then
			echo "not true: $filter"
			echo "of: $output"
			return 1
		fi
	done
}
# eventually SECONDS COMMAND…: until it succeeds.
eventually() {
	local until=$((SECONDS + $1 + 1))
	shift
	until "$@"; do
		[ $SECONDS -lt $until ] || { echo "never: $*"; return 1; }
		sleep 0.05
	done
}
nobody_runs() { ! pgrep -f -- "$1" >/dev/null; }
# gone PATTERN: no process whose command line matches is left, now or very soon.
gone() { eventually 2 nobody_runs "$1"; }
# Mounts of this test, and cgroups of runs that are over: others run at the same time.
mounts() { grep -c -- "$BASE" /proc/self/mounts || true; }
stale_cgroups() {
	local dir
	find /sys/fs/cgroup -type d -name 'ab-*' 2>/dev/null | while read -r dir; do
		[ -d "/proc/${dir##*-}" ] || echo "$dir"
	done
}
cgroups() { stale_cgroups | wc -l; }
no_stale_cgroup() { [ -z "$(stale_cgroups)" ]; }
