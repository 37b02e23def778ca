#!/usr/bin/env bash
# Checks the OpenAPI document as its readers do: redocly and spectral by their recommended rules; then seven
# generators make a client of it, which is compiled and logs in to a running service: directly, through nginx below a
# prefix, and from a page of another origin in Chromium. Versions are pinned in scripts/clients/. A generator that
# cannot be installed is skipped.
#
# WATCHWORD is the program to run; without it, the program is built.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

SOURCES=scripts/clients
TOOLS=$ROOT/.tools/clients
DOCUMENT=$ROOT/docs/reference/openapi.json
export DOCUMENT
mkdir -p "$TOOLS"

have curl || skip_peer "curl is not installed"

# current NAME FILE...: was the last installation of NAME made from these files?
current() { [ "$(cat "${@:2}" | sha256sum)" = "$(cat "$TOOLS/$1.sha256" 2>/dev/null)" ]; }
installed() { cat "${@:2}" | sha256sum >"$TOOLS/$1.sha256"; }

install_node() {
    version_at_least "$(node --version 2>/dev/null | sed 's/^v//')" 20.19 && have npm || return 1
    mkdir -p "$TOOLS/node"
    cp "$SOURCES"/node/* "$TOOLS/node/"
    current node "$SOURCES/node/package-lock.json" && return 0
    npm ci --prefix "$TOOLS/node" --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >&2 || return 1
    installed node "$SOURCES/node/package-lock.json"
}

install_python() {
    have python3 && python_with_pip || return 1
    mkdir -p "$TOOLS/python"
    cp "$SOURCES"/python/*.py "$TOOLS/python/"
    current python "$SOURCES/python/requirements.txt" && return 0
    rm -rf "$TOOLS/python/packages"
    python3 -m pip install --quiet --disable-pip-version-check --no-warn-conflicts --root-user-action=ignore \
        --target "$TOOLS/python/packages" --requirement "$SOURCES/python/requirements.txt" </dev/null >&2 || return 1
    installed python "$SOURCES/python/requirements.txt"
}

install_go() {
    have go || return 1
    mkdir -p "$TOOLS/go"
    cp -R "$SOURCES"/go/* "$TOOLS/go/"
    (cd "$TOOLS/go" && go mod download) </dev/null >&2
}

# openapi_generator LANGUAGE DIRECTORY PROPERTIES: openapi-generator's jar is among the packages for Python.
openapi_generator() {
    local jar=$TOOLS/python/packages/openapi_generator_cli/openapi-generator.jar
    rm -rf "$2"
    java -jar "$jar" generate --input-spec "$DOCUMENT" --generator-name "$1" --output "$2" \
        --additional-properties="$3" \
        --global-property=apiTests=false,modelTests=false,apiDocs=false,modelDocs=false >"$WORK/generator.log" 2>&1 ||
        { cat "$WORK/generator.log" >&2; die "openapi-generator: $1"; }
}

prepare_service

node=yes python=yes go=yes java=yes
install_node || { node='' && unavailable "the linters, and the generators for TypeScript"; }
install_python || { python='' && unavailable "the generators for Python, and openapi-generator"; }
install_go || { go='' && unavailable "the generators for Go"; }
if ! have java && can_apt_install; then (apt_install default-jre-headless) || true; fi
[ -n "$python" ] && have java || { java='' && unavailable "openapi-generator, without Java"; }

# The programs that log in, one a client.
programs=()
bin() { "$TOOLS/node/node_modules/.bin/$1" "${@:2}"; }

if [ -n "$node" ]; then
    bin redocly lint --extends=recommended "$DOCUMENT" >"$WORK/redocly.log" 2>&1 ||
        { cat "$WORK/redocly.log" >&2; die "redocly refuses the document"; }
    ! grep -q 'warning' <(sed '/Deprecation warning/d' "$WORK/redocly.log") ||
        { cat "$WORK/redocly.log" >&2; die "redocly warns of the document"; }
    bin spectral lint --quiet --fail-severity=hint --ruleset "$SOURCES/node/spectral.yaml" "$DOCUMENT" >&2
    say "    redocly, spectral: recommended rules"

    cd "$TOOLS/node"
    rm -rf hey-api orval typescript-fetch out
    bin openapi-ts --input "$DOCUMENT" --output hey-api --client @hey-api/client-fetch >"$WORK/hey-api.log" 2>&1 ||
        { cat "$WORK/hey-api.log" >&2; die "hey-api"; }
    bin orval --config orval.config.mjs >"$WORK/orval.log" 2>&1 || { cat "$WORK/orval.log" >&2; die "orval"; }
    clients=(hey-api orval)
    if [ -n "$java" ]; then
        openapi_generator typescript-fetch typescript-fetch supportsES6=true
        clients+=(typescript-fetch)
        cp "$ROOT/$SOURCES/node/typescript-fetch.ts" .
    else
        rm -f typescript-fetch.ts
    fi
    bin tsc --project .
    for client in "${clients[@]}"; do
        bin esbuild "$client.ts" --bundle --platform=node --format=esm --target=node20 --log-level=warning \
            --outfile="out/$client.mjs"
        programs+=("node $TOOLS/node/out/$client.mjs")
    done
    cd "$ROOT"
fi

if [ -n "$python" ]; then
    cd "$TOOLS/python"
    export PYTHONPATH=$TOOLS/python/packages:$TOOLS/python
    # It formats what it generated with ruff, which is not needed.
    python3 -m openapi_python_client generate --path "$DOCUMENT" --meta none --overwrite \
        --output-path openapi_python_client_api >"$WORK/python.log" 2>&1 ||
        { cat "$WORK/python.log" >&2; die "openapi-python-client"; }
    python3 -m compileall -q openapi_python_client_api
    programs+=("python3 $TOOLS/python/openapi_python_client_login.py")
    if [ -n "$java" ]; then
        openapi_generator python "$WORK/python" packageName=openapi_generator_api
        rm -rf openapi_generator_api
        mv "$WORK/python/openapi_generator_api" .
        python3 -m compileall -q openapi_generator_api
        programs+=("python3 $TOOLS/python/openapi_generator_login.py")
    fi
    cd "$ROOT"
fi

if [ -n "$go" ]; then
    cd "$TOOLS/go"
    mkdir -p oapi-codegen/api bin
    go tool oapi-codegen -generate types,client -package api -o oapi-codegen/api/api.gen.go "$DOCUMENT" >&2
    go build -o bin/ ./oapi-codegen
    programs+=("$TOOLS/go/bin/oapi-codegen")
    if [ -n "$java" ]; then
        openapi_generator go openapi-generator/api packageName=api,withGoMod=false
        go build -o bin/ ./openapi-generator
        programs+=("$TOOLS/go/bin/openapi-generator")
    fi
    cd "$ROOT"
fi

[ "${#programs[@]}" -gt 0 ] || exit 0

use_watchword

# serve PUBLIC_URL ORIGIN: start the service on `port`, which clients reach at the URL, and pages of the origin too.
serve() {
    env -i PATH="$PATH" HOME="$WORK" PORT="$port" WATCHWORD__HTTP__HOST=127.0.0.1 WATCHWORD__METRICS__ENABLED=false \
        WATCHWORD__DATA_DIR="$(mktemp -d -p "$WORK")" WATCHWORD__HTTP__PUBLIC_URL="$1" \
        WATCHWORD__HTTP__CORS__ORIGINS="$2" WATCHWORD__LIMITS__ENABLED=false "$WATCHWORD" serve >"$WORK/log" 2>&1 &
    service=$!
    await_service "http://127.0.0.1:$port/healthz"
}

log_in() {
    local number=0
    for program in "${programs[@]}"; do
        number=$((number + 1))
        CLIENT=client$number $program >&2 || die "$program"
    done
}

port=$(free_port)
export BASE_URL=http://127.0.0.1:$port
serve "$BASE_URL" ""
log_in
say "    ${#programs[@]} generated clients log in"
stop_service

# What was generated goes on where a proxy removes a prefix, with the documented configuration.
proxy_port=$(free_port) page_port=$(free_port)
BASE_URL=http://127.0.0.1:$proxy_port/ww
if ! start_proxy "$proxy_port" "$port"; then
    unavailable "the clients behind nginx, which is not installed"
    exit 0
fi
serve "$BASE_URL" "http://localhost:$page_port"
await_service "$BASE_URL/healthz"
log_in
say "    ${#programs[@]} generated clients log in through nginx, below a prefix"

# And in a page of another origin. The page's title tells how it went.
chromium=$(command -v chromium || command -v chromium-browser) || chromium=
if [ -z "$chromium" ] || [ -z "$node" ]; then
    unavailable "the clients in a browser, without Chromium or Node"
    exit 0
fi
mkdir -p "$WORK/page"
for client in "${clients[@]}"; do
    (cd "$TOOLS/node" && bin esbuild "$client.ts" --bundle --platform=browser --format=esm --target=es2022 \
        --log-level=warning --define:process.env="{\"BASE_URL\":\"$BASE_URL\",\"CLIENT\":\"page-$client\"}" \
        --outfile="$WORK/page/$client.mjs")
    printf '<!doctype html><title>began</title><script type="module">
        import("./%s.mjs").then(() => (document.title = "logged in"), (error) => (document.title = String(error)));
        </script>' "$client" >"$WORK/page/$client.html"
done
python3 -m http.server --bind 127.0.0.1 --directory "$WORK/page" "$page_port" >"$WORK/pages.log" 2>&1 &
pages=$!
trap 'kill "$pages" 2>/dev/null; stop_service; stop_proxy; rm -rf "$WORK"' EXIT
for client in "${clients[@]}"; do
    timeout 120 "$chromium" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage \
        --user-data-dir="$WORK/profile" --virtual-time-budget=60000 --dump-dom \
        "http://localhost:$page_port/$client.html" >"$WORK/$client.dom" 2>"$WORK/chromium.log" ||
        { cat "$WORK/chromium.log" >&2; die "Chromium cannot open the page of $client"; }
    grep -q '<title>logged in</title>' "$WORK/$client.dom" || { cat "$WORK/$client.dom" >&2; die "$client in a page"; }
done
say "    ${#clients[@]} generated clients log in from a page of another origin, through nginx"
