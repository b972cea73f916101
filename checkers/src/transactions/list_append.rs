//! Lists that are appended to and read whole: the order of the appends to a key can be read off its longest read.
//!
//! That makes this the strongest kind of history: the versions of a key are totally ordered, so the dependencies between
//! transactions are known, and a level is broken just where they go in a circle that it forbids (Elle, section 4).

mod direct;
mod orders;
mod snapshots;
mod versions;

use std::cell::OnceCell;

use super::decision::Model;
use super::edges::{by_process, by_real_time};
use super::explain::Explain;
use super::graph::{Graph, GraphBuilder, Label};
use super::history::{MicroOperation, Outcome, TransactionHistory};
use super::registers::versions::Versions as LastElements;
use super::settle::{Evidence, View, settle};
use super::verdict::{Because, Cases, Options, TransactionVerdict};
use versions::{Place, Versions};

/// Judges a history of appends and reads of lists.
///
/// Of an indeterminate transaction only appends that somebody read count, and with them all others of it. Takes time about linear
/// in the steps and in the elements of all lists.
///
/// Snapshot isolation depends on the order of appends that nobody read. Where it is open an order of all transactions is searched, with
/// a budget. Levels that anomalies do not characterise hold where a stronger one does; see [`Settled`](super::Settled).
pub fn check_list_append(history: &TransactionHistory, options: &Options) -> TransactionVerdict {
    let versions = match Versions::of(history) {
        Ok(versions) => versions,
        Err(problem) => return TransactionVerdict::impossible(history, problem),
    };
    let verdict = anomalies(&versions, options);
    if options.interrupt.is_raised() {
        return verdict;
    }
    let last_elements = OnceCell::new();
    let view = || {
        let last_elements = last_elements.get_or_init(|| {
            let last_elements = LastElements::of_last_elements(history, versions.takes_part.clone());
            last_elements.expect("no value was appended to a key twice")
        });
        let (writers, pairs) = (orders::writers(&versions), orders::pairs(&versions, last_elements));
        View { versions: last_elements, writers, pairs }
    };
    let evidence = Evidence {
        history,
        model: Model::Lists,
        options,
        is_assumed: false,
        orders_known: &|| orders::are_known(&versions),
        anomalies: &|options| anomalies(&versions, options),
        finds_order: &|options| snapshots::finds_order(&versions, &dependencies(&versions, options)),
        view: &view,
    };
    settle(&evidence, verdict)
}

fn anomalies(versions: &Versions<'_>, options: &Options) -> TransactionVerdict {
    let mut cases = Cases::new(versions.history);
    direct::find(versions, options, &mut cases);
    if options.interrupt.is_raised() {
        return cases.conclude_early(options);
    }
    let graph = dependencies(versions, options);
    cases.conclude(&graph, versions, options)
}

fn dependencies(versions: &Versions<'_>, options: &Options) -> Graph {
    let history = versions.history;
    let takes_part = &versions.takes_part;
    let mut builder = GraphBuilder::new(history.numbers().end);
    for key in 0..history.key_count() {
        for (&first, &second) in
            versions.writers(key).iter().zip(&versions.writers(key)[1.min(versions.writers(key).len())..])
        {
            if versions.commits(first) && versions.commits(second) {
                builder.edge(first, second, Label::WriteWrite);
            }
        }
    }
    let last_readers = read_dependencies(versions, &mut builder);
    unobserved_dependencies(versions, last_readers, &mut builder);
    let (process, realtime) = options.orders();
    if process {
        by_process(history, takes_part, &mut builder);
    }
    if realtime {
        by_real_time(history, takes_part, &mut builder);
    }
    builder.finish()
}

