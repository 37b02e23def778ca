ALTER TABLE events DROP COLUMN custom_name;
