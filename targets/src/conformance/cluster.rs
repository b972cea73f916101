//! A cluster for an examination: a run directory with a plan that names nothing but the target, and no clients.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dsjepsen_engine::target::{Target, Variants};
use dsjepsen_engine::{Cluster, ClusterPlan, Events, RunClock, Subscriber};
use dsjepsen_history::{NodeId, Plan, RunDirectory};

/// How long the nodes may take to become ready.
const READY_TIME: Duration = Duration::from_secs(20);

/// Starts a cluster of this many nodes in a run directory of its own, `store/RUN`. `run` must be no other run's name on this
/// machine.
///
/// # Errors
/// A sentence, where the directory cannot be made or a node does not come up.
pub async fn start_cluster(
    target: &'static dyn Target,
    variants: Variants,
    nodes: u16,
    store: &Path,
    run: &str,
    executable: PathBuf,
    subscribers: Vec<Subscriber>,
) -> Result<Cluster, String> {
    let directory =
        RunDirectory::create(store, &plan(target, &variants, nodes, run)).map_err(|error| error.to_string())?;
    let clock = RunClock::start();
    Cluster::start(ClusterPlan {
        run: run.to_owned(),
        target,
        variants,
        nodes: (0..usize::from(nodes)).map(NodeId::at).collect(),
        directory,
        executable,
        own_clocks: false,
        ready_time: READY_TIME,
        clock,
        events: Events::new(clock, subscribers),
    })
    .await
    .map_err(|error| error.to_string())
}

fn plan(target: &dyn Target, variants: &Variants, nodes: u16, run: &str) -> Plan {
    Plan {
        workload: "conformance".to_owned(),
        promises: target.promises(variants),
        ..Plan::of_nodes(run, target.name(), nodes)
    }
}
