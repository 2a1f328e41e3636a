#!/bin/sh
# The law of the house, as a test (TAP): what may include what, how long a file may be, what every module and command must have.
set -eu
cd "$(dirname "$0")/.."

number=0
# result NAME PROBLEMS: one test; problems are lines.
result() {
	number=$((number + 1))
	if [ -z "$2" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
		failed=1
	fi
}
failed=0

sources() {
	git ls-files -co --exclude-standard -- "$@" 2>/dev/null || find "$@" -type f
}
c_files=$(sources lib cmd | grep '\.[ch]$' || :)

# includes FILES PATTERN: lines `file:include` of FILES whose include path matches.
includes() {
	# shellcheck disable=SC2086 # a list of our own file names
	grep -HoE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"][^>\"]*[>\"]" $1 | sed 's/[[:space:]]*#[[:space:]]*include[[:space:]]*//' |
		grep -E "$2" || :
}
layer() {
	# shellcheck disable=SC2086
	for file in $c_files; do case $file in $1*) echo "$file" ;; esac; done
}

result "core includes nothing below it" "$(includes "$(layer lib/core/) /dev/null" ':"(sys|data|net|cmd)/')"
result "sys includes core and sys alone" "$(includes "$(layer lib/sys/) /dev/null" ':"(data|net|cmd)/')"
result "data includes core, sys and data alone" "$(includes "$(layer lib/data/) /dev/null" ':"(net|cmd)/')"
result "no command includes another" "$(includes "$(layer cmd/) /dev/null" ':".*(cmd|ab-[a-z]+)/')"
result "libraries name their layer in the include line" "$(includes "$(layer lib/) /dev/null" ':"' | grep -vE ':"((core|sys|data|net)/[a-z0-9_]+|seccomp_filter)\.h"' || :)"

# A header of ours or of libc and the kernel is used freely; anything else has one door.
third_party='<(jansson|jq|jv|sqlite3|seccomp|curl/[a-z]+|libssh2[a-z_]*|archive[a-z_]*|microhttpd|sodium[a-z_]*|zstd|zlib|openssl/[a-z0-9]+)\.h>'
doors=$(includes "$c_files /dev/null" ":$third_party" | grep -vE ':<jv\.h>' | sort -t: -k2 | awk -F: '
	{ files[$2] = files[$2] " " $1; count[$2]++ }
	END { for (h in count) if (count[h] > 1) print h " is included by" files[h] }')
result "a third-party header is included by one file" "$doors"
result "no header includes a third-party header" "$(includes "$(layer lib/) $(layer cmd/) /dev/null" ":$third_party" | grep '\.h:' || :)"

long=$(sources lib cmd test completions man install.sh README.md Makefile .ci 2>/dev/null | grep -vE '^(completions/(bash|zsh|fish)/|test/fuzz/corpus/)' |
	while read -r file; do
		if [ -f "$file" ]; then
			lines=$(wc -l <"$file")
			[ "$lines" -le 700 ] || echo "$file: $lines lines"
		fi
	done)
result "no file is longer than 700 lines" "$long"

# Functions that nobody can call safely, and those whose job spawn has. Comments and strings are taken out first.
banned='strcpy|strcat|sprintf|vsprintf|strtok|gets|atoi|atol|atof|system|popen|alloca|tmpnam|mktemp|asctime|ctime'
result "no banned function" "$(for file in $c_files; do
	sed -E 's/"([^"\\]|\\.)*"/""/g; s://.*$::; s:/\*[^*]*\*/::g' "$file" |
		awk -v file="$file" '/\/\*/ { comment = 1 } !comment { print file ":" NR ": " $0 } /\*\// { comment = 0 }'
done | grep -E "[^A-Za-z0-9_](${banned})[[:space:]]*\(" || :)"
# shellcheck disable=SC2086
result "nothing is left to do in the sources" "$(grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $c_files Makefile install.sh README.md 2>/dev/null || :)"
result "every header has a guard named after it" "$(for file in $(echo "$c_files" | grep '^lib/.*\.h$'); do
	guard=AB_$(echo "${file#lib/}" | tr 'a-z/.-' 'A-Z___')
	grep -q "^#ifndef $guard\$" "$file" || echo "$file: no #ifndef $guard"
done)"

result "every module has a unit test" "$(for file in $(echo "$c_files" | grep '^lib/.*\.c$' | grep -v '_gen\.c$'); do
	module=${file##*/}
	[ -f "test/unit/${module%.c}_test.c" ] || echo "$file: no test/unit/${module%.c}_test.c"
done)"
commands=$(sed -n 's/^COMMANDS := //p' Makefile)
result "every command has a page, a test, and a row in README.md" "$(for command in $commands; do
	[ -f "man/$command.1" ] || echo "$command: no man/$command.1"
	[ -f "test/cmd/$command.bats" ] || echo "$command: no test/cmd/$command.bats"
	grep -q "^| \`$command\`" README.md || echo "$command: no row in README.md"
	grep -q "^LIBS.$command :=" Makefile || echo "$command: no LIBS row in Makefile"
done)"
result "every folder of cmd is a command or a helper" "$(for dir in cmd/*/; do
	name=$(basename "$dir")
	case " $commands $(sed -n 's/^HELPERS := //p' Makefile) " in *" $name "*) ;; *) echo "$dir is not in the Makefile" ;; esac
done)"
echo "1..$number"
exit $failed
