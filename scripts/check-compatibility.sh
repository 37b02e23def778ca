#!/usr/bin/env bash
# Compares the public contracts with those that releases published (docs/COMPATIBILITY-POLICY.md):
# the OpenAPI document by oasdiff, the subscriber kit by cargo-semver-checks.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

OASDIFF_VERSION=v1.37.0
CURRENT=docs/reference/openapi.json
PUBLISHED=docs/reference/published/openapi

install_oasdiff() {
    have go || skip_peer "neither oasdiff nor go is installed"
    say "installing oasdiff $OASDIFF_VERSION into .tools/"
    GOBIN="$ROOT/.tools" go install "github.com/oasdiff/oasdiff@$OASDIFF_VERSION" </dev/null >&2 ||
        skip_peer "go could not install oasdiff"
}

# breaks BASE REVISION: print what breaks a client of BASE; succeed if something does.
breaks() {
    local status=0
    oasdiff breaking --fail-on ERR "$1" "$2" >&2 || status=$?
    [ "$status" -le 1 ] || die "oasdiff failed with $status"
    [ "$status" -eq 1 ]
}

# edited EXPRESSION: write the current document, changed by a line of Python, to a file; print its name.
edited() {
    local file=$scratch/edited.json
    python3 -c "
import json, sys
document = json.load(open('$CURRENT'))
paths, schemas = document['paths'], document['components']['schemas']
$1
json.dump(document, open('$file', 'w'))"
    printf '%s' "$file"
}

# A check that has nothing to compare with must still be one that can fail.
check_the_check() {
    ! breaks "$CURRENT" "$(edited "schemas['User']['properties']['nickname'] = {'type': 'string'}")" ||
        die "an optional field in answers must not count as a breaking change"
    breaks "$CURRENT" "$(edited "del paths['/auth/login']")" 2>/dev/null ||
        die "a removed operation must count as a breaking change"
    breaks "$CURRENT" "$(edited "user = schemas['User']; del user['properties']['createdAt']; user['required'].remove('createdAt')")" 2>/dev/null ||
        die "a removed field in answers must count as a breaking change"
}

check_openapi() {
    local document
    for document in "$PUBLISHED"/*.json; do
        if [ ! -e "$document" ]; then say "    no release has published an OpenAPI document yet"; return; fi
        ! breaks "$document" "$CURRENT" || die "the OpenAPI document breaks clients of $document"
    done
}

check_kit() {
    local tag
    tag=$(git tag --list 'events-v*' --sort=-version:refname | head -n 1)
    if [ -z "$tag" ]; then say "    no release of the kit is tagged yet"; return; fi
    have cargo-semver-checks || skip_peer "cargo-semver-checks is not installed; cargo install --locked cargo-semver-checks"
    cargo semver-checks --package watchword-events --baseline-rev "$tag"
}

have oasdiff || install_oasdiff
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
check_the_check
check_openapi
check_kit
