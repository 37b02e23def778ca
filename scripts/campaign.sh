#!/usr/bin/env bash
# Breaks everything around the service while clients use it, and checks what is left: `make
# campaign`. Arguments go to the campaign; `--help` lists them. Without `--minutes` it runs for ten,
# without `--seed` with the time as its seed. Before it, every parser that meets the outside is fuzzed
# for a minute, where cargo-fuzz is installed; `--no-fuzz`, as the first argument, leaves that out.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

if [ "${1:-}" = --no-fuzz ]; then
    shift
elif have cargo-fuzz; then
    scripts/fuzz.sh
else
    say "the parsers are not fuzzed: cargo-fuzz is not installed"
fi

scripts/install-test-deps.sh
# The features of `make test`, so that nothing is compiled twice.
exec cargo test --quiet --locked --workspace --all-features --test campaign -- \
    --minutes 10 --seed "$(date +%s)" --commit "$(git describe --always --dirty 2>/dev/null || echo unknown)" "$@"
