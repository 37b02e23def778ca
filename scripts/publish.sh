#!/usr/bin/env bash
# Keeps the OpenAPI document of the version in Cargo.toml, for scripts/check-compatibility.sh:
# `make publish`, once per release.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
target=docs/reference/published/openapi/$version.json
[ ! -e "$target" ] || die "$target exists; a published document is not edited. Raise the version in Cargo.toml first."
mkdir -p "$(dirname "$target")"
cp docs/reference/openapi.json "$target"
say "published $target"
