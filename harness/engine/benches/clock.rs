//! What a look at the wall clock costs a process whose clock is skewed, beside one that is let alone. It must be no more than
//! twice as much. `cargo bench -p dsjepsen-engine --bench clock`.
//!
//! Each process is this program again. It counts time by CLOCK_MONOTONIC, which stays true, but is asked by way of the same code.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::hint::black_box;
use std::process::Command;
use std::time::{Instant, SystemTime};

use dsjepsen_engine::run_skewed;

/// The argument that makes it measure.
const MEASURE: &str = "--measure-one-process";
const CALLS: u32 = 2_000_000;
const ROUNDS: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    if arguments.any(|argument| argument == MEASURE) {
        measure();
        return Ok(());
    }
    let program = std::env::current_exe()?;
    let command = || {
        let mut command = Command::new(&program);
        command.arg(MEASURE);
        command
    };
    let plain = nanoseconds(&command().output()?.stdout)?;
    println!("{plain:6.1} ns a look, let alone");
    for skew in ["+100s", "-7s", "drift +10%"] {
        let (output, witnessed) = run_skewed(command(), skew.parse()?)?;
        assert!(witnessed.confirmed, "{witnessed:?}");
        let skewed = nanoseconds(&output.stdout)?;
        println!("{skewed:6.1} ns a look, {:.2} times as much, with {skew}", skewed / plain);
    }
    Ok(())
}

/// The best of some rounds, in ns a call: others only disturb.
fn measure() {
    let round = || {
        let began = Instant::now();
        for _ in 0..CALLS {
            black_box(SystemTime::now());
        }
        began.elapsed().as_nanos() as f64 / f64::from(CALLS)
    };
    println!("{}", (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min));
}

fn nanoseconds(output: &[u8]) -> Result<f64, Box<dyn Error>> {
    Ok(std::str::from_utf8(output)?.trim().parse()?)
}
