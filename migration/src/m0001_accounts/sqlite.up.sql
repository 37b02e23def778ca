CREATE TABLE users (
    id                 BLOB    PRIMARY KEY,
    email              TEXT    NOT NULL,
    email_canonical    TEXT    NOT NULL,
    email_verified     BOOLEAN NOT NULL DEFAULT FALSE,
    username           TEXT,
    username_canonical TEXT,
    name               TEXT,
    account_type       TEXT    NOT NULL,
    roles              TEXT    NOT NULL, -- names separated by one space
    status             TEXT    NOT NULL CHECK (status IN ('active', 'disabled', 'deleted')),
    password_hash      TEXT    NOT NULL,
    event_seq          BIGINT  NOT NULL DEFAULT 0, -- number of the user's last event
    created_at         BIGINT  NOT NULL,
    updated_at         BIGINT  NOT NULL,
    deleted_at         BIGINT
);
-- The identifiers of a deleted account can be used again.
CREATE UNIQUE INDEX users_email_key ON users (email_canonical) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX users_username_key ON users (username_canonical) WHERE deleted_at IS NULL;

CREATE TABLE sessions (
    id             BLOB   PRIMARY KEY,
    user_id        BLOB   NOT NULL REFERENCES users (id),
    generation     BIGINT NOT NULL DEFAULT 1, -- of the current refresh token
    rotated_at     BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    last_used_at   BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    revoked_at     BIGINT,
    revoked_reason TEXT,
    ip             TEXT,
    user_agent     TEXT
);
CREATE INDEX sessions_live_idx ON sessions (user_id, created_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_expiry_idx ON sessions (expires_at);

-- The ledger: outbox, audit log and source of replays. Only the three columns of the relay change.
CREATE TABLE events (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             BLOB   NOT NULL UNIQUE,
    subject        TEXT   NOT NULL,
    user_id        UUID,
    user_seq       BIGINT,
    schema_version INTEGER NOT NULL,
    payload        BLOB   NOT NULL, -- the published bytes
    traceparent    TEXT,
    occurred_at    BIGINT NOT NULL,
    stream_seq     BIGINT,
    published_at   BIGINT,
    parked_reason  TEXT
);
CREATE INDEX events_unpublished_idx ON events (seq) WHERE published_at IS NULL AND parked_reason IS NULL;
CREATE INDEX events_parked_idx ON events (seq) WHERE parked_reason IS NOT NULL;
CREATE INDEX events_stream_seq_idx ON events (stream_seq) WHERE stream_seq IS NOT NULL;
CREATE INDEX events_user_idx ON events (user_id, seq);

CREATE TABLE signing_keys (
    kid          TEXT   PRIMARY KEY, -- RFC 7638 thumbprint
    sealed       BLOB   NOT NULL,    -- the private key, encrypted with WATCHWORD_SECRET_KEY
    public       BLOB   NOT NULL,
    created_at   BIGINT NOT NULL,
    activates_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL     -- verifies until then
);
