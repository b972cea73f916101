//! By when a value must have been taken that is in the way of others.

use super::{Lives, NEVER, Time};

/// How sure it is that a value is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// Whatever was when.
    Sure,
    /// Of some moments at which things may have been.
    Possible,
}

impl Certainty {
    /// Of a beginning and an end, that which makes it so.
    pub(crate) fn of<T>(self, sure: T, possible: T) -> T {
        match self {
            Self::Sure => sure,
            Self::Possible => possible,
        }
    }
}

/// A value that must have been taken by some time, by a take without an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    /// Its life.
    pub(crate) life: u32,
    /// By when.
    pub(crate) by: Time,
    /// The life of the value in whose way it is, if it is that of one.
    of: Option<u32>,
    /// The place of the operation that cannot be with it there.
    place: u32,
}

impl Due {
    /// The places of the operations because of which it is due.
    pub(super) fn reason(self, lives: &Lives) -> impl Iterator<Item = usize> {
        self.of.into_iter().flat_map(|life| lives.places(life)).chain([self.place as usize])
    }
}

/// An operation that found a value, or nothing: it cannot have been while certain others were there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<K> {
    /// Those with a greater key are in its way.
    pub(crate) key: K,
    /// If they are there before this.
    pub(crate) from: Time,
    /// Until then they must have gone.
    pub(crate) to: Time,
    /// Whose value it found, if it found one.
    pub(crate) of: Option<u32>,
    /// Its place.
    pub(crate) place: u32,
}

impl<K> Look<K> {
    /// All that found a value or nothing: the former with the key that their life has, the latter with the least.
    pub(crate) fn all(lives: &Lives, certainty: Certainty, key: impl Fn(u32) -> K, least: K) -> Vec<Self>
    where
        K: Copy,
    {
        let from = |from: Time, to: Time| certainty.of(from, to);
        let takes = (0..).zip(&lives.lives).filter_map(|(number, life)| {
            let take = life.take()?;
            Some(Self {
                key: key(number),
                from: from(life.leaving, life.gone),
                to: life.gone,
                of: Some(number),
                place: take,
            })
        });
        let peeks = lives.peeks.iter().map(|peek| Self {
            key: key(peek.life),
            from: from(peek.from, peek.to),
            to: peek.to,
            of: Some(peek.life),
            place: peek.place,
        });
        takes.chain(peeks).chain(Self::nothings(lives, certainty, least)).collect()
    }

    /// Those that found nothing.
    pub(crate) fn nothings(lives: &Lives, certainty: Certainty, key: K) -> impl Iterator<Item = Self>
    where
        K: Copy,
    {
        lives.nothings.iter().map(move |nothing| Self {
            key,
            from: certainty.of(nothing.from, nothing.to),
            to: nothing.to,
            of: None,
            place: nothing.place,
        })
    }
}

/// The values that nobody took and that are in the way of looks: of those that have a lesser key, and begin after they are there,
/// the one that ends first. Of each value its key, and when it is there.
pub(crate) fn dues<K: Ord>(mut looks: Vec<Look<K>>, mut values: Vec<(K, Time, u32)>) -> Vec<Due> {
    let mut begins: Vec<Time> = looks.iter().map(|look| look.from).collect();
    begins.sort_unstable();
    looks.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    values.sort_unstable();
    let mut looks = looks.into_iter().peekable();
    let mut first = FirstToEnd::new(begins.len());
    let mut dues = Vec::new();
    for (key, there, life) in values {
        while let Some(look) = looks.next_if(|look| look.key < key) {
            first.add(begins.partition_point(|begin| *begin < look.from), &look);
        }
        let found = first.of(begins.partition_point(|begin| *begin <= there));
        dues.extend(found.map(|(by, of, place)| Due { life, by, of, place }));
    }
    dues
}

/// A look that ends: when, whose value it found, and its place.
type End = (Time, Option<u32>, u32);

/// Of the looks that begin late, the one that ends first: a binary indexed tree (Fenwick, 1994) over beginnings, latest first.
struct FirstToEnd {
    ends: Vec<End>,
}

impl FirstToEnd {
    fn new(looks: usize) -> Self {
        Self { ends: vec![(NEVER, None, 0); looks + 1] }
    }

    /// Adds a look by the number of its beginning.
    fn add<K>(&mut self, begin: usize, look: &Look<K>) {
        let mut node = self.ends.len() - 1 - begin;
        while let Some(end) = self.ends.get_mut(node) {
            *end = (*end).min((look.to, look.of, look.place));
            node += node & node.wrapping_neg();
        }
    }

    /// Of those with this number or a higher one.
    fn of(&self, begin: usize) -> Option<End> {
        let mut first = self.ends[0];
        let mut node = self.ends.len() - 1 - begin;
        while node > 0 {
            first = first.min(self.ends[node]);
            node &= node - 1;
        }
        (first.0 < NEVER).then_some(first)
    }
}
