//! The guarantees of a session, key by key: read your writes, monotonic reads, monotonic writes, writes follow reads
//! (Terry and others, PDIS 1994).

use std::fmt;

use dsjepsen_history::{Finding, Judgement, UnknownReason};

use super::components::{Filtered, components};
use super::edges::in_order;
use super::graph::{GraphBuilder, Label, Labels};
use super::history::{Outcome, TransactionHistory};
use super::registers::versions::Versions;
use super::text::{in_words, proof, step, value_or_initial};

/// A guarantee of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionGuarantee {
    /// A read shows the session's last write of the key, or something newer.
    ReadYourWrites,
    /// A read shows what the session read of the key before, or something newer.
    MonotonicReads,
    /// Writes of a session to a key take effect in their order.
    MonotonicWrites,
    /// A write takes effect after the version of the key that the session had read.
    WritesFollowReads,
}

impl SessionGuarantee {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::ReadYourWrites, Self::MonotonicReads, Self::MonotonicWrites, Self::WritesFollowReads];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadYourWrites => "read-your-writes",
            Self::MonotonicReads => "monotonic-reads",
            Self::MonotonicWrites => "monotonic-writes",
            Self::WritesFollowReads => "writes-follow-reads",
        }
    }

    fn of(earlier_wrote: bool, later_writes: bool) -> Self {
        match (earlier_wrote, later_writes) {
            (true, false) => Self::ReadYourWrites,
            (false, false) => Self::MonotonicReads,
            (true, true) => Self::MonotonicWrites,
            (false, true) => Self::WritesFollowReads,
        }
    }
}

impl fmt::Display for SessionGuarantee {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

const RULE: &str = "sessions.guarantees";

/// That one version is older than another, since a session met them in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Older {
    first: u32,
    second: u32,
    guarantee: SessionGuarantee,
    earlier: u32,
    later: u32,
}

/// Judges whether some order of each key's versions keeps all of these guarantees together, the initial version being the oldest.
///
/// Each read and each write is held against the session's last read and last write of the key before it. Values are written once.
pub fn check_session_guarantees(history: &TransactionHistory, guarantees: &[SessionGuarantee]) -> Judgement {
    let judged = |findings| Judgement::new(RULE, history.len() as u64, findings);
    let versions = match Versions::of(history) {
        Ok(versions) => versions,
        Err(problem) => {
            let sentence = format!("The history cannot be judged: {problem}.");
            return judged(vec![Finding::unknown(UnknownReason::CheckerError, sentence)]);
        }
    };
    if !versions.accesses.iter().any(|access| access.read.is_some()) {
        return judged(vec![Finding::unknown(UnknownReason::NoObservations, "Nothing was read.")]);
    }
    let mut older = met_in_order(&versions);
    older.retain(|older| guarantees.contains(&older.guarantee) && older.first != older.second);
    older.sort_unstable();
    let mut builder = GraphBuilder::new(versions.count());
    for older in &older {
        builder.edge(older.first, older.second, Label::WriteWrite);
        if !versions.is_initial(older.first) {
            builder.edge(versions.of_key(versions.key(older.first)).start, older.first, Label::WriteWrite);
        }
    }
    let graph = builder.finish();
    let circles = components(&Filtered { graph: &graph, labels: Labels::of(&[Label::WriteWrite]) });
    let finding =
        circles.first().map(|circle| Finding { count: circles.len() as u64, ..tell(&versions, circle, &older) });
    judged(finding.into_iter().collect())
}

fn met_in_order(versions: &Versions<'_>) -> Vec<Older> {
    let history = versions.history;
    let ok = |number: u32| history.outcome(number) == Outcome::Ok;
    let mut accesses: Vec<_> = versions.accesses.iter().filter(|access| ok(access.transaction)).collect();
    accesses.sort_by_key(|access| (access.key, history.process(access.transaction), access.transaction));
    let session = |number: u32| history.process(number);
    let mut older = Vec::new();
    for together in accesses.chunk_by(|a, b| (a.key, session(a.transaction)) == (b.key, session(b.transaction))) {
        // The last read and the last write before: whether it wrote, which version, and who.
        let mut before: [Option<(u32, u32)>; 2] = [None, None];
        for access in together {
            let later = access.transaction;
            let met = [(access.read, false), (access.write, true)];
            for (version, writes) in met.into_iter().filter_map(|(version, writes)| Some((version?, writes))) {
                for (wrote, &last) in before.iter().enumerate() {
                    let Some((first, earlier)) = last else { continue };
                    if earlier == later || in_order(history, earlier, later) {
                        let guarantee = SessionGuarantee::of(wrote == 1, writes);
                        older.push(Older { first, second: version, guarantee, earlier, later });
                    }
                }
                before[usize::from(writes)] = Some((version, later));
            }
        }
    }
    older
}

fn tell(versions: &Versions<'_>, circle: &[u32], older: &[Older]) -> Finding {
    let history = versions.history;
    let inside: Vec<&Older> = older
        .iter()
        .filter(|older| circle.binary_search(&older.first).is_ok() && circle.binary_search(&older.second).is_ok())
        .take(6)
        .collect();
    let mut broken: Vec<_> = inside.iter().map(|older| older.guarantee).collect();
    broken.sort_unstable();
    broken.dedup();
    let names: Vec<_> = broken.iter().map(|guarantee| guarantee.name()).collect();
    let key = history.key_name(versions.key(circle[0]));
    let mut transactions: Vec<u32> = inside.iter().flat_map(|older| [older.earlier, older.later]).collect();
    transactions.sort_unstable();
    transactions.dedup();
    let sentence =
        format!("Sessions met the versions of key {key} in orders that contradict each other ({}).", names.join(", "));
    let mut steps = in_words(history, &transactions);
    let place = |number: u32| transactions.iter().position(|&other| other == number).map_or(0, |at| at + 1);
    for (at, older) in inside.iter().enumerate() {
        let value = |version| value_or_initial(history, versions.value(version));
        let text = format!(
            "by {} {} of key {key} is older than {}, since T{} came before T{} in its session{}",
            older.guarantee,
            value(older.first),
            value(older.second),
            place(older.earlier),
            place(older.later),
            if at + 1 == inside.len() { ": a contradiction." } else { "." }
        );
        let lead = if at + 1 == inside.len() { "However" } else { "Then" };
        steps.push(step(lead, text, Some(history.transaction(older.later).invoked)));
    }
    let mut finding = Finding::invalid(RULE, sentence, proof(history, &transactions));
    finding.detail = "No order of its versions, the initial one first, keeps all that was asked for.".to_owned();
    finding.steps = steps;
    finding.timeline = super::drawing::draw(history, &transactions);
    finding
}
