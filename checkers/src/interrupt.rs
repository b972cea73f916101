//! A flag by which a search is told to stop. Judges have no clock: whoever has one raises the flag, and the searches look at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dsjepsen_history::{Finding, UnknownReason};

/// Whether a search should stop, because its time is used up. Cheap to clone; all clones are one flag.
///
/// Searches look at it every few thousand steps, and what they have not decided by then is unknown. What was decided stays: a
/// violation that was found is told, with as much of its argument as was found. Near-linear work looks before it begins.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    flag: Arc<AtomicBool>,
    budget: Option<Duration>,
}

impl Interrupt {
    /// One that somebody will raise after this time. It is told in what is said of searches that were given up.
    pub fn after(budget: Duration) -> Self {
        Self { flag: Arc::default(), budget: Some(budget) }
    }

    /// Tells all searches to stop.
    pub fn raise(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// The unknown of what was not decided in time. `undecided` is a sentence without its stop.
    pub fn finding(&self, undecided: &str) -> Finding {
        let budget = match self.budget {
            Some(budget) => format!("the time budget of {} s", budget.as_secs_f64()),
            None => "the time budget".to_owned(),
        };
        let sentence = format!("{undecided}: {budget} was used up.");
        let detail = "More time (--budget-s), or a shorter history, may decide it.".to_owned();
        Finding { detail, ..Finding::unknown(UnknownReason::Deadline, sentence) }
    }
}

/// It is no part of what is asked: requests that differ in it alone are equal.
impl PartialEq for Interrupt {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Interrupt {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linearizable::{Answer, Budget, Entry, search};
    use crate::models::register::{Call, Register, Reply};

    #[test]
    fn a_search_stops_and_has_decided_nothing() {
        let write = |position: usize, value| Entry {
            position,
            call: Call::Write(value),
            invoked: position as u64,
            answer: Some((Reply::Done, 10 + position as u64)),
        };
        let read =
            |value| Entry { position: 2, call: Call::Read, invoked: 20, answer: Some((Reply::Found(value), 21)) };
        for (found, decided) in [(1, Answer::Exists), (7, Answer::Impossible)] {
            let entries = [write(0, 1), write(1, 2), read(found)];
            let interrupt = Interrupt::default();
            let mut budget = Budget::new(1000).heeding(&interrupt);
            assert_eq!(search(&Register { initial: 0 }, &entries, &mut budget.share(500)), decided);
            interrupt.raise();
            assert_eq!(search(&Register { initial: 0 }, &entries, &mut budget.share(500)), Answer::Exhausted);
        }
    }

    #[test]
    fn clones_are_one_flag_and_the_budget_is_told_with_the_mend() {
        let interrupt = Interrupt::after(Duration::from_millis(1500));
        let clone = interrupt.clone();
        assert!(!clone.is_raised());
        interrupt.raise();
        assert!(clone.is_raised() && !Interrupt::default().is_raised());
        let finding = clone.finding("The history is undecided");
        assert_eq!(finding.reason, Some(UnknownReason::Deadline));
        assert_eq!(finding.sentence, "The history is undecided: the time budget of 1.5 s was used up.");
        assert!(finding.detail.contains("--budget-s"));
    }
}
