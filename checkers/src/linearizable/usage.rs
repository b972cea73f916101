//! Which operations without an answer have taken effect, by class and number.
//!
//! Those of one class can stand for each other, and the first that began can do whatever a later one can: so it is enough to count.
//! The counts are the leaves of a tree of which each part is kept once, so that what two have in common takes no room, and equal
//! ones have equal numbers (hash consing, after Ershov, 1958).

use rustc_hash::FxHashMap;

/// How many parts a node has.
const PARTS: usize = 8;

/// Either the numbers of other nodes, or counts.
type Node = [u32; PARTS];

/// Multisets of classes, each once, by small numbers.
#[derive(Debug)]
pub(super) struct Usages {
    /// The first is empty: all its parts are empty nodes, or counts of zero.
    nodes: Vec<Node>,
    numbers: FxHashMap<Node, u32>,
    /// How many levels of nodes there are, the counts being within the last.
    levels: u32,
    /// By class, its place among the counts.
    places: Vec<u32>,
    /// By class, what it costs to use one.
    prices: Vec<u64>,
    /// By class, how often one was missed.
    missed: Vec<u64>,
}

/// The empty one.
pub(super) const NONE: u32 = 0;

impl Usages {
    /// `open` says of each class how many operations without an answer there are.
    pub(super) fn new(open: &[u32]) -> Self {
        let mut counted = 0;
        let mut place = |open: u32| {
            let place = counted;
            counted += u32::from(open > 0);
            place
        };
        let places = open.iter().map(|&open| place(open)).collect();
        let mut levels = 1;
        while PARTS.pow(levels) < counted as usize {
            levels += 1;
        }
        let prices = open.iter().map(|&open| 1 + 1_000 / u64::from(open.max(1))).collect();
        let empty = [NONE; PARTS];
        let numbers = FxHashMap::from_iter([(empty, NONE)]);
        Self { nodes: vec![empty], numbers, levels, places, prices, missed: vec![0; open.len()] }
    }

    /// How often a class stands in one.
    pub(super) fn count(&self, usage: u32, class: u32) -> u32 {
        let place = self.places[class as usize];
        (0..self.levels).rev().fold(usage, |node, level| self.nodes[node as usize][part(place, level)])
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

    /// Forgets everything but prices: all numbers but [`NONE`] become void.
    pub(super) fn forget(&mut self) {
        self.nodes.truncate(1);
        self.numbers = FxHashMap::from_iter([(self.nodes[0], NONE)]);
    }

    /// The one that has a class once more.
    pub(super) fn with(&mut self, usage: u32, class: u32) -> u32 {
        self.with_at(usage, self.places[class as usize], self.levels - 1)
    }

    fn with_at(&mut self, node: u32, place: u32, level: u32) -> u32 {
        let mut changed = self.nodes[node as usize];
        let part = &mut changed[part(place, level)];
        *part = if level == 0 { *part + 1 } else { self.with_at(*part, place, level - 1) };
        let next = self.nodes.len() as u32;
        let nodes = &mut self.nodes;
        *self.numbers.entry(changed).or_insert_with(|| {
            nodes.push(changed);
            next
        })
    }

    /// Whether one has no class more often than another.
    pub(super) fn is_within(&self, one: u32, other: u32) -> bool {
        self.is_within_at(one, other, self.levels - 1)
    }

    fn is_within_at(&self, one: u32, other: u32, level: u32) -> bool {
        if one == other || one == NONE {
            return true;
        }
        let mut parts = self.nodes[one as usize].iter().zip(&self.nodes[other as usize]);
        if level == 0 {
            parts.all(|(one, other)| one <= other)
        } else {
            parts.all(|(&one, &other)| self.is_within_at(one, other, level - 1))
        }
    }

    /// What they take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.numbers.capacity() * (size_of::<Node>() + size_of::<u64>())
    }
}

/// Which part of a node at this level holds the count at a place.
fn part(place: u32, level: u32) -> usize {
    place as usize / PARTS.pow(level) % PARTS
}

#[cfg(test)]
mod tests {
    use super::{NONE, Usages};

    /// Many classes, of which every third has operations without an answer.
    fn usages() -> Usages {
        let open: Vec<u32> = (0..300).map(|class| u32::from(class % 3 == 0) * 2).collect();
        Usages::new(&open)
    }

    #[test]
    fn the_order_in_which_classes_are_used_is_forgotten() {
        let mut usages = usages();
        let of =
            |usages: &mut Usages, classes: &[u32]| classes.iter().fold(NONE, |usage, &class| usages.with(usage, class));
        let one = of(&mut usages, &[0, 297, 150, 0]);
        assert_eq!(one, of(&mut usages, &[150, 0, 0, 297]));
        let counts: Vec<u32> = [0, 3, 150, 297].iter().map(|&class| usages.count(one, class)).collect();
        assert_eq!(counts, [2, 0, 1, 1]);
    }

    #[test]
    fn one_is_within_another_where_no_class_is_there_more_often() {
        let mut usages = usages();
        let few = usages.with(NONE, 297);
        let twice = usages.with(few, 297);
        let more = usages.with(few, 3);
        assert!(usages.is_within(NONE, few) && usages.is_within(few, twice) && usages.is_within(few, more));
        assert!(!usages.is_within(few, NONE) && !usages.is_within(twice, more) && !usages.is_within(more, twice));
    }
}
