//! What a person or a program sees while a campaign goes on: a line for each run that ended, and on a terminal one that is rewritten.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anstream::stdout;
use dsjepsen_history::{Campaign, CampaignEvent, Cell, CellKind, CellState, Gravity, Tally, shell_line};

use super::matrix::words as unavailable_words;
use crate::aside::aside;
use crate::terminal::Style;

/// How often the line of progress is rewritten.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);
/// How often it is told where nothing can be rewritten.
const PLAIN_PROGRESS_EVERY: Duration = Duration::from_secs(60);

const DIM: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

/// Shows a campaign.
pub(super) struct Show {
    style: Style,
    rewritable: bool,
    is_shown: bool,
    last: Option<Instant>,
}

impl Show {
    pub(super) fn new(style: Style) -> Self {
        let rewritable = style == Style::Lines && std::io::stdout().is_terminal();
        Self { style, rewritable, is_shown: false, last: None }
    }

    /// Tells an event. A terminal that is gone is no reason to stop.
    pub(super) fn tell(&mut self, event: &CampaignEvent, campaign: &Campaign) {
        match self.style {
            Style::Json => {
                if let Ok(text) = serde_json::to_string(event) {
                    let _ = writeln!(std::io::stdout(), "{text}");
                }
            }
            Style::Lines => lines(event, campaign).iter().for_each(|line| self.line(line)),
            Style::Silent => {
                let matters = match event {
                    CampaignEvent::Ended { cell } => {
                        !matches!(&cell.state, CellState::Done(result) if result.exit_code == 0)
                    }
                    CampaignEvent::Finished { .. } => true,
                    _ => false,
                };
                lines(event, campaign).iter().filter(|_| matters).for_each(|line| self.line(line));
            }
        }
    }

    /// Tells something to know, to those who do not read JSON.
    pub(super) fn note(&mut self, text: &str) {
        match self.style {
            Style::Json => aside(format_args!("note: {text}")),
            Style::Lines | Style::Silent => self.line(&format!("note: {text}")),
        }
    }

    /// How far the campaign is.
    pub(super) fn progress(&mut self, campaign: &Campaign, since: Duration) {
        let every = if self.rewritable { PROGRESS_EVERY } else { PLAIN_PROGRESS_EVERY };
        let last = *self.last.get_or_insert_with(Instant::now);
        if self.style != Style::Lines || last.elapsed() < every {
            return;
        }
        self.last = Some(Instant::now());
        let tally = campaign.tally();
        let running = campaign.cells.iter().filter(|cell| matches!(cell.state, CellState::Running { .. })).count();
        let text = format!(
            "{} of {} runs ended, {running} under way, {}; {}",
            tally.ended(),
            tally.all(),
            clock(since),
            counts(&tally)
        );
        if self.rewritable {
            let _ = write!(stdout(), "\r\x1b[K{DIM}{text}{RESET}");
            let _ = stdout().flush();
            self.is_shown = true;
        } else {
            self.line(&text);
        }
    }

    fn line(&mut self, text: &str) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(stdout(), "\r\x1b[K");
        }
        let _ = writeln!(stdout(), "{text}");
    }
}

/// `1 invalid, 2 unknown, 40 valid`.
pub(crate) fn counts(tally: &Tally) -> String {
    let named = [
        (tally.invalid, "invalid"),
        (tally.unknown, "unknown"),
        (tally.harness, "harness errors"),
        (tally.not_run, "not run"),
        (tally.as_expected, "not valid, as expected"),
        (tally.valid, "valid"),
    ];
    let some: Vec<String> =
        named.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if some.is_empty() { "none has ended".to_owned() } else { some.join(", ") }
}

/// `1 combination`, `7 combinations`: those that cannot be run here.
pub(crate) fn combinations(campaign: &Campaign) -> String {
    match campaign.unavailable.len() {
        1 => "1 combination".to_owned(),
        count => format!("{count} combinations"),
    }
}

