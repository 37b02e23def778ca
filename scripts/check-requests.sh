#!/usr/bin/env bash
# Sends requests that schemathesis makes from the OpenAPI document, right ones and wrong ones, to a
# running service: once as a user and once as an administrator. Every response has to be as the
# document says. The version is pinned in scripts/requests/.
#
# WATCHWORD is the program to run; without it, the program is built. Arguments go to schemathesis.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

SOURCES=scripts/requests
TOOLS=$ROOT/.tools/requests
# Seconds for each of the two runs.
TIME=${REQUESTS_TIME:-110}
mkdir -p "$TOOLS"

have curl || skip_peer "curl is not installed"

install_python() {
    have python3 && python_with_pip || return 1
    local wanted
    wanted=$(sha256sum <"$SOURCES/requirements.txt")
    [ "$wanted" != "$(cat "$TOOLS/installed.sha256" 2>/dev/null)" ] || return 0
    rm -rf "$TOOLS/packages"
    python3 -m pip install --quiet --disable-pip-version-check --no-warn-conflicts --root-user-action=ignore \
        --target "$TOOLS/packages" --requirement "$SOURCES/requirements.txt" </dev/null >&2 || return 1
    printf '%s\n' "$wanted" >"$TOOLS/installed.sha256"
}
install_python || skip_peer "schemathesis cannot be installed"

use_watchword

prepare_service

port=$(free_port)
BASE_URL=http://127.0.0.1:$port
CLIENT=requests
secrets=$("$WATCHWORD" oauth client-secret)
CLIENT_SECRET=$(sed -n 's/^secret = "\(.*\)"$/\1/p' <<<"$secrets")
hash=$(sed -n 's/^secret_hash = "\(.*\)"$/\1/p' <<<"$secrets")
export CLIENT CLIENT_SECRET PASSWORD='correct horse battery 7'

# An array and no function: the number of a function in the background is that of its shell.
watchword=(env -i PATH="$PATH" HOME="$WORK" PORT="$port" WATCHWORD__HTTP__HOST=127.0.0.1
    WATCHWORD__METRICS__ENABLED=false WATCHWORD__DATA_DIR="$WORK/data" WATCHWORD__HTTP__PUBLIC_URL="$BASE_URL"
    WATCHWORD__LIMITS__ENABLED=false WATCHWORD__OAUTH__CLIENTS="$CLIENT=$hash" "$WATCHWORD")

printf '%s\n' "$PASSWORD" | "${watchword[@]}" user create-admin --email admin@example.com >"$WORK/log" 2>&1 ||
    { cat "$WORK/log" >&2; die "cannot create the administrator"; }
"${watchword[@]}" serve >"$WORK/log" 2>&1 &
service=$!
await_service "$BASE_URL/readyz"
curl --silent --fail --output /dev/null --json "{\"email\":\"user@example.com\",\"password\":\"$PASSWORD\"}" \
    "$BASE_URL/auth/register"

export PYTHONPATH=$TOOLS/packages
for IDENTIFIER in user@example.com admin@example.com; do
    export IDENTIFIER
    say "    as ${IDENTIFIER%%@*}"
    # The time limit is twice what a run takes here; the seed is the same on every machine.
    (cd "$WORK" && python3 -m schemathesis.cli --config-file "$ROOT/$SOURCES/schemathesis.toml" run \
        --no-color --max-time "$TIME" --url "$BASE_URL" "$@" "$ROOT/docs/reference/openapi.json") >"$WORK/requests.log" 2>&1 ||
        { cat "$WORK/requests.log" >&2; die "a response is not as the document says"; }
    tail -n 1 "$WORK/requests.log" >&2
done
