# Take the examples out of a document, for docs.bats: -v dir=DIR writes DIR/BLOCK-STEP.cmd and .want for each `$ ` line.
# Markdown: blocks fenced by ```console. mdoc: `.Bd -literal` blocks that a line `.\" test` stands before.
# A line that begins with `> ` continues the command. `…` in what is expected matches anything.
function finish() {
	if (command != "") {
		name = sprintf("%s/%02d-%02d", dir, block, ++step)
		printf "%s", command >(name ".cmd")
		printf "%s", want >(name ".want")
		close(name ".cmd"); close(name ".want")
	}
	command = want = ""
}
/^```console$/ { inside = 1; block++; step = 0; next }
/^```$/ { if (inside) finish(); inside = 0; next }
/^\.\\" test$/ { tested = 1; next }
/^\.Bd -literal/ { if (tested) { inside = mdoc = 1; block++; step = 0 }; tested = 0; next }
/^\.Ed$/ { if (inside) finish(); inside = mdoc = 0; next }
inside {
	if (mdoc) {
		gsub(/\\&/, ""); gsub(/\\-/, "-"); gsub(/\\\(dq/, "\""); gsub(/\\e/, "\\")
	}
	if (/^\$ /) { finish(); command = substr($0, 3) "\n" }
	else if (/^> / && want == "") command = command substr($0, 3) "\n"
	else want = want $0 "\n"
}
END { print block + 0 }
