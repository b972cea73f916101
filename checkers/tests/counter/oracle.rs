//! What the rules say, in the slowest and plainest way.

use std::collections::{BTreeMap, BTreeSet};

use dsjepsen_checkers::{CounterCall, CounterReply};
use dsjepsen_history::Outcome;

use crate::script::Script;

/// What is shown and so must fit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) reads: bool,
    pub(crate) results: bool,
}

#[derive(Debug, Clone, Copy)]
struct Event {
    delta: i64,
    /// What the counter must be right after it.
    after: Option<i64>,
    invoked: u64,
    returned: Option<u64>,
}

/// All attempts at an addition as one: from the first invocation to the first success.
fn events(script: &Script, shown: Shown) -> Vec<Event> {
    let mut events = Vec::new();
    let mut additions: BTreeMap<u64, (Event, bool)> = BTreeMap::new();
    for operation in &script.history.operations {
        let completed = operation.completed.map(|at| at.index);
        match (&operation.call, &operation.outcome) {
            (CounterCall::Read { .. }, Outcome::Ok(CounterReply::Read { value })) if shown.reads => {
                let invoked = operation.invoked.index;
                events.push(Event { delta: 0, after: Some(*value), invoked, returned: completed });
            }
            (CounterCall::Add { id, delta }, outcome) => {
                let first = Event { delta: *delta, after: None, invoked: operation.invoked.index, returned: None };
                let (event, possible) = additions.entry(*id).or_insert((first, false));
                *possible |= !outcome.is_fail();
                if let Outcome::Ok(CounterReply::Add { value }) = outcome
                    && event.returned.is_none_or(|returned| completed < Some(returned))
                {
                    event.returned = completed;
                    event.after = value.filter(|_| shown.results);
                }
            }
            _ => {}
        }
    }
    events.extend(additions.into_values().filter(|(_, possible)| *possible).map(|(event, _)| event));
    events
}

/// Whether some order of all that returned, and of any of the rest, explains everything: by trying them all.
pub(crate) fn is_linearizable(script: &Script, shown: Shown) -> bool {
    let events = events(script, shown);
    let must = (0..events.len()).filter(|&at| events[at].returned.is_some()).fold(0_u32, |mask, at| mask | 1 << at);
    let mut seen = BTreeSet::from([0_u32]);
    let mut open = vec![0_u32];
    while let Some(done) = open.pop() {
        if done & must == must {
            return true;
        }
        let value: i64 = (0..events.len()).filter(|at| done >> at & 1 == 1).map(|at| events[at].delta).sum();
        let left = || (0..events.len()).filter(|at| done >> at & 1 == 0);
        for at in left() {
            let event = events[at];
            let waits = left().any(|other| events[other].returned.is_some_and(|returned| returned < event.invoked));
            let fits = event.after.is_none_or(|after| after == value + event.delta);
            if !waits && fits && seen.insert(done | 1 << at) {
                open.push(done | 1 << at);
            }
        }
    }
    false
}

/// The most that may be called surely added between two events: what lies wholly between them, and what was told a value from
/// above `low` up to `high`.
pub(crate) fn surely_between(script: &Script, from: Option<u64>, to: u64, (low, high): (i64, i64)) -> i64 {
    let inside = |event: &Event| {
        let begun_after = from.is_none_or(|from| event.invoked > from);
        let told = event.after.is_some_and(|after| after - event.delta >= low && after <= high);
        told || begun_after && event.returned.is_some_and(|returned| returned < to)
    };
    events(script, Shown { reads: false, results: true })
        .iter()
        .filter(|event| inside(event))
        .map(|event| event.delta)
        .sum()
}

/// The sums that a counter at rest may hold, where all additions were over before it was read: by trying all choices.
pub(crate) fn final_sums(script: &Script) -> BTreeSet<i64> {
    let events = events(script, Shown { reads: false, results: false });
    let mut sums = BTreeSet::from([0]);
    for event in events {
        let with: Vec<i64> = sums.iter().map(|sum| sum + event.delta).collect();
        if event.returned.is_some() {
            sums.clear();
        }
        sums.extend(with);
    }
    sums
}
