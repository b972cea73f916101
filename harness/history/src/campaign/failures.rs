//! What a campaign comes to: counts, and the failures of one signature as one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Campaign, Cell, CellKind};
use crate::Gravity;

/// How many runs came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tally {
    /// Valid, as it should be.
    pub valid: u64,
    /// A planted flaw that was found, or whatever else was expected and is not valid.
    pub as_expected: u64,
    /// A rule is broken, or what should have been found was not.
    pub invalid: u64,
    /// It cannot be said.
    pub unknown: u64,
    /// The harness failed; nothing is said of the target.
    pub harness: u64,
    /// Not run, and no pass.
    pub not_run: u64,
    /// Going on, or yet to begin.
    pub open: u64,
}

impl Tally {
    /// Runs that have ended.
    pub fn ended(&self) -> u64 {
        self.valid + self.as_expected + self.invalid + self.unknown + self.harness
    }

    /// All runs.
    pub fn all(&self) -> u64 {
        self.ended() + self.not_run + self.open
    }

    fn count(&mut self, cell: &Cell) {
        let place = match cell.kind() {
            CellKind::Valid => &mut self.valid,
            CellKind::Expected => &mut self.as_expected,
            CellKind::Open => &mut self.open,
            CellKind::NotRun => &mut self.not_run,
            CellKind::Unknown => &mut self.unknown,
            CellKind::Harness => &mut self.harness,
            CellKind::Invalid => &mut self.invalid,
        };
        *place += 1;
    }
}

/// Failures of one workload on one target that break one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct FailureGroup<'a> {
    /// The rule; `expectation` where a planted flaw was not found.
    pub rule: &'a str,
    /// The workload.
    pub workload: &'a str,
    /// The target.
    pub target: &'a str,
    /// The runs, in the order of the matrix; at least one.
    pub cells: Vec<&'a Cell>,
    /// How many runs of this workload on this target have ended.
    pub of: u64,
}

impl<'a> FailureGroup<'a> {
    /// The run to look at first.
    pub fn first(&self) -> &'a Cell {
        self.cells[0]
    }

    /// What the first run's finding says.
    pub fn sentence(&self) -> &'a str {
        self.first().result().map_or("", |result| {
            let finding = result.findings.iter().find(|finding| finding.rule == self.rule);
            finding.map_or(result.sentence.as_str(), |finding| finding.sentence.as_str())
        })
    }
}

/// The rule under which a planted flaw that was not found is counted.
pub(super) const EXPECTATION: &str = "expectation";

impl Campaign {
    /// How many runs came to what.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        self.cells.iter().for_each(|cell| tally.count(cell));
        tally
    }

    /// The failures, those of one workload, target and rule as one; in the order of the first run of each.
    pub fn failures(&self) -> Vec<FailureGroup<'_>> {
        let mut groups: Vec<FailureGroup<'_>> = Vec::new();
        let mut places: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
        let mut ended: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for cell in &self.cells {
            if cell.result().is_none() {
                continue;
            }
            *ended.entry((&cell.workload, &cell.target)).or_default() += 1;
            if cell.kind() != CellKind::Invalid {
                continue;
            }
            for rule in broken_rules(cell) {
                let place = *places.entry((&cell.workload, &cell.target, rule)).or_insert_with(|| {
                    let (workload, target) = (cell.workload.as_str(), cell.target.as_str());
                    groups.push(FailureGroup { rule, workload, target, cells: Vec::new(), of: 0 });
                    groups.len() - 1
                });
                groups[place].cells.push(cell);
            }
        }
        for group in &mut groups {
            group.of = ended.get(&(group.workload, group.target)).copied().unwrap_or_default();
        }
        groups
    }
}

/// The rules that a failed run broke, each once, in the order of its verdict, which leads with what is plainest.
fn broken_rules(cell: &Cell) -> Vec<&str> {
    let findings = cell.result().map_or(&[][..], |result| &result.findings);
    let mut rules: Vec<&str> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.gravity == Gravity::Invalid) {
        if !rules.contains(&finding.rule.as_str()) {
            rules.push(&finding.rule);
        }
    }
    if rules.is_empty() {
        rules.push(EXPECTATION);
    }
    rules
}
