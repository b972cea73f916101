//! `dsjepsen check PATH --model M`: judges a history that another tool wrote.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use anstream::stdout;
use clap::ArgMatches;
use dsjepsen_checkers::foreign::{
    FailedCas, ForeignModel, ForeignProblem, ForeignRequest, KeyRule, find_foreign_model, foreign_models, judge_foreign,
};
use dsjepsen_history::Verdict;
use dsjepsen_history::foreign::{Format, read_foreign, read_value};

use super::budget::Budget;
use crate::exit::{Exit, Failure, harness, usage};
use crate::naming;
use crate::schedule::shell_line;
use crate::terminal::{Style, Terminal};

/// The options that only histories of other tools have.
const OPTIONS: [&str; 7] = ["init", "independent", "no-split", "failed-cas", "consistency", "format", "budget-s"];

/// One of those options that was given.
pub(super) fn asked(arguments: &ArgMatches) -> Option<&'static str> {
    let is_given = |name: &&str| arguments.value_source(name) == Some(clap::parser::ValueSource::CommandLine);
    OPTIONS.into_iter().find(is_given)
}

/// The command.
pub(super) fn check(path: &Path, arguments: &ArgMatches) -> Result<Exit, Failure> {
    let text = |name: &str| arguments.get_one::<String>(name).map(String::as_str);
    let named = text("model").unwrap_or_default();
    let (model, level) = model(named)?;
    let format = text("format").map(str::parse::<Format>).transpose().map_err(usage)?;
    let budget = Budget::start(arguments);
    let request = ForeignRequest { interrupt: budget.interrupt.clone(), ..request(arguments, level)? };
    if path.is_dir() {
        let path = path.display();
        return Err(usage(format!("{path} is a directory; a recorded run is judged without --model")));
    }
    let verdict = judge(path, format, model, &request)?;
    if arguments.get_flag("json") {
        println!("{}", serde_json::to_string(&verdict).map_err(harness)?);
    } else if !arguments.get_flag("quiet") {
        show(&verdict);
    }
    Ok(Exit::of(&verdict, false))
}

/// The model of this name, and the level where it stands beside the name: `txn-rw causal`.
fn model(named: &str) -> Result<(&'static dyn ForeignModel, Option<String>), Failure> {
    let (name, level) = match named.split_once(' ') {
        Some((name, level)) => (name, Some(level.trim().to_owned())),
        None => (named, None),
    };
    let model = find_foreign_model(name)
        .ok_or_else(|| naming::unknown("model", name, foreign_models().iter().map(|model| model.name())))?;
    Ok((model, level))
}

fn request(arguments: &ArgMatches, level: Option<String>) -> Result<ForeignRequest, Failure> {
    let text = |name: &str| arguments.get_one::<String>(name).map(String::as_str);
    let levels =
        text("consistency").map(|names| names.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>());
    if level.is_some() && levels.is_some() {
        return Err(usage("the level stands beside the model's name and in --consistency: give it once"));
    }
    Ok(ForeignRequest {
        init: text("init").map(read_value).transpose().map_err(|problem| usage(format!("--init: {problem}")))?,
        keys: match (arguments.get_flag("independent"), arguments.get_flag("no-split")) {
            (true, _) => KeyRule::Independent,
            (_, true) => KeyRule::Whole,
            _ => KeyRule::Auto,
        },
        failed_cas: match text("failed-cas") {
            Some("observe") => FailedCas::Observe,
            Some("ignore") => FailedCas::Ignore,
            _ => FailedCas::Auto,
        },
        consistency: level.map(|level| vec![level]).or(levels),
        ..ForeignRequest::default()
    })
}

/// Reads and judges a history; `-` is standard input.
pub(super) fn judge(
    path: &Path,
    format: Option<Format>,
    model: &dyn ForeignModel,
    request: &ForeignRequest,
) -> Result<Verdict, Failure> {
    let (source, name): (Box<dyn Read>, String) = if path.as_os_str() == "-" {
        (Box::new(std::io::stdin()), "standard input".to_owned())
    } else {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| usage(format!("{name}: cannot be read: {error}")))?;
        (Box::new(file), name)
    };
    let history = read_foreign(source, &name, format).map_err(harness)?;
    judge_foreign(history, &name, model, request).map_err(|problem| match problem {
        ForeignProblem::Unfit(_) => usage(problem),
        ForeignProblem::Corrupt(_) => harness(problem),
    })
}

/// The verdict, and since no page is drawn of it, the argument of each finding.
fn show(verdict: &Verdict) {
    let command: Vec<String> = std::env::args().collect();
    Terminal::new(Style::Lines).conclude(verdict, None, &shell_line(&command));
    let mut out = stdout();
    for finding in verdict.findings.iter().filter(|finding| !finding.steps.is_empty()) {
        let _ = writeln!(out, "\n  {}", finding.rule);
        for step in &finding.steps {
            let _ = writeln!(out, "    {:<8} {}", step.lead, step.text);
        }
    }
}
