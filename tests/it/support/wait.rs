//! Waits for a condition instead of sleeping for a fixed time.

use std::fmt::Debug;
use std::future::Future;
use std::panic::Location;
use std::time::{Duration, Instant};

/// The first pause between two probes. It doubles up to [`LONGEST_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_millis(2);
/// The longest pause between two probes.
const MAX_PAUSE: Duration = Duration::from_millis(50);

/// The result of a probe: `bool`, `Option<T>` or `Result<T, E>`.
pub(crate) trait Outcome {
    /// The value that [`eventually`] returns when the condition is true.
    type Value;

    /// Returns the value, or the reason why the condition is not true yet.
    fn outcome(self) -> Result<Self::Value, String>;
}

impl Outcome for bool {
    type Value = ();

    fn outcome(self) -> Result<(), String> {
        if self {
            Ok(())
        } else {
            Err("the probe answered false".into())
        }
    }
}

impl<T> Outcome for Option<T> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(|| "the probe answered None".into())
    }
}

impl<T, E: Debug> Outcome for Result<T, E> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.map_err(|error| format!("{error:?}"))
    }
}

/// Probes until the condition is true, and returns its value. Panics at the caller's line with the
/// last reason when `deadline` has passed.
#[track_caller]
pub(crate) fn eventually<F, Fut>(deadline: Duration, probe: F) -> impl Future<Output = <Fut::Output as Outcome>::Value>
where
    F: FnMut() -> Fut,
    Fut: Future,
    Fut::Output: Outcome,
{
    let caller = Location::caller();
    async move {
        match within(deadline, probe).await {
            Ok(value) => value,
            Err(reason) => panic!("{caller}: not within {deadline:?}: {reason}"),
        }
    }
}

/// Probes until the condition is true. Every probe that begins later than `limit` must succeed,
/// however long its answer takes; otherwise panics at the caller's line.
#[track_caller]
pub(crate) fn seen_within<F, Fut>(limit: Duration, mut probe: F) -> impl Future<Output = ()>
where
    F: FnMut() -> Fut,
    Fut: Future,
    Fut::Output: Outcome,
{
    let caller = Location::caller();
    let begun = Instant::now();
    async move {
        loop {
            let sent = begun.elapsed();
            let Err(reason) = probe().await.outcome() else { return };
            assert!(sent <= limit, "{caller}: {sent:?} later: {reason}");
            tokio::time::sleep(MIN_PAUSE).await;
        }
    }
}

/// Like [`eventually`], but returns the last reason instead of panicking.
pub(crate) async fn within<F, Fut>(deadline: Duration, mut probe: F) -> Result<<Fut::Output as Outcome>::Value, String>
where
    F: FnMut() -> Fut,
    Fut: Future,
    Fut::Output: Outcome,
{
    let end = Instant::now() + deadline;
    let mut pause = MIN_PAUSE;
    loop {
        match probe().await.outcome() {
            Ok(value) => return Ok(value),
            Err(reason) if Instant::now() >= end => return Err(reason),
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(MAX_PAUSE);
    }
}
