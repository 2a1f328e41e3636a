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

# run_one FILE: the output of one file, always ended by a line "# exit STATUS SECONDS".
run_one() {
	status=0 started=$(date +%s)
	limit="timeout -k 10 ${AB_TEST_TIMEOUT:-900}"
	case $1 in
	*.bats)
		$limit bats --tap "$1" ;;
	*_fuzz)
		corpus=$(mktemp -d)
		name=${1##*/}
		set -- "$1" "$corpus"
		[ ! -d "test/fuzz/corpus/$name" ] || set -- "$@" "test/fuzz/corpus/$name"
		if $limit "$@" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
		    -artifact_prefix="${AB_BUILD:-build}/$name-"; then
			echo "ok 1 - $name"
		else
			echo "not ok 1 - $name"
		fi
		rm -rf "$corpus"
		echo 1..1 ;;
	*)
		case $1 in */*) ;; *) set -- "./$1" ;; esac
		$limit "$1" ;;
	esac </dev/null || status=$?
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
	number=$2 dir=$3 file=$4
	run_one "$file" >"$dir/$number.out" 2>&1
	exit 0
fi
[ $# -gt 0 ] || { echo "usage: test/run.sh FILE..." >&2; exit 2; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/ab-run.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"

list='' number=1000
for file; do
	number=$((number + 1))
	list="$list$number $dir $file
"
done
# shellcheck disable=SC2016 # expanded by the inner shell
printf '%s' "$list" | xargs -P "${AB_TEST_JOBS:-2}" -L 1 "$0" --one
AB_RUN_NAMES=$(for file; do echo "${file#"${AB_BUILD:-build}"/}"; done)
export AB_RUN_NAMES
report "$dir"
