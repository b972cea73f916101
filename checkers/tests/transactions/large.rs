//! Large histories: nothing recurses, nothing is quadratic.

use dsjepsen_checkers::transactions::{
    Anomaly, MicroOperation, Options, Outcome, RegisterOptions, SessionLevel, SessionOptions, Transaction,
    TransactionHistory, check_list_append, check_registers, check_sessions,
};
use dsjepsen_history::Gravity;

fn push(history: &mut TransactionHistory, process: u32, at: u64, lasts: u64, steps: Vec<MicroOperation>) {
    let transaction = Transaction {
        process,
        outcome: Outcome::Ok,
        invoked: at,
        completed: Some(at + lasts),
        bare: false,
        times: None,
    };
    history.push(transaction, steps);
}

/// Each update reads the empty state and appends.
fn lost_updates(count: u32) -> TransactionHistory {
    let mut history = TransactionHistory::new();
    for at in 0..count {
        let list = history.list([]);
        let steps = vec![MicroOperation::ReadList { key: 0, list }, MicroOperation::Append { key: 0, value: at }];
        push(&mut history, at % 10, u64::from(at) * 20, 15, steps);
    }
    history
}

#[test]
fn twenty_thousand_lost_updates_are_one_short_circle() {
    let verdict = check_list_append(&lost_updates(20_000), &Options::default());
    assert!(verdict.has(Anomaly::LostUpdate) && verdict.has(Anomaly::G2Item), "{:?}", verdict.not);
    let circle = verdict.anomalies.iter().find(|case| case.anomaly == Anomaly::G2Item).unwrap();
    assert_eq!(circle.cycle.len(), 2);
    let edges = verdict.figures.iter().find(|figure| figure.name == "dependencies").unwrap();
    assert!(edges.value.replace(',', "").parse::<u64>().unwrap() < 300_000, "{edges:?}");
}

#[test]
fn registers_that_nobody_wrote_again_need_few_edges() {
    let mut history = TransactionHistory::new();
    for at in 0..30_000_u32 {
        let steps = vec![MicroOperation::Read { key: 0, value: None }, MicroOperation::Write { key: 0, value: at }];
        push(&mut history, at % 10, u64::from(at) * 20, 15, steps);
    }
    let verdict = check_registers(&history, &RegisterOptions::default(), &Options::default());
    assert!(verdict.has(Anomaly::LostUpdate));
}

#[test]
fn a_long_circle_through_real_time_is_found_short() {
    // Everybody appends, one after the other, and the last reads nothing: it must come before the first.
    let mut history = TransactionHistory::new();
    for at in 0..100_000_u32 {
        push(&mut history, at % 10, u64::from(at) * 20, 15, vec![MicroOperation::Append { key: at, value: 0 }]);
    }
    let list = history.list([]);
    push(&mut history, 11, 3_000_000, 5, vec![MicroOperation::ReadList { key: 0, list }]);
    let verdict = check_list_append(&history, &Options::default());
    let case = &verdict.anomalies[0];
    assert_eq!((verdict.anomalies.len(), case.anomaly, case.cycle.len()), (1, Anomaly::GSingleItemRealtime, 2));
}

#[test]
fn sessions_of_a_hundred_thousand_transactions_are_judged() {
    let mut history = TransactionHistory::new();
    let mut held: Vec<Option<u32>> = vec![None; 50];
    for at in 0..100_000_u32 {
        let (read, write) = (at * 7 % 50, at * 13 % 50);
        let steps = vec![
            MicroOperation::Read { key: read, value: held[read as usize] },
            MicroOperation::Write { key: write, value: at },
        ];
        held[write as usize] = Some(at);
        push(&mut history, at % 20, u64::from(at) * 2, 1, steps);
    }
    for level in SessionLevel::ALL.into_iter().filter(|&level| level != SessionLevel::SnapshotIsolation) {
        let judgement = check_sessions(&history, level, &SessionOptions::default());
        assert_eq!(judgement.verdict, Gravity::Valid, "{level}: {:?}", judgement.findings);
    }
}
