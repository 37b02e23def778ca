-- What was verified at the login: names of RFC 8176 separated by one space. Older sessions began with a password at least.
ALTER TABLE sessions ADD COLUMN amr TEXT NOT NULL DEFAULT 'pwd';
