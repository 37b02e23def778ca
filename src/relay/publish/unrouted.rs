//! Events that the stream does not take: counted, and in the log once a minute, since users may
//! record many of them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use watchword_events::split_subject;

use crate::{jetstream::OutgoingEvent, telemetry::Metrics};

const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// When this process last logged one.
static LOGGED: Mutex<Option<Instant>> = Mutex::new(None);

/// Count an event that stays in the ledger alone, and log it if none was logged for a while.
pub(in crate::relay) fn report(metrics: &Metrics, event: &OutgoingEvent, reason: &str) {
    let kind = split_subject(&event.subject).0;
    metrics.event_unrouted(kind);
    let now = Instant::now();
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    if logged.is_none_or(|at| now - at >= LOG_INTERVAL) {
        *logged = Some(now);
        drop(logged);
        tracing::warn!(
            event_id = %event.id,
            kind,
            reason,
            "event not published; it stays in the ledger alone, as others of its kind do (watchword_event_unrouted_total)"
        );
    }
}
