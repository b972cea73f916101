//! One key of a store of strings that are got, put and appended to.

use crate::linearizable::Model;

/// A key with the string that it has at first.
#[derive(Debug, Clone)]
pub struct Kv {
    /// The first string.
    pub initial: Box<str>,
}

/// What is asked of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Call {
    /// Get the string.
    Get,
    /// Set the string.
    Put(Box<str>),
    /// Append to the string.
    Append(Box<str>),
}

/// What a key answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reply {
    /// A get found this string.
    Got(Box<str>),
    /// It was put, or appended.
    Done,
}

impl Model for Kv {
    type State = Box<str>;
    type Call = Call;
    type Reply = Reply;

    fn initial(&self) -> Box<str> {
        self.initial.clone()
    }

    fn step(&self, state: &Box<str>, call: &Call, reply: Option<&Reply>) -> Option<Box<str>> {
        match (call, reply) {
            (Call::Get, Some(Reply::Got(found))) => (found == state).then(|| state.clone()),
            (Call::Get, _) => Some(state.clone()),
            (Call::Put(value), _) => Some(value.clone()),
            (Call::Append(value), _) => Some([&**state, &**value].concat().into()),
        }
    }

    fn only_observes(&self, call: &Call, _reply: &Reply) -> bool {
        matches!(call, Call::Get)
    }

    fn overwrites(&self, call: &Call, _reply: Option<&Reply>) -> bool {
        matches!(call, Call::Put(_))
    }
}
