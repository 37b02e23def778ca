DROP INDEX users_text_rules_idx;
ALTER TABLE users DROP COLUMN text_rules;
