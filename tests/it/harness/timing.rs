//! Time measurements detect differences, also on a busy machine.

use std::cell::Cell;
use std::time::Duration;

use crate::support::timing::{assert_equal_cost, within_once};
use crate::support::wait::seen_within;

const NAMES: [&str; 3] = ["one", "another", "the third"];

/// Returns a time in microseconds: the work plus the noise of a busy machine, which is nothing, a
/// little, or up to thirty times the work.
fn noisy(work: u64, round: &Cell<u64>) -> Duration {
    const NOISE: [u64; 11] = [0, 0, 1, 0, 0, 2, 300, 0, 1, 0, 30];
    round.set(round.get() + 1);
    let noise = (0..).zip(NOISE).find(|(at, _)| *at == round.get() % 11).map_or(0, |(_, noise)| noise);
    Duration::from_micros(work * (10 + noise))
}

#[tokio::test]
async fn equal_costs_pass_on_a_busy_machine() {
    let round = Cell::new(0);
    assert_equal_cost(NAMES, async |_| noisy(10, &round)).await;
}

#[tokio::test]
#[should_panic(expected = "differ in cost")]
async fn a_cost_one_third_higher_is_detected() {
    let round = Cell::new(0);
    assert_equal_cost(NAMES, async |kind| noisy(if kind == 1 { 13 } else { 10 }, &round)).await;
}

#[tokio::test]
async fn one_attempt_within_the_bound_suffices() {
    let attempts = Cell::new(0);
    within_once(Duration::from_secs(1), async || {
        attempts.set(attempts.get() + 1);
        Duration::from_secs(4 - attempts.get())
    })
    .await;
    assert_eq!(attempts.get(), 3);
}

#[tokio::test]
#[should_panic(expected = "every attempt took longer")]
async fn a_bound_that_no_attempt_meets_fails() {
    within_once(Duration::from_secs(1), async || Duration::from_secs(2)).await;
}

/// A probe sent before the limit may be answered after it.
#[tokio::test]
async fn a_probe_counts_from_the_time_it_was_sent() {
    let slow = || async {
        std::thread::sleep(Duration::from_millis(60));
        true
    };
    seen_within(Duration::from_millis(20), slow).await;
}

#[tokio::test]
#[should_panic(expected = "the probe answered false")]
async fn a_probe_sent_after_the_limit_must_succeed() {
    seen_within(Duration::from_millis(20), || async { false }).await;
}
