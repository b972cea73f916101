//! Sessions as chains of transactions, and what each transaction read from outside, in its order.

use dsjepsen_history::{Finding, Index};

use super::chains::Times;
use super::{SessionLevel, chains};
use crate::transactions::edges;
use crate::transactions::graph::{GraphBuilder, Label};
use crate::transactions::history::{MicroOperation, Outcome, TransactionHistory};
use crate::transactions::registers::versions::Versions;
use crate::transactions::text::{in_words, proof, step, value_or_initial};

/// Stands for the writer of initial versions.
pub(super) const INITIAL: u32 = u32::MAX;

/// Which order of transactions counts, beside that of who read from whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::transactions) enum Respect {
    /// None.
    Nothing,
    /// That of each session.
    Sessions,
    /// That of each session, and whoever completed comes before whoever was invoked later.
    RealTime,
}

/// Transactions whose times are not to count.
#[derive(Debug, Default)]
pub(super) struct Untimed {
    /// One entry a transaction, or none at all.
    pub(super) members: Vec<bool>,
    /// Whether their places in their sessions do not count either.
    pub(super) leave_sessions: bool,
}

/// That what one transaction wrote to a key is known to be older than what another wrote there. Both took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transactions) struct Older {
    pub(in crate::transactions) key: u32,
    pub(in crate::transactions) before: u32,
    pub(in crate::transactions) after: u32,
}

/// A read from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadFrom {
    pub(super) key: u32,
    pub(super) version: u32,
    /// Who wrote it, or [`INITIAL`].
    pub(super) writer: u32,
}

/// The transactions that took effect.
#[derive(Debug)]
pub(super) struct Base<'a> {
    pub(super) history: &'a TransactionHistory,
    pub(super) versions: &'a Versions<'a>,
    pub(super) respect: Respect,
    /// Of every transaction, also where they do not count.
    pub(super) times: Times,
    /// Each transaction is in one, and comes before the next there. With sessions alone they are the sessions.
    pub(super) chains: Vec<Vec<u32>>,
    /// Of each transaction its chain and its place there; none where it took no effect.
    pub(super) places: Vec<Option<(u32, u32)>>,
    /// How many nodes the order has: transactions, and relays of real time.
    pub(super) nodes: u32,
    /// The edges of sessions and of real time.
    pub(super) given: Vec<(u32, u32, Label)>,
    /// Of each key the version before all writes: that of nil, or that of the value which was read though nobody wrote it.
    pub(super) initial: Vec<u32>,
    reads: Vec<ReadFrom>,
    read_starts: Vec<u32>,
}

impl<'a> Base<'a> {
    pub(super) fn of(versions: &'a Versions<'a>, respect: Respect) -> Self {
        Self::but(versions, respect, &Untimed::default())
    }

    /// As real time says, but for some.
    pub(super) fn in_time_but(versions: &'a Versions<'a>, untimed: &Untimed) -> Self {
        Self::but(versions, Respect::RealTime, untimed)
    }

    fn but(versions: &'a Versions<'a>, respect: Respect, untimed: &Untimed) -> Self {
        let history = versions.history;
        let times = Times::of(versions, &untimed.members);
        let chains = match respect {
            Respect::Nothing => chains::alone(versions),
            Respect::Sessions => chains::by_session(versions),
            Respect::RealTime => chains::by_real_time(versions, &times, !untimed.leave_sessions),
        };
        let mut places = vec![None; history.len()];
        for (chain, members) in (0..).zip(&chains) {
            for (place, &number) in (0..).zip(members) {
                places[number as usize] = Some((chain, place));
            }
        }
        let (nodes, given) = given(versions, respect, &chains, untimed);
        let initial = history.numbers_of_keys().map(|key| versions.of_key(key).start).collect();
        let (reads, read_starts) = (Vec::new(), vec![0]);
        let mut base =
            Self { history, versions, respect, times, chains, places, nodes, given, initial, reads, read_starts };
        for number in history.numbers() {
            base.look_from_outside(number);
        }
        base
    }

