//! How long large histories of transactions take to judge. The histories are made here, from a store that is strictly serializable,
//! and from one that loses updates.
#![allow(missing_docs, reason = "criterion's macros make items of their own")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dsjepsen_checkers::transactions::{
    MicroOperation, Options, Outcome, RegisterOptions, Transaction, TransactionHistory, check_list_append,
    check_registers,
};
use dsjepsen_history::Gravity;

const PROCESSES: u64 = 20;
const ACTIVE_KEYS: u64 = 10;
const APPENDS_PER_KEY: usize = 32;

fn transaction(number: u64) -> Transaction {
    // Each overlaps with those of all other processes.
    let invoked = number * 2;
    let completed = Some(invoked + 2 * PROCESSES - 1);
    Transaction {
        process: (number % PROCESSES) as u32,
        outcome: Outcome::Ok,
        invoked,
        completed,
        bare: false,
        times: None,
    }
}

/// One to four steps a transaction, half of them reads, over ten keys at a time that are replaced after 32 appends.
fn strict(transactions: u64) -> TransactionHistory {
    let mut history = TransactionHistory::new();
    let mut lists: Vec<(u32, Vec<u32>)> = (0..ACTIVE_KEYS as u32).map(|key| (key, Vec::new())).collect();
    let mut next_key = ACTIVE_KEYS as u32;
    let mut random = 1_u64;
    let mut draw = |limit: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % limit
    };
    for number in 0..transactions {
        let mut steps = Vec::new();
        for _ in 0..=draw(4) {
            let slot = &mut lists[draw(ACTIVE_KEYS) as usize];
            if draw(2) == 0 {
                let list = history.list(slot.1.iter().copied());
                steps.push(MicroOperation::ReadList { key: slot.0, list });
                continue;
            }
            if slot.1.len() == APPENDS_PER_KEY {
                *slot = (next_key, Vec::new());
                next_key += 1;
            }
            let value = slot.1.len() as u32;
            slot.1.push(value);
            steps.push(MicroOperation::Append { key: slot.0, value });
        }
        history.push(transaction(number), steps);
    }
    history
}

/// Everybody reads the empty list and appends to it.
fn lost_updates(transactions: u64) -> TransactionHistory {
    let mut history = TransactionHistory::new();
    for number in 0..transactions {
        let list = history.list([]);
        let append = MicroOperation::Append { key: 0, value: number as u32 };
        history.push(transaction(number), [MicroOperation::ReadList { key: 0, list }, append]);
    }
    history
}

fn judge(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("list-append");
    group.sample_size(10);
    for (name, history, expected) in [
        ("100,000 transactions", strict(100_000), Gravity::Valid),
        ("1,000,000 transactions", strict(1_000_000), Gravity::Valid),
        ("20,000 lost updates", lost_updates(20_000), Gravity::Invalid),
    ] {
        let options = Options::default();
        assert_eq!(check_list_append(&history, &options).verdict, expected, "{name}");
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| (), |()| black_box(check_list_append(&history, &options)), BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// The same with registers. Each transaction takes effect at some moment between its invocation and its completion.
fn strict_registers(transactions: u64) -> TransactionHistory {
    const KEYS: u64 = 100;
    let mut random = 1_u64;
    let mut draw = |limit: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % limit
    };
    let mut order: Vec<(u64, u64)> =
        (0..transactions).map(|number| (number * 2 + draw(2 * PROCESSES - 1), number)).collect();
    order.sort_unstable();
    let mut all: Vec<Vec<MicroOperation>> = vec![Vec::new(); order.len()];
    let mut held = [None; KEYS as usize];
    let mut next_value = 0;
    for (_, number) in order {
        for _ in 0..=draw(4) {
            let key = draw(KEYS) as u32;
            all[number as usize].push(if draw(2) == 0 {
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
        history.push(transaction(number), steps);
    }
    history
}

fn judge_registers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rw-register");
    group.sample_size(10);
    for (name, transactions) in [("100,000 transactions", 100_000), ("1,000,000 transactions", 1_000_000)] {
        let history = strict_registers(transactions);
        for (way, anomalies_only) in [("anomalies only", true), ("decided", false)] {
            let (assume, options) = (RegisterOptions::default(), Options { anomalies_only, ..Options::default() });
            assert_eq!(check_registers(&history, &assume, &options).verdict, Gravity::Valid, "{name}");
            group.bench_function(format!("{name}, {way}"), |bencher| {
                bencher.iter_batched(
                    || (),
                    |()| black_box(check_registers(&history, &assume, &options)),
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, judge, judge_registers);
criterion_main!(benches);
