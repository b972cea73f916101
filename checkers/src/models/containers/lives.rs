//! The life of each value of a container: what is known where each is put in at most once.

use std::hash::Hash;
use std::ops::Range;

use dsjepsen_history::Index;

use super::values::{NOWHERE, Values};
use super::{Call, ContainerEntry, Due, Reply, Times};
use crate::linearizable::Decision;

/// A time of a history. Half as wide as an index: a large history waits for its memory.
pub(crate) type Time = u32;

/// Later than everything that ever happens. What was answered at [`Index::MAX`] happened before it.
pub(crate) const NEVER: Time = Time::MAX;

/// In the place of a take: there is none.
const NOBODY: u32 = u32::MAX;

/// A value from the call that puts it in to the call that takes it. The times are as narrow as what is known of the others allows:
/// who sees it comes after the put and before the take.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    /// The place of the put.
    pub(crate) put: u32,
    /// The place of the take, or [`NOBODY`].
    take: u32,
    /// When the put began.
    pub(crate) begun: Time,
    /// When the put had surely happened.
    pub(crate) there: Time,
    /// When the take may have happened at the earliest; [`NEVER`] where there is none.
    pub(crate) leaving: Time,
    /// When the take had surely happened; [`NEVER`] where there is none.
    pub(crate) gone: Time,
    /// When the value had surely been taken or seen; [`NEVER`] where it never was.
    pub(crate) seen: Time,
}

impl Life {
    /// Whether there is a time at which it is surely there. It is between [`Life::there`] and [`Life::leaving`], without these.
    pub(crate) fn is_ever_sure(&self) -> bool {
        self.there < self.leaving
    }

    /// The place of the take.
    pub(crate) fn take(&self) -> Option<u32> {
        (self.take != NOBODY).then_some(self.take)
    }

    /// The places of its put and its take.
    pub(crate) fn ends(&self) -> impl Iterator<Item = usize> {
        [Some(self.put), self.take()].into_iter().flatten().map(|place| place as usize)
    }
}

/// A call that saw a value and left it.
#[derive(Debug, Clone)]
pub(crate) struct Peek {
    /// Which life.
    pub(crate) life: u32,
    /// Where the call is.
    pub(crate) place: u32,
    /// Since when the value may have been seen.
    pub(crate) from: Time,
    /// By when it was seen.
    pub(crate) to: Time,
}

/// A call that found nothing.
#[derive(Debug, Clone)]
pub(crate) struct Nothing {
    /// Where the call is.
    pub(crate) place: u32,
    /// When it began.
    pub(crate) from: Time,
    /// When it was answered.
    pub(crate) to: Time,
}

/// A call that found a value.
struct Look {
    place: u32,
    from: Time,
    to: Time,
    takes: bool,
}

/// A history as the lives of its values.
#[derive(Debug, Clone)]
pub(crate) struct Lives {
    /// The lives, in the order of the puts in the history. One that began without an answer and that nobody saw is never surely
    /// there, and hinders nobody.
    pub(crate) lives: Vec<Life>,
    /// Who saw them, sorted by life.
    pub(crate) peeks: Vec<Peek>,
    /// Who found nothing.
    pub(crate) nothings: Vec<Nothing>,
    /// The takes without an answer: when each began, and its place. Nobody knows what it took, if anything.
    pub(crate) open_takes: Vec<(Time, u32)>,
}

/// Why there are no lives: there is an obvious contradiction, or this history is none that can be told by lives.
pub(super) type Failure = Option<Decision>;

impl Lives {
    /// Reads the lives from a history.
    pub(crate) fn of<V: Copy + Eq + Hash>(entries: &[ContainerEntry<V>]) -> Result<Self, Failure> {
        u32::try_from(entries.len()).map_err(|_| None)?;
        let mut read = Self {
            lives: Vec::with_capacity(entries.len() / 2),
            peeks: Vec::new(),
            nothings: Vec::new(),
            open_takes: Vec::new(),
        };
        let mut values = Values::new(entries.len());
        // What they found is read along with their times, for the entries are too many to be gone through again for it.
        let mut looks: Vec<Look> = Vec::with_capacity(entries.len() / 2);
        for (place, entry) in (0..).zip(entries) {
            let from = begun(entry.invoked).ok_or(None)?;
            match (&entry.call, &entry.answer) {
                (Call::Put(value), answer) => {
                    values.put(*value, read.lives.len() as u32);
                    let there = match answer {
                        None => NEVER,
                        Some((Reply::Done, returned)) => happened(*returned).ok_or(None)?,
                        Some(_) => return Err(None),
                    };
                    read.put(place, from, there);
                }
                (Call::Peek, None) => {}
                (Call::Take, None) => read.open_takes.push((from, place)),
                (Call::Take | Call::Peek, Some((Reply::Done, _))) => return Err(None),
                (Call::Take | Call::Peek, Some((Reply::Empty, returned))) => {
                    read.nothings.push(Nothing { place, from, to: happened(*returned).ok_or(None)? });
                }
                (call, Some((Reply::Found(value), returned))) => {
                    values.found(*value, looks.len() as u32);
                    let to = happened(*returned).ok_or(None)?;
                    looks.push(Look { place, from, to, takes: matches!(call, Call::Take) });
                }
            }
        }
        let numbers = values.numbers(looks.len()).ok_or(None)?;
        for (look, life) in looks.into_iter().zip(numbers) {
            let Look { place, from, to, takes } = look;
            match takes {
                _ if life == NOWHERE => return Err(Some(Decision::Impossible(vec![place as usize]))),
                true => read.take(place, life, from, to)?,
                false => read.peeks.push(Peek { life, place, from, to }),
            }
        }
        read.peeks.sort_unstable_by_key(|peek| (peek.life, peek.place));
        read.narrow()?;
        Ok(read)
    }

