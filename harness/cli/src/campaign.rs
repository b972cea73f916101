//! `dsjepsen campaign`: a matrix of runs, each a process of its own, so that none can spoil another, and whatever ends one or all of them loses
//! nothing that was found.
//!
//! [`settings`] reads what is asked for, [`matrix`] makes runs of it, [`controller`] sees to them ([`child`]) and keeps what came of each
//! ([`collect`]); the files are those of [`CampaignDirectory`].

mod child;
mod collect;
mod command;
mod controller;
mod matrix;
mod nemesis;
mod readers;
mod seeds;
mod settings;
mod show;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;
use dsjepsen_history::{
    Campaign, CampaignDirectory, CampaignEvent, CampaignHost, Cell, Hold, RunDirectoryError, SCHEMA, shell_line,
};

use crate::exit::{Exit, Failure, harness, usage};
use crate::say::say;
use crate::terminal::Style;
use crate::words::own_command;
use controller::{Controller, LEAST_OVERHEAD};
use readers::Readers;
use seeds::{date_of, this_day};
use settings::Settings;
use show::Show;

use command::MOST_JOBS;
pub(crate) use command::command;
pub(crate) use show::{combinations, counts, word};

/// How many runs go on at once, for each core. Runs wait most of the time, for their faults and their clients' deadlines: on two cores a campaign
/// with two for each takes a quarter of the time of its runs and more, with three less than a fifth, and their verdicts are the same.
const JOBS_PER_CORE: u32 = 3;

/// How many runs go on at once on so many cores, where nobody says.
fn default_jobs(cores: u32) -> u32 {
    cores.saturating_mul(JOBS_PER_CORE).min(u32::from(MOST_JOBS))
}

/// The command.
pub(crate) fn campaign(arguments: &ArgMatches) -> Result<Exit, Failure> {
    let style = match (arguments.get_flag("json"), arguments.get_flag("quiet")) {
        (true, _) => Style::Json,
        (false, true) => Style::Silent,
        (false, false) => Style::Lines,
    };
    let mut show = Show::new(style);
    let begun = match arguments.get_one::<PathBuf>("resume") {
        Some(path) => Some(resume(path, arguments)?),
        None => begin(arguments, &mut show)?,
    };
    let Some(Begun { directory, _hold, campaign, readers, how }) = begun else { return Ok(Exit::Valid) };
    show.tell(&planned(&campaign, &directory), &campaign);
    let mut controller = Controller::new(campaign, &directory, show, readers, how);
    let ended = controller.run();
    let exit = ended.as_ref().map_or_else(|failure| failure.exit, |exit| *exit);
    let finished = finished(&controller.campaign, &directory, exit);
    controller.show.tell(&finished, &controller.campaign);
    ended
}

/// A campaign that is planned and has its directory, new or as an earlier controller left it.
struct Begun {
    directory: CampaignDirectory,
    /// A second controller would run everything twice.
    _hold: Hold,
    campaign: Campaign,
    readers: Readers,
    how: How,
}

/// How runs are gone about, beside what each of them is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    /// No run begins that would not end within this time.
    for_time: Option<Duration>,
    /// Whether no run begins after the first that is not as expected.
    fail_fast: bool,
}

