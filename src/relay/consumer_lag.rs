//! How far the durable consumers of the stream are. The leader alone checks them, and warns before
//! a full stream discards what a consumer has not read.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};

use super::parts::RelayParts;
use crate::{
    domain::clock::Clock,
    jetstream::{DurableLag, JetStreamPublisher, ProbeError, StreamUsage},
    telemetry::{self, ConsumerFigures, Metrics, error_chain},
};

/// With a smaller share of the stream's limits left, a consumer is about to lose events.
const MIN_HEADROOM: f64 = 0.1;

/// Check the consumers while this instance leads, until the shutdown.
pub(crate) fn spawn(parts: &RelayParts, mut leading: watch::Receiver<bool>) -> JoinHandle<()> {
    let interval = parts.consumer_check_interval;
    let shutdown = parts.shutdown.clone();
    let mut monitor = LagMonitor {
        publisher: parts.publisher.clone(),
        metrics: Arc::clone(&parts.metrics),
        clock: parts.clock.clone(),
        shown: BTreeSet::new(),
        at_risk: BTreeSet::new(),
        ahead: BTreeSet::new(),
        denied_on: None,
    };
    telemetry::spawn("consumer-lag", async move {
        while !shutdown.is_cancelled() && !interval.is_zero() {
            let leads = *leading.borrow_and_update();
            if leads {
                tokio::select! {
                    () = monitor.check() => {}
                    () = shutdown.cancelled() => {}
                }
            } else {
                monitor.forget();
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                changed = leading.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(interval), if leads => {}
            }
        }
    })
}

struct LagMonitor {
    publisher: JetStreamPublisher,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    /// The consumers that have metrics.
    shown: BTreeSet<String>,
    /// The consumers that a warning was logged for, since they are about to lose events.
    at_risk: BTreeSet<String>,
    /// The same, since they are ahead of the stream.
    ahead: BTreeSet<String>,
    /// The connection whose user lacks the permission.
    denied_on: Option<u64>,
}

impl LagMonitor {
    async fn check(&mut self) {
        let (ready, connection) = {
            let status = self.publisher.status();
            let status = status.borrow();
            (status.ready().is_some(), status.connections)
        };
        if !ready || self.denied_on == Some(connection) {
            return;
        }
        match self.publisher.consumers().await {
            Ok((usage, lags)) => self.show(&usage, &lags),
            Err(ProbeError::Denied(subject)) => {
                tracing::warn!(
                    subject,
                    "consumer lag is not known: grant this user this subject, or set stream.consumer_check to 0s"
                );
                self.denied_on = Some(connection);
                self.forget();
            }
            Err(error) => tracing::debug!(error = %error_chain(&error), "consumer lag is not known"),
        }
    }

    fn show(&mut self, usage: &StreamUsage, lags: &[DurableLag]) {
        let now = self.clock.now();
        let mut gone = std::mem::take(&mut self.shown);
        let (mut at_risk, mut ahead) = (BTreeSet::new(), BTreeSet::new());
        for lag in lags {
            let figures = figures(usage, lag, now);
            self.metrics.consumer(&lag.durable, &figures);
            self.shown.insert(lag.durable.clone());
            gone.remove(&lag.durable);
            if figures.headroom_ratio < MIN_HEADROOM {
                at_risk.insert(lag.durable.clone());
                if !self.at_risk.contains(&lag.durable) {
                    warn_of_loss(usage, lag, &figures);
                }
            }
            if figures.ahead > 0 {
                ahead.insert(lag.durable.clone());
                if !self.ahead.contains(&lag.durable) {
                    warn_of_gap(usage, lag, &figures);
                }
            }
        }
        for durable in &gone {
            self.metrics.forget_consumer(durable);
        }
        for durable in self.at_risk.difference(&at_risk) {
            tracing::info!(durable, "consumer has caught up or is gone");
        }
        (self.at_risk, self.ahead) = (at_risk, ahead);
    }

    /// Remove all metrics: another instance leads.
    fn forget(&mut self) {
        for durable in std::mem::take(&mut self.shown) {
            self.metrics.forget_consumer(&durable);
        }
        self.at_risk.clear();
        self.ahead.clear();
    }
}

fn figures(usage: &StreamUsage, lag: &DurableLag, now: time::OffsetDateTime) -> ConsumerFigures {
    let next = lag.oldest.map_or(usage.last_seq.saturating_add(1), |oldest| oldest.seq);
    ConsumerFigures {
        pending: lag.pending,
        headroom_messages: next.get().saturating_sub(usage.first_seq.get()),
        oldest_age: lag
            .oldest
            .map_or(Duration::ZERO, |oldest| Duration::try_from(now - oldest.published).unwrap_or_default()),
        headroom_ratio: lag.oldest.map_or(1.0, |oldest| usage.headroom(&oldest, now)),
        ahead: lag.delivered.get().saturating_sub(usage.last_seq.get()),
    }
}

fn warn_of_loss(usage: &StreamUsage, lag: &DurableLag, figures: &ConsumerFigures) {
    tracing::warn!(
        durable = lag.durable,
        pending = lag.pending,
        oldest_unread = lag.oldest.map(|oldest| oldest.seq.get()),
        oldest_age_s = figures.oldest_age.as_secs(),
        first_seq = usage.first_seq.get(),
        last_seq = usage.last_seq.get(),
        headroom = figures.headroom_ratio,
        "consumer is about to lose events: the stream discards its oldest messages, read or not"
    );
}

fn warn_of_gap(usage: &StreamUsage, lag: &DurableLag, figures: &ConsumerFigures) {
    tracing::warn!(
        durable = lag.durable,
        ahead = figures.ahead,
        delivered = lag.delivered.get(),
        last_seq = usage.last_seq.get(),
        "consumer is ahead of the stream, which lost its end; it skips events until it is made again"
    );
}
