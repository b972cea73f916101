//! `dsjepsen list`: what there is, what serves what, what to expect of it, and what works here.

mod as_json;

use clap::ArgMatches;
use dsjepsen_checkers::foreign::foreign_models;
use dsjepsen_engine::nemesis::faults;
use dsjepsen_engine::target::{Exposure, Target, Variants, runs_here};
use dsjepsen_history::RUN_EVENT_SCHEMA;
use dsjepsen_history::foreign::Format;
use dsjepsen_targets::targets;
use dsjepsen_workloads::{AnyWorkload, workloads};

use crate::arguments::levels;
use crate::exit::{Exit, Failure};
use crate::say::say;

/// Columns of the printed list.
const WIDTH: usize = 110;

/// The command.
pub(crate) fn list(arguments: &ArgMatches) -> Result<Exit, Failure> {
    if arguments.get_flag("json-schema") {
        say(RUN_EVENT_SCHEMA.trim_end());
    } else if arguments.get_flag("json") {
        say(as_json::everything());
    } else {
        print_matrix();
        print_workloads();
        print_targets();
        print_track_record();
        print_faults();
        print_models();
    }
    Ok(Exit::Valid)
}

fn serves(target: &dyn Target, workload: &dyn AnyWorkload) -> bool {
    workload.is_served_by(&target.abilities(&Variants::default()))
}

/// The command that shows a violation, as words.
fn command(target: &dyn Target, exposure: &Exposure) -> Vec<String> {
    std::iter::once("dsjepsen".to_owned()).chain(exposure.command(target.name())).collect()
}

/// Prints a text in paragraphs behind an indentation of `depth` columns.
fn print_indented(depth: usize, text: &str) {
    let indent = " ".repeat(depth);
    let options = textwrap::Options::new(WIDTH).initial_indent(&indent).subsequent_indent(&indent);
    // A name that is parted at its hyphen is hard to find and to copy.
    let options = options.word_splitter(textwrap::WordSplitter::NoHyphenation);
    for paragraph in text.lines() {
        say(textwrap::fill(paragraph, &options).trim_end());
    }
}

fn print_matrix() {
    say("Which target serves which workload (in brackets: not available here):\n");
    let first = workloads().iter().map(|workload| workload.name().len()).max().unwrap_or_default() + 2;
    let shown = |target: &dyn Target| match runs_here(target) {
        Ok(_) => target.name().to_owned(),
        Err(_) => format!("[{}]", target.name()),
    };
    let columns: Vec<String> = targets().iter().map(|target| shown(*target)).collect();
    say(format_args!("  {:first$}{}", "", columns.join("  ")));
    for workload in workloads() {
        let cells = targets().iter().zip(&columns).map(|(target, column)| {
            let cell = if serves(*target, *workload) { "yes" } else { "·" };
            format!("{cell:^width$}", width = column.chars().count())
        });
        say(format_args!("  {:first$}{}", workload.name(), cells.collect::<Vec<_>>().join("  ").trim_end()));
    }
}

fn print_workloads() {
    say("\nWorkloads (--workload):");
    for workload in workloads() {
        say(format_args!("\n  {}", workload.name()));
        print_indented(4, workload.about());
        for option in workload.options() {
            print_indented(6, &format!("--{}: {}", option.name, option.help));
        }
    }
}

fn print_targets() {
    say("\nTargets (--target; your own by a file: --target FILE.toml), with what to expect of them:");
    for target in targets() {
        let state = match runs_here(*target) {
            Ok(version) => version,
            Err(error) => error.to_string(),
        };
        say(format_args!("\n  {}  [{state}]", target.name()));
        print_indented(4, target.about());
        print_indented(6, target.expectation());
        for variant in target.variants() {
            say(format_args!("    {}:{}", target.name(), variant.name));
            print_indented(6, variant.about);
        }
    }
}

fn print_track_record() {
    say("\nTrack record: violations that are known to show, and the command that shows each:");
    for target in targets() {
        for exposure in target.exposures() {
            say(format_args!("\n  {}", dsjepsen_history::shell_line(&command(*target, exposure))));
            print_indented(4, &format!("{}: {}.", exposure.rules.join(" or "), exposure.why));
            if exposure.nemesis == "none" {
                print_indented(4, "It needs no fault.");
            }
        }
    }
}

fn print_models() {
    say("\nModels, for histories of other tools (`dsjepsen check PATH --model M`):");
    for model in foreign_models() {
        say(format_args!("\n  {}", model.name()));
        print_indented(6, model.about());
    }
    say("\nLevels (--consistency; of txn-rw one):\n");
    print_indented(4, &levels());
    say("\nFormats of histories (--format):\n");
    print_indented(4, &format!("{}.", Format::ALL.map(Format::name).join(", ")));
}

fn print_faults() {
    say("\nFaults (--nemesis, with commas to take turns, or with times: `pause(one) for 2s every 8s; kill at 5s`):");
    for fault in faults() {
        let state = fault.available().err().map_or_else(String::new, |error| format!("  [{error}]"));
        say(format_args!("\n  {}{state}", fault.name()));
        print_indented(4, fault.about());
        print_indented(4, &format!("{}(…): {}", fault.name(), fault.arguments()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the list tells people to type is understood, but for what this machine lacks.
    #[test]
    fn every_command_of_the_track_record_can_be_given() {
        for target in targets() {
            for exposure in target.exposures() {
                let words = command(*target, exposure);
                let matches = crate::arguments::command().try_get_matches_from(&words).unwrap();
                let (_, arguments) = matches.subcommand().unwrap();
                match crate::schedule::Request::read(arguments) {
                    Ok(_) => {}
                    Err(failure) => assert!(runs_here(*target).is_err(), "{words:?}: {failure}"),
                }
                let workload = workloads().iter().find(|workload| workload.name() == exposure.workload).unwrap();
                for rule in exposure.rules {
                    assert!(
                        workload.rules().contains(rule),
                        "{words:?}: no checker of {} has the rule {rule}",
                        workload.name()
                    );
                }
            }
        }
    }
}
