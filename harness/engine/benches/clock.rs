//! What a look at a clock costs a process whose clock is skewed, beside one that is let alone. It must be no more than
//! twice as much. `cargo bench -p dsjepsen-engine --bench clock`.
//!
//! Each process is this program again. It measures looks at either clock by the other one, of which at most one goes wrong.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

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
    println!("{:6.1} ns a look at the wall clock, {:6.1} at CLOCK_MONOTONIC, let alone", plain[0], plain[1]);
    for skew in ["+100s", "-7s", "drift +10%", "monotonic drift +10%"] {
        let (output, witnessed) = run_skewed(command(), skew.parse()?)?;
        assert!(witnessed.confirmed, "{witnessed:?}");
        let [wall, monotonic] = nanoseconds(&output.stdout)?;
        let times = [wall / plain[0], monotonic / plain[1]];
        println!("{wall:6.1} ns, {:.2} times as much, and {monotonic:6.1}, {:.2}, with {skew}", times[0], times[1]);
    }
    Ok(())
}

/// The best of some rounds, in ns a call: others only disturb. Of the wall clock, then of CLOCK_MONOTONIC, which a drift makes
/// measure a tenth too much.
fn measure() {
    let of_wall = || {
        let began = Instant::now();
        for _ in 0..CALLS {
            black_box(SystemTime::now());
        }
        began.elapsed()
    };
    let of_monotonic = || {
        let began = SystemTime::now();
        for _ in 0..CALLS {
            black_box(Instant::now());
        }
        began.elapsed().unwrap_or(Duration::MAX)
    };
    let best = |round: &dyn Fn() -> Duration| (0..ROUNDS).map(|_| round()).min().unwrap_or_default();
    for best in [best(&of_wall), best(&of_monotonic)] {
        println!("{}", best.as_nanos() as f64 / f64::from(CALLS));
    }
}

/// Of the wall clock, and of CLOCK_MONOTONIC.
fn nanoseconds(output: &[u8]) -> Result<[f64; 2], Box<dyn Error>> {
    let read: Vec<f64> = std::str::from_utf8(output)?.lines().map(str::parse).collect::<Result<_, _>>()?;
    <[f64; 2]>::try_from(read).map_err(|read| format!("{read:?} is not one figure for each clock").into())
}
