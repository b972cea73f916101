//! Small sets of numbered things, and the closure of a relation over them.

/// A set of numbers below 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bits(u64);

impl Bits {
    pub(super) const EMPTY: Self = Self(0);

    pub(super) fn insert(&mut self, number: usize) {
        self.0 |= 1 << number;
    }

    pub(super) const fn has(self, number: usize) -> bool {
        self.0 >> number & 1 == 1
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) const fn shared(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        (0..64).filter(move |&number| self.has(number))
    }
}

impl FromIterator<usize> for Bits {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Self {
        let mut bits = Self::EMPTY;
        numbers.into_iter().for_each(|number| bits.insert(number));
        bits
    }
}

/// All that can be reached from a set, itself included, by steps that `next` gives.
pub(super) fn closure(from: Bits, next: impl Fn(usize) -> Bits) -> Bits {
    let (mut reached, mut fresh) = (from, from);
    while !fresh.is_empty() {
        let further = fresh.iter().fold(Bits::EMPTY, |bits, number| bits.union(next(number)));
        fresh = further.minus(reached);
        reached = reached.union(fresh);
    }
    reached
}
