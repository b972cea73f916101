//! The command line. Names are Jepsen's where Jepsen has them; the options of workloads come from the workloads themselves.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use clap_complete::Shell;
use dsjepsen_checkers::foreign::foreign_models;
use dsjepsen_history::foreign::Format;
use dsjepsen_history::{JepsenNotation, OptionValue, Options};
use dsjepsen_workloads::{AnyWorkload, OptionKind, OptionSpec, workloads};

use crate::exit::{Failure, usage};

/// How many nodes a run may have.
pub(crate) const NODES: RangeInclusive<u64> = 1..=99;
/// How many workers.
pub(crate) const WORKERS: RangeInclusive<u64> = 1..=10_000;
/// How long one request may take.
pub(crate) const OP_TIMEOUT_MS: RangeInclusive<u64> = 10..=600_000;
/// The longest that a phase may be, in seconds.
pub(crate) const LONGEST_S: u64 = 10_000_000;

/// The whole command line.
pub(crate) fn command() -> Command {
    visible_command()
        .subcommand(
            Command::new("node")
                .about("Runs one node of a system of our own; the harness starts these by itself")
                .hide(true)
                .arg(Arg::new("name").required(true))
                .arg(Arg::new("config").required(true)),
        )
        .subcommand(Command::new("guardian").hide(true).arg(Arg::new("run").required(true)))
        .subcommand(Command::new("first-process").hide(true))
}

/// The commands that are for people.
pub(crate) fn visible_command() -> Command {
    Command::new("dsjepsen")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Runs real nodes through faults and says, with proof, whether they kept their promises")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(test_command())
        .subcommand(crate::campaign::command())
        .subcommand(check_command())
        .subcommand(export_command())
        .subcommand(heal_command())
        .subcommand(
            Command::new("list")
                .about("Shows workloads, targets with what to expect of them, faults, and models of other tools' histories")
                .arg(flag("json", "Print the list as JSON"))
                .arg(flag("json-schema", "Print the JSON Schema of the lines of `dsjepsen test --json`").conflicts_with("json")),
        )
        .subcommand(target_command())
        .subcommand(
            Command::new("completions")
                .about("Prints a script that completes commands and options in a shell")
                .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(value_parser!(Shell))),
        )
        .subcommand(
            Command::new("man").about("Prints the manual page, or writes one for each command into a folder").arg(
                Arg::new("folder")
                    .value_name("DIR")
                    .value_parser(value_parser!(PathBuf))
                    .help("Where the pages are written [default: one page for all, to standard output]"),
            ),
        )
}

/// How a target is named on the command line.
pub(crate) const TARGET_VALUE: &str = "NAME[:OPTION…]|FILE.toml";

fn check_command() -> Command {
    Command::new("check")
        .about("Judges a recorded run again, or a history of another tool against a model")
        .arg(
            Arg::new("path")
                .value_name("PATH")
                .required_unless_present("manifest")
                .value_parser(value_parser!(PathBuf))
                .help("A run's directory, such as store/latest; with --model a history's file, or `-` for standard input"),
        )
        .arg(text("model", "MODEL", "What the history is of; `dsjepsen list` shows the models"))
        .arg(text("init", "V", "The value before the first operation, in EDN; unless it is nil, a read of nil says nothing [default: nil]").allow_hyphen_values(true))
        .arg(flag("independent", "Values are `[key value]`: each key is an object of its own").conflicts_with("no-split"))
        .arg(flag("no-split", "Values are not `[key value]`, whatever the format says"))
        .arg(
            text("failed-cas", "MEANING", "What a failed cas says: that it found another value, nothing, or what the format's own tool has it say [default: auto]")
                .value_parser(PossibleValuesParser::new(["observe", "ignore", "auto"])),
        )
        .arg(
            text("consistency", "LEVELS", "The levels that should hold, with commas [default: strict-serializable]")
                .long_help(format!("The levels that should hold, with commas [default: strict-serializable]\n\n{}", levels())),
        )
        .arg(
            text("format", "FORMAT", "The history's format [default: told by its bytes]")
                .value_parser(PossibleValuesParser::new(Format::ALL.map(Format::name))),
        )
        .arg(
            number("budget-s", "S", "How long a history may be read and judged; what is not decided by then is unknown [default: no limit]")
                .value_parser(value_parser!(u64).range(1..=1_000_000)),
        )
        .arg(
            text("html", "FILE", "Draws the verdict as a page, one file without a network; of a run, its whole page again")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            text("manifest", "FILE", "Judges every row of a table of histories with known verdicts; 0 iff all are as expected")
                .value_parser(value_parser!(PathBuf))
                .conflicts_with_all(["path", "model", "init", "independent", "no-split", "failed-cas", "consistency", "format", "html"]),
        )
        .arg(junit())
        .arg(flag("json", "Print the verdict as JSON"))
        .arg(flag("quiet", "Print nothing; the exit code tells"))
        .arg(parent())
}

