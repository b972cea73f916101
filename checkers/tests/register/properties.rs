//! The checker against the oracle, on random, sound and spoilt histories; and on long ones of a sound register.

use dsjepsen_checkers::RegisterChecker;
use dsjepsen_history::{Gravity, UnknownReason};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::random::{Step, senseless, sound, spoil};
use crate::script::Script;
use crate::simulation::{self, Kind};
use crate::{oracle, witness};

/// Compares the verdict with the oracle's, and looks at the proof; tells whether it is valid.
fn agree(script: &Script) -> bool {
    let judgement = script.judge();
    let valid = oracle::is_linearizable(&script.history.operations);
    let expected = if valid { Gravity::Valid } else { Gravity::Invalid };
    assert_eq!(judgement.verdict, expected, "{:#?}", script.history.operations);
    if let Some(finding) = judgement.findings.first() {
        witness::validate(script, finding);
    }
    valid
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(any::<Step>(), 4..24)
}

fn spoilt(steps: &[Step], changes: &[Step]) -> Script {
    let mut script = sound(steps);
    for &change in changes {
        spoil(&mut script, change);
    }
    script
}

/// As many cases as asked for, or as `PROPTEST_CASES` says if these are more.
fn cases(least: u32) -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig { cases: asked.cases.max(least), failure_persistence: None, ..asked }
}

const SHORT: u32 = if cfg!(debug_assertions) { 10_000 } else { 400_000 };

proptest! {
    #![proptest_config(cases(SHORT))]

    #[test]
    fn senseless_histories_are_judged_as_the_oracle_judges_them(steps in steps()) {
        agree(&senseless(&steps));
    }

    #[test]
    fn spoilt_histories_are_judged_as_the_oracle_judges_them(steps in steps(), changes in vec(any::<Step>(), 0..3)) {
        agree(&spoilt(&steps, &changes));
    }
}

proptest! {
    #![proptest_config(cases(if cfg!(debug_assertions) { 12 } else { 400 }))]

    #[test]
    fn a_sound_register_is_never_called_unsound(seed: u64) {
        for kind in Kind::ALL {
            let script = simulation::run(kind, seed, 600);
            let judgement = script.judge();
            prop_assert_eq!(judgement.verdict, Gravity::Valid, "{:?}: {:#?}", kind, judgement.findings);
        }
    }

    #[test]
    fn one_false_answer_among_hundreds_is_found(seed: u64) {
        let mut script = simulation::run(Kind::SomeInfo, seed, 600);
        if let Some(at) = simulation::repeat_the_past(&mut script, seed) {
            let judgement = script.judge();
            prop_assert_eq!(judgement.verdict, Gravity::Invalid, "read {}", at);
            let finding = &judgement.findings[0];
            prop_assert!(finding.operations.contains(&at) && finding.operations.len() <= 8, "{:#?}", finding);
        }
    }

    #[test]
    fn with_any_budget_the_verdict_is_the_same_or_unknown(seed: u64, budget in 0_u64..200, spoil: bool) {
        let mut script = simulation::run(Kind::SomeInfo, seed, 60);
        if spoil {
            simulation::repeat_the_past(&mut script, seed);
        }
        let whole = script.judge();
        let judgement = script.judge_by(RegisterChecker::new().with_budget(budget));
        let reasons: Vec<_> = judgement.findings.iter().filter_map(|finding| finding.reason).collect();
        prop_assert!(judgement.verdict == whole.verdict || reasons == [UnknownReason::Memory], "{:#?}", judgement);
    }
}

/// The properties above say little if their histories are nearly always valid, or never.
#[test]
fn the_histories_are_well_mixed() {
    let mut runner = TestRunner::deterministic();
    let strategy = (steps(), vec(any::<Step>(), 0..3));
    let mut valid = [0; 2];
    for _ in 0..2000 {
        let (steps, changes) = strategy.new_tree(&mut runner).unwrap().current();
        valid[0] += u32::from(agree(&senseless(&steps)));
        valid[1] += u32::from(agree(&spoilt(&steps, &changes)));
    }
    println!("of 2000 histories each, valid: {valid:?}");
    assert!(valid.iter().all(|times| (400..1700).contains(times)), "{valid:?}");
}
