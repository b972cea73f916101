//! What is asked about a foreign history, beside its model.

use std::collections::BTreeMap;

use dsjepsen_history::foreign::{Format, Value};

use super::ForeignOption;
use crate::interrupt::Interrupt;
use crate::transactions::Anomaly;

/// Whether the values of a history are `[key value]`, each key an object of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyRule {
    /// As the format says: those of `edn-lines-kv` are, others are not.
    #[default]
    Auto,
    /// They are: the test was an independent one.
    Independent,
    /// They are not, whatever the format says.
    Whole,
}

/// What a failed cas without an `:error` says. One with an error failed for another reason, and says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailedCas {
    /// As the format's own tool has it: an observation in `jepsen-util-log` and `synthetic-jsonl`, nothing elsewhere.
    #[default]
    Auto,
    /// That the register held another value.
    Observe,
    /// Nothing.
    Ignore,
}

impl FailedCas {
    /// Whether it is an observation in a history of this format.
    pub(super) fn observes(self, format: Format) -> bool {
        match self {
            Self::Auto => matches!(format, Format::JepsenUtilLog | Format::Synthetic),
            Self::Observe => true,
            Self::Ignore => false,
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForeignRequest {
    /// The value before the first operation. `None` is nil, and then a read of nil found nil; with any other a read of nil says
    /// nothing, as in Knossos.
    pub init: Option<Value>,
    /// Whether values are `[key value]`.
    pub keys: KeyRule,
    /// What a failed cas says.
    pub failed_cas: FailedCas,
    /// The names of the levels that should hold; `None` for the model's own.
    pub consistency: Option<Vec<String>>,
    /// Anomalies that should not be there, beside those that the levels forbid.
    pub anomalies: Vec<Anomaly>,
    /// What Elle would say of transactions is asked: only its anomalies are looked for, and a level holds where none shows that it
    /// forbids.
    pub anomalies_only: bool,
    /// What may be taken for granted of registers in transactions.
    pub assume: RegisterAssumptions,
    /// Raised when there is no more time: what is not decided by then is unknown.
    pub interrupt: Interrupt,
}

/// Elle's assumptions about registers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegisterAssumptions {
    /// `:sequential-keys?`.
    pub sequential_keys: bool,
    /// `:linearizable-keys?`.
    pub linearizable_keys: bool,
    /// `:wfr-keys?`.
    pub writes_follow_reads: bool,
    /// `:transaction-order`: the rank of a transaction by the position of its completion in the history.
    pub transaction_order: BTreeMap<u64, i64>,
}

impl ForeignRequest {
    /// The options that were really asked for.
    pub(super) fn asked(&self) -> Vec<ForeignOption> {
        let asked = [
            (self.init.is_some(), ForeignOption::Init),
            (self.keys != KeyRule::Auto, ForeignOption::Keys),
            (self.failed_cas != FailedCas::Auto, ForeignOption::FailedCas),
            (self.consistency.is_some() || !self.anomalies.is_empty(), ForeignOption::Consistency),
        ];
        asked.into_iter().filter_map(|(is_asked, option)| is_asked.then_some(option)).collect()
    }

    /// The value before the first operation.
    pub(super) fn init(&self) -> Value {
        self.init.clone().unwrap_or(Value::Nil)
    }

    /// Whether a read that found this says nothing.
    pub(super) fn is_wildcard(&self, found: &Value) -> bool {
        found.is_nil() && self.init.as_ref().is_some_and(|init| !init.is_nil())
    }
}
