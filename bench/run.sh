#!/usr/bin/env bash
# Measures everything in docs/performance.md, keeps the raw data in bench/results/DATE and writes
# the tables. Takes about ten minutes and wants a quiet machine.
#
#   bench/run.sh                     measure and record
#   BENCH_TRIAL=1 bench/run.sh       measure, print, record nothing
#   BENCH_SECONDS=10 bench/run.sh    longer measurements, the same otherwise
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${BENCH_SECONDS:-3}
repetitions=${BENCH_REPETITIONS:-5}

# install gets a Debian package without letting it start a service. What forbids that is taken away
# again, unless it was there before.
install_package() {
	local sudo=""
	[ "$(id -u)" = 0 ] || sudo=sudo
	echo "== installing $1"
	$sudo apt-get update -qq
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		printf '#!/bin/sh\nexit 101\n' | $sudo tee /usr/sbin/policy-rc.d >/dev/null
		$sudo chmod 755 /usr/sbin/policy-rc.d
		trap "$sudo rm -f /usr/sbin/policy-rc.d" EXIT
	fi
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"
	if [ -n "$(trap -p EXIT)" ]; then
		$sudo rm -f /usr/sbin/policy-rc.d
		trap - EXIT
	fi
}
PATH=$PATH:/usr/sbin
for p in wrk nginx; do
	command -v "$p" >/dev/null || install_package "$p"
done

echo "== building"
mkdir -p bin/bench
make -s build
(cd bench && CGO_ENABLED=0 go build -trimpath -buildvcs=false -o ../bin/bench/bench .)

# Measured first, recorded only when all of it is there.
new=$(mktemp -d bin/bench/run.XXXXXX)
trap 'rm -rf "$new"' EXIT

echo "== load scenarios"
# This program, the load generators and the backend are on core 1. It pins the servers to core 0.
taskset -c 1 bin/bench/bench run -wafer bin/wafer -script bench/wrk.lua -out "$new" \
	-seconds "$seconds" -repetitions "$repetitions"

echo "== Go benchmarks"
bench/go.sh "$new/go.txt"

if [ "${BENCH_TRIAL:-}" ]; then
	bin/bench/bench report -results "$new"
	exit
fi
results=bench/results/$(date -u +%F)
mkdir -p "$results"
cp "$new"/*.json "$new/go.txt" "$results"
cp "$new/go.txt" bench/results/latest-go.txt
bin/bench/bench report -results "$results"
bin/bench/bench report -results "$results" -doc docs/performance.md
echo "== recorded in $results and docs/performance.md"
