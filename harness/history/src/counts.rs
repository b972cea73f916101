//! Counts of operations, by kind and by outcome.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Operation, Outcome};

/// How many operations there are, in all and by kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OperationCounts {
    /// All of them.
    pub total: u64,
    /// Those that happened.
    pub ok: u64,
    /// Those that did not.
    pub fail: u64,
    /// The indeterminate ones.
    pub info: u64,
    /// The same by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_kind: BTreeMap<String, OperationCounts>,
}

impl OperationCounts {
    /// Counts operations by the kind that `kind` names.
    pub fn of<C, R>(operations: &[Operation<C, R>], kind: impl Fn(&C) -> &str) -> Self {
        let mut all = Self::default();
        for operation in operations {
            let name = kind(&operation.call);
            if !all.by_kind.contains_key(name) {
                all.by_kind.insert(name.to_owned(), Self::default());
            }
            if let Some(counts) = all.by_kind.get_mut(name) {
                counts.add(&operation.outcome);
            }
            all.add(&operation.outcome);
        }
        all
    }

    fn add<R>(&mut self, outcome: &Outcome<R>) {
        self.total += 1;
        match outcome {
            Outcome::Ok(_) => self.ok += 1,
            Outcome::Fail(_) => self.fail += 1,
            Outcome::Info(_) => self.info += 1,
        }
    }
}
