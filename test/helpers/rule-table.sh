#!/bin/sh
# The guard's rules as they stand in ab-exec(1): mdoc, from `ab-exec rules`.
set -eu
printf '.Bl -tag -width system-files\n'
ab-exec rules | jq -r '
	def literal: gsub("\\\\"; "\\e") | gsub("-"; "\\-") | gsub("~"; "\\(ti") | gsub("\\^"; "\\(ha") | gsub("`"; "\\(ga") | gsub("\u0027"; "\\(aq");
	".It Li \(.name)\n\(.what | gsub("~"; "\\(ti"))\n.Bd -literal -compact\nrefused  \(.example | literal)\npasses   \(.counter | literal)\n.Ed"'
printf '.El\n'