    fn look_from_outside(&mut self, number: u32) {
        if self.history.outcome(number) == Outcome::Ok {
            let mut written: Vec<u32> = Vec::new();
            for &step in self.history.steps(number) {
                match self.history.as_register(step) {
                    MicroOperation::Write { key, .. } => written.push(key),
                    MicroOperation::Read { key, value } if !written.contains(&key) => {
                        let version = self.versions.version(key, value);
                        let writer = self.versions.writer(version).map_or(INITIAL, |(writer, _)| writer);
                        if writer == INITIAL {
                            self.initial[key as usize] = version;
                        }
                        self.reads.push(ReadFrom { key, version, writer });
                    }
                    _ => {}
                }
            }
        }
        self.read_starts.push(u32::try_from(self.reads.len()).expect("fewer reads than steps"));
    }

    pub(super) fn transactions(&self) -> usize {
        self.chains.iter().map(Vec::len).sum()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = u32> {
        self.chains.iter().flatten().copied()
    }

    /// The transactions by when they surely took effect: where a store does one thing at a time, that order is nearly one that it
    /// could have used. Where nothing is known of time they stay with their chains.
    pub(super) fn by_end(&self) -> Vec<u32> {
        let mut tried: Vec<u32> = self.all().collect();
        if tried.iter().any(|&number| self.history.interval(number).is_some()) {
            tried.sort_by_key(|&number| {
                let transaction = self.history.transaction(number);
                (self.times.end(number).or(transaction.completed).unwrap_or(u64::MAX), transaction.invoked)
            });
        }
        tried
    }

    /// What a transaction read from outside, in its order.
    pub(super) fn reads(&self, number: u32) -> &[ReadFrom] {
        &self.reads[self.read_starts[number as usize] as usize..self.read_starts[number as usize + 1] as usize]
    }

    /// The version of a key that a transaction left behind.
    pub(super) fn written(&self, number: u32, key: u32) -> Option<u32> {
        self.versions.of_transaction(number).iter().find(|access| access.key == key)?.write
    }

    pub(super) fn invocations(&self) -> Vec<Index> {
        proof(self.history, &self.all().collect::<Vec<_>>())
    }

    /// A read that no level allows, or that this one does not allow within a single transaction.
    pub(super) fn broken_reads(&self, level: SessionLevel) -> Option<Finding> {
        let mut ok = self.all().filter(|&number| self.history.outcome(number) == Outcome::Ok);
        ok.find_map(|number| self.broken_read(number, level))
    }

    fn broken_read(&self, number: u32, level: SessionLevel) -> Option<Finding> {
        let history = self.history;
        let mut own: Vec<(u32, u32)> = Vec::new();
        let mut seen: Vec<(u32, Option<u32>)> = Vec::new();
        for &step in history.steps(number) {
            let (key, value) = match step {
                MicroOperation::Write { key, value } => {
                    match own.iter_mut().find(|own| own.0 == key) {
                        Some(own) => own.1 = value,
                        None => own.push((key, value)),
                    }
                    continue;
                }
                MicroOperation::Read { key, value } => (key, value),
                _ => continue,
            };
            let name = history.key_name(key);
            let read = value_or_initial(history, value);
            if let Some(&(_, last)) = own.iter().find(|own| own.0 == key) {
                if value != Some(last) {
                    let sentence = format!(
                        "A transaction read {read} of key {name} after it wrote {} itself.",
                        history.value_name(last)
                    );
                    return Some(self.single(
                        &[number],
                        level,
                        sentence,
                        format!("T1 read {read} of key {name} instead"),
                    ));
                }
                continue;
            }
            if let Some(finding) = self.broken_source(number, key, value, level) {
                return Some(finding);
            }
            match seen.iter().find(|seen| seen.0 == key) {
                Some(&(_, before)) if before != value && level >= SessionLevel::RepeatableRead => {
                    let before = value_or_initial(history, before);
                    let sentence = format!("A transaction read key {name} twice, first {before} and then {read}.");
                    return Some(self.single(
                        &[number],
                        level,
                        sentence,
                        format!("T1 read {before} and {read} of key {name}"),
                    ));
                }
                Some(_) => {}
                None => seen.push((key, value)),
            }
        }
        None
    }

    /// A read of something that was never there: of nobody's value, of a failed transaction's, of a state inside of one.
    fn broken_source(&self, number: u32, key: u32, value: Option<u32>, level: SessionLevel) -> Option<Finding> {
        let (history, versions) = (self.history, self.versions);
        let version = versions.version(key, value);
        if versions.is_initial(version) {
            return None;
        }
        let (name, read) = (history.key_name(key), value_or_initial(history, value));
        let Some((writer, intermediate)) = versions.writer(version) else {
            let sentence = format!("A read of key {name} shows {read}, which nobody wrote.");
            return Some(self.single(&[number], level, sentence, format!("T1 read {read} of key {name}")));
        };
        if writer == number {
            let sentence = format!("A transaction read {read} of key {name} before it wrote it itself.");
            return Some(self.single(&[number], level, sentence, format!("T1 read its own later write {read}")));
        }
        if history.outcome(writer) == Outcome::Fail {
            let sentence = format!("A read of key {name} shows {read}, whose transaction failed.");
            return Some(self.single(
                &[writer, number],
                level,
                sentence,
                format!("T2 read {read} of key {name}, which T1 never wrote"),
            ));
        }
        intermediate.then(|| {
            let sentence = format!("A read of key {name} shows {read}, which its transaction overwrote itself.");
            self.single(
                &[writer, number],
                level,
                sentence,
                format!("T2 read {read} of key {name}, a state inside of T1"),
            )
        })
    }

    /// Two transactions that updated one version: of two snapshots one must have been taken after the other's commit.
    pub(super) fn lost_update(&self, level: SessionLevel) -> Option<Finding> {
        let update = |access: &crate::transactions::registers::versions::Access| {
            let counts = self.places[access.transaction as usize].is_some();
            access.write.and(access.read).filter(|_| counts).map(|read| (read, access.transaction))
        };
        let mut updates: Vec<(u32, u32)> = self.versions.accesses.iter().filter_map(update).collect();
        updates.sort_unstable();
        let pair = updates.windows(2).find(|pair| pair[0].0 == pair[1].0)?;
        let version = pair[0].0;
        let name = self.history.key_name(self.versions.key(version));
        let read = value_or_initial(self.history, self.versions.value(version));
        let sentence = format!("Two transactions read {read} of key {name}, and both wrote it anew.");
        let contradiction = format!("T1 and T2 both overwrote {read}, so neither saw the other");
        Some(self.single(&[pair[0].1, pair[1].1], level, sentence, contradiction))
    }

    fn single(&self, transactions: &[u32], level: SessionLevel, sentence: String, contradiction: String) -> Finding {
        let mut steps = in_words(self.history, transactions);
        steps.push(step("However", format!("{contradiction}: a contradiction."), None));
        let mut finding = Finding::invalid(level.rule(), sentence, proof(self.history, transactions));
        finding.detail = format!("{level} allows no such read.");
        finding.steps = steps;
        finding.timeline = crate::transactions::drawing::draw(self.history, transactions);
        finding
    }
}

fn given(
    versions: &Versions<'_>,
    respect: Respect,
    chains: &[Vec<u32>],
    untimed: &Untimed,
) -> (u32, Vec<(u32, u32, Label)>) {
    let history = versions.history;
    let mut builder = GraphBuilder::new(history.numbers().end);
    match respect {
        Respect::Nothing => {}
        Respect::Sessions => {
            for pair in chains.iter().flat_map(|chain| chain.windows(2)) {
                builder.edge(pair[0], pair[1], Label::Process);
            }
        }
        Respect::RealTime => {
            let is_timed = |number: usize| !untimed.members.get(number).copied().unwrap_or_default();
            let timed: Vec<bool> =
                versions.takes_part.iter().enumerate().map(|(number, &part)| part && is_timed(number)).collect();
            let in_sessions = if untimed.leave_sessions { &timed } else { &versions.takes_part };
            edges::by_process(history, in_sessions, &mut builder);
            edges::by_real_time(history, &timed, &mut builder);
        }
    }
    builder.into_edges()
}
