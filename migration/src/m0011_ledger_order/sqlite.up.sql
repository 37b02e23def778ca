-- Lists of events go in the order of `seq`, so the indexes that find them end in it.
CREATE INDEX events_subject_seq_idx ON events (subject, seq);
CREATE INDEX events_session_seq_idx ON events (session_id, seq) WHERE session_id IS NOT NULL;
DROP INDEX events_session_idx;
