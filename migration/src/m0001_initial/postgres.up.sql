-- Times are whole milliseconds since the Unix epoch, unless their column says otherwise.

-- Users and sessions are updated often. The free space keeps the new row versions on the same page
-- (HOT).
CREATE TABLE users (
    id                 UUID    PRIMARY KEY,
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
    deleted_at         BIGINT,
    profile            TEXT    NOT NULL DEFAULT '{}', -- a JSON object
    search_text        TEXT,                          -- canonical email, username and names
    erased_at          BIGINT,                        -- personal data is erased here and in the ledger
    second_factor      BOOLEAN NOT NULL DEFAULT FALSE -- true after confirmation
) WITH (fillfactor = 80);
-- The identifiers of a deleted account can be used again.
CREATE UNIQUE INDEX users_email_key ON users (email_canonical) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX users_username_key ON users (username_canonical) WHERE deleted_at IS NULL;
-- Ids sort by time, so lists are sorted by id (store/users/list.rs).
CREATE INDEX users_live_idx ON users (id) WHERE status <> 'deleted';
CREATE INDEX users_status_idx ON users (status, id);
CREATE INDEX users_type_idx ON users (account_type, id);
CREATE INDEX users_roles_idx ON users USING gin (string_to_array(roles, ' '));
-- Accounts to erase (store/users/erasure.rs).
CREATE INDEX users_erasable_idx ON users (deleted_at) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;
-- Trigrams find parts of words. If the extension is missing or may not be created, searches read
-- the whole table. docs/OPERATIONS.md says how to create the extension and the index later. The
-- extension may be in any schema, also in one outside of the search path.
DO $$
DECLARE place TEXT;
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    SELECT n.nspname INTO STRICT place FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        WHERE e.extname = 'pg_trgm';
    EXECUTE format($index$
        CREATE INDEX users_search_idx ON users USING gin ((coalesce(search_text,
            email_canonical || ' ' || coalesce(username_canonical, '') || ' ' || lower(coalesce(name, '')))) %I.gin_trgm_ops)
    $index$, place);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
    RAISE WARNING 'no index for searches with pg_trgm: searches for users will read the whole table (%)', SQLERRM;
END $$;

CREATE TABLE sessions (
    id             UUID   PRIMARY KEY,
    user_id        UUID   NOT NULL REFERENCES users (id),
    generation     BIGINT NOT NULL DEFAULT 1, -- of the current refresh token
    rotated_at     BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    last_used_at   BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    revoked_at     BIGINT,
    revoked_reason TEXT,
    ip             TEXT,
    user_agent     TEXT,
    amr            TEXT   NOT NULL DEFAULT 'pwd' -- what was verified at the login: names of RFC 8176
                                                 -- separated by one space
) WITH (fillfactor = 80);
-- A user's sessions in their order (store/sessions).
CREATE INDEX sessions_live_idx ON sessions (user_id, created_at) WHERE revoked_at IS NULL;
-- Erasure of what is left of the others (store/users/erasure.rs).
CREATE INDEX sessions_revoked_idx ON sessions (user_id) WHERE revoked_at IS NOT NULL;
-- Deletion of expired ones (store/expired_rows.rs).
CREATE INDEX sessions_expiry_idx ON sessions (expires_at);

-- The ledger: outbox, audit log and source of replays. Rows are written once; only erasure rewrites
-- payloads, after they are published. A table that is only appended to is vacuumed by the number of
-- new rows and not by a share of all rows.
CREATE TABLE events (
    seq            BIGINT  GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    id             UUID    NOT NULL,
    subject        TEXT    NOT NULL, -- of a custom event: the kind alone, so that names mint no rows of counts
    custom_name    TEXT,             -- of a custom event: the last token of its subject
    user_id        UUID,
    user_seq       BIGINT,
    session_id     UUID,             -- a copy of `data.sessionId`, to search by
    schema_version INTEGER NOT NULL,
    payload        BYTEA   NOT NULL, -- the published bytes
    traceparent    TEXT,
    occurred_at    BIGINT  NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 500000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000
);
-- One event by its id, and times as bounds of `seq`, since ids sort by time (store/events/list.rs,
-- follow.rs).
CREATE UNIQUE INDEX events_id_key ON events (id);
-- Lists of one subject, user or session; erasure reads those of a user (list.rs, masking.rs).
CREATE INDEX events_subject_seq_idx ON events (subject, seq);
CREATE INDEX events_user_idx ON events (user_id, seq);
CREATE INDEX events_session_seq_idx ON events (session_id, seq) WHERE session_id IS NOT NULL;
-- Counts by time, from the index alone (counts.rs).
CREATE INDEX events_subject_idx ON events (subject, id);
CREATE INDEX events_user_time_idx ON events (user_id, id, subject) WHERE user_id IS NOT NULL;

-- The ledger itself: one row.
CREATE TABLE ledger (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    id    UUID    NOT NULL, -- in every published message, so that the stream's own messages are known
    epoch INTEGER NOT NULL  -- of the cursors that readers hold; rises when sequences are given again
);
INSERT INTO ledger (one, id, epoch) VALUES (1, gen_random_uuid(), 1);

-- How far the ledger is published: one row, written after what the stream acknowledged.
CREATE TABLE relay_position (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    stream      TEXT    NOT NULL,
    created     BIGINT  NOT NULL, -- when the stream was created, in nanoseconds: another one is another stream
    seq         BIGINT  NOT NULL, -- every event up to this ledger sequence is published
    stream_seq  BIGINT  NOT NULL, -- the last message of ours
    message_id  TEXT,             -- its Nats-Msg-Id; null before the first one
    refill_from BIGINT,           -- the first ledger sequence of the refill, if this stream replaced a lost one
    written_at  BIGINT  NOT NULL
);

