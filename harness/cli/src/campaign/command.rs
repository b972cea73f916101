//! The command line of `dsjepsen campaign`, and which of its options may stand in a file.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, value_parser};

use super::seeds::{FirstSeed, Seeds, read_day};
use super::settings::read_time_limit;
use crate::arguments::{TARGET_VALUE, flag, junit, seconds, test_command, text};

/// How many runs may go on at once: each has one of the 254 networks 127.R.0.0/16 of this machine, of which others may have some.
pub(super) const MOST_JOBS: u16 = 250;

/// The options of `test` that a campaign has too, but with a meaning of its own, or that make no sense for many runs.
const NOT_OF_EACH_RUN: [&str; 15] = [
    "workload",
    "target",
    "nemesis",
    "plan",
    "seed",
    "store",
    "test-count",
    "fail-fast",
    "expect",
    "junit",
    "leave-running",
    "json",
    "quiet",
    "run",
    "parent",
];

/// Options that hold for the whole campaign: in a file they stand at its top.
pub(super) const OF_THE_CAMPAIGN: [&str; 7] = ["name", "for", "jobs", "grace", "store", "fail-fast", "require-all"];

/// Options that say which runs there are, in a file at its top or in a `[[matrix]]`.
pub(super) const OF_A_MATRIX: [&str; 6] = ["workload", "target", "nemesis", "seeds", "seed", "expect"];

/// Of those, the ones that are lists.
pub(super) const LISTS: [&str; 3] = ["workload", "target", "nemesis"];

/// The options of `test` that each run gets as they are. They have no defaults here: what nobody says is left to `test`.
pub(super) fn of_each_run() -> Vec<Arg> {
    let test = test_command();
    let own = test.get_arguments().filter(|argument| !NOT_OF_EACH_RUN.contains(&argument.get_id().as_str()));
    own.map(|argument| match argument.get_action() {
        ArgAction::SetTrue => argument.clone(),
        _ => argument.clone().default_value(None::<&'static str>),
    })
    .map(|argument| match argument.get_help_heading() {
        None => argument.help_heading("Options of each run, as of `dsjepsen test`"),
        Some(_) => argument,
    })
    .collect()
}

/// The command.
pub(crate) fn command() -> Command {
    let list = |name: &'static str, value, help| text(name, value, help).action(ArgAction::Append);
    let command = Command::new("campaign")
        .about("Runs a matrix of workloads, targets, faults and seeds, each run a process of its own, and goes on where it was broken off")
        .arg(
            Arg::new("file")
                .value_name("FILE.toml")
                .value_parser(value_parser!(PathBuf))
                .help("What is to be run, in TOML: its keys are the options below, `[[matrix]]` holds one matrix of several. What the command line says goes before"),
        )
        .arg(list("workload", "NAMES", "What the clients do: names with commas, or this option again [default: lock]"))
        .arg(list("target", TARGET_VALUE, "The systems under test, with commas, or this option again [default: raft]"))
        .arg(list("nemesis", "FAULTS", "The faults of each run; a comma (outside of brackets) ends one schedule and begins the next, `+` joins faults that act at once (`pause+partition`), `;` joins those that take turns or have times of their own, as in `test` [default: none]"))
        .arg(
            text("seeds", "N|A..B", "How many seeds, or which: both ends are meant [default: 1]")
                .value_parser(value_parser!(Seeds)),
        )
        .arg(
            text("seed", "FIRST", "The first of N seeds; `today` is the number of days since 1970 (UTC) times N, so that no two nights have one in common [default: 1]")
                .value_parser(value_parser!(FirstSeed)),
        )
        .arg(
            text("today", "DATE", "The day that `today` means, as in 2026-11-21: so a night can be made again [default: this day, UTC]")
                .value_parser(read_day),
        )
        .arg(
            text("for", "TIME", "No run begins that would not end within this time (`2h`, `90m`); the rest is not run, which is no pass [default: no limit]")
                .value_parser(read_time_limit),
        )
        .arg(
            text("jobs", "J", "How many runs go on at once, at most 250 [default: 3 for each core]")
                .value_parser(value_parser!(u16).range(1..=i64::from(MOST_JOBS))),
        )
        .arg(seconds("grace", "How long a run may take beyond --time-limit and --recovery-time, for its set-up, its final reads and its judgement, before it is ended [default: 120]"))
        .arg(text("name", "NAME", "What the campaign is called [default: the name of the file]"))
        .arg(
            text("resume", "DIR", "Goes on with a campaign: runs what has not ended, and nothing twice")
                .value_parser(value_parser!(PathBuf))
                .conflicts_with_all(["file", "workload", "target", "nemesis", "seeds", "seed", "today", "grace", "name", "store", "expect", "require-all", "dry-run"]),
        )
        .arg(text("store", "DIR", "Where campaigns are recorded [default: store]").value_parser(value_parser!(PathBuf)))
        .arg(flag("fail-fast", "Begin no more runs after the first that is not as expected"))
        .arg(
            text("expect", "VERDICT", "The verdict that every run should have; with `invalid`, a planted flaw that is not found is a failure [default: valid]")
                .value_parser(PossibleValuesParser::new(["valid", "invalid", "unknown"])),
        )
        .arg(flag("require-all", "Whatever cannot be run here is unknown, and no pass: for machines that are meant to have all of it"))
        .arg(flag("dry-run", "Print what would be run and what cannot be, and run nothing"))
        .arg(junit())
        .arg(flag("json", "Print what happens as JSON lines"))
        .arg(flag("quiet", "Print only what is not as expected, and the counts"));
    of_each_run().into_iter().fold(command, |command, argument| {
        let id = argument.get_id().to_string();
        if command.get_arguments().any(|known| known.get_id().as_str() == id) {
            return command;
        }
        command.arg(argument.conflicts_with("resume"))
    })
}

/// `--grace`, where nobody says otherwise.
pub(super) const GRACE_S: f64 = 120.0;

/// An option by its name.
pub(super) fn option(name: &str) -> Option<Arg> {
    command().get_arguments().find(|argument| argument.get_id().as_str() == name).cloned()
}

/// Whether an option takes no value.
pub(super) fn is_switch(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::SetTrue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_test_is_one_of_a_campaign_or_left_out_on_purpose() {
        let own: Vec<String> = command().get_arguments().map(|argument| argument.get_id().to_string()).collect();
        for argument in test_command().get_arguments() {
            let id = argument.get_id().as_str();
            let left_out = ["plan", "test-count", "leave-running", "run", "parent"].contains(&id);
            assert_eq!(own.iter().any(|known| known == id), !left_out, "--{id}");
        }
        for name in OF_THE_CAMPAIGN.iter().chain(&OF_A_MATRIX) {
            assert!(own.iter().any(|known| known == name), "--{name}");
        }
    }

    #[test]
    fn the_options_of_each_run_have_no_default_of_their_own() {
        for argument in of_each_run().iter().filter(|argument| !is_switch(argument)) {
            assert!(argument.get_default_values().is_empty(), "{argument}");
        }
    }

    #[test]
    fn an_interrupted_campaign_goes_on_as_it_was_planned() {
        for words in [["--resume", "x", "--time-limit", "5"], ["--resume", "x", "--workload", "lock"]] {
            let words = ["campaign"].into_iter().chain(words);
            assert!(command().try_get_matches_from(words).is_err());
        }
        assert!(command().try_get_matches_from(["campaign", "--resume", "x", "--jobs", "3", "--for", "1h"]).is_ok());
    }
}
