//! The controller: begins runs, so many at a time, looks after them, and writes down what came of each. One thread, which the runs end with.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};

use dsjepsen_history::{
    Campaign, CampaignDirectory, CampaignEvent, Cell, CellResult, CellState, JournalEntry, RunDirectory,
};

use super::How;
use super::child::{Child, Ended, Task, Why, end_all};
use super::collect::{Recorded, collect, recorded};
use super::readers::Readers;
use super::show::Show;
use crate::exit::{Exit, Failure, harness};
use crate::heal::undo;
use crate::run::run_name;
use crate::signals::Signals;

/// How often runs are looked after.
const TICK: Duration = Duration::from_millis(20);
/// How far the beginnings of runs are apart: a cluster's start is the busiest moment of its run.
const BETWEEN_STARTS: Duration = Duration::from_millis(250);
/// How often `campaign.json` and the page are written anew, at most.
const REDRAWN_EVERY: Duration = Duration::from_secs(2);
/// For how long those are waited for that are ended because the campaign cannot go on.
const END_ALL_TIME: Duration = Duration::from_secs(10);
/// How long a run takes beside its own time limits, until one of the campaign has taken longer.
pub(super) const LEAST_OVERHEAD: Duration = Duration::from_secs(10);

/// What a campaign needs to go on.
pub(super) struct Controller<'a> {
    pub(super) campaign: Campaign,
    pub(super) directory: &'a CampaignDirectory,
    pub(super) show: Show,
    pub(super) readers: Readers,
    how: How,
    began: Instant,
    /// How much of the time since then is in the journal.
    noted: Duration,
    waiting: VecDeque<usize>,
    /// Runs that had been judged when an earlier controller ended, with their places.
    to_judge: VecDeque<(usize, String, Recorded)>,
    children: Vec<Child>,
    names: BTreeSet<String>,
    last_start: Option<Instant>,
    drawn: Option<Instant>,
    is_stale: bool,
    stop: Option<Stop>,
    overhead: Duration,
}

/// Why no more runs begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Interrupted,
    Time,
    Failure,
}

impl<'a> Controller<'a> {
    pub(super) fn new(
        campaign: Campaign,
        directory: &'a CampaignDirectory,
        show: Show,
        readers: Readers,
        how: How,
    ) -> Self {
        Self {
            campaign,
            directory,
            show,
            readers,
            how,
            began: Instant::now(),
            noted: Duration::ZERO,
            waiting: VecDeque::new(),
            to_judge: VecDeque::new(),
            children: Vec::new(),
            names: BTreeSet::new(),
            last_start: None,
            drawn: None,
            is_stale: true,
            stop: None,
            overhead: LEAST_OVERHEAD,
        }
    }

    /// Runs what is to be run, has everybody told, and says how the campaign ends.
    ///
    /// # Errors
    /// Where a run cannot be started, or what came of one cannot be written down: then nothing more begins, for it would be lost. All runs are ended.
    pub(super) fn run(&mut self) -> Result<Exit, Failure> {
        let ended = self.run_to_the_end();
        let exit = ended.as_ref().map_or_else(|failure| failure.exit, |exit| *exit);
        let exit = self.readers.finish(&self.campaign, self.directory, exit, ended.as_ref().err());
        if self.campaign.exit_code == Some(exit.code()) {
            return ended;
        }
        // Those who read what is kept are told the same as who asked.
        self.campaign.exit_code = Some(exit.code());
        let written = self.write();
        ended?;
        written?;
        Ok(exit)
    }

