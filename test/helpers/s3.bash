# For tests that talk to S3: the server of our own (see s3server.py), one a test. Loaded after load.bash.
# shellcheck shell=bash

# start_s3 [server options]: starts it, with an empty bucket "bucket", and points the client's environment at it. Objects are in
# $S3_ROOT/bucket; started once more, with other options, it still has them, but no faults. Not in a subshell: the server ends with
# who started it.
start_s3() {
	local port
	stop_s3 || return
	S3_ROOT=$BASE/s3 S3_LOG=$BASE/s3.log S3_FAULTS=$BASE/s3.faults
	AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY AWS_REGION=us-east-1
	unset AWS_SESSION_TOKEN AWS_DEFAULT_REGION AWS_ENDPOINT_URL AWS_PROFILE AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE
	unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
	local -a options=("$@")
	while [ $# -gt 0 ]; do
		case $1 in
		--access-key) AWS_ACCESS_KEY_ID=$2; shift ;;
		--secret) AWS_SECRET_ACCESS_KEY=$2; shift ;;
		--token) export AWS_SESSION_TOKEN=$2; shift ;;
		--region) AWS_REGION=$2; shift ;;
		esac
		shift
	done
	mkdir -p "$S3_ROOT/bucket"
	: >"$S3_FAULTS"
	rm -f "$BASE/s3.port"
	python3 "$AB_REPO/test/helpers/s3server.py" --root "$S3_ROOT" --port-file "$BASE/s3.port" --log "$S3_LOG" --faults "$S3_FAULTS" \
	    "${options[@]}" </dev/null >"$BASE/s3.err" 2>&1 3>&- &
	S3_PID=$!
	if ! eventually 20 s3_is_up_or_dead || [ ! -s "$BASE/s3.port" ]; then
		echo "the S3 server does not start:"
		cat "$BASE/s3.err"
		return 1
	fi
	port=$(cat "$BASE/s3.port")
	AWS_ENDPOINT_URL_S3=http://127.0.0.1:$port
	export S3_ROOT S3_LOG S3_FAULTS S3_PID AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION AWS_ENDPOINT_URL_S3
}
s3_is_up_or_dead() { [ -s "$BASE/s3.port" ] || ! kill -0 "$S3_PID" 2>/dev/null; }

# stop_s3: ends it; fails when the server itself failed at something, and says what.
stop_s3() {
	[ -n "${S3_PID:-}" ] || return 0
	kill "$S3_PID" 2>/dev/null || :
	wait "$S3_PID" 2>/dev/null || :
	S3_PID=
	if [ -s "$BASE/s3.err" ]; then
		echo "the S3 server said:"
		cat "$BASE/s3.err"
		return 1
	fi
}
# A test that has a teardown of its own calls both.
teardown() {
	local failed=0
	stop_s3 || failed=1
	ab_teardown
	return $failed
}

# fault RULE…: more rules for the server, each a JSON object (see s3server.py). Counted from now on, even if one like it was there.
fault() {
	local rule
	for rule; do
		jq -e '(.match | test("^[A-Z*]+ ")) and (.do | type == "string")' <<<"$rule" >/dev/null ||
			{ echo "no rule: $rule"; return 1; }
		jq -c --arg id "$EPOCHREALTIME.$RANDOM" '. + {id: $id}' <<<"$rule" >>"$S3_FAULTS" || return
	done
}
clear_faults() { : >"$S3_FAULTS"; }

# s3_count FILTER: how many of the requests so far it selects: s3_count '.method == "PUT" and .status == 200'.
s3_count() { jq -s "map(select($1)) | length" "$S3_LOG"; }
# s3_forget: counting begins anew.
s3_forget() { : >"$S3_LOG"; }
# s3_file KEY [BUCKET]: the file that holds, or would hold, the object.
s3_file() {
	local name
	name=$(python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1], safe=""))' "$1") || return
	[ "${name#.}" = "$name" ] || name=%2E${name#.}
	echo "$S3_ROOT/${2:-bucket}/$name"
}
