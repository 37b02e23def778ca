#!/usr/bin/env bash
# Has the generated contracts read by the tools of those who use them: the official AsyncAPI parser and, for the types, the
# TypeScript compiler. Both are pinned in scripts/contracts/package-lock.json and come from npm.
#
# Where there is no node, or npm's registry cannot be reached, it says so and is no failure: what the Rust tests know about the same
# documents they have checked already. CONTRACT_TOOLS=required makes it one.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

TOOLS=scripts/contracts

skip() {
    [ "${CONTRACT_TOOLS:-}" != required ] || die "$*"
    say "    skipped: $*"
    exit 0
}

# The oldest that both tools run on.
version_at_least "$(node --version 2>/dev/null | sed 's/^v//')" 18.18 || skip "node 18.18 or newer is not here"
have npm || skip "npm is not here"

# Installed once for each state of the lock file.
if ! cmp -s "$TOOLS/package-lock.json" "$TOOLS/node_modules/.watchword-lock.json"; then
    npm ci --prefix "$TOOLS" --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >&2 ||
        skip "npm could not install the tools"
    cp "$TOOLS/package-lock.json" "$TOOLS/node_modules/.watchword-lock.json"
fi

node "$TOOLS/asyncapi.mjs" docs/reference/asyncapi.json
node "$TOOLS/types.mjs" docs/reference/typescript/auth-events.d.ts events/tests/golden/*.json docs/reference/published/*/*.sample.json
