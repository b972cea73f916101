//! The binary `dsjepsen`: arguments in, runs and verdicts out. It alone knows every workload, target, fault and report.

mod arguments;
mod aside;
mod campaign;
mod check;
mod ci;
mod executable;
mod exit;
mod export;
mod github;
mod heal;
mod junit;
mod list;
mod manual;
mod naming;
mod run;
mod say;
mod schedule;
mod seeds;
mod signals;
mod stored_plan;
mod target;
mod terminal;
mod test;
mod words;

use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use clap::ArgMatches;

use tracing_subscriber::EnvFilter;

use aside::aside;
use exit::Exit;

fn main() -> ExitCode {
    let began = Instant::now();
    // Started by another path than its own name, it is found by its name all the same.
    let _ = nix::sys::prctl::set_name(c"dsjepsen");
    let matches = match arguments::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are no errors; everything else is bad usage, which is 254 here and 2 in clap.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    // Diagnostics of the harness itself, as in DSJEPSEN_LOG=debug. A node program of our own sets up its own.
    if matches.subcommand_name() != Some("node") {
        let filter = EnvFilter::try_from_env("DSJEPSEN_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
        let diagnostics = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        // It would panic where nobody reads them.
        diagnostics.log_internal_errors(false).init();
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| dispatch(&matches, began)));
    let exit = outcome.unwrap_or_else(|_| {
        aside("error: dsjepsen itself failed (a panic, shown above); the run says nothing about the target");
        Exit::Harness
    });
    exit.into()
}

fn dispatch(matches: &ArgMatches, began: Instant) -> Exit {
    let result = match matches.subcommand() {
        Some(("test", arguments)) => test::test(arguments, began),
        Some(("campaign", arguments)) => campaign::campaign(arguments),
        Some(("check", arguments)) => check::check(arguments),
        Some(("export", arguments)) => export::export(arguments),
        Some(("heal", arguments)) => heal::heal(arguments),
        Some(("list", arguments)) => list::list(arguments),
        Some(("target", arguments)) => target::target(arguments),
        Some(("completions", arguments)) => manual::completions(arguments),
        Some(("man", arguments)) => manual::man(arguments),
        Some(("node", arguments)) => node(arguments),
        Some(("guardian", arguments)) => {
            let run = arguments.get_one::<String>("run").map_or("", String::as_str);
            dsjepsen_engine::guard(run, BufReader::new(std::io::stdin()));
            Ok(Exit::Valid)
        }
        Some(("first-process", _)) => {
            dsjepsen_engine::be_first_process().map(|()| Exit::Valid).map_err(|error| exit::harness(error.to_string()))
        }
        _ => Err(exit::usage("there is no such command")),
    };
    result.unwrap_or_else(|failure| {
        aside(format_args!("error: {failure}"));
        failure.exit
    })
}

/// `dsjepsen node NAME CONFIG`: one node of a system of our own.
fn node(arguments: &ArgMatches) -> Result<Exit, exit::Failure> {
    let text = |name: &str| arguments.get_one::<String>(name).map_or("", String::as_str);
    let name = text("name");
    let program = dsjepsen_targets::node_programs()
        .iter()
        .find(|program| program.name == name)
        .ok_or_else(|| exit::usage(format!("there is no node program `{name}`")))?;
    (program.run)(text("config")).map_err(|error| exit::harness(format!("{error:#}")))?;
    Ok(Exit::Valid)
}
