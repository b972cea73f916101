//! How long large histories of containers and sets take to decide. The histories are made here: 30 processes, each call of which takes
//! effect at some moment before it is answered, so that they have an order.
#![allow(missing_docs, reason = "criterion's macros make items of their own")]

use std::collections::{BTreeSet, VecDeque};
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dsjepsen_checkers::linearizable::{Decision, Entry, EntryOf, Model};
use dsjepsen_checkers::models::containers::{Call, Reply};
use dsjepsen_checkers::models::priority_queue::PriorityQueue;
use dsjepsen_checkers::models::queue::Queue;
use dsjepsen_checkers::models::set::{self, Set};
use dsjepsen_checkers::models::stack::Stack;
use dsjepsen_checkers::models::unordered_queue::UnorderedQueue;

const PROCESSES: usize = 30;
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// What a history is made of: how many operations, and the chances of it.
#[derive(Clone, Copy)]
struct Chance {
    operations: usize,
    seed: u64,
}

/// A history of so many calls: at each step a random process begins its call, lets it take effect, or has its answer.
fn history<C: Clone, R>(
    Chance { operations, seed }: Chance,
    mut call: impl FnMut(&mut Random, u64) -> C,
    mut effect: impl FnMut(&mut Random, &C) -> R,
) -> Vec<Entry<C, R>> {
    let mut random = Random(seed);
    let mut entries: Vec<Entry<C, R>> = Vec::with_capacity(operations);
    let mut processes: Vec<(Option<usize>, Option<R>)> = (0..PROCESSES).map(|_| (None, None)).collect();
    let (mut now, mut answered) = (0, 0);
    while answered < operations {
        let process = &mut processes[random.below(PROCESSES as u64) as usize];
        now += 1;
        match process {
            (None, _) if entries.len() < operations => {
                process.0 = Some(entries.len());
                let call = call(&mut random, entries.len() as u64);
                entries.push(Entry { position: entries.len(), call, invoked: now, answer: None });
            }
            (None, _) => {}
            (Some(place), reply @ None) => *reply = Some(effect(&mut random, &entries[*place].call)),
            (Some(place), Some(_)) => {
                entries[*place].answer = process.1.take().map(|reply| (reply, now));
                process.0 = None;
                answered += 1;
            }
        }
    }
    entries
}

