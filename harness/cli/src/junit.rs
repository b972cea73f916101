//! `--junit FILE`: what came of runs and checks as JUnit XML, which CI systems read. A suite for each run, a case for each of
//! its checkers and one, `run`, for what belongs to none of them.
//!
//! There is no one schema. What is written keeps to that of Ant and to that of Jenkins both (`tests/junit.xsd`): hence the suite's
//! text at its end, one outcome a case, and a time without a zone. It agrees with the exit code: no failure and no error iff that
//! is 0, but for what is not to be had (a system that is not installed, a model that nobody knows), which is skipped.

mod campaign;
mod xml;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;
use dsjepsen_history::{Finding, Gravity, Plan, Verdict, replace_file};

use crate::exit::{Exit, Failure, usage};
use crate::words::tell;

/// The case of what belongs to no checker.
const RUN: &str = "run";

/// What a suite is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subject {
    /// Shown as the suite's name.
    pub(crate) name: String,
    /// The class of its cases: the same in each repetition, so that CI systems can compare.
    pub(crate) class: String,
    /// When it began, RFC 3339, UTC; empty is now.
    pub(crate) started: String,
    /// How long it took.
    pub(crate) took: Duration,
    /// What else is known of it.
    pub(crate) properties: Vec<(&'static str, String)>,
    /// The command that runs it again.
    pub(crate) command: String,
    /// Where its page is.
    pub(crate) page: Option<String>,
}

impl Subject {
    /// A run. `number` counts the runs of one command from 0.
    pub(crate) fn of_run(plan: &Plan, number: u64, directory: &Path) -> Self {
        let mut properties: Vec<_> = [
            ("workload", &plan.workload),
            ("target", &plan.target),
            ("nemesis", &plan.nemesis),
            ("dsjepsen", &plan.versions.dsjepsen),
            ("target-version", &plan.versions.target),
            ("system", &plan.versions.system),
        ]
        .map(|(name, value)| (name, value.clone()))
        .into();
        properties.extend([
            ("seed", plan.seed.to_string()),
            ("nodes", plan.settings.nodes.to_string()),
            ("run", directory.display().to_string()),
        ]);
        Self {
            name: format!("{} on {} under {}, seed {}", plan.workload, plan.target, plan.nemesis, plan.seed),
            class: class(&[&plan.workload, &plan.target, &plan.nemesis], number),
            started: plan.started.clone(),
            properties,
            command: dsjepsen_history::shell_line(&plan.command),
            ..Self::default()
        }
    }
}

/// Words as a class: what a word may not have in it would part it. Words that differ do so in the class too.
pub(crate) fn class(words: &[&str], number: u64) -> String {
    let plain = |word: &&str| -> String {
        let kept =
            word.chars().map(|letter| if letter.is_alphanumeric() || "-_".contains(letter) { letter } else { '_' });
        let kept: String = kept.take(80).collect();
        if kept == **word { kept } else { format!("{kept}-{:08x}", digest(word)) }
    };
    let mut class: Vec<String> = words.iter().map(plain).collect();
    if number > 0 {
        class.push(format!("run-{}", number + 1));
    }
    class.join(".")
}

/// A few digits that stand for a word, the same in each version: FNV-1a of 32 bits (Fowler, Noll, Vo).
fn digest(word: &str) -> u32 {
    word.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Passed,
    /// A rule is broken.
    Failure(Reason),
    /// It cannot be said.
    Error(Reason),
    /// It was not put to the test.
    Skipped(Reason),
}

impl Outcome {
    fn is_red(&self) -> bool {
        matches!(self, Self::Failure(_) | Self::Error(_))
    }
}

/// Why a case did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reason {
    /// A word: the rule, or the reason of an unknown verdict.
    kind: String,
    /// A sentence.
    message: String,
    /// Everything else.
    text: String,
}

impl Reason {
    fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), message: message.into(), text: String::new() }
    }
}

#[derive(Debug, Clone)]
struct Case {
    name: String,
    outcome: Outcome,
    /// How long it took, where it is a run of its own.
    took: Option<Duration>,
}

