//! The plan of a run: everything that was decided before it began, so that it can be run and judged again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Nanos, SCHEMA};

/// What a target promises, and so what may be held against it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Promises {
    /// A lease is not taken away before its time; a lock is not granted while a lease on it runs.
    pub leases: bool,
    /// Every grant of a lock carries a token larger than all before.
    pub fencing_tokens: bool,
    /// The guarded resource refuses tokens below the largest accepted.
    pub enforcing_guard: bool,
    /// A request that is repeated under its idempotency key takes effect once, and is answered as it was the first time.
    pub idempotency_keys: bool,
    /// Reads are linearizable.
    pub linearizable_reads: bool,
    /// At most one node leads at any time, whatever the term.
    pub one_leader_at_a_time: bool,
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OptionValue {
    /// A count, or a time in the unit that the option's name ends in.
    Number(u64),
    /// A choice.
    Word(String),
}

/// The options of a workload by name (`lease-ttl-ms`), complete with their defaults.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Options(pub BTreeMap<String, OptionValue>);

impl Options {
    /// The number under this name, or `default` where the option is absent or a word.
    pub fn number(&self, name: &str, default: u64) -> u64 {
        match self.0.get(name) {
            Some(OptionValue::Number(number)) => *number,
            _ => default,
        }
    }

    /// The word under this name, or `default` where the option is absent or a number.
    pub fn word<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        match self.0.get(name) {
            Some(OptionValue::Word(word)) => word,
            _ => default,
        }
    }
}

/// One fault of the schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// Its number, counted from 1.
    pub id: u32,
    /// Its name: `partition`.
    pub fault: String,
    /// When it starts, in ns since the start of the main phase.
    pub start_ns: Nanos,
    /// When it is healed, in ns since the start of the main phase.
    pub heal_ns: Nanos,
    /// On whom, in words: `majorities-ring`, `n2 n4`, `leader`.
    pub target: String,
    /// The fault's own parameters, resolved by the seed; who leads or holds is known only when it starts.
    pub params: Value,
}

/// The settings of a run that hold for every workload and target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Number of nodes.
    pub nodes: u16,
    /// Number of workers, one client process each at any time.
    pub concurrency: u32,
    /// Length of the main phase, in ms.
    pub time_limit_ms: u64,
    /// Length of the recovery phase, in ms.
    pub recovery_time_ms: u64,
    /// Operations invoked per second over all workers; 0 is without limit.
    pub rate: u64,
    /// Deadline of one request with its retries, in ms.
    pub op_timeout_ms: u64,
    /// Of faults that take turns: time from a fault's start to its heal, and from a heal to the next start, in ms.
    pub nemesis_interval_ms: u64,
}

/// What ran.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Versions {
    /// This program.
    pub dsjepsen: String,
    /// The target, as it names its version.
    pub target: String,
    /// Kernel and architecture.
    pub system: String,
}

/// `plan.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of the format.
    pub schema: u32,
    /// The run's name; the name of its directory.
    pub run: String,
    /// Wall-clock time of the start, RFC 3339, UTC.
    pub started: String,
    /// The seed of every random decision.
    pub seed: u64,
    /// The workload's name.
    pub workload: String,
    /// The target with its options: `raft:unfenced`.
    pub target: String,
    /// The directory in which the run was asked for: where the path of a target's file begins, if it is relative.
    #[serde(default)]
    pub directory: String,
    /// The faults as they were asked for: `partition,pause`; of a stored plan that was edited, their names.
    pub nemesis: String,
    /// Settings of the run.
    pub settings: RunSettings,
    /// Options of the workload.
    pub options: Options,
    /// What the target promises.
    pub promises: Promises,
    /// The resolved schedule.
    pub faults: Vec<PlannedFault>,
    /// How the faults of this run are drawn.
    #[serde(default)]
    pub bands: Vec<crate::Band>,
    /// What ran.
    pub versions: Versions,
    /// The command that runs this plan again, as words.
    pub command: Vec<String>,
}

impl Plan {
    /// The plan of so many nodes of a target to which nothing is done: for no time, without clients and faults.
    pub fn of_nodes(run: impl Into<String>, target: impl Into<String>, nodes: u16) -> Self {
        Self {
            schema: SCHEMA,
            run: run.into(),
            started: String::new(),
            seed: 0,
            workload: String::new(),
            target: target.into(),
            directory: String::new(),
            nemesis: "none".to_owned(),
            settings: RunSettings {
                nodes,
                concurrency: 0,
                time_limit_ms: 0,
                recovery_time_ms: 0,
                rate: 0,
                op_timeout_ms: 0,
                nemesis_interval_ms: 0,
            },
            options: Options::default(),
            promises: Promises::default(),
            faults: Vec::new(),
            bands: Vec::new(),
            versions: Versions::default(),
            command: Vec::new(),
        }
    }
}
