//! Sessions against the axioms, tried literally.

use dsjepsen_checkers::transactions::{Outcome, SessionLevel, SessionOptions, check_sessions};
use dsjepsen_history::Gravity;
use proptest::prelude::*;

use crate::lists::{cases, some_history};
use crate::oracle::{Facts, Kind, Respect, atomic, causal, committed, keeps, serializable, snapshot_isolated};
use crate::random::Store;
use crate::script::{Script, r, registers, serial, w};

fn valid(script: &Script, level: SessionLevel) -> bool {
    let judgement = check_sessions(&registers(script), level, &SessionOptions::default());
    for finding in &judgement.findings {
        assert!(!finding.operations.is_empty(), "{finding:#?}");
    }
    assert_ne!(judgement.verdict, Gravity::Unknown, "{judgement:#?}");
    judgement.verdict == Gravity::Valid
}

/// Only what was ok, since the axioms know nothing else.
fn committed_only(seed: u64, store: Store, spoilt: bool, transactions: u32) -> Script {
    let mut script = some_history(seed, store, spoilt, transactions);
    script.retain(|txn| txn.outcome == Outcome::Ok);
    script
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn weak_levels_are_what_their_axioms_say(seed: u64, store in 0..4_usize, spoilt: bool) {
        let script = committed_only(seed, Store::ALL[store], spoilt, 6);
        prop_assume!(!script.is_empty());
        let facts = Facts::of(script.iter().collect());
        prop_assert_eq!(valid(&script, SessionLevel::ReadCommitted), keeps(&facts, committed), "RC {:#?}", script);
        prop_assert_eq!(valid(&script, SessionLevel::ReadAtomic), keeps(&facts, atomic), "RA {:#?}", script);
        prop_assert_eq!(valid(&script, SessionLevel::Causal), keeps(&facts, causal), "CC {:#?}", script);
    }

    #[test]
    fn serializability_is_decided_exactly(seed: u64, store in 0..4_usize, spoilt: bool) {
        let script = some_history(seed, Store::ALL[store], spoilt, 6);
        prop_assume!(script.iter().any(|txn| txn.is_ok()));
        let expected = serializable(&script, Kind::Registers, Respect::Sessions);
        prop_assert_eq!(valid(&script, SessionLevel::Serializable), expected, "{:#?}", script);
    }

    #[test]
    fn snapshot_isolation_is_decided_exactly(seed: u64, store in 0..4_usize, spoilt: bool) {
        let script = some_history(seed, Store::ALL[store], spoilt, 4);
        prop_assume!(script.iter().any(|txn| txn.is_ok()));
        let expected = snapshot_isolated(&script, Kind::Registers, Respect::Sessions);
        prop_assert_eq!(valid(&script, SessionLevel::SnapshotIsolation), expected, "{:#?}", script);
    }

    #[test]
    fn a_level_that_holds_implies_the_weaker_ones(seed: u64, store in 0..4_usize, spoilt: bool) {
        let script = some_history(seed, Store::ALL[store], spoilt, 7);
        prop_assume!(script.iter().any(|txn| txn.is_ok()));
        for pair in SessionLevel::ALL.windows(2) {
            prop_assert!(valid(&script, pair[0]) || !valid(&script, pair[1]), "{} but not {}: {:#?}", pair[1], pair[0], script);
        }
    }
}

/// Histories that each tell two levels apart.
#[test]
fn each_level_is_stronger_than_the_one_before() {
    let holds = |script: &Script| SessionLevel::ALL.map(|level| valid(script, level));
    let unrepeatable = serial(&[&[w(0, 1)], &[w(0, 2)], &[r(0, &[1]), r(0, &[2])]], |at| at as u32);
    assert_eq!(holds(&unrepeatable), [true, false, false, false, false, false]);
    let fractured = serial(&[&[w(0, 1), w(1, 2)], &[w(0, 3), w(1, 4)], &[r(0, &[1]), r(1, &[4])]], |at| {
        if at < 2 { 0 } else { at as u32 }
    });
    assert_eq!(holds(&fractured), [true, true, false, false, false, false]);
    let not_causal = serial(&[&[w(0, 1)], &[w(0, 2)], &[r(0, &[2]), w(1, 3)], &[r(1, &[3]), r(0, &[1])]], |at| {
        at.saturating_sub(1) as u32
    });
    assert_eq!(holds(&not_causal), [true, true, true, false, false, false]);
    let lost = serial(&[&[w(0, 1)], &[r(0, &[1]), w(0, 2)], &[r(0, &[1]), w(0, 3)]], |at| at as u32);
    assert_eq!(holds(&lost), [true, true, true, true, false, false]);
    let skew = serial(&[&[r(0, &[]), w(1, 1)], &[r(1, &[]), w(0, 2)]], |at| at as u32);
    assert_eq!(holds(&skew), [true, true, true, true, true, false]);
}

#[test]
fn a_search_that_is_cut_short_is_unknown() {
    // Many sessions that write one key, so that no order is forced.
    let steps: Vec<Vec<_>> = (0..12).map(|at| vec![w(0, 2 * at), r(1, &[]), w(2 + at, 1)]).collect();
    let mut slices: Vec<&[_]> = steps.iter().map(Vec::as_slice).collect();
    let readers: Vec<Vec<_>> = (0..12).map(|at| vec![r(0, &[2 * at]), w(20 + at, 7)]).collect();
    slices.extend(readers.iter().map(Vec::as_slice));
    let script = serial(&slices, |at| at as u32);
    let history = registers(&script);
    let judge = |states_max| {
        check_sessions(
            &history,
            SessionLevel::Serializable,
            &SessionOptions { states_max, ..SessionOptions::default() },
        )
        .verdict
    };
    assert_eq!(judge(2), Gravity::Unknown);
    assert_eq!(judge(100_000), Gravity::Valid);
}
