//! Each anomaly by an example, and what is said of it.

use dsjepsen_checkers::transactions::{
    Anomaly, HistoryProblem, Level, Options, Outcome, RegisterOptions, TransactionVerdict, check_list_append,
    check_registers,
};
use dsjepsen_history::{Gravity, UnknownReason};

use crate::script::{Script, lists, r, registers, serial, together, w};

fn judge(script: &Script, level: Level) -> TransactionVerdict {
    check_list_append(&lists(script), &Options::level(level))
}

fn kinds(verdict: &TransactionVerdict) -> Vec<&'static str> {
    verdict.anomalies.iter().map(|case| case.anomaly.name()).collect()
}

fn own(at: usize) -> u32 {
    at as u32
}

#[test]
fn circles_are_told_by_their_worst_kind() {
    let cases: [(&str, Script); 5] = [
        ("G0", together(&[&[w(0, 1), w(1, 2)], &[w(0, 3), w(1, 4)], &[r(0, &[1, 3]), r(1, &[4, 2])]])),
        ("G1c", together(&[&[w(0, 1), r(1, &[2])], &[w(1, 2), r(0, &[1])]])),
        ("G-single-item", together(&[&[w(0, 1), w(1, 2)], &[r(0, &[1]), r(1, &[])]])),
        ("G-nonadjacent-item", together(&[&[w(0, 1)], &[r(0, &[1]), r(1, &[])], &[w(1, 2)], &[r(1, &[2]), r(0, &[])]])),
        ("G2-item", together(&[&[r(0, &[]), w(1, 1)], &[r(1, &[]), w(0, 2)]])),
    ];
    for (name, script) in cases {
        let verdict = judge(&script, Level::StrictSerializable);
        assert_eq!((verdict.verdict, kinds(&verdict)), (Gravity::Invalid, vec![name]), "{verdict:#?}");
    }
}

/// The circle beside it is shorter, yet misses two writes in a row, which snapshots allow.
#[test]
fn a_milder_circle_does_not_hide_a_worse_one() {
    let script = together(&[
        &[w(0, 1)],
        &[r(0, &[1]), r(1, &[])],
        &[w(1, 2)],
        &[r(1, &[2]), r(0, &[])],
        &[r(2, &[]), r(4, &[9])],
        &[r(3, &[]), w(2, 2)],
        &[w(4, 9), w(3, 1)],
    ]);
    let verdict = judge(&script, Level::SnapshotIsolation);
    assert_eq!((verdict.verdict, kinds(&verdict)), (Gravity::Invalid, vec!["G-nonadjacent-item"]));
}

#[test]
fn time_matters_only_where_it_is_asked_for() {
    let stale = serial(&[&[w(0, 1)], &[r(0, &[])]], own);
    assert_eq!(judge(&stale, Level::StrongSessionSerializable).verdict, Gravity::Valid);
    let verdict = judge(&stale, Level::StrictSerializable);
    assert_eq!(kinds(&verdict), ["G-single-item-realtime"]);
    assert_eq!(verdict.not, [Level::StrongSnapshotIsolation]);
    let same_session = serial(&[&[w(0, 1)], &[r(0, &[])]], |_| 7);
    assert_eq!(kinds(&judge(&same_session, Level::StrongSessionSerializable)), ["G-single-item-process"]);
    assert_eq!(judge(&same_session, Level::Serializable).verdict, Gravity::Valid);
}

#[test]
fn a_circle_is_explained_edge_by_edge() {
    let script = together(&[&[w(0, 1), w(1, 2)], &[r(0, &[1]), r(1, &[])]]);
    let verdict = judge(&script, Level::Serializable);
    let finding = &verdict.anomalies[0].finding;
    assert_eq!(finding.rule, "transactions.G-single-item");
    assert_eq!(
        finding.sentence,
        "2 transactions form a circle with one read that missed a write (read skew): G-single-item."
    );
    assert_eq!(finding.operations, [0, 1]);
    let steps: Vec<_> = finding.steps.iter().map(|step| format!("{} {}", step.lead, step.text)).collect();
    assert_eq!(
        steps,
        [
            "Let T1 = [read(0) = [1], read(1) = []], by process 1.",
            "And let T2 = [append(0, 1), append(1, 2)], by process 0.",
            "Then T1 < T2, because T1 read the initial state of key 1, before T2 wrote 2.",
            "However T2 < T1, because T1 read 1 of key 0, which T2 wrote: a contradiction.",
        ]
    );
    let judgement = verdict.judgement("transactions");
    assert_eq!((judgement.verdict, judgement.findings.len()), (Gravity::Invalid, 1));
}

