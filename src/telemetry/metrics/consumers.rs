//! The figures of the stream's durable consumers.

use std::time::Duration;

use prometheus::{GaugeVec, IntGaugeVec};

/// How far a durable consumer is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConsumerFigures {
    /// Messages that it has not acknowledged.
    pub pending: u64,
    /// Messages between the first one of the stream and its next one.
    pub headroom_messages: u64,
    /// Age of the oldest message that it has not acknowledged; zero when there is none.
    pub oldest_age: Duration,
    /// Share of the stream's limits left before it loses its next message, from 0 to 1.
    pub headroom_ratio: f64,
    /// How many sequences the stream has to give out before it gets a message again.
    pub ahead: u64,
}

#[derive(Clone, Debug)]
pub(super) struct ConsumerGauges {
    pub(super) pending: IntGaugeVec,
    pub(super) headroom_messages: IntGaugeVec,
    pub(super) oldest_age: GaugeVec,
    pub(super) headroom_ratio: GaugeVec,
    pub(super) ahead: IntGaugeVec,
}

impl ConsumerGauges {
    pub(super) fn show(&self, durable: &str, figures: &ConsumerFigures) {
        let count = |messages: u64| i64::try_from(messages).unwrap_or(i64::MAX);
        let label = [durable];
        self.pending.with_label_values(&label).set(count(figures.pending));
        self.headroom_messages.with_label_values(&label).set(count(figures.headroom_messages));
        self.oldest_age.with_label_values(&label).set(figures.oldest_age.as_secs_f64());
        self.headroom_ratio.with_label_values(&label).set(figures.headroom_ratio);
        self.ahead.with_label_values(&label).set(count(figures.ahead));
    }

    /// A consumer without metrics is no error.
    pub(super) fn forget(&self, durable: &str) {
        let label = [durable];
        for gauges in [&self.pending, &self.headroom_messages, &self.ahead] {
            let _ = gauges.remove_label_values(&label);
        }
        for gauges in [&self.oldest_age, &self.headroom_ratio] {
            let _ = gauges.remove_label_values(&label);
        }
    }
}
