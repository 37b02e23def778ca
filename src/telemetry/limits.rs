//! Metrics of rate limits.

use prometheus::{IntCounter, IntCounterVec};

/// Counters of what limiters refuse.
#[derive(Clone, Debug)]
pub struct LimitMetrics {
    pub(super) refused: IntCounterVec,
    /// [`MetricName::LIMIT_FALLBACKS`](super::MetricName::LIMIT_FALLBACKS).
    pub fallbacks: IntCounter,
}

impl LimitMetrics {
    /// A limiter, one of a few fixed words, refused a try.
    pub fn refused(&self, limiter: &'static str) {
        self.refused.with_label_values(&[limiter]).inc();
    }
}
