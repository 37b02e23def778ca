-- Indexes and counts for ledger queries. Ids are UUIDv7, which sort by time, so every index below
-- ends in the id.

-- The session of an event: a copy of `data.sessionId`, to search by.
ALTER TABLE events ADD COLUMN session_id BLOB;
UPDATE events SET session_id = unhex(replace(json_extract(CAST(payload AS TEXT), '$.data.sessionId'), '-', ''))
    WHERE subject <> 'auth.user.custom';

CREATE INDEX events_subject_idx ON events (subject, id);
-- The subject is last, for filters and counts from the index alone.
CREATE INDEX events_user_time_idx ON events (user_id, id, subject) WHERE user_id IS NOT NULL;
CREATE INDEX events_session_idx ON events (session_id, id) WHERE session_id IS NOT NULL;

-- The number of events by hour and subject, up to the mark's seq.
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
