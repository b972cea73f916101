//! Every rule against its oracle, on random, valid and spoilt histories.

use dsjepsen_checkers::LockRule;
use dsjepsen_history::Gravity;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::oracle::Oracle;
use crate::random::{Step, history, mutate};
use crate::script::{Script, figure};
use crate::{simulation, witness};

/// The figure in which a rule counts its violations, whether it decides or not.
fn counted(rule: LockRule) -> &'static str {
    match rule {
        LockRule::Exclusion => "definite hold overlaps",
        LockRule::Fencing => "fencing tokens out of order",
        LockRule::StaleWrite => "stale writes accepted",
        LockRule::Belief => "belief overlaps",
        LockRule::EarlyLoss => "holds lost before their lease could end",
    }
}

/// Compares every rule with its oracle; tells which were found broken.
fn agree(script: &Script) -> Vec<LockRule> {
    let oracle = Oracle { operations: &script.history.operations, plan: &script.plan };
    let mut broken = Vec::new();
    for rule in LockRule::ALL {
        let judgement = script.judge(rule);
        let expected = oracle.count(rule);
        let found = figure(&judgement, counted(rule));
        assert_eq!(found, expected.to_string(), "{rule:?} in {:#?}", script.history.operations);
        let invalid = expected > 0 && oracle.decides(rule);
        assert_eq!(judgement.verdict == Gravity::Invalid, invalid, "{rule:?}");
        if invalid {
            assert_eq!(judgement.findings[0].count, expected);
            witness::validate(script, rule, &judgement.findings[0]);
        }
        if expected > 0 {
            broken.push(rule);
        }
    }
    broken
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(any::<Step>(), 4..40)
}

fn spoilt(setting: u8, bytes: &[u8], changes: &[Step]) -> Script {
    let mut script = simulation::run(setting, bytes, 10);
    for &change in changes {
        mutate(&mut script, change);
    }
    script
}

/// As many cases as asked for, or as `PROPTEST_CASES` says if these are more.
fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(cases), failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config(10_000))]

    #[test]
    fn random_histories_are_judged_as_the_oracles_judge_them(setting: u8, steps in steps()) {
        agree(&history(setting, &steps, 10));
    }

    #[test]
    fn a_correct_service_is_valid(setting: u8, bytes in vec(any::<u8>(), 0..90)) {
        let script = simulation::run(setting, &bytes, 10);
        let broken = agree(&script);
        let mut sound = vec![LockRule::Exclusion, LockRule::Fencing, LockRule::EarlyLoss];
        sound.extend(script.plan.promises.enforcing_guard.then_some(LockRule::StaleWrite));
        for rule in sound {
            prop_assert!(!broken.contains(&rule), "{:?} in {:#?}", rule, script.history.operations);
        }
    }

    #[test]
    fn spoilt_histories_are_judged_as_the_oracles_judge_them(
        setting: u8,
        bytes in vec(any::<u8>(), 30..90),
        changes in vec(any::<Step>(), 1..4),
    ) {
        agree(&spoilt(setting, &bytes, &changes));
    }
}

/// The properties above say little of a rule that their histories never break, or always.
#[test]
fn the_histories_break_every_rule_and_keep_every_rule() {
    let mut runner = TestRunner::deterministic();
    let strategy = (any::<u8>(), steps(), vec(any::<u8>(), 30..90), vec(any::<Step>(), 1..4));
    let mut broken = [[0; 5]; 2];
    for _ in 0..2000 {
        let (setting, steps, bytes, changes) = strategy.new_tree(&mut runner).unwrap().current();
        for (kind, script) in [history(setting, &steps, 10), spoilt(setting, &bytes, &changes)].iter().enumerate() {
            for rule in agree(script) {
                broken[kind][rule as usize] += 1;
            }
        }
    }
    for kind in broken {
        assert!(kind.iter().all(|&times| (15..1900).contains(&times)), "{broken:?}");
    }
}

/// The clients of the simulated service do outlive their leases, and the guard does refuse their writes.
#[test]
fn the_correct_service_is_put_to_the_test() {
    let mut runner = TestRunner::deterministic();
    let (mut outlived, mut refused, mut beliefs) = (0, 0, 0);
    for _ in 0..2000 {
        let bytes = vec(any::<u8>(), 60..90).new_tree(&mut runner).unwrap().current();
        let script = simulation::run(0, &bytes, 10);
        outlived += u32::from(figure(&script.judge(LockRule::Belief), "holds that outlived their lease") != "0");
        beliefs += u32::from(figure(&script.judge(LockRule::Belief), "belief overlaps") != "0");
        refused += u32::from(figure(&script.judge(LockRule::StaleWrite), "stale writes refused") != "0");
    }
    assert!(outlived > 100 && beliefs > 100 && refused > 20, "{outlived}, {beliefs}, {refused}");
}