impl Case {
    fn new(name: impl Into<String>, outcome: Outcome) -> Self {
        Self { name: name.into(), outcome, took: None }
    }
}

/// One run, or one check.
#[derive(Debug, Clone)]
pub(crate) struct Suite {
    subject: Subject,
    cases: Vec<Case>,
    output: String,
}

impl Suite {
    /// What a verdict came to, and the exit code with it, which says what was expected.
    pub(crate) fn of_verdict(mut subject: Subject, verdict: &Verdict, exit: Exit) -> Self {
        subject.properties.push(("verdict", verdict.verdict.to_string()));
        let mut output = format!("{}: {}\n", verdict.verdict, verdict.sentence);
        let (found, of_none) = verdict.findings_by_checker();
        let mut cases = vec![Case::new(RUN, of_the_run(verdict, &of_none, &subject))];
        for (checker, findings) in verdict.checkers.iter().zip(found) {
            let outcome = match checker.verdict {
                Gravity::Valid | Gravity::Unknown if verdict.harness_error.is_some() && findings.is_empty() => {
                    let message = "the harness or the set-up failed, so this says nothing in favour of the target";
                    Outcome::Skipped(Reason::new("harness", message))
                }
                Gravity::Valid if checker.judged == 0 => {
                    Outcome::Skipped(Reason::new("not-judged", "there was nothing in this run that the rule speaks of"))
                }
                Gravity::Valid => Outcome::Passed,
                gravity => of_findings(gravity, &findings, &subject),
            };
            cases.push(Case::new(&checker.checker, outcome));
        }
        agree(&mut cases, &mut output, verdict, exit);
        Self { subject, cases, output }
    }

    /// A command that came to no verdict.
    pub(crate) fn of_failure(subject: Subject, failure: &Failure) -> Self {
        let reason = |kind| Reason::new(kind, failure.to_string());
        let outcome = match failure.exit {
            _ if failure.unavailable => Outcome::Skipped(reason("unavailable")),
            Exit::Usage => Outcome::Error(reason("usage")),
            _ => Outcome::Error(reason("harness")),
        };
        Self { subject, cases: vec![Case::new(RUN, outcome)], output: String::new() }
    }

    /// What stands until the end is known: a reader must not take what never ended for success.
    fn pending(subject: Subject) -> Self {
        let reason = Reason::new("interrupted", "it was begun, and had not ended when this was written");
        Self { subject, cases: vec![Case::new(RUN, Outcome::Error(reason))], output: String::new() }
    }

    /// How long it took.
    pub(crate) fn took(&mut self, took: Duration) {
        self.subject.took = took;
    }

    fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.cases.iter().filter(|case| is(&case.outcome)).count()
    }
}

/// What belongs to no checker: that the harness or the set-up failed, or that the file is torn.
fn of_the_run(verdict: &Verdict, of_none: &[&Finding], subject: &Subject) -> Outcome {
    let gravity = of_none.iter().map(|finding| finding.gravity).max().unwrap_or_default();
    match &verdict.harness_error {
        Some(error) => {
            let mut reason = reason_of(of_none, subject);
            "harness".clone_into(&mut reason.kind);
            reason.message = format!("the harness or the set-up failed: {error}");
            Outcome::Error(reason)
        }
        None if gravity == Gravity::Valid => Outcome::Passed,
        None => of_findings(gravity, of_none, subject),
    }
}

fn of_findings(gravity: Gravity, findings: &[&Finding], subject: &Subject) -> Outcome {
    let reason = reason_of(findings, subject);
    match gravity {
        Gravity::Invalid => Outcome::Failure(reason),
        Gravity::Unknown | Gravity::Valid => Outcome::Error(reason),
    }
}

/// All findings, the gravest first, and how to see them again.
fn reason_of(findings: &[&Finding], subject: &Subject) -> Reason {
    let mut parts: Vec<String> = findings.iter().map(|finding| tell(finding)).collect();
    parts.extend(subject.page.iter().map(|page| format!("page: {page}")));
    if !subject.command.is_empty() {
        parts.push(format!("again: {}", subject.command));
    }
    let first = findings.first();
    Reason {
        kind: first.map_or_else(|| "unknown".to_owned(), |finding| finding.rule.clone().into_owned()),
        message: first.map_or_else(String::new, |finding| finding.sentence.clone()),
        text: parts.join("\n\n"),
    }
}

