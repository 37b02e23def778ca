# Functions of the other scripts. Source this file; do not run it.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The pinned nats-server and Node precede those of the system (Debian 12 packages nats-server 2.9,
# which is too old).
export PATH="$ROOT/.tools:$ROOT/.tools/node/bin:$PATH"

say() { printf '%s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# skip_peer REASON: end a check of scripts/test-peers.sh whose tools cannot be installed.
skip_peer() {
    [ "${PEER_TOOLS:-}" != required ] || die "$*"
    say "    skipped: $*"
    exit 0
}

# unavailable WHAT: say that a part of a check is skipped; with PEER_TOOLS=required that is an error.
unavailable() {
    [ "${PEER_TOOLS:-}" != required ] || die "$*"
    say "    skipped: $*"
}

# build_as_tests: build the programs and examples as the tests do, which mostly have built them
# before. Another selection of features would compile half of the dependencies again.
build_as_tests() { cargo test --quiet --locked --workspace --all-features --no-run; }

# use_watchword: set WATCHWORD to the program that the tests build, unless it names another one.
use_watchword() {
    [ -z "${WATCHWORD:-}" ] || return 0
    build_as_tests
    WATCHWORD=target/debug/watchword
}

# prepare_service: make the directory WORK. It goes with the script, and so do the processes `service` and `proxy`.
prepare_service() {
    WORK=$(mktemp -d)
    service='' proxy=''
    trap 'stop_service; stop_proxy; rm -rf "$WORK"' EXIT
}

find_nginx() { PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v nginx; }

# start_proxy PORT SERVICE: start the process `proxy`, nginx on PORT as docs/PROXIES.md has it, in front of the service
# on the port SERVICE: it is at http://127.0.0.1:PORT/ww then.
start_proxy() {
    local nginx
    nginx=$(find_nginx) || return 1
    mkdir -p "$WORK/nginx"
    {
        printf 'daemon off;\nmaster_process off;\npid %s/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n' \
            "$WORK/nginx"
        printf '%s_temp_path '"$WORK"'/nginx/%s;\n' client_body a proxy b fastcgi c uwsgi d scgi e
        sed -n '/^```nginx$/,/^```$/p' "$ROOT/docs/PROXIES.md" | sed '/^```/d' |
            sed "s/listen 80;/listen 127.0.0.1:$1;/; s/127\.0\.0\.1:3001/127.0.0.1:$2/"
        printf '}\n'
    } >"$WORK/nginx/conf"
    "$nginx" -p "$WORK/nginx" -c "$WORK/nginx/conf" -e stderr >"$WORK/nginx/log" 2>&1 &
    proxy=$!
}

stop_proxy() {
    [ -z "$proxy" ] || { kill "$proxy" && wait "$proxy"; } 2>/dev/null || true
    proxy=
}

stop_service() {
    [ -z "$service" ] || { kill "$service" && wait "$service"; } 2>/dev/null || true
    service=
}

# await_service URL: wait until the process `service`, whose log is in WORK, answers.
await_service() {
    for _ in $(seq 300); do
        if curl --silent --fail --output /dev/null "$1"; then return 0; fi
        kill -0 "$service" 2>/dev/null || break
        sleep 0.1
    done
    cat "$WORK/log" >&2
    die "the service does not start"
}

# free_port: print a port that nothing listens on.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' 2>/dev/null ||
        echo $((20000 + RANDOM % 20000))
}

# version_at_least 2.15.1 2.12.1: is the first version the second one or newer?
version_at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# as_root COMMAND...: run as root, or through sudo; fail if neither is possible.
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

# apt_install PACKAGE...: install packages; print nothing unless it fails.
#
# Installing a server's package also starts the server. The tests start their own servers, so a
# policy-rc.d (Debian's mechanism for this) that answers 101 prevents it during the installation; an
# existing policy-rc.d is kept. The function runs in a subshell, so that it has its own trap.
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

    # A source that cannot be updated is not an error yet: another source may have the package.
    as_root "${apt[@]}" update >"$log" 2>&1 </dev/null || true
    if ! as_root "${apt[@]}" install --yes --no-install-recommends "$@" >>"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        exit 1
    fi
)

# python_with_pip: install pip for python3 unless it is installed.
python_with_pip() {
    if python3 -m pip --version >/dev/null 2>&1; then return 0; fi
    can_apt_install || return 1
    apt_install python3-pip
}
