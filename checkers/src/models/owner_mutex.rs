//! A mutex that only its holder may release.

use super::holds::{Holds, Move};
use crate::linearizable::{Decision, EntryOf, Model};

/// A mutex with an owner; it is free at first.
#[derive(Debug, Clone, Copy, Default)]
pub struct OwnerMutex;

/// What is asked of it, each by an owner, who has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Take it; it must be free.
    Acquire(u32),
    /// Free it; this owner must hold it.
    Release(u32),
}

impl Model for OwnerMutex {
    /// Who holds it.
    type State = Option<u32>;
    type Call = Call;
    type Reply = ();

    fn initial(&self) -> Option<u32> {
        None
    }

    fn step(&self, holder: &Option<u32>, call: &Call, _reply: Option<&()>) -> Option<Option<u32>> {
        match *call {
            Call::Acquire(owner) => holder.is_none().then_some(Some(owner)),
            Call::Release(owner) => (*holder == Some(owner)).then_some(None),
        }
    }

    /// Decides where each owner's operations follow one another, and those without an answer are its last.
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        let read = |call: &Call| match *call {
            Call::Acquire(owner) => (owner, Move::Acquire),
            Call::Release(owner) => (owner, Move::Release),
        };
        Holds { entries, read, limit: 1 }.lay().map_or_else(|decision| decision, |_| Some(Decision::Exists))
    }
}