/// Has the cases say what the exit code says. What was expected is told beside them; what the exit code alone knows (a page that
/// was not drawn, a signal, a verdict that was not the expected one) is a matter of the run.
fn agree(cases: &mut [Case], output: &mut String, verdict: &Verdict, exit: Exit) {
    if exit == Exit::Valid {
        for case in cases.iter_mut() {
            if let Outcome::Failure(reason) | Outcome::Error(reason) = &case.outcome {
                *output += &format!("\nas expected, {}: {}\n{}\n", case.name, reason.message, reason.text);
                case.outcome = Outcome::Passed;
            }
        }
    } else if !cases.iter().any(|case| case.outcome.is_red()) {
        let message = format!("{} (exit code {}): {}", verdict.verdict, exit.code(), verdict.sentence);
        let reason = match exit {
            Exit::Invalid => Outcome::Failure(Reason::new("expectation", format!("not as expected: {message}"))),
            Exit::Interrupted => Outcome::Error(Reason::new("interrupted", message)),
            _ => Outcome::Error(Reason::new("harness", message)),
        };
        cases[0].outcome = reason;
    }
}

/// A row of a table of known verdicts.
pub(crate) enum Row {
    /// As expected.
    Expected,
    /// Otherwise, and how.
    Differs(String),
    /// Not judged, and why.
    NotJudged(String),
    /// It cannot be judged.
    Refused(String),
}

impl Suite {
    /// A table of known verdicts: a case for each row, by its number and its name.
    pub(crate) fn of_rows(subject: Subject, rows: Vec<(String, Row)>) -> Self {
        let cases = rows.into_iter().map(|(name, row)| {
            let outcome = match row {
                Row::Expected => Outcome::Passed,
                Row::Differs(how) => Outcome::Failure(Reason::new("expectation", how)),
                Row::NotJudged(why) => Outcome::Skipped(Reason::new("not-judged", why)),
                Row::Refused(why) => Outcome::Error(Reason::new("refused", why)),
            };
            Case::new(name, outcome)
        });
        let mut cases: Vec<_> = cases.collect();
        if cases.is_empty() {
            cases.push(Case::new(RUN, Outcome::Error(Reason::new("no-observations", "the table has no rows"))));
        }
        Self { subject, cases, output: String::new() }
    }
}

/// The file, and what stands in it so far. It is written whole each time something is added.
#[derive(Debug)]
pub(crate) struct JUnit {
    file: PathBuf,
    suites: Vec<Suite>,
}

impl JUnit {
    /// The file that the command line asks for, if any, with something in it that is no success.
    ///
    /// # Errors
    /// Where it cannot be written: better known before a run than after it.
    pub(crate) fn begin(arguments: &ArgMatches, subject: Subject) -> Result<Option<Self>, Failure> {
        let Some(file) = arguments.get_one::<PathBuf>("junit").cloned() else {
            return Ok(None);
        };
        let junit = Self { file, suites: Vec::new() };
        junit.write(Some(Suite::pending(subject))).map_err(usage)?;
        Ok(Some(junit))
    }

    /// Says that something more begins.
    pub(crate) fn goes_on(&self, subject: Subject) -> Result<(), String> {
        self.write(Some(Suite::pending(subject)))
    }

    /// Adds a suite.
    pub(crate) fn add(&mut self, suite: Suite) -> Result<(), String> {
        self.suites.push(suite);
        self.write(None)
    }

    fn write(&self, pending: Option<Suite>) -> Result<(), String> {
        let suites = self.suites.iter().cloned().chain(pending);
        let text = xml::document(&suites.collect::<Vec<_>>());
        replace_file(&self.file, |file| file.write_all(text.as_bytes()))
            .map_err(|error: io::Error| format!("--junit {}: {error}", self.file.display()))
    }
}

#[cfg(test)]
mod tests;
