//! Workload `election`: clients poll each node's own view of who leads, and where the target offers it have the leader
//! acknowledge writes. A worker polls the node beside it, so also during a partition somebody sees every node.

mod client;
mod generator;
mod lanes;

use std::rc::Rc;
use std::time::Duration;

use dsjepsen_checkers::{Checker, ElectionCall, ElectionReply, RunView, election_checkers};
use dsjepsen_engine::api::Abilities;
use dsjepsen_engine::generator::{EachWorker, Stagger};
use dsjepsen_engine::{Purpose, Seat, stream};
use dsjepsen_history::Lanes;

use crate::reach::Reach;
use crate::workload::{OptionKind, OptionSpec, Prepared, Setup, Workload};

use client::ElectionClient;
use generator::{ElectionGenerator, nodes_of};

/// The workload `election`.
pub(crate) const WORKLOAD: Election = Election;

pub(crate) struct Election;

/// The option that says how many of the calls are writes.
const WRITES_PERCENT: &str = "writes-percent";

impl Workload for Election {
    const NAME: &'static str = "election";
    const ABOUT: &'static str = "every node's own view of who leads: one leader a term, and no leader of the past";
    type Call = ElectionCall;
    type Reply = ElectionReply;
    type Client = ElectionClient;

    fn options(&self) -> Vec<OptionSpec> {
        vec![OptionSpec {
            name: WRITES_PERCENT,
            help: "How many of a hundred calls are writes that a leader acknowledges, where the target offers them",
            kind: OptionKind::Number { default: 20, least: 0, most: 99 },
        }]
    }

    fn required(&self) -> &'static [&'static str] {
        &["poll"]
    }

    fn is_served_by(&self, abilities: &Abilities) -> bool {
        abilities.views.is_some()
    }

    fn prepare(&self, setup: &Setup<'_>) -> Option<Prepared<Self>> {
        let views = setup.abilities.views.clone()?;
        let writes = setup.abilities.leader_writes.clone();
        let conditions = setup.conditions;
        let (settings, seed, nodes) = (&conditions.settings, conditions.seed, conditions.nodes.clone());
        let workers = conditions.gates.len();
        let percent = if writes.is_some() { setup.options.number(WRITES_PERCENT, 20) } else { 0 };
        let each = EachWorker::new(workers, |worker| {
            let nodes = nodes_of(worker, workers, &nodes);
            ElectionGenerator::new(nodes, percent, stream(seed, Purpose::Calls, worker))
        });
        let generator = Box::new(Stagger::new(settings.rate, stream(seed, Purpose::Stagger, 0), each));

        let op_timeout = Duration::from_millis(settings.op_timeout_ms);
        let cluster = setup.cluster.clone();
        let connect = Rc::new(move |seat: Seat<ElectionCall, ElectionReply>| {
            let (process, home) = (seat.process, seat.node);
            // A write that breaks off closes its connection for good, and must not take a poll with it.
            Ok(ElectionClient {
                views: Reach::new(views.clone(), cluster.clone(), process, home, op_timeout),
                writes: writes.clone().map(|writes| Reach::new(writes, cluster.clone(), process, home, op_timeout)),
                op_timeout,
            })
        });
        Some(Prepared { generator, connect })
    }

    fn checkers(&self, _clock_rate_error_ppm: u64) -> Vec<Box<dyn Checker<ElectionCall, ElectionReply>>> {
        election_checkers()
    }

    fn lanes(&self, run: &RunView<'_, ElectionCall, ElectionReply>) -> Lanes {
        lanes::lanes(run)
    }
}
