-- The name that an application gave a custom event: the last token of its subject. The column
-- `subject` has the kind alone, `auth.custom`, so that what users name mints no rows of counts and
-- no entries of indexes.
ALTER TABLE events ADD COLUMN custom_name TEXT;