-- The number of events by hour and subject, up to the mark's seq (counts.rs).
CREATE TABLE event_counts (
    hour    BIGINT NOT NULL, -- whole hours since the Unix epoch
    subject TEXT   NOT NULL,
    events  BIGINT NOT NULL,
    PRIMARY KEY (hour, subject)
);
CREATE TABLE event_counts_mark (
    id  INTEGER PRIMARY KEY CHECK (id = 1), -- one row
    seq BIGINT NOT NULL
);
INSERT INTO event_counts_mark (id, seq) VALUES (1, 0);

-- Replays of the ledger and their progress, from which an interrupted replay resumes.
CREATE TABLE replays (
    id          UUID   PRIMARY KEY,
    name        TEXT   NOT NULL,
    origin      TEXT   NOT NULL CHECK (origin IN ('command', 'service')), -- what runs it
    target      TEXT   NOT NULL CHECK (target IN ('replays', 'everyone')),
    from_at     BIGINT,
    to_at       BIGINT,
    subjects    TEXT   NOT NULL, -- separated by one space; empty means all
    user_ids    TEXT   NOT NULL, -- the same
    rate        BIGINT,          -- events a second
    state       TEXT   NOT NULL CHECK (state IN ('running', 'stopped', 'done')),
    cursor      BIGINT NOT NULL, -- the last ledger sequence that was sent
    through     BIGINT NOT NULL, -- the last ledger sequence of the replay
    target_seq  BIGINT NOT NULL, -- the stream sequence up to which its events are counted
    total       BIGINT,          -- null until the events are counted
    sent        BIGINT NOT NULL,
    refused     BIGINT NOT NULL,
    trouble     TEXT,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE UNIQUE INDEX replays_name_key ON replays (name);
-- The service runs one replay at a time.
CREATE UNIQUE INDEX replays_running_key ON replays (origin) WHERE origin = 'service' AND state = 'running';

CREATE TABLE signing_keys (
    kid          TEXT   PRIMARY KEY, -- RFC 7638 thumbprint
    algorithm    TEXT   NOT NULL,    -- as in the header of a token
    sealed       BYTEA  NOT NULL,    -- the private key, encrypted with WATCHWORD_SECRET_KEY
    public       BYTEA  NOT NULL,
    created_at   BIGINT NOT NULL,
    activates_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL     -- verifies until then
);

-- One-time codes. A newer code of the same purpose replaces the older one.
CREATE TABLE one_time_codes (
    hash       BYTEA  PRIMARY KEY, -- keyed hash; only the mail contains the code
    purpose    TEXT   NOT NULL CHECK (purpose IN ('email_verification', 'password_reset')),
    user_id    UUID   REFERENCES users (id), -- null if no account has the address, for equal work
    binding    BYTEA  NOT NULL, -- keyed hash of the address and of the current password
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX one_time_codes_user_key ON one_time_codes (user_id, purpose);
CREATE INDEX one_time_codes_expiry_idx ON one_time_codes (expires_at);

-- Outgoing mails, enqueued in the transaction of the change and delivered later.
CREATE TABLE outgoing_mail (
    id          UUID    PRIMARY KEY, -- also in the Message-ID
    kind        TEXT    NOT NULL,
    user_id     UUID,
    sealed      BYTEA,               -- recipient, name and code, encrypted; null after the delivery
    state       TEXT    NOT NULL CHECK (state IN ('waiting', 'sent', 'dead', 'void')), -- void: no recipient
    attempts    INTEGER NOT NULL,
    due_at      BIGINT  NOT NULL,    -- the next attempt, advanced before each attempt
    problem     TEXT,
    created_at  BIGINT  NOT NULL,
    finished_at BIGINT
) WITH (fillfactor = 80);
CREATE INDEX outgoing_mail_due_idx ON outgoing_mail (due_at) WHERE state = 'waiting';
CREATE INDEX outgoing_mail_finished_idx ON outgoing_mail (finished_at) WHERE finished_at IS NOT NULL;

-- Completed requests with an Idempotency-Key. A repeated request gets the same response.
CREATE TABLE idempotency_keys (
    key        BYTEA  PRIMARY KEY, -- keyed hash of the operation, the caller and the key
    request    BYTEA  NOT NULL,    -- fingerprint of the request without its secrets
    made       UUID   NOT NULL,    -- the created session, event or user
    expires_at BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_expiry_idx ON idempotency_keys (expires_at);

CREATE TABLE second_factors (
    id           UUID   PRIMARY KEY,
    user_id      UUID   NOT NULL UNIQUE REFERENCES users (id),
    sealed       BYTEA  NOT NULL, -- the seed, encrypted with WATCHWORD_SECRET_KEY
    last_step    BIGINT NOT NULL, -- the last used time step; only later ones are accepted
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT           -- null until the first code is verified
);

-- Recovery codes. A used code is deleted.
CREATE TABLE recovery_codes (
    user_id   UUID  NOT NULL REFERENCES users (id),
    code_hash BYTEA NOT NULL, -- keyed hash
    PRIMARY KEY (user_id, code_hash)
);

-- Login challenges: logins that wait for the second factor.
CREATE TABLE login_challenges (
    id            UUID    PRIMARY KEY,
    user_id       UUID    NOT NULL REFERENCES users (id),
    password_mark BYTEA   NOT NULL, -- password fingerprint; a new password ends the challenge
    attempts      INTEGER NOT NULL DEFAULT 0,
    expires_at    BIGINT  NOT NULL
);
CREATE INDEX login_challenges_expiry_idx ON login_challenges (expires_at);
