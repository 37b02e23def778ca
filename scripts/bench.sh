#!/usr/bin/env bash
# Measures the service against what the machine could do at most: `make bench`. Arguments choose the measurements
# (passwords me introspect verify refresh limits relay replay kit latency sse queries users footprint, or micro for the criterion benches alone); none means all of them.
# The table of docs/PERFORMANCE.md is what it prints.
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
    can_apt_install || die "wrk is missing: install it from your system's packages."
    apt_install wrk
fi
cargo build --locked --release --package watchword --package watchword-bench
exec target/release/watchword-bench "$@"
