//! Metrics of rate limits.

use prometheus::{IntCounter, IntCounterVec};

#[derive(Clone, Debug)]
pub struct LimitMetrics {
    pub(super) refused: IntCounterVec,
    /// [`MetricName::LIMIT_FALLBACKS`](super::MetricName::LIMIT_FALLBACKS).
    pub fallbacks: IntCounter,
}

impl LimitMetrics {
    /// Count a request that was refused. `limiter` is one of a few fixed words.
    pub fn refused(&self, limiter: &'static str) {
        self.refused.with_label_values(&[limiter]).inc();
    }
}
