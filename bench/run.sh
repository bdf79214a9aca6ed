#!/usr/bin/env bash
# Measures what docs/performance.md has, keeps the raw data in bench/results/DATE and writes the
# tables. Wants a quiet machine with two processors.
#
#   bench/run.sh                     Wafer next to plain proxies, and the Go benchmarks: ten minutes
#   bench/run.sh peers               Wafer next to other firewalls with the same rules: 25 minutes
#   bench/run.sh secure              Wafer next to nginx, with TLS, HTTP/2 and gRPC: seven minutes
#   BENCH_TRIAL=1 bench/run.sh …     measure, print, record nothing
#   BENCH_SECONDS=10 bench/run.sh …  longer measurements, the same otherwise
#   BENCH_SECONDS=1 BENCH_REPETITIONS=1 bench/run.sh peers    a first look: eight minutes
set -euo pipefail
cd "$(dirname "$0")/.."

scenario=${1:-run}
case $scenario in
run)
	seconds=${BENCH_SECONDS:-3} repetitions=${BENCH_REPETITIONS:-5}
	programs=(wrk nginx) packages=(wrk nginx)
	;;
secure)
	seconds=${BENCH_SECONDS:-2} repetitions=${BENCH_REPETITIONS:-5}
	programs=(wrk nginx) packages=(wrk nginx)
	;;
peers)
	seconds=${BENCH_SECONDS:-2} repetitions=${BENCH_REPETITIONS:-3}
	programs=(wrk nginx apache2 /usr/lib/nginx/modules/ngx_http_modsecurity_module.so /usr/lib/apache2/modules/mod_security2.so)
	packages=(wrk nginx apache2 libnginx-mod-http-modsecurity libapache2-mod-security2)
	;;
*)
	echo "no such scenario: $scenario" >&2
	exit 2
	;;
esac

# install_packages gets Debian packages without letting them start a service. What forbids that
# is taken away again, unless it was there before.
install_packages() {
	local sudo=""
	[ "$(id -u)" = 0 ] || sudo=sudo
	echo "== installing $*"
	$sudo apt-get update -qq
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		printf '#!/bin/sh\nexit 101\n' | $sudo tee /usr/sbin/policy-rc.d >/dev/null
		$sudo chmod 755 /usr/sbin/policy-rc.d
		trap "$sudo rm -f /usr/sbin/policy-rc.d" EXIT
	fi
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
	if [ -n "$(trap -p EXIT)" ]; then
		$sudo rm -f /usr/sbin/policy-rc.d
		trap - EXIT
	fi
}
PATH=$PATH:/usr/sbin
for i in "${!programs[@]}"; do
	if ! command -v "${programs[i]}" >/dev/null && [ ! -e "${programs[i]}" ]; then
		install_packages "${packages[@]}"
		break
	fi
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
taskset -c 1 bin/bench/bench "$scenario" -wafer bin/wafer -script bench/wrk.lua -out "$new" \
	-seconds "$seconds" -repetitions "$repetitions"

if [ "$scenario" = run ]; then
	echo "== Go benchmarks"
	bench/go.sh "$new/go.txt"
fi

if [ "${BENCH_TRIAL:-}" ]; then
	bin/bench/bench report -results "$new"
	exit
fi
results=bench/results/$(date -u +%F)
mkdir -p "$results"
cp "$new"/*.json "$results"
if [ "$scenario" = run ]; then
	cp "$new/go.txt" "$results"
	cp "$new/go.txt" bench/results/latest-go.txt
fi
bin/bench/bench report -results "$results"
bin/bench/bench report -results "$results" -doc docs/performance.md
if [ "$scenario" = peers ] && grep -q '<!-- bench: peers ratio -->' README.md; then
	bin/bench/bench report -results "$results" -doc README.md -only "peers ratio"
fi
echo "== recorded in $results and docs/performance.md"
