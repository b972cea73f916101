//! `dsjepsen list`: what there is, what to expect of it, and what works here.

use clap::ArgMatches;
use dsjepsen_engine::nemesis::faults;
use dsjepsen_engine::target::{Variants, runs_here};
use dsjepsen_targets::targets;
use dsjepsen_workloads::workloads;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};

/// The command.
pub(crate) fn list(arguments: &ArgMatches) -> Result<Exit, Failure> {
    if arguments.get_flag("json") {
        println!("{}", as_json());
    } else {
        print_workloads();
        print_targets();
        print_faults();
    }
    Ok(Exit::Valid)
}

fn served_by(workload: &dyn dsjepsen_workloads::AnyWorkload) -> Vec<&'static str> {
    let none = Variants::default();
    targets()
        .iter()
        .filter(|target| workload.is_served_by(&target.abilities(&none)))
        .map(|target| target.name())
        .collect()
}

fn as_json() -> Value {
    let workloads: Vec<Value> = workloads()
        .iter()
        .map(|workload| {
            let options: Vec<&str> = workload.options().iter().map(|option| option.name).collect();
            json!({"name": workload.name(), "about": workload.about(), "targets": served_by(*workload), "options": options})
        })
        .collect();
    let targets: Vec<Value> = targets()
        .iter()
        .map(|target| {
            let variants: Vec<Value> =
                target.variants().iter().map(|variant| json!({"name": variant.name, "about": variant.about})).collect();
            let (version, unavailable) = match runs_here(*target) {
                Ok(version) => (Some(version), None),
                Err(error) => (None, Some(error.to_string())),
            };
            json!({
                "name": target.name(), "about": target.about(), "expectation": target.expectation(),
                "variants": variants, "version": version, "unavailable": unavailable,
            })
        })
        .collect();
    let faults: Vec<Value> = faults()
        .iter()
        .map(|fault| {
            let unavailable = fault.available().err().map(|error| error.to_string());
            json!({"name": fault.name(), "about": fault.about(), "arguments": fault.arguments(), "unavailable": unavailable})
        })
        .collect();
    json!({"schema": dsjepsen_history::SCHEMA, "workloads": workloads, "targets": targets, "faults": faults})
}

/// Columns of the printed list.
const WIDTH: usize = 110;

/// Prints a text in paragraphs behind an indentation of `depth` columns.
fn print_indented(depth: usize, text: &str) {
    let indent = " ".repeat(depth);
    for paragraph in text.lines() {
        let options = textwrap::Options::new(WIDTH).initial_indent(&indent).subsequent_indent(&indent);
        println!("{}", textwrap::fill(paragraph, options));
    }
}

fn print_workloads() {
    println!("Workloads (--workload):");
    for workload in workloads() {
        println!("\n  {}", workload.name());
        print_indented(4, workload.about());
        print_indented(4, &format!("Served by {}.", served_by(*workload).join(", ")));
        for option in workload.options() {
            print_indented(6, &format!("--{}: {}", option.name, option.help));
        }
    }
}

fn print_targets() {
    println!("\nTargets (--target), with what to expect of them:");
    for target in targets() {
        let state = match runs_here(*target) {
            Ok(version) => version,
            Err(error) => error.to_string(),
        };
        println!("\n  {}  [{state}]", target.name());
        print_indented(4, target.about());
        print_indented(6, target.expectation());
        for variant in target.variants() {
            println!("    {}:{}", target.name(), variant.name);
            print_indented(6, variant.about);
        }
    }
}

fn print_faults() {
    println!("\nFaults (--nemesis, separated by commas, or `none`):");
    for fault in faults() {
        let state = fault.available().err().map_or_else(String::new, |error| format!("  [{error}]"));
        println!("\n  {}{state}", fault.name());
        print_indented(4, fault.about());
        print_indented(4, &format!("{}(…): {}", fault.name(), fault.arguments()));
    }
}
