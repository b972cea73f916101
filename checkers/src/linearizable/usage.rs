//! Which operations without an answer have taken effect, by class and number.
//!
//! Those of one class can stand for each other, and the first that began can do whatever a later one can: so it is enough to count.

use rustc_hash::FxHashMap;

/// Multisets of classes, each once, by small numbers.
#[derive(Debug)]
pub(super) struct Usages {
    /// Each sorted.
    sets: Vec<Box<[u32]>>,
    numbers: FxHashMap<Box<[u32]>, u32>,
    with: FxHashMap<(u32, u32), u32>,
    /// By class, what it costs to use one.
    prices: Vec<u64>,
    /// By class, how often one was missed.
    missed: Vec<u64>,
    /// How many classes stand in all of them.
    length: usize,
}

/// The empty one.
pub(super) const NONE: u32 = 0;

impl Usages {
    /// `open` says of each class how many operations without an answer there are.
    pub(super) fn new(open: &[u32]) -> Self {
        let prices = open.iter().map(|&open| 1 + 1_000 / u64::from(open.max(1))).collect();
        let missed = vec![0; open.len()];
        let numbers = FxHashMap::from_iter([(Box::default(), NONE)]);
        Self { sets: vec![Box::default()], numbers, with: FxHashMap::default(), prices, missed, length: 0 }
    }

    /// How often a class stands in one.
    pub(super) fn count(&self, usage: u32, class: u32) -> u32 {
        let set = &self.sets[usage as usize];
        let from = set.partition_point(|&other| other < class);
        set[from..].iter().take_while(|&&other| other == class).count() as u32
    }

    /// What it costs to use one of a class: more, where they are rare.
    pub(super) fn price(&self, class: u32) -> u64 {
        self.prices[class as usize]
    }

    /// One of a class would have been needed, and all were used up.
    pub(super) fn miss(&mut self, class: u32) {
        self.missed[class as usize] += 1;
    }

    /// Makes dearer what was missed.
    pub(super) fn raise_prices(&mut self) {
        let most = self.missed.iter().copied().max().unwrap_or(0).max(1);
        for (price, missed) in self.prices.iter_mut().zip(&mut self.missed) {
            *price += 1_000 * std::mem::take(missed) / most;
        }
    }

    /// Forgets everything but prices: all numbers become void.
    pub(super) fn forget(&mut self) {
        let (prices, missed) = (std::mem::take(&mut self.prices), std::mem::take(&mut self.missed));
        *self = Self { prices, missed, ..Self::new(&[]) };
    }

    /// The one that has a class once more.
    pub(super) fn with(&mut self, usage: u32, class: u32) -> u32 {
        if let Some(number) = self.with.get(&(usage, class)) {
            return *number;
        }
        let set = &self.sets[usage as usize];
        let place = set.partition_point(|&other| other < class);
        let set: Box<[u32]> = set[..place].iter().chain([&class]).chain(&set[place..]).copied().collect();
        let next = self.sets.len() as u32;
        let number = *self.numbers.entry(set).or_insert_with_key(|set| {
            self.length += set.len();
            self.sets.push(set.clone());
            next
        });
        self.with.insert((usage, class), number);
        number
    }

    /// Whether one has no class more often than another.
    pub(super) fn is_within(&self, one: u32, other: u32) -> bool {
        if one == other || one == NONE {
            return true;
        }
        let (one, other) = (&self.sets[one as usize], &self.sets[other as usize]);
        let mut left = other.iter();
        one.len() <= other.len() && one.iter().all(|class| left.by_ref().any(|other| other == class))
    }

    /// What they take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.sets.len() * 150 + self.length * 8
    }
}
