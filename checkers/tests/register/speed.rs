//! As many operations as a run of half a minute leaves, and more than it should. The time is printed and decides nothing:
//! `cargo test --release -p dsjepsen-checkers --test register speed -- --nocapture`.

use std::time::Instant;

use dsjepsen_checkers::{RegisterCall, RegisterChecker, RegisterReply};
use dsjepsen_history::Gravity;

use crate::script::{Script, figure, write};
use crate::simulation::{Kind, repeat_the_past, run_with_keys};

const LONG: usize = if cfg!(debug_assertions) { 1_500 } else { 9_000 };

fn judged(script: &Script, what: &str) -> Gravity {
    let start = Instant::now();
    let checker = RegisterChecker::new();
    // Enough to see that it ends; the whole budget takes minutes without optimisation.
    let judgement = script.judge_by(if cfg!(debug_assertions) { checker.with_budget(100_000) } else { checker });
    let searched = figure(&judgement, "configurations searched");
    let operations = script.history.operations.len();
    println!(
        "{operations} operations, {what}: {:?}, {:?}, {searched} configurations",
        judgement.verdict,
        start.elapsed()
    );
    if let Some(finding) = judgement.findings.first() {
        println!("    {} ({} operations)", finding.sentence, finding.operations.len());
    }
    judgement.verdict
}

#[test]
fn a_run_of_half_a_minute() {
    for kind in Kind::ALL {
        let mut script = run_with_keys(kind, 1, 9_000, 300);
        assert_eq!(judged(&script, &format!("keys of 100, {kind:?}")), Gravity::Valid);
        if repeat_the_past(&mut script, 1).is_some() && kind != Kind::FewValues {
            assert_eq!(judged(&script, &format!("keys of 100, {kind:?}, one false answer")), Gravity::Invalid);
        }
    }
}

#[test]
fn long_keys() {
    for kind in [Kind::NoInfo, Kind::SomeInfo] {
        let mut script = run_with_keys(kind, 1, LONG, usize::MAX);
        assert_eq!(judged(&script, &format!("three keys, {kind:?}")), Gravity::Valid);
        repeat_the_past(&mut script, 1).unwrap();
        assert_eq!(judged(&script, &format!("three keys, {kind:?}, one false answer")), Gravity::Invalid);
    }
}

/// Thirty writes at once of which every two can be told apart, and a read that none of their orders explains.
#[test]
fn a_hopeless_search_ends() {
    let mut script = Script::new();
    let open: Vec<_> = (0..30).map(|process| script.invoke(1, process, write(7, u64::from(process)))).collect();
    let reads: Vec<_> = (0..30).map(|process| script.invoke(2, 100 + process, RegisterCall::Read { key: 7 })).collect();
    for (value, read) in reads.into_iter().enumerate() {
        script.ok(3, read, RegisterReply::Read { value: Some(value as u64) });
    }
    for operation in open {
        script.ok(4, operation, RegisterReply::Write);
    }
    for (process, value) in [(200, 1), (201, 2), (202, 1)] {
        script.read((5, 5), process, Some(value));
    }
    assert_eq!(judged(&script, "hopeless"), Gravity::Unknown);
}
