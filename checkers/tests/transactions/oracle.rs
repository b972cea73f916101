//! What the levels mean, by trying all orders.

use std::collections::BTreeMap;

use dsjepsen_checkers::transactions::Outcome;

use crate::script::{Step, Txn};

/// What a key holds and what a read must show: lists grow, registers are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Lists,
    Registers,
}

type State = BTreeMap<u32, Vec<u32>>;

impl Kind {
    fn shows(self, read: &[u32], state: &State, key: u32) -> bool {
        let held = state.get(&key).map(Vec::as_slice).unwrap_or_default();
        match self {
            Self::Lists => read == held,
            Self::Registers => read.last() == held.last(),
        }
    }

    /// Runs a transaction; tells whether its reads show what is there.
    fn run(self, txn: &Txn, state: &mut State) -> bool {
        txn.steps.iter().all(|step| match step {
            Step::Write(key, value) => {
                state.entry(*key).or_default().push(*value);
                true
            }
            Step::Read(key, list) => !txn.is_ok() || self.shows(list, state, *key),
        })
    }
}

/// Which orders count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Respect {
    Nothing,
    Sessions,
    RealTime,
}

pub(crate) fn must_precede(respect: Respect, a: &Txn, b: &Txn) -> bool {
    match respect {
        Respect::Nothing => false,
        Respect::Sessions => a.process == b.process && a.precedes(b),
        Respect::RealTime => a.precedes(b),
    }
}

/// Whether the ok transactions, with some of the indeterminate ones, can be run one after the other.
pub(crate) fn serializable(script: &[Txn], kind: Kind, respect: Respect) -> bool {
    let left: Vec<&Txn> = script.iter().filter(|txn| txn.outcome != Outcome::Fail).collect();
    extend_order(&left, kind, respect, &State::new())
}

fn extend_order(left: &[&Txn], kind: Kind, respect: Respect, state: &State) -> bool {
    if left.iter().all(|txn| !txn.is_ok()) {
        return true;
    }
    (0..left.len()).any(|at| {
        let txn = left[at];
        let mut after = state.clone();
        if left.iter().any(|other| must_precede(respect, other, txn)) || !kind.run(txn, &mut after) {
            return false;
        }
        let rest: Vec<&Txn> = left.iter().enumerate().filter(|&(other, _)| other != at).map(|(_, txn)| *txn).collect();
        extend_order(&rest, kind, respect, &after)
    })
}

/// Whether every transaction can read from a snapshot, so that none commits a key that another committed since its snapshot.
pub(crate) fn snapshot_isolated(script: &[Txn], kind: Kind, respect: Respect) -> bool {
    let waiting: Vec<&Txn> = script.iter().filter(|txn| txn.outcome != Outcome::Fail).collect();
    snapshots(&waiting, &[], kind, respect, &State::new())
}

fn snapshots(waiting: &[&Txn], open: &[(&Txn, State)], kind: Kind, respect: Respect, state: &State) -> bool {
    if waiting.iter().all(|txn| !txn.is_ok()) && open.iter().all(|(txn, _)| !txn.is_ok()) {
        return true;
    }
    let begins = (0..waiting.len()).any(|at| {
        let txn = waiting[at];
        let mut others = waiting.iter().chain(open.iter().map(|(txn, _)| txn));
        if others.any(|other| must_precede(respect, other, txn)) || !kind.run(txn, &mut state.clone()) {
            return false;
        }
        let rest: Vec<&Txn> =
            waiting.iter().enumerate().filter(|&(other, _)| other != at).map(|(_, txn)| *txn).collect();
        let mut open = open.to_vec();
        open.push((txn, state.clone()));
        snapshots(&rest, &open, kind, respect, state)
    });
    begins
        || (0..open.len()).any(|at| {
            let (txn, snapshot) = &open[at];
            let mut after = state.clone();
            for step in &txn.steps {
                if let Step::Write(key, value) = *step {
                    if state.get(&key) != snapshot.get(&key) {
                        return false;
                    }
                    after.entry(key).or_default().push(value);
                }
            }
            let mut rest = open.to_vec();
            rest.remove(at);
            snapshots(waiting, &rest, kind, respect, &after)
        })
}

/// A rule by which a read orders two writers: whether a transaction counts as visible to the read at a place of another.
pub(crate) type Visible = fn(&Facts<'_>, usize, usize, usize) -> bool;

/// Sessions and reads of registers, as relations between transactions.
pub(crate) struct Facts<'a> {
    pub(crate) txns: Vec<&'a Txn>,
    session: Vec<Vec<bool>>,
    read_from: Vec<Vec<bool>>,
    past: Vec<Vec<bool>>,
}

