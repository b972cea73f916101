//! The holds of locks that have owners: what [`super::owner_mutex`] and its relatives share.
//!
//! An owner's operations follow one another, so they alone say from where to where it holds the lock: surely from the answer to
//! its first acquire to the call of the release that frees it. There is an order of all iff no two of these times meet, for what
//! is left of a hold can be taken as short as that; and then the times say in which order the holds come. After Gibbons and
//! Korach's zones (1997), all forward. O(n log n).
//!
//! An acquire without an answer is best thought never to have come, a release without one to have come at once, as long as their owner
//! does nothing after them; else this decides nothing.

use std::collections::HashMap;

use dsjepsen_history::Index;

use crate::linearizable::{Decision, Entry};

/// What an operation does to its owner's hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Acquire,
    Release,
}

/// A hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    pub(super) owner: u32,
    /// The acquire that began it.
    pub(super) first: u32,
    /// The release that ended it.
    pub(super) last: Option<u32>,
    from: Index,
    /// `None` where it never ends.
    to: Option<Index>,
}

/// What an owner has done so far.
#[derive(Default)]
struct Owner {
    /// The acquires that were not released.
    open: Vec<u32>,
    /// The last operation that was answered.
    last: Option<u32>,
    /// How many releases without an answer came after that.
    releases: usize,
    is_gone: bool,
}

/// A history of a lock that has owners.
pub(super) struct Holds<'a, C, R> {
    pub(super) entries: &'a [Entry<C, R>],
    /// Whose operation it is, and what it does.
    pub(super) read: fn(&C) -> (u32, Move),
    /// How often the owner may acquire it.
    pub(super) limit: usize,
}

impl<C, R> Holds<'_, C, R> {
    /// The holds in the order in which they must come; or what was decided without them.
    pub(super) fn lay(&self) -> Result<Vec<Hold>, Option<Decision>> {
        let mut holds = self.gather()?;
        holds.sort_unstable_by_key(|hold| (hold.from, hold.first));
        let meet = |pair: &&[Hold]| pair[0].to.is_none_or(|to| pair[1].from < to);
        match holds.windows(2).find(meet) {
            Some(pair) => Err(Some(self.impossible(&[pair[0], pair[1]]))),
            None => Ok(holds),
        }
    }

    /// The operations of holds, which have no order.
    pub(super) fn impossible(&self, holds: &[Hold]) -> Decision {
        let mut places: Vec<usize> = holds.iter().flat_map(|hold| self.parts(hold)).collect();
        places.sort_unstable();
        Decision::Impossible(places)
    }

    fn gather(&self) -> Result<Vec<Hold>, Option<Decision>> {
        let (mut owners, mut holds): (HashMap<u32, Owner>, Vec<Hold>) = (HashMap::new(), Vec::new());
        let mut found = None;
        let mut order: Vec<u32> = (0..self.entries.len() as u32).collect();
        order.sort_by_key(|&place| self.entries[place as usize].invoked);
        for place in order {
            let (name, does) = (self.read)(&self.entries[place as usize].call);
            let owner = owners.entry(name).or_default();
            if self.is_out_of_turn(owner, place) {
                return Err(None);
            }
            let is_answered = self.entries[place as usize].answer.is_some();
            if !is_answered {
                owner.is_gone = true;
                owner.releases += usize::from(does == Move::Release);
                if does == Move::Release && owner.releases == owner.open.len() {
                    holds.push(self.hold(name, owner.open[0], Some(place)));
                }
                continue;
            }
            match does {
                Move::Acquire if owner.open.len() == self.limit => {
                    found.get_or_insert_with(|| owner.open.iter().copied().chain([place]).collect::<Vec<_>>());
                }
                Move::Acquire => owner.open.push(place),
                Move::Release => match (owner.open.pop(), owner.open.is_empty()) {
                    (None, _) => {
                        found.get_or_insert_with(|| owner.last.into_iter().chain([place]).collect());
                    }
                    (Some(first), true) => holds.push(self.hold(name, first, Some(place))),
                    _ => {}
                },
            }
            owner.last = Some(place);
        }
        // Only now is it known that nothing else could have come between.
        if let Some(places) = found {
            return Err(Some(Decision::Impossible(places.into_iter().map(|place| place as usize).collect())));
        }
        let forever = owners.iter().filter(|(_, owner)| owner.releases < owner.open.len());
        holds.extend(forever.map(|(&name, owner)| self.hold(name, owner.open[0], None)));
        Ok(holds)
    }

    /// Whether the owner's operation before this one had not ended yet, or may end later.
    fn is_out_of_turn(&self, owner: &Owner, place: u32) -> bool {
        let entry = &self.entries[place as usize];
        let still_runs = |last: u32| {
            let returned = self.entries[last as usize].returned();
            returned.is_none_or(|returned| returned >= entry.invoked)
        };
        owner.last.is_some_and(still_runs) || owner.is_gone && entry.answer.is_some()
    }

    fn hold(&self, owner: u32, first: u32, last: Option<u32>) -> Hold {
        let from = self.entries[first as usize].returned().unwrap_or(Index::MAX);
        Hold { owner, first, last, from, to: last.map(|last| self.entries[last as usize].invoked) }
    }

    /// The operations that say from where to where a hold lasts.
    fn parts(&self, hold: &Hold) -> Vec<usize> {
        let first = hold.first as usize;
        if let Some(last) = hold.last.filter(|&last| self.entries[last as usize].answer.is_some()) {
            return vec![first, last as usize];
        }
        let begins = self.entries[first].invoked;
        let mut own: Vec<usize> = (0..self.entries.len())
            .filter(|&place| (self.read)(&self.entries[place].call).0 == hold.owner)
            .filter(|&place| self.entries[place].invoked >= begins)
            .collect();
        own.sort_by_key(|&place| self.entries[place].invoked);
        let (mut open, mut parts) = (Vec::new(), Vec::new());
        for place in own {
            let (_, does) = (self.read)(&self.entries[place].call);
            match (does, self.entries[place].answer.is_some()) {
                (Move::Acquire, true) => open.push(place),
                (Move::Release, true) => drop(open.pop()),
                (Move::Release, false) => parts.push(place),
                (Move::Acquire, false) => {}
            }
        }
        parts.truncate(open.len());
        parts.extend(open);
        parts
    }
}
