#!/bin/sh
# Build ab and install it; with --check, build it in every way and run every test.
set -eu

usage() {
	cat <<-EOF
	usage: ./install.sh [--prefix DIR] [--no-packages]
	       ./install.sh --uninstall [--prefix DIR]
	       ./install.sh --check [--no-packages]

	  --prefix DIR    install below DIR (as root: /usr/local, else: ~/.local)
	  --uninstall     remove what an installation put there; state (AB_HOME) stays
	  --check         build with gcc and clang, run unit tests, command tests, sanitizers, lints and fuzz targets;
	                  the last line is "N passed, N failed"
	  --no-packages   never install packages; name the missing ones and exit 5
	  -h, --help      this text

	CC, CFLAGS, LDFLAGS and DESTDIR are honoured. --check: FUZZ_SECONDS (20) for each fuzz target.
	exit status: 0 done, 1 a test failed, 2 wrong command line, 5 packages are missing, 6 the build failed
	EOF
}

say() { printf '%s\n' "$*" >&2; }
die() { status=$1; shift; say "install.sh: $*"; exit "$status"; }
have() { command -v "$1" >/dev/null 2>&1; }

# ---- packages -------------------------------------------------------------------------------------------------------

# One row a need: how to see that it is there, then its package for apt, dnf, apk and pacman.
build_needs() {
	cat <<-'EOF'
	command make          make make make make
	command cc            gcc gcc gcc gcc
	header stdio.h        libc6-dev glibc-devel musl-dev glibc
	header linux/mount.h  linux-libc-dev kernel-headers linux-headers linux-api-headers
	header jansson.h      libjansson-dev jansson-devel jansson-dev jansson
	header seccomp.h      libseccomp-dev libseccomp-devel libseccomp-dev libseccomp
	header sqlite3.h      libsqlite3-dev sqlite-devel sqlite-dev sqlite
	header sodium.h       libsodium-dev libsodium-devel libsodium-dev libsodium
	header jq.h           libjq-dev jq-devel jq-dev jq
	header curl/curl.h    libcurl4-openssl-dev libcurl-devel curl-dev curl
	header zstd.h         libzstd-dev libzstd-devel zstd-dev zstd
	EOF
}
# The fuzz targets need clang's runtime, whose package Debian names by version: it is found by linking.
check_needs() {
	cat <<-'EOF'
	command git           git git git git
	command bats          bats bats bats bash-bats
	command jq            jq jq jq jq
	command mandoc        mandoc mandoc mandoc mandoc
	command shellcheck    shellcheck ShellCheck shellcheck shellcheck
	command clang         clang clang clang clang
	command clang-tidy    clang-tidy clang-tools-extra clang-extra-tools clang
	fuzzer  clang         libclang-rt-14-dev compiler-rt compiler-rt compiler-rt
	command bwrap         bubblewrap bubblewrap bubblewrap bubblewrap
	command python3       python3 python3 python3 python3
	python  pip           python3-pip python3-pip py3-pip python-pip
	python  setuptools    python3-setuptools python3-setuptools py3-setuptools python-setuptools
	python  wheel         python3-wheel python3-wheel py3-wheel python-wheel
	command node          nodejs nodejs nodejs nodejs
	command strace        strace strace strace strace
	command curl          curl curl curl curl
	command pgrep         procps procps-ng procps procps-ng
	command setpriv       util-linux util-linux setpriv util-linux
	command zsh           zsh zsh zsh zsh
	command fish          fish fish fish fish
	EOF
}

is_there() {
	case $1 in
	command) have "$2" || { [ "$2" = cc ] && [ -n "${CC:-}" ] && have "${CC%% *}"; } ;;
	python) env PATH="/usr/bin:/bin:$PATH" python3 -c "import $2" 2>/dev/null ;; # the one that packages serve
	header) printf '#include <stdio.h>\n#include <%s>\n' "$2" | ${CC:-cc} -E -x c - >/dev/null 2>&1 ;;
	fuzzer) printf 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n){return d == 0 && n;}' |
		clang -fsanitize=fuzzer,address,undefined -x c -o /dev/null - >/dev/null 2>&1 ;;
	esac
}