impl<'a> Facts<'a> {
    /// Of a history of transactions that all were ok.
    pub(crate) fn of(txns: Vec<&'a Txn>) -> Self {
        let count = txns.len();
        let table = |holds: &dyn Fn(usize, usize) -> bool| -> Vec<Vec<bool>> {
            (0..count).map(|a| (0..count).map(|b| a != b && holds(a, b)).collect()).collect()
        };
        let session = table(&|a, b| txns[a].process == txns[b].process && txns[a].precedes(txns[b]));
        let read_from = table(&|a, b| {
            external(txns[b]).iter().any(|&(_, key, value)| value.is_some() && txns[a].last_write(key) == value)
        });
        let mut past = table(&|a, b| session[a][b] || read_from[a][b]);
        for via in 0..count {
            for from in 0..count {
                for to in 0..count {
                    past[from][to] |= past[from][via] && past[via][to];
                }
            }
        }
        Self { txns, session, read_from, past }
    }
}

/// The reads of a transaction from outside: place, key and value.
fn external(txn: &Txn) -> Vec<(usize, u32, Option<u32>)> {
    let mut reads = Vec::new();
    for (at, step) in txn.steps.iter().enumerate() {
        if let Step::Read(key, list) = step
            && !txn.steps[..at].iter().any(|step| matches!(step, Step::Write(other, _) if other == key))
        {
            reads.push((at, *key, list.last().copied()));
        }
    }
    reads
}

pub(crate) fn committed(facts: &Facts<'_>, seen: usize, reader: usize, at: usize) -> bool {
    let txn = facts.txns[seen];
    external(facts.txns[reader])
        .iter()
        .any(|&(place, key, value)| place < at && value.is_some() && txn.last_write(key) == value)
}

pub(crate) fn atomic(facts: &Facts<'_>, seen: usize, reader: usize, _: usize) -> bool {
    facts.session[seen][reader] || facts.read_from[seen][reader]
}

pub(crate) fn causal(facts: &Facts<'_>, seen: usize, reader: usize, _: usize) -> bool {
    facts.past[seen][reader]
}

/// Whether reads are of things that were there, and some total order keeps sessions, reads and the rule.
pub(crate) fn keeps(facts: &Facts<'_>, visible: Visible) -> bool {
    let sound = facts.txns.iter().enumerate().all(|(at, txn)| reads_are_sound(facts, at, txn));
    sound && some_order(facts, visible, &mut Vec::new())
}

fn reads_are_sound(facts: &Facts<'_>, at: usize, txn: &Txn) -> bool {
    let mut own: BTreeMap<u32, u32> = BTreeMap::new();
    txn.steps.iter().all(|step| match step {
        Step::Write(key, value) => {
            own.insert(*key, *value);
            true
        }
        Step::Read(key, list) => match own.get(key) {
            Some(value) => list.last() == Some(value),
            None => list.last().is_none_or(|&value| {
                facts.txns.iter().enumerate().any(|(other, txn)| other != at && txn.last_write(*key) == Some(value))
            }),
        },
    })
}

fn some_order(facts: &Facts<'_>, visible: Visible, order: &mut Vec<usize>) -> bool {
    let count = facts.txns.len();
    if order.len() == count {
        return keeps_rule(facts, visible, order);
    }
    (0..count).any(|next| {
        let waits = (0..count).any(|other| facts.past[other][next] && !order.contains(&other));
        if order.contains(&next) || waits {
            return false;
        }
        order.push(next);
        let found = some_order(facts, visible, order);
        order.pop();
        found
    })
}

fn keeps_rule(facts: &Facts<'_>, visible: Visible, order: &[usize]) -> bool {
    let place = |txn: usize| order.iter().position(|&other| other == txn).unwrap();
    (0..facts.txns.len()).all(|reader| {
        external(facts.txns[reader]).iter().all(|&(at, key, value)| {
            let writer = (0..facts.txns.len()).find(|&txn| value.is_some() && facts.txns[txn].last_write(key) == value);
            let mut others = (0..facts.txns.len()).filter(|&other| {
                other != reader && Some(other) != writer && facts.txns[other].last_write(key).is_some()
            });
            others.all(|other| {
                !visible(facts, other, reader, at) || writer.is_some_and(|writer| place(other) < place(writer))
            })
        })
    })
}
