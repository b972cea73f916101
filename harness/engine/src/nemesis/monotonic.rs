//! What a plan does to CLOCK_MONOTONIC: whether anything at all, and how much too fast it makes it go.

use dsjepsen_history::{NodeId, PlannedFault};

use super::clock;
use super::selector::Chosen;

/// What whoever runs a plan that [skews](skews_monotonic) CLOCK_MONOTONIC has to know.
pub const MONOTONIC_WARNING: &str = "CLOCK_MONOTONIC of nodes is made to go at a wrong rate (--skew-monotonic). The kernel ends waits until a time on it by \
     its own, true clock: sleeps and timeouts (Java's Thread.sleep, Python's time.sleep) run long or short by all that the clock has \
     gained or lost, also once the fault is over. So it may break programs in ways in which hardware does not.";

/// Whether a fault of this plan changes the rate of CLOCK_MONOTONIC.
pub fn skews_monotonic(planned: &[PlannedFault]) -> bool {
    planned.iter().any(|fault| clock::monotonic_drift(fault).is_some())
}

/// How much too fast the CLOCK_MONOTONIC of any node may have gone by this plan at any time, in parts per million; 0 by plans that
/// leave it alone or slow it down.
///
/// That is what a lease may end early by. A clock that goes too slowly makes the leases that are measured by it last longer, so it
/// excuses nothing. A fault counts whether or not it was seen to take effect, and one that hits whoever leads may hit any node. Rates
/// of faults that are in force together add up, on one node; the nemesis begins and ends faults in the order of the plan,
/// so none are together but those whose planned times overlap. One that slows the clock down takes nothing off: it may have failed.
pub fn monotonic_rate_error_ppm(planned: &[PlannedFault]) -> u64 {
    let fast: Vec<(&PlannedFault, Chosen, u64)> = planned
        .iter()
        .filter_map(|fault| clock::monotonic_drift(fault).map(|(whose, ppm)| (fault, whose, ppm)))
        .filter_map(|(fault, whose, ppm)| Some((fault, whose, u64::try_from(ppm).ok()?)))
        .collect();
    // The sum is largest at some start: at a heal it falls.
    let at_start_of = |start: &PlannedFault| {
        let together = |fault: &PlannedFault| fault.start_ns <= start.start_ns && start.start_ns < fault.heal_ns;
        let together: Vec<_> = fast.iter().filter(|(fault, ..)| together(fault)).collect();
        let sum = |on: Option<NodeId>| -> u64 {
            together.iter().filter(|(_, whose, _)| hits(whose, on)).map(|(.., ppm)| *ppm).sum()
        };
        let named = together.iter().flat_map(|(_, whose, _)| named(whose)).map(|node| sum(Some(*node)));
        named.chain([sum(None)]).max().unwrap_or_default()
    };
    fast.iter().map(|(fault, ..)| at_start_of(fault)).max().unwrap_or_default()
}

/// Whether this node may be hit, or one that no fault names.
fn hits(whose: &Chosen, node: Option<NodeId>) -> bool {
    match whose {
        Chosen::Leader => true,
        Chosen::Nodes(nodes) => node.is_some_and(|node| nodes.contains(&node)),
    }
}

fn named(whose: &Chosen) -> &[NodeId] {
    match whose {
        Chosen::Leader => &[],
        Chosen::Nodes(nodes) => nodes,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{parse_nemesis, plan_faults};
    use super::*;

    fn planned(schedule: &str) -> Vec<PlannedFault> {
        let nodes: Vec<NodeId> = (0..5).map(NodeId::at).collect();
        let (limit, interval) = (Duration::from_secs(30), Duration::from_secs(1));
        plan_faults(&parse_nemesis(schedule).unwrap(), &nodes, 7, limit, interval).unwrap()
    }

    #[test]
    fn the_largest_rate_at_which_any_node_goes_too_fast_counts() {
        for (schedule, ppm) in [
            ("none", 0),
            ("clock; clock(n1, drift +90%); kill", 0),
            ("clock(n1, monotonic drift +10%)", 100_000),
            ("clock(n1, monotonic drift -10%)", 0),
            ("clock(n1, monotonic drift +10%); clock(n2, monotonic drift +300ppm); clock(n3, +60s)", 100_000),
            // Together, one after the other, and on different nodes.
            ("clock(n1, monotonic drift +10%) at 1s; clock(n1, monotonic drift +5%) at 2s for 1s", 150_000),
            ("clock(n1, monotonic drift +10%) at 1s for 1s; clock(n1, monotonic drift +5%) at 2s for 1s", 100_000),
            ("clock(n1, monotonic drift +10%) at 1s; clock(n2, monotonic drift +5%) at 2s for 1s", 100_000),
            ("clock(n1, monotonic drift +10%) at 1s; clock(n1, monotonic drift -5%) at 2s for 1s", 100_000),
            ("clock(n1 n2, monotonic drift +10%) at 2s; clock(n2 n3, monotonic drift +5%) at 1s", 150_000),
            // Whoever leads may be anybody.
            ("clock(leader, monotonic drift +10%) at 1s; clock(n2, monotonic drift +5%) at 2s for 1s", 150_000),
            ("clock(leader, monotonic drift +10%) at 1s; clock(leader, monotonic drift +5%) at 2s", 150_000),
        ] {
            let faults = planned(schedule);
            assert_eq!(monotonic_rate_error_ppm(&faults), ppm, "{schedule}");
            assert_eq!(skews_monotonic(&faults), schedule.contains("monotonic"), "{schedule}");
        }
    }

    #[test]
    fn the_seed_never_draws_one() {
        let faults = planned("clock(all) every 20ms for 5ms");
        assert!(faults.len() > 1_000 && !skews_monotonic(&faults));
    }
}
