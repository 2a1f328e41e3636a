#!/usr/bin/env bats
# The network of a command: none, host, or an allow-list. All traffic stays on loopback.

load ../helpers/load

# A server on the host's loopback that answers with its name; sets PORT.
serve() {
	cat >"$BASE/server.py" <<-'EOF'
		import http.server, sys, os
		class H(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        self.send_response(200); self.end_headers(); self.wfile.write(b'host ' + self.headers.get('Host', '?').encode())
		    def log_message(self, *a): pass
		s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H)
		open(sys.argv[1], 'w').write(str(s.server_address[1])); s.serve_forever()
	EOF
	python3 "$BASE/server.py" "$BASE/port" >/dev/null 2>&1 3>&- &
	SERVER=$!
	eventually 5 test -s "$BASE/port"
	PORT=$(cat "$BASE/port")
}
teardown() {
	[ -z "${SERVER:-}" ] || kill "$SERVER"
	ab_teardown
}
GET='import sys, urllib.request as u; print(u.build_opener(u.ProxyHandler({})).open(sys.argv[1], timeout=5).read().decode())'
PROXIED='import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())'

@test "none: nothing is reached, every host asked for is named with the option that allows it" {
	need_promise net
	serve
	run ab-exec --json -- python3 -c "$GET" "http://127.0.0.1:$PORT/"
	check_json '.status != 0' '.net == "none"'
	run ab-exec --json -c 'getent hosts cdn.example.org; getent hosts cdn.example.org; true'
	check_json '.violations[0].kind == "net"' '.violations[0].target | startswith("cdn.example.org")' '.violations[0].allow | startswith("--net allow:cdn.example.org")' '.violations[0].count >= 1'
	run --separate-stderr ab-exec -c 'getent hosts cdn.example.org; true'
	[[ $stderr == *"--net allow:cdn.example.org"* ]]
}

@test "loopback inside is its own" {
	need_promise net
	run ab-exec --timeout 10s -c 'python3 -c "
import socket
s = socket.socket(); s.bind((\"127.0.0.1\", 0)); s.listen(); c = socket.create_connection(s.getsockname()); print(\"own\")"'
	[ "$output" = own ]
}

@test "host: the host's network" {
	serve
	[ "$(ab-exec --net host -- python3 -c "$GET" "http://127.0.0.1:$PORT/")" = "host 127.0.0.1:$PORT" ]
}

@test "allow: that host and port, by name, by address, through the proxy and without it; no other" {
	need_promise net
	serve
	[ "$(ab-exec --net "allow:localhost:$PORT" -- python3 -c "$PROXIED" "http://localhost:$PORT/")" = "host localhost:$PORT" ]
	[ "$(ab-exec --net "allow:127.0.0.1:$PORT" -- python3 -c "$PROXIED" "http://127.0.0.1:$PORT/")" = "host 127.0.0.1:$PORT" ]
	run ab-exec --json --net "allow:localhost:$PORT" -- python3 -c "$PROXIED" "http://127.0.0.3:$PORT/"
	check_json '.status != 0'
	run ab-exec --json --net "allow:example.org" -- python3 -c "$PROXIED" "http://other.example.net/"
	check_json '.status != 0' '.violations | any(.target == "other.example.net:80" and (.allow | test("allow:other.example.net")))'
	run ab-exec --json --net "allow:example.org" -- python3 -c "$GET" "http://other.example.net/"
	check_json '.status != 0' '.violations | any(.target | startswith("other.example.net"))'
}

@test "a name that leads to a private address is refused, unless that address is listed" {
	need_promise net
	serve
	# "localhost" by another name: as resolved outside
	name=$(hostname)
	getent ahostsv4 "$name" | grep -q '^127\.' || skip "the host name does not lead to loopback here"
	run ab-exec --json --net "allow:$name:$PORT" -- python3 -c "$GET" "http://$name:$PORT/"
	check_json '.status != 0' '.violations | length > 0'
	run ab-exec --json --net "allow:$name:$PORT,127.0.0.1:$PORT,127.0.1.1:$PORT" -- python3 -c "$GET" "http://$name:$PORT/"
	check_json '.status == 0'
}

@test "programs that ignore proxy variables are served too: node's fetch" {
	need_promise net
	need node
	serve
	name=$(hostname)
	run ab-exec --json --timeout 20s --net "allow:$name:$PORT,127.0.0.1:$PORT,127.0.1.1:$PORT" -- node -e "fetch('http://$name:$PORT/').then(r => r.text()).then(console.log)"
	getent ahostsv4 "$name" | grep -q '^127\.' || skip "the host name does not lead to loopback here"
	check_json '.stdout | startswith("host")'
}

@test "groups are one table" {
	run ab-exec groups
	[ "$(jq -r 'select(.name == "@npm").hosts' <<<"$output")" != "" ]
	for group in $(jq -r .name <<<"$output"); do ab-exec --dry-run --net "allow:$group" -- true >/dev/null; done
	run ab-exec --net allow:@nonsense -- true
	[ "$status" -eq 125 ]
	[[ $output == *@nonsense* ]]
}

@test "at level landlock none means no socket, and an allow-list is refused with the reason" {
	need_level landlock
	run ab-exec --isolation landlock --json -- python3 -c 'import socket; socket.socket()'
	check_json '.status != 0'
	run ab-exec --isolation landlock --net allow:example.org -- true
	[ "$status" -eq 125 ]
	[[ $output == *isolation.unavailable* ]]
}

@test "100 connections at once, and large bodies" {
	need_promise net
	need curl
	head -c 5000000 /dev/urandom >"$BASE/body"
	(cd "$BASE" && exec python3 -m http.server --bind 127.0.0.1 0 >"$BASE/log" 2>&1 3>&-) &
	SERVER=$!
	eventually 5 bash -c "ss -ltnp 2>/dev/null | grep -q pid=$SERVER || grep -q port '$BASE/log'"
	PORT=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$BASE/log" | head -1)
	[ -n "$PORT" ] || skip "the server did not tell its port"
	run ab-exec --timeout 60s --net "allow:localhost:$PORT" -c "for i in \$(seq 1 40); do curl -sf http://localhost:$PORT/body -o b.\$i & done; wait; for i in \$(seq 1 40); do cmp -s b.\$i b.1 || echo differs; done"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	cmp b.1 "$BASE/body"
}
