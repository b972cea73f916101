//! One key of a store of strings that are got, put and appended to.

mod texts;

use crate::linearizable::{Alike, Decision, EntryOf, Model};

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

    fn bytes_held(&self, state: &Box<str>) -> usize {
        state.len()
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

    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        texts::decide(&self.initial, entries)
    }

    /// Strings with which none begins that anybody got are alike: until the next put there is no other.
    fn alike<'a>(&'a self, entries: &'a [EntryOf<Self>]) -> Option<Alike<'a, Self>> {
        let mut got: Vec<&str> = entries.iter().filter_map(got).collect();
        got.sort_unstable();
        let nobodys = ('\0'..).find(|&first| !got.iter().any(|got| got.starts_with(first)))?.to_string();
        Some(Box::new(move |text| {
            let from = got.partition_point(|&got| got < &*text);
            let is_seen = got.get(from).is_some_and(|got| got.starts_with(&*text));
            if is_seen { text } else { nobodys.as_str().into() }
        }))
    }

    /// A get may always go. What a put or an append leaves begins with the one or holds the other until the next put: where nobody
    /// got such a string, nobody got any in between.
    fn may_go(&self, entries: &[EntryOf<Self>], place: usize) -> bool {
        let mut got = entries.iter().filter_map(got);
        match &entries[place].call {
            Call::Get => true,
            Call::Put(text) => !got.any(|got| got.starts_with(&**text)),
            Call::Append(text) => !got.any(|got| got.contains(&**text)),
        }
    }
}

/// The string that an operation got.
fn got(entry: &EntryOf<Kv>) -> Option<&str> {
    match entry.reply() {
        Some(Reply::Got(text)) => Some(text),
        _ => None,
    }
}
