//! A mutex that only its holder may release, and that gives a fencing token with each acquire: each token is larger than those
//! before it, so that a resource can refuse a holder of the past. After Hazelcast's `FencedLock`, and Jepsen's model of it.

use super::holds::{Hold, Holds, Move};
use crate::linearizable::{Decision, EntryOf, Model};

/// A mutex with tokens; it is free at first, and any token may be the first.
#[derive(Debug, Clone, Copy, Default)]
pub struct FencedMutex;

/// What is asked of it, each by an owner, who has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Take it; it must be free.
    Acquire(u32),
    /// Free it; this owner must hold it.
    Release(u32),
}

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reply {
    /// It was acquired under this token, if one was told. One that was not told is any.
    Granted(Option<i64>),
    /// It was released.
    Released,
}

impl Model for FencedMutex {
    /// Who holds it, and the largest token told.
    type State = (Option<u32>, Option<i64>);
    type Call = Call;
    type Reply = Reply;

    fn initial(&self) -> Self::State {
        (None, None)
    }

    fn step(&self, &(holder, largest): &Self::State, call: &Call, reply: Option<&Reply>) -> Option<Self::State> {
        match (*call, holder, reply) {
            (Call::Acquire(owner), None, Some(&Reply::Granted(Some(token)))) => {
                largest.is_none_or(|largest| token > largest).then_some((Some(owner), Some(token)))
            }
            (Call::Acquire(owner), None, _) => Some((Some(owner), largest)),
            (Call::Release(owner), Some(holder), _) if owner == holder => Some((None, largest)),
            _ => None,
        }
    }

    /// Decides where each owner's operations follow one another, and those without an answer are its last: the times put the holds
    /// in an order, and the tokens must grow along it.
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        let read = |call: &Call| match *call {
            Call::Acquire(owner) => (owner, Move::Acquire),
            Call::Release(owner) => (owner, Move::Release),
        };
        let holds = Holds { entries, read, limit: 1 };
        let in_order = match holds.lay() {
            Ok(in_order) => in_order,
            Err(decision) => return decision,
        };
        let mut before: Option<(i64, Hold)> = None;
        for hold in in_order {
            let Some(Reply::Granted(Some(token))) = entries[hold.first as usize].reply() else { continue };
            if let Some((_, earlier)) = before.filter(|(largest, _)| largest >= token) {
                return Some(holds.impossible(&[earlier, hold]));
            }
            before = Some((*token, hold));
        }
        Some(Decision::Exists)
    }
}
