//! `dsjepsen test`: one run or several, each from plan to page.

use std::path::PathBuf;
use std::time::Instant;

use clap::ArgMatches;
use dsjepsen_engine::{Stop, StopReason};
use dsjepsen_history::Gravity;
use tokio::task::LocalSet;

use crate::aside::aside;
use crate::ci::Readers;
use crate::exit::{Exit, Failure, harness, usage};
use crate::run::{RunRequest, run};
use crate::schedule::Request;
use crate::seeds::last_seed;
use crate::signals::{Signals, end_with_parent};
use crate::terminal::Style;

/// The command.
pub(crate) fn test(arguments: &ArgMatches, process_began: Instant) -> Result<Exit, Failure> {
    end_with_parent(arguments)?;
    let mut readers = Readers::begin(arguments)?;
    let exit = run_all(arguments, process_began, &mut readers).inspect_err(|failure| readers.failed(failure, 0))?;
    Ok(readers.finish(exit))
}

fn run_all(arguments: &ArgMatches, process_began: Instant, readers: &mut Readers) -> Result<Exit, Failure> {
    let request = Request::read(arguments)?;
    let given = arguments.get_one::<u64>("seed").copied();
    let first_seed = given.unwrap_or_else(draw_seed);
    let count = arguments.get_one::<u64>("test-count").copied().unwrap_or(1);
    if request.seed().is_none() {
        last_seed(first_seed, count).map_err(usage)?;
    }
    let expected = match arguments.get_one::<String>("expect").map(String::as_str) {
        Some("invalid") => Some(Gravity::Invalid),
        Some("unknown") => Some(Gravity::Unknown),
        Some("valid") => Some(Gravity::Valid),
        _ => None,
    };
    let style = match (arguments.get_flag("json"), arguments.get_flag("quiet")) {
        (true, _) => Style::Json,
        (false, true) => Style::Silent,
        (false, false) => Style::Lines,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| harness(format!("cannot start the runtime: {error}")))?;
    let stop = Stop::default();
    LocalSet::new().block_on(&runtime, async {
        watch_signals(&stop)?;
        let mut worst = Exit::Valid;
        for number in 0..count {
            let one = RunRequest {
                request: &request,
                seed: request.seed().unwrap_or_else(|| first_seed + number),
                store: arguments.get_one::<PathBuf>("store").cloned().unwrap_or_else(|| "store".into()),
                name: arguments.get_one::<String>("run").map(String::as_str),
                style,
                stop: stop.clone(),
                process_began: if number == 0 { process_began } else { Instant::now() },
                leave_running: arguments.get_flag("leave-running"),
            };
            if number > 0 {
                readers.goes_on(number);
            }
            let exit = match run(one).await {
                Ok(ran) => {
                    // A signal after the verdict (to end nodes that were left running) takes nothing from it.
                    let exit = Exit::of(&ran.verdict, ran.verdict.interrupted).expecting(expected);
                    readers.ran(&ran, number, exit);
                    exit
                }
                Err(failure) if number == 0 => return Err(failure),
                Err(failure) => {
                    aside(format_args!("error: {failure}"));
                    readers.failed(&failure, number);
                    failure.exit
                }
            };
            worst = worst.worst(exit);
            let more = number + 1 < count;
            if more && stop.reason() == Some(StopReason::Interrupted) {
                worst = worst.worst(Exit::Interrupted);
            }
            if stop.reason().is_some() || (exit != Exit::Valid && arguments.get_flag("fail-fast")) {
                break;
            }
        }
        Ok(worst)
    })
}

/// The first signal ends the run in good order; the second ends the program at once, and the guardian its processes.
fn watch_signals(stop: &Stop) -> Result<(), Failure> {
    let mut signals = Signals::watch()?;
    let stop = stop.clone();
    tokio::task::spawn_local(async move {
        signals.next().await;
        stop.ask(StopReason::Interrupted);
        signals.next().await;
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    Ok(())
}

/// A seed that is easy to read and to type again.
fn draw_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id()) % 1_000_000
}