#[test]
fn what_shows_without_a_circle() {
    let mut aborted = together(&[&[w(0, 1)], &[r(0, &[1])], &[w(0, 2)]]);
    aborted[0].outcome = Outcome::Fail;
    assert_eq!(kinds(&judge(&aborted, Level::Serializable)), ["G1a"]);
    let between = together(&[&[w(0, 1), w(0, 2)], &[r(0, &[1])], &[r(0, &[1, 2])]]);
    assert!(judge(&between, Level::ReadCommitted).has(Anomaly::G1b));
    let garbage = together(&[&[w(0, 1)], &[r(0, &[1, 9])], &[r(0, &[1])]]);
    assert_eq!(kinds(&judge(&garbage, Level::ReadUncommitted)), ["garbage-read"]);
    let swapped = together(&[&[w(0, 1), w(0, 2)], &[r(0, &[2, 1])]]);
    assert!(judge(&swapped, Level::ReadUncommitted).has(Anomaly::CyclicVersions));
    let torn = together(&[&[w(0, 1), w(0, 2)], &[r(0, &[2])]]);
    assert!(judge(&torn, Level::ReadUncommitted).has(Anomaly::CyclicVersions));
    let forgetful = together(&[&[w(0, 1), r(0, &[])], &[w(0, 2)]]);
    assert!(judge(&forgetful, Level::Serializable).has(Anomaly::Internal));
    let apart = together(&[&[w(0, 1)], &[w(0, 2)], &[r(0, &[1])], &[r(0, &[2])]]);
    assert!(judge(&apart, Level::Serializable).has(Anomaly::IncompatibleOrder));
    let clairvoyant = together(&[&[r(0, &[1]), w(0, 1)], &[w(0, 2)]]);
    assert!(judge(&clairvoyant, Level::Serializable).has(Anomaly::FutureRead));
    let mut built_on = together(&[&[w(0, 1)], &[w(0, 2)], &[r(0, &[1, 2])]]);
    built_on[0].outcome = Outcome::Fail;
    assert_eq!(kinds(&judge(&built_on, Level::Serializable)), ["dirty-update", "G1a"]);
    assert_eq!(judge(&built_on, Level::Serializable).anomalies[0].transactions, [0, 1]);
}

#[test]
fn an_indeterminate_transaction_counts_once_it_was_seen() {
    let mut script = together(&[&[w(0, 1), w(1, 2)], &[r(0, &[1]), r(1, &[])]]);
    script[0].outcome = Outcome::Info;
    script[0].completed = None;
    assert_eq!(kinds(&judge(&script, Level::Serializable)), ["G-single-item"]);
    script[1].steps = vec![r(1, &[]), r(0, &[])];
    assert_ne!(judge(&script, Level::Serializable).verdict, Gravity::Invalid);
}

#[test]
fn nothing_known_is_unknown() {
    for script in [vec![], together(&[&[w(0, 1)]]), together(&[&[r(0, &[])], &[r(1, &[])]])] {
        let verdict = judge(&script, Level::StrictSerializable);
        assert_eq!((verdict.verdict, kinds(&verdict)), (Gravity::Unknown, vec!["empty-transaction-graph"]));
        assert_eq!(verdict.anomalies[0].finding.reason, Some(UnknownReason::NoObservations));
    }
    // Elle's anomalies say nothing of these levels: to call the history valid would say too much.
    let script = together(&[&[w(0, 1)], &[r(0, &[1])]]);
    for level in [Level::Linearizable, Level::Causal, Level::ViewSerializable] {
        let options = Options { anomalies_only: true, ..Options::level(level) };
        assert_eq!(check_list_append(&lists(&script), &options).verdict, Gravity::Unknown, "{level}");
        assert_eq!(judge(&script, level).verdict, Gravity::Valid, "{level}");
    }
    let nothing = Options { levels: vec![], ..Options::default() };
    assert_eq!(check_list_append(&lists(&script), &nothing).verdict, Gravity::Unknown);
}

