#!/usr/bin/env bash
# Reads the events of a newer build of the crate watchword-events with the subscriber kit of this one: a copy of the
# crate gets an event, a field, a value of an enumeration and a type of actor (scripts/old-kit/add.py), and the kit,
# which was built without them, gives no event up.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

have nats-server || skip_peer "nats-server is not installed"
have python3 || skip_peer "python3 is not installed"

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# The newer build: a workspace of the copy and a program that prints its events.
cp -r events Cargo.lock "$WORK/"
python3 scripts/old-kit/add.py "$WORK/events"
mkdir -p "$WORK/printer/src"
cp scripts/old-kit/print_events.rs "$WORK/printer/src/main.rs"
sed -n '/^\[workspace/,/^\[package\]/p' Cargo.toml |
    sed -e '/^\[package\]/d' -e '/^default-members/d' -e 's/^members = .*/members = ["events", "printer"]/' \
        >"$WORK/Cargo.toml"
cat >"$WORK/printer/Cargo.toml" <<'TOML'
[package]
name = "printer"
version = "0.0.0"
edition.workspace = true

[dependencies]
watchword-events = { path = "../events", features = ["producer"] }
TOML
# The versions of the lock file, which the tests have downloaded. The directory survives for the next run.
CARGO_TARGET_DIR=target/old-kit RUSTFLAGS=-Awarnings cargo run --quiet --offline --manifest-path "$WORK/Cargo.toml" --package printer \
    >"$WORK/events.jsonl" || die "the newer build does not print its events"

WATCHWORD_NEWER_EVENTS="$WORK/events.jsonl" cargo test --quiet --locked --workspace --all-features --test subscriber -- \
    --ignored --exact newer_service::the_events_of_a_newer_build_arrive >&2
