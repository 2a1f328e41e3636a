#!/bin/sh
# Make the completions of bash, zsh and fish from `ab-X --describe`: completions/generate.sh PROGRAM...
# Output: {bash,zsh,fish}/ beside this file. The operation table is the one source; nothing here knows an operation.
set -eu

# What all three need, as jq definitions. A record of --describe has kind operation, batch or common.
# shellcheck disable=SC2016
common='
	def quoted: "\u0027" + gsub("\u0027"; "\u0027\\\u0027\u0027") + "\u0027";
	def operations: map(select(.kind == "operation"));
	def common: map(select(.kind == "common"))[0].options;
	def visible($operation): if $operation.dry_run then . else map(select(.name != "dry-run")) end;
	def of_batch: . as $all
		| map(select(.kind == "batch"))[0].options
		+ [$all | operations[] | select(.batch) | .options[] | select(.batch_default)];
	def unique_names: reduce .[] as $one ([]; if any(.[]; .name == $one.name) then . else . + [$one] end);
	# Each operation (batch too) with all its options, its own before the common ones.
	def commands: . as $all
		| [(operations[] | . as $op | {name, alias, summary, main, filter,
			options: ((.options + ($all | common | visible($op))) | unique_names)}),
		   {name: "batch", alias: null, summary: "read requests on stdin and answer each on stdout", main: false, filter: false,
			options: (($all | of_batch) + ($all | common | visible({dry_run: false})) | unique_names)}];
	def named: map(select(.positional | not));
	def is_file: .meta | test("FILE|DIR|PATH");
	def takes_value: .type != "boolean";
	def words: [.choices[]? | select(test("[:=]$") | not)];
'

# shellcheck disable=SC2016
bash_program='
	def spellings: "--" + .name, (if .negatable then "--no-" + .name else empty end), (if .letter then "-" + .letter else empty end);
	commands as $commands
	| "# bash completion for \($tool): made by completions/generate.sh, not by hand",
	"_\($id)() {",
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} op=${COMP_WORDS[1]} i",
	"\tCOMPREPLY=()",
	"\tcase $op in",
	($commands[] | select(.alias) | "\t\(.alias)) op=\(.name) ;;"),
	($commands[] | select(.main) | "\t-*) op=\(.name) ;;"),
	"\tesac",
	"\tif ((COMP_CWORD == 1)) && [[ $cur != -* ]]; then",
	"\t\tmapfile -t COMPREPLY < <(compgen -W \([$commands[].name] | join(" ") | quoted) -- \"$cur\")",
	"\t\treturn",
	"\tfi",
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do",
	"\t\t[[ ${COMP_WORDS[i]} == -- ]] && return",
	"\tdone",
	"\tcase $op:$prev in",
	($commands[] | .name as $op | .options | named[] | select(takes_value) | select(words | length > 0)
		| ([spellings] | map("\($op):\(.)") | join("|")) + ") mapfile -t COMPREPLY < <(compgen -W \(words | join(" ") | quoted) -- \"$cur\"); return ;;"
		| "\t" + .),
	($commands[] | .name as $op | .options | named | map(select(takes_value and (words | length == 0))) | select(length > 0)
		| "\t" + ([.[] | spellings] | map("\($op):\(.)") | join("|")) + ") return ;;"),
	"\tesac",
	"\t[[ $cur == -* ]] || return",
	"\tcase $op in",
	($commands[] | "\t\(.name)) mapfile -t COMPREPLY < <(compgen -W \([.options | named[] | spellings | select(startswith("--"))] | join(" ") | quoted) -- \"$cur\") ;;"),
	"\t*) mapfile -t COMPREPLY < <(compgen -W \u0027--help --version --describe\u0027 -- \"$cur\") ;;",
	"\tesac",
	"}",
	"complete -o bashdefault -o default -F _\($id) \($tool)"
'

