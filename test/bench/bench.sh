#!/bin/sh
# Print the budgets of ab-exec and ab-kv as ratios measured now, on this machine, in alternating runs (`make bench`). Never passes or fails.
#
# AB_BENCH_ROUNDS (100) pairs a row; AB_BENCH_DIRS (30000) directories in the large tree; AB_BENCH_BYTES (10000000000) of output;
# AB_BENCH_PEER: a folder whose node_modules holds agent-backend; AB_BENCH_PARTS (start batch output guard kv peer): what is measured.
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
redis=
stop_redis() {
	[ -n "$redis" ] || return 0
	kill "$redis"
	wait "$redis" 2>/dev/null || :
	redis=
}
trap 'stop_redis; rm -rf "$base"' EXIT
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
	large_tree
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

# Keys and values: the store is in the home of this run. Ratios are of times, so below 1 is faster.
kv_get() {
	kvget=$build/test/bench/kvget
	seq 1000 | awk '{ printf "{\"op\":\"put\",\"key\":\"k%d\",\"value\":\"%0100d\"}\n", $1, $1 }' | ab-kv batch --fail >/dev/null
	line=$($pairs -n "$rounds" -a "$base/empty" -b "$base/empty" ab-kv get k500 :: "$kvget" "$AB_HOME/kv.db" k500)
	row "ab-kv get" "$(ms "$(field 1)"), $(ms "$(field 2)") CPU, $(field 3) KiB" "" ""
	row "  against a program that opens the file and reads the key" "$(field 7) x  ($(ms "$(field 1)") : $(ms "$(field 4)"))" "<= 1.3" "<= 1.1"
	if command -v sqlite3 >/dev/null; then
		against "the sqlite3 shell" ab-kv get k500 :: sqlite3 -readonly "$AB_HOME/kv.db" "SELECT value FROM entry WHERE k = CAST('k500' AS BLOB)"
	fi
}

# against WHAT A… :: B…: two processes.
against() {
	name=$1
	shift
	line=$($pairs -n "$rounds" -a "$base/empty" -b "$base/empty" "$@")
	row "  against $name" "$(field 7) x  ($(ms "$(field 1)") : $(ms "$(field 4)"))" "" ""
}

requests=200000
each_second() { awk -v count="$1" -v us="$2" 'BEGIN { printf "%.0f", count / us * 1e6 }'; }

kv_batch() {
	for what in get put; do
		seq $requests | awk -v op=$what '{ printf "{\"op\":\"%s\",\"key\":\"k%d\"%s}\n", op, $1 * 7919 % 1000 + 1,
			op == "put" ? sprintf(",\"value\":\"%0100d\"", $1) : "" }' >"$base/requests.$what"
		# shellcheck disable=SC2016 # expanded by the script that is written
		printf '#!/bin/sh\nexec ab-kv batch "$@" <%s\n' "$base/requests.$what" >"$base/kv.$what"
		chmod +x "$base/kv.$what"
		line=$($pairs -n 3 -a "$base/empty" "$base/kv.$what")
		row "ab-kv batch, ${what}s of 100 B" "$(each_second $requests "$(field 1)") a second" ">= $([ $what = get ] && echo 80k || echo 60k)" ">= 200k"
	done
}

# batch_against WHAT REQUESTS A… :: B…: A is a batch of all requests, B does so many.
batch_against() {
	name=$1 count=$2
	shift 2
	line=$($pairs -n 3 -w 0 -a "$base/empty" -b "$base/empty" "$@")
	ours=$(each_second $requests "$(field 1)") theirs=$(each_second "$count" "$(field 4)")
	row "  $name" "$(per "$theirs" "$ours") x  ($ours : $theirs a second)" "" ""
}

# redis_benchmark COUNT OPTIONS…
redis_benchmark() { echo "redis-benchmark -s $base/redis.sock -n $1 -c 1 -d 100 -r 1000 -q $2"; }

