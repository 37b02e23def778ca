//! Counts of events: by type, by time, by user.

pub mod timeline;
pub mod top_events;
pub mod user_counts;