    fn run_to_the_end(&mut self) -> Result<Exit, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| harness(format!("cannot start the runtime: {error}")))?;
        let ended = runtime.block_on(self.work());
        if ended.is_err() {
            self.abandon();
        }
        let exit = ended?;
        self.note_work()?;
        self.campaign.exit_code = Some(exit.code());
        self.write()?;
        Ok(exit)
    }

    /// Notes how long this controller has been at work, since it last did.
    fn note_work(&mut self) -> Result<(), Failure> {
        let ms = u64::try_from(self.began.elapsed().saturating_sub(self.noted).as_millis()).unwrap_or(u64::MAX);
        self.noted += Duration::from_millis(ms);
        self.campaign.worked_ms += ms;
        self.directory.append(&JournalEntry::Worked { ms }).map_err(harness)
    }

    async fn work(&mut self) -> Result<Exit, Failure> {
        let mut signals = Signals::watch()?;
        self.clear_away()?;
        self.campaign.cells.iter_mut().for_each(forget_not_run);
        let waits = |place: &usize| self.campaign.cells[*place].state == CellState::Waiting;
        self.waiting = (0..self.campaign.cells.len()).filter(waits).collect();
        while !self.is_over() {
            self.judge_some()?;
            self.begin_some()?;
            self.look()?;
            self.draw_sometimes()?;
            self.show.progress(&self.campaign, self.began.elapsed());
            tokio::select! {
                () = signals.next() => self.interrupt(),
                () = tokio::time::sleep(TICK) => {}
            }
        }
        self.give_up_the_rest()?;
        Ok(self.exit())
    }

    /// Ends what a controller that was killed has left. A run that had been judged will be judged again; another is made again.
    fn clear_away(&mut self) -> Result<(), Failure> {
        for place in 0..self.campaign.cells.len() {
            let CellState::Running { run } = &self.campaign.cells[place].state else { continue };
            let run = run.clone();
            let directory = RunDirectory::open(&self.directory.runs().join(&run)).ok();
            // Its process ended with the controller; it lets go of the directory as soon as the kernel has seen to that.
            let deadline = Instant::now() + Duration::from_secs(20);
            let _hold = loop {
                match directory.as_ref().map(RunDirectory::hold) {
                    Some(Err(_)) if Instant::now() < deadline => std::thread::sleep(TICK),
                    Some(Err(error)) => return Err(harness(error)),
                    Some(Ok(hold)) => break Some(hold),
                    None => break None,
                }
            };
            let healed = undo(&run, directory.as_ref())?;
            let cell = &mut self.campaign.cells[place];
            let id = cell.id;
            match recorded(&run, self.directory) {
                Some(recorded) => self.to_judge.push_back((place, run, recorded)),
                None => {
                    self.directory.append(&JournalEntry::BrokenOff { id }).map_err(harness)?;
                    cell.state = CellState::Waiting;
                    let (ended_processes, faults) = (healed.ended.len() as u64, healed.faults.len() as u64);
                    self.show.tell(&CampaignEvent::Cleared { id, run, ended_processes, faults }, &self.campaign);
                }
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let judges = !self.to_judge.is_empty() && self.stop != Some(Stop::Interrupted);
        self.children.is_empty() && !judges && (self.waiting.is_empty() || self.stop.is_some())
    }

    /// Has recorded runs judged again, each in a process of its own, for judging or drawing may be what ended the last one.
    fn judge_some(&mut self) -> Result<(), Failure> {
        while self.stop != Some(Stop::Interrupted) && self.children.len() < self.campaign.jobs as usize {
            let Some((place, run, recorded)) = self.to_judge.pop_front() else { return Ok(()) };
            self.children.push(Child::check(self.task(place, &run), recorded).map_err(harness)?);
        }
        Ok(())
    }

    fn task<'t>(&'t self, place: usize, run: &'t str) -> Task<'t> {
        let cell = &self.campaign.cells[place];
        let time = Duration::from_millis(cell.own_time_ms.saturating_add(self.campaign.grace_ms));
        Task { place, cell, run, directory: self.directory, time }
    }

    fn begin_some(&mut self) -> Result<(), Failure> {
        while self.stop.is_none() && self.children.len() < self.campaign.jobs as usize {
            if self.last_start.is_some_and(|at| at.elapsed() < BETWEEN_STARTS) {
                return Ok(());
            }
            let Some(place) = self.waiting.front().copied() else { return Ok(()) };
            let own_time = Duration::from_millis(self.campaign.cells[place].own_time_ms);
            if self.how.for_time.is_some_and(|limit| self.began.elapsed() + own_time + self.overhead > limit) {
                self.stop = Some(Stop::Time);
                return Ok(());
            }
            self.waiting.pop_front();
            self.begin(place)?;
        }
        Ok(())
    }

    fn begin(&mut self, place: usize) -> Result<(), Failure> {
        let run = self.name(place);
        let id = self.campaign.cells[place].id;
        // First the note, then the deed: what was begun can be found whatever happens.
        self.directory.append(&JournalEntry::Begun { id, run: run.clone() }).map_err(harness)?;
        let cell = &mut self.campaign.cells[place];
        cell.attempts += 1;
        cell.state = CellState::Running { run: run.clone() };
        let started = Child::test(self.task(place, &run), Path::new(&self.campaign.folder));
        self.last_start = Some(Instant::now());
        self.is_stale = true;
        match started {
            Ok(child) => {
                self.children.push(child);
                self.show.tell(&CampaignEvent::Begun { id, run }, &self.campaign);
                Ok(())
            }
            Err(error) => {
                // Nothing was run: whatever keeps a process from being started would keep all others from it.
                self.directory.append(&JournalEntry::BrokenOff { id }).map_err(harness)?;
                self.campaign.cells[place].state = CellState::Waiting;
                let title = self.campaign.cells[place].title();
                Err(harness(format!("{title} could not be started: {error}; --resume goes on with it")))
            }
        }
    }

    /// A name that no other run has.
    fn name(&mut self, place: usize) -> String {
        let cell = &self.campaign.cells[place];
        let target: String = cell.target.chars().take(60).collect();
        let base = run_name(jiff::Timestamp::now(), &cell.workload, &target, &cell.nemesis, cell.seed);
        let numbers = std::iter::once(base.clone()).chain((2..).map(|number| format!("{base}-{number}")));
        let name = numbers.into_iter().find(|name| !self.names.contains(name)).unwrap_or(base);
        self.names.insert(name.clone());
        name
    }

    fn look(&mut self) -> Result<(), Failure> {
        let mut number = 0;
        while number < self.children.len() {
            match self.children[number].look().map_err(harness)? {
                None => number += 1,
                Some(ended) => {
                    let child = self.children.swap_remove(number);
                    self.ended(&child, &ended)?;
                }
            }
        }
        Ok(())
    }

    fn ended(&mut self, child: &Child, ended: &Ended) -> Result<(), Failure> {
        let run = RunDirectory::open(&self.directory.runs().join(&child.run)).ok();
        let healed = undo(&child.run, run.as_ref())?;
        // Where the run itself was killed, its guardian may still be at what is done here.
        let left_over = if ended.code.is_some() { healed.ended.len() as u64 } else { 0 };
        let cell = &self.campaign.cells[child.place];
        let ended = child.recorded.as_ref().map_or_else(|| ended.clone(), |recorded| recorded.ended(cell, ended));
        let result = collect(cell, (&child.run, &child.started), &ended, self.directory, left_over);
        let exit = result.exit_code;
        if ended.asked == Some(Why::Interrupted) && (exit == Exit::Interrupted.code() || exit == Exit::Harness.code()) {
            if child.recorded.is_some() {
                // Its record stands: it is judged when the campaign goes on.
                return Ok(());
            }
            self.directory.append(&JournalEntry::BrokenOff { id: cell.id }).map_err(harness)?;
            self.campaign.cells[child.place].state = CellState::Waiting;
            self.is_stale = true;
            return Ok(());
        }
        let own_time = Duration::from_millis(cell.own_time_ms);
        self.overhead = self.overhead.max(ended.took.saturating_sub(own_time));
        forget_output(self.directory, &child.run, &result);
        self.end(child.place, result)
    }

    fn end(&mut self, place: usize, result: CellResult) -> Result<(), Failure> {
        let failed = result.exit_code != 0;
        let id = self.campaign.cells[place].id;
        let result = Box::new(result);
        self.directory.append(&JournalEntry::Ended { id, result: result.clone() }).map_err(harness)?;
        self.campaign.cells[place].state = CellState::Done(result);
        self.is_stale = true;
        self.note_work()?;
        let cell = Box::new(self.campaign.cells[place].clone());
        self.show.tell(&CampaignEvent::Ended { cell }, &self.campaign);
        if failed && self.how.fail_fast && self.stop.is_none() {
            self.stop = Some(Stop::Failure);
        }
        Ok(())
    }

    /// The first signal has the runs end in good order, the second at once.
    fn interrupt(&mut self) {
        let again = self.stop == Some(Stop::Interrupted);
        self.stop = Some(Stop::Interrupted);
        for child in &mut self.children {
            match again {
                false => child.ask(Why::Interrupted),
                true => child.kill(),
            }
        }
        if !again {
            self.show.note("interrupted: runs that are under way end in good order; a second Ctrl-C ends them at once");
        }
    }

    /// What will not be run is told, and is no pass. After an interruption it waits to be resumed.
    fn give_up_the_rest(&mut self) -> Result<(), Failure> {
        let reason = match self.stop {
            Some(Stop::Time) => {
                let limit = self.how.for_time.unwrap_or_default().as_secs_f64();
                format!("it would not have ended within the {limit} s of --for")
            }
            Some(Stop::Failure) => "another run was not as expected before (--fail-fast)".to_owned(),
            Some(Stop::Interrupted) | None => return Ok(()),
        };
        for place in std::mem::take(&mut self.waiting) {
            self.campaign.cells[place].state = CellState::NotRun { reason: reason.clone() };
            let cell = Box::new(self.campaign.cells[place].clone());
            self.show.tell(&CampaignEvent::Ended { cell }, &self.campaign);
        }
        Ok(())
    }

    fn exit(&self) -> Exit {
        let of_cells = self.campaign.cells.iter().map(|cell| match &cell.state {
            CellState::Done(result) => Exit::of_code(result.exit_code),
            // Nothing is known of it.
            CellState::Waiting | CellState::Running { .. } | CellState::NotRun { .. } => Exit::Unknown,
        });
        let interrupted = if self.stop == Some(Stop::Interrupted) { Exit::Interrupted } else { Exit::Valid };
        let missing = if self.campaign.missing() > 0 { Exit::Unknown } else { Exit::Valid };
        of_cells.fold(interrupted.worst(missing), Exit::worst)
    }

    fn draw_sometimes(&mut self) -> Result<(), Failure> {
        if self.is_stale && self.drawn.is_none_or(|at| at.elapsed() >= REDRAWN_EVERY) {
            self.write()?;
            self.readers.goes_on(&self.campaign);
        }
        Ok(())
    }

    /// Writes `campaign.json` and the page. A page that cannot be drawn is told, and changes nothing.
    fn write(&mut self) -> Result<(), Failure> {
        self.campaign.updated = jiff::Timestamp::now().to_string();
        let written = self.directory.write(&self.campaign).map_err(harness);
        if let Err(error) = dsjepsen_reports::write_campaign_page(&self.campaign, &self.directory.page_file()) {
            self.show.note(&format!("there is no page: {error}"));
        }
        (self.drawn, self.is_stale) = (Some(Instant::now()), false);
        written
    }

    /// It cannot go on: ends its runs, which wait to be made again.
    fn abandon(&mut self) {
        let mut children = std::mem::take(&mut self.children);
        let runs: Vec<String> = children.iter().map(|child| child.run.clone()).collect();
        end_all(&mut children, END_ALL_TIME);
        for run in runs {
            let _ = undo(&run, None);
        }
    }
}

/// What there was no time for in an earlier part of a campaign waits again.
fn forget_not_run(cell: &mut Cell) {
    if matches!(cell.state, CellState::NotRun { .. }) {
        cell.state = CellState::Waiting;
    }
}

/// What a run wrote is kept where its directory does not say the same.
fn forget_output(directory: &CampaignDirectory, run: &str, result: &CellResult) {
    if result.harness_error.is_none() && result.page {
        let _ = std::fs::remove_file(directory.output_file(run));
    }
}
