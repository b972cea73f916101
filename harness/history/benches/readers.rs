//! How fast foreign histories are read: lines and bytes a second. `cargo bench -p dsjepsen-history --bench readers`.
//!
//! The list-append history is like those of real runs: lines of about 317 bytes on average, two a transaction.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fmt::Write;
use std::hint::black_box;
use std::io::Read;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dsjepsen_history::foreign::{ForeignBody, Paired, read_foreign, read_foreign_with};

/// Lines of a list-append history, transactions on end.
fn list_append(transactions: usize) -> String {
    let mut text = String::new();
    for number in 0..transactions {
        let process = number % 20;
        let at = number * 26_513;
        let key = number / 40;
        let list = |length: usize| (1..=length).map(|item| item.to_string()).collect::<Vec<_>>().join(" ");
        let lists = [list(number % 40 + 20), list(number % 17 + 20), list(number % 29 + 20)];
        for (index, kind) in ["invoke", "ok"].into_iter().enumerate() {
            let read = |list: usize| if index == 0 { "nil".to_owned() } else { format!("[{}]", lists[list]) };
            let _ = writeln!(
                text,
                "{{:index {}, :time {at}, :type :{kind}, :process {process}, :f :txn, :value [[:r {key} {}] [:append {} {}] \
                 [:r {} {}] [:append {} {}] [:append {} {}] [:r {} {}]]}}",
                number * 2 + index,
                read(0),
                key + 1,
                number % 400,
                key + 2,
                read(1),
                key + 3,
                number % 300,
                key + 4,
                number % 200,
                key + 5,
                read(2),
            );
        }
    }
    text
}

/// Lines of a cas-register history in the synthetic form.
fn cas_register(operations: usize) -> String {
    let mut text = String::new();
    for number in 0..operations {
        let process = number % 25;
        let (f, asked, answered) = match number % 3 {
            0 => ("read", "null".to_owned(), (number % 5).to_string()),
            1 => ("write", (number % 5).to_string(), (number % 5).to_string()),
            _ => ("cas", format!("[{},{}]", number % 5, number % 4), format!("[{},{}]", number % 5, number % 4)),
        };
        let _ = writeln!(text, r#"{{"p":{process},"t":"invoke","f":"{f}","v":{asked}}}"#);
        let _ = writeln!(text, r#"{{"p":{process},"t":"ok","f":"{f}","v":{answered}}}"#);
    }
    text
}

/// The same as maps of EDN, with indices and times.
fn cas_register_edn(operations: usize) -> String {
    let mut text = String::new();
    for number in 0..operations {
        let (process, old, new) = (number % 25, number % 5, number % 4);
        let (f, asked, answered) = match number % 3 {
            0 => ("read", "nil".to_owned(), old.to_string()),
            1 => ("write", old.to_string(), old.to_string()),
            _ => ("cas", format!("[{old} {new}]"), format!("[{old} {new}]")),
        };
        for (kind, index, value) in [("invoke", number * 2, asked), ("ok", number * 2 + 1, answered)] {
            let time = index * 13_257;
            let _ = writeln!(
                text,
                "{{:index {index}, :time {time}, :type :{kind}, :process {process}, :f :{f}, :value {value}}}"
            );
        }
    }
    text
}

/// Writes a history of so many operations.
type Generate = fn(usize) -> String;

/// Histories of small operations, by their number.
const REGISTERS: [(&str, Generate); 2] =
    [("a synthetic cas-register", cas_register), ("a cas-register in EDN", cas_register_edn)];

fn count(text: impl Read) -> usize {
    let mut events = 0;
    let read = read_foreign_with(text, "bench", None, |event| {
        black_box(event);
        events += 1;
    });
    read.expect("a history");
    events
}

fn readers(criterion: &mut Criterion) {
    let edn = list_append(20_000);
    let lines = edn.lines().count();
    println!("list-append: {} bytes a line", edn.len() / lines);
    let synthetic = cas_register(100_000);
    for (name, text) in [("edn list-append", &edn), ("synthetic jsonl", &synthetic)] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("read, bytes", |bencher| bencher.iter(|| count(text.as_bytes())));
        group.throughput(Throughput::Elements(text.lines().count() as u64));
        group.bench_function("read, lines", |bencher| bencher.iter(|| count(text.as_bytes())));
        group.bench_function("read and pair, lines", |bencher| {
            bencher.iter(|| paired(text).operations.len());
        });
        group.finish();
    }
}

/// Growth with the length: the time an operation must stay the same.
fn growth(criterion: &mut Criterion) {
    for (name, generate) in REGISTERS {
        let mut group = criterion.benchmark_group(format!("read and pair, {name}"));
        group.sample_size(10);
        for operations in [10_000, 100_000, 1_000_000] {
            let text = generate(operations);
            group.throughput(Throughput::Elements(operations as u64));
            group.bench_function(BenchmarkId::from_parameter(operations), |bencher| {
                bencher.iter_with_large_drop(|| paired(&text));
            });
        }
        group.finish();
    }
}

fn paired(text: &str) -> Paired {
    match read_foreign(text.as_bytes(), "bench", None).expect("a history").body {
        ForeignBody::Operations(paired) => paired,
        _ => unreachable!("events"),
    }
}

/// What criterion does not measure.
fn figures(_: &mut Criterion) {
    for (name, generate) in REGISTERS {
        memory(name, &generate(1_000_000));
    }
    million(&list_append(20_000));
}

/// Bytes of memory for each operation.
fn memory(name: &str, text: &str) {
    let before = resident();
    let paired = paired(text);
    let after = resident();
    println!("memory: {} bytes an operation of {name}", after.saturating_sub(before) / paired.operations.len());
}

/// The resident memory of this process, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0) * 1024
}

/// One pass over a million transactions. The time is that of the processor: others may be at work on this machine.
fn million(part: &str) {
    let (before, start) = (resident(), processor_seconds());
    let events = count(Repeat { part: part.as_bytes(), at: 0, left: 50 });
    let seconds = processor_seconds() - start;
    let grown = resident().saturating_sub(before) >> 20;
    println!("{events} lines of list-append in {seconds:.2} s of one core; memory grew by {grown} MiB");
}

/// The time that this process has computed, in seconds.
fn processor_seconds() -> f64 {
    let status = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name in brackets; in hundredths of a second, which is what Linux shows everywhere.
    let fields = status.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// A text over and over.
struct Repeat<'a> {
    part: &'a [u8],
    at: usize,
    left: usize,
}

impl Read for Repeat<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.part.len() {
            self.at = 0;
            self.left -= 1;
        }
        if self.left == 0 {
            return Ok(0);
        }
        let count = into.len().min(self.part.len() - self.at);
        into[..count].copy_from_slice(&self.part[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

criterion_group!(benches, figures, readers, growth);
criterion_main!(benches);
