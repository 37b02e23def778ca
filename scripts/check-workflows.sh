#!/usr/bin/env bash
# Checks .github/workflows with actionlint: the one on PATH or in .tools/, or the pinned one,
# installed with Go.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

VERSION=v1.7.12

if ! have actionlint; then
    have go || skip_peer "neither actionlint nor go is installed"
    say "installing actionlint $VERSION into .tools/"
    GOBIN="$ROOT/.tools" go install "github.com/rhysd/actionlint/cmd/actionlint@$VERSION" </dev/null >&2 ||
        skip_peer "go could not install actionlint"
fi
actionlint