# shellcheck disable=SC2016
zsh_program='
	def plain: gsub("\\\\"; "\\\\") | gsub("\\["; "(") | gsub("\\]"; ")") | gsub(":"; "\\:");
	def action: if (words | length) > 0 then ":\(.meta | plain):(\(words | join(" ")))"
		elif is_file then ":\(.meta | plain):_files" else ":\(.meta | plain): " end;
	def many: if .type == "list" or .type == "map" then "*" else "" end;
	def specs: . as $one
		| ("\(many)--\(.name)" + (if takes_value then "=" else "" end) + "[\(.help | plain)]" + (if takes_value then action else "" end)),
		(if .negatable then "--no-\(.name)[not: \(.help)]" | gsub("not: "; "not\\: ") else empty end),
		(if .letter then "\(many)-\(.letter)" + (if takes_value then "+" else "" end) + "[\(.help | plain)]" + (if takes_value then action else "" end) else empty end);
	commands as $commands
	| "#compdef \($tool)",
	"# zsh completion for \($tool): made by completions/generate.sh, not by hand",
	"",
	"_\($id)_options() {",
	"\tcase $1 in",
	($commands[] | "\t\([.name, .alias // empty] | join("|")))",
		"\t\t_arguments -S -s : \\",
		(.options | named[] | specs | "\t\t\t\(quoted) \\"),
		(if .filter then "\t\t\t\u0027*:::command:_normal\u0027" else "\t\t\t\u0027*:operand:_files\u0027" end),
		"\t\t;;"),
	"\tesac",
	"}",
	"",
	"_\($id)() {",
	"\tlocal -a operations",
	"\toperations=(",
	($commands[] | "\t\t" + ("\(.name):\(.summary | plain)" | quoted)),
	"\t)",
	"\tif ((CURRENT == 2)) && [[ $PREFIX != -* ]]; then",
	"\t\t_describe operation operations",
	"\t\treturn",
	"\tfi",
	"\tif [[ $words[2] == -* ]]; then",
	"\t\t_\($id)_options \([$commands[] | select(.main) | .name][0] // "batch")",
	"\t\treturn",
	"\tfi",
	"\tlocal operation=$words[2]",
	"\tshift words",
	"\t((CURRENT--))",
	"\t_\($id)_options $operation",
	"}",
	"",
	"_\($id) \"$@\""
'

# shellcheck disable=SC2016
fish_program='
	def fish: "\u0027" + (gsub("\\\\"; "\\\\") | gsub("\u0027"; "\\\u0027")) + "\u0027";
	commands as $commands
	| "# fish completion for \($tool): made by completions/generate.sh, not by hand",
	"function __\($id)_operation",
	"\tset -l words (commandline -opc)",
	"\tset -e words[1]",
	"\tif test (count $words) -eq 0",
	"\t\ttest \"$argv[1]\" = none; and return 0",
	"\t\tstring match -q -- \u0027-*\u0027 (commandline -ct); or return 1",
	"\t\tset words -x",
	"\tend",
	"\tswitch $words[1]",
	($commands[] | select(.main) | "\t\tcase \u0027-*\u0027", "\t\t\tset words[1] \(.name)"),
	($commands[] | select(.alias) | "\t\tcase \(.alias)", "\t\t\tset words[1] \(.name)"),
	"\tend",
	"\tcontains -- \"$words[1]\" $argv",
	"end",
	($commands[] | "complete -c \($tool) -f -n \u0027__\($id)_operation none\u0027 -a \(.name) -d \(.summary | fish)"),
	($commands[] | .name as $op | .options | named[]
		| ("complete -c \($tool) -n \u0027__\($id)_operation \($op)\u0027"
			+ (if .letter then " -s \(.letter | fish)" else "" end) + " -l \(.name)"
			+ (if takes_value then (if (words | length) > 0 then " -x -a " + (words | join(" ") | fish) elif is_file then " -r -F" else " -x" end) else "" end)
			+ " -d \(.help | fish)"),
		(if .negatable then "complete -c \($tool) -n \u0027__\($id)_operation \($op)\u0027 -l no-\(.name) -d \("not: " + .help | fish)" else empty end))
'

main() {
	here=$(cd "$(dirname "$0")" && pwd)
	mkdir -p "$here/bash" "$here/zsh" "$here/fish"
	for program in "$@"; do
		tool=$(basename "$program")
		id=$(printf %s "$tool" | tr - _)
		described=$("$program" --describe)
		make_one() {
			printf '%s\n' "$described" | jq -rs --arg tool "$tool" --arg id "$id" "$common$1" >"$2.new"
			mv "$2.new" "$2"
		}
		make_one "$bash_program" "$here/bash/$tool"
		make_one "$zsh_program" "$here/zsh/_$tool"
		make_one "$fish_program" "$here/fish/$tool.fish"
	done
}
main "$@"
