//! What the log says about an outage: a line when it begins, now and then one with a count, and one
//! when it is over. The metrics have every command.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::RedisProblem;

/// The shortest time between two lines about outages. Short ones that follow each other share a
/// line.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Outage(Mutex<State>);

#[derive(Default)]
struct State {
    /// None while Redis answers.
    since: Option<Instant>,
    /// Commands that were not run since the last line.
    skipped: u64,
    /// The kind of problem that the log has, and when it was written.
    reported: Option<(Kind, Instant)>,
    /// Whether the log has a line about this outage.
    is_logged: bool,
    eviction_logged: bool,
}

/// As much of a problem as decides whether it is another one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind(Option<std::mem::Discriminant<RedisProblem>>);

impl Kind {
    fn of(problem: &RedisProblem) -> Self {
        // What passes by itself is one kind: a server that starts is unreachable, then silent.
        Self(problem.is_misconfigured().then(|| std::mem::discriminant(problem)))
    }
}

impl Outage {
    /// A command failed, and Redis is away from now on.
    pub(super) fn begin(&self, problem: &RedisProblem) {
        let mut state = self.state();
        state.since = Some(Instant::now());
        state.is_logged = false;
        state.report(problem);
    }

    /// Redis is still away.
    pub(super) fn report(&self, problem: &RedisProblem) {
        self.state().report(problem);
    }

    /// A command was not run.
    pub(super) fn count(&self) {
        let mut state = self.state();
        state.skipped = state.skipped.saturating_add(1);
    }

    /// Redis answers.
    pub(super) fn end(&self) {
        let mut state = self.state();
        let Some(since) = state.since.take() else { return };
        if state.is_logged {
            let skipped = std::mem::take(&mut state.skipped);
            tracing::info!(away = ?since.elapsed(), skipped, "redis answers again");
        }
    }

    /// Warn once.
    pub(super) fn warn_of_eviction(&self, policy: &str) {
        if !std::mem::replace(&mut self.state().eviction_logged, true) {
            tracing::warn!(
                policy,
                "redis may evict counts of rate limits and trusted networks; set maxmemory-policy to noeviction"
            );
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Write a line if there is none about this problem yet, or the last one is old.
    fn report(&mut self, problem: &RedisProblem) {
        let kind = Kind::of(problem);
        if self
            .reported
            .is_some_and(|(reported, at)| reported == kind && at.elapsed() < REPORT_INTERVAL)
        {
            return;
        }
        self.reported = Some((kind, Instant::now()));
        self.is_logged = true;
        let skipped = std::mem::take(&mut self.skipped);
        let away = self.since.map(|since| since.elapsed()).unwrap_or_default();
        let source = std::error::Error::source(problem).map(tracing::field::display);
        if problem.is_misconfigured() {
            tracing::error!(
                %problem, source, ?away, skipped,
                "redis cannot be used; rate limits are counted in this process, and the database confirms sessions"
            );
        } else {
            tracing::warn!(
                %problem, source, ?away, skipped,
                "redis does not answer; rate limits are counted in this process, and the database confirms sessions"
            );
        }
    }
}