/// Puts, takes, and a few peeks of a container.
fn container(
    chance: Chance,
    peeks: u64,
    mut put: impl FnMut(u64),
    mut next: impl FnMut(bool, &mut Random) -> Option<u64>,
) -> Vec<Entry<Call<u64>, Reply<u64>>> {
    let call = |random: &mut Random, fresh: u64| match random.below(100) {
        kind if kind < peeks => Call::Peek,
        kind if kind % 2 == 0 => Call::Take,
        // Each once, in no order.
        _ => Call::Put(fresh.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
    };
    let effect = |random: &mut Random, call: &Call<u64>| {
        if let Call::Put(value) = call {
            put(*value);
            return Reply::Done;
        }
        next(matches!(call, Call::Take), random).map_or(Reply::Empty, Reply::Found)
    };
    history(chance, call, effect)
}

fn queue(chance: Chance, peeks: u64) -> Vec<EntryOf<Queue<u64>>> {
    let held = std::cell::RefCell::new(VecDeque::new());
    container(
        chance,
        peeks,
        |value| held.borrow_mut().push_back(value),
        |takes, _| {
            let mut held = held.borrow_mut();
            if takes { held.pop_front() } else { held.front().copied() }
        },
    )
}

fn stack(chance: Chance, peeks: u64) -> Vec<EntryOf<Stack<u64>>> {
    let held = std::cell::RefCell::new(Vec::new());
    container(
        chance,
        peeks,
        |value| held.borrow_mut().push(value),
        |takes, _| {
            let mut held = held.borrow_mut();
            if takes { held.pop() } else { held.last().copied() }
        },
    )
}

fn priority_queue(chance: Chance, peeks: u64) -> Vec<EntryOf<PriorityQueue<u64>>> {
    let held = std::cell::RefCell::new(BTreeSet::new());
    let put = |value| {
        held.borrow_mut().insert(value);
    };
    container(chance, peeks, put, |takes, _| {
        let mut held = held.borrow_mut();
        if takes { held.pop_last() } else { held.last().copied() }
    })
}

fn unordered_queue(chance: Chance, peeks: u64) -> Vec<EntryOf<UnorderedQueue<u64>>> {
    let held = std::cell::RefCell::new(Vec::new());
    container(
        chance,
        peeks,
        |value| held.borrow_mut().push(value),
        |takes, random| {
            let mut held = held.borrow_mut();
            let place = (!held.is_empty()).then(|| random.below(held.len() as u64) as usize)?;
            Some(if takes { held.swap_remove(place) } else { held[place] })
        },
    )
}

/// Each element is inserted, looked for some times, and removed.
fn elements(chance: Chance) -> Vec<EntryOf<Set<u64>>> {
    let mut held = BTreeSet::new();
    let call = |random: &mut Random, fresh: u64| {
        let element = (fresh / 50) * 10 + random.below(10);
        match random.below(5) {
            0 | 1 => set::Call::Insert(element),
            2 | 3 => set::Call::Contains(element),
            _ => set::Call::Remove(element),
        }
    };
    let effect = |_: &mut Random, call: &set::Call<u64>| {
        set::Reply::Answer(match call {
            set::Call::Insert(element) => held.insert(*element),
            set::Call::Remove(element) => held.remove(element),
            set::Call::Contains(element) => held.contains(element),
            set::Call::Read => false,
        })
    };
    history(chance, call, effect)
}

/// As many elements are added, and all of them read now and then.
fn reads(chance: Chance) -> Vec<EntryOf<Set<u64>>> {
    let mut held = BTreeSet::new();
    let every = chance.operations as u64 / 20;
    let call = |_: &mut Random, fresh: u64| {
        if fresh % every == every - 1 { set::Call::Read } else { set::Call::Insert(fresh) }
    };
    let effect = |_: &mut Random, call: &set::Call<u64>| match call {
        set::Call::Insert(element) => {
            held.insert(*element);
            set::Reply::Done
        }
        _ => set::Reply::All(held.iter().copied().collect()),
    };
    history(chance, call, effect)
}

/// As many operations at each size, in one history or in many: a small one that is judged again and again would be found in the
/// nearest caches, and its chances in the processor's memory of branches, and no history is judged twice.
fn measure<M: Model>(criterion: &mut Criterion, name: &str, model: &M, make: impl Fn(Chance) -> Vec<EntryOf<M>>) {
    let most = SIZES[SIZES.len() - 1];
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    for operations in SIZES {
        let histories: Vec<_> =
            (1..=most / operations).map(|seed| make(Chance { operations, seed: seed as u64 })).collect();
        let decide = || histories.iter().all(|entries| model.decide(black_box(entries)) == Some(Decision::Exists));
        assert!(decide(), "{name}");
        group.throughput(Throughput::Elements(most as u64));
        group.bench_function(BenchmarkId::from_parameter(operations), |bench| bench.iter(decide));
    }
    group.finish();
}

fn judge(criterion: &mut Criterion) {
    measure(criterion, "queue", &Queue::new(), |chance| queue(chance, 0));
    measure(criterion, "queue with peeks", &Queue::new(), |chance| queue(chance, 20));
    measure(criterion, "stack", &Stack::new(), |chance| stack(chance, 0));
    measure(criterion, "stack with peeks", &Stack::new(), |chance| stack(chance, 20));
    measure(criterion, "priority queue", &PriorityQueue::new(), |chance| priority_queue(chance, 0));
    measure(criterion, "priority queue with peeks", &PriorityQueue::new(), |chance| priority_queue(chance, 20));
    measure(criterion, "unordered queue", &UnorderedQueue::new(), |chance| unordered_queue(chance, 0));
    measure(criterion, "set of elements", &Set::new(), elements);
    measure(criterion, "set that is read", &Set::new(), reads);
}

criterion_group!(containers, judge);
criterion_main!(containers);
