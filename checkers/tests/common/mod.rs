//! What the tests of all checkers share: the plan of a run that never was.

use dsjepsen_history::{Options, Plan, Promises, RunSettings, SCHEMA, Versions};

/// A plan of this workload on so many nodes, of a target that promises this.
pub(crate) fn plan(workload: &str, nodes: u16, promises: Promises) -> Plan {
    Plan {
        schema: SCHEMA,
        run: "run".to_owned(),
        started: "2026-01-01T00:00:00Z".to_owned(),
        seed: 1,
        workload: workload.to_owned(),
        target: "raft".to_owned(),
        nemesis: String::new(),
        settings: RunSettings {
            nodes,
            concurrency: 5,
            time_limit_ms: 30_000,
            recovery_time_ms: 10_000,
            rate: 0,
            op_timeout_ms: 1000,
            nemesis_interval_ms: 5000,
        },
        options: Options::default(),
        promises,
        faults: Vec::new(),
        bands: Vec::new(),
        versions: Versions::default(),
        command: Vec::new(),
    }
}
