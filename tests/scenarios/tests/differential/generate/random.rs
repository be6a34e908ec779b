//! Choices, all of which follow from one number.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Where a sequence's choices come from.
pub(crate) struct Random(SmallRng);

impl Random {
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// Yes, in so many of a hundred times.
    pub(crate) fn percent(&mut self, percent: u32) -> bool {
        self.0.random_ratio(percent, 100)
    }

    /// A number up to and without `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    /// A number of those from `first` to `last`.
    pub(crate) fn within(&mut self, first: usize, last: usize) -> usize {
        self.0.random_range(first..=last)
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        *self.pick_ref(from)
    }

    pub(crate) fn pick_ref<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One of them, each as often as its weight says.
    pub(crate) fn weighted<T: Copy>(&mut self, from: &[(usize, T)]) -> T {
        let mut left = self.below(from.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in from {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *choice,
            }
        }
        unreachable!("what is left is less than the weights together")
    }
}
