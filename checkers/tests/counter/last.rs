//! What is lost and what is extra at the end.

use dsjepsen_checkers::CounterRule;
use dsjepsen_history::{Gravity, UnknownReason};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::oracle::final_sums;
use crate::script::{STRONG, Script, WEAK, figure};

const FINAL: [CounterRule; 2] = [CounterRule::Lost, CounterRule::Extra];

/// What the two final rules say.
fn verdicts(script: &Script) -> [Gravity; 2] {
    FINAL.map(|rule| script.judge(rule).verdict)
}

fn rests(script: &Script, values: [i64; 2]) -> Script {
    let mut script = script.clone();
    for round in 1..=2 {
        script.round(round, &values.map(Some));
    }
    script
}

/// 500 additions of 1, of which every tenth stays in doubt.
fn fifty_doubtful(resolve: bool) -> Script {
    let mut script = Script::new(if resolve { STRONG } else { WEAK });
    for id in 0..500 {
        if id % 10 == 0 {
            script.doubtful(id as u32, id, 1);
        } else {
            script.added(1, id, 1, None);
        }
    }
    if resolve {
        for id in (0..500).step_by(10) {
            script.added(2, id, 1, None);
        }
    }
    script
}

#[test]
fn one_lost_among_fifty_doubtful_is_found_once_they_are_resolved() {
    let script = fifty_doubtful(true);
    assert_eq!(rests(&script, [500; 2]).broken(), []);
    for (value, rule) in [(499, CounterRule::Lost), (501, CounterRule::Extra)] {
        let judgement = rests(&script, [value; 2]).judge(rule);
        assert_eq!(judgement.verdict, Gravity::Invalid);
        assert_eq!(figure(&judgement, "additions"), "500 ok (50 of them after doubt), 0 failed, 0 in doubt for good");
        assert_eq!(judgement.findings[0].count, 2, "both nodes");
    }
}

#[test]
fn doubt_that_stays_widens_what_may_be() {
    let script = fifty_doubtful(false);
    for value in [450, 470, 500] {
        assert_eq!(verdicts(&rests(&script, [value; 2])), [Gravity::Valid; 2], "{value}");
    }
    assert_eq!(verdicts(&rests(&script, [449; 2])), [Gravity::Invalid, Gravity::Valid]);
    assert_eq!(verdicts(&rests(&script, [501; 2])), [Gravity::Valid, Gravity::Invalid]);
}

#[test]
fn between_the_bounds_only_sums_are_possible() {
    let mut script = Script::new(WEAK);
    script.added(1, 1, 7, None);
    script.doubtful(2, 2, 10);
    script.doubtful(3, 3, -4);
    let sums = [3_i64, 7, 13, 17];
    for value in 0..20 {
        let expected = match sums.iter().min_by_key(|sum| ((*sum - value).abs(), -**sum)).unwrap() - value {
            0 => [Gravity::Valid; 2],
            off if off > 0 => [Gravity::Invalid, Gravity::Valid],
            _ => [Gravity::Valid, Gravity::Invalid],
        };
        assert_eq!(verdicts(&rests(&script, [value; 2])), expected, "{value}");
    }
}

#[test]
fn nodes_that_disagree_are_named_or_unknown() {
    let mut script = Script::new(STRONG);
    script.added(1, 1, 1, None);
    script.added(1, 2, 1, None);
    let judgement = rests(&script, [2, 1]).judge(CounterRule::Lost);
    let finding = &judgement.findings[0];
    assert_eq!(finding.sentence, "The counter ends at 1 on n2, but 2 was added: 1 lost.");
    assert_eq!(finding.count, 1);
    assert_eq!(verdicts(&rests(&script, [1, 3])), [Gravity::Invalid; 2], "one too low, one too high");

    script.doubtful(2, 3, 1);
    assert_eq!(verdicts(&rests(&script, [2, 3])), [Gravity::Unknown; 2], "either may be right");
    assert_eq!(verdicts(&rests(&script, [2, 4])), [Gravity::Valid, Gravity::Invalid]);
    assert_eq!(verdicts(&rests(&script, [3, 3])), [Gravity::Valid; 2]);
}

#[test]
fn only_rest_is_judged() {
    let reason = |script: &Script| {
        FINAL.map(|rule| {
            let judgement = script.judge(rule);
            assert_eq!(judgement.findings.len(), 1);
            judgement.findings[0].reason
        })
    };
    let unknown = [Some(UnknownReason::NoFinalRead); 2];
    let mut script = Script::new(STRONG);
    script.added(1, 1, 1, None);
    assert_eq!(reason(&script), unknown, "no final read");
    script.round(1, &[Some(0), Some(0)]);
    assert_eq!(reason(&script), unknown, "one round");
    script.round(2, &[Some(0), None]);
    assert_eq!(reason(&script), unknown, "a round without an answer from n2");
    let mut moving = script.clone();
    moving.round(3, &[Some(0), Some(1)]);
    assert_eq!(reason(&moving), unknown, "n2 moves");
    script.round(3, &[Some(0), Some(0)]);
    assert_eq!(verdicts(&script), [Gravity::Invalid, Gravity::Valid], "rounds 1 and 3 agree");
    script.interrupted = true;
    assert_eq!(reason(&script), unknown, "cut short");
    script.interrupted = false;
    script.round(4, &[Some(1), Some(1)]);
    script.round(5, &[Some(1), Some(1)]);
    assert_eq!(verdicts(&script), [Gravity::Valid; 2], "it came to rest later");
}

#[test]
fn what_ends_beside_the_rounds_is_in_doubt_for_them() {
    let mut script = Script::new(STRONG);
    script.added(1, 1, 5, None);
    let late = script.add(2, 2, 1);
    script.rests_at(5);
    script.told(late, None);
    assert_eq!(verdicts(&script), [Gravity::Valid; 2]);
    script.added(3, 3, 100, None);
    assert_eq!(verdicts(&script), [Gravity::Valid; 2], "sent after the rounds");
}

#[test]
fn too_many_sums_leave_the_bounds() {
    let mut script = Script::new(WEAK);
    script.doubtful(1, 1, i64::MAX);
    script.doubtful(2, 2, i64::MIN);
    let judged = rests(&script, [12_345; 2]);
    assert_eq!(verdicts(&judged), [Gravity::Valid; 2]);
    let told = judged.judge(CounterRule::Lost).assumptions;
    assert!(told.iter().any(|note| note.contains("too many sums")), "{told:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_final_value_is_judged_as_brute_force_judges_it(
        additions in vec((-6_i64..=6, 0..4_u8), 0..12),
        value in -30_i64..30,
    ) {
        let mut script = Script::new(WEAK);
        for (id, (delta, outcome)) in additions.into_iter().enumerate() {
            let operation = script.add(id as u32, id as u64, delta);
            match outcome {
                0 => script.fail(operation),
                1 => script.info(operation),
                _ => script.told(operation, None),
            }
        }
        let sums = final_sums(&script);
        script.rests_at(value);
        let nearest = *sums.iter().min_by_key(|sum| ((*sum - value).abs(), -**sum)).unwrap();
        let expected = match nearest - value {
            0 => [Gravity::Valid; 2],
            off if off > 0 => [Gravity::Invalid, Gravity::Valid],
            _ => [Gravity::Valid, Gravity::Invalid],
        };
        prop_assert_eq!(verdicts(&script), expected, "sums {:?}", sums);
    }
}
