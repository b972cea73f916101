//! Large histories: nothing recurses, nothing is quadratic.

use dsjepsen_checkers::transactions::{
    Anomaly, Level, MicroOperation, Options, Outcome, RegisterOptions, SessionLevel, SessionOptions, Settled,
    Transaction, TransactionHistory, check_list_append, check_registers, check_sessions,
};
use dsjepsen_history::Gravity;

use crate::random::Dice;

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

/// Twenty at a time, each of which takes effect at some moment while it is at work.
fn strict_registers(count: u64) -> TransactionHistory {
    let mut dice = Dice::new(7);
    let mut order: Vec<_> = (0..count).map(|number| (number * 2 + u64::from(dice.below(39)), number)).collect();
    order.sort_unstable();
    let (mut held, mut next_value) = ([None; 20], 0);
    let mut all = vec![Vec::new(); order.len()];
    for (_, number) in order {
        for _ in 0..=dice.below(3) {
            let key = dice.below(20);
            all[number as usize].push(if dice.below(2) == 0 {
                MicroOperation::Read { key, value: held[key as usize] }
            } else {
                next_value += 1;
                held[key as usize] = Some(next_value);
                MicroOperation::Write { key, value: next_value }
            });
        }
    }
    let mut history = TransactionHistory::new();
    for (number, steps) in (0..).zip(all) {
        push(&mut history, (number % 20) as u32, number * 2, 39, steps);
    }
    history
}

#[test]
fn an_order_of_twenty_thousand_transactions_is_found_for_every_level() {
    let history = strict_registers(20_000);
    for level in [Level::StrictSerializable, Level::Serializable, Level::StrongSnapshotIsolation] {
        let verdict = check_registers(&history, &RegisterOptions::default(), &Options::level(level));
        assert_eq!((verdict.verdict, &verdict.settled), (Gravity::Valid, &Settled::Holds), "{level}: {verdict:?}");
    }
}

#[test]
fn a_stale_read_among_twenty_thousand_transactions_is_shown_alone() {
    let mut history = strict_registers(20_000);
    let write = |value| vec![MicroOperation::Write { key: 30, value }];
    push(&mut history, 21, 100_000, 1, write(900_001));
    push(&mut history, 21, 100_010, 1, write(900_002));
    let read = MicroOperation::Read { key: 30, value: Some(900_001) };
    push(&mut history, 22, 100_020, 1, vec![read]);
    let verdict = check_registers(&history, &RegisterOptions::default(), &Options::default());
    assert_eq!((verdict.verdict, verdict.not.as_slice()), (Gravity::Invalid, [Level::StrictSerializable].as_slice()));
    let Settled::Broken(_, finding) = &verdict.settled else { panic!("{verdict:?}") };
    assert_eq!(finding.operations, [100_000, 100_010, 100_020]);
}

#[test]
fn an_order_that_nearly_keeps_time_is_found() {
    let mut history = strict_registers(20_000);
    let write = |value| vec![MicroOperation::Write { key: 30, value }];
    push(&mut history, 21, 100_000, 1, write(900_001));
    push(&mut history, 21, 100_010, 1, write(900_002));
    // Late, but for its time it could have come between the two.
    for late in 0..10 {
        let read = MicroOperation::Read { key: 30, value: Some(900_001) };
        push(&mut history, 22, 100_020 + 10 * late, 1, vec![read]);
    }
    for level in [Level::Serializable, Level::StrongSessionSerializable, Level::StrongSessionSnapshotIsolation] {
        let verdict = check_registers(&history, &RegisterOptions::default(), &Options::level(level));
        assert_eq!((verdict.verdict, &verdict.settled), (Gravity::Valid, &Settled::Holds), "{level}: {verdict:?}");
    }
}

#[test]
fn a_fork_among_twenty_thousand_transactions_is_shown_alone() {
    let mut history = strict_registers(20_000);
    let write = |key, value| MicroOperation::Write { key, value };
    let read = |key, value| MicroOperation::Read { key, value: Some(value) };
    // Whoever reads one's write does not see the other's, although neither can have come before what both overwrote.
    let steps = [
        vec![write(30, 900_001), write(31, 900_001)],
        vec![write(30, 900_002)],
        vec![write(31, 900_002)],
        vec![read(30, 900_002), read(31, 900_001)],
        vec![read(30, 900_001), read(31, 900_002)],
    ];
    for (process, steps) in (21..).zip(steps) {
        push(&mut history, process, 100_000 + u64::from(process), 100, steps);
    }
    for level in [Level::Serializable, Level::StrictSerializable, Level::SnapshotIsolation] {
        let verdict = check_registers(&history, &RegisterOptions::default(), &Options::level(level));
        let Settled::Broken(_, finding) = &verdict.settled else { panic!("{level}: {:?}", verdict.settled) };
        assert!(finding.operations.len() < 40, "{level}: {finding:?}");
    }
}

/// Three at a time: each appends to a key of its own round and reads another, and nobody reads the last key of a round.
fn rounds_of_snapshots(rounds: u32) -> TransactionHistory {
    let mut history = TransactionHistory::new();
    for round in 0..rounds {
        let (key, at) = (round * 4, u64::from(round) * 20);
        for worker in 0..3 {
            let list = history.list([]);
            let mut steps = vec![
                MicroOperation::ReadList { key: key + (worker + 1) % 3, list },
                MicroOperation::Append { key: key + worker, value: 1 },
            ];
            // The second follows the first, which no longer missed anything then.
            if worker < 2 {
                steps.push(MicroOperation::Append { key: key + 3, value: worker });
            }
            push(&mut history, worker, at + u64::from(worker), 10, steps);
        }
    }
    history
}

#[test]
fn an_order_of_snapshots_of_a_hundred_thousand_transactions_is_found_at_once() {
    let history = rounds_of_snapshots(30_000);
    for level in [Level::SnapshotIsolation, Level::StrongSnapshotIsolation, Level::Prefix] {
        let verdict = check_list_append(&history, &Options::level(level));
        assert_eq!((verdict.verdict, &verdict.settled), (Gravity::Valid, &Settled::Holds), "{level}: {verdict:?}");
        assert!(verdict.figures.iter().all(|figure| figure.name != "states searched"), "{level}");
    }
    assert_eq!(check_list_append(&history, &Options::level(Level::Serializable)).verdict, Gravity::Invalid);
    // Two that miss each other, and yet both append where nobody looks.
    let mut history = rounds_of_snapshots(1_000);
    for worker in 0..2 {
        let key = 1_000_000;
        let list = history.list([]);
        let steps = vec![
            MicroOperation::ReadList { key: key + 1 - worker, list },
            MicroOperation::Append { key: key + worker, value: 1 },
            MicroOperation::Append { key: key + 2, value: worker },
        ];
        push(&mut history, worker, 1_000_000 + u64::from(worker), 10, steps);
    }
    let options = Options { states_max: 1_000, ..Options::level(Level::SnapshotIsolation) };
    assert_eq!(check_list_append(&history, &options).verdict, Gravity::Unknown);
}