/// Plans a campaign and makes its directory; none where only its plan was asked for.
fn begin(arguments: &ArgMatches, show: &mut Show) -> Result<Option<Begun>, Failure> {
    let day = arguments.get_one::<u64>("today").copied().unwrap_or_else(this_day);
    let settings = Settings::read(arguments, day)?;
    let resolved = matrix::resolve(&settings)?;
    let mut campaign = empty("", resolved.cells);
    campaign.unavailable = resolved.unavailable;
    campaign.series.clone_from(&settings.name);
    campaign.command = own_command();
    if settings.is_of_a_day && !arguments.contains_id("today") {
        // Tomorrow the same words would be another campaign.
        campaign.command.extend(["--today".to_owned(), date_of(day)]);
    }
    campaign.jobs = settings.jobs.map_or_else(|| default_jobs(campaign.host.cores), u32::from);
    campaign.for_ms = settings.for_time.map(milliseconds);
    campaign.grace_ms = milliseconds(settings.grace);
    campaign.require_all = settings.require_all;
    if arguments.get_flag("dry-run") {
        print_plan(&campaign, arguments.get_flag("json"));
        return Ok(None);
    }
    let offered = unfinished(&settings.store, &campaign.series);
    if let Some((path, open, all)) = offered {
        let again = shell_line(&resume_command(&path));
        show.note(&format!(
            "{} was left with {open} of its {all} runs to make: `{again}` goes on with it",
            path.display()
        ));
    }
    // A file that was asked for and cannot be written leaves no campaign behind.
    let readers = Readers::begin(arguments, if settings.name.is_empty() { "campaign" } else { &settings.name })?;
    let directory = make_directory(&settings.store, &mut campaign)?;
    let _hold = directory.hold().map_err(harness)?;
    let how = How { for_time: settings.for_time, fail_fast: settings.fail_fast };
    Ok(Some(Begun { directory, _hold, campaign, readers, how }))
}

/// A campaign that was begun before, as its journal has it.
fn resume(path: &Path, arguments: &ArgMatches) -> Result<Begun, Failure> {
    // The store may have links to it, which will lead to others.
    let path = fs::canonicalize(path).map_err(|error| usage(format!("--resume {}: {error}", path.display())))?;
    let directory = CampaignDirectory::open(&path).map_err(usage)?;
    let _hold = directory.hold().map_err(|error| usage(format!("{error}; Ctrl-C in its terminal ends it")))?;
    let mut campaign = directory.replay().map_err(usage)?;
    campaign.worked_before_ms = campaign.worked_ms;
    if let Some(jobs) = arguments.get_one::<u16>("jobs") {
        campaign.jobs = u32::from(*jobs);
    }
    let given = arguments.get_one::<Duration>("for").copied();
    let for_time = given.or(campaign.for_ms.map(Duration::from_millis));
    campaign.for_ms = for_time.map(milliseconds);
    let readers = Readers::begin(arguments, &campaign.name)?;
    let how = How { for_time, fail_fast: arguments.get_flag("fail-fast") };
    Ok(Begun { directory, _hold, campaign, readers, how })
}

/// `store/campaign-<name>-<time>`, with an absolute path.
fn make_directory(store: &Path, campaign: &mut Campaign) -> Result<CampaignDirectory, Failure> {
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S").to_string();
    let base = match campaign.series.as_str() {
        "" => format!("campaign-{time}"),
        series => format!("campaign-{series}-{time}"),
    };
    fs::create_dir_all(store).map_err(|error| usage(format!("--store {}: {error}", store.display())))?;
    let store = fs::canonicalize(store).map_err(usage)?;
    for attempt in 1..100 {
        campaign.name = if attempt == 1 { base.clone() } else { format!("{base}-{attempt}") };
        match CampaignDirectory::create(&store, campaign) {
            Err(RunDirectoryError::Io { source, .. }) if crate::run::is_taken(&source) => {}
            other => return other.map_err(harness),
        }
    }
    Err(harness(format!("there is a campaign {base} already, and 98 more of its name")))
}

/// A campaign of which nothing is said but its runs.
pub(crate) fn empty(name: &str, cells: Vec<Cell>) -> Campaign {
    let now = jiff::Timestamp::now().to_string();
    let folder = std::env::current_dir().map_or_else(|_| String::new(), |folder| folder.display().to_string());
    Campaign {
        schema: SCHEMA,
        name: name.to_owned(),
        series: String::new(),
        started: now.clone(),
        updated: now,
        command: Vec::new(),
        folder,
        jobs: 1,
        for_ms: None,
        grace_ms: 0,
        worked_ms: 0,
        worked_before_ms: 0,
        host: host(),
        require_all: false,
        unavailable: Vec::new(),
        cells,
        exit_code: None,
    }
}

