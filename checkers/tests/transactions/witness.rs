//! Checks every circle again, from the raw steps alone.

use dsjepsen_checkers::transactions::{Anomaly, AnomalyCase, Because, Dependency};

use crate::script::{Script, Step, Txn};

/// The longest list that an ok transaction read of a key, so far as all reads agree.
fn order(script: &Script, key: u32) -> Vec<u32> {
    let lists = script.iter().filter(|txn| txn.is_ok()).flat_map(|txn| &txn.steps).filter_map(|step| match step {
        Step::Read(other, list) if *other == key => Some(list),
        _ => None,
    });
    let longest = lists.fold(&[][..], |longest, list| if list.len() > longest.len() { list } else { longest });
    let mut order: Vec<u32> = Vec::new();
    longest.iter().for_each(|value| {
        if !order.contains(value) {
            order.push(*value)
        }
    });
    order
}

fn writes(txn: &Txn, key: u32, value: u32) -> bool {
    txn.steps.contains(&Step::Write(key, value))
}

fn reads_up_to(txn: &Txn, key: u32, last: Option<u32>) -> bool {
    txn.steps
        .iter()
        .any(|step| matches!(step, Step::Read(other, list) if *other == key && list.last().copied() == last))
}

/// Whether one value directly follows another in the order of a key; what nobody read follows the last that somebody read.
fn follows(script: &Script, key: u32, before: Option<u32>, after: u32) -> bool {
    let order = order(script, key);
    match order.iter().position(|&value| value == after) {
        Some(at) => at.checked_sub(1).map(|at| order[at]) == before,
        None => order.last().copied() == before,
    }
}

pub(crate) fn list_edge(script: &Script, edge: &Dependency) -> bool {
    let (from, to) = (&script[edge.from as usize], &script[edge.to as usize]);
    edge.from != edge.to
        && match edge.because {
            Because::Overwrote { key, before, after } => {
                writes(from, key, before) && writes(to, key, after) && follows(script, key, Some(before), after)
            }
            Because::Read { key, value } => to.is_ok() && writes(from, key, value) && reads_up_to(to, key, Some(value)),
            Because::Missed { key, read, written } => {
                from.is_ok()
                    && reads_up_to(from, key, read)
                    && writes(to, key, written)
                    && follows(script, key, read, written)
            }
            Because::Session => from.process == to.process && from.precedes(to),
            Because::RealTime => from.precedes(to),
            Because::Visible { .. } => false,
        }
}

/// Whether a circle is closed and of the kind that it is said to be.
pub(crate) fn is_circle(case: &AnomalyCase) -> bool {
    let cycle = &case.cycle;
    let closed = (0..cycle.len()).all(|at| cycle[at].to == cycle[(at + 1) % cycle.len()].from);
    let missed: Vec<bool> = cycle.iter().map(|edge| matches!(edge.because, Because::Missed { .. })).collect();
    let adjacent = (0..missed.len()).any(|at| missed[at] && missed[(at + 1) % missed.len()]);
    let has = |kind: fn(&Because) -> bool| cycle.iter().any(|edge| kind(&edge.because));
    let kind = match missed.iter().filter(|missed| **missed).count() {
        0 if has(|because| matches!(because, Because::Read { .. })) => "G1c",
        0 => "G0",
        1 => "G-single-item",
        _ if adjacent => "G2-item",
        _ => "G-nonadjacent-item",
    };
    let order = match () {
        () if has(|because| *because == Because::RealTime) => "-realtime",
        () if has(|because| *because == Because::Session) => "-process",
        () => "",
    };
    closed && cycle.len() > 1 && case.anomaly.name() == format!("{kind}{order}")
}

/// Checks all that a case says of a list history.
pub(crate) fn validate(script: &Script, case: &AnomalyCase) {
    let needs_none = case.cycle.is_empty();
    assert_eq!(
        needs_none,
        !case.anomaly.name().starts_with("G0")
            && !case.anomaly.name().starts_with("G1c")
            && !case.anomaly.name().starts_with("G-")
            && !case.anomaly.name().starts_with("G2")
    );
    assert!(needs_none || is_circle(case), "{case:#?}");
    for edge in &case.cycle {
        assert!(list_edge(script, edge), "{edge:?} in {script:#?}");
    }
    if case.anomaly == Anomaly::LostUpdate {
        assert_eq!(case.transactions.len(), 2);
    }
}
