//! How much too fast a plan made clocks go is taken off the leases by which a run is judged.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use dsjepsen_engine::nemesis::{parse_nemesis, plan_faults};
use dsjepsen_history::{Finding, NodeId, Plan, Promises, RunDirectory};
use dsjepsen_workloads::workloads;

/// Two grants of a lock under leases of two seconds, asked for at 0 s and 1.8 s: where clocks go too fast by a tenth, the first lease
/// may have ended by then.
const HISTORY: &str = r#"{"schema":1,"workload":"lock"}
{"index":0,"time_ns":0,"process":0,"node":"n1","type":"invoke","f":"acquire","value":{"lock":0,"hold":0}}
{"index":1,"time_ns":5000000,"process":0,"node":"n1","type":"ok","f":"acquire","value":{"token":null,"leased_ns":0}}
{"index":2,"time_ns":1800000000,"process":1,"node":"n2","type":"invoke","f":"acquire","value":{"lock":0,"hold":1}}
{"index":3,"time_ns":1805000000,"process":1,"node":"n2","type":"ok","f":"acquire","value":{"token":null,"leased_ns":1800000000}}
"#;

/// What is found against mutual exclusion in a run of which only the plan speaks of faults.
fn exclusion(faults: &str) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    let nodes: Vec<NodeId> = (0..3).map(NodeId::at).collect();
    let second = Duration::from_secs(1);
    let mut plan = Plan::of_nodes("run", "a-target", 3);
    plan.workload = "lock".to_owned();
    plan.faults = plan_faults(&parse_nemesis(faults).unwrap(), &nodes, 1, 10 * second, second).unwrap();
    plan.promises = Promises { leases: true, ..Promises::default() };
    let directory = RunDirectory::create(folder.path(), &plan).unwrap();
    std::fs::write(directory.history_file(), HISTORY).unwrap();
    let lock = workloads().iter().find(|workload| workload.name() == "lock").unwrap();
    // As the program does that judges a run again; the live verdict is made by the same code.
    let verdict = lock.judge(&directory, &directory.read_plan().unwrap(), false).unwrap().verdict;
    verdict.findings.into_iter().filter(|finding| finding.rule == "lock.exclusion").collect()
}

#[test]
fn an_overlap_is_excused_by_a_clock_that_went_too_fast_and_by_nothing_else() {
    for excuse in ["clock(n1, monotonic drift +10%) at 9s", "clock(leader, monotonic drift +20%)"] {
        assert_eq!(exclusion(excuse), [], "{excuse}: planned, whether it was seen or not");
    }
    for none in [
        "none",
        "clock(n1, monotonic drift +9%)",
        "clock(n1, monotonic drift -50%)",
        "clock(n1, drift +50%)",
        "clock(all, +60s); kill",
    ] {
        assert_eq!(exclusion(none).len(), 1, "{none}");
    }
}

#[test]
fn the_proof_names_the_clock_rate_error() {
    let found = format!("{:?}", exclusion("clock(n1, monotonic drift +1%)"));
    assert!(found.contains("10,000 parts per million"), "{found}");
}
