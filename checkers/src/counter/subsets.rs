//! The sums that some of many amounts can have.

use std::collections::BTreeMap;

/// More sums than this are not told apart: between the smallest and the largest everything then counts as possible.
const MOST_SUMS: u128 = 1 << 22;

/// All sums of subsets of some amounts, each with a fixed sum added.
#[derive(Debug)]
pub(super) struct Subsets {
    /// The smallest sum.
    pub(super) least: i128,
    /// The largest sum.
    pub(super) most: i128,
    /// Bit n says whether `least + n` is a sum; absent where there are too many.
    bits: Option<Vec<u64>>,
}

impl Subsets {
    /// The sums of `fixed` and any of `amounts`.
    pub(super) fn of(fixed: i128, amounts: impl Iterator<Item = i64>) -> Self {
        let (mut least, mut most) = (fixed, fixed);
        let mut weights: BTreeMap<u128, u128> = BTreeMap::new();
        for amount in amounts {
            let amount = i128::from(amount);
            (least, most) = (least + amount.min(0), most + amount.max(0));
            // To leave out what lowers the sum raises it by as much, from the least sum.
            *weights.entry(amount.unsigned_abs()).or_default() += 1;
        }
        weights.remove(&0);
        let width = (most - least).unsigned_abs();
        let bits = (width < MOST_SUMS).then(|| {
            let mut bits = vec![0; (width / 64 + 1) as usize];
            bits[0] = 1;
            for (weight, times) in weights {
                for part in parts(times) {
                    raise(&mut bits, (weight * part) as usize);
                }
            }
            bits
        });
        Self { least, most, bits }
    }

    /// Whether single sums are told apart.
    pub(super) fn is_exact(&self) -> bool {
        self.bits.is_some()
    }

    /// Whether this is a sum, or may be where they are not told apart.
    pub(super) fn contains(&self, sum: i128) -> bool {
        (self.least..=self.most).contains(&sum)
            && self.bits.as_ref().is_none_or(|bits| {
                let at = (sum - self.least).unsigned_abs() as usize;
                bits[at / 64] >> (at % 64) & 1 == 1
            })
    }

    /// The sum nearest to this one; the higher of two.
    pub(super) fn nearest(&self, sum: i128) -> i128 {
        let inside = sum.clamp(self.least, self.most);
        let steps = 0..=self.most - self.least;
        let mut near = steps.flat_map(|by| [inside + by, inside - by]);
        near.find(|&candidate| self.contains(candidate)).unwrap_or(inside)
    }
}

/// Numbers of which every number up to `times`, and no larger one, is a sum: so many equal amounts need few steps.
fn parts(mut times: u128) -> impl Iterator<Item = u128> {
    let mut next = 1;
    std::iter::from_fn(move || {
        let part = next.min(times);
        times -= part;
        next *= 2;
        (part > 0).then_some(part)
    })
}

/// Adds to the set everything in it raised by this.
fn raise(bits: &mut [u64], by: usize) {
    let (words, rest) = (by / 64, by % 64);
    for at in (words..bits.len()).rev() {
        let low = bits[at - words] << rest;
        let carried = if rest > 0 && at > words { bits[at - words - 1] >> (64 - rest) } else { 0 };
        bits[at] |= low | carried;
    }
}
