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

# The service reads .env itself: a shell would cut, expand or run some of its values.
env_file=()
if [ -f .env ]; then
    env_file=(--env-file .env)
fi

scripts/install-build-deps.sh
# Without nats-server the service starts too, and keeps the events until NATS is available.
if [ -z "${NATS_URL:-}${WATCHWORD__NATS__URL:-}" ] &&
    ! grep -qsE '^[[:space:]]*(WATCHWORD__NATS__URL|NATS_URL)(_FILE)?[[:space:]]*=.' .env; then
    scripts/install-nats-server.sh || warn "starting without nats-server; events wait in the database"
fi

exec cargo run --locked --profile "$PROFILE" "${features[@]}" --package watchword --bin watchword -- \
    "${env_file[@]}" serve "$@"
