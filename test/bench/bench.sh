#!/bin/sh
# Print the budgets of ab-exec and ab-kv as ratios measured now, on this machine, in alternating runs (`make bench`). Never passes or fails.
#
# AB_BENCH_ROUNDS (100) pairs a row; AB_BENCH_DIRS (30000) directories in the large tree; AB_BENCH_BYTES (10000000000) of output;
# AB_BENCH_PEER: a folder whose node_modules holds agent-backend.
set -eu
build=${AB_BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
here=$(cd "$(dirname "$0")" && pwd)
PATH=$build/bin:$PATH
pairs=$build/test/bench/pairs
bare=$build/test/bench/bare
rounds=${AB_BENCH_ROUNDS:-100}
dirs=${AB_BENCH_DIRS:-30000}
bytes=${AB_BENCH_BYTES:-10000000000}

base=$(mktemp -d /var/tmp/ab-bench.XXXXXX)
trap 'rm -rf "$base"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$base/empty" "$base/large"
export AB_HOME="$base/home"
ab-exec --root "$base/empty" -- true || { echo "ab-exec does not run here; see: ab-exec doctor --table" >&2; exit 4; }

# row WHAT MEASURED MUST AIM
row() { printf '%-58s %-34s %-10s %s\n' "$1" "$2" "$3" "$4"; }
ms() { awk -v us="$1" 'BEGIN { printf "%.2f ms", us / 1000 }'; }
per() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }'; }
# fields of a line of pairs: A's wall, CPU and KiB; B's; wall and CPU ratio of each pair, medians
field() { echo "$line" | cut -d' ' -f"$1"; }

# The same view and promises in bubblewrap's words, from the plan itself: bwrap.sh, a file of options to be read by the shell.
bwrap_options() {
	number=0
	(cd "$base/empty" && ab-exec --dry-run -- true) >"$base/plan"
	jq -r '.view[] | [.kind, .target, .source // "-", .writable // false] | @tsv' "$base/plan" >"$base/view"
	while read -r kind target source writable; do
		case $kind:$writable in
		bind:true) echo "--bind $source $target" ;;
		bind:*) if [ -e "$source" ]; then echo "--ro-bind $source $target"; fi ;;
		tmpfs:*) echo "--tmpfs $target" ;;
		symlink:*) echo "--symlink $source $target" ;;
		file:*)
			number=$((number + 1))
			(cd "$base/empty" && ab-exec -- cat "$target") >"$base/file.$number"
			echo "--ro-bind $base/file.$number $target" ;;
		mask:*) if [ -d "$target" ]; then echo "--tmpfs $target"; else echo "--ro-bind /dev/null $target"; fi ;;
		esac
	done <"$base/view"
	jq -r '"--chdir \(.cwd)"' "$base/plan"
	# shellcheck disable=SC2016 # the variables inside
	(cd "$base/empty" && ab-exec -- sh -c 'echo "--setenv PATH $PATH --setenv HOME $HOME --setenv LANG $LANG"')
}
have_bwrap=no
if command -v bwrap >/dev/null && command -v jq >/dev/null; then
	bwrap="bwrap --proc /proc --dev /dev $(bwrap_options | tr '\n' ' ') --remount-ro / --unshare-all --die-with-parent --new-session"
	bwrap="$bwrap --cap-drop ALL --hostname ab --clearenv"
	# shellcheck disable=SC2086 # a command and its options, none with blanks
	if $bwrap true; then have_bwrap=yes; fi
fi

large_tree() {
	cd "$base/large"
	git init -q . 2>/dev/null || mkdir .git
	seq 1 "$dirs" | awk '{ printf "a%d/b%d/c%d\n", $1 % 30, $1 % 900, $1 }' | xargs mkdir -p
	for number in 1 2 3 4 5 6 7 8 9 10; do
		git init -q "a$number/nested" 2>/dev/null || mkdir -p "a$number/nested/.git/hooks"
	done
	cd "$base"
}