# The same with a log that redis writes: once a second, which is what NORMAL is beside (a power cut loses the last moments), and always.
kv_redis() {
	for program in redis-server redis-cli redis-benchmark; do
		command -v $program >/dev/null || { row "  against redis" "$program is not installed" "" ""; return 0; }
	done
	for sync in everysec always; do
		durable='' alone=20000
		if [ $sync = always ]; then durable=--durable alone=500; fi
		rm -rf "$base/redis" && mkdir "$base/redis"
		redis-server --port 0 --unixsocket "$base/redis.sock" --dir "$base/redis" --save '' --appendonly yes --appendfsync $sync --daemonize no >/dev/null 2>&1 &
		redis=$!
		for _ in $(seq 200); do redis-cli -s "$base/redis.sock" set k500 "$(printf %0100d 500)" 2>/dev/null | grep -q OK && break; sleep 0.05; done
		row "redis, appendfsync $sync (ab-kv ${durable:-without --durable})" "" "" ""
		if [ $sync = everysec ]; then
			against "redis-cli get" ab-kv get k500 :: redis-cli -s "$base/redis.sock" get k500
		fi
		# shellcheck disable=SC2086 # an option or none
		against "redis-cli set" ab-kv put k500 value $durable :: redis-cli -s "$base/redis.sock" set k500 value
		for what in get set; do
			[ $what:$sync != get:always ] || continue
			batch=$base/kv.$([ $what = set ] && echo put || echo get)
			# shellcheck disable=SC2046,SC2086 # a command and its options, none with blanks
			batch_against "batch against redis-benchmark $what" $alone "$batch" $durable :: $(redis_benchmark $alone "-t $what")
			# shellcheck disable=SC2046,SC2086
			batch_against "batch against redis-benchmark $what -P 16" $requests "$batch" $durable :: $(redis_benchmark $requests "-t $what -P 16")
		done
		stop_redis
	done
}

kv_syncs() {
	if command -v strace >/dev/null; then
		rm -f "$AB_HOME"/kv.db*
		# shellcheck disable=SC2016 # expanded by the script
		strace -f -c -e trace=fsync,fdatasync -o "$base/syncs" sh -c 'i=0; while [ $i -lt 400 ]; do ab-kv put k$i value -q; i=$((i + 1)); done'
		row "fsyncs of a put, a process each" "$(awk '$4 ~ /^[0-9]+$/ && $NF ~ /sync$/ { n += $4 } END { printf "%.2f", n / 400 }' "$base/syncs")" "<= 0.4" ""
	fi
}

# The peer keeps keys in the memory of one process: nothing of it outlives the process, and no other sees it.
kv_peer() {
	[ -n "${AB_BENCH_PEER:-}" ] || return 0
	export AB_NPM="$AB_BENCH_PEER"
	if ! node "$here/peerkv.mjs" 1 >/dev/null 2>&1; then
		row "agent-backend, MemoryBackend" "does not run here" "" ""
		return 0
	fi
	row "agent-backend, MemoryBackend" "" "" ""
	line=$($pairs -n 10 -w 1 -a "$base/empty" -b "$base/empty" ab-kv get k500 :: node "$here/peerkv.mjs" 1)
	row "  whole processes: ab-kv get" "$(field 7) x  ($(ms "$(field 1)") : $(ms "$(field 4)"))" "" ""
	for what in get put; do
		line=$($pairs -n 3 -a "$base/empty" "$base/kv.$what")
		ours=$(each_second $requests "$(field 1)") theirs=$(node "$here/peerkv.mjs" $requests | awk -v what=$what '$1 == what { print $2 }')
		row "  inside of one process: batch, ${what}s" "$(per "$theirs" "$ours") x  ($ours : $theirs a second)" "" ""
	done
}

kv() {
	kv_get
	kv_batch
	kv_redis
	kv_peer
	kv_syncs
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

echo "$(uname -sr), $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg), $(id -un), level $(cd "$base/empty" && ab-exec --json -- true |
	sed 's/.*"level":"\([a-z]*\)".*/\1/'); medians of $rounds alternating runs"
row "" measured must aim
for part in ${AB_BENCH_PARTS:-start batch output guard kv peer}; do
	$part
done
