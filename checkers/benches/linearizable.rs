//! How long generated histories of one register take to decide: right ones, ones with a value that was never written, and ones with
//! a value that was written and replaced.
#![allow(missing_docs, reason = "criterion's macros make items of their own")]

#[path = "../examples/cas_histories/generator/mod.rs"]
#[allow(dead_code, reason = "the example uses all of it, the benchmark a part")]
mod generator;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dsjepsen_checkers::linearizable::{Answer, CONFIGURATIONS, decide};

use generator::{Family, Options, REGISTER, Twin, generate};

fn registers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("linearizable");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for operations in [1_000, 10_000] {
        for (clients, lost_percent) in [(10, 0.0), (10, 5.0), (50, 0.0), (50, 5.0)] {
            for twin in [Twin::Ok, Twin::Bad, Twin::Stale] {
                // Not every history has a read that can be made stale.
                let of = |seed| Options { operations, clients, lost_percent, family: Family::Small, seed, twin };
                let Some(history) = (1..1_000).find_map(|seed| generate(&of(seed))) else { continue };
                let entries = history.entries();
                let judge = || decide(&REGISTER, &entries, CONFIGURATIONS);
                let wrong = if twin == Twin::Ok { Answer::Impossible } else { Answer::Exists };
                let answer = judge();
                assert_ne!(answer, wrong);
                group.throughput(Throughput::Elements(operations as u64));
                let name = format!("{operations}/c{clients}/i{lost_percent}/{twin:?}/{answer:?}").to_lowercase();
                group.bench_function(name, |bencher| bencher.iter(|| black_box(judge())));
            }
        }
    }
    group.finish();
}

criterion_group!(benches, registers);
criterion_main!(benches);
