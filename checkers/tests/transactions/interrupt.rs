//! Searches that are told to stop: what they have not decided is unknown, whatever it would have been.

use std::time::Duration;

use dsjepsen_checkers::Interrupt;
use dsjepsen_checkers::transactions::{
    Anomaly, Level, Options, RegisterOptions, SessionLevel, SessionOptions, check_list_append, check_registers,
    check_sessions,
};
use dsjepsen_history::{Gravity, UnknownReason};
use proptest::prelude::*;

use crate::lists::{cases, some_history};
use crate::random::Store;
use crate::script::{Script, lists, r, registers, serial, together, w};

fn raised() -> Interrupt {
    let interrupt = Interrupt::after(Duration::from_secs(7));
    interrupt.raise();
    interrupt
}

/// Two transactions that each miss the other's write.
fn skew() -> Script {
    together(&[&[r(0, &[]), w(1, 1)], &[r(1, &[]), w(0, 2)]])
}

#[test]
fn a_search_for_circles_that_is_stopped_is_neither_valid_nor_invalid() {
    let stopped = Options { interrupt: raised(), ..Options::default() };
    let follow = RegisterOptions { writes_follow_reads: true, ..RegisterOptions::default() };
    for verdict in
        [check_list_append(&lists(&skew()), &stopped), check_registers(&registers(&skew()), &follow, &stopped)]
    {
        assert_eq!(verdict.verdict, Gravity::Unknown, "{verdict:#?}");
        let [case] = verdict.anomalies.as_slice() else { panic!("{verdict:#?}") };
        assert_eq!((case.anomaly, case.finding.reason), (Anomaly::CycleSearchTimeout, Some(UnknownReason::Deadline)));
        let said = "Circles of dependencies were not looked for: the time budget of 7 s was used up.";
        assert_eq!(case.finding.sentence, said, "{case:#?}");
        assert!(case.finding.detail.contains("--budget-s"), "{case:#?}");
    }
    assert_eq!(check_list_append(&lists(&skew()), &Options::default()).verdict, Gravity::Invalid);
}

#[test]
fn what_was_found_without_a_search_is_still_told() {
    let mut script = skew();
    script.extend(together(&[&[r(2, &[9, 9])]]));
    let stopped = Options { interrupt: raised(), ..Options::level(Level::Serializable) };
    let verdict = check_list_append(&lists(&script), &stopped);
    assert_eq!(verdict.verdict, Gravity::Invalid);
    assert!(verdict.has(Anomaly::DuplicateElements) && verdict.has(Anomaly::CycleSearchTimeout), "{verdict:#?}");
}

#[test]
fn a_search_for_an_order_that_is_stopped_is_unknown() {
    let steps: Vec<Vec<_>> = (0..12).map(|at| vec![w(0, 2 * at), r(1, &[]), w(2 + at, 1)]).collect();
    let mut slices: Vec<&[_]> = steps.iter().map(Vec::as_slice).collect();
    let readers: Vec<Vec<_>> = (0..12).map(|at| vec![r(0, &[2 * at]), w(20 + at, 7)]).collect();
    slices.extend(readers.iter().map(Vec::as_slice));
    let history = registers(&serial(&slices, |at| at as u32));
    for level in [SessionLevel::Serializable, SessionLevel::SnapshotIsolation] {
        let options = SessionOptions { interrupt: raised(), ..SessionOptions::default() };
        let judgement = check_sessions(&history, level, &options);
        assert_eq!(judgement.verdict, Gravity::Unknown, "{level}");
        assert_eq!(judgement.findings[0].reason, Some(UnknownReason::Deadline));
        assert!(judgement.findings[0].sentence.contains("the time budget of 7 s"), "{:?}", judgement.findings[0]);
        assert_eq!(check_sessions(&history, level, &SessionOptions::default()).verdict, Gravity::Valid, "{level}");
    }
}

proptest! {
    #![proptest_config(cases(300))]

    /// At whatever moment the flag is raised, a verdict is the true one or unknown.
    #[test]
    fn an_interrupt_at_any_moment_changes_no_verdict_to_its_opposite(seed: u64, spoilt: bool, spins in 0_u32..4000) {
        let script = some_history(seed, Store::Snapshots, spoilt, 8);
        let decided = check_list_append(&lists(&script), &Options::default()).verdict;
        let sessions = check_sessions(&registers(&script), SessionLevel::Serializable, &SessionOptions::default()).verdict;
        let interrupt = Interrupt::default();
        let (lists_verdict, sessions_verdict) = std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..spins).for_each(|_| std::hint::spin_loop());
                interrupt.raise();
            });
            let options = Options { interrupt: interrupt.clone(), ..Options::default() };
            let sessions = SessionOptions { interrupt: interrupt.clone(), ..SessionOptions::default() };
            let judgement = check_sessions(&registers(&script), SessionLevel::Serializable, &sessions);
            (check_list_append(&lists(&script), &options).verdict, judgement.verdict)
        });
        prop_assert!(lists_verdict == decided || lists_verdict == Gravity::Unknown, "{decided} became {lists_verdict}");
        prop_assert!(sessions_verdict == sessions || sessions_verdict == Gravity::Unknown);
    }
}
