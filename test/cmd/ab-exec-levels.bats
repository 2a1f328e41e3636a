#!/usr/bin/env bats
# Levels that are never chosen by themselves: software (the guard alone) and bwrap (an installed bubblewrap).

load ../helpers/load

# run_at LEVEL OPTION…: its record is $output.
run_at() {
	local level=$1
	shift
	run -0 --separate-stderr ab-exec --json --exit-zero --isolation "$level" --timeout 20s "$@"
}

@test "software runs as none does, and says so: level, missing, the plan, the environment" {
	run_at none -c 'exit 3'
	local none=$output
	run_at software -c 'exit 3'
	check_json '.level == "software"' '.reason == "exit"' '.status == 3'
	[ "$(json -c .missing)" = "$(jq -c .missing <<<"$none")" ]
	[ "$(json '.missing | length')" -gt 3 ]
	run -0 --separate-stderr ab-exec --json --isolation software --dry-run -- true
	check_json '.level == "software"' '.missing | index("namespace")'
	run_at software -c "echo \$AB_SANDBOX; echo seen >'$BASE/outside'"
	check_json '.stdout == "software\n"'
	[ "$(cat "$BASE/outside")" = seen ]
}

@test "software is no wall: what a scope closes refuses it, and requests need --host-paths" {
	local setting
	for setting in "--net none" "--read $BASE" "--write $BASE" "--protect"; do
		# shellcheck disable=SC2086 # two words
		ab-scope create -q "$(echo "s$setting" | tr -cd 'a-z')" $setting
		run -125 ab-exec --scope "$(echo "s$setting" | tr -cd 'a-z')" --isolation software -- true
		[[ $output == *"isolation software cannot keep the scope's setting"*"[denied.policy]"* ]]
	done
	run -4 --separate-stderr ab-exec batch --fail <<<'{"id":1,"argv":["true"],"isolation":"software"}'
	check_json '.error.code == "denied.policy"'
	run -0 --separate-stderr ab-exec batch --fail --host-paths <<<'{"id":1,"argv":["true"],"isolation":"software"}'
	check_json '.level == "software"' '.status == 0'
}

@test "a scope's weakest level: software allows no none, and landlock no software" {
	ab-scope create -q soft --isolation software
	run -125 ab-exec --scope soft --isolation none -- true
	[[ $output == *"[denied.policy]"* ]]
	run -0 ab-exec --scope soft --isolation software -q -- true
	ab-scope create -q hard --isolation landlock
	run -125 ab-exec --scope hard --isolation software -- true
	[[ $output == *"[denied.policy]"* ]]
}
