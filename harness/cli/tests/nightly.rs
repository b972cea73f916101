//! The night that runs by itself: the workflow, the lines for cron and systemd in the README, and `night.toml`. Each is read as the one reads it who will, and every
//! command in them is given to the real binary, up to the point where runs would begin.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "what is skipped is told")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{DSJEPSEN, is_installed, text};
use dsjepsen_history::{Campaign, Gravity};
use yaml_rust2::{Yaml, YamlLoader};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// What a command would run. Its words have no quotes: neither a shell nor systemd changes anything about them.
fn planned(line: &str) -> Campaign {
    assert!(!line.contains(['\'', '"', '$', '`', '\\', '%']), "`{line}` means something else in each place");
    let mut words = line.split_whitespace();
    let program = words.next().unwrap();
    assert!(program == "dsjepsen" || program.ends_with("/dsjepsen"), "{line}");
    let output = Command::new(DSJEPSEN).args(words).args(["--dry-run", "--json"]).current_dir(root()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{line}: {}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether a line of a script begins this program.
fn is_ours(line: &str) -> bool {
    line.split_whitespace().next().is_some_and(|word| word == "dsjepsen" || word.ends_with("/dsjepsen"))
}

#[test]
fn a_night_names_the_command_that_makes_it_again_on_any_other_day() {
    let today = planned("dsjepsen campaign night.toml --seed today");
    let command = today.command.iter().filter(|word| !word.starts_with("--dry") && *word != "--json");
    let again = planned(&command.map(String::as_str).collect::<Vec<_>>().join(" "));
    assert_eq!(again.cells, today.cells);
    let [.., option, _] = today.command.as_slice() else { panic!("{:?}", today.command) };
    assert_eq!(option, "--today");
    // What was said is kept as it is.
    let then = planned("dsjepsen campaign night.toml --seed today --today 2026-11-21");
    assert_eq!(then.cells[0].seed, 20_778 * 3);
    assert_eq!(then.command.iter().filter(|word| *word == "--today").count(), 1);
    let numbered = planned("dsjepsen campaign night.toml --seed 5");
    assert!(!numbered.command.iter().any(|word| word == "--today"));
}

#[test]
fn night_toml_loads_and_each_of_its_cells_can_be_run_or_says_why_not() {
    let night = planned("dsjepsen campaign night.toml --seed today");
    assert_eq!(night.series, "night");
    assert!(night.cells.len() > 60 && night.for_ms == Some(7_200_000), "{}", night.cells.len());
    let of_own = night.unavailable.iter().find(|one| one.target != "etcd" && !one.nemesis.contains("clock"));
    assert_eq!(of_own, None, "what is in the house is available everywhere");
    let planted = night.cells.iter().filter(|cell| cell.expect == Gravity::Invalid);
    let planted: BTreeSet<_> = planted.map(|cell| (&cell.workload, &cell.target)).collect();
    assert_eq!(planted.len(), 4, "a planted flaw of each workload");
    let seeds: BTreeSet<u64> = night.cells.iter().map(|cell| cell.seed).collect();
    assert!(seeds.len() == 3 && *seeds.first().unwrap() > 60_000, "of the date: {seeds:?}");
    // All that were asked for, and nothing twice.
    let commands: BTreeSet<_> = night.cells.iter().map(|cell| &cell.command).collect();
    assert_eq!(commands.len(), night.cells.len());
    // Every planted flaw is one that the list says is known to show.
    let list = Command::new(DSJEPSEN).args(["list", "--json"]).output().unwrap();
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    let known = list["targets"].as_array().unwrap().iter().flat_map(|target| target["exposures"].as_array().unwrap());
    let known: BTreeSet<(&str, &str, &str)> = known
        .map(|one| {
            let word = |name: &str| one[name].as_str().unwrap();
            (word("workload"), word("target"), word("nemesis"))
        })
        .collect();
    for cell in night.cells.iter().filter(|cell| cell.expect == Gravity::Invalid) {
        assert!(known.contains(&(&cell.workload, &cell.target, &cell.nemesis)), "{}", cell.title());
    }
}

fn workflow() -> Yaml {
    let text = fs::read_to_string(root().join(".github/workflows/nightly.yml")).unwrap();
    let mut documents = YamlLoader::load_from_str(&text).unwrap();
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

fn steps(workflow: &Yaml) -> Vec<Yaml> {
    workflow["jobs"]["campaign"]["steps"].as_vec().unwrap().clone()
}

#[test]
fn the_workflow_is_one_that_runs_each_night_with_few_rights_and_an_end() {
    let workflow = workflow();
    let known = ["name", "on", "permissions", "concurrency", "jobs"];
    for key in workflow.as_hash().unwrap().keys() {
        assert!(known.contains(&key.as_str().unwrap()), "{key:?}");
    }
    assert_five_fields(workflow["on"]["schedule"][0]["cron"].as_str().unwrap());
    assert!(!workflow["on"]["workflow_dispatch"].is_badvalue());
    let rights = workflow["permissions"].as_hash().unwrap();
    assert_eq!(rights.len(), 1);
    assert_eq!(workflow["permissions"]["contents"].as_str(), Some("read"));
    assert!(workflow["concurrency"]["group"].as_str().is_some());
    assert_eq!(workflow["concurrency"]["cancel-in-progress"].as_bool(), Some(false));
    let job = &workflow["jobs"]["campaign"];
    assert_eq!(workflow["jobs"].as_hash().unwrap().len(), 1);
    assert!(job["runs-on"].as_str().unwrap().starts_with("ubuntu-"));
    let whole = job["timeout-minutes"].as_i64().unwrap();
    let mut each = 0;
    for step in steps(&workflow) {
        let (uses, run) = (step["uses"].as_str(), step["run"].as_str());
        assert!(uses.is_some() != run.is_some(), "{step:?}");
        if let Some(uses) = uses {
            let (owner, version) = uses.split_once('@').unwrap();
            assert!(owner.starts_with("actions/") && version.starts_with('v'), "{uses}");
        }
        each += step["timeout-minutes"].as_i64().unwrap_or(if run.is_some() { 1_000 } else { 0 });
    }
    assert!(
        each <= whole,
        "the steps may take {each} minutes, and the job {whole}: what was recorded would not be kept"
    );
}

#[test]
fn the_workflow_runs_what_can_be_run_and_keeps_what_was_recorded() {
    let steps = steps(&workflow());
    let scripts = steps.iter().filter_map(|step| Some((step, step["run"].as_str()?)));
    let ours: Vec<(&Yaml, &str)> = scripts
        .flat_map(|(step, script)| script.lines().map(move |line| (step, line)))
        .filter(|(_, line)| is_ours(line))
        .collect();
    let [(step, line)] = ours.as_slice() else { panic!("{ours:?}") };
    let night = planned(line);
    assert!(night.require_all, "what the workflow installs is there, or the night is no pass");
    // The runs that go on when its time is over, and the reading of what is left, must fit in.
    let longest = night.cells.iter().map(|cell| cell.own_time_ms).max().unwrap() + night.grace_ms;
    let minutes = u64::try_from(step["timeout-minutes"].as_i64().unwrap()).unwrap();
    assert!(night.for_ms.unwrap() + longest < minutes * 60_000, "{longest} ms");
    let built = steps.iter().filter_map(|step| step["run"].as_str()).any(|run| run.contains("cargo build --release"));
    assert!(built && line.starts_with("./target/release/dsjepsen "));
    let upload =
        steps.iter().find(|step| step["uses"].as_str().is_some_and(|uses| uses.contains("upload-artifact"))).unwrap();
    assert_eq!(upload["if"].as_str(), Some("always()"), "also of a night that failed");
    let kept = upload["with"]["path"].as_str().unwrap();
    let store = line.split_whitespace().skip_while(|word| *word != "--store").nth(1).unwrap_or("store");
    assert!(kept.lines().any(|path| path == store), "{kept}");
    let junit = line.split_whitespace().skip_while(|word| *word != "--junit").nth(1).unwrap();
    assert!(junit.starts_with(&format!("{store}/")), "{junit} is kept with it");
    assert!(kept.contains("!store/latest-campaign") && kept.contains("!store/**/latest"), "no link is followed");
}

/// Minute, hour, day, month and day of the week, each a number in its range, a star, or a star with a step.
fn assert_five_fields(times: &str) {
    let ranges = [0..=59_u32, 0..=23, 1..=31, 1..=12, 0..=7];
    let fields: Vec<&str> = times.split_whitespace().collect();
    assert_eq!(fields.len(), ranges.len(), "{times}");
    for (field, range) in fields.into_iter().zip(ranges) {
        let number = field.strip_prefix("*/").unwrap_or(field);
        assert!(
            field == "*" || number.parse().is_ok_and(|number: u32| range.contains(&number)),
            "`{field}` of `{times}`"
        );
    }
}

/// The content of the code blocks of this language in the README.
fn blocks(language: &str) -> Vec<String> {
    let text = readme();
    let begins = format!("```{language}\n");
    text.split(&begins).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_crontab_of_the_readme_has_its_fields_and_a_command_that_can_be_given() {
    let [block] = blocks("crontab").try_into().unwrap();
    let lines: Vec<&str> = block.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let fields: Vec<&str> = line.split_whitespace().take(5).collect();
    assert_five_fields(&fields.join(" "));
    // In a crontab a percent sign ends the command.
    assert!(!line.contains('%'), "{line}");
    let command = line.split_whitespace().skip(5).collect::<Vec<_>>().join(" ");
    let (folder, command) = command.split_once(" && ").unwrap();
    assert!(folder.starts_with("cd /"), "cron begins in the home directory: {folder}");
    planned(command);
}

/// The units of the README, by name.
fn units() -> Vec<(String, String)> {
    let named = blocks("ini").into_iter().filter_map(|block| {
        let first = block.lines().next()?.strip_prefix("# /etc/systemd/system/")?.to_owned();
        Some((first, block))
    });
    named.collect()
}

/// The value of a key in a section of a unit; none where it is not there exactly once.
fn value<'a>(unit: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let within = unit.split(&format!("[{section}]\n")).nth(1)?.split("\n[").next()?;
    let mut found = within.lines().filter_map(|line| line.split_once('=')).filter(|(known, _)| *known == key);
    let (_, value) = found.next()?;
    found.next().is_none().then_some(value)
}

#[test]
fn the_systemd_units_of_the_readme_run_a_night_each_night() {
    let units = units();
    let names: Vec<&str> = units.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["dsjepsen-night.service", "dsjepsen-night.timer"]);
    let (service, timer) = (&units[0].1, &units[1].1);
    let night = planned(value(service, "Service", "ExecStart").unwrap());
    assert_eq!(value(service, "Service", "Type"), Some("oneshot"));
    // The campaign ends its runs in good order; the rest is killed.
    assert_eq!(value(service, "Service", "KillMode"), Some("mixed"));
    assert!(value(service, "Service", "WorkingDirectory").unwrap().starts_with('/'));
    let hours: u64 = value(service, "Service", "TimeoutStartSec").unwrap().strip_suffix('h').unwrap().parse().unwrap();
    assert!(hours * 3_600_000 > night.for_ms.unwrap());
    assert_eq!(value(timer, "Timer", "Persistent"), Some("true"));
    assert_eq!(value(timer, "Install", "WantedBy"), Some("timers.target"));
    let calendar = value(timer, "Timer", "OnCalendar").unwrap();
    let (_, time) = calendar.split_once(' ').unwrap();
    assert!(calendar.starts_with("*-*-* ") && time.ends_with(" UTC") && time.split(':').count() == 3, "{calendar}");
    let known = ["Unit", "Service", "Timer", "Install"].map(|name| format!("[{name}]"));
    for line in
        units.iter().flat_map(|(_, unit)| unit.lines()).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        assert!(known.iter().any(|section| section == line) || line.contains('='), "{line}");
    }
    if is_installed("systemd-analyze") {
        ask_systemd(&units, calendar);
    } else {
        eprintln!("skipped: systemd-analyze is not installed");
    }
}

/// Has systemd itself read the units, with a program that is there in the place of the one that would be installed.
fn ask_systemd(units: &[(String, String)], calendar: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut verify = Command::new("systemd-analyze");
    verify.arg("verify").env("SYSTEMD_UNIT_PATH", format!("{}:", folder.path().display()));
    for (name, unit) in units {
        let path = folder.path().join(name);
        let here = unit.replace("/usr/local/bin/dsjepsen", DSJEPSEN);
        fs::write(&path, here).unwrap();
        verify.arg(path);
    }
    let output = verify.output().unwrap();
    let said = text(&output);
    let of_ours: Vec<&str> = said.lines().filter(|line| line.contains("dsjepsen-night")).collect();
    assert!(output.status.success() && of_ours.is_empty(), "{said}");
    let output = Command::new("systemd-analyze").args(["calendar", calendar]).output().unwrap();
    assert!(output.status.success() && text(&output).contains("Next elapse"), "{}", text(&output));
}
