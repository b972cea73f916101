//! What the generator knows of the additions so far: what was acknowledged, and what is in doubt.

use std::collections::BTreeMap;

use dsjepsen_checkers::{CounterCall, CounterReply};
use dsjepsen_history::{NodeId, Outcome};

/// The additions so far.
#[derive(Debug, Default)]
pub(super) struct Books {
    acknowledged: i128,
    doubtful: BTreeMap<u64, i64>,
}

impl Books {
    /// Learns what came of an attempt.
    pub(super) fn enter(&mut self, call: &CounterCall, outcome: &Outcome<CounterReply>) {
        let CounterCall::Add { id, delta } = *call else { return };
        match outcome {
            Outcome::Ok(_) => {
                self.doubtful.remove(&id);
                self.acknowledged += i128::from(delta);
            }
            Outcome::Info(_) => {
                self.doubtful.insert(id, delta);
            }
            // An attempt that failed says nothing of those before it.
            Outcome::Fail(_) => {}
        }
    }

    /// The additions of which nobody knows what became of them.
    pub(super) fn doubtful(&self) -> &BTreeMap<u64, i64> {
        &self.doubtful
    }

    /// Whether nodes that show this have all come to rest where they may.
    pub(super) fn rest(&self, values: &BTreeMap<NodeId, i64>) -> bool {
        let mut values = values.values();
        let Some(first) = values.next() else { return false };
        values.all(|value| value == first) && self.allow(*first)
    }

    fn allow(&self, value: i64) -> bool {
        let amounts = || self.doubtful.values().map(|delta| i128::from(*delta));
        let least = self.acknowledged + amounts().filter(|amount| *amount < 0).sum::<i128>();
        let most = self.acknowledged + amounts().filter(|amount| *amount > 0).sum::<i128>();
        (least..=most).contains(&value.into())
    }
}

#[cfg(test)]
mod tests {
    use dsjepsen_history::Reason;

    use super::*;

    fn attempt(books: &mut Books, id: u64, delta: i64, outcome: Outcome<CounterReply>) {
        books.enter(&CounterCall::Add { id, delta }, &outcome);
    }

    #[test]
    fn what_is_in_doubt_may_count_or_not_until_it_is_acknowledged() {
        let ok = || Outcome::Ok(CounterReply::Add { value: None });
        let info = || Outcome::Info(Reason::new("timeout"));
        let mut books = Books::default();
        attempt(&mut books, 1, 4, ok());
        attempt(&mut books, 2, 3, info());
        attempt(&mut books, 3, -2, info());
        attempt(&mut books, 4, 9, Outcome::Fail(Reason::new("refused")));
        attempt(&mut books, 2, 3, Outcome::Fail(Reason::new("refused")));
        assert_eq!(books.doubtful().keys().copied().collect::<Vec<_>>(), [2, 3]);
        assert_eq!((0..10).filter(|value| books.allow(*value)).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
        attempt(&mut books, 2, 3, ok());
        attempt(&mut books, 3, -2, ok());
        assert!(books.doubtful().is_empty());
        assert_eq!((0..10).filter(|value| books.allow(*value)).collect::<Vec<_>>(), [5]);
    }
}
