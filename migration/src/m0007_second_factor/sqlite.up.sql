ALTER TABLE users ADD COLUMN second_factor BOOLEAN NOT NULL DEFAULT FALSE; -- true after confirmation

CREATE TABLE second_factors (
    id           BLOB   PRIMARY KEY,
    user_id      BLOB   NOT NULL UNIQUE REFERENCES users (id),
    sealed       BLOB   NOT NULL, -- the seed, encrypted with WATCHWORD_SECRET_KEY
    last_step    BIGINT NOT NULL, -- the last used time step; only later ones are accepted
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT           -- null until the first code is verified
);

-- Recovery codes. A used code is deleted.
CREATE TABLE recovery_codes (
    user_id   BLOB  NOT NULL REFERENCES users (id),
    code_hash BLOB  NOT NULL, -- keyed hash
    PRIMARY KEY (user_id, code_hash)
);

-- Login challenges: logins that wait for the second factor.
CREATE TABLE login_challenges (
    id            BLOB    PRIMARY KEY,
    user_id       BLOB    NOT NULL REFERENCES users (id),
    password_mark BLOB    NOT NULL, -- password fingerprint; a new password ends the challenge
    attempts      INTEGER NOT NULL DEFAULT 0,
    expires_at    BIGINT  NOT NULL
);
CREATE INDEX login_challenges_expiry_idx ON login_challenges (expires_at);
