#!/usr/bin/env bash
# Builds and starts the service: `make run`. Arguments are passed to `watchword serve`.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

# PROFILE is a cargo profile. The default is dev, because a first release build takes several times
# as long. It compiles argon2 with full optimization, so that a login is as fast as in a release
# build.
PROFILE=${PROFILE:-dev}
features=()
if [ "$PROFILE" = dev ]; then
    features=(--no-default-features) # without jemalloc, which takes a fifth of the build
fi

# The environment overrides .env.
if [ -f .env ]; then
    environment=$(export -p)
    set -a
    # shellcheck source=/dev/null
    . ./.env
    set +a
    eval "$environment"
fi

scripts/install-build-deps.sh
# Without nats-server the service starts too, and keeps the events until NATS is available.
if [ -z "${NATS_URL:-}${WATCHWORD__NATS__URL:-}" ]; then
    scripts/install-nats-server.sh || warn "starting without nats-server; events wait in the database"
fi

exec cargo run --locked --profile "$PROFILE" "${features[@]}" --package watchword --bin watchword -- serve "$@"
