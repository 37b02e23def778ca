#!/bin/sh
# Makes the streams and durables of this directory where they are missing; changes and deletes nothing.
#
#   NATS_URL=nats://127.0.0.1:4222 NATS_USER=provisioner NATS_PASSWORD=… nats/provision.sh
#
# It can be run again at any time. Differences of a stream: `watchword stream diff`, `watchword stream apply`.
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
        nats stream add "$name" --config "$file" >/dev/null
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
