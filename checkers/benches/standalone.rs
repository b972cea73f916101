//! How long large histories take the judges of typed observations, and how the time for an operation grows with their number. The
//! histories are made here, and are valid but for the last.
#![allow(missing_docs, reason = "criterion's macros make items of their own")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dsjepsen_checkers::Outcome;
use dsjepsen_checkers::agreement::{AgreementOptions, Decision, Proposal, check_agreement};
use dsjepsen_checkers::barrier::{
    BarrierOptions, BarrierOutcome, BarrierPass, CountDown, LatchWait, Parties, check_barrier, check_latch,
};
use dsjepsen_checkers::failure_detector::{
    DetectorHistory, DetectorOptions, Suspicion, Trouble, TroubleInterval, Watch, check_failure_detector,
};
use dsjepsen_checkers::logical_clocks::{ClockEvent, EventKind, VectorLog, check_lamport, check_vector};
use dsjepsen_checkers::message_log::{MessageLog, MessageLogOptions, Poll, Polled, Send, check_message_log};
use dsjepsen_checkers::permits::{
    Access, PermitCall, PermitOperation, check_read_write_lock, check_reentrant_lock, check_semaphore,
};
use dsjepsen_checkers::publish::{Delivery, DeliveryPromise, Publication, PublishOptions, check_publish};
use dsjepsen_checkers::unique_ids::{Generation, Rising, check_unique_ids};
use dsjepsen_history::{Gravity, Judgement, Moment, NodeId, Process};

const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];
const PROCESSES: u64 = 8;

/// Operations of all processes overlap: each takes effect in the middle of its time.
fn span(number: u64) -> (Process, u64, Option<u64>) {
    (Process((number % PROCESSES) as u32), number * 2, Some(number * 2 + 2 * PROCESSES - 1))
}

fn measure(criterion: &mut Criterion, name: &str, prepare: impl Fn(u64) -> Box<dyn Fn() -> Judgement>) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    for size in SIZES {
        let judge = prepare(size);
        let judgement = judge();
        let expected = if name.contains("broken") { Gravity::Invalid } else { Gravity::Valid };
        assert_eq!(judgement.verdict, expected, "{name}: {:?}", judgement.findings);
        group.throughput(Throughput::Elements(size));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| bencher.iter(|| black_box(judge())));
    }
    group.finish();
}

fn passes(size: u64, told: bool) -> Vec<BarrierPass> {
    let pass = |number: u64| BarrierPass {
        participant: (number % PROCESSES) as u32,
        generation: Some(number / PROCESSES).filter(|_| told),
        arrived: number / PROCESSES * 3 * PROCESSES + number % PROCESSES,
        left: Some(number / PROCESSES * 3 * PROCESSES + 2 * PROCESSES + number % PROCESSES),
        outcome: BarrierOutcome::Passed,
    };
    (0..size / PROCESSES * PROCESSES).map(pass).collect()
}

fn barriers(criterion: &mut Criterion) {
    for (name, told) in [("barrier", true), ("barrier of untold generations", false)] {
        measure(criterion, name, |size| {
            let passes = passes(size, told);
            let options = BarrierOptions { parties: Parties::Fixed(PROCESSES as u32), may_mix: false };
            Box::new(move || check_barrier(&passes, &options))
        });
    }
    measure(criterion, "latch", |size| {
        let half = size / 2;
        let down = |number| {
            let (_, invoked, completed) = span(number);
            CountDown { invoked, completed, outcome: Outcome::Ok, amount: 1 }
        };
        let wait = |number| {
            let (_, invoked, completed) = span(number + half);
            LatchWait { invoked, completed, outcome: Outcome::Ok, open: true }
        };
        let (downs, waits): (Vec<_>, Vec<_>) = ((0..half).map(down).collect(), (0..half).map(wait).collect());
        Box::new(move || check_latch(&downs, &waits, half))
    });
}

fn logs(criterion: &mut Criterion) {
    measure(criterion, "message log", |size| {
        let mut log = MessageLog::new();
        for number in 0..size / 2 {
            let (process, invoked, completed) = span(number * 2);
            let (partition, value, offset) = ((number % PROCESSES) as u32, number, Some(number / PROCESSES));
            log.send(Send { process, invoked, completed, outcome: Outcome::Ok, partition, value, offset });
            let (process, invoked, completed) = span(number * 2 + 1);
            let poll = Poll { process, invoked, completed: completed.unwrap_or(u64::MAX), moved: false };
            let polled = Polled { partition, offset: number / PROCESSES, value };
            // The reader of a partition is always the same.
            log.poll(Poll { process: Process(100 + partition), ..poll }, [polled]);
        }
        let options = MessageLogOptions { real_time: false, may_duplicate: false, drained: true };
        Box::new(move || check_message_log(&log, options))
    });
    measure(criterion, "publish", |size| {
        // Each message goes to three subscribers, which makes four operations.
        let publication = |number: u64| Publication {
            publisher: Process((number % PROCESSES) as u32),
            invoked: number * 8,
            completed: Some(number * 8 + 1),
            outcome: Outcome::Ok,
            message: number,
        };
        let publications: Vec<_> = (0..size / 4).map(publication).collect();
        let delivery = |number: u64| Delivery {
            subscriber: Process((number % 3) as u32),
            at: number / 3 * 8 + 2 + number % 3,
            message: number / 3,
        };
        let deliveries: Vec<_> = (0..size / 4 * 3).map(delivery).collect();
        let delivery = DeliveryPromise::ExactlyOnce;
        let options = PublishOptions { delivery, fifo: true, causal: true, total: true };
        Box::new(move || check_publish(&publications, &deliveries, &[], options))
    });
    measure(criterion, "agreement", |size| {
        let proposal = |number| {
            let (process, invoked, completed) = span(number);
            Proposal { process, invoked, completed, outcome: Outcome::Ok, value: number, slot: Some(number) }
        };
        let proposals: Vec<_> = (0..size / 2).map(proposal).collect();
        let decision = |number: u64| Decision { observer: 0, at: number * 2 + 1, slot: number, value: number };
        let decisions: Vec<_> = (0..size / 2).map(decision).collect();
        let options = AgreementOptions { in_order: true, once: true, real_time: true };
        Box::new(move || check_agreement(&proposals, &decisions, options))
    });
}

