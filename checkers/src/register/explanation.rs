//! The finding: the register that contradicts itself most plainly, the fewest operations that show it, and the argument.

use dsjepsen_history::{Figure, Finding, Index, Nanos, Step};

use super::contradiction::Contradiction;
use super::drawing::draw;
use super::keys::{Key, Keys};
use super::model::{REGISTER, RegisterEntry};
use super::{RULE, RegisterCall};
use crate::linearizable::{Budget, EndingWords, first_contradiction, objection, proof};
use crate::models::register::{Call, Reply};
use crate::words::{between, count, moment};

/// How many configurations may be remembered to find what contradicts first, and again to make it short. It decides nothing: where
/// it does not suffice, more operations are shown than need be.
const BUDGET: u64 = 1_000_000;

/// How many operations are told one by one.
const MOST_STEPS: usize = 12;

/// How many operations, on all keys together, may be gone through to find the violation that is plainest.
const MOST_COMPARED: usize = 3000;

/// Explains the plainest violation among the keys without an order: of those that come first, the one in which the value that was
/// not found is the oldest; a read that is seconds behind convinces more than one that is late by a hair. One that plain code finds an
/// order of is none, and what is said of it comes last.
pub(super) fn explain(keys: &Keys<'_>, broken: &[&Key]) -> Vec<Finding> {
    let contradicted = broken.iter().map(|key| {
        let at = first_contradiction(&REGISTER, &key.entries, &mut Budget::new(BUDGET / broken.len() as u64));
        (at.map_or(Index::MAX, |moment| moment.at), *key)
    });
    let mut contradicted: Vec<_> = contradicted.collect();
    contradicted.sort_by_key(|(at, key)| (*at, key.key));
    let mut compared = 0;
    let mut objections = Vec::new();
    let mut plainest: Option<(Nanos, &Key, Vec<RegisterEntry>)> = None;
    for (at, key) in contradicted {
        compared += key.entries.len();
        if plainest.is_some() && compared > MOST_COMPARED {
            break;
        }
        let proof = proof(&REGISTER, &key.entries, at, &mut Budget::new(BUDGET)).operations;
        if let Some(objection) = objection(&REGISTER, &proof) {
            objections.push(objection);
            continue;
        }
        let age = last(&proof).and_then(|last| Contradiction::of(keys, key, &proof, last).age(keys, last)).unwrap_or(0);
        if plainest.as_ref().is_none_or(|(oldest, ..)| age > *oldest) {
            plainest = Some((age, key, proof));
        }
    }
    let count = (broken.len() - objections.len()) as u64;
    let finding = plainest.and_then(|(_, key, proof)| {
        let last = last(&proof)?;
        let case = Case { keys, key, proof: &proof, last, contradiction: Contradiction::of(keys, key, &proof, last) };
        Some(Finding { count, ..case.finding() })
    });
    finding.into_iter().chain(objections).collect()
}

/// The operation whose answer leaves no order.
fn last(proof: &[RegisterEntry]) -> Option<&RegisterEntry> {
    proof.iter().max_by_key(|entry| entry.returned())
}

/// A violation.
struct Case<'a> {
    keys: &'a Keys<'a>,
    key: &'a Key,
    /// The operations without an order, as they were known at the last of their answers.
    proof: &'a [RegisterEntry],
    last: &'a RegisterEntry,
    contradiction: Contradiction<'a>,
}