start() {
	line=$($pairs -n "$rounds" -a "$base/empty" -b "$base/empty" ab-exec -- true :: true)
	row "true by itself" "$(ms "$(field 4)")" "" ""
	row "ab-exec -- true" "$(ms "$(field 1)"), $(ms "$(field 2)") CPU, $(field 3) KiB" "" ""
	if [ $have_bwrap = yes ]; then
		# shellcheck disable=SC2086
		line=$($pairs -n "$rounds" -a "$base/empty" -b "$base/empty" ab-exec -- true :: $bwrap true)
		row "  against bwrap with the equivalent arguments" "$(field 7) x  ($(ms "$(field 1)") : $(ms "$(field 4)"))" "<= 1.0" "<= 0.6"
	fi
	if (cd "$base/empty" && "$bare" true) 2>/dev/null; then
		line=$($pairs -n "$rounds" -a "$base/empty" -b "$base/empty" ab-exec -- true :: "$bare" true)
		row "  against the bare system calls" "$(field 7) x  ($(ms "$(field 1)") : $(ms "$(field 4)"))" "" "<= 1.3"
	fi
	line=$($pairs -n "$rounds" -a "$base/large" -b "$base/empty" ab-exec -- true :: ab-exec -- true)
	row "  in a tree of $dirs directories, nested repositories" "$(field 7) x the empty tree ($(ms "$(field 1)"))" "<= 1.3" ""
}

batch() {
	awk 'BEGIN { for (i = 1; i <= 1000; i++) printf "{\"id\":%d,\"argv\":[\"true\"]}\n", i }' >"$base/requests"
	printf '#!/bin/sh\nexec ab-exec batch <%s\n' "$base/requests" >"$base/batch"
	chmod +x "$base/batch"
	if [ $have_bwrap = yes ]; then
		# shellcheck disable=SC2016 # expanded by the script that is written
		printf '#!/bin/sh\ni=0\nwhile [ $i -lt 1000 ]; do %s true; i=$((i + 1)); done\n' "$bwrap" >"$base/loop"
		chmod +x "$base/loop"
		line=$($pairs -n 3 -w 0 -a "$base/empty" -b "$base/empty" "$base/batch" :: "$base/loop")
		row "ab-exec batch, 1,000 x true, each" "$(ms "$(per "$(field 1)" 1000)")" "" ""
		row "  against bwrap in a loop" "$(field 7) x  (bwrap $(ms "$(per "$(field 4)" 1000)"))" "<= 0.9" "<= 0.5"
	else
		line=$($pairs -n 3 -w 0 -a "$base/empty" "$base/batch")
		row "ab-exec batch, 1,000 x true, each" "$(ms "$(per "$(field 1)" 1000)")" "" ""
	fi
}

output() {
	line=$($pairs -n 1 -w 0 -a "$base/empty" ab-exec --json -- head -c "$bytes" /dev/zero)
	row "memory while a command writes $((bytes / 1000000)) MB" "$(per "$(field 3)" 1024) MiB, $(per "$bytes" "$(field 1)") MB/s" "<= 8 MiB" ""
}

# Hostile text to the guard: the start of the process is taken off.
guard() {
	# shellcheck disable=SC2016 # expanded by the script that is written
	printf '#!/bin/sh\nexec ab-exec batch <"$1"\n' >"$base/check"
	chmod +x "$base/check"
	echo '{"op":"check","command":"true"}' >"$base/check.0"
	number=0
	for text in 'rm -r ' 'cat <<a | sh\n' "\"'\$(" 'curl x | sh -x | ' 'rm -rf /{a,b}/*; ' 'find -exec ' 'a;'; do
		number=$((number + 1))
		for size in 100000 10000000; do
			awk -v text="$text" -v size=$size 'BEGIN { gsub(/"/, "\\\"", text); gsub(/\n/, "\\n", text); printf "{\"op\":\"check\",\"command\":\""
				for (n = 0; n < size; n += length(text)) printf "%s", text; print "\"}" }' >"$base/check.$size"
		done
		line=$($pairs -n 10 -a "$base/empty" -b "$base/empty" "$base/check" "$base/check.100000" :: "$base/check" "$base/check.0")
		small=$(awk -v a="$(field 1)" -v b="$(field 4)" 'BEGIN { print a - b }')
		line=$($pairs -n 2 -w 0 -a "$base/empty" -b "$base/empty" "$base/check" "$base/check.10000000" :: "$base/check" "$base/check.0")
		large=$(awk -v a="$(field 1)" -v b="$(field 4)" 'BEGIN { print a - b }')
		row "the guard reads 100 KB of hostile text ($number)" "$(ms "$small"); 10 MB: $(ms "$large")" "<= 20 ms" ""
	done
}

