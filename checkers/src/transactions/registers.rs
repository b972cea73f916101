//! Registers that are written and read: who read from whom is known, yet of the order of versions only what can be inferred.
//!
//! So the anomalies that follow are fewer than with lists. What they leave open is decided in other ways: serializability and snapshot
//! isolation by a search for an order of all transactions, as in [`check_sessions`](super::check_sessions).

mod direct;
mod orders;
pub(super) mod versions;

use super::decision::Model;
use super::edges::{by_process, by_real_time};
use super::explain::Explain;
use super::graph::{Graph, GraphBuilder, Label};
use super::history::TransactionHistory;
use super::settle::{Evidence, View, settle};
use super::verdict::{Because, Cases, Options, TransactionVerdict};
use orders::VersionOrder;
use versions::Versions;

/// What may be taken for granted of each key by itself, in order to infer the order of its versions. A key where an assumption
/// leads to a circle of versions is reported, and the assumption is not used there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegisterOptions {
    /// Every session sees the versions of a key in one order (Elle's `sequential-keys?`).
    pub sequential_keys: bool,
    /// Every key is linearizable (Elle's `linearizable-keys?`).
    pub linearizable_keys: bool,
    /// A transaction that reads a key and then writes it writes on top of what it read (Elle's `wfr-keys?`).
    pub writes_follow_reads: bool,
    /// The order in which transactions wrote, where the store tells it: for each transaction its rank, or none. Empty if not known.
    pub transaction_order: Vec<Option<i64>>,
}

/// Judges a history of writes and reads of registers, each of whose values is written to its key once.
///
/// The initial state comes first; everything else about the order of versions comes from the assumptions. Takes time about linear
/// in the steps, and with linearizable keys also in the number of transactions at work at once.
///
/// Where no anomaly is found, and a level of serializability or snapshot isolation is asked for, an order of all transactions is
/// searched. That is hard in general, and near linear for what a store with real-time order leaves behind; the search has a budget.
/// Read atomic and causal consistency are decided by their axioms, and guarantees of sessions key by key. Levels that none of this
/// decides hold where a stronger one does; see [`Settled`](super::Settled).
pub fn check_registers(
    history: &TransactionHistory,
    assume: &RegisterOptions,
    options: &Options,
) -> TransactionVerdict {
    let versions = match Versions::of(history) {
        Ok(versions) => versions,
        Err(problem) => return TransactionVerdict::impossible(history, problem),
    };
    let verdict = anomalies(&versions, assume, options);
    if options.interrupt.is_raised() {
        return verdict;
    }
    let view = || {
        // What contradicts itself is told by the anomalies.
        let order = VersionOrder::infer(&versions, assume, &mut Cases::new(history));
        View { versions: &versions, writers: order.writers(&versions), pairs: order.pairs().to_vec() }
    };
    let evidence = Evidence {
        history,
        model: Model::Registers,
        options,
        is_assumed: assume != &RegisterOptions::default(),
        orders_known: &|| false,
        anomalies: &|options| anomalies(&versions, assume, options),
        finds_order: &|_| false,
        view: &view,
    };
    settle(&evidence, verdict)
}

fn anomalies(versions: &Versions<'_>, assume: &RegisterOptions, options: &Options) -> TransactionVerdict {
    let mut cases = Cases::new(versions.history);
    direct::find(versions, options, &mut cases);
    if !options.garbage_reads && !options.anomalies_only && !options.hidden_writes {
        direct::initial_states(versions, &mut cases);
    }
    if options.interrupt.is_raised() {
        return cases.conclude_early(options);
    }
    let order = VersionOrder::infer(versions, assume, &mut cases);
    let graph = dependencies(versions, &order, options);
    cases.conclude(&graph, &Known { versions, order: &order }, options)
}

