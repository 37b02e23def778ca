//! How far the subscribers are. The leader alone asks, now and then, and warns before a full stream discards what a durable
//! has not read.

use std::{collections::BTreeSet, time::Duration};

use tokio::{sync::watch, task::JoinHandle};

use super::task::{Clock, RelayParts};
use crate::{
    jetstream::{DurableLag, EventPublisher, Filling, ProbeError},
    telemetry::{self, ConsumerFigures, Metrics, causes},
};

/// A durable that has less than this share of the stream's limits left is about to lose events.
const LITTLE: f64 = 0.1;

/// Looks at the durables while this instance leads, until the shutdown.
pub(crate) fn spawn<P>(parts: &RelayParts<P>, mut leading: watch::Receiver<bool>) -> JoinHandle<()>
where
    P: EventPublisher + Clone,
{
    let every = parts.consumer_check;
    let shutdown = parts.shutdown.clone();
    let mut watch = Watch {
        publisher: parts.publisher.clone(),
        metrics: std::sync::Arc::clone(&parts.metrics),
        now: parts.now.clone(),
        shown: BTreeSet::new(),
        at_risk: BTreeSet::new(),
        refused_on: None,
    };
    telemetry::spawn("consumer-lag", async move {
        while !shutdown.is_cancelled() && !every.is_zero() {
            let leads = *leading.borrow_and_update();
            if leads {
                tokio::select! {
                    () = watch.look() => {}
                    () = shutdown.cancelled() => {}
                }
            } else {
                watch.forget();
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                changed = leading.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(every), if leads => {}
            }
        }
    })
}

struct Watch<P> {
    publisher: P,
    metrics: std::sync::Arc<Metrics>,
    now: Clock,
    /// The durables that have figures.
    shown: BTreeSet<String>,
    /// The durables that have been warned of.
    at_risk: BTreeSet<String>,
    /// The connection on which the user was found to lack the right to ask.
    refused_on: Option<u64>,
}

impl<P: EventPublisher> Watch<P> {
    async fn look(&mut self) {
        let (ready, connection) = {
            let status = self.publisher.status();
            let status = status.borrow();
            (status.ready().is_some(), status.connections)
        };
        if !ready || self.refused_on == Some(connection) {
            return;
        }
        match self.publisher.consumers().await {
            Ok((filling, lags)) => self.show(&filling, &lags),
            Err(ProbeError::Denied(subject)) => {
                tracing::warn!(
                    subject,
                    "how far consumers are is not known: let this user publish to this subject, or set stream.consumer_check to 0s"
                );
                self.refused_on = Some(connection);
                self.forget();
            }
            Err(error) => tracing::debug!(error = %causes(&error), "how far consumers are is not known"),
        }
    }

    fn show(&mut self, filling: &Filling, lags: &[DurableLag]) {
        let now = (self.now)();
        let mut gone = std::mem::take(&mut self.shown);
        let mut at_risk = BTreeSet::new();
        for lag in lags {
            let figures = figures(filling, lag, now);
            self.metrics.consumer(&lag.durable, &figures);
            self.shown.insert(lag.durable.clone());
            gone.remove(&lag.durable);
            if figures.headroom < LITTLE {
                at_risk.insert(lag.durable.clone());
                if !self.at_risk.contains(&lag.durable) {
                    warn(filling, lag, &figures);
                }
            }
        }
        for durable in &gone {
            self.metrics.forget_consumer(durable);
        }
        for durable in self.at_risk.difference(&at_risk) {
            tracing::info!(durable, "the consumer has caught up enough, or is gone");
        }
        self.at_risk = at_risk;
    }

    /// Another instance knows more.
    fn forget(&mut self) {
        for durable in std::mem::take(&mut self.shown) {
            self.metrics.forget_consumer(&durable);
        }
        self.at_risk.clear();
    }
}

fn figures(filling: &Filling, lag: &DurableLag, now: time::OffsetDateTime) -> ConsumerFigures {
    let next = lag
        .oldest
        .map_or(filling.last_seq.saturating_add(1), |oldest| oldest.seq);
    ConsumerFigures {
        pending: lag.pending,
        distance: next.saturating_sub(filling.first_seq),
        oldest_age: lag.oldest.map_or(Duration::ZERO, |oldest| {
            Duration::try_from(now - oldest.published).unwrap_or_default()
        }),
        headroom: lag.oldest.map_or(1.0, |oldest| filling.headroom(&oldest, now)),
    }
}

fn warn(filling: &Filling, lag: &DurableLag, figures: &ConsumerFigures) {
    tracing::warn!(
        durable = lag.durable,
        pending = lag.pending,
        oldest_unread = lag.oldest.map(|oldest| oldest.seq),
        oldest_age_s = figures.oldest_age.as_secs(),
        first_seq = filling.first_seq,
        last_seq = filling.last_seq,
        headroom = figures.headroom,
        "the consumer is about to lose events: the stream discards its oldest messages, read or not"
    );
}
