//! Sets of slots: which of the operations under way are meant. One word suffices for most histories.

use std::fmt::Debug;
use std::hash::Hash;

/// A set of small numbers, of a size that is fixed when the search begins.
pub(super) trait Slots: Clone + Debug + Eq + Hash + AsRef<[u64]> + AsMut<[u64]> {
    /// The empty set, with room for numbers below `size`.
    fn empty(size: usize) -> Self;

    /// Whether it holds a number.
    fn has(&self, slot: u32) -> bool {
        self.as_ref()[slot as usize / 64] >> (slot % 64) & 1 == 1
    }

    /// Adds a number.
    fn add(&mut self, slot: u32) {
        self.as_mut()[slot as usize / 64] |= 1 << (slot % 64);
    }

    /// Takes a number out.
    fn remove(&mut self, slot: u32) {
        self.as_mut()[slot as usize / 64] &= !(1 << (slot % 64));
    }

    /// Takes out all numbers of another.
    fn subtract(&mut self, other: &Self) {
        self.as_mut().iter_mut().zip(other.as_ref()).for_each(|(mine, other)| *mine &= !other);
    }

    /// Whether another holds all of its numbers.
    fn is_within(&self, other: &Self) -> bool {
        self.as_ref().iter().zip(other.as_ref()).all(|(mine, other)| mine & !other == 0)
    }

    /// Calls `each` with every number that is in both, smallest first.
    fn each_in_both(&self, other: &Self, mut each: impl FnMut(u32)) {
        for (place, (mine, other)) in self.as_ref().iter().zip(other.as_ref()).enumerate() {
            let mut word = mine & other;
            while word != 0 {
                each(64 * place as u32 + word.trailing_zeros());
                word &= word - 1;
            }
        }
    }
}

impl Slots for [u64; 1] {
    fn empty(_size: usize) -> Self {
        [0]
    }
}

impl Slots for [u64; 2] {
    fn empty(_size: usize) -> Self {
        [0; 2]
    }
}

/// For histories with more operations under way at once than the others have room for.
impl Slots for Box<[u64]> {
    fn empty(size: usize) -> Self {
        vec![0; size.div_ceil(64)].into_boxed_slice()
    }
}
