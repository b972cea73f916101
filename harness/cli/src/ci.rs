//! What CI systems read of `dsjepsen test`: the JUnit file that was asked for, and what GitHub Actions shows. They are told of each run as that begins and ends, so that
//! what was found is there whatever becomes of the rest.

use clap::ArgMatches;

use crate::aside::aside;
use crate::exit::{Exit, Failure};
use crate::github::GitHub;
use crate::junit::{JUnit, Subject, Suite, class};
use crate::run::Ran;

/// Those who read.
pub(crate) struct Readers {
    junit: Option<JUnit>,
    github: GitHub,
    /// What the command line says of the runs.
    asked: Vec<(&'static str, String)>,
    /// Whether one of them could not be told.
    missed: bool,
}

impl Readers {
    /// Those that are there.
    ///
    /// # Errors
    /// Where a file that was asked for cannot be written.
    pub(crate) fn begin(arguments: &ArgMatches) -> Result<Self, Failure> {
        let word = |name: &str| arguments.get_one::<String>(name).cloned().unwrap_or_default();
        let asked = match arguments.get_one::<std::path::PathBuf>("plan") {
            Some(plan) => vec![("plan", plan.display().to_string())],
            None => ["workload", "target", "nemesis"].map(|name| (name, word(name))).into(),
        };
        let junit = JUnit::begin(arguments, asked_for(&asked, 0))?;
        Ok(Self { junit, github: GitHub::of_environment(arguments.get_flag("json")), asked, missed: false })
    }

    /// Another run begins.
    pub(crate) fn goes_on(&mut self, number: u64) {
        let told = self.junit.as_ref().map_or(Ok(()), |junit| junit.goes_on(asked_for(&self.asked, number)));
        self.note(told);
    }

    /// A run came to a verdict.
    pub(crate) fn ran(&mut self, ran: &Ran, number: u64, exit: Exit) {
        self.github.ran(ran, exit);
        let mut subject = Subject::of_run(&ran.plan, number, ran.directory.path());
        (subject.took, subject.page) = (ran.took, ran.page.clone());
        self.add(|| Suite::of_verdict(subject, &ran.verdict, exit));
    }

    /// A run came to none.
    pub(crate) fn failed(&mut self, failure: &Failure, number: u64) {
        self.github.failed(failure);
        let subject = asked_for(&self.asked, number);
        self.add(|| Suite::of_failure(subject, failure));
    }

    /// How the command ends: what was asked for and is not there is no success.
    pub(crate) fn finish(self, exit: Exit) -> Exit {
        if self.missed { exit.worst(Exit::Harness) } else { exit }
    }

    fn add(&mut self, suite: impl FnOnce() -> Suite) {
        let told = self.junit.as_mut().map_or(Ok(()), |junit| junit.add(suite()));
        self.note(told);
    }

    fn note(&mut self, told: Result<(), String>) {
        if let Err(problem) = told {
            aside(format_args!("error: {problem}"));
            self.missed = true;
        }
    }
}

/// A run of which no more is known than what was asked for.
fn asked_for(asked: &[(&'static str, String)], number: u64) -> Subject {
    let words: Vec<&str> = asked.iter().map(|(_, word)| word.as_str()).collect();
    let name = match words.as_slice() {
        [workload, target, nemesis] => format!("{workload} on {target} under {nemesis}"),
        _ => words.join(" "),
    };
    Subject { name, class: class(&words, number), properties: asked.to_vec(), ..Subject::default() }
}
