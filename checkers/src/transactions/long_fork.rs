//! Long fork: each key is written once, and two reads of one group of keys must not each see a write that the other misses.

use std::collections::{BTreeMap, BTreeSet};

use dsjepsen_history::{Figure, Finding, Index, Judgement, UnknownReason};

use super::text::step;
use crate::words::count;

const RULE: &str = "long-fork.order";

/// An operation of the workload that was ok; for writes, also one that may have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LongForkOperation {
    /// A key was written; no key is written twice.
    Write {
        /// The index of its invocation.
        index: Index,
        /// The key.
        key: String,
    },
    /// All keys of a group were read.
    Read {
        /// The index of its invocation.
        index: Index,
        /// Each key, and what was read; none where it was not yet written.
        values: BTreeMap<String, Option<String>>,
    },
}

/// Judges all reads, group by group: a group is a set of keys that were read together.
///
/// In each group the reads are put in order by how many writes they saw; then they agree with one order of the writes iff each saw
/// all that the one before it saw. So it takes time `n log n`.
pub fn check_long_fork(operations: &[LongForkOperation]) -> Judgement {
    let mut groups: BTreeMap<Vec<&str>, Vec<Seen<'_>>> = BTreeMap::new();
    let mut written: BTreeSet<&str> = BTreeSet::new();
    let mut findings = Vec::new();
    let mut reads = 0;
    for operation in operations {
        match operation {
            LongForkOperation::Write { key, .. } if !written.insert(key) => {
                let sentence = format!("Key {key} was written twice, so what a read of it means is not known.");
                findings.push(Finding::unknown(UnknownReason::CheckerError, sentence));
            }
            LongForkOperation::Write { .. } => {}
            LongForkOperation::Read { index, values } => {
                reads += 1;
                let seen = values.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_deref()?))).collect();
                groups
                    .entry(values.keys().map(String::as_str).collect())
                    .or_default()
                    .push(Seen { index: *index, values: seen });
            }
        }
    }
    if reads == 0 {
        findings.push(Finding::unknown(UnknownReason::NoObservations, "No read of a group of keys succeeded."));
    }
    for reads in groups.values_mut() {
        reads.sort_by_key(|read| (read.values.len(), read.index));
        for pair in reads.windows(2) {
            if let Some(finding) = fork(&pair[0], &pair[1]) {
                match findings.iter_mut().find(|other| other.rule == finding.rule) {
                    Some(other) => other.count += 1,
                    None => findings.push(finding),
                }
            }
        }
    }
    let mut judgement = Judgement::new(RULE, operations.len() as u64, findings);
    judgement.figures =
        vec![Figure::new("reads", count(reads)), Figure::new("groups of keys", count(groups.len() as u64))];
    judgement
}

struct Seen<'a> {
    index: Index,
    values: BTreeMap<&'a str, &'a str>,
}

fn fork(fewer: &Seen<'_>, more: &Seen<'_>) -> Option<Finding> {
    let (&key, &value) = fewer.values.iter().find(|&(key, value)| more.values.get(key) != Some(value))?;
    let operations = vec![fewer.index.min(more.index), fewer.index.max(more.index)];
    let Some(other) = more.values.get(key) else {
        let missed = more.values.keys().find(|key| !fewer.values.contains_key(*key))?;
        let sentence = format!("Two reads saw the writes of keys {key} and {missed} in opposite orders.");
        let mut finding = Finding::invalid(RULE, sentence, operations);
        finding.detail = format!("One saw {key} and not {missed}, the other {missed} and not {key}.");
        finding.steps = vec![
            step("Let", format!("a read show key {key} written and key {missed} not."), Some(fewer.index)),
            step("And let", format!("another show key {missed} written and key {key} not."), Some(more.index)),
            step("Then", format!("key {key} was written before key {missed}."), Some(fewer.index)),
            step(
                "However",
                format!("by the other read key {missed} was written before key {key}: a contradiction."),
                Some(more.index),
            ),
        ];
        return Some(finding);
    };
    let sentence = format!("Two reads saw different values of key {key}, which was written once.");
    let mut finding = Finding::invalid("long-fork.value", sentence, operations);
    finding.detail = format!("One saw {value}, the other {other}.");
    finding.steps = vec![
        step("Let", format!("a read show {value} under key {key}."), Some(fewer.index)),
        step(
            "However",
            format!("another shows {other}, and each key is written once: a contradiction."),
            Some(more.index),
        ),
    ];
    Some(finding)
}
