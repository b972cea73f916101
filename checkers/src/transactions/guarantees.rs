//! The guarantees of a session, key by key: read your writes, monotonic reads, monotonic writes, writes follow reads
//! (Terry and others, PDIS 1994).

use std::collections::{HashMap, VecDeque};
use std::fmt;

use dsjepsen_history::{Finding, Judgement, UnknownReason};

use super::components::{Filtered, components};
use super::edges::in_order;
use super::graph::{GraphBuilder, Label, Labels};
use super::history::TransactionHistory;
use super::registers::versions::{Access, Versions};
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
/// Each read and each write is held against all that the session read and wrote of the key before it. Values are written once.
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
    judged(broken_guarantee(&versions, &[], guarantees).into_iter().collect())
}

/// Looks for an order of each key's versions that keeps these guarantees together, and holds what is known of it; gives a finding where
/// there is none. Of each pair that is known the first version is older.
pub(super) fn broken_guarantee(
    versions: &Versions<'_>,
    known: &[(u32, u32)],
    guarantees: &[SessionGuarantee],
) -> Option<Finding> {
    let mut builder = GraphBuilder::new(versions.count());
    for &(first, second) in known {
        builder.edge(first, second, Label::WriteWrite);
    }
    for key in versions.history.numbers_of_keys() {
        let of_key = versions.of_key(key);
        let later: Vec<u32> = (of_key.start + 1..of_key.end).collect();
        builder.all_precede(&[(of_key.start, Label::WriteWrite)], &later);
    }
    let accesses = in_sessions(versions);
    for session in sessions(versions, &accesses) {
        Session::new(guarantees).follow(session, &mut builder);
    }
    let graph = builder.finish();
    let circles = components(&Filtered { graph: &graph, labels: Labels::of(&[Label::WriteWrite]) });
    let circle: Vec<u32> = circles.first()?.iter().copied().filter(|&node| node < versions.count()).collect();
    let older = met_in_order(versions, &accesses, guarantees, &circle);
    Some(Finding { count: circles.len() as u64, ..tell(versions, &circle, known, &older) })
}

/// What took effect, by key, then by session and its order.
fn in_sessions<'a>(versions: &'a Versions<'_>) -> Vec<&'a Access> {
    let mut accesses: Vec<_> =
        versions.accesses.iter().filter(|access| versions.takes_part[access.transaction as usize]).collect();
    accesses.sort_by_key(|access| (access.key, versions.history.process(access.transaction), access.transaction));
    accesses
}

/// What each session did to each key; where its order is not known a session is cut in two.
fn sessions<'a, 'b>(
    versions: &'a Versions<'_>,
    accesses: &'a [&'b Access],
) -> impl Iterator<Item = &'a [&'b Access]> + use<'a, 'b> {
    let history = versions.history;
    accesses.chunk_by(move |a, b| {
        let together = a.key == b.key && history.process(a.transaction) == history.process(b.transaction);
        together && in_order(history, a.transaction, b.transaction)
    })
}

/// A version that a session met, and a relay for all that it met before in the same way.
#[derive(Debug, Clone, Copy)]
struct Met {
    version: u32,
    before: Option<u32>,
}

/// What a session met of a key so far.
struct Session<'a> {
    guarantees: &'a [SessionGuarantee],
    /// Its reads and its writes.
    met: [Vec<Met>; 2],
    /// The place of each version there.
    places: [HashMap<u32, usize>; 2],
}

impl<'a> Session<'a> {
    fn new(guarantees: &'a [SessionGuarantee]) -> Self {
        Self { guarantees, met: Default::default(), places: Default::default() }
    }

    fn follow(mut self, accesses: &[&Access], builder: &mut GraphBuilder) {
        for access in accesses {
            let met = [(access.read, false), (access.write, true)];
            for (version, writes) in met.into_iter().filter_map(|(version, writes)| Some((version?, writes))) {
                for wrote in [false, true] {
                    if self.guarantees.contains(&SessionGuarantee::of(wrote, writes)) {
                        self.all_older(wrote, version, builder);
                    }
                }
                self.meet(writes, version, builder);
            }
        }
    }

