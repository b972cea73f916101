//! Every rule against its oracle, on random histories and on simulated clusters.

use dsjepsen_checkers::ElectionRule;
use dsjepsen_history::Gravity;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::random::{Step, history};
use crate::script::{MS, Script, figure};
use crate::simulation::{self, Flaw};
use crate::{oracle, witness};

/// The figure in which a rule counts its violations, whether it decides or not.
fn counted(rule: ElectionRule) -> Option<&'static str> {
    match rule {
        ElectionRule::TwoLeadersInTerm => Some("terms that two nodes claimed to lead"),
        ElectionRule::TermRegression => Some("polls with a smaller term than before"),
        ElectionRule::Overlap => Some("definite leaderships that overlap another"),
        ElectionRule::StaleLeader => Some("writes acknowledged by a leader of the past"),
        ElectionRule::Liveness => None,
    }
}

/// Compares every rule with its oracle; tells which were found broken, whether they decide or not.
fn agree(script: &Script) -> Vec<ElectionRule> {
    let mut broken = Vec::new();
    for rule in ElectionRule::ALL {
        let judgement = script.judge(rule);
        let expected = oracle::count(&script.history.operations, rule);
        if let Some(name) = counted(rule) {
            assert_eq!(figure(&judgement, name), expected.to_string(), "{rule:?} in {:#?}", script.history.operations);
        }
        let decides = rule != ElectionRule::Overlap || script.plan.promises.one_leader_at_a_time;
        assert_eq!(judgement.verdict == Gravity::Invalid, expected > 0 && decides, "{rule:?}");
        if judgement.verdict == Gravity::Invalid {
            assert_eq!(judgement.findings[0].count, expected);
            witness::validate(script, rule, &judgement.findings[0]);
        }
        broken.extend((expected > 0).then_some(rule));
    }
    let liveness = script.judge(ElectionRule::Liveness);
    let nodes = usize::from(script.plan.settings.nodes);
    let (elected, longest) = oracle::liveness(&script.history.operations, nodes);
    assert_eq!(figure(&liveness, "times that a majority came to name a leader"), elected.to_string());
    assert_eq!(figure(&liveness, "longest time without a leader"), format!("{} ms", longest / MS));
    broken
}

/// As many cases as asked for, or as `PROPTEST_CASES` says if these are more.
fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(cases), failure_persistence: None, ..default }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(any::<Step>(), 4..48)
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn random_histories_are_judged_as_the_oracles_judge_them(one_leader: bool, steps in steps()) {
        agree(&history(one_leader, &steps, 16));
    }

    #[test]
    fn a_sound_election_is_never_invalid(bytes in vec(any::<u8>(), 0..600)) {
        let broken = agree(&simulation::raft(&bytes, Flaw::None));
        prop_assert!(broken.iter().all(|rule| *rule == ElectionRule::Overlap), "{:?}", broken);
    }

    #[test]
    fn one_leader_at_a_time_is_never_invalid(bytes in vec(any::<u8>(), 0..500)) {
        let script = simulation::one_leader_at_a_time(&bytes);
        prop_assert_eq!(agree(&script), vec![]);
    }

    #[test]
    fn flawed_elections_are_judged_as_the_oracles_judge_them(bytes in vec(any::<u8>(), 0..600), flaw in 1..3u8) {
        agree(&simulation::raft(&bytes, Flaw::numbered(flaw)));
    }
}

/// The properties above say little of a rule that their histories never break, or always.
#[test]
fn the_histories_break_every_rule_and_keep_every_rule() {
    let mut runner = TestRunner::deterministic();
    let mut broken = [0; 5];
    for _ in 0..1000 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        for rule in agree(&history(true, &steps, 16)) {
            broken[rule as usize] += 1;
        }
    }
    assert!(broken[..4].iter().all(|&times| (30..970).contains(&times)), "{broken:?}");
}

/// The simulated clusters do elect leaders, also several, and what is planted in them is found.
#[test]
fn the_simulated_clusters_are_put_to_the_test() {
    let mut runner = TestRunner::deterministic();
    let mut led = 0;
    let mut changed = 0;
    let mut reigned = 0;
    let mut found = [[0; 5]; 3];
    for _ in 0..250 {
        let bytes = vec(any::<u8>(), 2000).new_tree(&mut runner).unwrap().current();
        for flaw in 0..3 {
            let script = simulation::raft(&bytes, Flaw::numbered(flaw));
            for rule in agree(&script) {
                found[usize::from(flaw)][rule as usize] += 1;
            }
        }
        let sound = simulation::raft(&bytes, Flaw::None).judge(ElectionRule::TwoLeadersInTerm);
        let terms: u64 = figure(&sound, "terms that a node claimed to lead").parse().unwrap();
        led += u32::from(terms > 0);
        changed += u32::from(terms > 1);
        let single = simulation::one_leader_at_a_time(&bytes).judge(ElectionRule::Overlap);
        reigned += u32::from(figure(&single, "definite leaderships").parse::<u64>().unwrap() > 1);
    }
    assert!(led > 200 && changed > 150 && reigned > 60, "{led}, {changed}, {reigned}");
    let [sound, forgetful, eager] = found;
    assert!(sound[2] > 3, "leaders of two terms never overlap: {sound:?}");
    assert!(forgetful[0] > 20 && forgetful[1] > 20, "a forgotten vote was not found: {forgetful:?}");
    assert!(eager[3] > 3, "an acknowledgement without a majority was not found: {eager:?}");
}
