//! What GitHub Actions shows of `dsjepsen test`: a summary in Markdown, where the environment names a file for it, and annotations.
//!
//! Nothing that a run says may become Markdown, HTML or a command of the workflow: it is escaped for the place where it stands.

mod campaign;
mod markdown;

use std::cell::Cell;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use dsjepsen_history::{FaultInterval, Gravity, read_history};

use crate::aside::aside;
use crate::exit::{Exit, Failure};
use crate::run::Ran;
use crate::words::{cut, headline};

/// The most that GitHub takes of the summary of one step, in bytes.
const MOST: u64 = 1024 * 1024;
/// What of it is left to runs that find less room, each in a few lines.
const FOR_SHORT_ONES: u64 = 64 * 1024;
/// What is left to say that there is no more room.
const FOR_THE_NOTE: u64 = 1024;
/// GitHub shows no more annotations of a kind for a step.
const ANNOTATIONS: usize = 10;
/// How long an annotation may be, in bytes before escaping.
const MESSAGE: usize = 4_000;

const NO_ROOM: &str = "\nGitHub takes no longer summary: the runs from here on are left out.\n";

/// Where the environment says that GitHub Actions reads.
#[derive(Debug, Default)]
pub(crate) struct GitHub {
    summary: Option<PathBuf>,
    annotates: bool,
    /// Whether standard output holds JSON lines and nothing else. Workflow commands are read of both streams.
    speaks_aside: bool,
    is_full: Cell<bool>,
}

impl GitHub {
    /// As the environment has it.
    pub(crate) fn of_environment(speaks_aside: bool) -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            summary: variable("GITHUB_STEP_SUMMARY").map(PathBuf::from),
            annotates: variable("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            speaks_aside,
            is_full: Cell::new(false),
        }
    }

    /// A run came to a verdict.
    pub(crate) fn ran(&self, ran: &Ran, exit: Exit) {
        if self.annotates {
            annotations(ran, exit).into_iter().for_each(|annotation| self.say(&annotation));
        }
        if self.summary.is_some() {
            let faults = read_history(&ran.directory.history_file()).map_or_else(|_| Vec::new(), |raw| raw.faults);
            self.append(&markdown::section(ran, exit, &faults), &markdown::short_section(ran, exit));
        }
    }

    /// A run came to none.
    pub(crate) fn failed(&self, failure: &Failure) {
        let message = failure.to_string();
        if self.annotates {
            let level = if failure.unavailable { Level::Warning } else { Level::Error };
            self.say(&annotation(level, "dsjepsen", &message));
        }
        let section = markdown::failure(&message, failure);
        self.append(&section, &section);
    }

    fn say(&self, annotation: &str) {
        // A reader that is gone is no reason to end otherwise.
        let _ = if self.speaks_aside {
            writeln!(std::io::stderr(), "{annotation}")
        } else {
            writeln!(std::io::stdout(), "{annotation}")
        };
    }

    /// Adds a section to the summary, or where there is no room for it, the short one.
    fn append(&self, full: &str, short: &str) {
        let Some(file) = &self.summary else { return };
        let used = fs::metadata(file).map_or(0, |found| found.len());
        let fits = |section: &str, reserve| used + section.len() as u64 + reserve <= MOST;
        let section = match () {
            () if self.is_full.get() => return,
            () if fits(full, FOR_SHORT_ONES) => full,
            () if fits(short, FOR_THE_NOTE) => short,
            () => {
                self.is_full.set(true);
                if !fits(NO_ROOM, 0) {
                    return;
                }
                NO_ROOM
            }
        };
        let appended = File::options().create(true).append(true).open(file);
        if let Err(error) = appended.and_then(|mut file| file.write_all(section.as_bytes())) {
            aside(format_args!("warning: GITHUB_STEP_SUMMARY: {}: {error}", file.display()));
        }
    }
}

/// How grave an annotation is.
#[derive(Debug, Clone, Copy)]
enum Level {
    Error,
    Warning,
}

/// What is to be said beside the workflow's log: nothing where all is as expected.
fn annotations(ran: &Ran, exit: Exit) -> Vec<String> {
    if exit == Exit::Valid {
        return Vec::new();
    }
    let verdict = &ran.verdict;
    let again = format!("again: {}", dsjepsen_history::shell_line(&ran.plan.command));
    let mut said: Vec<String> = Vec::new();
    if let Some(error) = &verdict.harness_error {
        let message = format!("the harness or the set-up failed: {error}\n{again}");
        said.push(annotation(Level::Error, "dsjepsen", &message));
    }
    for finding in &verdict.findings {
        let level = if finding.gravity == Gravity::Invalid { Level::Error } else { Level::Warning };
        let message = format!("{}\n{}\n{again}", headline(finding), finding.detail);
        said.push(annotation(level, &format!("dsjepsen: {}", finding.rule), &message));
    }
    if said.is_empty() {
        let message = format!("{}, and that was not expected: {}\n{again}", verdict.verdict, verdict.sentence);
        said.push(annotation(Level::Error, "dsjepsen", &message));
    }
    said.truncate(ANNOTATIONS);
    said
}

/// A workflow command. Its message ends with the line, its properties with a colon or a comma.
fn annotation(level: Level, title: &str, message: &str) -> String {
    let level = match level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let title = data(&cut(title, 200)).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={title}::{}", data(&cut(message, MESSAGE)))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What is known of a fault having acted, in words.
fn seen(fault: &FaultInterval) -> &'static str {
    use dsjepsen_history::FaultOutcome::{Failed, Installed, Skipped};
    match (fault.outcome, fault.confirmed, fault.healed.is_some()) {
        (Some(Installed), true, true) => "seen to act, healed",
        (Some(Installed), true, false) => "seen to act, not healed",
        (Some(Installed), false, _) => "not seen to act",
        (Some(Skipped), ..) => "skipped",
        (Some(Failed), ..) => "failed",
        (None, ..) => "cut short",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_are_one_line_whose_parts_end_where_they_should() {
        let said = annotation(Level::Error, "a: b, 100%", "50%\r\n::error::two, and: three");
        assert_eq!(said, "::error title=a%3A b%2C 100%25::50%25%0D%0A::error::two, and: three");
        let long = annotation(Level::Warning, &"t,".repeat(1_000_000), &"%\n".repeat(1_000_000));
        assert!(long.starts_with("::warning title=t%2Ct%2C") && long.len() < 3 * (MESSAGE + 400), "{}", long.len());
        assert!(!long.contains('\n'));
    }

    #[test]
    fn a_summary_never_outgrows_what_is_taken_and_says_where_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("summary.md");
        let github = GitHub { summary: Some(file.clone()), ..GitHub::default() };
        let (full, short) = (format!("full{}\n", "x".repeat(100_000)), format!("short{}\n", "y".repeat(10_000)));
        for _ in 0..100 {
            github.append(&full, &short);
        }
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.len() as u64 <= MOST, "{}", text.len());
        assert_eq!((text.matches("full").count(), text.matches("short").count()), (9, 14));
        assert!(text.ends_with(NO_ROOM) && text.matches(NO_ROOM).count() == 1);
        // What others have written counts too.
        fs::write(&file, "z".repeat(MOST as usize - 10)).unwrap();
        GitHub { summary: Some(file.clone()), ..GitHub::default() }.append(&full, &short);
        assert_eq!(fs::metadata(&file).unwrap().len(), MOST - 10);
    }
}
