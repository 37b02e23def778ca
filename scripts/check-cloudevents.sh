#!/usr/bin/env bash
# Reads one event of every kind from a stream of JetStream with the CloudEvents SDKs for Go and JavaScript, which know
# nothing of Watchword: every attribute and extension is there, and the data decodes. Versions are pinned in
# scripts/cloudevents/. An SDK that cannot be installed is skipped.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

SOURCES=scripts/cloudevents
TOOLS=.tools/cloudevents
mkdir -p "$TOOLS"

have nats-server || skip_peer "nats-server is not installed"

install_go() {
    have go || return 1
    (cd "$SOURCES/go" && go build -o "$ROOT/$TOOLS/go-read" .) </dev/null >&2
}

install_node() {
    version_at_least "$(node --version 2>/dev/null | sed 's/^v//')" 20.0 && have npm || return 1
    mkdir -p "$TOOLS/node"
    cp "$SOURCES"/node/* "$TOOLS/node/"
    if cmp -s "$SOURCES/node/package-lock.json" "$TOOLS/node/node_modules/.watchword-lock.json"; then return 0; fi
    npm ci --prefix "$TOOLS/node" --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >&2 || return 1
    cp "$SOURCES/node/package-lock.json" "$TOOLS/node/node_modules/.watchword-lock.json"
}

readers=()
install_go && readers+=("$TOOLS/go-read") || unavailable "the CloudEvents SDK for Go"
install_node && readers+=("node $TOOLS/node/read.mjs") || unavailable "the CloudEvents SDK for JavaScript"
[ "${#readers[@]}" -gt 0 ] || exit 0

WORK=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$WORK"' EXIT

# Port -1 lets the server choose; it writes the port into a file.
nats-server --addr 127.0.0.1 --port -1 --jetstream --store_dir "$WORK" --ports_file_dir "$WORK" --log "$WORK/log" &
server=$!
for _ in $(seq 100); do
    NATS_URL=$(sed -n 's/.*"\(nats:[^"]*\)".*/\1/p' "$WORK"/*.ports 2>/dev/null | head -n 1) || true
    [ -z "$NATS_URL" ] || break
    sleep 0.1
done
[ -n "$NATS_URL" ] || { cat "$WORK/log" >&2; die "nats-server does not start"; }
export NATS_URL

build_as_tests
target/debug/examples/publish_every_event "$NATS_URL"
EVENTS=$(find events/tests/golden -name '*.json' | wc -l)
export EVENTS
for reader in "${readers[@]}"; do
    $reader >&2 || die "$reader does not read the events"
done
