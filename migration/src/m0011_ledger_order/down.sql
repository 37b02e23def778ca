CREATE INDEX events_session_idx ON events (session_id, id) WHERE session_id IS NOT NULL;
DROP INDEX events_session_seq_idx;
DROP INDEX events_subject_seq_idx;
