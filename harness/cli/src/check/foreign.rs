//! `dsjepsen check PATH --model M`: judges a history that another tool wrote.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anstream::stdout;
use clap::ArgMatches;
use clap::parser::ValueSource;
use dsjepsen_checkers::Interrupt;
use dsjepsen_checkers::foreign::{
    FailedCas, ForeignModel, ForeignProblem, ForeignRequest, KeyRule, check_foreign_request, find_foreign_model,
    foreign_models, judge_foreign,
};
use dsjepsen_history::foreign::{ForeignError, Format, read_foreign_within, read_value};
use dsjepsen_history::{Judgement, OperationCounts, Verdict, shell_line};
use dsjepsen_reports::{CheckedHistory, ReportError, write_check_page};

use super::budget::{Budget, Heeding};
use super::memory;
use super::with_page;
use crate::exit::{Exit, Failure, harness, usage};
use crate::junit::{Subject, Suite};
use crate::naming;
use crate::say::say;
use crate::terminal::{Style, Terminal};
use crate::words::own_command;

/// The options that only histories of other tools have.
const OPTIONS: [&str; 7] = ["init", "independent", "no-split", "failed-cas", "consistency", "format", "budget-s"];

/// One of those options that was given.
pub(super) fn asked(arguments: &ArgMatches) -> Option<&'static str> {
    OPTIONS.into_iter().find(|name| is_given(arguments, name))
}

fn is_given(arguments: &ArgMatches, name: &str) -> bool {
    arguments.value_source(name) == Some(ValueSource::CommandLine)
}

/// The command.
pub(super) fn check(path: &Path, arguments: &ArgMatches, mut subject: Subject) -> Result<(Exit, Suite), Failure> {
    let text = |name: &str| arguments.get_one::<String>(name).map(String::as_str);
    let named = text("model").unwrap_or_default();
    let (model, level) = model(named)?;
    let format = text("format").map(str::parse::<Format>).transpose().map_err(usage)?;
    let budget = Budget::start(arguments);
    let request = request(arguments, level)?;
    check_foreign_request(model, &request).map_err(usage)?;
    if path.is_dir() {
        let path = path.display();
        return Err(usage(format!("{path} is a directory; a recorded run is judged without --model")));
    }
    let verdict = judge(path, format, model, request, &budget)?;
    let command = own_command();
    let page = arguments.get_one::<PathBuf>("html").map(PathBuf::as_path);
    let drawn = page.map_or(Ok(()), |page| draw(page, path, &verdict, &command, arguments));
    if arguments.get_flag("json") {
        say(serde_json::to_string(&verdict).map_err(harness)?);
    } else if !arguments.get_flag("quiet") {
        show(&verdict, page.filter(|_| drawn.is_ok()), &command);
    }
    subject.page = page.filter(|_| drawn.is_ok()).map(|page| page.display().to_string());
    subject.properties.push(("model", named.to_owned()));
    let exit = with_page(Exit::of(&verdict, false), drawn);
    Ok((exit, Suite::of_verdict(subject, &verdict, exit)))
}

/// Draws the page of a judged history.
fn draw(
    page: &Path,
    path: &Path,
    verdict: &Verdict,
    command: &[String],
    arguments: &ArgMatches,
) -> Result<(), ReportError> {
    let text = |name: &str| arguments.get_one::<String>(name).map(String::as_str);
    let given = OPTIONS.into_iter().filter(|name| is_given(arguments, name)).map(|name| match name {
        "independent" | "no-split" => format!("--{name}"),
        "budget-s" => format!("--{name} {}", arguments.get_one::<u64>(name).copied().unwrap_or_default()),
        _ => format!("--{name} {}", text(name).unwrap_or_default()),
    });
    let checked = CheckedHistory {
        name: &name_of(path),
        model: text("model").unwrap_or_default(),
        options: &given.collect::<Vec<_>>().join(" "),
        verdict,
        command,
        version: env!("CARGO_PKG_VERSION"),
    };
    write_check_page(&checked, page)
}

/// A history's name in errors and on its page.
fn name_of(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
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

/// Reads and judges a history within its time; `-` is standard input.
pub(super) fn judge(
    path: &Path,
    format: Option<Format>,
    model: &'static dyn ForeignModel,
    request: ForeignRequest,
    budget: &Budget,
) -> Result<Verdict, Failure> {
    let request = ForeignRequest { interrupt: budget.interrupt.clone(), ..request };
    let path = path.to_owned();
    let verdict = budget.bound(move || read_and_judge(&path, format, model, &request)).map_err(harness)?;
    verdict.unwrap_or_else(|| Ok(undecided(model, &budget.interrupt, "The history is undecided")))
}

fn read_and_judge(
    path: &Path,
    format: Option<Format>,
    model: &dyn ForeignModel,
    request: &ForeignRequest,
) -> Result<Verdict, Failure> {
    let name = name_of(path);
    let source: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).map_err(|error| usage(format!("{name}: cannot be read: {error}")))?)
    };
    let interrupt = &request.interrupt;
    let source = Heeding { source, interrupt: interrupt.clone() };
    let history = match read_foreign_within(source, &name, format, memory::for_history()) {
        // Whoever undoes a compression may give the error another form.
        Err(ForeignError::Io { .. }) if interrupt.is_raised() => {
            return Ok(undecided(model, interrupt, "The history was not read to its end"));
        }
        history => history.map_err(harness)?,
    };
    judge_foreign(history, &name, model, request).map_err(|problem| match problem {
        ForeignProblem::Unfit(_) => usage(problem),
        ForeignProblem::Corrupt(_) => harness(problem),
    })
}

/// The verdict on a history for which there was no time. `why` is a sentence without its stop.
fn undecided(model: &dyn ForeignModel, interrupt: &Interrupt, why: &str) -> Verdict {
    let judgement = Judgement::new(model.name(), 0, vec![interrupt.finding(why)]);
    Verdict::merge(vec![judgement], OperationCounts::default(), "")
}

/// The verdict, and since mostly no page is drawn of it, the argument of each finding.
fn show(verdict: &Verdict, page: Option<&Path>, command: &[String]) {
    let page = page.map(|page| page.display().to_string());
    Terminal::new(Style::Lines).conclude(verdict, page.as_deref(), &shell_line(command));
    let mut out = stdout();
    for assumption in verdict.checkers.iter().flat_map(|checker| &checker.assumptions) {
        let _ = writeln!(out, "  given  {assumption}");
    }
    for finding in verdict.findings.iter().filter(|finding| !finding.steps.is_empty()) {
        let _ = writeln!(out, "\n  {}", finding.rule);
        for step in &finding.steps {
            let _ = writeln!(out, "    {:<8} {}", step.lead, step.text);
        }
    }
}
