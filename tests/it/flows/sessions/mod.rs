//! Logins, tokens and sessions.

mod ended_at;
mod enumeration;
mod list;
mod logout;
mod races;
mod refresh;
