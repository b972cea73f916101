//! The life of each value of a container, and the decision from lives alone: possible where each value is put in at most once.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::Hash;
use std::ops::Range;

use dsjepsen_history::Index;

use super::{Call, ContainerEntry, Reply, Times};
use crate::linearizable::Decision;

/// Later than everything that ever happens. What was answered at [`Index::MAX`] happened before it.
pub(crate) const NEVER: Index = Index::MAX;

/// A value from the call that puts it in to the call that takes it; there may be millions. The times are as narrow as what is known of the others allows:
/// who sees it comes after the put and before the take.
#[derive(Debug, Clone)]
pub(crate) struct Life<V> {
    /// The value.
    pub(crate) value: V,
    /// The place of the put.
    pub(crate) put: u32,
    /// The place of the take.
    pub(crate) take: Option<u32>,
    /// When the put began.
    pub(crate) begun: Index,
    /// When the put had surely happened.
    pub(crate) there: Index,
    /// When the take may have happened at the earliest; [`NEVER`] where there is none.
    pub(crate) leaving: Index,
    /// When the take had surely happened; [`NEVER`] where there is none.
    pub(crate) gone: Index,
    /// When the value had surely been taken or seen; [`NEVER`] where it never was.
    pub(crate) seen: Index,
    /// Who saw it so early, and who saw it last.
    pub(crate) seen_by: [Option<u32>; 2],
}

impl<V> Life<V> {
    /// Whether there is a time at which it is surely there. It is between [`Life::there`] and [`Life::leaving`], without these.
    pub(crate) fn is_ever_sure(&self) -> bool {
        self.there < self.leaving
    }

    /// The places of the operations that prove its times.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        [Some(self.put), self.take].into_iter().chain(self.seen_by).flatten().map(|place| place as usize)
    }
}

/// A call that saw a value and left it.
#[derive(Debug, Clone)]
pub(crate) struct Peek {
    /// Which life.
    pub(crate) life: u32,
    /// Where the call is.
    pub(crate) place: usize,
    /// Since when the value may have been seen.
    pub(crate) from: Index,
    /// By when it was seen.
    pub(crate) to: Index,
}

/// A call that found nothing.
#[derive(Debug, Clone)]
pub(crate) struct Nothing {
    /// Where the call is.
    pub(crate) place: usize,
    /// When it began.
    pub(crate) from: Index,
    /// When it was answered.
    pub(crate) to: Index,
}

/// A history as the lives of its values.
#[derive(Debug, Clone)]
pub(crate) struct Lives<V> {
    /// The lives, in the order of the puts in the history. One that began without an answer and that nobody saw is never surely
    /// there, and hinders nobody.
    pub(crate) lives: Vec<Life<V>>,
    /// Who saw them, sorted by life.
    pub(crate) peeks: Vec<Peek>,
    /// Who found nothing.
    pub(crate) nothings: Vec<Nothing>,
    /// Whether there is a take without an answer: nobody knows what it took, if anything.
    has_open_takes: bool,
}

/// Why there are no lives: there is an obvious contradiction, or this history is none that can be told by lives.
type Failure = Option<Decision>;

/// Decides a history of a container where each value is put in at most once, by a `judge` of lives that shows a contradiction if
/// there is no order.
///
/// Takes without an answer need not have happened: an order without them is an order. And what is contradictory among the values
/// that others took is contradictory whatever they took. Between the two nothing is decided here.
pub(crate) fn decide<V: Copy + Eq + Hash>(
    entries: &[ContainerEntry<V>],
    judge: impl Fn(&Lives<V>) -> Option<Vec<usize>>,
) -> Option<Decision> {
    let lives = match Lives::of(entries) {
        Ok(lives) => lives,
        Err(failure) => return failure,
    };
    let contradiction = judge(&lives);
    let Some(mut places) = contradiction else { return Some(Decision::Exists) };
    if lives.has_open_takes {
        places = judge(&lives.taken())?;
    }
    places.sort_unstable();
    places.dedup();
    Some(Decision::Impossible(places))
}

impl<V: Copy + Eq + Hash> Lives<V> {
    /// Reads the lives from a history.
    pub(crate) fn of(entries: &[ContainerEntry<V>]) -> Result<Self, Failure> {
        let mut read = Self { lives: Vec::new(), peeks: Vec::new(), nothings: Vec::new(), has_open_takes: false };
        let mut numbers = HashMap::with_capacity(entries.len() / 2);
        for (place, entry) in entries.iter().enumerate() {
            if entry.invoked >= NEVER - 1 {
                return Err(None);
            }
            if let Call::Put(value) = entry.call {
                read.put(place, entry, &mut numbers, value)?;
            }
        }
        for (place, entry) in entries.iter().enumerate() {
            let life = |value| numbers.get(&value).copied().ok_or(Some(Decision::Impossible(vec![place])));
            match (&entry.call, entry.answer) {
                (Call::Put(_), _) | (Call::Peek, None) => {}
                (Call::Take, None) => read.has_open_takes = true,
                (Call::Take | Call::Peek, Some((Reply::Done, _))) => return Err(None),
                (Call::Take | Call::Peek, Some((Reply::Empty, returned))) => {
                    read.nothings.push(Nothing { place, from: entry.invoked, to: happened(returned) });
                }
                (Call::Take, Some((Reply::Found(value), returned))) => {
                    read.take(place, life(value)?, entry.invoked, happened(returned))?;
                }
                (Call::Peek, Some((Reply::Found(value), returned))) => {
                    let (from, to) = (entry.invoked, happened(returned));
                    read.peeks.push(Peek { life: life(value)?, place, from, to });
                }
            }
        }
        drop(numbers);
        read.peeks.sort_unstable_by_key(|peek| (peek.life, peek.place));
        read.narrow()?;
        Ok(read)
    }

