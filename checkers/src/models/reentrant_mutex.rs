//! A mutex that its holder may acquire again; it is free once it was released as often.

use super::holds::{Holds, Move};
use crate::linearizable::{Decision, EntryOf, Model};

/// A reentrant mutex; it is free at first.
#[derive(Debug, Clone, Copy)]
pub struct ReentrantMutex {
    /// How often its holder may acquire it before it releases it.
    pub limit: u32,
}

/// What is asked of it, each by an owner, who has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Take it; it must be free, or this owner hold it less often than the limit.
    Acquire(u32),
    /// Take back one acquire; this owner must hold it.
    Release(u32),
}

impl Model for ReentrantMutex {
    /// Who holds it, and how often.
    type State = Option<(u32, u32)>;
    type Call = Call;
    type Reply = ();

    fn initial(&self) -> Self::State {
        None
    }

    fn step(&self, state: &Self::State, call: &Call, _reply: Option<&()>) -> Option<Self::State> {
        match (*call, *state) {
            (Call::Acquire(owner), None) if self.limit > 0 => Some(Some((owner, 1))),
            (Call::Acquire(owner), Some((holder, times))) if owner == holder && times < self.limit => {
                Some(Some((owner, times + 1)))
            }
            (Call::Release(owner), Some((holder, times))) if owner == holder => {
                Some((times > 1).then(|| (owner, times - 1)))
            }
            _ => None,
        }
    }

    /// Decides where each owner's operations follow one another, and those without an answer are its last.
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        let read = |call: &Call| match *call {
            Call::Acquire(owner) => (owner, Move::Acquire),
            Call::Release(owner) => (owner, Move::Release),
        };
        let holds = Holds { entries, read, limit: self.limit as usize };
        holds.lay().map_or_else(|decision| decision, |_| Some(Decision::Exists))
    }
}
