#!/usr/bin/env bats
# The tests' own S3 server is strict: what it takes from a client, S3 would take.
# shellcheck disable=SC2154 # bats sets stderr

load helpers/load
load helpers/s3

asked() {
	need python3
	run python3 "$AB_REPO/test/helpers/s3server-test.py" "$@"
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
}
begin() {
	need python3 curl
	start_s3 "$@"
}
# signed [curl options] PATH: a request that curl signs; the answer's body on stdout, its status on stderr.
signed() {
	curl -sS --path-as-is --max-time 20 -w '%{stderr}%{http_code}' --aws-sigv4 "aws:amz:$AWS_REGION:s3" \
	    --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "${@:1:$#-1}" "$AWS_ENDPOINT_URL_S3${*: -1}"
}
digest() { echo "x-amz-content-sha256: $(printf %s "$1" | sha256sum | cut -d' ' -f1)"; }
# put BODY [curl options] PATH
put() { signed -X PUT -H "$(digest "$1")" --data-binary "$1" "${@:2}"; }
get() { signed -H "$(digest '')" "$@"; }
# answers STATUS CODE COMMAND…: CODE is empty for an answer that is no error.
answers() {
	run --separate-stderr "${@:3}"
	[ "$stderr" = "$1" ] || { echo "$stderr, not $1: ${*:3}"; echo "$output"; return 1; }
	[ -z "$2" ] || [[ $output == *"<Code>$2</Code>"* ]] || { echo "no $2: ${*:3}"; echo "$output"; return 1; }
}

@test "it verifies as the published examples say" { asked Examples; }
@test "a wrong signature, time, scope, token, header or body is refused" { asked Signatures; }
@test "objects: put, get, head, delete, list" { asked Objects; }
@test "of writers that ask for the same condition one wins" { asked Conditions; }
@test "it outlives what is no request, and clients that go" { asked Hostile; }
@test "it misbehaves as it is told to" { asked Faults; }
@test "it ends with who started it" { asked Process; }

@test "curl: what it signs is taken" {
	local path
	begin
	for path in /bucket/plain /bucket/a%20b /bucket/a%2Bb /bucket/%C3%A9 /bucket/a~b /bucket/a%3Db /bucket/a//b /bucket/a/../b /bucket/%25; do
		answers 200 '' put "content of $path" "$path"
		answers 200 '' get "$path"
		[ "$output" = "content of $path" ]
	done
	[ "$(cat "$(s3_file 'a b')" "$(s3_file a/../b)" "$(s3_file é)")" = 'content of /bucket/a%20bcontent of /bucket/a/../bcontent of /bucket/%C3%A9' ]
	answers 200 '' put x -H 'x-amz-meta-more: a   b' -H 'x-other: c' /bucket/plain
	answers 412 PreconditionFailed put y -H 'If-None-Match: *' /bucket/plain
	answers 200 '' get '/bucket?list-type=2&prefix=pl'
	[[ $output == *'<KeyCount>1</KeyCount>'*'<Key>plain</Key>'* ]]
	[ "$(s3_count .signed_ok)" -eq 21 ]
	[ "$(s3_count '.status == 412 and .conditions["if-none-match"] == "*"')" -eq 1 ]
	! grep -F "$AWS_SECRET_ACCESS_KEY" "$S3_LOG"
}

@test "curl: what it signs otherwise than S3 is refused" {
	local path
	begin
	# This is what S3 does, too: it signs each byte that is not unreserved as %XX, and a query in order; curl does only from 8 on.
	if [[ $(curl --version) == 'curl 7.'* ]]; then
		for path in /bucket/a+b /bucket/é /bucket/a=b '/bucket/(a)' /bucket/%7E /bucket/%c3%a9; do
			answers 403 SignatureDoesNotMatch put x "$path"
		done
		answers 403 SignatureDoesNotMatch get '/bucket?prefix=pl&list-type=2'
	fi
	answers 403 SignatureDoesNotMatch env AWS_SECRET_ACCESS_KEY=other bash -c "$(declare -f signed digest get); get /bucket/a"
	answers 400 AuthorizationHeaderMalformed env AWS_REGION=eu-west-1 bash -c "$(declare -f signed digest get); get /bucket/a"
	answers 403 InvalidAccessKeyId env AWS_ACCESS_KEY_ID=AKIAOTHER bash -c "$(declare -f signed digest get); get /bucket/a"
	answers 400 XAmzContentSHA256Mismatch signed -X PUT -H "$(digest a)" --data-binary b /bucket/a
	answers 400 InvalidRequest signed -X PUT -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' --data-binary b /bucket/a
	answers 403 AccessDenied curl -sS -w '%{stderr}%{http_code}' "$AWS_ENDPOINT_URL_S3/bucket/a"
	[ "$(find "$S3_ROOT/bucket" -type f | wc -l)" -eq 0 ]
	start_s3 --clock-offset -3600
	answers 403 RequestTimeTooSkewed get /bucket/a
}

@test "curl: a token, a bucket in the host, a large body" {
	local port
	begin --token the-token --region eu-central-1
	answers 200 '' put x -H "x-amz-security-token: $AWS_SESSION_TOKEN" /bucket/a
	answers 400 InvalidToken get -H 'x-amz-security-token: other' /bucket/a
	answers 403 InvalidAccessKeyId get /bucket/a
	start_s3
	port=${AWS_ENDPOINT_URL_S3##*:}
	AWS_ENDPOINT_URL_S3=http://bucket.s3.example.com:$port
	answers 200 '' get --resolve "bucket.s3.example.com:$port:127.0.0.1" /a
	[ "$output" = x ]
	AWS_ENDPOINT_URL_S3=http://127.0.0.1:$port
	head -c 3000000 /dev/urandom >"$BASE/large"
	# curl asks whether it may send as much (Expect: 100-continue).
	answers 200 '' signed -T "$BASE/large" -H "x-amz-content-sha256: $(sha256sum <"$BASE/large" | cut -d' ' -f1)" /bucket/large
	cmp "$BASE/large" "$(s3_file large)"
	run -0 --separate-stderr get -o "$BASE/back" /bucket/large
	cmp "$BASE/large" "$BASE/back"
}

@test "the helpers: faults are counted anew, objects outlive the server, what went wrong in it is told" {
	begin
	answers 200 '' put x /bucket/a
	fault '{"match":"GET ^/bucket/a$","do":"status:503","times":1,"retry_after":1}' '{"match":"PUT /bucket/","do":"denied"}'
	answers 503 SlowDown get /bucket/a
	answers 200 '' get /bucket/a
	answers 403 AccessDenied put y /bucket/a
	clear_faults
	fault '{"match":"GET ^/bucket/a$","do":"status:503","times":1,"retry_after":1}'
	answers 503 SlowDown get /bucket/a
	[ "$(s3_count '.fault == "status:503"')" -eq 2 ]
	s3_forget
	answers 200 '' put y /bucket/a
	[ "$(s3_count true)" -eq 1 ]
	run fault '{"do":"denied"}'
	[ "$status" -eq 1 ]
	start_s3 --ignore-conditions
	answers 200 '' get /bucket/a
	[ "$output" = y ]
	answers 200 '' put z -H 'If-None-Match: *' /bucket/a
	fault '{"match":"GET /","do":"nonsense"}'
	answers 500 InternalError get /bucket/a
	run stop_s3
	[ "$status" -eq 1 ]
	[[ $output == *'no such fault: nonsense'* ]]
	: >"$BASE/s3.err"
	run start_s3 --no-such-option
	[ "$status" -eq 1 ]
	[[ $output == *'does not start'* ]]
	: >"$BASE/s3.err"
}
