#!/usr/bin/env bash
# Measures the service and compares it with the machine's limits: `make bench`. Arguments select
# benchmarks (passwords me introspect verify refresh limits relay replay kit latency sse queries users
# sizes lanes partitions footprint flood slow resets soak, or micro for the criterion benches); without
# arguments all run. The output is the table of docs/PERFORMANCE.md.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

if [ "${1:-}" = micro ]; then
    shift
    exec cargo bench --locked --package watchword --benches -- "$@"
fi

scripts/install-test-deps.sh
if ! have wrk; then
    can_apt_install || die "wrk is not installed; install the package of your system"
    apt_install wrk
fi
cargo build --locked --release --package watchword --package watchword-bench
exec target/release/watchword-bench "$@"
