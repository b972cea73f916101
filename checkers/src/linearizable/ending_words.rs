//! In words, how far the orders of operations come that the last of them cannot follow: what live and foreign findings share.

use super::{Ending, EntryOf, Model, endings};
use crate::words::counted;

/// Of how many operations the orders are told.
const MOST_ORDERED: usize = 24;

/// How many states are told that they can lead to.
const MOST_ENDINGS: usize = 4;

/// How operations and states are called.
pub(crate) struct EndingWords<'a, M: Model> {
    /// What stands before the name of one operation, with its space.
    pub(crate) one: &'static str,
    /// What stands before the names of several.
    pub(crate) several: &'static str,
    /// An operation's name.
    pub(crate) named: &'a dyn Fn(&EntryOf<M>) -> Option<String>,
    /// What the object is called.
    pub(crate) object: &'a str,
    /// What it holds in a state, where that can be said in a few words.
    pub(crate) holds: &'a dyn Fn(&M::State) -> Option<String>,
    /// The operation that cannot follow, and how it was answered.
    pub(crate) last: String,
}

impl<M: Model> EndingWords<'_, M> {
    /// What follows `If`, for each state to which the operations other than the last can lead; empty where they are too many.
    pub(crate) fn of(&self, model: &M, operations: &[EntryOf<M>]) -> Vec<String> {
        if operations.len() > MOST_ORDERED {
            return Vec::new();
        }
        let endings = endings(model, operations);
        let mut texts: Vec<String> =
            endings.iter().take(MOST_ENDINGS).map(|ending| self.one(operations, ending)).collect();
        if endings.len() > MOST_ENDINGS {
            let others = counted((endings.len() - MOST_ENDINGS) as u64, "other state");
            texts.push(format!("they have led to one of {others}, it cannot follow either."));
        }
        texts
    }

    fn one(&self, operations: &[EntryOf<M>], ending: &Ending<M::State>) -> String {
        let Self { one, several, object, last, .. } = self;
        let names: Vec<String> = ending.order.iter().filter_map(|&place| (self.named)(&operations[place])).collect();
        let order = match names.as_slice() {
            [] => "nothing has taken effect".to_owned(),
            [name] => format!("{one}{name} has taken effect"),
            names => format!("{several}{} have taken effect, in this order", names.join(", ")),
        };
        let holds =
            (self.holds)(&ending.state).map(|holds| format!(" {object} holds {holds}, and")).unwrap_or_default();
        format!("{order},{holds} {last} cannot follow.")
    }
}
