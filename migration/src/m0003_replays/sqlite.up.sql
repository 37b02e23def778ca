-- Replays of the ledger and how far they have come: one that was interrupted goes on where it was.
CREATE TABLE replays (
    id          BLOB   PRIMARY KEY,
    name        TEXT   NOT NULL,
    origin      TEXT   NOT NULL CHECK (origin IN ('command', 'service')), -- who runs it
    target      TEXT   NOT NULL CHECK (target IN ('replays', 'everyone')),
    from_at     BIGINT,
    to_at       BIGINT,
    subjects    TEXT   NOT NULL, -- separated by one space; empty: all
    user_ids    TEXT   NOT NULL, -- the same
    rate        BIGINT,          -- events a second
    state       TEXT   NOT NULL CHECK (state IN ('running', 'stopped', 'done')),
    cursor      BIGINT NOT NULL, -- what is up to here in the ledger has been sent
    through     BIGINT NOT NULL, -- where it ends in the ledger
    target_seq  BIGINT NOT NULL, -- up to here in the target everything of it is counted
    total       BIGINT,          -- null until they are counted
    sent        BIGINT NOT NULL,
    refused     BIGINT NOT NULL,
    trouble     TEXT,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE UNIQUE INDEX replays_name_key ON replays (name);
-- The service runs one at a time.
CREATE UNIQUE INDEX replays_running_key ON replays (origin) WHERE origin = 'service' AND state = 'running';
