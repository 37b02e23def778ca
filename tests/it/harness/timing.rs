//! Checks of times find what they look for, and are not misled by a busy machine.

use std::cell::Cell;
use std::time::Duration;

use crate::support::timing::{cost_alike, within_once};
use crate::support::wait::seen_within;

const NAMES: [&str; 3] = ["one", "another", "the third"];

/// Microseconds of work, and what a busy machine adds: nothing, a little, or thirty times as much.
fn busy(work: u64, round: &Cell<u64>) -> Duration {
    const NOISE: [u64; 11] = [0, 0, 1, 0, 0, 2, 300, 0, 1, 0, 30];
    round.set(round.get() + 1);
    let noise = (0..)
        .zip(NOISE)
        .find(|(at, _)| *at == round.get() % 11)
        .map_or(0, |(_, noise)| noise);
    Duration::from_micros(work * (10 + noise))
}

#[tokio::test]
async fn equal_costs_are_alike_on_a_busy_machine() {
    let round = Cell::new(0);
    cost_alike(NAMES, async |_| busy(10, &round)).await;
}

#[tokio::test]
#[should_panic(expected = "differ in cost")]
async fn a_third_more_is_another_cost() {
    let round = Cell::new(0);
    cost_alike(NAMES, async |kind| busy(if kind == 1 { 13 } else { 10 }, &round)).await;
}

#[tokio::test]
async fn one_try_within_the_bound_is_enough() {
    let tries = Cell::new(0);
    within_once(Duration::from_secs(1), async || {
        tries.set(tries.get() + 1);
        Duration::from_secs(4 - tries.get())
    })
    .await;
    assert_eq!(tries.get(), 3);
}

#[tokio::test]
#[should_panic(expected = "every try took longer")]
async fn a_bound_that_no_try_keeps_is_broken() {
    within_once(Duration::from_secs(1), async || Duration::from_secs(2)).await;
}

/// A slow answer is no failure; what is asked too late and not seen is.
#[tokio::test]
async fn a_probe_counts_from_when_it_was_sent() {
    let slow = || async {
        std::thread::sleep(Duration::from_millis(60));
        true
    };
    seen_within(Duration::from_millis(20), slow).await;
}

#[tokio::test]
#[should_panic(expected = "the probe answered false")]
async fn a_probe_that_is_sent_too_late_has_to_see() {
    seen_within(Duration::from_millis(20), || async { false }).await;
}
