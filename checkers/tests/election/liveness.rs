//! The figures of liveness, by example.

use dsjepsen_checkers::ElectionRule;

use crate::script::{Script, figure, follows, leads};

fn shows(script: &Script, name: &str) -> String {
    figure(&script.judge(ElectionRule::Liveness), name)
}

const REGAINED: &str = "from such a fault to the next leader";
const COST: &str = "faults that cost the leader";
const HEALED: &str = "from a heal to a leader";
const LONGEST: &str = "longest time without a leader";

/// Nodes 1 to 5 say at this time whom they take for the leader; 0 is nobody.
fn all_name(script: &mut Script, ms: u64, leaders: [usize; 5]) {
    for (position, leader) in leaders.into_iter().enumerate() {
        script.polled((ms, ms), position + 1, follows((leader > 0).then_some(leader), 1, 1));
    }
}

#[test]
fn a_leader_is_who_more_than_half_of_all_nodes_name() {
    let mut script = Script::new(false);
    all_name(&mut script, 0, [1, 1, 0, 2, 2]);
    assert_eq!(shows(&script, "times that a majority came to name a leader"), "0");
    script.polled((400, 400), 3, follows(Some(2), 1, 1));
    assert_eq!(shows(&script, "times that a majority came to name a leader"), "1");
    assert_eq!(shows(&script, LONGEST), "400 ms");
    // A node that does not answer any more names nobody.
    script.unanswered((500, 600), 4);
    script.polled((900, 900), 5, follows(Some(2), 1, 1));
    assert_eq!(shows(&script, LONGEST), "400 ms");
    script.polled((1100, 1100), 5, follows(Some(2), 1, 1));
    assert_eq!(shows(&script, LONGEST), "500 ms");
}

#[test]
fn a_fault_costs_the_leader_if_a_majority_stops_to_name_it_before_the_heal() {
    let mut script = Script::new(false);
    all_name(&mut script, 0, [1; 5]);
    script.fault(100);
    script.heal(1000);
    assert_eq!((shows(&script, COST), shows(&script, REGAINED)), ("0 of 1".to_owned(), "none".to_owned()));
    assert_eq!(shows(&script, HEALED), "p50 0 ms, max 0 ms (of 1)");

    script.fault(2000);
    all_name(&mut script, 2300, [1, 0, 0, 0, 0]);
    all_name(&mut script, 2750, [1, 2, 2, 2, 0]);
    script.heal(4000);
    assert_eq!(
        (shows(&script, COST).as_str(), shows(&script, REGAINED).as_str()),
        ("1 of 2", "p50 750 ms, max 750 ms (of 1)")
    );

    // The leader changes without a moment in which nobody is named; and is lost after the heal for another reason.
    script.fault(5000);
    all_name(&mut script, 5100, [3; 5]);
    script.heal(6000);
    all_name(&mut script, 6500, [0; 5]);
    assert_eq!(shows(&script, COST), "2 of 3");
    assert_eq!(shows(&script, REGAINED), "p50 100 ms, max 750 ms (of 2)");
}

#[test]
fn a_leader_that_does_not_come_back_is_told() {
    let mut script = Script::new(false);
    all_name(&mut script, 0, [1; 5]);
    script.fault(100);
    all_name(&mut script, 300, [0; 5]);
    script.heal(1000);
    all_name(&mut script, 1200, [0; 5]);
    assert_eq!(shows(&script, REGAINED), "none; 1 not before the end");
    assert_eq!(shows(&script, HEALED), "none; 1 not before the end");
    assert_eq!(shows(&script, LONGEST), "900 ms");
    script.fault(1300);
    script.heal(1400);
    script.polled((1500, 1500), 1, leads(1, 1, 2));
    all_name(&mut script, 1600, [1, 1, 1, 0, 0]);
    assert_eq!(shows(&script, COST), "2 of 2", "there was none when the second began");
    assert_eq!(shows(&script, REGAINED), "p50 300 ms, max 1.500 s (of 2)");
    assert_eq!(shows(&script, HEALED), "p50 200 ms, max 600 ms (of 2)");
    assert_eq!(shows(&script, "terms seen"), "2");
}
