#!/usr/bin/env bash
# Writes the generated files: `make generate`. First the contracts under docs/reference, all or
# none: the generators write into a copy, which replaces the directory once all of them have
# succeeded. Then docs/CONFIGURATION.md, and the event table in docs/EVENTS.md between its markers.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

mkdir -p docs/reference
# Beside the original, so that the last step is a rename.
WORK=$(mktemp -d docs/.reference.XXXXXX)
trap 'rm -rf "$WORK"' EXIT
cp -R docs/reference "$WORK/new"

cargo run --quiet --locked --package watchword-contract --bin generate-contract -- "$WORK/new"
# New files under published/ get a line. Existing lines stay, so that an edited file is detected.
(
    cd "$WORK/new/published"
    touch SHA256SUMS
    find . -name '*.json' -printf '%P\n' | LC_ALL=C sort | while read -r file; do
        grep -qF "  $file" SHA256SUMS || sha256sum "$file" >>SHA256SUMS
    done
)
cargo run --quiet --locked --package watchword --bin watchword -- openapi >"$WORK/new/openapi.json"
cargo run --quiet --locked --package watchword --bin watchword -- asyncapi >"$WORK/new/asyncapi.json"
cargo run --quiet --locked --package watchword --bin watchword -- config docs >"$WORK/CONFIGURATION.md"

if diff --recursive --brief docs/reference "$WORK/new" >&2; then
    say "docs/reference is up to date"
else
    trap '' INT TERM
    mv docs/reference "$WORK/old"
    mv "$WORK/new" docs/reference
    trap - INT TERM
fi

if cmp -s docs/CONFIGURATION.md "$WORK/CONFIGURATION.md"; then
    say "docs/CONFIGURATION.md is up to date"
else
    mv "$WORK/CONFIGURATION.md" docs/CONFIGURATION.md
    chmod 644 docs/CONFIGURATION.md
    say "docs/CONFIGURATION.md: updated"
fi
# The page starts with the table; examples follow it.
grep '^|' docs/reference/events.md | scripts/embed.sh docs/EVENTS.md events
