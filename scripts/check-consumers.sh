#!/usr/bin/env bash
# Kills consumers in Node and Go twenty times while events arrive, and compares what they have stored with what was
# published. They are those of which docs/EVENTS.md shows the rule. Versions are pinned in scripts/consumers/. A
# language whose client cannot be installed is skipped.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

SOURCES=scripts/consumers
TOOLS=.tools/consumers
KILLS=20
mkdir -p "$TOOLS"

have nats-server || skip_peer "nats-server is not installed"
have jq || skip_peer "jq is not installed"

install_go() {
    have go || return 1
    (cd "$SOURCES/go" && go build -o "$ROOT/$TOOLS/go-copy" .) </dev/null >&2
}

install_node() {
    version_at_least "$(node --version 2>/dev/null | sed 's/^v//')" 20.0 && have npm || return 1
    mkdir -p "$TOOLS/node"
    cp "$SOURCES"/node/* "$TOOLS/node/"
    if cmp -s "$SOURCES/node/package-lock.json" "$TOOLS/node/node_modules/.watchword-lock.json"; then return 0; fi
    npm ci --prefix "$TOOLS/node" --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >&2 || return 1
    cp "$SOURCES/node/package-lock.json" "$TOOLS/node/node_modules/.watchword-lock.json"
}

# shown LANGUAGE FILE: is the document's code in this language part of the file?
shown() {
    local block file
    block=$(sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{/^\`\`\`/d;p}" docs/EVENTS.md)
    file=$(cat "$2")
    [ -n "$block" ] && [ "${file#*"$block"}" != "$file" ] || die "the code for $1 in docs/EVENTS.md is not that of $2"
}
shown js "$SOURCES/node/copy.mjs"
shown go "$SOURCES/go/main.go"

consumers=()
install_node && consumers+=("node node $TOOLS/node/copy.mjs") || unavailable "the NATS client for Node"
install_go && consumers+=("go $TOOLS/go-copy") || unavailable "the NATS client for Go"
[ "${#consumers[@]}" -gt 0 ] || exit 0

WORK=$(mktemp -d)
processes=()
trap '[ "${#processes[@]}" -eq 0 ] || kill "${processes[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$WORK"' EXIT

# Port -1 lets the server choose; it writes the port into a file.
nats-server --addr 127.0.0.1 --port -1 --jetstream --store_dir "$WORK" --ports_file_dir "$WORK" --log "$WORK/log" &
processes+=($!)
for _ in $(seq 100); do
    NATS_URL=$(sed -n 's/.*"\(nats:[^"]*\)".*/\1/p' "$WORK"/*.ports 2>/dev/null | head -n 1) || true
    [ -z "$NATS_URL" ] || break
    sleep 0.1
done
[ -n "$NATS_URL" ] || { cat "$WORK/log" >&2; die "nats-server does not start"; }
export NATS_URL

# Keys in the order of the alphabet, so that rows compare as texts.
SORTED='to_entries | sort_by(.key) | from_entries | tojson'

# copied DIRECTORY: what a consumer has stored, as publish_changes prints it.
copied() {
    find "$1" -name '*.json' -print0 | sort -z |
        xargs -0r jq -r "\"\(input_filename | split(\"/\") | last | rtrimstr(\".json\")) \($SORTED)\""
}

# kill_twenty_times NAME COMMAND...: the last process runs until all events are stored.
kill_twenty_times() {
    local name=$1 consumer=
    shift
    export DURABLE=$name COPY_DIR=$WORK/$name
    mkdir "$COPY_DIR"
    for kill in $(seq 0 "$KILLS"); do
        "$@" 2>>"$WORK/$name.log" &
        consumer=$!
        [ "$kill" -lt "$KILLS" ] || break
        sleep "0.$((3 + kill % 5))"
        kill -9 "$consumer"
        wait "$consumer" 2>/dev/null || true
    done
    for _ in $(seq 60); do
        # The publisher has ended when it has printed what it expects.
        if [ -s "$WORK/expected" ] && copied "$COPY_DIR" | cmp -s - "$WORK/expected"; then break; fi
        sleep 0.5
    done
    kill -9 "$consumer"
    wait "$consumer" 2>/dev/null || true
}

build_as_tests
names=("${consumers[@]%% *}")
target/debug/examples/publish_changes "$NATS_URL" "${names[@]}" >"$WORK/published" &
publisher=$!
processes+=("$publisher")
sleep 1 # the stream and the durables exist
pids=()
for consumer in "${consumers[@]}"; do
    # shellcheck disable=SC2086 # a command is several words
    kill_twenty_times $consumer &
    pids+=($!)
done
wait "$publisher" || die "publish_changes failed"
while read -r user row; do printf '%s %s\n' "$user" "$(jq -r "$SORTED" <<<"$row")"; done \
    <"$WORK/published" >"$WORK/sorted"
mv "$WORK/sorted" "$WORK/expected"
wait "${pids[@]}"
failed=
for name in "${names[@]}"; do
    copied "$WORK/$name" >"$WORK/$name.copy"
    if ! diff "$WORK/expected" "$WORK/$name.copy" >"$WORK/$name.diff"; then
        cat "$WORK/$name.log" "$WORK/$name.diff" >&2
        say "    $name: $KILLS kills, $(grep -c '^<' "$WORK/$name.diff") users are not as published"
        failed=1
        continue
    fi
    [ ! -s "$WORK/$name.log" ] || { cat "$WORK/$name.log" >&2; die "the $name consumer reports an error"; }
    say "    $name: $KILLS kills, $(wc -l <"$WORK/expected") users as published"
done
[ -z "$failed" ] || die "consumers have stored something else than was published"
