//! Counts events: by type, over time and by user.

pub mod timeline;
pub mod top_events;
pub mod user_counts;

use std::cmp::Ordering;

/// The order of counts: the most frequent subject first, equally frequent ones by name.
fn most_frequent_first((a, a_count): &(String, u64), (b, b_count): &(String, u64)) -> Ordering {
    b_count.cmp(a_count).then_with(|| a.cmp(b))
}
