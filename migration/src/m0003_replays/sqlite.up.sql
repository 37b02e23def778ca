-- Replays of the ledger and their progress, from which an interrupted replay resumes.
CREATE TABLE replays (
    id          BLOB   PRIMARY KEY,
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
