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
    pub(super) fn begin(arguments: &ArgMatches, campaign: &Campaign) -> Result<Self, Failure> {
        let subject = Subject { name: campaign.name.clone(), class: "campaign".to_owned(), ..Subject::default() };
        let junit = JUnit::begin(arguments, subject)?;
        Ok(Self { junit, github: GitHub::of_environment(arguments.get_flag("json")), missed: false })
    }

    /// Tells how far it is: what has not ended is an error, so that a campaign that was killed is no success.
    pub(super) fn goes_on(&mut self, campaign: &Campaign) {
        if let Some(Err(problem)) = self.junit.as_mut().map(|junit| junit.campaign(campaign, None)) {
            aside(format_args!("error: {problem}"));
            self.missed = true;
        }
    }

    /// Tells the end, and says how the command ends: what was asked for and is not there is no success.
    pub(super) fn finish(&mut self, campaign: &Campaign, directory: &CampaignDirectory, exit: Exit) -> Exit {
        self.missed = false;
        if let Some(Err(problem)) = self.junit.as_mut().map(|junit| junit.campaign(campaign, Some(directory.path()))) {
            aside(format_args!("error: {problem}"));
            self.missed = true;
        }
        self.github.campaign(campaign, directory, exit);
        if self.missed { exit.worst(Exit::Harness) } else { exit }
    }
}