# Prints what is missing, as packages of this system.
missing_packages() {
	while read -r kind what apt dnf apk pacman; do
		is_there "$kind" "$what" || case $manager in
		dnf) echo "$dnf" ;;
		apk) echo "$apk" ;;
		pacman) echo "$pacman" ;;
		*) if [ "$kind" = fuzzer ]; then fuzzer_package; else echo "$apt"; fi ;;
		esac
	done
}
fuzzer_package() {
	version=$(clang -dumpversion 2>/dev/null | cut -d. -f1)
	[ -n "$version" ] || version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9][0-9]*\)$/\1/p')
	echo "libclang-rt-${version:-14}-dev"
}

find_manager() {
	manager=none
	for candidate in apt-get dnf apk pacman; do
		if have $candidate; then manager=$candidate; break; fi
	done
}

install_command() {
	case $manager in
	apt-get) echo "apt-get install -y --no-install-recommends" ;;
	dnf) echo "dnf install -y" ;;
	apk) echo "apk add" ;;
	pacman) echo "pacman -S --noconfirm --needed" ;;
	none) echo "install with your package manager:" ;;
	esac
}

# want_packages NEEDS…: make sure that they are there, or name them and exit 5.
want_packages() {
	find_manager
	missing=$(for needs; do "$needs" | missing_packages; done | sort -u | tr '\n' ' ')
	missing=${missing% }
	[ -n "$missing" ] || return 0
	sudo=''
	[ "$(id -u)" = 0 ] || sudo='sudo '
	line="$sudo$(install_command) $missing"
	[ "$manager" != apt-get ] || line="${sudo}apt-get update && $line"
	if [ "$packages" = no ] || [ "$manager" = none ] || { [ -n "$sudo" ] && ! sudo -n true 2>/dev/null; }; then
		say "install.sh: packages are missing; paste this line, then run me again:"
		echo "$line"
		exit 5
	fi
	say "installing packages: $missing"
	if ! DEBIAN_FRONTEND=noninteractive sh -c "$line" >"$work/packages" 2>&1 </dev/null; then
		tail -n 20 "$work/packages" >&2
		die 5 "the packages could not be installed; the line was: $line"
	fi
	still=$(for needs; do "$needs" | missing_packages; done | sort -u | tr '\n' ' ')
	[ -z "$still" ] || die 5 "still missing after installing: $still"
}

# ---- install --------------------------------------------------------------------------------------------------------

make_quietly() {
	${MAKE:-make} --no-print-directory -j "$(nproc 2>/dev/null || echo 2)" BUILD="$work/build" PREFIX="$prefix" ${CC:+CC="$CC"} \
	    "$@" >"$work/log" 2>&1 </dev/null || { tail -n 40 "$work/log" >&2; die 6 "make $* failed"; }
}

quickstart() {
	mkdir "$work/tree"
	requests='{"id":1,"command":"echo hello"}
{"id":2,"command":"cat ~/.ssh/id_ed25519"}'
	filter='{id, status, stdout, stderr, level}'
	printf '\na first pipe, in a temporary tree:\n\n$ ab-exec batch --jq '\''%s'\'' <<END\n%s\nEND\n' "$filter" "$requests" >&2
	(cd "$work/tree" && printf '%s\n' "$requests" | AB_HOME="$work/home" "${DESTDIR:-}$prefix/bin/ab-exec" batch --jq "$filter")
}

install_ab() {
	want_packages build_needs
	say "building in a temporary folder"
	make_quietly all
	make_quietly install DESTDIR="${DESTDIR:-}"
	say "installed below ${DESTDIR:-}$prefix: $(cd "${DESTDIR:-}$prefix/bin" && echo ab-*), manual pages (man ab), completions"
	case :$PATH: in
	*:"$prefix/bin":*) ;;
	*) say "not on your PATH yet: export PATH=\"$prefix/bin:\$PATH\"" ;;
	esac
	quickstart
}

# ---- check ----------------------------------------------------------------------------------------------------------

