//! Of transactions in sessions: the named ones alone, held against the axioms of their level (Biswas and Enea, OOPSLA 2019). What
//! they read from others is left out, so whatever is shown of them is shown of the whole history.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use dsjepsen_history::foreign::{ForeignSession, Format};

use super::witness::{closure, ensure, has_circle};

/// Who wrote what was read: nobody, as it is the initial value; one of the named ones; or somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Nobody,
    Named(usize),
    Other,
}

/// A transaction: of each step its key, whether it writes, and its value, none for the initial one.
struct Transaction {
    session: usize,
    is_committed: bool,
    steps: Vec<(u64, bool, Option<u64>)>,
}

impl Transaction {
    fn writes(&self, key: u64) -> bool {
        self.steps.iter().any(|&(other, writes, _)| writes && other == key)
    }

    /// What it read of others, in its order.
    fn reads(&self) -> impl Iterator<Item = (u64, Option<u64>)> {
        let own = |at: usize, key: u64| self.steps[..at].iter().any(|&(other, writes, _)| writes && other == key);
        let reads = self.steps.iter().enumerate().filter(move |&(at, &(key, writes, _))| !writes && !own(at, key));
        reads.map(|(_, &(key, _, value))| (key, value))
    }

    /// Whether it read something else than it had written itself.
    fn forgets(&self) -> bool {
        self.steps.iter().enumerate().any(|(at, &(key, writes, value))| {
            let own = self.steps[..at].iter().rfind(|step| step.1 && step.0 == key);
            !writes && own.is_some_and(|own| own.2 != value)
        })
    }

    /// Whether it read one key from two writers.
    fn wavers(&self) -> bool {
        self.reads().any(|(key, value)| self.reads().any(|(other, second)| other == key && second != value))
    }

    /// Whether both overwrote what both read.
    fn clashes(&self, other: &Self) -> bool {
        self.reads()
            .any(|read| self.writes(read.0) && other.writes(read.0) && other.reads().any(|second| second == read))
    }
}

/// Shows that the named transactions break the level.
pub(crate) fn shows(
    sessions: &[ForeignSession],
    format: Format,
    model: &str,
    named: &HashSet<u64>,
) -> Result<(), String> {
    let level = model.trim_start_matches("txn-rw ").trim_end_matches("(+session order)");
    let shown = named_ones(sessions, format, named);
    ensure(shown.len() == named.len(), "transactions are named that the file does not hold")?;
    ensure(shown.iter().all(|transaction| transaction.is_committed), "a transaction is named that took no effect")?;
    let wavering = level != "read-committed" && shown.iter().any(Transaction::wavers);
    if wavering || shown.iter().any(Transaction::forgets) {
        return Ok(());
    }
    let clash = || (1..shown.len()).any(|at| shown[..at].iter().any(|earlier| earlier.clashes(&shown[at])));
    let is_broken = match level {
        "snapshot-isolation" => clash(),
        "serializable" => {
            !Orders { shown: &shown }.goes_on(&mut vec![false; shown.len()], &BTreeMap::new(), &mut HashSet::new())
        }
        _ => has_circle(shown.len(), &forced(&shown, level)),
    };
    ensure(is_broken, "the transactions that it names have an order")
}

/// The named transactions, in the order of the file. A 0 is the initial value, unless AWDIT's text writes it to the key.
fn named_ones(sessions: &[ForeignSession], format: Format, named: &HashSet<u64>) -> Vec<Transaction> {
    let accesses = || sessions.iter().flat_map(|session| &session.transactions).flat_map(|one| &one.accesses);
    let zeros: BTreeSet<u64> = accesses()
        .filter(|access| format == Format::Awdit && access.is_write && access.value == 0)
        .map(|access| access.key)
        .collect();
    let mut number = 0;
    let mut shown = Vec::new();
    for (session, transactions) in sessions.iter().enumerate() {
        for transaction in &transactions.transactions {
            let steps = transaction.accesses.iter().filter(|access| access.is_ok).map(|access| {
                let value = Some(access.value).filter(|&value| value != 0 || zeros.contains(&access.key));
                (access.key, access.is_write, value)
            });
            if named.contains(&number) {
                // A write of the initial value is none.
                let steps = steps.filter(|step| !step.1 || step.2.is_some()).collect();
                shown.push(Transaction { session, is_committed: transaction.is_committed, steps });
            }
            number += 1;
        }
    }
    shown
}

