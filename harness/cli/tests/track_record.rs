//! The track record, run again: every violation that `dsjepsen list` claims is found by the command that it names, after a
//! fault that was seen to take effect, where it needs one. Targets that are not installed are skipped by name.

mod common;

use std::path::Path;

use common::{Store, read_json, text};
use dsjepsen_engine::nemesis::parse_nemesis;
use dsjepsen_engine::target::{Exposure, Target, Unavailable, runs_here};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// A violation that shows in eight of ten runs is missed by six in one of fifteen thousand.
const ATTEMPTS: u64 = 6;
/// Runs mostly wait.
const AT_ONCE: usize = 8;

fn main() {
    let targets = dsjepsen_targets::targets().iter();
    let mut exposures: Vec<_> =
        targets.flat_map(|target| target.exposures().iter().map(|exposure| (*target, exposure))).collect();
    // Those with arguments of their own take longest: nothing waits for them alone at the end.
    exposures.sort_by_key(|(_, exposure)| exposure.arguments.is_empty());
    let trials = exposures.into_iter().map(|(target, exposure)| trial(target, exposure)).collect();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(target: &'static dyn Target, exposure: &'static Exposure) -> Trial {
    let name = format!("{}_of_{}_under_{}", exposure.workload, exposure.target(target.name()), exposure.nemesis);
    let missing = runs_here(target).map(|_| ()).and_then(|()| faults_available(exposure)).err();
    let name = missing.as_ref().map_or_else(|| name.clone(), |missing| format!("{name} (skipped: {missing})"));
    Trial::test(name, move || shows(target.name(), exposure)).with_ignored_flag(missing.is_some())
}

/// A fault that cannot be read at all is left for the run to refuse.
fn faults_available(exposure: &Exposure) -> Result<(), Unavailable> {
    let Ok(schedule) = parse_nemesis(exposure.nemesis) else { return Ok(()) };
    schedule.asked().iter().try_for_each(|asked| asked.fault.available())
}

fn shows(target: &str, exposure: &Exposure) -> Result<(), Failed> {
    let mut last = String::new();
    for seed in 1..=ATTEMPTS {
        let store = Store::new();
        let mut command = store.test(&format!("--seed {seed} --quiet"));
        // The first word, `test`, stands there already.
        let output = command.args(&exposure.command(target)[1..]).output()?;
        let proven = match output.status.code() {
            Some(1) => proof(&store.latest(), exposure),
            code => Err(format!("exit code {code:?}").into()),
        };
        match proven {
            Ok(()) => return Ok(()),
            Err(why) => last = format!("seed {seed}: {}: {}", why.message().unwrap_or_default(), text(&output)),
        }
    }
    Err(format!("not shown in {ATTEMPTS} runs; the last: {last}").into())
}

/// The finding is of an expected rule, and a fault was in force before its end.
fn proof(run: &Path, exposure: &Exposure) -> Result<(), Failed> {
    let verdict = read_json(&run.join("verdict.json"));
    let findings = verdict["findings"].as_array().ok_or("no findings")?;
    let finding = findings
        .iter()
        .find(|finding| exposure.rules.iter().any(|rule| finding["rule"] == *rule))
        .ok_or_else(|| format!("another rule was broken: {findings:?}"))?;
    if exposure.nemesis == "none" {
        return Ok(());
    }
    let last = finding["operations"].as_array().and_then(|operations| operations.last()).and_then(Value::as_u64);
    let history = std::fs::read_to_string(run.join("history.jsonl"))?;
    let mut events = history.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
    let installed =
        events.find(|event| event["value"]["outcome"] == "installed" && event["value"]["confirmed"] == true);
    let installed = installed.and_then(|event| event["index"].as_u64()).ok_or("no fault was confirmed")?;
    match last {
        Some(last) if last > installed => Ok(()),
        _ => Err(format!("the violation ends at {last:?}, before the first fault at {installed}").into()),
    }
}