    /// All that was met in this way is older than a version, or the same.
    fn all_older(&self, wrote: bool, version: u32, builder: &mut GraphBuilder) {
        let met = &self.met[usize::from(wrote)];
        let place = self.places[usize::from(wrote)].get(&version).copied();
        // What was met later than this version itself; mostly nothing.
        for later in &met[place.map_or(met.len().saturating_sub(1), |place| place + 1)..] {
            builder.edge(later.version, version, Label::WriteWrite);
        }
        let last = place.or(met.len().checked_sub(1));
        if let Some(relay) = last.and_then(|last| met[last].before) {
            builder.edge(relay, version, Label::Through);
        }
    }

    fn meet(&mut self, writes: bool, version: u32, builder: &mut GraphBuilder) {
        let (met, places) = (&mut self.met[usize::from(writes)], &mut self.places[usize::from(writes)]);
        if places.contains_key(&version) {
            return;
        }
        let before = met.last().copied().map(|last| {
            let relay = builder.relay();
            builder.edge(last.version, relay, Label::WriteWrite);
            if let Some(earlier) = last.before {
                builder.edge(earlier, relay, Label::Through);
            }
            relay
        });
        places.insert(version, met.len());
        met.push(Met { version, before });
    }
}

/// The pairs of versions in a circle that a session met in an order which a guarantee keeps; of very many, some.
fn met_in_order(
    versions: &Versions<'_>,
    accesses: &[&Access],
    guarantees: &[SessionGuarantee],
    circle: &[u32],
) -> Vec<Older> {
    /// How many pairs are looked at.
    const PAIRS: usize = 1_000_000;
    let is_inside = |version: u32| circle.binary_search(&version).is_ok();
    let (mut older, mut looked) = (Vec::new(), 0);
    for session in sessions(versions, accesses) {
        let met = session.iter().flat_map(|access| {
            let met = [(access.read, false), (access.write, true)];
            met.into_iter().filter_map(|(version, writes)| Some((version?, writes, access.transaction)))
        });
        let met: Vec<_> = met.filter(|met| is_inside(met.0)).collect();
        for (at, &(second, writes, later)) in met.iter().enumerate() {
            for &(first, wrote, earlier) in met[..at].iter().take(PAIRS - looked.min(PAIRS)) {
                looked += 1;
                let guarantee = SessionGuarantee::of(wrote, writes);
                if first != second && guarantees.contains(&guarantee) {
                    older.push(Older { first, second, guarantee, earlier, later });
                }
            }
        }
    }
    older.sort_unstable();
    older.dedup_by_key(|older| (older.first, older.second));
    older
}

/// Why one version is older than the next.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A session met them so.
    Met(Older),
    /// It is known, or the first is the initial one.
    Known(u32, u32),
}

/// A circle with few steps that sessions made, what is known between two of them in one step.
fn shortest(versions: &Versions<'_>, circle: &[u32], known: &[(u32, u32)], older: &[Older]) -> Vec<Step> {
    /// From how many versions a circle is looked for.
    const STARTS: usize = 64;
    let place = |version: u32| circle.binary_search(&version).ok();
    let mut steps: Vec<Vec<(usize, Option<Older>)>> = vec![Vec::new(); circle.len()];
    let mut add = |first: u32, second: u32, met: Option<Older>| {
        if let (Some(first), Some(second)) = (place(first), place(second)) {
            steps[first].push((second, met));
        }
    };
    known.iter().for_each(|&(first, second)| add(first, second, None));
    older.iter().for_each(|older| add(older.first, older.second, Some(*older)));
    circle.iter().for_each(|&version| {
        let initial = versions.of_key(versions.key(version)).start;
        if initial != version {
            add(initial, version, None);
        }
    });
    let found = (0..circle.len().min(STARTS)).filter_map(|start| around(&steps, start));
    let Some(shortest) = found.min_by_key(|way| way.iter().filter(|step| step.2.is_some()).count()) else {
        return Vec::new();
    };
    let mut told: Vec<Step> = Vec::new();
    for (from, to, met) in shortest {
        match (met, told.last_mut()) {
            (Some(older), _) => told.push(Step::Met(older)),
            (None, Some(Step::Known(_, last))) => *last = circle[to],
            (None, _) => told.push(Step::Known(circle[from], circle[to])),
        }
    }
    told
}

