#!/usr/bin/env bats
# In a container without privileges, simulated: level landlock works and says so; what would help is named exactly.

load helpers/load

# The filter alone, which needs no right; a container with it (plain) or without (userns), which only root can make.
filtered() { "$HELPERS/no-userns" "$@"; }
in_docker() { "$AB_REPO/test/helpers/container.sh" "$@"; }
need_docker() {
	need_root
	in_docker plain true 2>/dev/null || skip "needs mounts of root's"
}
# As the ordinary user of as_user.
in_docker_as_user() {
	local kind=$1
	shift
	as_user true # makes what belongs to the user
	in_docker "$kind" setpriv --reuid $OTHER_UID --regid $OTHER_UID --clear-groups env HOME="$BASE/user" AB_HOME="$BASE/user/ab" \
	    PATH="$BASE/bin:$PATH" "$@"
}
need_landlock() {
	filtered ab-exec -q --stdin none -- true >/dev/null 2>&1 || skip "needs Landlock and seccomp filters"
}
works_at_level_landlock() {
	run -0 --separate-stderr "$@" ab-exec --json --no-guard -c 'echo x >made; cat made; cat '"$BASE"'/secret; echo x >/etc/evil; exit 0'
	check_json '.level == "landlock"' '.stdout == "x\n"' '.error == null' '.status == 0' \
	    '.missing | contains(["namespace", "proc", "tmp", "metadata"])' '.missing | index("net") == null and index("landlock") == null'
	run -0 --separate-stderr "$@" ab-exec -- true
	[[ $stderr == "ab-exec: isolation landlock, without: namespace proc "*"ab-exec doctor says why" ]]
	run -7 --separate-stderr "$@" ab-exec -q -c 'exit 7'
	[ -z "$stderr" ]
}

@test "without namespaces ab-exec works at level landlock and says so, as whoever runs the tests" {
	need_landlock
	(umask 077; echo topsecret >"$BASE/secret")
	works_at_level_landlock filtered
}

@test "in a container without privileges: the same as root and as an ordinary user" {
	need_docker
	need_landlock
	echo topsecret >"$BASE/secret"
	works_at_level_landlock in_docker plain
	[ "$(stat -c %u made)" = 0 ]
	rm made
	works_at_level_landlock in_docker_as_user plain
	[ "$(stat -c %u made)" = $OTHER_UID ]
}

@test "level namespace is refused where namespaces are" {
	need_landlock
	run -125 filtered ab-exec --isolation namespace -- true
	[[ $output == *"level namespace is not available here"*"Operation not permitted"*"[isolation.unavailable]"* ]]
	run -125 filtered ab-exec --require namespace -- true
	[[ $output == *"level landlock does not keep what is required: namespace"*"[isolation.unavailable]"* ]]
}

@test "level namespace is refused in a container, with docker's option to type" {
	need_docker
	need_landlock
	run -125 --separate-stderr in_docker plain ab-exec --json --isolation namespace -- true
	check_json '.reason == "failed"' '.error.code == "isolation.unavailable"' '.error.retryable == false' \
	    '.error.hint | startswith("docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined")'
	run -125 --separate-stderr in_docker_as_user plain ab-exec --json --require namespace -- true
	check_json '.error.code == "isolation.unavailable"' '.error.hint | startswith("docker run ")' '.error.message | contains("namespace")'
}

@test "an allow-list is refused there rather than weakened; the host's network is not" {
	need_landlock
	run -125 filtered ab-exec --net allow:example.org -- true
	[[ $output == *"allow-list"*"[isolation.unavailable]"* || $output == *"level namespace is not available here"*"[isolation.unavailable]"* ]]
	run -125 filtered ab-exec --isolation landlock --net allow:example.org -c 'echo ran >ran'
	[[ $output == *"level landlock cannot keep a network allow-list"*"[isolation.unavailable]"* ]]
	[ ! -e ran ]
	run -0 --separate-stderr filtered ab-exec --json --net host -- true
	check_json '.level == "landlock"' '.net == "host"'
}

@test "doctor: level landlock, what is missing, and docker's option; as root and as a user" {
	need_docker
	need_landlock
	local as
	for as in in_docker in_docker_as_user; do
		run -0 --separate-stderr $as plain ab-exec doctor
		output=$(jq -s 'map({(.name): .}) | add' <<<"$output")
		check_json '.level == {name: "level", ok: false, promise: "namespace", detail: "landlock", remedy: null}' \
		    '.container.detail | startswith("in a Docker container")' '.container.ok | not' '.Landlock.ok' '.seccomp.ok' \
		    '[."user namespaces", ."fresh /proc", .container] | all(.remedy | contains("--security-opt seccomp=unconfined"))' \
		    '."system calls".detail | contains("clone3 no (clone serves)")'
	done
}

@test "a container that allows namespaces but covers /proc: level namespace without proc" {
	need_docker
	need_level namespace
	for as in in_docker in_docker_as_user; do
		run -0 --separate-stderr $as userns ab-exec --json --no-guard -c 'uname -n; test -r /proc/self/status && echo self; echo x >/proc/sys/kernel/core_pattern; :'
		check_json '.level == "namespace"' '.missing | index("proc")' '.stdout == "ab\nself\n"' '.missing | index("namespace") == null'
		[[ $(jq -r .stderr <<<"$output") == *"/proc/sys/kernel/core_pattern"* ]]
		run -125 $as userns ab-exec --require proc -- true
		[[ $output == *"proc"*"[isolation.unavailable]"*"systempaths=unconfined"* ]]
		run -0 --separate-stderr $as userns ab-exec doctor
		output=$(jq -s 'map({(.name): .}) | add' <<<"$output")
		check_json '.level.ok' '."user namespaces".ok' '."fresh /proc".ok | not' \
		    '."fresh /proc".remedy | startswith("docker run --security-opt systempaths=unconfined")'
	done
}

@test "a /proc that is not fresh shows nothing of the processes outside but their numbers" {
	need_docker
	need_level namespace
	# shellcheck disable=SC2016 # expanded inside
	local outside='sleep "$1" & victim=$!
		ab-exec --json --env V=$victim -c "cd /proc/\$V && echo there; cat environ mem maps fd/0 root/etc/shadow; ls cwd/; echo 1 >oom_score_adj; kill \$V; :"
		kill $victim; wait $victim; echo $?'
	for as in in_docker in_docker_as_user; do
		run -0 --separate-stderr $as userns env SECRET=topsecret sh -c "$outside" sh "$(unique)"
		[ "${lines[-1]}" = 143 ]
		output=${lines[0]}
		check_json '.level == "namespace"' '.stdout == "there\n"' '.status == 0' '.missing | index("proc")'
	done
}
