#!/usr/bin/env bash
# Writes what is generated: `make generate`. The contracts under docs/reference, all of it or nothing: the generators write
# into a copy, which takes the directory's place once every one of them has succeeded. Then the tables in README.md and
# docs/EVENTS.md, between their markers.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

mkdir -p docs/reference
# Beside the original, so that the last step is a rename.
WORK=$(mktemp -d docs/.reference.XXXXXX)
trap 'rm -rf "$WORK"' EXIT
cp -R docs/reference "$WORK/new"

cargo run --quiet --locked --package watchword-events --bin generate-contract -- "$WORK/new"
# What is new under published/ gets its line; a line that is there stays, so that an edited file is noticed.
(
    cd "$WORK/new/published"
    touch SHA256SUMS
    find . -name '*.json' -printf '%P\n' | LC_ALL=C sort | while read -r file; do
        grep -qF "  $file" SHA256SUMS || sha256sum "$file" >>SHA256SUMS
    done
)
cargo run --quiet --locked --package watchword --bin watchword -- openapi >"$WORK/new/openapi.json"
cargo run --quiet --locked --package watchword --bin watchword -- asyncapi >"$WORK/new/asyncapi.json"
cargo run --quiet --locked --package watchword --bin watchword -- config docs >"$WORK/config.md"

if diff --recursive --brief docs/reference "$WORK/new" >&2; then
    say "docs/reference is fresh"
else
    trap '' INT TERM
    mv docs/reference "$WORK/old"
    mv "$WORK/new" docs/reference
    trap - INT TERM
fi

scripts/embed.sh README.md config <"$WORK/config.md"
# The page begins with the table; what follows is examples.
grep '^|' docs/reference/events.md | scripts/embed.sh docs/EVENTS.md events
