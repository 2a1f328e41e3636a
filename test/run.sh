#!/bin/sh
# Run test files, two at a time, and add up what they say (TAP, https://testanything.org/tap-specification.html).
#
# usage: test/run.sh FILE...
#   NAME.bats   run by bats        NAME_fuzz   a libFuzzer target, run for FUZZ_SECONDS      anything else: a TAP producer
#
# One line a file; failures in full; skipped tests with their reasons; the last line is "N passed, N failed".
# A file that dies, times out, or runs another number of tests than it planned is one more failure.
# AB_TEST_JOBS (2) files at once; AB_TEST_TIMEOUT (900) seconds a file. (BATS_TEST_TIMEOUT is not used: its clock is a child of the
# test's shell, for which a bare `wait` would wait.)
set -eu

# run_one FILE: run it; its exit status. timeout(1) makes a process group of the test, which ends with it.
run_one() {
	limit="timeout -k 10 ${AB_TEST_TIMEOUT:-900}"
	case $1 in
	*.bats)
		set -- bats --tap "$1" ;;
	*_fuzz)
		name=${1##*/} corpus=test/fuzz/corpus/${1##*/}
		mkdir "$dir/$number.corpus"
		[ -d "$corpus" ] || corpus=
		set -- "$1" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
		    -artifact_prefix="${AB_BUILD:-build}/$name-" "$dir/$number.corpus" ${corpus:+"$corpus"} ;;
	*/*) ;;
	*)
		set -- "./$1" ;;
	esac
	$limit "$@" </dev/null &
	trap 'kill $!; exit 143' INT TERM HUP
	wait $!
}

# one FILE: its output, for a fuzz target as TAP, and a last line "# exit STATUS SECONDS".
one() {
	status=0 started=$(date +%s)
	echo $$ >"$dir/$number.pid"
	run_one "$1" || status=$?
	case $1 in
	*_fuzz)
		[ $status = 0 ] || printf 'not '
		printf 'ok 1 - %s\n1..1\n' "${1##*/}" ;;
	esac
	rm "$dir/$number.pid"
	echo "# exit $status $(($(date +%s) - started))"
}

# Reads the outputs, prints a line for each and what failed; the exit status is 1 when anything did.
report() {
	awk '
	function flush_file(   bad) {
		if (file == "")
			return
		bad = failed
		if (status != 0 && failed == 0) {
			text = text sprintf("# %s: exit status %s\n%s", file, status, tail)
			bad = 1
		} else if (planned >= 0 && planned != passed + failed + skipped && failed == 0) {
			text = text sprintf("# %s: planned %d tests, ran %d\n%s", file, planned, passed + failed + skipped, tail)
			bad = 1
		} else if (planned < 0 && failed == 0) {
			text = text sprintf("# %s: no plan\n%s", file, tail)
			bad = 1
		}
		printf "%-8s %-36s %4d s %4d passed%s%s\n", bad ? "FAILED" : "ok", file, seconds, passed,
		    bad ? sprintf(", %d failed", bad) : "", skipped ? sprintf(", %d skipped", skipped) : ""
		if (bad)
			printf "%s", text
		all_passed += passed; all_failed += bad; all_skipped += skipped
	}
	FNR == 1 {
		flush_file()
		file = names[++count]
		passed = failed = skipped = 0; planned = -1; status = 0; text = before = tail = ""; after = 0
	}
	/^# exit [0-9]+ [0-9]+$/ { status = $3; seconds = $4; next }
	{ tail = substr(tail $0 "\n", length(tail $0 "\n") > 4000 ? length(tail $0 "\n") - 4000 : 1) }
	# A test that runs itself once more as somebody else has two plans.
	/^1\.\.[0-9]+/ { planned = (planned < 0 ? 0 : planned) + substr($1, 4); next }
	/^ok / {
		if (match($0, /# *[Ss][Kk][Ii][Pp]/)) {
			skipped++
			reason = substr($0, RSTART + RLENGTH)
			gsub(/^[ :(]+|[ )]+$/, "", reason)
			reasons[reason]++
		} else
			passed++
		before = ""; after = 0
		next
	}
	# Unit tests say why before the line, bats after it.
	/^not ok / { failed++; text = text before $0 "\n"; before = ""; after = 1; next }
	after { text = text $0 "\n"; next }
	{ before = before $0 "\n" }
	END {
		flush_file()
		for (reason in reasons)
			printf "skipped: %d (%s)\n", reasons[reason], reason
		printf "%d passed, %d failed\n", all_passed, all_failed
		exit all_failed > 0
	}
	BEGIN { split(ENVIRON["AB_RUN_NAMES"], names, "\n") }
	' "$1"/*.out
}

if [ "${1:-}" = --one ]; then
	number=$2 dir=$3
	one "$4" >"$dir/$number.out" 2>&1
	exit 0
fi
[ $# -gt 0 ] || { echo "usage: test/run.sh FILE..." >&2; exit 2; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/ab-run.XXXXXX")
# What is running ends with us.
stop() {
	cat "$dir"/*.pid 2>/dev/null | xargs -r kill 2>/dev/null || :
	exit "$1"
}
trap 'rm -rf "$dir"' EXIT
trap 'stop 130' INT
trap 'stop 143' TERM HUP
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"

list='' number=1000
for file; do
	number=$((number + 1))
	list="$list$number $dir $file
"
done
# shellcheck disable=SC2016 # expanded by the inner shell
printf '%s' "$list" | xargs -P "${AB_TEST_JOBS:-2}" -L 1 "$0" --one &
wait $!
AB_RUN_NAMES=$(for file; do echo "${file#"${AB_BUILD:-build}"/}"; done)
export AB_RUN_NAMES
report "$dir"