fn writer(shown: &[Transaction], key: u64, value: Option<u64>) -> Writer {
    if value.is_none() {
        return Writer::Nobody;
    }
    let wrote = |transaction: &Transaction| transaction.steps.contains(&(key, true, value));
    shown.iter().position(wrote).map_or(Writer::Other, Writer::Named)
}

/// Sessions, reads, and what a weak level makes of them: of what a reader could see, what it read is the latest.
fn forced(shown: &[Transaction], level: &str) -> Vec<(usize, usize)> {
    let count = shown.len();
    let sources = |reader: usize| -> Vec<(u64, Writer)> {
        shown[reader].reads().map(|(key, value)| (key, writer(shown, key, value))).collect()
    };
    let mut edges: Vec<(usize, usize)> = Vec::new();
    for reader in 0..count {
        edges.extend(
            (0..reader)
                .filter(|&earlier| shown[earlier].session == shown[reader].session)
                .map(|earlier| (earlier, reader)),
        );
        edges.extend(sources(reader).iter().filter_map(|source| match source.1 {
            Writer::Named(writer) if writer != reader => Some((writer, reader)),
            _ => None,
        }));
    }
    let past = closure(count, &edges);
    let is_past = |other: usize, reader: usize| past[other][reader];
    let known = edges.clone();
    for reader in 0..count {
        let sources = sources(reader);
        for (at, &(key, from)) in sources.iter().enumerate() {
            let is_visible = |&other: &usize| match level {
                "read-committed" => sources[..at].iter().any(|source| source.1 == Writer::Named(other)),
                "read-atomic" => known.contains(&(other, reader)),
                _ => is_past(other, reader),
            };
            let visible = (0..count).filter(|&other| other != reader && shown[other].writes(key)).filter(is_visible);
            edges.extend(visible.filter_map(|other| match from {
                Writer::Nobody => Some((reader, other)),
                Writer::Named(writer) if writer != other => Some((other, writer)),
                _ => None,
            }));
        }
    }
    edges
}

/// All orders of the named transactions in which each reads what was written last.
struct Orders<'a> {
    shown: &'a [Transaction],
}

type State = BTreeMap<u64, usize>;

impl Orders<'_> {
    fn goes_on(&self, done: &mut Vec<bool>, state: &State, tried: &mut HashSet<(Vec<bool>, State)>) -> bool {
        if done.iter().all(|done| *done) {
            return true;
        }
        if !tried.insert((done.clone(), state.clone())) {
            return false;
        }
        (0..self.shown.len()).any(|place| {
            let waits =
                (0..place).any(|earlier| !done[earlier] && self.shown[earlier].session == self.shown[place].session);
            if done[place] || waits || !self.reads_last(place, state) {
                return false;
            }
            let mut after = state.clone();
            after.extend(self.shown[place].steps.iter().filter(|step| step.1).map(|step| (step.0, place)));
            done[place] = true;
            let goes_on = self.goes_on(done, &after, tried);
            done[place] = false;
            goes_on
        })
    }

    fn reads_last(&self, place: usize, state: &State) -> bool {
        self.shown[place].reads().all(|(key, value)| match writer(self.shown, key, value) {
            Writer::Nobody => !state.contains_key(&key),
            Writer::Named(writer) => state.get(&key) == Some(&writer),
            Writer::Other => true,
        })
    }
}
