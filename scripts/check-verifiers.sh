#!/usr/bin/env bash
# Verifies access tokens of a running service with libraries of other languages, which are given nothing but the
# issuer's URL: for each algorithm, at the root, below a base path, and below a prefix that nginx removes. Versions are pinned in scripts/verifiers/. A
# language whose libraries cannot be installed is skipped.
#
# WATCHWORD is the program to run; without it, the program is built.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

SOURCES=scripts/verifiers
TOOLS=.tools/verifiers
mkdir -p "$TOOLS"

have curl || skip_peer "curl is not installed"
have jq || skip_peer "jq is not installed"

# The commands of the languages whose libraries could be installed.
verifiers=()

# current FILE...: are these the files that the last installation was made from?
current() { [ "$(cat "$@" | sha256sum)" = "$(cat "$TOOLS/$(basename "$1").sha256" 2>/dev/null)" ]; }
installed() { cat "$@" | sha256sum >"$TOOLS/$(basename "$1").sha256"; }
install_node() {
    version_at_least "$(node --version 2>/dev/null | sed 's/^v//')" 20.0 && have npm || return 1
    mkdir -p "$TOOLS/node"
    cp "$SOURCES"/node/* "$TOOLS/node/"
    current "$SOURCES/node/package-lock.json" && return 0
    npm ci --prefix "$TOOLS/node" --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >&2 || return 1
    installed "$SOURCES/node/package-lock.json"
}

install_python() {
    have python3 && python_with_pip || return 1
    current "$SOURCES/python/requirements.txt" && return 0
    rm -rf "$TOOLS/python"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$TOOLS/python" \
        --requirement "$SOURCES/python/requirements.txt" </dev/null >&2 || return 1
    installed "$SOURCES/python/requirements.txt"
}

install_go() {
    have go || return 1
    (cd "$SOURCES/go" && go build -o "$ROOT/$TOOLS/go-verify" .) </dev/null >&2
}
install_kubernetes() {
    have go || return 1
    (cd "$SOURCES/kubernetes" && go build -o "$ROOT/$TOOLS/kubernetes-verify" .) </dev/null >&2
}

install_java() {
    have javac && have mvn || return 1
    if ! current "$SOURCES/java/pom.xml"; then
        mvn --quiet --batch-mode --file "$SOURCES/java/pom.xml" dependency:copy-dependencies \
            -DoutputDirectory="$ROOT/$TOOLS/java" </dev/null >&2 || return 1
        installed "$SOURCES/java/pom.xml"
    fi
    javac -cp "$TOOLS/java/*" -d "$TOOLS/java" "$SOURCES/java/Verify.java" >&2
}

install_node && verifiers+=("node $TOOLS/node/verify.mjs") || unavailable "the libraries for Node"
install_python && verifiers+=("env PYTHONPATH=$TOOLS/python python3 -W ignore $SOURCES/python/verify.py") ||
    unavailable "the libraries for Python"
install_go && verifiers+=("$TOOLS/go-verify") || unavailable "the libraries for Go"
install_java && verifiers+=("java -cp $TOOLS/java:$TOOLS/java/* Verify") || unavailable "the libraries for Java"
[ "${#verifiers[@]}" -gt 0 ] || exit 0

use_watchword

prepare_service

# start ALGORITHM BASE_PATH [PUBLIC_URL]: start the service, and set `backend` and `issuer`.
start() {
    local port origin
    port=$(free_port)
    origin=${3:-http://127.0.0.1:$port}
    backend=http://127.0.0.1:$port
    issuer=$origin${2%/}
    env -i PATH="$PATH" HOME="$WORK" PORT="$port" WATCHWORD__HTTP__HOST=127.0.0.1 WATCHWORD__METRICS__ENABLED=false \
        WATCHWORD__DATA_DIR="$(mktemp -d -p "$WORK")" WATCHWORD__TOKENS__ALGORITHM="$1" \
        WATCHWORD__HTTP__PUBLIC_URL="$origin" WATCHWORD__HTTP__BASE_PATH="$2" \
        "$WATCHWORD" serve >"$WORK/log" 2>&1 &
    service=$!
    await_service "$backend${2%/}/healthz"
}

# register ALGORITHM BASE_PATH: register a user, and set what the verifiers read.
register() {
    local answer token signature other
    answer=$(curl --silent --fail --json '{"email":"ada@example.com","password":"correct horse battery 7"}' \
        "$backend${2%/}/auth/register")
    token=$(jq -r .accessToken <<<"$answer")
    # The first character of the signature decides about whole bits of it.
    signature=${token##*.}
    case $signature in A*) other=B ;; *) other=A ;; esac
    export ALGORITHM=$1 ISSUER=$issuer BACKEND=$backend AUDIENCE=watchword TOKEN=$token
    SUBJECT=$(jq -r .user.id <<<"$answer")
    FORGED=${token%.*}.$other${signature#?}
    export SUBJECT FORGED
}

for base_path in / /api/v1; do
    for algorithm in ES256 RS256 EdDSA; do
        start "$algorithm" "$base_path"
        say "    $algorithm, issuer $issuer"
        register "$algorithm" "$base_path"
        for verifier in "${verifiers[@]}"; do
            $verifier >&2 || die "$verifier refuses the token"
        done
        stop_service
    done
done

# The issuer is where clients reach the service, below the prefix that a proxy removes.
proxy_port=$(free_port)
if find_nginx >/dev/null; then
    for algorithm in ES256 EdDSA; do
        start "$algorithm" / "http://127.0.0.1:$proxy_port/ww"
        start_proxy "$proxy_port" "${backend##*:}"
        await_service "$issuer/healthz"
        say "    $algorithm, issuer $issuer, through nginx"
        register "$algorithm" /
        for verifier in "${verifiers[@]}"; do
            $verifier >&2 || die "$verifier refuses the token"
        done
        stop_service
        stop_proxy
    done
else
    unavailable "the verifiers behind nginx, which is not installed"
fi

if install_kubernetes; then
    for algorithm in ES256 RS256; do
        start "$algorithm" / "https://127.0.0.1:$(free_port)"
        say "    $algorithm, issuer $issuer"
        register "$algorithm" /
        "$TOOLS/kubernetes-verify" >&2 || die "Kubernetes refuses the token"
        stop_service
    done
else
    unavailable "the authenticator of Kubernetes"
fi