/// `1 h 02 min`, `3 min 20 s`, `14 s`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

fn lines(event: &CampaignEvent, campaign: &Campaign) -> Vec<String> {
    match event {
        CampaignEvent::Planned { directory, runs, ended, jobs, unavailable, .. } => {
            let mut lines = Vec::new();
            if !unavailable.is_empty() {
                lines.push("not available here, and not run:".to_owned());
                lines.extend(unavailable.iter().map(unavailable_words));
            }
            let before = if *ended > 0 { format!(", {ended} of them ended before") } else { String::new() };
            lines.push(format!("{BOLD}{runs} runs{RESET}{before}, {jobs} at once; {directory}"));
            lines
        }
        CampaignEvent::Begun { .. } => Vec::new(),
        CampaignEvent::Cleared { id, run, ended_processes, faults } => {
            let title = campaign.cells.iter().find(|cell| cell.id == *id).map_or_else(String::new, Cell::title);
            vec![format!(
                "note: {title} was under way when the campaign ended: {ended_processes} processes of {run} were ended, {faults} faults with them; it \
                 is run again"
            )]
        }
        CampaignEvent::Ended { cell } => of_cell(cell, campaign),
        CampaignEvent::Finished { tally, page, resume, .. } => {
            let mut lines = vec![format!("{BOLD}{}{RESET}", counts(tally)), format!("page: {page}")];
            if campaign.missing() > 0 {
                lines.push(format!("{} cannot be run here, which is no pass (--require-all)", combinations(campaign)));
            }
            lines.extend(resume.iter().map(|command| format!("the rest: {command}")));
            lines
        }
        _ => Vec::new(),
    }
}

/// One line, and where something is not as expected, what and how to see it again.
fn of_cell(cell: &Cell, campaign: &Campaign) -> Vec<String> {
    let tally = campaign.tally();
    match &cell.state {
        CellState::Done(result) => {
            let mut lines = vec![format!(
                "{DIM}{:>4}/{}{RESET}  {BOLD}{:<8}{RESET} {}  {DIM}{:.1} s{RESET}",
                tally.ended(),
                tally.all(),
                word(cell),
                cell.title(),
                result.took_ms as f64 / 1000.0
            )];
            if result.exit_code != 0 {
                let why = result.harness_error.as_ref().map_or(&result.sentence, |error| &error.text);
                let why = if result.exit_code == 1 { &result.sentence } else { why };
                lines.push(format!("          {}", why.lines().next().unwrap_or_default()));
                lines.push(format!("          {DIM}{}{RESET}", shell_line(&cell.command)));
            }
            lines
        }
        CellState::NotRun { reason } => vec![format!("          not run  {}: {reason}", cell.title())],
        CellState::Waiting | CellState::Running { .. } => Vec::new(),
    }
}

/// What came of a run, in a word or two.
pub(crate) fn word(cell: &Cell) -> &'static str {
    let is_broken = cell.result().is_some_and(|result| result.verdict == Some(Gravity::Invalid));
    match cell.kind() {
        CellKind::Valid => "valid",
        CellKind::Expected => "expected",
        CellKind::Open => "not ended",
        CellKind::NotRun => "not run",
        CellKind::Unknown => "unknown",
        CellKind::Harness => "HARNESS",
        CellKind::Invalid if is_broken => "INVALID",
        CellKind::Invalid => "MISSED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_name_what_there_is_worst_first() {
        assert_eq!(counts(&Tally::default()), "none has ended");
        let tally = Tally { valid: 40, invalid: 1, not_run: 2, ..Tally::default() };
        assert_eq!(counts(&tally), "1 invalid, 2 not run, 40 valid");
        let times = [14, 200, 7_320].map(|seconds| clock(Duration::from_secs(seconds)));
        assert_eq!(times, ["14 s", "3 min 20 s", "2 h 02 min"]);
    }
}
