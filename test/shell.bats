#!/usr/bin/env bats
# Shell text is read as bash and dash read it: the same words out of random commands (test/helpers/shell-property.py).

load helpers/load

@test "bash, dash and the reader make the same words of random commands" {
	need python3 bash dash
	run -0 python3 "$AB_REPO/test/helpers/shell-property.py" "$HELPERS/shell-words" 1 3000
}

@test "the scripts of this machine are read to their end" {
	need bash
	local script
	for script in /bin/* /etc/init.d/* /usr/lib/git-core/*; do
		if ! head -c 64 "$script" 2>/dev/null | grep -qaE '^#! */(usr/)?bin/(env )?(ba|da)?sh\b' || ! bash -n "$script" 2>/dev/null; then
			continue
		fi
		run "$HELPERS/shell-words" --list <"$script"
		[[ $status = 0 && ${lines[-1]-} != broken && ${lines[-1]-} != 'too deep' ]] || {
			echo "$script: ${lines[-1]}"
			return 1
		}
	done
}

@test "time is linear in the text" {
	need python3
	# Each, over and over, makes a reader look ahead for what never comes, or go back over what it has read.
	local piece
	# shellcheck disable=SC2016,SC1003 # none is to be expanded
	local pieces=('$((' '((a) ' '$[' '`' '"${a' '"${a[' 'a[' "a['" 'a[&' 'a[)' 'a="$(' '<<a ' 'f() ' '{ ' '\' '${a#' '~a' '!(' '[[ ' 'a=('
	    'case x in ' $'cat <<a\n' '12' '#' 'a | ' 'a & ' 'a && ' '$(a)' '(a) ' '`a`' 'a() { b; }; ' ';;')
	for piece in "${pieces[@]}"; do
		python3 -c 'import sys; sys.stdout.write(sys.argv[1] * (2000000 // len(sys.argv[1])))' "$piece" >"$BASE/text"
		timeout 10 "$HELPERS/shell-words" <"$BASE/text" >/dev/null || { echo "$piece"; return 1; }
	done
}
