//! Lists against the oracles.

use std::collections::BTreeMap;

use dsjepsen_checkers::transactions::{Anomaly, Level, Options, Outcome, TransactionVerdict, check_list_append};
use dsjepsen_history::Gravity;
use proptest::prelude::*;

use crate::oracle::{Kind, Respect, serializable, snapshot_isolated};
use crate::random::{Dice, Store, history, spoil};
use crate::script::{Script, Step, lists};
use crate::witness::validate;

pub(crate) fn cases(count: u32) -> ProptestConfig {
    let asked = ProptestConfig::default().cases;
    ProptestConfig { cases: count.max(asked), failure_persistence: None, ..ProptestConfig::default() }
}

pub(crate) fn some_history(seed: u64, store: Store, spoilt: bool, transactions: u32) -> Script {
    let mut dice = Dice::new(seed);
    let mut script = history(store, &mut dice, transactions, 2);
    if spoilt {
        spoil(&mut script, &mut dice);
    }
    script
}

fn judge(script: &Script, level: Level) -> TransactionVerdict {
    let verdict = check_list_append(&lists(script), &Options::level(level));
    assert_eq!(verdict.problem, None);
    assert!(!verdict.has(Anomaly::CycleSearchTimeout));
    for case in &verdict.anomalies {
        if !case.anomaly.is_inconclusive() {
            validate(script, case);
            assert!(!case.finding.operations.is_empty() && case.finding.steps.len() > 1, "{case:#?}");
        }
    }
    verdict
}

/// Keys to which two transactions appended what nobody read: their order is open, and the judge does not try both.
fn leaves_order_open(script: &Script) -> bool {
    let mut writers: BTreeMap<u32, usize> = BTreeMap::new();
    let read = |key: u32, value: u32| {
        script
            .iter()
            .filter(|txn| txn.is_ok())
            .flat_map(|txn| &txn.steps)
            .any(|step| matches!(step, Step::Read(other, list) if *other == key && list.contains(&value)))
    };
    for txn in script.iter().filter(|txn| txn.outcome != Outcome::Fail) {
        for key in 0..2 {
            let unread = |step: &Step| matches!(*step, Step::Write(other, value) if other == key && !read(key, value));
            *writers.entry(key).or_default() += usize::from(txn.steps.iter().any(unread));
        }
    }
    writers.values().any(|&writers| writers > 1)
}

fn agrees(script: &Script, level: Level, respect: Respect) -> Result<bool, TestCaseError> {
    let verdict = judge(script, level);
    let expected = serializable(script, Kind::Lists, respect);
    prop_assert_eq!(verdict.verdict != Gravity::Invalid, expected, "{}: {:#?}\n{:#?}", level, verdict, script);
    Ok(expected)
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn serializability_is_decided_exactly(seed: u64, store in 0..4_usize, spoilt: bool) {
        let script = some_history(seed, Store::ALL[store], spoilt, 5);
        agrees(&script, Level::Serializable, Respect::Nothing)?;
        agrees(&script, Level::StrongSessionSerializable, Respect::Sessions)?;
        let strict = agrees(&script, Level::StrictSerializable, Respect::RealTime)?;
        prop_assert!(strict || spoilt || store != 0, "the store of the test is strict");
    }

    #[test]
    fn snapshot_isolation_raises_no_false_alarm_and_misses_nothing_that_was_read(seed: u64, store in 0..4_usize, spoilt: bool) {
        let script = some_history(seed, Store::ALL[store], spoilt, 4);
        for (level, respect) in [
            (Level::SnapshotIsolation, Respect::Nothing),
            (Level::StrongSessionSnapshotIsolation, Respect::Sessions),
            (Level::StrongSnapshotIsolation, Respect::RealTime),
        ] {
            let invalid = judge(&script, level).verdict == Gravity::Invalid;
            let expected = snapshot_isolated(&script, Kind::Lists, respect);
            prop_assert!(!(invalid && expected), "false alarm at {level}: {script:#?}");
            if !leaves_order_open(&script) {
                prop_assert_eq!(!invalid, expected, "missed at {}: {:#?}", level, script);
            }
        }
    }

    #[test]
    fn a_level_that_holds_implies_the_weaker_ones(seed: u64, store in 0..4_usize, spoilt: bool) {
        let script = some_history(seed, Store::ALL[store], spoilt, 6);
        let invalid = |level| judge(&script, level).verdict == Gravity::Invalid;
        for (weak, strong) in [
            (Level::ReadUncommitted, Level::ReadCommitted),
            (Level::ReadCommitted, Level::ConsistentView),
            (Level::ConsistentView, Level::SnapshotIsolation),
            (Level::SnapshotIsolation, Level::Serializable),
            (Level::RepeatableRead, Level::Serializable),
            (Level::Serializable, Level::StrongSessionSerializable),
            (Level::StrongSessionSerializable, Level::StrictSerializable),
            (Level::StrongReadCommitted, Level::StrictSerializable),
        ] {
            prop_assert!(!invalid(weak) || invalid(strong), "{} but not {}: {:#?}", weak, strong, script);
        }
    }
}

/// The properties above say something: of each kind of verdict there are many.
#[test]
fn the_random_histories_are_well_mixed() {
    let mut invalid = BTreeMap::new();
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..6000 {
        let store = Store::ALL[seed as usize % 4];
        let verdict = judge(&some_history(seed, store, seed % 8 < 4, 5), Level::StrictSerializable);
        *invalid.entry(verdict.verdict).or_insert(0) += 1;
        for case in &verdict.anomalies {
            *kinds.entry(case.anomaly.name()).or_default() += 1;
        }
    }
    assert!(invalid[&Gravity::Invalid] > 1500 && invalid[&Gravity::Valid] > 1500, "{invalid:?}");
    for kind in [
        "G0",
        "G1a",
        "G1b",
        "G1c",
        "G-single-item",
        "G2-item",
        "internal",
        "incompatible-order",
        "lost-update",
        "dirty-update",
        "duplicate-elements",
        "garbage-read",
        "G1c-realtime",
        "G-single-item-realtime",
        "G-single-item-process",
        "future-read",
    ] {
        assert!(kinds.get(kind).is_some_and(|&count| count > 2), "{kind} in {kinds:?}");
    }
}