    fn put(&mut self, put: u32, begun: Time, there: Time) {
        self.lives.push(Life { put, take: NOBODY, begun, there, leaving: NEVER, gone: NEVER, seen: NEVER });
    }

    fn take(&mut self, place: u32, life: u32, invoked: Time, returned: Time) -> Result<(), Failure> {
        let life = &mut self.lives[life as usize];
        if life.take().is_some() {
            let places = life.ends().chain([place as usize]);
            return Err(Some(Decision::Impossible(places.collect())));
        }
        life.take = place;
        (life.leaving, life.gone, life.seen) = (invoked, returned, returned);
        Ok(())
    }

    /// Narrows the times of the lives by each other; finds who saw a value before it was put in, or after it was taken.
    fn narrow(&mut self) -> Result<(), Failure> {
        for peek in &self.peeks {
            let life = &mut self.lives[peek.life as usize];
            if peek.to < life.begun || life.gone < peek.from {
                let places = life.ends().chain([peek.place as usize]);
                return Err(Some(Decision::Impossible(places.collect())));
            }
            life.seen = life.seen.min(peek.to);
            if life.take().is_some() {
                life.leaving = life.leaving.max(peek.from);
            }
        }
        for life in &mut self.lives {
            if life.gone < life.begun {
                return Err(Some(Decision::Impossible(life.ends().collect())));
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

    /// Lets takes without an answer have taken these values, one after the other, which nobody else took.
    pub(super) fn with_takes(&self, dues: &[Due]) -> Self {
        let mut lives = self.clone();
        for (due, &(invoked, place)) in dues.iter().zip(&self.open_takes) {
            let first = self.peeks.partition_point(|peek| peek.life < due.life);
            let peeks = self.peeks[first..].iter().take_while(|peek| peek.life == due.life);
            let life = &mut lives.lives[due.life as usize];
            life.take = place;
            life.leaving = peeks.map(|peek| peek.from).chain([invoked, life.begun]).max().unwrap_or(invoked);
        }
        lives
    }

    /// Only the values that are known to have been taken.
    pub(super) fn taken(&self) -> Self {
        let mut some = self.clone();
        let mut left = 0..;
        let numbers: Vec<Option<u32>> = some.lives.iter().map(|life| life.take().and_then(|_| left.next())).collect();
        some.lives.retain(|life| life.take().is_some());
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

impl Lives {
    /// The places of the operations that prove the times of a life: its ends, who saw it so early, and who saw it so late.
    pub(crate) fn places(&self, number: u32) -> impl Iterator<Item = usize> {
        let life = &self.lives[number as usize];
        let first = self.peeks.partition_point(|peek| peek.life < number);
        let peeks = || self.peeks[first..].iter().take_while(move |peek| peek.life == number);
        let early = peeks().find(|peek| peek.to == life.seen && peek.to < life.gone);
        let late = peeks().find(|peek| peek.from == life.leaving && peek.from > life.begun);
        life.ends().chain(early.into_iter().chain(late).map(|peek| peek.place as usize))
    }

    /// By life: who saw it, as numbers of peeks.
    pub(crate) fn peeks_by_life(&self) -> PeeksByLife {
        if self.peeks.is_empty() {
            return PeeksByLife { from: Vec::new() };
        }
        let mut from = Vec::with_capacity(self.lives.len() + 1);
        for (number, peek) in (0..).zip(&self.peeks) {
            from.resize(from.len().max(peek.life as usize + 1), number);
        }
        from.resize(self.lives.len() + 1, self.peeks.len() as u32);
        PeeksByLife { from }
    }

    /// All times there are.
    pub(crate) fn times(&self) -> Times {
        Times::new(|| {
            let lives = self.lives.iter().flat_map(|life| [life.begun, life.there, life.leaving, life.gone]);
            let peeks = self.peeks.iter().flat_map(|peek| [peek.from, peek.to]);
            lives.chain(peeks).chain(self.nothings.iter().flat_map(|nothing| [nothing.from, nothing.to]))
        })
    }
}

/// Who saw which value.
#[derive(Debug, Clone)]
pub(crate) struct PeeksByLife {
    /// By life: its first peek; at last how many there are. Empty where there are none.
    from: Vec<u32>,
}

impl PeeksByLife {
    /// The numbers of those who saw a value.
    pub(crate) fn of(&self, life: usize) -> Range<usize> {
        match self.from.get(life..life + 2) {
            Some(from) => from[0] as usize..from[1] as usize,
            None => 0..0,
        }
    }
}

/// When something began. `None` where that is too late for a [`Time`].
fn begun(invoked: Index) -> Option<Time> {
    Time::try_from(invoked).ok().filter(|time| *time < NEVER - 1)
}

/// By when something had surely happened that was answered then.
fn happened(returned: Index) -> Option<Time> {
    if returned == Index::MAX { Some(NEVER - 1) } else { begun(returned) }
}