fn ids(size: u64, of: impl Fn(u64) -> u64) -> Vec<Generation<u64>> {
    let given = |number| {
        let (process, invoked, completed) = span(number);
        Generation { process, invoked, completed, outcome: Outcome::Ok, id: Some(of(number)) }
    };
    (0..size).map(given).collect()
}

fn unique_ids(criterion: &mut Criterion) {
    measure(criterion, "unique ids", |size| {
        let ids = ids(size, |number| number);
        Box::new(move || check_unique_ids(&ids, Rising::InRealTime))
    });
    // Every id is a violation, and each is earlier than the one found before.
    measure(criterion, "broken unique ids", |size| {
        let ids = ids(size, |number| (size - number) / 2);
        Box::new(move || check_unique_ids(&ids, Rising::InRealTime))
    });
}

fn detectors(criterion: &mut Criterion) {
    measure(criterion, "failure detector", |size| {
        let at = |index: u64| Moment { index, time: index * 1_000_000 };
        let (monitor, target) = (NodeId::at(0), NodeId::at(1));
        // Each crash is suspected and trusted once.
        let crash = |number: u64| TroubleInterval {
            node: target,
            peer: None,
            trouble: Trouble::Crashed,
            from: at(number * 40),
            to: Some(at(number * 40 + 20)),
        };
        let troubles: Vec<_> = (0..size / 2).map(crash).collect();
        let suspicion = |number: u64| {
            let index = number / 2 * 40 + if number.is_multiple_of(2) { 4 } else { 22 };
            Suspicion { monitor, target, at: at(index), suspected: number.is_multiple_of(2) }
        };
        let suspicions: Vec<_> = (0..size).map(suspicion).collect();
        let watches = [Watch { monitor, target, from: at(0), to: at(size * 40), suspected: false }];
        let options = DetectorOptions { detection_bound: Some(5_000_000), accurate: true, wake: 5_000_000 };
        Box::new(move || {
            let history = DetectorHistory { troubles: &troubles, watches: &watches, suspicions: &suspicions };
            check_failure_detector(&history, &options)
        })
    });
}

/// Every process sends to the next in turn, round and round.
fn round(number: u64) -> (u32, EventKind) {
    let kind = if number.is_multiple_of(2) { EventKind::Send(number) } else { EventKind::Receive(number - 1) };
    ((number.div_ceil(2) % PROCESSES) as u32, kind)
}

fn clocks(criterion: &mut Criterion) {
    measure(criterion, "lamport clock", |size| {
        let event = |at| {
            let (process, kind) = round(at);
            ClockEvent { process, at, kind, stamp: at }
        };
        let events: Vec<ClockEvent<u64>> = (0..size).map(event).collect();
        Box::new(move || check_lamport(&events))
    });
    measure(criterion, "vector clock", |size| {
        let mut log = VectorLog::new(PROCESSES as u32);
        let mut clock = [0; PROCESSES as usize];
        for at in 0..size {
            // One message is under way at a time, so whoever has an event knows of all before it.
            let (process, kind) = round(at);
            clock[process as usize] += 1;
            log.push(process, at, kind, clock);
        }
        Box::new(move || check_vector(&log))
    });
}

fn held<A: Copy>(size: u64, amount: impl Fn(u64) -> A) -> Vec<PermitOperation<A>> {
    let operation = |number: u64| PermitOperation {
        process: Process((number / 2 % PROCESSES) as u32),
        invoked: number * 2,
        completed: Some(number * 2 + 1),
        outcome: Outcome::Ok,
        call: if number.is_multiple_of(2) { PermitCall::Acquire } else { PermitCall::Release },
        amount: amount(number / 2),
    };
    (0..size).map(operation).collect()
}

fn permits(criterion: &mut Criterion) {
    measure(criterion, "semaphore", |size| {
        let operations = held(size, |number| 1 + (number % 3) as u32);
        Box::new(move || check_semaphore(&operations, 3))
    });
    measure(criterion, "read-write lock", |size| {
        let access = |number: u64| if number.is_multiple_of(2) { Access::Read } else { Access::Write };
        let operations = held(size, access);
        Box::new(move || check_read_write_lock(&operations))
    });
    measure(criterion, "reentrant lock", |size| {
        let operations = held(size, |_| ());
        Box::new(move || check_reentrant_lock(&operations))
    });
}

criterion_group!(benches, barriers, logs, unique_ids, detectors, clocks, permits);
criterion_main!(benches);