#[test]
fn a_value_written_twice_cannot_be_judged() {
    let script = together(&[&[w(0, 1)], &[w(0, 1)], &[r(0, &[1])]]);
    let problem = HistoryProblem::WrittenTwice { key: "0".to_owned(), value: "1".to_owned() };
    let options = Options::default();
    assert_eq!(check_list_append(&lists(&script), &options).problem, Some(problem.clone()));
    let verdict = check_registers(&registers(&script), &RegisterOptions::default(), &options);
    assert_eq!((verdict.verdict, verdict.problem.clone()), (Gravity::Unknown, Some(problem)));
    assert_eq!(verdict.judgement("transactions").findings[0].reason, Some(UnknownReason::CheckerError));
    let mixed = check_list_append(&registers(&script), &options);
    assert_eq!(mixed.problem, Some(HistoryProblem::ForeignStep { index: 0 }));
}

#[test]
fn registers_follow_the_assumptions() {
    let judge = |script: &Script, assume: &RegisterOptions| {
        let options = Options { anomalies_only: true, ..Options::default() };
        let verdict = check_registers(&registers(script), assume, &options);
        (verdict.verdict, kinds(&verdict))
    };
    let none = RegisterOptions::default();
    // The second write came after the first, so the third reads something old.
    let stale = serial(&[&[w(0, 1)], &[w(0, 2)], &[r(0, &[1])]], own);
    assert_eq!(judge(&stale, &none), (Gravity::Valid, vec![]));
    let linearizable = RegisterOptions { linearizable_keys: true, ..none.clone() };
    assert_eq!(judge(&stale, &linearizable), (Gravity::Invalid, vec!["cyclic-versions"]));
    let skew = together(&[&[r(0, &[]), w(1, 1)], &[r(1, &[]), w(0, 2)]]);
    assert_eq!(judge(&skew, &none), (Gravity::Invalid, vec!["G2-item"]));
    let follow = RegisterOptions { writes_follow_reads: true, ..none.clone() };
    let blind = together(&[&[w(0, 1)], &[r(0, &[1]), w(0, 2), w(1, 3)], &[r(1, &[3]), r(0, &[1])]]);
    assert_eq!(judge(&blind, &none), (Gravity::Valid, vec![]));
    assert_eq!(judge(&blind, &follow), (Gravity::Invalid, vec!["G-single-item"]));
    let ranked = RegisterOptions { transaction_order: vec![Some(2), Some(1)], ..none.clone() };
    let told = together(&[&[r(0, &[]), w(1, 2)], &[w(0, 3), w(1, 4)]]);
    assert_eq!(judge(&told, &none), (Gravity::Valid, vec![]));
    assert_eq!(judge(&told, &ranked), (Gravity::Invalid, vec!["G-single-item"]));
    let garbage = together(&[&[w(0, 1)], &[r(0, &[1])], &[r(0, &[5])]]);
    assert_eq!(judge(&garbage, &none), (Gravity::Invalid, vec!["garbage-read"]));
    let options = Options { garbage_reads: false, anomalies_only: true, ..Options::default() };
    assert_eq!(check_registers(&registers(&garbage), &none, &options).verdict, Gravity::Valid);
}

/// One value that nobody wrote can be the initial state, but two cannot, nor can one be where nil is; whatever the level.
#[test]
fn there_is_one_initial_state() {
    let judge = |script: &Script, anomalies_only| {
        let options = |level| Options { garbage_reads: false, anomalies_only, ..Options::level(level) };
        let judge = |level| check_registers(&registers(script), &RegisterOptions::default(), &options(level)).verdict;
        [Level::ReadUncommitted, Level::ReadCommitted, Level::StrictSerializable].map(judge)
    };
    let one = together(&[&[w(1, 1), r(0, &[77])], &[r(1, &[1]), r(0, &[77])]]);
    assert_eq!(judge(&one, false), [Gravity::Valid; 3]);
    for other in [&[78][..], &[]] {
        let two = together(&[&[w(1, 1), r(0, &[77])], &[r(1, &[1]), r(0, other)]]);
        assert_eq!(judge(&two, false), [Gravity::Invalid; 3]);
        assert_eq!(judge(&two, true), [Gravity::Valid; 3]);
    }
}
