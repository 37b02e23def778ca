-- Requests with an Idempotency-Key that were carried out: who repeats one gets the answer again.
CREATE TABLE idempotency_keys (
    key        BYTEA  PRIMARY KEY, -- keyed hash of the operation, the caller and the key
    request    BYTEA  NOT NULL,    -- keyed hash of what was asked, without secrets
    made       UUID   NOT NULL,    -- what was made: a session, an event, a user
    expires_at BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_expiry_idx ON idempotency_keys (expires_at);
