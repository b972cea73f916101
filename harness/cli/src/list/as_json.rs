//! The list for programs. It carries the schema number of all our files.

use dsjepsen_checkers::foreign::foreign_models;
use dsjepsen_engine::nemesis::faults;
use dsjepsen_engine::target::{Target, runs_here};
use dsjepsen_history::foreign::Format;
use dsjepsen_targets::targets;
use dsjepsen_workloads::{AnyWorkload, workloads};
use serde_json::{Value, json};

/// Everything that the printed list shows.
pub(super) fn everything() -> Value {
    json!({
        "schema": dsjepsen_history::SCHEMA,
        "workloads": workloads().iter().map(|workload| of_workload(*workload)).collect::<Vec<_>>(),
        "targets": targets().iter().map(|target| of_target(*target)).collect::<Vec<_>>(),
        "faults": faults().iter().map(|fault| json!({
            "name": fault.name(),
            "about": fault.about(),
            "arguments": fault.arguments(),
            "unavailable": fault.available().err().map(|error| error.to_string()),
        })).collect::<Vec<_>>(),
        "models": foreign_models().iter().map(|model| json!({
            "name": model.name(),
            "about": model.about(),
            "options": model.options().iter().map(|option| option.name()).collect::<Vec<_>>(),
            "levels": model.levels(),
        })).collect::<Vec<_>>(),
        "formats": Format::ALL.map(Format::name),
    })
}

fn of_workload(workload: &dyn AnyWorkload) -> Value {
    let serving = targets().iter().filter(|target| super::serves(**target, workload));
    let options = workload.options();
    json!({
        "name": workload.name(),
        "about": workload.about(),
        "options": options.iter().map(|option| json!({"name": option.name, "help": option.help})).collect::<Vec<_>>(),
        "rules": workload.rules(),
        "targets": serving.map(|target| target.name()).collect::<Vec<_>>(),
    })
}

fn of_target(target: &dyn Target) -> Value {
    let variants = target.variants().iter();
    let exposures = target.exposures().iter();
    let (version, unavailable) = match runs_here(target) {
        Ok(version) => (Some(version), None),
        Err(error) => (None, Some(error.to_string())),
    };
    json!({
        "name": target.name(),
        "about": target.about(),
        "expectation": target.expectation(),
        "version": version,
        "unavailable": unavailable,
        "nodes": target.default_nodes(),
        "variants": variants.map(|variant| json!({"name": variant.name, "about": variant.about})).collect::<Vec<_>>(),
        "exposures": exposures.map(|exposure| json!({
            "target": exposure.target(target.name()),
            "workload": exposure.workload,
            "nemesis": exposure.nemesis,
            "rules": exposure.rules,
            "why": exposure.why,
            "command": super::command(target, exposure),
        })).collect::<Vec<_>>(),
    })
}
