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
