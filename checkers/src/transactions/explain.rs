//! Why a circle is one, edge by edge.

use dsjepsen_history::{Edge, EdgeKind, Figure, Finding};

use super::drawing::draw;
use super::graph::Label;
use super::history::{MicroOperation, TransactionHistory};
use super::search::FoundCycle;
use super::text::{in_words, proof, step, value_or_initial};
use super::verdict::{AnomalyCase, Because, Dependency};
use crate::words::count;

/// Whoever inferred a graph can say why an edge is in it.
pub(super) trait Explain {
    /// The evidence for an edge between two transactions.
    fn because(&self, from: u32, to: u32, label: Label) -> Because;
}

/// Tells a circle.
pub(super) fn explain_cycle(history: &TransactionHistory, explain: &dyn Explain, found: &FoundCycle) -> AnomalyCase {
    let because = |&(from, label, to): &(u32, Label, u32)| match label {
        Label::Process => Dependency { from, to, because: Because::Session },
        Label::Realtime => Dependency { from, to, because: Because::RealTime },
        _ => Dependency { from, to, because: explain.because(from, to, label) },
    };
    let cycle: Vec<_> = found.cycle.iter().map(because).collect();
    let anomaly = found.anomaly;
    let transactions = members(&cycle);
    let sentence = |shown| format!("{} transactions form {}: {anomaly}.", count(shown), anomaly.about());
    let finding = Finding { count: found.count, ..tell(history, anomaly.rule(), sentence, &[], &cycle) };
    AnomalyCase { anomaly, count: found.count, transactions, cycle, finding }
}

/// The transactions of a circle, in its order, each once.
pub(super) fn members(cycle: &[Dependency]) -> Vec<u32> {
    let mut members: Vec<u32> = Vec::with_capacity(cycle.len());
    for dependency in cycle {
        if !members.contains(&dependency.from) {
            members.push(dependency.from);
        }
    }
    members
}

/// A finding that shows a circle, and before it what its edges follow from. The sentence is given how many transactions are shown.
pub(super) fn tell(
    history: &TransactionHistory,
    rule: &'static str,
    sentence: impl FnOnce(u64) -> String,
    premises: &[Dependency],
    cycle: &[Dependency],
) -> Finding {
    let mut shown = members(cycle);
    for dependency in cycle.iter().chain(premises) {
        let reader = if let Because::Visible { reader, .. } = dependency.because { Some(reader) } else { None };
        for number in [Some(dependency.from), Some(dependency.to), reader].into_iter().flatten() {
            if !shown.contains(&number) {
                shown.push(number);
            }
        }
    }
    let name = |number: u32| {
        let place = shown.iter().position(|&other| other == number).expect("all members are shown");
        format!("T{}", place + 1)
    };
    let mut steps = in_words(history, &shown);
    for (at, dependency) in premises.iter().chain(cycle).enumerate() {
        let (from, to) = (name(dependency.from), name(dependency.to));
        let last = at + 1 == premises.len() + cycle.len();
        let why = reason(history, dependency, &name);
        let end = if last { ": a contradiction." } else { "." };
        let text = format!("{from} < {to}, because {why}{end}");
        let operation = Some(history.transaction(dependency.to).invoked);
        steps.push(step(if last { "However" } else { "Then" }, text, operation));
    }
    let mut finding = Finding::invalid(rule, sentence(shown.len() as u64), proof(history, &shown));
    finding.detail = match premises {
        [] => "Each of them must come before the next, and the last before the first.".to_owned(),
        _ => "Some must come before others, and so each of a circle before the next, and the last before the first."
            .to_owned(),
    };
    finding.steps = steps;
    finding.cycle = cycle.iter().map(|dependency| edge(history, dependency)).collect();
    finding.figures = vec![Figure::new("steps of the circle", count(cycle.len() as u64))];
    finding.timeline = draw(history, &shown);
    finding
}

/// A step of a circle as data.
fn edge(history: &TransactionHistory, dependency: &Dependency) -> Edge {
    let invoked = |number| history.transaction(number).invoked;
    let value = |value| Some(history.value_name(value));
    let (kind, key, before, after) = match dependency.because {
        Because::Overwrote { key, before, after } => (EdgeKind::Overwrote, Some(key), value(before), value(after)),
        Because::Read { key, value: read } => (EdgeKind::Read, Some(key), value(read), value(read)),
        Because::Missed { key, read, written } => (EdgeKind::Missed, Some(key), read.and_then(value), value(written)),
        Because::Session => (EdgeKind::Session, None, None, None),
        Because::RealTime => (EdgeKind::RealTime, None, None, None),
        Because::Visible { key, before, after, .. } => (EdgeKind::Visible, Some(key), value(before), value(after)),
    };
    let reader = if let Because::Visible { reader, .. } = dependency.because { Some(invoked(reader)) } else { None };
    let key = key.map(|key| history.key_name(key));
    Edge { from: invoked(dependency.from), to: invoked(dependency.to), kind, key, before, after, reader }
}

fn reason(history: &TransactionHistory, dependency: &Dependency, name: &dyn Fn(u32) -> String) -> String {
    let (from, to) = (name(dependency.from), name(dependency.to));
    let key = |key| history.key_name(key);
    let value = |value| history.value_name(value);
    let lists = history.steps(dependency.to).iter().any(|step| matches!(step, MicroOperation::Append { .. }));
    match dependency.because {
        Because::Overwrote { key: k, before, after } if lists => {
            format!("{to} appended {} to key {} after {from} appended {}", value(after), key(k), value(before))
        }
        Because::Overwrote { key: k, before, after } => {
            format!("{to} set key {} to {} after {from} set it to {}", key(k), value(after), value(before))
        }
        Because::Read { key: k, value: read } => {
            format!("{to} read {} of key {}, which {from} wrote", value(read), key(k))
        }
        Because::Missed { key: k, read: None, written } => {
            format!("{from} read the initial state of key {}, before {to} wrote {}", key(k), value(written))
        }
        Because::Missed { key: k, read, written } if !lists => {
            let read = value_or_initial(history, read);
            format!("{from} read {read} of key {}, and did not see that {to} wrote {}", key(k), value(written))
        }
        Because::Missed { key: k, read, written } => {
            let read = value_or_initial(history, read);
            format!("{from} read key {} up to {read}, and did not see that {to} wrote {}", key(k), value(written))
        }
        Because::Session => {
            let process = history.process(dependency.from);
            format!("process {process} ran {from} before {to}")
        }
        Because::RealTime => {
            let completed = history.transaction(dependency.from).completed.unwrap_or_default();
            let invoked = history.transaction(dependency.to).invoked;
            format!("{from} had completed, at index {completed}, before {to} was invoked, at index {invoked}")
        }
        Because::Visible { key: k, before, after, reader } => {
            let reader = name(reader);
            format!(
                "{reader} read {} of key {}, which {to} wrote, although {from}, which wrote {}, was visible to {reader}",
                value(after),
                key(k),
                value(before)
            )
        }
    }
}
