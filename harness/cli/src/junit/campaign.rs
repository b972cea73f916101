//! A campaign as suites: one for each combination of workload, target and faults, with a case for each seed. A case has its place among the seeds for a
//! name, so that CI systems can compare nights whose seeds differ.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use dsjepsen_history::{Campaign, Cell, CellResult, CellState};

use super::{Case, JUnit, Outcome, Reason, Subject, Suite, class};
use crate::schedule::shell_line;

impl JUnit {
    /// Writes the file anew. `directory` is given at the end, when what has not ended is known not to.
    pub(crate) fn campaign(&mut self, campaign: &Campaign, directory: Option<&Path>) -> Result<(), String> {
        self.suites = suites(campaign, directory);
        self.write(None)
    }
}

fn suites(campaign: &Campaign, directory: Option<&Path>) -> Vec<Suite> {
    let mut order: Vec<(&str, &str, &str)> = Vec::new();
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&Cell>> = BTreeMap::new();
    for cell in &campaign.cells {
        let key = (cell.workload.as_str(), cell.target.as_str(), cell.nemesis.as_str());
        groups.entry(key).or_insert_with(|| {
            order.push(key);
            Vec::new()
        });
        if let Some(cells) = groups.get_mut(&key) {
            cells.push(cell);
        }
    }
    let run = order.into_iter().map(|key| suite(campaign, key, &groups[&key], directory));
    let not_here = campaign.unavailable.iter().map(|one| {
        let subject = subject(campaign, (&one.workload, &one.target, &one.nemesis));
        let outcome = Outcome::Skipped(Reason::new("unavailable", one.reason.clone()));
        Suite { subject, cases: vec![Case::new("run", outcome)], output: String::new() }
    });
    run.chain(not_here).collect()
}

fn subject(campaign: &Campaign, (workload, target, nemesis): (&str, &str, &str)) -> Subject {
    let properties = [
        ("campaign", campaign.name.as_str()),
        ("workload", workload),
        ("target", target),
        ("nemesis", nemesis),
        ("dsjepsen", &campaign.host.dsjepsen),
        ("system", &campaign.host.system),
    ];
    Subject {
        name: format!("{workload} on {target} under {nemesis}"),
        class: class(&[workload, target, nemesis], 0),
        started: campaign.started.clone(),
        properties: properties.map(|(name, value)| (name, value.to_owned())).into(),
        ..Subject::default()
    }
}

fn suite(campaign: &Campaign, key: (&str, &str, &str), cells: &[&Cell], directory: Option<&Path>) -> Suite {
    let mut subject = subject(campaign, key);
    let results: Vec<&CellResult> = cells.iter().filter_map(|cell| cell.result()).collect();
    subject.took = results.iter().map(|result| Duration::from_millis(result.took_ms)).sum();
    if let Some(first) = results.first() {
        subject.started.clone_from(&first.started);
    }
    let seeds: Vec<String> = cells.iter().map(|cell| cell.seed.to_string()).collect();
    subject.properties.push(("seeds", seeds.join(" ")));
    let cases = cells.iter().zip(1..).map(|(cell, number)| {
        let took = cell.result().map(|result| Duration::from_millis(result.took_ms));
        let case = Case::new(format!("seed-{number}"), outcome(cell, directory));
        Case { took, ..case }
    });
    let cases = cases.collect();
    let planted = cells.iter().filter(|cell| cell.result().is_some_and(|result| result.exit_code == 0));
    let planted = planted.filter(|cell| cell.expect != dsjepsen_history::Gravity::Valid);
    let output = planted.map(|cell| {
        let sentence = cell.result().map_or("", |result| result.sentence.as_str());
        format!("seed {}: as expected, {}: {sentence}\n", cell.seed, cell.expect)
    });
    Suite { subject, cases, output: output.collect() }
}

fn outcome(cell: &Cell, directory: Option<&Path>) -> Outcome {
    let again = format!("again: {}", shell_line(&cell.command));
    let told = |kind: &str, message: String, more: Vec<String>| Reason {
        kind: kind.to_owned(),
        message,
        text: more.into_iter().chain([again.clone()]).collect::<Vec<_>>().join("\n\n"),
    };
    let result = match &cell.state {
        CellState::Done(result) => result,
        CellState::NotRun { reason } => {
            return Outcome::Error(told("not-run", format!("seed {}: not run: {reason}", cell.seed), Vec::new()));
        }
        CellState::Waiting | CellState::Running { .. } => {
            let why = match directory {
                Some(_) => "the campaign was interrupted before this run had ended",
                None => "this run had not ended when this was written",
            };
            return Outcome::Error(told("interrupted", format!("seed {}: {why}", cell.seed), Vec::new()));
        }
    };
    let mut more: Vec<String> =
        result.findings.iter().map(|finding| format!("{}: {}", finding.rule, finding.sentence)).collect();
    if let Some(directory) = directory.filter(|_| result.page) {
        more.push(format!("page: {}", directory.join("runs").join(&result.run).join("index.html").display()));
    }
    let rule = result.findings.first().map_or("expectation", |finding| finding.rule.as_str());
    let message = |text: &str| format!("seed {}: {text}", cell.seed);
    match (result.exit_code, &result.harness_error) {
        (0, _) => Outcome::Passed,
        (1, _) if result.findings.is_empty() => {
            let text = format!("not {}, as it should be: {}", cell.expect, result.sentence);
            Outcome::Failure(told("expectation", message(&text), more))
        }
        (1, _) => Outcome::Failure(told(rule, message(&result.sentence), more)),
        (_, Some(error)) => Outcome::Error(told(&error.reason.to_string(), message(&error.text), more)),
        (_, None) => Outcome::Error(told(rule, message(&result.sentence), more)),
    }
}
