#!/usr/bin/env bash
# Everything that has to pass before a change is merged: `make test`.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

STEPS=5
step=0
started=$SECONDS

minutes() { printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); }

# run NAME COMMAND...: show the command's output, and end the script when it fails.
run() {
    local name=$1 since=$SECONDS
    shift
    step=$((step + 1))
    say "==> [$step/$STEPS] $name"
    if ! "$@"; then
        die "$name failed after $(minutes $((SECONDS - since))): $*"
    fi
    say "    ok, $(minutes $((SECONDS - since)))"
}

run "test dependencies" scripts/install-test-deps.sh
run "format" cargo fmt --all --check
run "compose file" scripts/check-compose.sh
run "clippy, warnings denied" cargo clippy --quiet --locked --workspace --all-targets --all-features -- -D warnings
# A text without a snapshot, or with another one, fails its test and leaves no file behind.
export INSTA_UPDATE=no
run "tests" cargo test --quiet --locked --workspace --all-features
say "all passed in $(minutes $((SECONDS - started)))"