fn host() -> CampaignHost {
    let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX));
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kibibytes =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    CampaignHost {
        dsjepsen: env!("CARGO_PKG_VERSION").to_owned(),
        system: crate::schedule::system(),
        cores,
        memory_bytes: kibibytes.map(|number| number * 1024),
        commit: std::env::var("GITHUB_SHA").ok().filter(|commit| !commit.is_empty()),
    }
}

fn resume_command(path: &Path) -> Vec<String> {
    ["dsjepsen", "campaign", "--resume"].into_iter().map(str::to_owned).chain([path.display().to_string()]).collect()
}

/// The newest campaign of this series that has runs left to make and at which nobody is at work, with how many there are of how many.
fn unfinished(store: &Path, series: &str) -> Option<(PathBuf, usize, usize)> {
    let entries = fs::read_dir(store).ok()?.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("campaign-"))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths.into_iter().rev().find_map(|path| {
        let directory = CampaignDirectory::open(&path).ok()?;
        let campaign = directory.read().ok().filter(|campaign| campaign.series == series)?;
        let _hold = directory.hold().ok()?;
        // What there was no time for is left to be; only what was broken off is offered.
        let broken_off = campaign.tally().open > 0;
        let open = campaign.open_cells().count();
        broken_off.then_some((path, open, campaign.cells.len()))
    })
}

fn print_plan(campaign: &Campaign, as_json: bool) {
    if as_json {
        if let Ok(text) = serde_json::to_string_pretty(campaign) {
            say(text);
        }
        return;
    }
    for cell in &campaign.cells {
        say(shell_line(&cell.command));
    }
    if !campaign.unavailable.is_empty() {
        say("not available here, and not run:");
        campaign.unavailable.iter().for_each(|one| say(matrix::words(one)));
    }
    say(format_args!("{} runs, {} at once", campaign.cells.len(), campaign.jobs));
}

fn planned(campaign: &Campaign, directory: &CampaignDirectory) -> CampaignEvent {
    CampaignEvent::Planned {
        schema: SCHEMA,
        name: campaign.name.clone(),
        directory: directory.path().display().to_string(),
        runs: campaign.cells.len() as u64,
        ended: campaign.tally().ended(),
        jobs: campaign.jobs,
        unavailable: campaign.unavailable.clone(),
    }
}

fn finished(campaign: &Campaign, directory: &CampaignDirectory, exit: Exit) -> CampaignEvent {
    CampaignEvent::Finished {
        tally: campaign.tally(),
        exit_code: exit.code(),
        page: directory.page_file().display().to_string(),
        resume: (!campaign.is_complete()).then(|| shell_line(&rest_command(campaign, directory.path()))),
    }
}

/// What goes on with a campaign: with more time, where in its own no run of the rest would begin.
fn rest_command(campaign: &Campaign, path: &Path) -> Vec<String> {
    let mut words = resume_command(path);
    let longest = campaign.open_cells().map(|cell| cell.own_time_ms).max().unwrap_or_default();
    let needed_ms = longest.saturating_add(milliseconds(2 * LEAST_OVERHEAD));
    if campaign.for_ms.is_some_and(|limit_ms| limit_ms < needed_ms) {
        words.extend(["--for".to_owned(), format!("{}s", needed_ms.div_ceil(1_000))]);
    }
    words
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_runs_go_on_at_once_than_there_are_networks_for() {
        assert_eq!([1, 2, 80, 192, u32::MAX].map(default_jobs), [3, 6, 240, 250, 250]);
        let jobs = |number: &str| command().try_get_matches_from(["campaign", "--jobs", number]);
        assert!(jobs("250").is_ok() && jobs("251").unwrap_err().to_string().contains("250"));
    }
}
