//! The values of a run's counter as they are shown: the bounds by which `counter.bounds` judges, and the reads against them.

use dsjepsen_history::{Index, Nanos};

use super::account::Account;
use super::bounds::limits;
use super::sums::Sums;
use super::{CounterCall, CounterReply};
use crate::RunView;

/// What a counter may have shown over a run, and what it showed. Times are in ns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterValues {
    /// Whether reads must show the present, as the target promises; else they may show any past.
    pub present: bool,
    /// The least that a read could show that was asked and answered at once, from when on.
    pub least: Vec<(Nanos, i128)>,
    /// The most.
    pub most: Vec<(Nanos, i128)>,
    /// What had been acknowledged by then.
    pub acknowledged: Vec<(Nanos, i128)>,
    /// What was read, in the order of the answers.
    pub reads: Vec<ReadValue>,
}

/// One read that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadValue {
    /// When it was answered, in ns.
    pub at: Nanos,
    /// What it showed.
    pub value: i64,
    /// The read.
    pub operation: Index,
    /// Whether it lies out of its bounds.
    pub outside: bool,
}

/// The bounds and the reads of a run.
///
/// # Errors
/// A sentence, where two attempts at one addition add different amounts.
pub fn counter_values(run: &RunView<'_, CounterCall, CounterReply>) -> Result<CounterValues, String> {
    let account = Account::of(run).map_err(|problem| problem.to_string())?;
    let sums = Sums::of(&account);
    let present = account.promises.linearizable_reads;
    let mut changes: Vec<_> = account
        .additions
        .iter()
        .flat_map(|addition| [Some(addition.invoked), addition.answer.map(|answer| answer.completed)])
        .flatten()
        .collect();
    changes.sort_unstable();
    let (mut least, mut most) = (vec![(0, 0)], vec![(0, 0)]);
    for change in changes {
        let after = change.index.saturating_add(1);
        let (low, high) = if present { sums.present(after, after) } else { sums.past(after) };
        step(&mut least, change.time, low);
        step(&mut most, change.time, high);
    }
    let mut answers: Vec<_> =
        account.additions.iter().filter_map(|addition| Some((addition.answer?.completed, addition.delta))).collect();
    answers.sort_unstable();
    let (mut acknowledged, mut sum) = (vec![(0, 0)], 0_i128);
    for (answered, delta) in answers {
        sum += i128::from(delta);
        step(&mut acknowledged, answered.time, sum);
    }
    let mut reads: Vec<_> = account
        .reads
        .iter()
        .map(|read| {
            let (low, high) = limits(&account, &sums, read);
            let operation = read.invoked.index;
            let outside = !(low..=high).contains(&read.value.into());
            (read.completed.index, ReadValue { at: read.completed.time, value: read.value, operation, outside })
        })
        .collect();
    reads.sort_unstable_by_key(|(answered, _)| *answered);
    Ok(CounterValues { present, least, most, acknowledged, reads: reads.into_iter().map(|(_, read)| read).collect() })
}

/// Adds a step, unless nothing changes.
fn step(steps: &mut Vec<(Nanos, i128)>, time: Nanos, value: i128) {
    if steps.last().is_none_or(|last| last.1 != value) {
        steps.push((time, value));
    }
}
