//! How long large histories of single objects take to decide by the models' own ways.
#![allow(missing_docs, reason = "criterion's macros make items of their own")]

mod histories;

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use dsjepsen_checkers::linearizable::{Decision, EntryOf, Model};
use dsjepsen_checkers::models::counter::Counter;
use dsjepsen_checkers::models::fenced_mutex::FencedMutex;
use dsjepsen_checkers::models::fetch_add::FetchAdd;
use dsjepsen_checkers::models::mutex::Mutex;
use dsjepsen_checkers::models::owner_mutex::OwnerMutex;
use dsjepsen_checkers::models::register::Register;
use dsjepsen_checkers::models::semaphore::Semaphore;
use dsjepsen_checkers::models::unique_ids::UniqueIds;

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

fn decide<M: Model>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    model: &M,
    history: fn(usize) -> Vec<EntryOf<M>>,
) {
    for size in SIZES {
        let entries = history(size);
        assert_eq!(model.decide(&entries), Some(Decision::Exists), "{name}");
        group.throughput(Throughput::Elements(entries.len() as u64));
        group.bench_function(format!("{name}/{size}"), |bencher| bencher.iter(|| black_box(model.decide(&entries))));
    }
}

fn objects(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("objects");
    group.sample_size(10);
    decide(&mut group, "register", &Register { initial: 0 }, histories::register);
    decide(&mut group, "mutex", &Mutex::default(), histories::mutex);
    decide(&mut group, "owner-mutex", &OwnerMutex, histories::owner_mutex);
    decide(&mut group, "fenced-mutex", &FencedMutex, histories::fenced_mutex);
    decide(&mut group, "semaphore", &Semaphore::default(), histories::semaphore);
    decide(&mut group, "counter", &Counter::default(), histories::counter);
    decide(&mut group, "fetch-add", &FetchAdd::default(), histories::fetch_add);
    decide(&mut group, "unique-ids", &UniqueIds::default(), histories::unique_ids);
    group.finish();
}

criterion_group!(benches, objects);
criterion_main!(benches);
