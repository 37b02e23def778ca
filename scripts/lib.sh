# Shared by the scripts beside it; source it, do not run it.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The pinned nats-server wins over an older one of the system (Debian 12 packages 2.9, which is too old); so does Node.
export PATH="$ROOT/.tools:$ROOT/.tools/node/bin:$PATH"

say() { printf '%s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# version_at_least 2.15.1 2.12.1: is the first version the second one or newer?
version_at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# as_root COMMAND...: as it is when root, else through sudo; fails where neither is possible.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        return 1
    fi
}

can_apt_install() {
    have apt-get && { [ "$(id -u)" -eq 0 ] || have sudo; }
}

# apt_install PACKAGE...: quiet unless it fails.
#
# A package that brings a server also starts it. Nothing here wants that (the tests start their own servers), so
# for the time of the installation a policy-rc.d, Debian's way to say no, answers 101; a machine's own is respected.
# A subshell, so that the trap is this function's alone.
apt_install() (
    apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
    policy=/usr/sbin/policy-rc.d
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT

    say "installing $* (apt-get)"
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$log"; as_root rm -f "$policy"' EXIT
        trap 'exit 130' INT TERM
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null || exit 1
        as_root chmod 755 "$policy" || exit 1
    fi

    # A source that cannot be refreshed is not yet a failure: the package may come from another one.
    as_root "${apt[@]}" update >"$log" 2>&1 </dev/null || true
    if ! as_root "${apt[@]}" install --yes --no-install-recommends "$@" >>"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        exit 1
    fi
)

# A python3 with pip, installed if that is possible.
python_with_pip() {
    if python3 -m pip --version >/dev/null 2>&1; then return 0; fi
    can_apt_install || return 1
    apt_install python3-pip
}