passed=0 failed=0
# step NAME COMMAND…: one part of --check. When its last line is "N passed, N failed" these count, else the step itself.
step() {
	name=$1 status=0 started=$(date +%s)
	shift
	("$@") >"$work/step" 2>&1 </dev/null || status=$?
	counts=$(tail -n 1 "$work/step" | sed -n 's/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p')
	good=0 bad=0
	if [ -n "$counts" ]; then good=${counts% *} bad=${counts#* }; fi
	if [ "$status" = 0 ] && [ -z "$counts" ]; then good=1; fi
	if [ "$status" != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
	passed=$((passed + good)) failed=$((failed + bad))
	printf '== %s: %d passed, %d failed, %d s\n' "$name" "$good" "$bad" "$(($(date +%s) - started))"
	grep '^skipped:' "$work/step" || :
	if [ "$bad" != 0 ]; then
		[ "$status" != 124 ] || echo "# timed out"
		grep -vE '^(ok |skipped:|[0-9]+ passed)' "$work/step" | tail -n 200
	fi
}

# The make of this check: make_within SECONDS ARGUMENT…
make_within() {
	seconds=$1
	shift
	timeout -k 10 "$seconds" "${MAKE:-make}" --no-print-directory -j "$(nproc 2>/dev/null || echo 2)" "$@"
}

# The suite once more as somebody who is not root: on a copy of the tests, which may lie where nobody else may look.
check_as_user() {
	mkdir "$work/other" "$work/other/home"
	cp -R VERSION CHANGELOG.md LICENSE Makefile README.md install.sh lib cmd man completions test "$work/other"
	chown -R 12345:12345 "$work/other"
	chmod 711 "$work"
	cd "$work/other"
	# shellcheck disable=SC2046 # our own file names
	timeout -k 10 1500 setpriv --reuid 12345 --regid 12345 --clear-groups env HOME="$work/other/home" AB_BUILD="$work/gcc" \
	    AB_VERSION="$(cat VERSION)" test/run.sh "$work"/gcc/test/*_test $(find test -name '*.bats' | sort)
}

# Installed somewhere else by this very script, run there, removed: nothing may be left.
check_install() {
	timeout -k 10 600 ./install.sh --no-packages --prefix "$work/prefix" || return 1
	"$work/prefix/bin/ab-exec" --version || return 1
	[ -s "$work/prefix/share/man/man1/ab-exec.1" ] || { echo "no manual page was installed"; return 1; }
	timeout -k 10 60 ./install.sh --uninstall --prefix "$work/prefix" || return 1
	left=$(find "$work/prefix" ! -type d)
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

check_ab() {
	want_packages build_needs check_needs
	export FUZZ_SECONDS="${FUZZ_SECONDS:-20}"
	step "build with gcc, every warning an error" make_within 600 BUILD="$work/gcc" CC=gcc WERROR=1 all
	step "build with clang, every warning an error" make_within 600 BUILD="$work/clang" CC=clang WERROR=1 all
	step "lint" make_within 900 BUILD="$work/gcc" CC=gcc WERROR=1 lint
	step "tests" make_within 1500 BUILD="$work/gcc" CC=gcc WERROR=1 check
	[ "$(id -u)" != 0 ] || step "tests as an ordinary user" check_as_user
	step "tests under AddressSanitizer and UBSan" make_within 1500 BUILD="$work/gcc" CC=gcc asan
	step "fuzz" make_within 900 BUILD="$work/gcc" fuzz
	step "install and uninstall" check_install
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}

main() {
	action=install packages=yes prefix=''
	while [ $# -gt 0 ]; do
		case $1 in
		--prefix) [ $# -gt 1 ] || { usage >&2; exit 2; }; prefix=$2; shift ;;
		--prefix=*) prefix=${1#*=} ;;
		--check) action=check ;;
		--uninstall) action=uninstall ;;
		--no-packages) packages=no ;;
		-h | --help) usage; exit 0 ;;
		*) say "install.sh: unknown argument \"$1\""; usage >&2; exit 2 ;;
		esac
		shift
	done
	cd "$(dirname "$0")"
	if [ -z "$prefix" ]; then
		if [ "$(id -u)" = 0 ]; then prefix=/usr/local; else prefix=$HOME/.local; fi
	fi
	case $prefix in /*) ;; *) die 2 "--prefix \"$prefix\": not an absolute path" ;; esac
	work=$(mktemp -d "${TMPDIR:-/tmp}/ab-install.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	case $action in
	install) install_ab ;;
	check) check_ab ;;
	uninstall)
		make_quietly uninstall DESTDIR="${DESTDIR:-}"
		say "removed from ${DESTDIR:-}$prefix; state is kept in ${AB_HOME:-${XDG_STATE_HOME:-~/.local/state}/ab}" ;;
	esac
}
main "$@"
