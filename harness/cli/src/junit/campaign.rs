//! A campaign as suites: one for each combination of workload, target and faults, with a case for each seed. A case has its place among the seeds for a
//! name, so that CI systems can compare nights whose seeds differ.

use std::path::Path;
use std::time::Duration;

use dsjepsen_history::{Campaign, Cell, CellKind, CellResult, CellState, Combination, Unavailable, shell_line};

use super::{Case, JUnit, Outcome, Reason, Subject, Suite, class};

impl JUnit {
    /// Writes the file anew. `directory` is given at the end, when what has not ended is known not to.
    pub(crate) fn campaign(&mut self, campaign: &Campaign, directory: Option<&Path>) -> Result<(), String> {
        self.suites = suites(campaign, directory);
        self.write(None)
    }
}

fn suites(campaign: &Campaign, directory: Option<&Path>) -> Vec<Suite> {
    let combinations = campaign.combinations();
    let run = combinations.iter().map(|combination| suite(campaign, combination, directory));
    let not_here = campaign.unavailable.iter().map(|one| {
        let Unavailable { workload, target, nemesis, .. } = one;
        let subject = subject(campaign, &Combination { workload, target, nemesis, options: "", cells: Vec::new() });
        let reason = Reason::new("unavailable", one.reason.clone());
        let outcome = if campaign.require_all { Outcome::Error(reason) } else { Outcome::Skipped(reason) };
        Suite { subject, cases: vec![Case::new("run", outcome)], output: String::new() }
    });
    run.chain(not_here).collect()
}

fn subject(campaign: &Campaign, combination: &Combination<'_>) -> Subject {
    let Combination { workload, target, nemesis, options, .. } = *combination;
    let mut properties = vec![
        ("campaign", campaign.name.as_str()),
        ("workload", workload),
        ("target", target),
        ("nemesis", nemesis),
        ("dsjepsen", &campaign.host.dsjepsen),
        ("system", &campaign.host.system),
    ];
    let mut words = vec![workload, target, nemesis];
    if !options.is_empty() {
        properties.push(("options", options));
        words.push(options);
    }
    Subject {
        name: combination.to_string(),
        class: class(&words, 0),
        started: campaign.started.clone(),
        properties: properties.into_iter().map(|(name, value)| (name, value.to_owned())).collect(),
        ..Subject::default()
    }
}

fn suite(campaign: &Campaign, combination: &Combination<'_>, directory: Option<&Path>) -> Suite {
    let mut subject = subject(campaign, combination);
    let cells = &combination.cells;
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
    match (cell.kind(), &result.harness_error) {
        (CellKind::Valid | CellKind::Expected, _) => Outcome::Passed,
        (CellKind::Invalid, _) if result.findings.is_empty() => {
            let text = format!("not {}, as it should be: {}", cell.expect, result.sentence);
            Outcome::Failure(told("expectation", message(&text), more))
        }
        (CellKind::Invalid, _) => Outcome::Failure(told(rule, message(&result.sentence), more)),
        (_, Some(error)) => Outcome::Error(told(&error.reason.to_string(), message(&error.text), more)),
        (_, None) => Outcome::Error(told(rule, message(&result.sentence), more)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use dsjepsen_history::Gravity;

    use super::*;

    fn cell(nemesis: &str, options: &str, seed: u64) -> Cell {
        Cell {
            id: 1,
            workload: "lock".to_owned(),
            target: "raft".to_owned(),
            nemesis: nemesis.to_owned(),
            seed,
            expect: Gravity::Valid,
            own_time_ms: 1,
            options: options.to_owned(),
            command: vec!["dsjepsen".to_owned()],
            attempts: 0,
            state: CellState::Waiting,
        }
    }

    #[test]
    fn no_two_cases_have_one_identity() {
        let long = "pause;".repeat(20);
        let nemeses = ["none", "pause;kill", "pause+kill", "pause_kill", &format!("{long}a"), &format!("{long}b")];
        let mut cells = Vec::new();
        for nemesis in nemeses {
            for options in ["", "--rate 50", "--rate=50"] {
                cells.extend([1, 2].map(|seed| cell(nemesis, options, seed)));
            }
        }
        let suites = suites(&crate::campaign::empty("night", cells.clone()), None);
        let cases = suites.iter().flat_map(|suite| suite.cases.iter().map(|case| (&suite.subject.class, &case.name)));
        assert_eq!(cases.collect::<BTreeSet<_>>().len(), cells.len());
        let names: BTreeSet<_> = suites.iter().map(|suite| &suite.subject.name).collect();
        assert_eq!(names.len(), suites.len());
        assert_eq!(suites[0].subject.class, "lock.raft.none", "what is plain stays as it is");
        assert_eq!(suites[2].subject.class.split('.').count(), 4);
    }
}
