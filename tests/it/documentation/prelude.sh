# What the shell of the documents begins with.
set -eu -o pipefail -E
trap 'echo "failed: $BASH_COMMAND" >&2' ERR
# Nothing that a document starts outlives its shell.
trap 'set +e; trap - ERR; kill $(jobs -p) 2>/dev/null; wait' EXIT

jobs_of() { jobs -l | awk -v command="$1" 'index($0, command) && !/Done|Exit|Terminated|Killed/ { print $2 }'; }

# Ends the background jobs with this command.
stop_jobs() {
    local id
    for id in $(jobs_of "$1"); do
        kill "$id"
        wait "$id" || true
    done
}

stop_service() { stop_jobs 'watchword serve'; }
start_service() {
    [ -z "$(jobs_of 'watchword serve')" ] || return 0
    watchword serve >>service.log 2>&1 &
    until_flowing
}
until_flowing() {
    until curl -s "$service_url/readyz" | grep -q flowing; do
        [ -n "$(jobs_of 'watchword serve')" ]
        sleep 0.05
    done
}
until_two_run() {
    local url
    for url in "$service_url" "$service_url_2"; do
        until curl -s "$url/readyz" | grep -q flowing; do sleep 0.1; done
    done
    until curl -s "$metrics_url/metrics" "$metrics_url_2/metrics" | grep -q '^watchword_relay_leader 1'; do
        sleep 0.1
    done
}
# SQLite serves one process. On PostgreSQL one instance goes on, so that it is the one that leads.
release_database() {
    stop_service
    [ -z "${DATABASE_URL-}" ] || start_service
}

stop_nats() {
    stop_jobs nats-server
    until curl -s "$service_url/readyz" | grep -q 'not connected'; do sleep 0.1; done
}
start_nats() {
    [ -f data/nats-server.conf ] || return 0
    nats-server --config data/nats-server.conf >>data/nats-server.log 2>&1 &
    until_flowing
}

# Waits, as a reader's own slowness does, until the service has published what it has recorded.
settle() {
    local metrics tries=60
    while [ "$((tries -= 1))" -gt 0 ]; do
        metrics=$(curl -s --max-time 2 "$metrics_url/metrics") || return 0
        awk '/^watchword_nats_connected 0/ { down = 1 }
             /^watchword_event_recorded_total/ { recorded += $NF }
             /^watchword_event_published_total/ { published += $NF }
             END { exit !(down || published >= recorded) }' <<<"$metrics" && return 0
        sleep 0.05
    done
}
until_pending() {
    until curl -s "$metrics_url/metrics" | grep -q '^watchword_outbox_pending_events [2-9]'; do sleep 0.1; done
}
until_repaired() {
    until watchword stream info --format json 2>info.err | jq -e '.messages > 0' >/dev/null; do sleep 0.2; done
}
foreign_stream() {
    until nats stream add other --subjects 'auth.user.*' --defaults; do nats stream rm auth-events -f; done
}

# Runs a command while the next block runs.
soon() { (sleep 1; "$@" >soon.out 2>&1) & }
failed_login() {
    curl -s "$service_url/auth/login" -H 'content-type: application/json' \
        -d '{"email":"test@example.com","password":"not the password"}'
}
# A client of the configuration, with its secret in `secret`.
with_client() {
    watchword oauth client-secret >client.txt
    secret=$(sed -n 's/^secret = "\(.*\)"/\1/p' client.txt)
    export WATCHWORD__OAUTH__CLIENTS="gateway=$(sed -n 's/^secret_hash = "\(.*\)"/\1/p' client.txt)"
    stop_service
    start_service
}
# oathtool --totp -b SEED
oathtool() {
    python3 - "$3" <<'PYTHON'
import base64, hmac, struct, sys, time
seed = base64.b32decode(sys.argv[1] + "=" * (-len(sys.argv[1]) % 8))
code = hmac.new(seed, struct.pack(">Q", int(time.time()) // 30), "sha1").digest()
at = code[-1] & 15
print("%06d" % ((struct.unpack(">I", code[at:at + 4])[0] & 0x7FFFFFFF) % 1000000))
PYTHON
}

# A document begins without the variables of the one before it.
remember_variables() { compgen -v | sort >.variables; }
forget_variables() {
    local name
    for name in $(compgen -v | sort | comm -13 .variables -); do
        case $name in
            BASH* | FUNCNAME | PIPESTATUS | _ | name) ;;
            *) unset "$name" ;;
        esac
    done
}
