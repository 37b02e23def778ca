-- By which rules the canonical columns and the searched text of a row were computed. Rows of older
-- versions have 0, and are computed again at the next start.
--! transaction
ALTER TABLE users ADD COLUMN text_rules SMALLINT NOT NULL DEFAULT 0;
-- The rows to compute again: store/users/text_rules.rs
--! index users_text_rules_idx
CREATE INDEX CONCURRENTLY users_text_rules_idx ON users (id) WHERE text_rules < 1;
