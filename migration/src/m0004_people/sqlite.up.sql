-- The searchable text and the profile of a user, and the time when a deleted user was erased.

ALTER TABLE users ADD COLUMN profile TEXT NOT NULL DEFAULT '{}'; -- a JSON object
ALTER TABLE users ADD COLUMN search_text TEXT; -- canonical email, username and names
ALTER TABLE users ADD COLUMN erased_at BIGINT; -- personal data is erased here and in the ledger
UPDATE users SET search_text = email_canonical || ' ' || coalesce(username_canonical, '') || ' ' || lower(coalesce(name, ''));

-- Ids sort by time, so lists are sorted by id.
CREATE INDEX users_live_idx ON users (id) WHERE status <> 'deleted';
CREATE INDEX users_status_idx ON users (status, id);
CREATE INDEX users_type_idx ON users (account_type, id);
CREATE INDEX users_admins_idx ON users (id) WHERE instr(' ' || roles || ' ', ' admin ') > 0;
CREATE INDEX users_erasable_idx ON users (deleted_at) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;
-- Searches match parts of words, so they read this whole index, which is much smaller than the
-- table.
CREATE INDEX users_search_idx ON users (search_text, status, id);
