#!/bin/sh
# Makes the moving picture at the head of README.md, docs/pictures/terminal.svg.
# It needs asciinema, and svg-term on PATH (npm install svg-term-cli).
set -eu
cd "$(dirname "$0")"
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
(cd ../.. && go build -o "$tools/mpbox" .)
cat >"$tools/demo" <<'DEMO'
type() {
	printf '\033[32m$\033[0m '
	for word in $1; do
		printf '%s ' "$word"
		sleep 0.15
	done
	printf '\n'
	eval "$1"
	sleep "$2"
}
sleep 0.5
type 'mpbox process_barrier --timeline' 5
clear
type 'mpbox process_pool --inputs 16 --slow --fault kill@5 --timeline || true' 6
printf ' ' # so that the last picture stays, too
DEMO
PATH=$tools:$PATH TERM=xterm-256color asciinema rec -q --overwrite --cols 92 --rows 22 \
	-c "sh $tools/demo" "$tools/demo.cast" </dev/null
svg-term --in "$tools/demo.cast" --out terminal.svg --window
