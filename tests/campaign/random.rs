//! Choices that a seed decides, the same on every machine and with every version of every crate.

use std::time::Duration;

/// A generator of numbers (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Choices(u64);

impl Choices {
    /// Returns the choices of a seed.
    pub(crate) const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns other choices, which depend on the seed and a number alone.
    pub(crate) fn fork(&self, number: u64) -> Self {
        let mut fork = Self(self.0 ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        fork.number();
        fork
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.number() % end).unwrap_or(0)
    }

    /// Is true in so many of a hundred cases.
    pub(crate) fn percent(&mut self, cases: usize) -> bool {
        self.below(100) < cases
    }

    /// Returns one of the values, or `None` of none.
    pub(crate) fn pick<'a, T>(&mut self, values: &'a [T]) -> Option<&'a T> {
        values.get(self.below(values.len()))
    }

    /// Returns one of the values, each as often as its weight says.
    pub(crate) fn weighted<T: Copy>(&mut self, values: &[(T, usize)]) -> Option<T> {
        let mut at = self.below(values.iter().map(|(_, weight)| weight).sum());
        for (value, weight) in values {
            if at < *weight {
                return Some(*value);
            }
            at -= weight;
        }
        None
    }

    /// Returns a duration of `min` to `max` milliseconds.
    pub(crate) fn millis(&mut self, min: u64, max: u64) -> Duration {
        Duration::from_millis(min + self.number() % (max.saturating_sub(min) + 1))
    }

    /// Returns 32 hexadecimal digits.
    pub(crate) fn trace_id(&mut self) -> String {
        format!("{:016x}{:016x}", self.number() | 1, self.number())
    }
}