/// Adds what reads tell. Gives back who read the last known version of a key to which more was appended: `(key, transaction)`.
fn read_dependencies(versions: &Versions<'_>, builder: &mut GraphBuilder) -> Vec<(u32, u32)> {
    let history = versions.history;
    let mut last_readers = Vec::new();
    for number in history.numbers().filter(|&number| history.outcome(number) == Outcome::Ok) {
        for &step in history.steps(number) {
            let MicroOperation::ReadList { key, list } = step else { continue };
            let writers = versions.writers(key as usize);
            let elements = history.elements(list);
            match versions.place(key, elements) {
                Place::Version(version) => {
                    if let Some(&writer) = version.checked_sub(1).and_then(|at| writers.get(at as usize))
                        && versions.commits(writer)
                    {
                        builder.edge(writer, number, Label::WriteRead);
                    }
                    match writers.get(version as usize) {
                        Some(&next) if versions.commits(next) => builder.edge(number, next, Label::ReadWrite),
                        Some(_) => {}
                        None if versions.unobserved(key as usize).next().is_some() => last_readers.push((key, number)),
                        None => {}
                    }
                }
                Place::Nowhere => {
                    let last = elements.last().and_then(|&last| versions.append(key, last));
                    if let Some(append) = last.filter(|append| versions.commits(append.transaction)) {
                        builder.edge(append.transaction, number, Label::WriteRead);
                    }
                }
            }
        }
    }
    last_readers
}

/// Appends that nobody read come after all that were read: lists only grow, and the longest read lacks them.
fn unobserved_dependencies(versions: &Versions<'_>, mut last_readers: Vec<(u32, u32)>, builder: &mut GraphBuilder) {
    last_readers.sort_unstable();
    last_readers.dedup();
    let mut readers = last_readers.as_slice();
    for key in 0..versions.history.key_count() {
        let here = readers.iter().take_while(|reader| reader.0 as usize == key).count();
        let (these, rest) = readers.split_at(here);
        readers = rest;
        let mut targets: Vec<u32> = versions.unobserved(key).map(|append| append.transaction).collect();
        targets.sort_unstable();
        targets.dedup();
        let mut sources: Vec<(u32, Label)> = these.iter().map(|&(_, reader)| (reader, Label::ReadWrite)).collect();
        if let Some(&last) = versions.writers(key).last()
            && versions.commits(last)
        {
            sources.push((last, Label::WriteWrite));
        }
        if !sources.is_empty() && !targets.is_empty() {
            builder.all_precede(&sources, &targets);
        }
    }
}

impl Explain for Versions<'_> {
    fn because(&self, from: u32, to: u32, label: Label) -> Because {
        let evidence = match label {
            Label::WriteRead => self.read_of(from, to),
            _ => self.append_after(from, to, label),
        };
        evidence.expect("every edge was made of a step of each side")
    }
}

impl Versions<'_> {
    fn read_of(&self, from: u32, to: u32) -> Option<Because> {
        self.history.steps(to).iter().find_map(|&step| {
            let MicroOperation::ReadList { key, list } = step else { return None };
            let &value = self.history.elements(list).last()?;
            let append = self.append(key, value)?;
            (append.transaction == from).then_some(Because::Read { key, value })
        })
    }

    /// Finds the append of `to` that came right after what `from` appended, or read.
    fn append_after(&self, from: u32, to: u32, label: Label) -> Option<Because> {
        self.history.steps(to).iter().find_map(|&step| {
            let MicroOperation::Append { key, value } = step else { return None };
            let append = self.append(key, value)?;
            let writers = self.writers(key as usize);
            // The version before it; for an append that nobody read, the last version that is known.
            let before = if append.version == 0 { writers.len() } else { append.version as usize - 1 };
            if label == Label::WriteWrite {
                let at = before.checked_sub(1)?;
                let before = self.values(key as usize)[at];
                return (writers[at] == from).then_some(Because::Overwrote { key, before, after: value });
            }
            let read = before.checked_sub(1).map(|at| self.values(key as usize)[at]);
            let missed = self.history.steps(from).iter().any(|&step| match step {
                MicroOperation::ReadList { key: other, list } => {
                    other == key && self.place(key, self.history.elements(list)) == Place::Version(before as u32)
                }
                _ => false,
            });
            missed.then_some(Because::Missed { key, read, written: value })
        })
    }
}
