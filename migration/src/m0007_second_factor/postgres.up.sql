ALTER TABLE users ADD COLUMN second_factor BOOLEAN NOT NULL DEFAULT FALSE; -- whether a login needs one: changes with second_factors

CREATE TABLE second_factors (
    id           UUID   PRIMARY KEY,
    user_id      UUID   NOT NULL UNIQUE REFERENCES users (id),
    sealed       BYTEA  NOT NULL, -- the seed under WATCHWORD_SECRET_KEY
    last_step    BIGINT NOT NULL, -- the latest time step whose code was used; neither it nor an earlier one is used again
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT           -- null until the first code came back
);

-- A used code is deleted.
CREATE TABLE recovery_codes (
    user_id   UUID  NOT NULL REFERENCES users (id),
    code_hash BYTEA NOT NULL, -- keyed
    PRIMARY KEY (user_id, code_hash)
);

-- Logins that lack the second factor.
CREATE TABLE login_challenges (
    id            UUID    PRIMARY KEY,
    user_id       UUID    NOT NULL REFERENCES users (id),
    password_mark BYTEA   NOT NULL, -- keyed hash of the password's hash: another password voids the challenge
    attempts      INTEGER NOT NULL DEFAULT 0,
    expires_at    BIGINT  NOT NULL
);
CREATE INDEX login_challenges_expiry_idx ON login_challenges (expires_at);
