#!/bin/sh
# Everything that can be said about the sources without running them, as one TAP stream. `make lint` gives AB_BUILD, AB_FLAGS.
# shellcheck disable=SC2317 # the steps are called by name
set -u
cd "$(dirname "$0")/.." || exit
: "${AB_BUILD:=build}" "${AB_FLAGS:=-D_GNU_SOURCE -iquote lib -iquote $AB_BUILD/gen -std=gnu11}"

number=0 failed=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
# step NAME COMMAND…: one test; what the command prints is shown when it fails.
step() {
	number=$((number + 1)) name=$1
	shift
	if "$@" >"$out" 2>&1; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		sed -n '1,80s/^/# /p' "$out"
		failed=1
	fi
}
skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP no $2 here"
}
have() { command -v "$1" >/dev/null 2>&1; }

c_files=$(find lib cmd test -name '*.c' | sort)
eval "set -- $AB_FLAGS"

syntax() {
	compiler=$1
	shift
	# shellcheck disable=SC2086
	printf '%s\n' $c_files | xargs -P 2 -n 8 "$compiler" "$@" -Werror -fsyntax-only
}
tidy() {
	# The libraries and commands; tests may be less tidy than what they test.
	printf '%s\n' "$c_files" | grep -v '^test/' | xargs -P 2 -I FILE clang-tidy --quiet FILE -- "$@" 2>/dev/null >"$out.tidy"
	status=$?
	grep ': error:' "$out.tidy" | sort -u
	rm -f "$out.tidy"
	return "$status"
}
shells() {
	# shellcheck disable=SC2046
	shellcheck install.sh .ci/run $(find test completions -name '*.sh')
}
bats_files() { find test -name '*.bats' -exec shellcheck -s bats -S warning -e SC1090,SC1091,SC2030,SC2031,SC2154,SC2164 {} +; }
pages() {
	mandoc -Tlint -W warning man/*.[1-8] >"$out.man"
	status=0
	# A page of ours that is not installed yet is no mistake.
	grep -vE 'referenced manual not found|outdated mandoc.db' "$out.man" | grep -E 'WARNING|ERROR|UNSUPP' && status=1
	rm -f "$out.man"
	return "$status"
}

test/layers.sh >"$out.layers" || failed=1
while IFS= read -r line; do
	case $line in
	1..*) ;;
	ok\ * | not\ ok\ *)
		number=$((number + 1))
		echo "${line%%[0-9]*}$number - ${line#* - }" ;;
	*) echo "$line" ;;
	esac
done <"$out.layers"
rm -f "$out.layers"

# The flags are those of the compiler that builds; clang need not know them all.
if have gcc; then step "gcc has no warning" syntax gcc "$@"; else skip gcc gcc; fi
if have clang; then step "clang has no warning" syntax clang "$@" -Wno-unknown-warning-option; else skip clang clang; fi
if have clang-tidy; then step "clang-tidy has no finding" tidy "$@" -Wno-unknown-warning-option; else skip clang-tidy clang-tidy; fi
if have shellcheck; then
	step "shellcheck: scripts" shells
	step "shellcheck: bats files" bats_files
else
	skip shellcheck shellcheck
fi
if have mandoc; then step "mandoc: manual pages" pages; else skip mandoc mandoc; fi
echo "1..$number"
exit $failed
