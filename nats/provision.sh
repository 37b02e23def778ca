#!/bin/sh
# Creates the streams and durables of this directory that are missing. Changes and deletes nothing.
#
#   NATS_URL=nats://127.0.0.1:4222 NATS_USER=provisioner NATS_PASSWORD=… nats/provision.sh
#
# It can run again at any time. NATS_REPLICAS=3 creates streams with three replicas, in a cluster.
# `watchword stream diff` shows where a stream differs from its definition, and `watchword stream
# apply` changes it.
set -eu
cd "$(dirname "$0")"
# The caller's NATS context may be another user's.
unset NATS_CONTEXT

nats() {
    command nats --inbox-prefix _INBOX_provisioner "$@"
}

exists() {
    "$@" >/dev/null 2>&1
}

for file in streams/*.json; do
    name=$(basename "$file" .json)
    if exists nats stream info "$name" --json; then
        echo "stream $name exists"
    else
        config=$(mktemp)
        sed "s/\"num_replicas\": 1/\"num_replicas\": ${NATS_REPLICAS:-1}/" "$file" >"$config"
        nats stream add "$name" --config "$config" >/dev/null
        rm "$config"
        echo "stream $name created"
    fi
done

for file in consumers/*.json; do
    name=$(basename "$file" .json)
    if exists nats consumer info auth-events "$name" --json; then
        echo "durable $name exists"
    else
        nats consumer add auth-events --config "$file" >/dev/null
        echo "durable $name created"
    fi
done
