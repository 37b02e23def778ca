DROP TABLE event_counts_mark;
DROP TABLE event_counts;
DROP INDEX events_session_idx;
DROP INDEX events_user_time_idx;
DROP INDEX events_subject_idx;
ALTER TABLE events DROP COLUMN session_id;
