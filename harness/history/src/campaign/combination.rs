//! Runs that differ in their seeds alone.

use std::collections::BTreeMap;
use std::fmt;

use super::{Campaign, Cell};

/// A workload on a target under faults, with its runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination<'a> {
    /// The workload.
    pub workload: &'a str,
    /// The target with its options.
    pub target: &'a str,
    /// The faults as the matrix names them.
    pub nemesis: &'a str,
    /// The options that tell it from another of the same names.
    pub options: &'a str,
    /// Its runs, in the order of the matrix; at least one.
    pub cells: Vec<&'a Cell>,
}

impl<'a> Combination<'a> {
    /// That of one run alone.
    pub(super) fn of(cell: &'a Cell) -> Self {
        let Cell { workload, target, nemesis, options, .. } = cell;
        Self { workload, target, nemesis, options, cells: vec![cell] }
    }
}

/// `lock on raft under partition`, with its options behind it where there are any.
impl fmt::Display for Combination<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} on {} under {}", self.workload, self.target, self.nemesis)?;
        if self.options.is_empty() { Ok(()) } else { write!(out, ", {}", self.options) }
    }
}

impl Campaign {
    /// The runs, those that differ in their seeds alone as one, in the order of the first run of each.
    pub fn combinations(&self) -> Vec<Combination<'_>> {
        let mut found: Vec<Combination<'_>> = Vec::new();
        let mut places: BTreeMap<[&str; 4], usize> = BTreeMap::new();
        for cell in &self.cells {
            let one = Combination::of(cell);
            let key = [one.workload, one.target, one.nemesis, one.options];
            match places.get(&key) {
                Some(place) => found[*place].cells.push(cell),
                None => {
                    places.insert(key, found.len());
                    found.push(one);
                }
            }
        }
        found
    }
}
