//! Registers against the oracles: what is inferred must be true, though not all that is true is inferred.

use dsjepsen_checkers::transactions::{Level, Options, RegisterOptions, check_registers};
use dsjepsen_history::Gravity;
use proptest::prelude::*;

use crate::lists::{cases, some_history};
use crate::oracle::{Kind, Respect, serializable, snapshot_isolated};
use crate::random::Store;
use crate::script::{Script, registers};
use crate::witness::is_circle;

fn invalid(script: &Script, assume: &RegisterOptions, level: Level) -> bool {
    let verdict = check_registers(&registers(script), assume, &Options::level(level));
    assert_eq!(verdict.problem, None);
    for case in verdict.anomalies.iter().filter(|case| !case.cycle.is_empty()) {
        assert!(is_circle(case), "{case:#?}");
    }
    verdict.verdict == Gravity::Invalid
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn no_level_raises_a_false_alarm(seed: u64, store in 0..4_usize, spoilt: bool) {
        let script = some_history(seed, Store::ALL[store], spoilt, 5);
        let none = RegisterOptions::default();
        let follow = RegisterOptions { writes_follow_reads: true, ..none.clone() };
        let sequential = RegisterOptions { sequential_keys: true, ..follow.clone() };
        let linearizable = RegisterOptions { linearizable_keys: true, ..sequential.clone() };
        let holds = |respect| serializable(&script, Kind::Registers, respect);
        for assume in [&none, &follow] {
            prop_assert!(!(invalid(&script, assume, Level::Serializable) && holds(Respect::Nothing)), "{:#?}", script);
        }
        prop_assert!(!(invalid(&script, &sequential, Level::StrongSessionSerializable) && holds(Respect::Sessions)), "{:#?}", script);
        prop_assert!(!(invalid(&script, &linearizable, Level::StrictSerializable) && holds(Respect::RealTime)), "{:#?}", script);
    }

    #[test]
    fn snapshots_raise_no_false_alarm(seed: u64, store in 0..4_usize, spoilt: bool) {
        let script = some_history(seed, Store::ALL[store], spoilt, 4);
        let assume = RegisterOptions { writes_follow_reads: true, ..RegisterOptions::default() };
        let holds = snapshot_isolated(&script, Kind::Registers, Respect::Nothing);
        prop_assert!(!(invalid(&script, &assume, Level::SnapshotIsolation) && holds), "{:#?}", script);
    }
}

/// What is inferred is little, yet not nothing.
#[test]
fn much_of_what_is_not_strict_is_found() {
    let linearizable = RegisterOptions {
        linearizable_keys: true,
        sequential_keys: true,
        writes_follow_reads: true,
        ..RegisterOptions::default()
    };
    let (mut found, mut broken) = (0, 0);
    for seed in 0..4000 {
        let script = some_history(seed, Store::ALL[seed as usize % 4], seed % 2 == 0, 5);
        if !serializable(&script, Kind::Registers, Respect::RealTime) {
            broken += 1;
            found += u32::from(invalid(&script, &linearizable, Level::StrictSerializable));
        }
    }
    assert!(broken > 1500 && found * 10 > broken * 9, "{found} of {broken}");
}
