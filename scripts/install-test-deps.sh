#!/usr/bin/env bash
# Installs what the tests need, if it is missing: the build's needs, rustfmt and clippy, PostgreSQL, Redis, nginx, nats-server,
# the servers of the samples, and node for the contracts.
# The tests start the servers themselves, as child processes on free ports; no system service is started or used.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$ROOT/scripts/install-build-deps.sh"

# rust_component COMMAND COMPONENT: `cargo COMMAND` works, or rustup can bring it.
rust_component() {
    cargo "$1" --version >/dev/null 2>&1 && return 0
    have rustup || die "cargo $1 is missing: install $2"
    say "installing $2 (rustup)"
    rustup component add "$2" >&2
}
rust_component fmt rustfmt
rust_component clippy clippy

# Debian keeps initdb and postgres off PATH, in a directory per version.
have_postgres() {
    have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

packages=()
have_postgres || packages+=(postgresql)
have redis-server || packages+=(redis-server)
# Off PATH for those who are not root.
have nginx || [ -x /usr/sbin/nginx ] || packages+=(nginx-light)
if [ "${#packages[@]}" -gt 0 ]; then
    can_apt_install || die "missing: ${packages[*]}. Install them from your system's packages."
    apt_install "${packages[@]}"
fi

# For scripts/check-contracts.sh, which does without when it has to.
if ! { have node && have npm; } && can_apt_install; then
    (apt_install nodejs npm) || warn "no node: the contracts are not read by the AsyncAPI parser and the TypeScript compiler"
fi

"$ROOT/scripts/install-nats-server.sh"
"$ROOT/scripts/install-sample-servers.sh"