fn dependencies(versions: &Versions<'_>, order: &VersionOrder, options: &Options) -> Graph {
    let history = versions.history;
    let mut builder = GraphBuilder::new(history.numbers().end);
    let readers = Readers::of(versions);
    for version in 0..versions.count() {
        let writer = versions.final_writer(version);
        for &reader in readers.of_version(version) {
            if let Some(writer) = writer {
                builder.edge(writer, reader, Label::WriteRead);
            }
        }
        let mut targets: Vec<u32> =
            order.next_of(versions, version).filter_map(|next| versions.final_writer(next)).collect();
        targets.sort_unstable();
        targets.dedup();
        if targets.is_empty() {
            continue;
        }
        let missed = readers.of_version(version).iter().map(|&reader| (reader, Label::ReadWrite));
        let sources: Vec<_> = missed.chain(writer.map(|writer| (writer, Label::WriteWrite))).collect();
        builder.all_precede(&sources, &targets);
    }
    let (process, realtime) = options.orders();
    if process {
        by_process(history, &versions.takes_part, &mut builder);
    }
    if realtime {
        by_real_time(history, &versions.takes_part, &mut builder);
    }
    builder.finish()
}

/// Who read each version from outside.
struct Readers {
    starts: Vec<u32>,
    readers: Vec<u32>,
}

impl Readers {
    fn of(versions: &Versions<'_>) -> Self {
        let numbers = versions.history.numbers();
        let mut read: Vec<(u32, u32)> =
            numbers.flat_map(|number| versions.outside_reads(number).map(move |version| (version, number))).collect();
        read.sort_unstable();
        read.dedup();
        let mut starts = vec![0_u32; versions.count() as usize + 1];
        for &(version, _) in &read {
            starts[version as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        Self { starts, readers: read.into_iter().map(|(_, reader)| reader).collect() }
    }

    fn of_version(&self, version: u32) -> &[u32] {
        &self.readers[self.starts[version as usize] as usize..self.starts[version as usize + 1] as usize]
    }
}

/// What an explanation is made of.
struct Known<'a> {
    versions: &'a Versions<'a>,
    order: &'a VersionOrder,
}

impl Explain for Known<'_> {
    fn because(&self, from: u32, to: u32, label: Label) -> Because {
        let evidence = match label {
            Label::WriteRead => self.read_of(from, to),
            Label::WriteWrite => self.overwrote(from, to),
            _ => self.missed(from, to),
        };
        evidence.expect("every edge was made of an access of each side")
    }
}

impl Known<'_> {
    fn written(&self, number: u32) -> impl Iterator<Item = u32> {
        self.versions.of_transaction(number).iter().filter_map(|access| access.write)
    }

    fn read_of(&self, from: u32, to: u32) -> Option<Because> {
        let versions = self.versions;
        let read = versions.outside_reads(to).find(|&read| self.written(from).any(|written| written == read))?;
        Some(Because::Read { key: versions.key(read), value: versions.value(read)? })
    }

    fn overwrote(&self, from: u32, to: u32) -> Option<Because> {
        let versions = self.versions;
        let (before, after) = self.in_order(self.written(from), to)?;
        let key = versions.key(before);
        Some(Because::Overwrote { key, before: versions.value(before)?, after: versions.value(after)? })
    }

    fn missed(&self, from: u32, to: u32) -> Option<Because> {
        let versions = self.versions;
        let (read, written) = self.in_order(versions.outside_reads(from), to)?;
        Some(Because::Missed { key: versions.key(read), read: versions.value(read), written: versions.value(written)? })
    }

    /// A version that comes before one which a transaction wrote.
    fn in_order(&self, mut earlier: impl Iterator<Item = u32>, to: u32) -> Option<(u32, u32)> {
        let Self { versions, order } = *self;
        earlier.find_map(|before| {
            let same_key = |&after: &u32| versions.key(after) == versions.key(before);
            let after = self.written(to).filter(same_key).find(|&after| order.precedes(versions, before, after))?;
            Some((before, after))
        })
    }
}
