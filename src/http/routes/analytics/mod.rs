//! `/analytics`: counts of events, for administrators.

pub mod timeline;
pub mod top_events;
pub mod users;

use poem_openapi::Object;

use crate::http::error_responses::{ALWAYS, BEARER, error_responses};

/// The number of events with one subject.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct EventCount {
    /// The subject of the events.
    subject: String,
    /// The number of events.
    count: u64,
}

impl EventCount {
    fn list(counts: Vec<(String, u64)>) -> Vec<Self> {
        counts.into_iter().map(|(subject, count)| Self { subject, count }).collect()
    }
}

error_responses! { AnalyticsError: [BEARER, ALWAYS], [Forbidden, InvalidParameter] }
