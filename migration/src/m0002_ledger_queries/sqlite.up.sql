-- What reading the ledger needs. Ids are UUIDv7: their order is the order of time, so every index below ends in the id.

-- The session that an event is about: a copy of `data.sessionId`, to be looked for.
ALTER TABLE events ADD COLUMN session_id BLOB;
UPDATE events SET session_id = unhex(replace(json_extract(CAST(payload AS TEXT), '$.data.sessionId'), '-', ''))
    WHERE subject <> 'auth.user.custom';

CREATE INDEX events_subject_idx ON events (subject, id);
-- The subject comes last: it filters within the index, and counts without the table.
CREATE INDEX events_user_time_idx ON events (user_id, id, subject) WHERE user_id IS NOT NULL;
CREATE INDEX events_session_idx ON events (session_id, id) WHERE session_id IS NOT NULL;

-- How many events there were, by hour and subject, of those whose seq the mark has passed.
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
