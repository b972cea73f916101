//! What a person sees while a run goes on: what starts, runs, breaks and heals, one line each, and a line of progress that
//! is rewritten on a terminal and repeated every few seconds without one.

mod outlet;

use std::fmt::Write;
use std::io::IsTerminal;

use dsjepsen_history::{
    FaultAction, FaultOutcome, Gravity, NodeHealth, RunEvent, StampedEvent, UnknownReason, Verdict,
};
use outlet::Outlet;

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Lines for people.
    Lines,
    /// JSON lines.
    Json,
    /// Nothing.
    Silent,
}

/// Without a terminal, progress is told every so many seconds.
const PLAIN_PROGRESS_EVERY: u64 = 5;

const DIM: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

/// Shows the events of one run.
pub(crate) struct Terminal {
    style: Style,
    outlet: Outlet,
    rewritable: bool,
    progress_shown: bool,
    ticks: u64,
    nodes_ready: usize,
    restarts_shown: bool,
}

impl Terminal {
    pub(crate) fn new(style: Style) -> Self {
        let rewritable = style == Style::Lines && std::io::stdout().is_terminal();
        let outlet = Outlet::open(style == Style::Json);
        Self { style, outlet, rewritable, progress_shown: false, ticks: 0, nodes_ready: 0, restarts_shown: false }
    }

    /// Shows one event.
    pub(crate) fn show(&mut self, stamped: &StampedEvent) {
        match self.style {
            Style::Silent => {}
            Style::Json => {
                if let Ok(text) = serde_json::to_string(stamped) {
                    self.outlet.send(text + "\n");
                }
            }
            Style::Lines => {
                if let RunEvent::Progress { invoked, outcomes: [ok, fail, info], rate } = &stamped.event {
                    self.progress(
                        stamped,
                        &format!("{invoked} operations, {ok} ok, {fail} fail, {info} info, {rate}/s"),
                    );
                } else if let Some(text) = self.words(&stamped.event) {
                    self.line(stamped, &text);
                }
            }
        }
    }

    fn progress(&mut self, stamped: &StampedEvent, text: &str) {
        self.ticks += 1;
        if self.rewritable {
            self.outlet.send(format!("\r\x1b[K{DIM}{:>8.3} s  {text}{RESET}", at(stamped)));
            self.progress_shown = true;
        } else if self.ticks.is_multiple_of(PLAIN_PROGRESS_EVERY) {
            self.line(stamped, text);
        }
    }

    fn line(&mut self, stamped: &StampedEvent, text: &str) {
        self.clear_progress();
        self.outlet.send(format!("{DIM}{:>8.3} s{RESET}  {text}\n", at(stamped)));
    }

    fn clear_progress(&mut self) {
        if std::mem::take(&mut self.progress_shown) {
            self.outlet.send("\r\x1b[K".to_owned());
        }
    }

    /// What is worth a line.
    fn words(&mut self, event: &RunEvent) -> Option<String> {
        Some(match event {
            RunEvent::Phase { phase } => {
                self.restarts_shown |= phase == "main";
                match phase.as_str() {
                    "main" => {
                        let nodes = if self.nodes_ready == 1 { "node is" } else { "nodes are" };
                        format!("{BOLD}main{RESET}: {} {nodes} ready, clients begin", self.nodes_ready)
                    }
                    "recovery" => format!("{BOLD}recovery{RESET}: what is broken is healed, clients run on"),
                    "final" => format!("{BOLD}final{RESET}: clients finish"),
                    other => format!("{BOLD}{other}{RESET}"),
                }
            }
            RunEvent::NodeReady { .. } if !self.restarts_shown => {
                self.nodes_ready += 1;
                return None;
            }
            RunEvent::NodeReady { node, after_ms } => format!("{node} is ready again after {after_ms} ms"),
            RunEvent::NodeEnded { node, status, expected: false } => format!("{node} ended by itself: {status}"),
            RunEvent::FirstOk { since_process_start_ms } => {
                format!("first operation acknowledged, {since_process_start_ms} ms after the start")
            }
            RunEvent::Fault { id, fault, target, action, outcome, evidence } => {
                let verb = match (action, outcome) {
                    (FaultAction::Inject, None) => "breaks",
                    (FaultAction::Heal, None) => return None,
                    (FaultAction::Inject, Some(FaultOutcome::Installed)) => "broken",
                    (FaultAction::Inject, Some(FaultOutcome::Skipped)) => "skipped",
                    (FaultAction::Heal, Some(FaultOutcome::Installed)) => "healed",
                    (_, Some(_)) => "failed",
                };
                let target = if verb == "breaks" { format!(" ({target})") } else { String::new() };
                let evidence = if evidence.is_empty() { String::new() } else { format!(": {evidence}") };
                format!("fault {id} {BOLD}{verb}{RESET}  {fault}{target}{evidence}")
            }
            RunEvent::Health { after_faults, nodes } if nodes.values().any(|health| *health != NodeHealth::Ready) => {
                format!("warning: {}", NodeHealth::of_all(*after_faults, nodes))
            }
            RunEvent::Stall { for_ms } => format!("the controller stood still for {for_ms} ms"),
            RunEvent::Warning { text } => format!("warning: {text}"),
            RunEvent::Note { text } => text.clone(),
            _ => return None,
        })
    }

    /// The end: verdict, sentence, page, and the command to run it again.
    pub(crate) fn conclude(&mut self, verdict: &Verdict, page: Option<&str>, command: &str) {
        self.clear_progress();
        if self.style == Style::Json {
            return;
        }
        let colour = match verdict.verdict {
            Gravity::Valid => "\x1b[1;32m",
            Gravity::Invalid => "\x1b[1;31m",
            Gravity::Unknown => "\x1b[1;33m",
        };
        let mut out = String::new();
        let word = verdict.verdict.to_string().to_uppercase();
        let _ = writeln!(out, "\n{colour}{word}{RESET}  {}", verdict.sentence);
        for finding in &verdict.findings {
            let times =
                if finding.count > 1 { format!(" (and {} more like it)", finding.count - 1) } else { String::new() };
            let _ = writeln!(out, "  {BOLD}{}{RESET}  {}{times}", finding.rule, finding.sentence);
            if !finding.detail.is_empty() {
                let _ = writeln!(out, "      {}", finding.detail);
            }
        }
        if let Some(error) = &verdict.harness_error {
            let is_set_up = verdict.findings.iter().any(|found| found.reason == Some(UnknownReason::SetupFailed));
            let what = if is_set_up {
                "the set-up failed, so nothing was tested"
            } else {
                "the harness failed, so this says nothing in favour of the target"
            };
            let _ = writeln!(out, "  {what}: {error}");
        }
        if let Some(page) = page {
            let _ = writeln!(out, "  page   {page}");
        }
        let _ = writeln!(out, "  again  {command}");
        self.outlet.send(out);
    }

    /// Ends once all that was shown so far is written.
    pub(crate) fn written(&self) -> impl Future<Output = ()> + use<> {
        let written = self.outlet.written();
        async { written.await.unwrap_or_default() }
    }
}

fn at(stamped: &StampedEvent) -> f64 {
    stamped.time_ns as f64 / 1e9
}