/// The levels of each model that has any, a paragraph for those that have the same.
pub(crate) fn levels() -> String {
    let mut all: Vec<(Vec<&'static str>, Vec<&'static str>)> = Vec::new();
    for model in foreign_models().iter().filter(|model| !model.levels().is_empty()) {
        let levels = model.levels();
        match all.iter_mut().find(|(_, others)| *others == levels) {
            Some((models, _)) => models.push(model.name()),
            None => all.push((vec![model.name()], levels)),
        }
    }
    let paragraphs = all.iter().map(|(models, levels)| format!("Of {}: {}.", models.join(" and "), levels.join(", ")));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

fn export_command() -> Command {
    Command::new("export")
        .about("Writes a recorded run's history as Jepsen, Knossos and Elle read it")
        .arg(run_directory())
        .arg(
            text(
                "format",
                "FORMAT",
                "`edn`: Jepsen's history.edn, a map a line; `json`: an array, as elle-cli takes it",
            )
            .value_parser(PossibleValuesParser::new(JepsenNotation::ALL.map(JepsenNotation::name)))
            .default_value(JepsenNotation::Edn.name()),
        )
        .arg(
            text("output", "FILE", "Where it is written; a file is replaced whole [default: standard output]")
                .value_parser(value_parser!(PathBuf)),
        )
}

fn heal_command() -> Command {
    Command::new("heal")
        .about("Ends what a run left behind whose controller and guardian were both killed, and says what that was")
        .arg(run_directory())
        .arg(flag("json", "Print what was done as JSON"))
}

fn run_directory() -> Arg {
    Arg::new("run")
        .value_name("RUN")
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help("A run's directory, such as store/latest")
}

fn target_command() -> Command {
    let check = Command::new("check")
        .about("Starts a cluster without faults, and checks step by step that the target keeps the contract that it claims")
        .arg(Arg::new("target").value_name(TARGET_VALUE).required(true).help("The target: its TOML file, or its name"))
        .arg(nodes())
        .arg(flag("json", "Print the results as JSON"));
    Command::new("target").about("Looks after systems under test").subcommand_required(true).subcommand(check)
}

fn parent() -> Arg {
    number("parent", "PID", "The process with which this one ends").hide(true)
}

pub(crate) fn junit() -> Arg {
    text("junit", "FILE", "Writes what came of it as JUnit XML, for CI systems; the file is replaced whole")
        .value_parser(value_parser!(PathBuf))
}

fn nodes() -> Arg {
    number("nodes", "N", "Number of nodes [default: the target's own, mostly 5]")
        .value_parser(value_parser!(u16).range(*NODES.start() as i64..=*NODES.end() as i64))
}

pub(crate) fn test_command() -> Command {
    let command = Command::new("test")
        .about("Starts a cluster, drives a workload against it under faults, and judges what the clients saw")
        .arg(text("workload", "NAME", "What the clients do").default_value("lock"))
        .arg(
            text("target", TARGET_VALUE, "The system under test: its name with its options (`raft:unfenced`), or its TOML file")
                .default_value("raft"),
        )
        .arg(
            text("nemesis", "FAULTS", "Which faults: `none`; names that take turns, as in `partition,pause(leader)`; or with times of their own, as in `partition(leader) for 3s every 8s; kill at 5s`")
                .default_value("none"),
        )
        .arg(flag("skew-monotonic", "Allows faults as in `clock(n1, monotonic drift +10%)`: a wrong rate of CLOCK_MONOTONIC may break programs in ways that hardware does not"))
        .arg(
            text("plan", "FILE", "Runs a stored plan again as it stands, edited or not: workload, target, faults, settings and seed are its own")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(nodes())
        .arg(text("concurrency", "N|Nn", "Number of client workers; `2n` is two a node").default_value("2n"))
        .arg(seconds("time-limit", "Length of the main phase").default_value("30"))
        .arg(number("rate", "HZ", "Operations a second over all workers; 0 is without limit").default_value("300"))
        .arg(seconds("nemesis-interval", "Time from a fault's start to its heal, and from a heal to the next start [default: by the time limit and the number of faults, 0.5 to 3]"))
        .arg(seconds("recovery-time", "How long clients run on after everything is healed").default_value("5"))
        .arg(
            number("op-timeout-ms", "MS", "Deadline of one request with its retries")
                .default_value("1000")
                .value_parser(value_parser!(u64).range(OP_TIMEOUT_MS)),
        )
        .arg(number("seed", "N", "Fixes the schedule of faults and every worker's calls [default: drawn anew]"))
        .arg(
            Arg::new("store")
                .long("store")
                .value_name("DIR")
                .help("Where runs are recorded")
                .default_value("store")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            number("test-count", "N", "How many runs, each with the next seed; of a stored plan all with its own")
                .default_value("1")
                .value_parser(value_parser!(u64).range(1..)),
        )
        .arg(flag("fail-fast", "Stop after the first run that is not as expected"))
        .arg(
            text("expect", "VERDICT", "The verdict that exits with 0")
                .value_parser(PossibleValuesParser::new(["valid", "invalid", "unknown"])),
        )
        .arg(junit())
        .arg(flag("leave-running", "Leave the nodes running after the run, until Ctrl-C"))
        .arg(flag("json", "Print events and the verdict as JSON lines"))
        .arg(flag("quiet", "Print only the verdict"))
        .arg(text("run", "NAME", "The run's name, where its caller chooses it").hide(true))
        .arg(parent());
    workload_options().into_values().fold(command, |command, (owners, spec)| {
        let (value_name, default) = match spec.kind {
            OptionKind::Number { default, .. } => ("N", default.to_string()),
            OptionKind::Choice(words) => ("WORD", words.first().copied().unwrap_or_default().to_owned()),
        };
        command.arg(
            Arg::new(spec.name)
                .long(spec.name)
                .value_name(value_name)
                .help(format!("{} [default: {default}]", spec.help))
                .help_heading(format!("Options of workload {}", owners.join(", "))),
        )
    })
}

/// Every workload's options by name, with the workloads that have them.
pub(crate) fn workload_options() -> BTreeMap<&'static str, (Vec<&'static str>, OptionSpec)> {
    let mut options: BTreeMap<&'static str, (Vec<&'static str>, OptionSpec)> = BTreeMap::new();
    for workload in workloads() {
        for spec in workload.options() {
            options.entry(spec.name).or_insert_with(|| (Vec::new(), spec)).0.push(workload.name());
        }
    }
    options
}

