#!/usr/bin/env bash
# Validates docker-compose.yml if Docker Compose is installed. It needs no Docker engine.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

if docker compose version >/dev/null 2>&1; then
    docker compose -f docker-compose.yml --profile sinks config --quiet
    docker compose --env-file nats/cluster/compose.env --profile cluster -f docker-compose.yml config --quiet
elif have docker-compose; then
    docker-compose -f docker-compose.yml --profile sinks config --quiet
    docker-compose --env-file nats/cluster/compose.env --profile cluster -f docker-compose.yml config --quiet
else
    say "    skipped: neither docker compose nor docker-compose is installed"
fi
