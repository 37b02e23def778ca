//! Measures times on a busy machine.
//!
//! Other load makes work slower, and never faster. Therefore an upper bound applies to the fastest
//! of several attempts, and two costs are compared by pairs measured one right after the other.
#![expect(clippy::indexing_slicing, reason = "three kinds of work, by index")]

use std::time::Duration;

use tokio::sync::Mutex;

/// Attempts before a time counts as too long.
const MAX_ATTEMPTS: usize = 10;
/// Rounds of a comparison before its first verdict, and between two verdicts.
const ROUNDS: usize = 60;
/// Rounds after which a comparison ends if it shows no difference.
const MAX_ROUNDS: usize = 420;
/// Two costs are equal if the median of their ratios is this close to one.
const TOLERANCE: f64 = 0.1;
/// Standard deviations of the median's rank. A true median lies outside in one of ten thousand
/// comparisons.
const CONFIDENCE: f64 = 4.0;

/// Passes as soon as one attempt takes at most `bound`: a service that needs longer needs it every
/// time. `attempt` returns how long it took, and must start from scratch each time.
pub(crate) async fn within_once(bound: Duration, mut attempt: impl AsyncFnMut() -> Duration) {
    let mut times = Vec::new();
    while times.len() < MAX_ATTEMPTS {
        let took = attempt().await;
        if took <= bound {
            return;
        }
        times.push(took);
    }
    panic!("every attempt took longer than {bound:?}: {times:?}");
}

/// Checks that three kinds of work cost the same. `attempt` does one of them, and returns how long
/// it took.
pub(crate) async fn assert_equal_cost(names: [&str; 3], mut attempt: impl AsyncFnMut(usize) -> Duration) {
    // Each kind follows each other kind equally often, because the previous one can slow down the
    // next.
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    // One comparison at a time: two would share the same cores.
    static EXCLUSIVE: Mutex<()> = Mutex::const_new(());
    let _alone = EXCLUSIVE.lock().await;
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
        if found.iter().any(Ratio::differs_from_one) {
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

/// A confidence interval of a ratio's median, for any distribution of the values.
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

    fn differs_from_one(&self) -> bool {
        self.high < 1.0 - TOLERANCE || self.low > 1.0 + TOLERANCE
    }
}