impl Case<'_> {
    fn finding(&self) -> Finding {
        let Self { keys, key, proof, last, contradiction } = self;
        let mut shown: Vec<_> = proof.iter().map(|entry| keys.operation(entry)).collect();
        shown.extend(contradiction.origin().map(|(origin, _)| origin));
        shown.sort_by_key(|operation| operation.invoked.index);
        let indices = shown.iter().map(|operation| operation.invoked.index).collect();
        let mut figures: Vec<_> = contradiction
            .staleness(keys, last)
            .map(|age| Figure::new("age of the newer value", age))
            .into_iter()
            .collect();
        figures.push(Figure::new(
            "operations shown, of those on the key",
            format!("{} of {}", count(proof.len() as u64), count(key.entries.len() as u64)),
        ));
        Finding {
            detail: self.detail(),
            steps: self.steps(),
            figures,
            timeline: Some(draw(&shown, contradiction.interval(keys, last))),
            ..Finding::invalid(RULE, contradiction.sentence(keys, key.key, proof.len(), last), indices)
        }
    }

    fn detail(&self) -> String {
        let operation = self.keys.operation(self.last);
        let node = operation.node.map(|node| format!(" on {node}")).unwrap_or_default();
        format!(
            "Process {}{node} was answered so at {}. Until then the operations shown can be put in one order; with that answer no order is \
             left.",
            operation.process,
            operation.completed.map_or_else(|| "an unknown time".to_owned(), |completed| moment(completed.time))
        )
    }

    fn steps(&self) -> Vec<Step> {
        let Self { keys, key, proof, last, contradiction } = self;
        let others: Vec<_> = proof.iter().filter(|entry| entry.invoked != last.invoked).collect();
        let mut steps: Vec<Step> = Vec::new();
        let lead = |steps: &[Step]| if steps.is_empty() { "Let" } else { "And let" };
        for entry in others.iter().take(MOST_STEPS) {
            steps.push(keys.step(lead(&steps), format!("{}.", self.told(entry)), Some(entry)));
        }
        if others.len() > MOST_STEPS {
            let text =
                format!("the other {} operations be as they are drawn.", count((others.len() - MOST_STEPS) as u64));
            steps.push(keys.step(lead(&steps), text, None));
        }
        if let Some((origin, text)) = contradiction.origin() {
            steps.push(Step { lead: lead(&steps).into(), text, operation: Some(origin.invoked.index) });
        }
        if steps.is_empty() {
            steps.push(keys.step(
                "Let",
                format!("key {} be as it was in the beginning: without a value.", key.key),
                None,
            ));
        }
        steps.push(keys.step("Then", contradiction.then(keys, key.key), None));
        steps.extend(self.endings().into_iter().map(|text| keys.step("If", text, None)));
        let operation = keys.operation(last);
        let however = format!(
            "process {}, which began to {} at {}, {}{}: a contradiction.",
            operation.process,
            asked(&operation.call),
            moment(operation.invoked.time),
            last.reply().map(found).unwrap_or_default(),
            operation.completed.map(|completed| format!(" at {}", moment(completed.time))).unwrap_or_default()
        );
        steps.push(keys.step("However", however, Some(last)));
        steps
    }

    /// How far the orders of the others come, and that the last operation cannot follow.
    fn endings(&self) -> Vec<String> {
        let Self { keys, key, proof, last, .. } = self;
        let process = keys.operation(last).process;
        let last = match (&last.call, last.reply()) {
            (Call::Read, Some(reply)) => format!("process {process}'s read, which {},", found(reply)),
            (_, Some(Reply::Swapped(false))) => {
                format!("process {process}'s {}, which found another value,", kind(last))
            }
            _ => format!("process {process}'s {}", kind(last)),
        };
        let words = EndingWords {
            one: "",
            several: "",
            named: &|entry| Some(format!("process {}'s {}", keys.operation(entry).process, kind(entry))),
            object: &format!("key {}", key.key),
            holds: &|state: &Option<u64>| Some(value_in_words(*state)),
            last,
        };
        words.of(&REGISTER, proof)
    }

    /// An operation as it was known at the last answer, in words.
    fn told(&self, entry: &RegisterEntry) -> String {
        let operation = self.keys.operation(entry);
        let (process, what) = (operation.process, asked(&operation.call));
        let from = operation.invoked.time;
        match (entry.answer.as_ref(), operation.completed) {
            (Some((reply, _)), Some(completed)) => format!(
                "process {process} {what}, from {} to {} ({}){}",
                moment(from),
                moment(completed.time),
                between(from, completed.time),
                answered(reply)
            ),
            (None, Some(_)) if operation.outcome.ok().is_some() => {
                format!(
                    "process {process} {what} from {} on, still without an answer when the last of these comes",
                    moment(from)
                )
            }
            _ => format!(
                "process {process} {what} from {} on: nobody knows whether it took effect, or when",
                moment(from)
            ),
        }
    }
}

/// What was asked for.
fn asked(call: &RegisterCall) -> String {
    match call {
        RegisterCall::Read { key } => format!("read key {key}"),
        RegisterCall::Write { key, value } => format!("write {value} to key {key}"),
        RegisterCall::Cas { key, from, to } => format!("set key {key} to {to} if it is {from}"),
    }
}

/// What an operation is, and of which values, so far as it was told.
fn kind(entry: &RegisterEntry) -> String {
    match (&entry.call, entry.reply()) {
        (Call::Read, Some(Reply::Found(found))) => format!("read of {}", value_in_words(*found)),
        (Call::Read, _) => "read".to_owned(),
        (Call::Write(written), _) => format!("write of {}", value_in_words(*written)),
        (Call::Cas { from, to }, _) => format!("cas of {} to {}", value_in_words(*from), value_in_words(*to)),
    }
}

fn value_in_words(value: Option<u64>) -> String {
    value.map_or_else(|| "no value".to_owned(), |value| value.to_string())
}

/// An answer after `Let`, where it says more than that it was done.
fn answered(reply: &Reply<Option<u64>>) -> String {
    match reply {
        Reply::Found(Some(value)) => format!(", and find {value}"),
        Reply::Found(None) => ", and find no value".to_owned(),
        Reply::Done => String::new(),
        Reply::Swapped(true) => ", and find that it is".to_owned(),
        Reply::Swapped(false) => ", and find that it is not".to_owned(),
    }
}

/// The answer that contradicts.
fn found(reply: &Reply<Option<u64>>) -> String {
    match reply {
        Reply::Found(Some(value)) => format!("found {value}"),
        Reply::Found(None) => "found no value".to_owned(),
        Reply::Done => "was told that it was done".to_owned(),
        Reply::Swapped(true) => "found that it was, and set it,".to_owned(),
        Reply::Swapped(false) => "found that it was not".to_owned(),
    }
}
