# For the tests of ab-kv.
# shellcheck shell=bash disable=SC2154 # bats sets status, output, stderr

# Both streams of a command that must end with the given status.
ends() {
	local want=$1
	shift
	run --separate-stderr "$@"
	[ "$status" -eq "$want" ] || { echo "status $status, not $want: $*"; echo "$output"; echo "$stderr"; return 1; }
}
# refuses STATUS CODE COMMAND…: it ends so, with that code.
refuses() {
	local code=$2
	ends "$1" "${@:3}"
	[[ $stderr == *"[$code]"* ]] || { echo "no [$code]: ${*:3}"; echo "$stderr"; return 1; }
}
# Requests, one an argument, to a batch; its answers are in $output.
ask() { run --separate-stderr ab-kv batch "${OPTIONS[@]}" < <(printf '%s\n' "$@"); }
OPTIONS=()
