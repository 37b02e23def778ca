//! Metrics of one route, looked up once.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

/// The statuses whose counters are cached, in order; those of others are looked up.
const STATUSES: [u16; 23] = [
    200, 201, 202, 204, 301, 302, 304, 400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, 431, 500, 503, 504,
];

/// The service has far fewer routes; this bounds the series if a path is ever passed instead of a
/// template.
const MAX_ROUTES: usize = 512;

/// The label of everything beyond [`MAX_ROUTES`].
const OTHER: &str = "other";

/// The metrics of one route and method.
#[derive(Debug)]
pub struct RouteMetrics {
    route: String,
    method: &'static str,
    requests: IntCounterVec,
    duration: Histogram,
    by_status: [OnceLock<IntCounter>; STATUSES.len()],
}

impl RouteMetrics {
    fn new(route: &str, method: &'static str, requests: &IntCounterVec, duration: &HistogramVec) -> Self {
        Self {
            route: route.to_owned(),
            method,
            requests: requests.clone(),
            duration: duration.with_label_values(&[route, method]),
            by_status: [const { OnceLock::new() }; STATUSES.len()],
        }
    }

    /// Count a request that was answered with `status` after `elapsed`.
    pub fn answered(&self, status: u16, elapsed: Duration) {
        self.duration.observe(elapsed.as_secs_f64());
        let cached = STATUSES.binary_search(&status).ok().and_then(|slot| self.by_status.get(slot));
        match cached {
            Some(slot) => slot.get_or_init(|| self.counter(status)).inc(),
            None => self.counter(status).inc(),
        }
    }

    fn counter(&self, status: u16) -> IntCounter {
        let status = status.to_string();
        self.requests.with_label_values(&[self.route.as_str(), self.method, status.as_str()])
    }
}

/// The metrics of all routes seen so far.
#[derive(Debug)]
pub(super) struct Routes {
    requests: IntCounterVec,
    duration: HistogramVec,
    known: RwLock<HashMap<&'static str, HashMap<String, Arc<RouteMetrics>>>>,
}

impl Routes {
    pub(super) fn new(requests: IntCounterVec, duration: HistogramVec) -> Self {
        Self { requests, duration, known: RwLock::default() }
    }

    /// The metrics of a route, created on its first use.
    pub(super) fn get(&self, route: &str, method: &str) -> Arc<RouteMetrics> {
        let method = label(method);
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = known.get(method).and_then(|routes| routes.get(route)) {
                return Arc::clone(found);
            }
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let routes = known.entry(method).or_default();
        let route = if routes.len() < MAX_ROUTES { route } else { OTHER };
        let fresh = || Arc::new(RouteMetrics::new(route, method, &self.requests, &self.duration));
        Arc::clone(routes.entry(route.to_owned()).or_insert_with(fresh))
    }
}

/// The method as a label: a client can send any method, but must not create series.
fn label(method: &str) -> &'static str {
    ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or(OTHER)
}
