//! What the tests of all checkers share: the plan of a run that never was.

use dsjepsen_history::{Plan, Promises};

/// A plan of this workload on so many nodes, of a target that promises this.
pub(crate) fn plan(workload: &str, nodes: u16, promises: Promises) -> Plan {
    let mut plan = Plan::of_nodes("run", "raft", nodes);
    plan.workload = workload.to_owned();
    plan.promises = promises;
    plan.settings.concurrency = 5;
    plan.settings.time_limit_ms = 30_000;
    plan.settings.recovery_time_ms = 10_000;
    plan.settings.op_timeout_ms = 1000;
    plan.settings.nemesis_interval_ms = 5000;
    plan
}
