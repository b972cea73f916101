//! A counter whose additions are answered with the value that they found.

use std::borrow::Borrow;

use crate::assignment::{Contradiction, Known, Unknown, contradiction, first_gap};
use crate::linearizable::{Decision, Entry, EntryOf, Model};

/// A counter with fetch-and-add.
#[derive(Debug, Clone, Copy, Default)]
pub struct FetchAdd {
    /// Its value at first.
    pub initial: i64,
}

/// What is asked of it: to add this, which may be negative. To add 0 is to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Add(pub i64);

impl Model for FetchAdd {
    type State = i128;
    type Call = Add;
    /// The value before.
    type Reply = i64;

    fn initial(&self) -> i128 {
        self.initial.into()
    }

    fn step(&self, state: &i128, Add(amount): &Add, reply: Option<&i64>) -> Option<i128> {
        let is_right = reply.is_none_or(|found| i128::from(*found) == *state);
        if is_right { state.checked_add(i128::from(*amount)) } else { None }
    }

    fn only_observes(&self, Add(amount): &Add, _reply: &i64) -> bool {
        *amount == 0
    }

    /// The values found put the answered additions in an order; those without an answer fill what is missing between. Decides where
    /// nothing is missing or they all add the same, and tells contradictions where all additions are up or all are down. O(n log n).
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        by_values(entries.iter(), |entry, sign| {
            let (invoked, Add(amount)) = (entry.invoked, &entry.call);
            Some(match &entry.answer {
                Some((found, returned)) => {
                    let before = sign * (i128::from(*found) - i128::from(self.initial));
                    Ok(Known { before, after: before + sign * i128::from(*amount), invoked, returned: *returned })
                }
                None => Err(Unknown { delta: amount.unsigned_abs(), invoked, returned: None }),
            })
        }, |Add(amount)| *amount)
    }
}

/// Decides by the places of the operations on the line of values. `place` gives an operation's; values count from the first on, times a
/// sign that makes all additions positive. `None` also where some are up and some are down.
pub(super) fn by_values<C, R, E: Borrow<Entry<C, R>>>(
    entries: impl Iterator<Item = E> + Clone,
    place: impl Fn(&Entry<C, R>, i128) -> Option<Result<Known, Unknown>>,
    amount: impl Fn(&C) -> i64,
) -> Option<Decision> {
    let (mut up, mut down) = (false, false);
    for entry in entries.clone() {
        up |= amount(&entry.borrow().call) > 0;
        down |= amount(&entry.borrow().call) < 0;
    }
    if up && down {
        return None;
    }
    let line = Line::of(entries.map(|entry| place(entry.borrow(), if down { -1 } else { 1 })));
    let unit = line.unit();
    match contradiction(&line.known, &line.unknown) {
        Some(found) => Some(Decision::Impossible(line.proof(found))),
        None => match unit {
            Some(unit) => Some(line.uneven(unit).map_or(Decision::Exists, Decision::Impossible)),
            None => line.is_whole().then_some(Decision::Exists),
        },
    }
}

/// What is known of the places of operations on the line of values.
struct Line {
    known: Vec<Known>,
    /// By position among the known: where it is in the history.
    known_at: Vec<u32>,
    unknown: Vec<Unknown>,
    unknown_at: Vec<u32>,
}

impl Line {
    fn of(places: impl Iterator<Item = Option<Result<Known, Unknown>>>) -> Self {
        let mut line = Self { known: Vec::new(), known_at: Vec::new(), unknown: Vec::new(), unknown_at: Vec::new() };
        for (at, place) in places.enumerate() {
            match place {
                Some(Ok(known)) => {
                    line.known.push(known);
                    line.known_at.push(at as u32);
                }
                Some(Err(unknown)) => {
                    line.unknown.push(unknown);
                    line.unknown_at.push(at as u32);
                }
                None => {}
            }
        }
        line
    }

    /// What every addition without a place adds, if that is the same for all.
    fn unit(&self) -> Option<i128> {
        let mut amounts = self.unknown.iter().map(|unknown| i128::from(unknown.delta)).filter(|&delta| delta > 0);
        let first = amounts.next().unwrap_or(1);
        amounts.all(|amount| amount == first).then_some(first)
    }

    /// Two between which the value rose by what is no multiple of the unit.
    fn uneven(&self, unit: i128) -> Option<Vec<usize>> {
        let (from, to) = if unit == 1 { None } else { first_gap(&self.known, |rise| rise % unit != 0) }?;
        Some(self.ends(from, to))
    }

    /// Whether every rise is one of a known addition.
    fn is_whole(&self) -> bool {
        first_gap(&self.known, |rise| rise > 0).is_none()
    }

    fn ends(&self, from: Option<usize>, to: usize) -> Vec<usize> {
        from.into_iter().chain([to]).map(|position| self.known_at[position] as usize).collect()
    }

    /// The operations that contradict one another: the two known, and what was surely, or at most, added between.
    fn proof(&self, found: Contradiction) -> Vec<usize> {
        let (from, to, is_sure) = match found {
            Contradiction::Overlap { first, second } => return self.ends(Some(first), second),
            Contradiction::TooLittle { from, to } => (from, to, true),
            Contradiction::TooMuch { from, to } => (from, to, false),
        };
        let (start, end) = (from.map(|from| self.known[from]), self.known[to]);
        let mut places = self.ends(from, to);
        let rise = end.before - start.map_or(0, |start| start.after);
        let mut added = 0;
        for (unknown, &at) in self.unknown.iter().zip(&self.unknown_at).filter(|(unknown, _)| unknown.delta > 0) {
            let counts = if is_sure {
                start.is_none_or(|start| start.returned < unknown.invoked)
                    && unknown.returned.is_some_and(|returned| returned < end.invoked)
            } else {
                unknown.invoked <= end.returned
                    && start.is_none_or(|start| unknown.returned.is_none_or(|at| at >= start.invoked))
            };
            if counts && (!is_sure || added <= rise) {
                places.push(at as usize);
                added += i128::from(unknown.delta);
            }
        }
        places.sort_unstable();
        places
    }
}
