//! Runs the node programs as processes on loopback addresses of their own and breaks them. This binary is also the node:
//! called as `node NAME CONFIG`, it runs one; and the guardian of the engine's clusters: called as `guardian RUN`, it is one,
//! and as `first-process` the first of their namespace.

#![expect(clippy::unwrap_used, reason = "a test: what cannot be had fails it")]

mod abilities;
mod bully;
mod etcd;
mod nodes;
mod raft;
mod rmw_counter;
mod ttl_lock;

use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial};

/// No trial may take longer.
const LIMIT: Duration = Duration::from_secs(60);

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, name, config] = arguments.as_slice()
        && word == "node"
    {
        let programs = dsjepsen_targets::node_programs();
        let program = programs.iter().find(|program| program.name == name);
        return (program.ok_or_else(|| anyhow::anyhow!("there is no node program `{name}`"))?.run)(config);
    }
    if let [_, word, run] = arguments.as_slice()
        && word == "guardian"
    {
        dsjepsen_engine::guard(run, std::io::stdin().lock());
        return Ok(());
    }
    if arguments.iter().skip(1).eq(["first-process"]) {
        return Ok(dsjepsen_engine::be_first_process()?);
    }
    let skipped = if etcd::is_missing() { etcd::TRIALS } else { &[] };
    let trials = raft::TRIALS
        .iter()
        .chain(ttl_lock::TRIALS)
        .chain(abilities::TRIALS)
        .chain(rmw_counter::TRIALS)
        .chain(bully::TRIALS)
        .chain(etcd::TRIALS)
        .enumerate();
    let trials = trials.map(|(number, (name, trial))| {
        Trial::test(*name, move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let started = Instant::now();
            let network = u8::try_from(number + 1)?;
            // Dropping the trial drops its nodes, which kills them.
            runtime.block_on(async { tokio::time::timeout(LIMIT, trial(network)).await }).map_err(|_| "timed out")?;
            tracing::debug!("{name} took {:?}", started.elapsed());
            Ok(())
        })
        .with_ignored_flag(skipped.iter().any(|(skipped, _)| skipped == name))
    });
    let mut arguments = Arguments::from_args();
    // They mostly wait.
    arguments.test_threads.get_or_insert(3);
    libtest_mimic::run(&arguments, trials.collect()).exit()
}
