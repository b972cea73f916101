//! Those beside the terminal who are told of a campaign: a JUnit file, and GitHub Actions.

use clap::ArgMatches;
use dsjepsen_history::{Campaign, CampaignDirectory};

use crate::aside::aside;
use crate::exit::{Exit, Failure};
use crate::github::GitHub;
use crate::junit::{JUnit, Subject};

/// Those who read.
pub(super) struct Readers {
    junit: Option<JUnit>,
    github: GitHub,
    /// Whether one of them could not be told.
    missed: bool,
}

impl Readers {
    /// Those that are there.
    ///
    /// # Errors
    /// Where a file that was asked for cannot be written.
    pub(super) fn begin(arguments: &ArgMatches, name: &str) -> Result<Self, Failure> {
        let subject = Subject { name: name.to_owned(), class: "campaign".to_owned(), ..Subject::default() };
        let junit = JUnit::begin(arguments, subject)?;
        Ok(Self { junit, github: GitHub::of_environment(arguments.get_flag("json")), missed: false })
    }

    /// Tells how far it is: what has not ended is an error, so that a campaign that was killed is no success.
    pub(super) fn goes_on(&mut self, campaign: &Campaign) {
        self.write(campaign, None);
    }

    /// Tells the end, and says how the command ends: what was asked for and is not there is no success.
    pub(super) fn finish(
        &mut self,
        campaign: &Campaign,
        directory: &CampaignDirectory,
        exit: Exit,
        failure: Option<&Failure>,
    ) -> Exit {
        self.missed = false;
        self.write(campaign, Some(directory));
        if let Some(failure) = failure {
            self.github.failed(failure);
        }
        let exit = if self.missed { exit.worst(Exit::Harness) } else { exit };
        self.github.campaign(campaign, directory, exit);
        exit
    }

    fn write(&mut self, campaign: &Campaign, ended: Option<&CampaignDirectory>) {
        let directory = ended.map(CampaignDirectory::path);
        if let Some(Err(problem)) = self.junit.as_mut().map(|junit| junit.campaign(campaign, directory)) {
            aside(format_args!("error: {problem}"));
            self.missed = true;
        }
    }
}
