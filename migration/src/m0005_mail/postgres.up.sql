-- Codes that prove who reads the mails of an address. A newer one of the same purpose takes the place of the older one.
CREATE TABLE one_time_codes (
    hash       BYTEA  PRIMARY KEY, -- keyed; the code itself is in the mail alone
    purpose    TEXT   NOT NULL CHECK (purpose IN ('email_verification', 'password_reset')),
    user_id    UUID   REFERENCES users (id), -- null when nobody has the address that was asked for: the same work, and no use
    binding    BYTEA  NOT NULL, -- keyed hash of what the code is good for: the address, and the password it replaces
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX one_time_codes_user_key ON one_time_codes (user_id, purpose);
CREATE INDEX one_time_codes_expiry_idx ON one_time_codes (expires_at);

-- Mails, written with the change that they tell of and sent afterwards.
CREATE TABLE outgoing_mail (
    id          UUID    PRIMARY KEY, -- also in the Message-ID
    kind        TEXT    NOT NULL,
    user_id     UUID,
    sealed      BYTEA,               -- address, name and code under WATCHWORD_SECRET_KEY; gone once the mail is
    state       TEXT    NOT NULL CHECK (state IN ('waiting', 'sent', 'dead', 'void')), -- void: to nobody
    attempts    INTEGER NOT NULL,
    due_at      BIGINT  NOT NULL,    -- the next try; whoever tries moves it on first, so that nobody else does
    problem     TEXT,
    created_at  BIGINT  NOT NULL,
    finished_at BIGINT
) WITH (fillfactor = 80);
CREATE INDEX outgoing_mail_due_idx ON outgoing_mail (due_at) WHERE state = 'waiting';
CREATE INDEX outgoing_mail_finished_idx ON outgoing_mail (finished_at) WHERE finished_at IS NOT NULL;