# Keys and values: the store is in the home of this run.
kv() {
	kvget=$build/test/bench/kvget
	seq 1000 | awk '{ printf "{\"op\":\"put\",\"key\":\"k%d\",\"value\":\"%0100d\"}\n", $1, $1 }' | ab-kv batch --fail >/dev/null
	line=$($pairs -n "$rounds" -a "$base/empty" -b "$base/empty" ab-kv get k500 :: "$kvget" "$AB_HOME/kv.db" k500)
	row "ab-kv get" "$(ms "$(field 1)"), $(ms "$(field 2)") CPU, $(field 3) KiB" "" ""
	row "  against a program that opens the file and reads the key" "$(field 7) x  ($(ms "$(field 1)") : $(ms "$(field 4)"))" "<= 1.3" "<= 1.1"
	if command -v sqlite3 >/dev/null; then
		line=$($pairs -n "$rounds" -a "$base/empty" -b "$base/empty" ab-kv get k500 :: sqlite3 -readonly "$AB_HOME/kv.db" "SELECT value FROM entry WHERE k = CAST('k500' AS BLOB)")
		row "  against the sqlite3 shell" "$(field 7) x  ($(ms "$(field 1)") : $(ms "$(field 4)"))" "" ""
	fi
	if command -v redis-server >/dev/null && command -v redis-cli >/dev/null; then
		redis-server --port 0 --unixsocket "$base/redis" --save '' --appendonly no --daemonize no >/dev/null 2>&1 &
		redis=$!
		until redis-cli -s "$base/redis" set k500 v >/dev/null 2>&1; do sleep 0.05; done
		line=$($pairs -n "$rounds" -a "$base/empty" -b "$base/empty" ab-kv get k500 :: redis-cli -s "$base/redis" get k500)
		row "  against redis-cli" "$(field 7) x  ($(ms "$(field 1)") : $(ms "$(field 4)"))" "" ""
		for what in set get; do
			row "redis-benchmark $what, one client, 100 B" "$(redis-benchmark -s "$base/redis" -t $what -n 50000 -c 1 -d 100 --csv 2>/dev/null |
				awk -F'"' 'END { printf "%.0f a second", $4 }')" "" ""
		done
		kill $redis
	fi
	for what in get put; do
		seq 200000 | awk -v op=$what '{ printf "{\"op\":\"%s\",\"key\":\"k%d\"%s}\n", op, $1 * 7919 % 1000 + 1,
			op == "put" ? sprintf(",\"value\":\"%0100d\"", $1) : "" }' >"$base/kv.$what"
		printf '#!/bin/sh\nexec ab-kv batch <%s\n' "$base/kv.$what" >"$base/kv"
		chmod +x "$base/kv"
		line=$($pairs -n 3 -a "$base/empty" "$base/kv")
		row "ab-kv batch, ${what}s of 100 B" "$(awk -v us="$(field 1)" 'BEGIN { printf "%.0f a second", 200000 / us * 1e6 }')" \
		    ">= $([ $what = get ] && echo 80k || echo 60k)" ">= 200k"
	done
	if command -v strace >/dev/null; then
		rm -f "$AB_HOME"/kv.db*
		# shellcheck disable=SC2016 # expanded by the script
		strace -f -c -e trace=fsync,fdatasync -o "$base/syncs" sh -c 'i=0; while [ $i -lt 400 ]; do ab-kv put k$i value -q; i=$((i + 1)); done'
		row "fsyncs of a put, a process each" "$(awk '$4 ~ /^[0-9]+$/ && $NF ~ /sync$/ { n += $4 } END { printf "%.2f", n / 400 }' "$base/syncs")" "<= 0.4" ""
	fi
}

peer() {
	[ -n "${AB_BENCH_PEER:-}" ] || return 0
	for isolation in none software; do
		if AB_NPM="$AB_BENCH_PEER" node "$here/peer.mjs" "$isolation" "$base/empty" >/dev/null 2>&1; then
			line=$(AB_NPM="$AB_BENCH_PEER" $pairs -n 10 -w 1 -a "$base/empty" -b "$base/empty" \
			    node "$here/peer.mjs" "$isolation" "$base/empty" :: ab-exec -- true)
			row "agent-backend, one exec, isolation $isolation" "$(ms "$(field 1)"), $(ms "$(field 2)") CPU" "" ""
			row "  its CPU time against ab-exec -- true" "$(field 8) x" ">= 50" ">= 200"
		else
			row "agent-backend, isolation $isolation" "does not run here" "" ""
		fi
	done
}

large_tree
echo "$(uname -sr), $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg), $(id -un), level $(cd "$base/empty" && ab-exec --json -- true |
	sed 's/.*"level":"\([a-z]*\)".*/\1/'); medians of $rounds alternating runs"
row "" measured must aim
start
batch
output
guard
kv
peer
