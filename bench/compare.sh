#!/usr/bin/env bash
# Runs the Go benchmarks and compares them with the recorded ones: compare.sh BENCHSTAT
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p bin/bench
bench/go.sh bin/bench/go.txt
if [ -f bench/results/latest-go.txt ]; then
	"$1" recorded=bench/results/latest-go.txt now=bin/bench/go.txt
else
	"$1" bin/bench/go.txt
fi
cat <<'X'

To see a change of yours, run this before and after it, and record the first run:
  cp bin/bench/go.txt bench/results/latest-go.txt
To keep a record for everybody, commit that file; "make bench" records it too. Figures of another
machine compare with nothing.
X
