DROP TABLE signing_keys;
DROP TABLE events;
DROP TABLE sessions;
DROP TABLE users;
