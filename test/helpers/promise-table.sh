#!/bin/sh
# The table of promises as it stands in ab-exec(1): mdoc, from `ab-exec promises`.
set -eu
cell='{"kept":"kept","detected":"detected","not kept":"-"}'
printf '.Bl -column "protect.deep" "namespace" "detected" "detected" "container"\n'
printf '.It Em promise Ta Em level Ta Em user Ta Em root Ta Em container\n'
ab-exec promises | jq -r --argjson cell "$cell" 'select(.level != "software" and .level != "none") |
	".It \(if .level == "namespace" then .promise else "" end) Ta \(.level) Ta \($cell[.user]) Ta \($cell[.root]) Ta \($cell[.container])"'
printf '.El\n.Bl -tag -width protect.deep -compact\n'
ab-exec promises | jq -r 'select(.level == "namespace") | ".It Li \(.promise)\n\(.text)"'
printf '.El\n'
