//! Causal reverse: a read that shows a write must show every write that had completed before that one began.

use std::collections::{BTreeMap, BTreeSet};

use dsjepsen_history::{Figure, Finding, Index, Judgement, UnknownReason};

use super::text::step;
use crate::words::count;

const RULE: &str = "causal-reverse.order";

/// An operation of the workload, which inserts values and reads all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CausalOperation {
    /// A value was inserted, or may have been.
    Write {
        /// The index of its invocation.
        invoked: Index,
        /// The index of its completion, where it was ok.
        completed: Option<Index>,
        /// The value; inserted once.
        value: String,
    },
    /// All values were read.
    Read {
        /// The index of its invocation.
        invoked: Index,
        /// What was read.
        values: Vec<String>,
    },
}

/// Judges all reads.
///
/// Of the writes that a read shows, only the one invoked last matters: all that completed before any other had completed before it
/// as well. Going through the writes in the order of their completions, a read takes time linear in the writes.
pub fn check_causal_reverse(operations: &[CausalOperation]) -> Judgement {
    let mut writes: BTreeMap<&str, (Index, Option<Index>)> = BTreeMap::new();
    let mut findings = Vec::new();
    for operation in operations {
        if let CausalOperation::Write { invoked, completed, value } = operation
            && writes.insert(value, (*invoked, *completed)).is_some()
        {
            let sentence = format!("The value {value} was inserted twice, so what a read of it means is not known.");
            findings.push(Finding::unknown(UnknownReason::CheckerError, sentence));
        }
    }
    let mut completed: Vec<(Index, &str)> =
        writes.iter().filter_map(|(&value, &(_, completed))| Some((completed?, value))).collect();
    completed.sort_unstable();
    let mut reads = 0;
    for operation in operations {
        let CausalOperation::Read { invoked, values } = operation else { continue };
        reads += 1;
        let shown: BTreeSet<&str> = values.iter().map(String::as_str).collect();
        let latest = shown.iter().filter_map(|&value| Some((writes.get(value)?.0, value))).max();
        let Some((since, latest)) = latest else { continue };
        let before = completed.iter().take_while(|&&(at, _)| at < since);
        let missed = before.into_iter().find(|(_, value)| !shown.contains(value));
        if let Some(&(at, missed)) = missed {
            let earlier = writes[missed].0;
            match findings.iter_mut().find(|finding: &&mut Finding| finding.rule == RULE) {
                Some(finding) => finding.count += 1,
                None => findings.push(tell((missed, earlier, at), (latest, since), *invoked)),
            }
        }
    }
    if reads == 0 {
        findings.push(Finding::unknown(UnknownReason::NoObservations, "No read of all values succeeded."));
    }
    let mut judgement = Judgement::new(RULE, operations.len() as u64, findings);
    judgement.figures = vec![Figure::new("reads", count(reads)), Figure::new("writes", count(writes.len() as u64))];
    judgement
}

fn tell((missed, earlier, at): (&str, Index, Index), (latest, since): (&str, Index), read: Index) -> Finding {
    let sentence = format!("A read shows {latest} and misses {missed}, which had been inserted before.");
    let mut finding = Finding::invalid(RULE, sentence, vec![earlier, since, read]);
    finding.operations.sort_unstable();
    finding.detail = format!("The insertion of {missed} had completed before that of {latest} began.");
    finding.steps = vec![
        step("Let", format!("the insertion of {missed} complete at index {at}."), Some(earlier)),
        step("And let", format!("the insertion of {latest} begin at index {since}, after that."), Some(since)),
        step("Then", format!("whoever sees {latest} sees {missed} too."), None),
        step("However", format!("a read shows {latest} and not {missed}: a contradiction."), Some(read)),
    ];
    finding
}
