//! Whole flows over HTTP, with the events read back from the stream. Each runs on both backends.
#![expect(clippy::indexing_slicing, reason = "a missing field of an answer is a failed test")]

mod accounts;
mod admin;
mod analytics;
mod crashes;
mod custom_events;
mod disk_full;
mod enumeration;
mod erasure;
mod event_pages;
mod event_paging;
mod event_stream;
mod events;
pub(crate) mod golden;
mod housekeeping;
mod idempotency;
mod limits;
mod login_limits;
mod logout;
mod mfa;
mod mfa_limits;
mod migrations;
mod problems;
mod profiles;
mod query_plans;
mod races;
mod rate_limited;
mod refresh;
mod sessions;
mod shutdown;
mod storm;
mod unlocking;
mod user_lists;
mod user_plans;
mod user_rights;
mod users;
mod whole;
