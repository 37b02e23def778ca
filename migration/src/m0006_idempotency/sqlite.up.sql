-- Completed requests with an Idempotency-Key. A repeated request gets the same response.
CREATE TABLE idempotency_keys (
    key        BLOB   PRIMARY KEY, -- keyed hash of the operation, the caller and the key
    request    BLOB   NOT NULL,    -- fingerprint of the request without its secrets
    made       BLOB   NOT NULL,    -- the created session, event or user
    expires_at BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_expiry_idx ON idempotency_keys (expires_at);
