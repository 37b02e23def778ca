#!/usr/bin/env bash
# Validates the generated contracts with their official tools: the AsyncAPI parser and the
# TypeScript compiler. Both are pinned in scripts/contracts/package-lock.json and come from npm.
# Without node or npm's registry the check is skipped; the Rust tests check the same documents in
# part.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

TOOLS=scripts/contracts

if ! { have node && have npm; } && can_apt_install; then
    (apt_install nodejs npm) || true
fi

# The oldest version that both tools support.
version_at_least "$(node --version 2>/dev/null | sed 's/^v//')" 18.18 || skip_peer "node 18.18 or newer is not installed"
have npm || skip_peer "npm is not installed"

# Installed once per state of the lock file.
if ! cmp -s "$TOOLS/package-lock.json" "$TOOLS/node_modules/.watchword-lock.json"; then
    npm ci --prefix "$TOOLS" --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >&2 ||
        skip_peer "npm could not install the tools"
    cp "$TOOLS/package-lock.json" "$TOOLS/node_modules/.watchword-lock.json"
fi

node "$TOOLS/asyncapi.mjs" docs/reference/asyncapi.json
node "$TOOLS/types.mjs" docs/reference/typescript/auth-events.d.ts events/tests/golden/*.json docs/reference/published/*/*.sample.json
