//! `dsjepsen check`: judges a recorded run again, from its directory alone; or a history of another tool against a model
//! ([`foreign`]); or a whole table of such histories ([`manifest`]).

mod budget;
mod foreign;
mod manifest;
mod memory;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ArgMatches;
use dsjepsen_history::{Finding, RunDirectory, UnknownReason, Verdict, replaceable, shell_line};
use dsjepsen_reports::{ReportError, write_page_as};
use dsjepsen_workloads::Judged;

use crate::aside::aside;
use crate::exit::{Exit, Failure, harness, usage};
use crate::junit::{JUnit, Subject, Suite, class};
use crate::naming;
use crate::run::lead_with_set_up;
use crate::say::say;
use crate::signals::end_with_parent;
use crate::terminal::{Style, Terminal};
use crate::words::own_command;

/// The command.
pub(crate) fn check(arguments: &ArgMatches) -> Result<Exit, Failure> {
    end_with_parent(arguments)?;
    let named = arguments.get_one::<PathBuf>("manifest").or_else(|| arguments.get_one("path"));
    let name = named.map_or_else(String::new, |path| path.display().to_string());
    let subject = Subject {
        class: class(&["check", &name], 0),
        command: shell_line(&own_command()),
        properties: vec![("dsjepsen", env!("CARGO_PKG_VERSION").to_owned())],
        name,
        ..Subject::default()
    };
    let junit = JUnit::begin(arguments, subject.clone())?;
    let began = Instant::now();
    let judged = judge_what_is_asked(arguments, subject.clone());
    let Some(mut junit) = junit else {
        return judged.map(|(exit, _)| exit);
    };
    let mut suite = match &judged {
        Ok((_, suite)) => suite.clone(),
        Err(failure) => Suite::of_failure(subject, failure),
    };
    suite.took(began.elapsed());
    let told = junit.add(suite);
    let (exit, _) = judged?;
    Ok(told.map_or_else(
        |problem| {
            aside(format_args!("error: {problem}"));
            exit.worst(Exit::Harness)
        },
        |()| exit,
    ))
}

/// Judges a run, a history or a table. `subject` is what is known beforehand of what is judged.
fn judge_what_is_asked(arguments: &ArgMatches, subject: Subject) -> Result<(Exit, Suite), Failure> {
    if let Some(page) = arguments.get_one::<PathBuf>("html") {
        replaceable(page).map_err(|error| usage(format!("--html {}: {error}", page.display())))?;
    }
    if let Some(table) = arguments.get_one::<PathBuf>("manifest") {
        return manifest::check(table, arguments, subject);
    }
    let path: &PathBuf = arguments.get_one("path").ok_or_else(|| usage("which run?"))?;
    if arguments.get_one::<String>("model").is_some() {
        return foreign::check(path, arguments, subject);
    }
    if let Some(option) = foreign::asked(arguments) {
        return Err(usage(format!("--{option} is for histories of other tools: say with --model what they are of")));
    }
    if path.as_os_str() == "-" || path.is_file() {
        let path = path.display();
        return Err(usage(format!("{path} is no run's directory; if it is a history, say with --model what it is of")));
    }
    let directory = RunDirectory::open(path).map_err(usage)?;
    let plan = directory.read_plan().map_err(harness)?;
    let verdict = judge_again(&directory, path)?;
    let drawn = match arguments.get_one::<PathBuf>("html") {
        Some(file) => write_page_as(&directory, verdict.clone(), file),
        None => Ok(()),
    };
    let page = arguments.get_one::<PathBuf>("html").cloned().unwrap_or_else(|| directory.page_file());
    let page = (drawn.is_ok() && page.exists()).then(|| page.display().to_string());
    if arguments.get_flag("json") {
        say(serde_json::to_string(&verdict).map_err(harness)?);
    } else if !arguments.get_flag("quiet") {
        Terminal::new(Style::Lines).conclude(&verdict, page.as_deref(), &shell_line(&plan.command));
    }
    let exit = with_page(Exit::of(&verdict, false), drawn);
    let subject = Subject { page, ..Subject::of_run(&plan, 0, path) };
    Ok((exit, Suite::of_verdict(subject, &verdict, exit)))
}

/// How a check ends whose page was to be drawn. That this failed changes no verdict, but it is told, and a page that is not there is
/// no success.
fn with_page(exit: Exit, drawn: Result<(), ReportError>) -> Exit {
    match drawn {
        Ok(()) => exit,
        Err(error) => {
            aside(format_args!("error: the page: {error}"));
            exit.worst(Exit::Harness)
        }
    }
}

/// The verdict on a run as its directory tells it. A run without a verdict of its own was cut short.
pub(crate) fn judge_again(directory: &RunDirectory, path: &Path) -> Result<Verdict, Failure> {
    let plan = directory.read_plan().map_err(harness)?;
    let before =
        if directory.verdict_file().exists() { Some(directory.read_verdict().map_err(harness)?) } else { None };
    let cut_short = before.as_ref().is_none_or(|verdict| verdict.interrupted || verdict.harness_error.is_some());
    let workload = naming::workload(&plan.workload)?;
    let Judged { mut verdict, lanes } = workload
        .judge(directory, &plan, cut_short)
        .map_err(|error| harness(format!("{} cannot be judged: {error}", path.display())))?;
    if let Err(error) = directory.write_lanes(&lanes) {
        aside(format_args!("warning: the lanes are not kept: {error}"));
    }
    if let Some(before) = before {
        // That the cluster never came up is nowhere in a history.
        let set_up = |finding: &Finding| finding.reason == Some(UnknownReason::SetupFailed);
        if let Some(finding) = before.findings.into_iter().find(set_up) {
            lead_with_set_up(&mut verdict, finding);
        }
        verdict.harness_error = before.harness_error;
        verdict.interrupted = before.interrupted;
    }
    Ok(verdict)
}
