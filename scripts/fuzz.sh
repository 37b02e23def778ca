#!/usr/bin/env bash
# Fuzzes every parser that meets the outside, a minute each: `make fuzz`, and part of `make
# campaign`. Arguments select parsers. FUZZ_SECONDS is the time for each of them.
#
# cargo-fuzz has to be installed. The toolchain is the one of the project: no code here is unsafe,
# so that the sanitizers, which would need another one, have nothing to find.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

SECONDS_EACH=${FUZZ_SECONDS:-60}

have cargo-fuzz || die "cargo-fuzz is not installed; run: cargo install --locked cargo-fuzz"
fuzz() { cargo fuzz "$1" --dev --sanitizer none "${@:2}"; }

targets=("$@")
[ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <(cargo fuzz list)

# The cargo of cargo-fuzz knows no --locked.
[ -e fuzz/Cargo.lock ] || die "fuzz/Cargo.lock is missing"
fuzz build >&2

failed=()
for target in "${targets[@]}"; do
    seeds=()
    [ ! -d "fuzz/seeds/$target" ] || seeds+=("fuzz/seeds/$target")
    case $target in
    envelope) seeds+=(events/tests/golden) ;;
    esac
    mkdir -p "fuzz/corpus/$target"
    log=$(mktemp)
    if fuzz run "$target" "fuzz/corpus/$target" "${seeds[@]}" -- -max_total_time="$SECONDS_EACH" -timeout=10 \
        -max_len=20000 -rss_limit_mb=4096 -print_final_stats=1 >"$log" 2>&1; then
        say "    $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
    else
        tail -n 40 "$log" >&2
        failed+=("$target")
    fi
    rm -f "$log"
done
[ "${#failed[@]}" -eq 0 ] || die "found by: ${failed[*]}; the inputs are in fuzz/artifacts"
