#!/usr/bin/env bats
# What is written is what is: examples, options, defaults, codes, completions, file names.
load helpers/load
load helpers/s3

# check_examples FILE LEAST: run every example of a document in a fresh tree and compare.
check_examples() {
	local dir=$BASE/examples cmd want got pattern bad=0
	mkdir "$dir"
	[ "$(awk -v dir="$dir" -f "$AB_REPO/test/helpers/examples.awk" "$1")" -ge "$2" ]
	for cmd in "$dir"/*.cmd; do
		want=$(cat "${cmd%.cmd}.want")
		got=$(bash "$cmd" 2>&1 </dev/null 3>&-) || true
		pattern=$(sed -e 's/[][\\*?]/\\&/g' -e 's/…/*/g' <<<"$want")
		# shellcheck disable=SC2053 # it is a pattern
		if [[ $got != $pattern ]]; then
			printf '%s: %s--- want\n%s\n--- got\n%s\n' "$1" "$(cat "$cmd")" "$want" "$got"
			bad=1
		fi
	done
	return $bad
}

commands() { sed -n 's/^COMMANDS := //p' "$AB_REPO/Makefile"; }
# Options that --describe tells: described COMMAND operation, or batch, or common.
described() { "$1" --describe | jq -r --arg kind "$2" 'select(.kind == $kind) | .options[].name' | sort -u; }
# Options that a page tells, in the `.It Fl` lines of its section OPTIONS; --no-x is --x.
written() {
	sed -n '/^\.Sh OPTIONS/,/^\.Sh [^O]/s/^\.It //p' "$AB_REPO/man/$1" | grep -oE 'Fl (\\?-[a-z0-9]+)(\\?-[a-z0-9]+)*' |
		sed -e 's/\\-/-/g' -e 's/^Fl -//' -e 's/^no-//' | sort -u
}

@test "README: every example does what it says" {
	need_level namespace
	check_examples "$AB_REPO/README.md" 4
}

# block LANGUAGE: the block of README.md in it.
block() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{/^\`\`\`/d;p}" "$AB_REPO/README.md"; }

@test "README: the wrappers in Python and Node run, and answer" {
	need_level namespace
	need python3
	block python >"$BASE/wrapper.py"
	printf 'import unittest\nclass T(unittest.TestCase):\n    def test(self): pass\n' >test_it.py
	[ "$(python3 "$BASE/wrapper.py")" = 0 ]
	need node npm
	block js >"$BASE/wrapper.mjs"
	echo '{"name":"x","version":"1.0.0","scripts":{"test":"echo tested"}}' >package.json
	run node "$BASE/wrapper.mjs"
	[ "$status" = 0 ]
	[[ $output == "0 "*tested* ]]
}

@test "manual pages: every example that can be tried does what it says" {
	need_level namespace
	local page
	start_s3 # an object store for those that want one
	for page in "$AB_REPO"/man/*.[1-8]; do
		rm -rf "$BASE/examples"
		if grep -q '^\.\\" test$' "$page"; then
			rm -f "$AB_HOME"/kv.db* # each page begins with a store of its own
			check_examples "$page" 1
		fi
	done
}

@test "every option of --describe stands in the manual page, and no other" {
	local command
	for command in $(commands); do
		described "$command" operation >"$BASE/described"
		[ -s "$BASE/described" ]
		written "$command.1" >"$BASE/written"
		# What every command has may be told again.
		{ described "$command" batch; described "$command" common; } | sort -u >"$BASE/shared"
		echo "$command: + only in --describe, - only in the page"
		comm -23 "$BASE/described" "$BASE/written" | sed 's/^/+/'
		comm -13 "$BASE/described" "$BASE/written" | comm -23 - "$BASE/shared" | sed 's/^/-/'
		[ -z "$(comm -23 "$BASE/described" "$BASE/written")" ]
		[ -z "$(comm -13 "$BASE/described" "$BASE/written" | comm -23 - "$BASE/shared")" ]
	done
}

@test "ab(7) tells the options of every command and of batch, and no other" {
	{ described ab-exec batch; described ab-exec common; } | sort -u >"$BASE/described"
	written ab.7 >"$BASE/written"
	diff "$BASE/described" "$BASE/written"
}

@test "every operation and alias of --describe stands in the manual page" {
	local command name
	for command in $(commands); do
		for name in $("$command" --describe | jq -r 'select(.kind == "operation") | .name, .alias // empty'); do
			grep -qE "^\.(It|Nm|Cm|Ic) .*\b$name\b" "$AB_REPO/man/$command.1" || { echo "$command: $name"; return 1; }
		done
	done
}

@test "every field of an answer stands in the manual page or in ab-json(7)" {
	local command name missing=''
	for command in $(commands); do
		for name in $("$command" --describe | jq -r '.answer.properties? // {} | keys[]' | sed 's/^stderr/stdout/' | sort -u); do
			grep -qwE -- "$name|${name%_base64}" "$AB_REPO/man/$command.1" "$AB_REPO/man/ab-json.7" || missing="$missing $command:$name"
		done
	done
	echo "missing:$missing"
	[ -z "$missing" ]
}

@test "--help of every operation shows every default" {
	local command op name default
	for command in $(commands); do
		for op in $("$command" --describe | jq -r 'select(.kind == "operation") | .name'); do
			"$command" "$op" --help >"$BASE/help"
			while IFS=$'\t' read -r name default; do
				grep -A 2 -e "$name\b" "$BASE/help" | grep -qF -e "[default: $default]" ||
					{ echo "$command $op --help: $name does not show $default"; return 1; }
			done < <("$command" --describe | jq -r --arg op "$op" \
			    'select(.kind == "operation" and .name == $op) | .options[] | select(.default and .default != "false") |
				[if .positional then "^ *" + .meta else "--\\(\\[no-\\]\\)\\?" + .name end, .default] | join("\t")')
		done
	done
}

@test "ab-errors(7) is the table of codes" {
	"$HELPERS/errcodes" >"$BASE/codes"
	awk '/^\.Ss Exit status/ { status = $4 + 0 }
		/^\.It Sy/ { code = $3; again = $4 == "Pq" ? "retryable" : "-"; getline; printf "%d\t%s\t%s\t%s\n", status, code, again, $0 }' \
		"$AB_REPO/man/ab-errors.7" >"$BASE/page"
	diff "$BASE/codes" "$BASE/page"
}

@test "completions are what generate.sh makes today" {
	[ -x "$AB_REPO/completions/generate.sh" ]
	local list=()
	for command in $(commands); do list+=("$AB_BUILD/bin/$command"); done
	cp -R "$AB_REPO/completions" "$BASE/completions"
	chmod -R u+w "$BASE/completions"
	"$BASE/completions/generate.sh" "${list[@]}"
	diff -r "$AB_REPO/completions" "$BASE/completions"
}

@test "completions load in their shells" {
	local file
	for file in "$AB_REPO"/completions/bash/*; do bash -n "$file"; done
	if command -v zsh >/dev/null; then
		for file in "$AB_REPO"/completions/zsh/*; do zsh -n "$file"; done
	fi
	if command -v fish >/dev/null; then
		for file in "$AB_REPO"/completions/fish/*; do HOME=$BASE fish --no-execute "$file"; done
	fi
}

@test "files that README.md names exist" {
	local name bad=0
	for name in $(grep -oE '`(lib|cmd|test|man|completions)/[a-z0-9_./-]*`' "$AB_REPO/README.md" | tr -d '`' | grep -v 'ab-x'); do
		[ -e "$AB_REPO/$name" ] || { echo "$name"; bad=1; }
	done
	return $bad
}

