#!/usr/bin/env bats
# The guard: what is refused before it starts, what passes, and how it is said.
load ../helpers/load

@test "every case of the list is judged as it says" {
	local wrong
	jq -c '{op: "check", id: input_line_number, command}' "$AB_REPO/test/cases/safety.jsonl" | ab-exec batch >"$BASE/answers"
	# What is undecidable is listed to show that it is known, and not judged here.
	wrong=$(jq -c '{id: input_line_number} + .' "$AB_REPO/test/cases/safety.jsonl" |
		jq -sc --slurpfile answer "$BASE/answers" '
			($answer | map({(.id | tostring): .dangerous}) | add) as $said
			| .[] | select(.tier != "undecidable" and $said[.id | tostring] != .blocked) | .command')
	[ -z "$wrong" ] || { echo "$wrong"; false; }
	[ "$(jq -s length "$BASE/answers")" -eq "$(wc -l <"$AB_REPO/test/cases/safety.jsonl")" ]
}

@test "a refusal of run: nothing starts, status 125, one line and what to do" {
	run --separate-stderr ab-exec -c 'touch started; sudo id'
	[ "$status" -eq 125 ]
	[ ! -e started ]
	[[ $stderr == *'"sudo id"'*"rule privilege"*denied.dangerous*hint:* ]]
	run --separate-stderr ab-exec --json -- sudo id
	check_json '.reason == "denied"' '.error.code == "denied.dangerous"' '.error.operation == "sudo id"' '.error.hint | length > 0' '.status == 125'
	run bash -c "echo '{\"id\":1,\"command\":\"rm -rf /\"}' | ab-exec batch"
	check_json '.reason == "denied"' '.error.code == "denied.dangerous"' '.error.operation == "rm -rf /"' '.level == null'
	for option in -q --json --stream; do
		run ab-exec "$option" --record record -- sudo id
		[ "$status" -eq 125 ]
		jq -e '.reason == "denied" and .error.code == "denied.dangerous"' record
		rm record
	done
	run --separate-stderr ab-exec -c $'true\nsudo \\\nid'
	[[ $stderr == *'"sudo \ id"'* ]]
	run ab-exec start -c 'rm -rf ~'
	[ "$status" -eq 125 ]
	[[ $output == *denied.dangerous* ]]
	printf 'true\nsudo id\n' >script
	run ab-exec -f script
	[ "$status" -eq 125 ]
	[[ $output == *denied.dangerous* ]]
}

@test "--no-guard, and the scope's ceiling" {
	# Harmless in the sandbox, whatever the text says.
	run ab-exec --no-guard -c 'sudo() { echo called; }; sudo id'
	[ "$output" = called ]
	run bash -c "echo '{\"id\":1,\"guard\":false,\"command\":\"sudo() { echo called; }; sudo id\"}' | ab-exec batch"
	check_json '.stdout == "called\n"'
	run bash -c "echo '{\"id\":1,\"guard\":false,\"command\":\"true\"}' | ab-exec batch --fixed guard"
	check_json '.error.code == "denied.policy"'
	ab-scope create --root "$BASE" strict --guard >/dev/null
	ab-scope show --root "$BASE" strict | jq -e .guard
	ab-exec --root "$BASE" --scope strict -- true
	run ab-exec --root "$BASE" --scope strict --no-guard -- true
	[ "$status" -eq 125 ]
	[[ $output == *"setting guard"*denied.policy* ]]
	ab-scope set --root "$BASE" strict --no-guard
	ab-exec --root "$BASE" --scope strict --no-guard -- true
	ab-scope set --root "$BASE" strict --guard
	ab-scope set --root "$BASE" strict --unset guard
	ab-exec --root "$BASE" --scope strict --no-guard -- true
}

@test "check answers by its status, and runs nothing" {
	run ab-exec check -c 'touch started'
	[ "$status" -eq 0 ]
	check_json '. == {"dangerous":false,"rule":null,"part":null,"why":null,"safer":null}'
	[ ! -e started ]
	run ab-exec check -c 'true; rm -rf /'
	[ "$status" -eq 4 ]
	check_json '.dangerous and .rule == "delete" and .part == "rm -rf /"'
	run ab-exec check -- rm -rf "$PWD/.."
	[ "$status" -eq 4 ]
	run ab-exec check -- rm -rf "$PWD/build"
	[ "$status" -eq 0 ]
	run ab-exec check
	[ "$status" -eq 2 ]
	ab-exec check -c '   '
	echo 'make && sudo make install' >script
	run ab-exec check -f script
	[ "$status" -eq 4 ]
	check_json '.part == "sudo make install"'
	run ab-exec check -f - <script
	[ "$status" -eq 4 ]
	run ab-exec check -f script -c true
	[ "$status" -eq 2 ]
	run ab-exec check -f nothing
	[ "$status" -eq 1 ]
	# also where nothing would be run
	cd /
	run ab-exec -- true
	[ "$status" -eq 125 ]
	ab-exec check -c 'rm -rf tmp/x'
	run ab-exec check -c 'rm -rf *'
	[ "$status" -eq 4 ]
	run ab-exec check --root / --scope nothing -c true
	[ "$status" -eq 1 ]
	ab-exec check -q -c 'rm -rf ./build'
}

@test "ab-exec(1) holds the rules as they are" {
	sed -n '/^\.\\" rules:/,/^\.\\" rules end/{/^\.\\" rules/!p}' "$AB_REPO/man/ab-exec.1" >"$BASE/page"
	[ -s "$BASE/page" ]
	"$AB_REPO/test/helpers/rule-table.sh" | diff "$BASE/page" -
}

# Scripts of this machine that really do what a rule is against, each for its own reason: they set the machine up.
DANGEROUS='make-ssl-cert|applygnupgdefaults|shadowconfig|runit-helper|adduser|deluser|invoke-rc.d|update-grub|grub-|mkinitramfs|update-initramfs'

@test "no honest script of this machine is called dangerous" {
	local script wrong=0
	find /usr/bin /usr/sbin /etc -type f -size -400k 2>/dev/null | while read -r script; do
		head -c 64 "$script" 2>/dev/null | head -n 1 | grep -aqE '^#!.*/(env +)?(ba|da)?sh' || continue
		jq -cRs --arg id "$script" '{id: $id, op: "check", command: .}' <"$script"
	done >"$BASE/requests"
	[ "$(wc -l <"$BASE/requests")" -ge 10 ] || skip "no scripts here"
	ab-exec batch <"$BASE/requests" | jq -r 'select(.dangerous) | "\(.id): \(.rule): \(.part | tojson)"' >"$BASE/found"
	grep -vE "/($DANGEROUS)[^/]*: " "$BASE/found" && wrong=1
	[ "$wrong" -eq 0 ]
}
