#!/usr/bin/env bats
# ab-s3: what it says and asks before a store is reached, and when none is.
# shellcheck disable=SC2154 # bats sets stderr
load ../helpers/load

s3() { "$AB_BUILD/libexec/ab/ab-s3" "$@"; }

setup() {
	ab_setup
	unset "${!AWS_@}" http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
	echo text >file
}
with_keys() { export AWS_ACCESS_KEY_ID=AKEXAMPLE AWS_SECRET_ACCESS_KEY=verysecret AWS_SESSION_TOKEN=tokentoken; }

@test "it tells of itself" {
	run -0 s3 --help
	[[ $output == *"ab-s3 put s3://bucket/key --file FILE"* ]]
	run -0 s3 get --help
	[[ $output == *--max-bytes* && $output == *AWS_ENDPOINT_URL_S3* ]]
	run -0 bash -c '"$0" --version --json | jq -r ".libraries | keys | join(\" \")"' "$AB_BUILD/libexec/ab/ab-s3"
	[ "$output" = "jansson libcurl libsodium zstd" ]
	s3 --describe | jq -se '[.[] | .op // .name] | length > 0'
}

@test "only ab-s3 links libcurl" {
	run -0 ldd "$AB_BUILD/libexec/ab/ab-s3"
	[[ $output == *libcurl* ]]
	for command in "$AB_BUILD"/bin/ab-* "$AB_BUILD/libexec/ab/ab-jq"; do
		run -0 ldd "$command"
		[[ $output != *libcurl* && $output != *libzstd* ]]
	done
}

@test "no credentials: auth.failed, and which variable" {
	run -4 --separate-stderr s3 get s3://bucket/key --file out
	[[ $stderr == *'AWS_ACCESS_KEY_ID is not set [auth.failed]'* && $stderr == *'hint: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'* ]]
	AWS_ACCESS_KEY_ID=x AWS_PROFILE=work run -4 --separate-stderr s3 get s3://bucket/key --file out
	[[ $stderr == *'AWS_SECRET_ACCESS_KEY is not set'* && $stderr == *'aws configure export-credentials'* ]]
	[ ! -e out ]
}

@test "wrong names, endpoints, regions and conditions are input.invalid" {
	with_keys
	for url in bucket/key s3://bucket s3://Bucket/key s3://a..b/key; do
		run -3 --separate-stderr s3 delete "$url" --patience 1s
		[[ $stderr == *'[input.invalid]'* ]]
	done
	run -3 s3 delete s3://bucket/key --endpoint file:///etc
	run -3 s3 delete s3://bucket/key --endpoint http://127.0.0.1:1 --region 'us east'
	run -3 s3 put s3://bucket/key --file file --if-absent --if-match '"x"' --endpoint http://127.0.0.1:1
	run -3 s3 put s3://bucket/key --file file --if-match $'"x"\r\nX: y' --endpoint http://127.0.0.1:1
	run -3 s3 get s3://bucket/key --file out --sha256 abc --endpoint http://127.0.0.1:1
	run -2 s3 get s3://bucket/key
	run -2 s3 put --file file
	run -1 s3 put s3://bucket/key --file missing --endpoint http://127.0.0.1:1
	[ ! -e out ]
}

@test "nobody there: tried until patience is over, then unavailable; secrets are nowhere" {
	with_keys
	run -5 --separate-stderr s3 put s3://bucket/key --file file --zstd --endpoint http://127.0.0.1:1 --patience 500ms -vv --log log
	[[ $stderr == *'Connection refused'*'tried '*' times [unavailable]'* ]]
	[[ $stderr$output$(cat log) != *verysecret* && $stderr$(cat log) != *tokentoken* ]]
	AWS_ENDPOINT_URL=http://127.0.0.1:1 AWS_ENDPOINT_URL_S3=http://127.0.0.1:2 run -5 --separate-stderr s3 delete s3://bucket/key --patience 200ms
	[[ $stderr == *'127.0.0.1 port 2'* ]]
	[ "$(ls -A)" = $'file\nlog' ]
}

@test "batch: one answer a request; files are host paths" {
	with_keys
	run -0 --separate-stderr s3 batch --endpoint http://127.0.0.1:1 --patience 100ms --host-paths <<-'END'
		{"id":1,"op":"get","url":"s3://bucket/key","file":"out","max_bytes":10}
		{"id":2,"op":"delete","url":"s3://bucket"}
	END
	jq -se '(.[0] | .id == 1 and .error.code == "unavailable" and .error.retryable) and .[1].error.code == "input.invalid"' <<<"$output"
	run -0 --separate-stderr s3 batch <<<'{"op":"get","url":"s3://bucket/key","file":"/etc/out"}'
	jq -e '.error.code == "denied.policy"' <<<"$output"
}

@test "SIGTERM ends it in the middle of a request, in batch too, and nothing is left" {
	with_keys
	python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(9); print(s.getsockname()[1], flush=True); time.sleep(60)' >port 3>&- &
	server=$!
	until [ -s port ]; do sleep 0.05; done
	AWS_ENDPOINT_URL=http://127.0.0.1:$(cat port)
	export AWS_ENDPOINT_URL
	mkdir out
	run -143 timeout --preserve-status -s TERM 0.5 "$AB_BUILD/libexec/ab/ab-s3" get s3://bucket/key --file out/key
	run -143 bash -c '{ echo "$1"; sleep 2; } | timeout --preserve-status -s TERM 0.5 "$0" batch --host-paths; exit "${PIPESTATUS[1]}"' \
	    "$AB_BUILD/libexec/ab/ab-s3" '{"op":"get","url":"s3://bucket/key","file":"out/key"}'
	kill "$server"
	[ -z "$(ls -A out)" ]
}
