//! Times on a machine that has other work to do.
//!
//! Other work makes things slower and nothing faster. An upper bound is therefore held against the fastest of several tries,
//! and two costs are compared by pairs that were measured one right after the other.
#![expect(clippy::indexing_slicing, reason = "three kinds of work, by their numbers")]

use std::time::Duration;

use tokio::sync::Mutex;

/// Tries before a time counts as too long.
const MAX_TRIES: usize = 10;
/// Rounds of a comparison before its first verdict, and between two verdicts.
const ROUNDS: usize = 60;
/// Rounds after which a comparison that shows no difference ends.
const MAX_ROUNDS: usize = 420;
/// Two costs are the same when the median of their ratios is this near to one.
const TOLERANCE: f64 = 0.1;
/// Standard deviations of the median's rank: a true median lies outside in one of ten thousand comparisons.
const CONFIDENCE: f64 = 4.0;

/// Passes as soon as one try takes at most `bound`; a service that needs longer needs it every time.
///
/// `attempt` makes one try and says how long it took. What it waits for has to begin anew with each try.
pub(crate) async fn within_once(bound: Duration, mut attempt: impl AsyncFnMut() -> Duration) {
    let mut times = Vec::new();
    while times.len() < MAX_TRIES {
        let took = attempt().await;
        if took <= bound {
            return;
        }
        times.push(took);
    }
    panic!("every try took longer than {bound:?}: {times:?}");
}

/// Checks that three kinds of work cost the same. `attempt` does one of them and says how long it took.
pub(crate) async fn cost_alike(names: [&str; 3], mut attempt: impl AsyncFnMut(usize) -> Duration) {
    // Each kind follows each other one equally often: what one leaves behind slows all of them down.
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    // One comparison at a time: two would take turns on the same cores.
    static ALONE: Mutex<()> = Mutex::const_new(());
    let _alone = ALONE.lock().await;
    let mut rounds: Vec<[f64; 3]> = Vec::new();
    loop {
        for _ in 0..ROUNDS {
            let mut times = [0.0; 3];
            for kind in ORDERS[rounds.len() % ORDERS.len()] {
                times[kind] = attempt(kind).await.as_secs_f64();
            }
            rounds.push(times);
        }
        let found: Vec<Ratio> = [(0, 1), (0, 2), (1, 2)]
            .map(|(one, other)| Ratio::of(rounds.iter().map(|times| times[one] / times[other])))
            .into();
        if found.iter().any(Ratio::is_another) {
            panic!(
                "{names:?} differ in cost: 0 to 1, 0 to 2 and 1 to 2: {found:#?} after {} rounds",
                rounds.len()
            );
        }
        if found.iter().all(Ratio::is_one) || rounds.len() >= MAX_ROUNDS {
            return;
        }
    }
}

/// The interval in which the median of a ratio lies, however the single values are distributed.
#[derive(Debug)]
struct Ratio {
    low: f64,
    high: f64,
}

impl Ratio {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let count = values.len();
        let half = count as f64 / 2.0;
        let spread = CONFIDENCE * (count as f64).sqrt() / 2.0;
        let rank = |rank: f64| (rank.max(0.0) as usize).min(count - 1);
        Self {
            low: values[rank(half - spread)],
            high: values[rank(half + spread)],
        }
    }

    fn is_one(&self) -> bool {
        self.low >= 1.0 - TOLERANCE && self.high <= 1.0 + TOLERANCE
    }

    fn is_another(&self) -> bool {
        self.high < 1.0 - TOLERANCE || self.low > 1.0 + TOLERANCE
    }
}