/// The way from a place back to it with the fewest steps that sessions made: a walk that takes the others first.
fn around(steps: &[Vec<(usize, Option<Older>)>], start: usize) -> Option<Vec<(usize, usize, Option<Older>)>> {
    let mut ways: Vec<Option<(usize, usize, Option<Older>)>> = vec![None; steps.len()];
    let mut open = VecDeque::from([(start, 0)]);
    while let Some((from, length)) = open.pop_front() {
        if from == start && length > 0 {
            break;
        }
        if ways[from].is_some_and(|way| way.0 < length) {
            continue;
        }
        for &(to, met) in &steps[from] {
            let further = length + usize::from(met.is_some());
            if ways[to].is_none_or(|way| way.0 > further) {
                ways[to] = Some((further, from, met));
                if met.is_some() { open.push_back((to, further)) } else { open.push_front((to, further)) }
            }
        }
    }
    let (mut way, mut at) = (Vec::new(), start);
    loop {
        let (_, from, met) = ways[at]?;
        way.push((from, at, met));
        at = from;
        if at == start {
            break;
        }
    }
    way.reverse();
    Some(way)
}

fn tell(versions: &Versions<'_>, circle: &[u32], known: &[(u32, u32)], older: &[Older]) -> Finding {
    let history = versions.history;
    let way = shortest(versions, circle, known, older);
    let inside = || way.iter().filter_map(|step| if let Step::Met(older) = step { Some(older) } else { None });
    let mut broken: Vec<_> = inside().map(|older| older.guarantee).collect();
    broken.sort_unstable();
    broken.dedup();
    let names: Vec<_> = broken.iter().map(|guarantee| guarantee.name()).collect();
    let key = history.key_name(versions.key(circle[0]));
    let mut transactions: Vec<u32> = inside().flat_map(|older| [older.earlier, older.later]).collect();
    transactions.sort_unstable();
    transactions.dedup();
    let sentence =
        format!("Sessions met the versions of key {key} in orders that contradict each other ({}).", names.join(", "));
    let mut steps = in_words(history, &transactions);
    let place = |number: u32| transactions.iter().position(|&other| other == number).map_or(0, |at| at + 1);
    let value = |version| value_or_initial(history, versions.value(version));
    for (at, why) in way.iter().enumerate() {
        let last = at + 1 == way.len();
        let end = if last { ": a contradiction." } else { "." };
        let (text, operation) = match why {
            Step::Met(older) => {
                let text = format!(
                    "by {} {} of key {key} is older than {}, since T{} came before T{} in its session{end}",
                    older.guarantee,
                    value(older.first),
                    value(older.second),
                    place(older.earlier),
                    place(older.later),
                );
                (text, Some(history.transaction(older.later).invoked))
            }
            Step::Known(first, second) => {
                (format!("{} of key {key} is known to be older than {}{end}", value(*first), value(*second)), None)
            }
        };
        steps.push(step(if last { "However" } else { "Then" }, text, operation));
    }
    let mut finding = Finding::invalid(RULE, sentence, proof(history, &transactions));
    finding.detail = "No order of its versions, the initial one first, keeps all that was asked for.".to_owned();
    finding.steps = steps;
    finding.timeline = super::drawing::draw(history, &transactions);
    finding
}
