#!/usr/bin/env bash
# Has docker-compose.yml read by a compose implementation, where there is one; no Docker engine is needed.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

if docker compose version >/dev/null 2>&1; then
    docker compose -f docker-compose.yml --profile sinks config --quiet
elif have docker-compose; then
    docker-compose -f docker-compose.yml --profile sinks config --quiet
else
    say "    skipped: neither docker compose nor docker-compose is here"
fi
