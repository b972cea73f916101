//! `dsjepsen list`: what there is, what to expect of it, and what works here.

use clap::ArgMatches;
use dsjepsen_engine::nemesis::faults;
use dsjepsen_engine::target::Variants;
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
            let variants: Vec<Value> = target
                .variants()
                .iter()
                .map(|variant| json!({"name": variant.name, "about": variant.about, "exposed_by": variant.exposed_by}))
                .collect();
            let (version, unavailable) = match target.available() {
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

fn print_workloads() {
    println!("Workloads (--workload):");
    for workload in workloads() {
        println!("  {:<12} {}", workload.name(), workload.about());
        println!("  {:<12} served by {}", "", served_by(*workload).join(", "));
        for option in workload.options() {
            println!("  {:<12}   --{:<20} {}", "", option.name, option.help);
        }
    }
}

fn print_targets() {
    println!("\nTargets (--target):");
    for target in targets() {
        let state = match target.available() {
            Ok(version) => version,
            Err(error) => error.to_string(),
        };
        println!("  {:<12} {} [{state}]", target.name(), target.about());
        println!("  {:<12} {}", "", target.expectation());
        for variant in target.variants() {
            println!("  {:<12}   {}:{:<16} {}", "", target.name(), variant.name, variant.about);
            if let Some(exposed_by) = variant.exposed_by {
                println!("  {:<12}   {:<16} a planted flaw, exposed by {exposed_by}", "", "");
            }
        }
    }
}

fn print_faults() {
    println!("\nFaults (--nemesis, separated by commas, or `none`):");
    for fault in faults() {
        let state = fault.available().err().map_or_else(String::new, |error| format!(" [{error}]"));
        println!("  {:<12} {}{state}", fault.name(), fault.about());
        println!("  {:<12} {}({})", "", fault.name(), fault.arguments());
    }
}
