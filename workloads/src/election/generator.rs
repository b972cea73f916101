//! What one worker of the election workload calls: polls of its nodes in turn, and a share of writes.

use dsjepsen_checkers::{ElectionCall, ElectionReply};
use dsjepsen_engine::Random;
use dsjepsen_engine::generator::{Context, Generator, Phase, Step};
use dsjepsen_history::NodeId;
use rand::RngExt;

/// The nodes that a worker polls, so that every node is polled by somebody: its home, and where there are fewer workers than
/// nodes also those that would be home to the workers missing.
pub(super) fn nodes_of(worker: usize, workers: usize, nodes: &[NodeId]) -> Vec<NodeId> {
    let home = worker % nodes.len();
    // With at least as many workers as nodes, the first step leads past the last node.
    nodes.iter().copied().skip(home).step_by(workers).collect()
}

/// One worker's calls.
pub(super) struct ElectionGenerator {
    nodes: Vec<NodeId>,
    turn: usize,
    writes_percent: u64,
    random: Random,
}

impl ElectionGenerator {
    /// Polls `nodes` in turn; `writes_percent` of a hundred calls are writes.
    pub(super) fn new(nodes: Vec<NodeId>, writes_percent: u64, random: Random) -> Self {
        Self { nodes, turn: 0, writes_percent, random }
    }
}

impl Generator<ElectionCall, ElectionReply> for ElectionGenerator {
    fn next(&mut self, context: &Context<'_>) -> Step<ElectionCall> {
        if context.phase == Phase::Final {
            return Step::Done;
        }
        let call = if self.random.random_range(0..100) < self.writes_percent {
            ElectionCall::Write
        } else {
            let node = self.nodes[self.turn];
            self.turn = (self.turn + 1) % self.nodes.len();
            ElectionCall::Poll { node }
        };
        Step::Invoke { worker: 0, call, scheduled: context.now }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use dsjepsen_engine::{Purpose, stream};

    use super::*;

    fn nodes(count: usize) -> Vec<NodeId> {
        (0..count).map(NodeId::at).collect()
    }

    #[test]
    fn every_node_is_polled_by_somebody_and_a_worker_polls_its_home() {
        for count in 1..8 {
            for workers in 1..20 {
                let all = nodes(count);
                let polled: Vec<_> = (0..workers).map(|worker| nodes_of(worker, workers, &all)).collect();
                let somebody: BTreeSet<_> = polled.iter().flatten().copied().collect();
                assert_eq!(somebody.len(), count, "{workers} workers on {count} nodes");
                for (worker, of_worker) in polled.iter().enumerate() {
                    assert_eq!(of_worker[0], all[worker % count]);
                    assert!(workers < count || of_worker.len() == 1, "{of_worker:?} of {workers} on {count}");
                }
            }
        }
        assert_eq!(nodes_of(1, 2, &nodes(5)), [NodeId::at(1), NodeId::at(3)]);
    }

    fn calls(writes_percent: u64) -> Vec<ElectionCall> {
        let mut generator = ElectionGenerator::new(nodes(2), writes_percent, stream(1, Purpose::Calls, 0));
        let context = Context { now: 5, phase: Phase::Main, free: &[true] };
        let mut call = || match generator.next(&context) {
            Step::Invoke { call, scheduled: 5, .. } => call,
            other => panic!("{other:?}"),
        };
        (0..1000).map(|_| call()).collect()
    }

    #[test]
    fn nodes_take_turns_and_writes_have_their_share() {
        let calls = calls(20);
        let polls: Vec<_> = calls.iter().filter(|call| matches!(call, ElectionCall::Poll { .. })).collect();
        assert!((150..250).contains(&(1000 - polls.len())), "{} polls", polls.len());
        assert!(polls.windows(2).all(|pair| pair[0] != pair[1]), "a node was polled twice in a row");
        assert!(!self::calls(0).contains(&ElectionCall::Write));
        assert!(self::calls(100).iter().all(|call| *call == ElectionCall::Write));
    }

    #[test]
    fn the_final_phase_asks_for_nothing() {
        let mut generator = ElectionGenerator::new(nodes(1), 20, stream(1, Purpose::Calls, 0));
        let context = Context { now: 0, phase: Phase::Final, free: &[true] };
        assert!(matches!(generator.next(&context), Step::Done));
    }
}
