#!/usr/bin/env bash
# Checks with the tools of other ecosystems: `make test-peers`. The Rust tests do not depend on
# them.
#
# A check whose tools cannot be installed is skipped and says so. PEER_TOOLS=required makes a skip
# an error.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

failed=()

# check NAME COMMAND...: run all checks, and report the failed ones at the end.
check() {
    local name=$1
    shift
    say "==> $name"
    "$@" || failed+=("$name")
}

check "contracts (npm: AsyncAPI parser, TypeScript compiler)" scripts/check-contracts.sh
check "workflows (Go: actionlint)" scripts/check-workflows.sh
check "compatibility (Go: oasdiff; cargo: cargo-semver-checks)" scripts/check-compatibility.sh
check "clients (npm, pip, Go and Java: linters and client generators)" scripts/check-clients.sh
check "requests (pip: schemathesis, as a user and as an administrator)" scripts/check-requests.sh
check "tokens (npm, pip, Go and Maven: verifiers of access tokens)" scripts/check-verifiers.sh
check "events (npm and Go: CloudEvents SDKs)" scripts/check-cloudevents.sh
check "events (cargo: a newer build of the contract, read by the kit)" scripts/check-old-kit.sh
check "consumers (npm and Go: NATS clients, killed under load)" scripts/check-consumers.sh

[ "${#failed[@]}" -eq 0 ] || die "failed: ${failed[*]}"
