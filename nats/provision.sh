#!/bin/sh
# Makes the streams and durables of this directory where they are missing; changes and deletes nothing.
#
#   NATS_URL=nats://127.0.0.1:4222 NATS_USER=provisioner NATS_PASSWORD=… nats/provision.sh
#
# It can be run again at any time. NATS_REPLICAS=3 makes streams of three copies, in a cluster. Where a stream differs from its
# definition is said by `watchword stream diff`, and changed by `watchword stream apply`.
set -eu
cd "$(dirname "$0")"

nats() {
    command nats --inbox-prefix _INBOX_provisioner "$@"
}

exists() {
    "$@" >/dev/null 2>&1
}

for file in streams/*.json; do
    name=$(basename "$file" .json)
    if exists nats stream info "$name" --json; then
        echo "stream $name is there"
    else
        config=$(mktemp)
        sed "s/\"num_replicas\": 1/\"num_replicas\": ${NATS_REPLICAS:-1}/" "$file" >"$config"
        nats stream add "$name" --config "$config" >/dev/null
        rm "$config"
        echo "stream $name made"
    fi
done

for file in consumers/*.json; do
    name=$(basename "$file" .json)
    if exists nats consumer info auth-events "$name" --json; then
        echo "durable $name is there"
    else
        nats consumer add auth-events --config "$file" >/dev/null
        echo "durable $name made"
    fi
done