/// The options of this workload, complete; an option of another one is bad usage.
pub(crate) fn read_options(arguments: &ArgMatches, workload: &dyn AnyWorkload) -> Result<Options, Failure> {
    let own: BTreeMap<&str, OptionSpec> = workload.options().into_iter().map(|spec| (spec.name, spec)).collect();
    let mut options: BTreeMap<String, OptionValue> =
        own.values().map(|spec| (spec.name.to_owned(), spec.default_value())).collect();
    for name in workload_options().into_keys() {
        let Some(text) = arguments.get_one::<String>(name) else {
            continue;
        };
        let spec =
            own.get(name).ok_or_else(|| usage(format!("--{name} is no option of workload `{}`", workload.name())))?;
        options.insert(name.to_owned(), spec.parse(text).map_err(usage)?);
    }
    Ok(Options(options))
}

pub(crate) fn text(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

pub(crate) fn number(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    text(name, value, help).value_parser(value_parser!(u64))
}

pub(crate) fn seconds(name: &'static str, help: &'static str) -> Arg {
    text(name, "S", help).value_parser(|text: &str| match text.parse::<f64>() {
        Ok(number) if (0.0..=LONGEST_S as f64).contains(&number) => Ok(number),
        _ => Err(format!("`{text}` is no number of seconds")),
    })
}

pub(crate) fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_option_of_a_workload_has_a_flag_and_a_default_that_it_accepts() {
        for (owners, spec) in workload_options().into_values() {
            let text = match spec.default_value() {
                OptionValue::Number(number) => number.to_string(),
                OptionValue::Word(word) => word,
            };
            assert_eq!(spec.parse(&text).unwrap(), spec.default_value(), "--{} of {owners:?}", spec.name);
            assert!(spec.parse("no such value").is_err(), "--{} takes anything", spec.name);
        }
    }
}
