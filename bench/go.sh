#!/usr/bin/env bash
# Runs the Go benchmarks on one core and writes what they print to the file given. BENCH selects
# benchmarks, BENCHCOUNT says how often each runs, BENCHTIME how long.
set -euo pipefail
out=$(realpath "$1")
cd "$(dirname "$0")/.."
go test -run '^$' -bench "${BENCH:-.}" -benchmem -count "${BENCHCOUNT:-6}" -benchtime "${BENCHTIME:-200ms}" \
	-cpu 1 -exec 'taskset -c 0' -timeout 0 ./... >"$out.tmp" || { tail -20 "$out.tmp"; exit 1; }
grep -v 'no test files' "$out.tmp" >"$out"
rm "$out.tmp"
