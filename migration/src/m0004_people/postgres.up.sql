-- The searchable text and the profile of a user, and the time when a deleted user was erased.
SET LOCAL statement_timeout = 0;

ALTER TABLE users ADD COLUMN profile TEXT NOT NULL DEFAULT '{}'; -- a JSON object
ALTER TABLE users ADD COLUMN search_text TEXT; -- canonical email, username and names; null if an older version wrote the row
ALTER TABLE users ADD COLUMN erased_at BIGINT; -- personal data is erased here and in the ledger

-- Ids sort by time, so lists are sorted by id.
CREATE INDEX users_live_idx ON users (id) WHERE status <> 'deleted';
CREATE INDEX users_status_idx ON users (status, id);
CREATE INDEX users_type_idx ON users (account_type, id);
CREATE INDEX users_roles_idx ON users USING gin (string_to_array(roles, ' '));
CREATE INDEX users_erasable_idx ON users (deleted_at) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;

-- Trigrams find parts of words. If the extension is missing or may not be created, searches read
-- the whole table. docs/OPERATIONS.md says how to create the extension and the index later.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX users_search_idx ON users USING gin ((coalesce(search_text,
        email_canonical || ' ' || coalesce(username_canonical, '') || ' ' || lower(coalesce(name, '')))) gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
    RAISE WARNING 'no extension pg_trgm: searches for users will read the whole table (%)', SQLERRM;
END $$;
