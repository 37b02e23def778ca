#!/usr/bin/env bash
# Builds and starts the service: `make run`. Arguments go to `watchword serve`.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

# PROFILE: cargo's name. The dev profile is the default, since a first release build takes several times as long;
# it compiles argon2 with full optimisation, so that a login is as quick as in a release build.
PROFILE=${PROFILE:-dev}

# What the environment says wins over .env.
if [ -f .env ]; then
    environment=$(export -p)
    set -a
    # shellcheck source=/dev/null
    . ./.env
    set +a
    eval "$environment"
fi

scripts/install-build-deps.sh
# Without a nats-server of its own the service starts all the same and keeps the events until there is one.
if [ -z "${NATS_URL:-}${WATCHWORD__NATS__URL:-}" ]; then
    scripts/install-nats-server.sh || warn "starting without nats-server"
fi

exec cargo run --locked --profile "$PROFILE" --package watchword --bin watchword -- serve "$@"
