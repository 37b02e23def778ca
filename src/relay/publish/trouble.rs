//! What keeps the relay from publishing: in the log once and then with a count, in a metric, and in
//! `/readyz`.

use std::time::Duration;

use tokio::time::Instant;

use crate::relay::parts::RelayParts;

/// Between two log lines about the same trouble.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(in crate::relay) struct Trouble {
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    reason: &'static str,
    since: Instant,
    logged: Instant,
    attempts: u64,
}

impl Trouble {
    /// Report that nothing can be published, for a reason with a word for the metric's label.
    pub(in crate::relay) fn raise(&mut self, parts: &RelayParts, reason: &'static str, text: &str) {
        let now = Instant::now();
        if self.current.as_ref().is_some_and(|current| current.reason != reason) {
            self.clear(parts);
        }
        let current = self.current.get_or_insert_with(|| {
            tracing::warn!(reason, error = text, "events wait in the ledger; retrying");
            Current { reason, since: now, logged: now, attempts: 0 }
        });
        current.attempts += 1;
        if now - current.logged >= LOG_INTERVAL {
            let (attempts, seconds) = (current.attempts, (now - current.since).as_secs());
            tracing::warn!(reason, error = text, attempts, seconds, "events still wait in the ledger; retrying");
            current.logged = now;
        }
        parts.metrics.relay_blocked(reason, (now - current.since).as_secs_f64());
        parts.status.send_if_modified(|status| {
            let changed = status.trouble.as_deref() != Some(text);
            status.trouble = Some(text.to_owned());
            changed
        });
    }

    /// Report that publishing goes on, unless it is held up for this reason, which success does not
    /// end.
    pub(in crate::relay) fn clear_unless(&mut self, parts: &RelayParts, reason: &'static str) {
        if self.current.as_ref().is_some_and(|current| current.reason != reason) {
            self.clear(parts);
        }
    }

    /// Report that this reason holds nothing up any longer.
    pub(in crate::relay) fn end(&mut self, parts: &RelayParts, reason: &'static str) {
        if self.current.as_ref().is_some_and(|current| current.reason == reason) {
            self.clear(parts);
        }
    }

    /// Report that publishing goes on.
    pub(in crate::relay) fn clear(&mut self, parts: &RelayParts) {
        let Some(current) = self.current.take() else { return };
        parts.metrics.relay_blocked(current.reason, 0.0);
        parts.status.send_if_modified(|status| status.trouble.take().is_some());
    }
}

/// Report whether the stream has events that the ledger lacks.
pub(in crate::relay) fn show_behind(parts: &RelayParts, behind: Option<&String>) {
    parts.metrics.ledger_behind.set(behind.is_some().into());
    parts.status.send_if_modified(|status| {
        let changed = status.behind.as_ref() != behind;
        status.behind = behind.cloned();
        changed
    });
}
