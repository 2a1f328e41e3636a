#!/usr/bin/env bats
# Every case of test/cases is contained; at level landlock a list says which cannot be, and why.

load helpers/load

cases() { "$AB_REPO/test/helpers/isolation-cases.py" "$@" "$AB_REPO"/test/cases/isolation*.jsonl; }

@test "every case is contained, as whoever runs the tests" {
	need_level namespace
	need python3
	run cases
	grep '^not ok' -A1 <<<"$output" || true
	[ "$status" -eq 0 ]
}

@test "every case is contained, started by root as an ordinary user" {
	need_root
	need_level namespace as_user
	PATH="$BASE/bin:$PATH" run cases --user $OTHER_UID
	grep '^not ok' -A1 <<<"$output" || true
	[ "$status" -eq 0 ]
}

@test "level landlock contains all but what its list names" {
	need_level landlock
	run cases --isolation landlock --expect-fail "$AB_REPO/test/cases/landlock-not-kept.txt"
	grep '^not ok' -A1 <<<"$output" || true
	[ "$status" -eq 0 ]
}