    fn put(
        &mut self,
        place: usize,
        entry: &ContainerEntry<V>,
        numbers: &mut HashMap<V, u32>,
        value: V,
    ) -> Result<(), Failure> {
        let there = match entry.answer {
            None => NEVER,
            Some((Reply::Done, returned)) => happened(returned),
            Some(_) => return Err(None),
        };
        let number = u32::try_from(self.lives.len()).map_err(|_| None)?;
        match numbers.entry(value) {
            Slot::Occupied(_) => return Err(None),
            Slot::Vacant(slot) => slot.insert(number),
        };
        self.lives.push(Life {
            value,
            put: place as u32,
            take: None,
            begun: entry.invoked,
            there,
            leaving: NEVER,
            gone: NEVER,
            seen: NEVER,
            seen_by: [None; 2],
        });
        Ok(())
    }

    fn take(&mut self, place: usize, life: u32, invoked: Index, returned: Index) -> Result<(), Failure> {
        let life = &mut self.lives[life as usize];
        if let Some(other) = life.take {
            return Err(Some(Decision::Impossible(vec![life.put as usize, other as usize, place])));
        }
        let place = place as u32;
        life.take = Some(place);
        (life.leaving, life.gone, life.seen) = (invoked, returned, returned);
        life.seen_by = [Some(place); 2];
        Ok(())
    }

    /// Narrows the times of the lives by each other; finds who saw a value before it was put in, or after it was taken.
    fn narrow(&mut self) -> Result<(), Failure> {
        for peek in &self.peeks {
            let life = &mut self.lives[peek.life as usize];
            if peek.to < life.begun || life.gone < peek.from {
                let own = [Some(life.put), life.take].into_iter().flatten().map(|place| place as usize);
                return Err(Some(Decision::Impossible(own.chain([peek.place]).collect())));
            }
            if peek.to < life.seen {
                (life.seen, life.seen_by[0]) = (peek.to, Some(peek.place as u32));
            }
            if life.take.is_some() && peek.from > life.leaving {
                (life.leaving, life.seen_by[1]) = (peek.from, Some(peek.place as u32));
            }
        }
        for life in &mut self.lives {
            if let Some(take) = life.take
                && life.gone < life.begun
            {
                return Err(Some(Decision::Impossible(vec![life.put as usize, take as usize])));
            }
            life.there = life.there.min(life.seen);
            life.leaving = life.leaving.max(life.begun);
        }
        for peek in &mut self.peeks {
            let life = &self.lives[peek.life as usize];
            peek.from = peek.from.max(life.begun);
            peek.to = peek.to.min(life.gone);
        }
        Ok(())
    }

    /// Only the values that are known to have been taken.
    fn taken(&self) -> Self {
        let mut some = self.clone();
        let mut left = 0..;
        let numbers: Vec<Option<u32>> = some.lives.iter().map(|life| life.take.and_then(|_| left.next())).collect();
        some.lives.retain(|life| life.take.is_some());
        some.peeks.retain_mut(|peek| match numbers[peek.life as usize] {
            Some(number) => {
                peek.life = number;
                true
            }
            None => false,
        });
        some
    }
}

impl<V> Lives<V> {
    /// By life: who saw it, as numbers of peeks.
    pub(crate) fn peeks_by_life(&self) -> Vec<Range<usize>> {
        let mut ranges = Vec::with_capacity(self.lives.len());
        let mut from = 0;
        for life in 0..self.lives.len() {
            let to = from + self.peeks[from..].iter().take_while(|peek| peek.life as usize == life).count();
            ranges.push(from..to);
            from = to;
        }
        ranges
    }

    /// All times there are.
    pub(crate) fn times(&self) -> Times {
        let mut times = Vec::with_capacity(4 * self.lives.len() + 2 * (self.peeks.len() + self.nothings.len()) + 2);
        times.extend(self.lives.iter().flat_map(|life| [life.begun, life.there, life.leaving, life.gone]));
        times.extend(self.peeks.iter().flat_map(|peek| [peek.from, peek.to]));
        times.extend(self.nothings.iter().flat_map(|nothing| [nothing.from, nothing.to]));
        Times::new(times)
    }
}

/// By when something had surely happened that was answered then.
fn happened(returned: Index) -> Index {
    returned.min(NEVER - 1)
}