@test "the version is told by --version and stands in CHANGELOG.md" {
	local version
	version=$(cat "$AB_REPO/VERSION")
	for command in $(commands); do
		run -0 "$command" --version
		[[ $output == *"$version"* ]]
		run -0 "$command" --version --json
		check_json '.name == "'"$command"'"' '.version == "'"$version"'"'
	done
	grep -q "^## $version" "$AB_REPO/CHANGELOG.md"
}

@test "--describe gives schemas of JSON Schema 2020-12, and everything in them has a type" {
	for command in $(commands); do
		"$command" --describe | jq -s -e 'map(select(.kind == "operation")) | length > 0 and
		    all(.[]; .request["$schema"] == "https://json-schema.org/draft/2020-12/schema" and .request.type == "object" and
			.request.additionalProperties == false and .answer.type == "object" and (.summary | length > 0) and
			all(.request.properties[]; has("type") or has("enum")))' >/dev/null
	done
}

@test "install.sh: wrong arguments are 2, help is 0" {
	run -2 "$AB_REPO/install.sh" --nonsense
	run -2 "$AB_REPO/install.sh" --prefix
	run -2 "$AB_REPO/install.sh" --prefix relative
	run -0 "$AB_REPO/install.sh" --help
	[[ $output == usage:* ]]
}

@test "install.sh --no-packages prints the line to paste and exits 5, changing nothing" {
	mkdir "$BASE/bin"
	# A compiler that finds no header stands for a machine without packages.
	printf '#!/bin/sh\nexit 1\n' >"$BASE/bin/cc"
	chmod +x "$BASE/bin/cc"
	CC=$BASE/bin/cc run -5 --separate-stderr "$AB_REPO/install.sh" --no-packages --prefix "$BASE/prefix"
	[[ $output == *install*libjansson* ]] || [[ $output == *install*jansson* ]]
	[ "${#lines[@]}" = 1 ]
	[ ! -e "$BASE/prefix" ]
}
