#!/usr/bin/env bash
# Installs what the tests need, unless it is installed: the build's needs, rustfmt and clippy, PostgreSQL, Redis,
# nginx, nats-server and the servers of the samples.
# The tests start the servers as child processes on free ports; no system service is started or used.
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
have redis-server || packages+=(redis-server)
# Not on the PATH of ordinary users.
have nginx || [ -x /usr/sbin/nginx ] || packages+=(nginx-light)
if [ "${#packages[@]}" -gt 0 ]; then
    can_apt_install || die "missing: ${packages[*]}. Install them from your system's packages."
    apt_install "${packages[@]}"
fi

"$ROOT/scripts/install-nats-server.sh"
"$ROOT/scripts/install-sample-servers.sh"
