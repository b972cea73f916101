//! What came of a run, from its directory and the way in which its process ended. Nothing counts as a pass but a verdict that says so together with
//! an exit code that says the same.

use std::fs;
use std::time::Duration;

use dsjepsen_history::{
    CampaignDirectory, Cell, CellFinding, CellHealth, CellOperations, CellResult, Finding, Gravity, HarnessError,
    HarnessReason, RunDirectory, RunEvent, Verdict,
};

use super::child::{Ended, Why};
use crate::exit::Exit;
use crate::words::cut;

/// How much of a run's output is kept where it came to no verdict, and of a sentence.
const TOLD: usize = 2_000;

/// What came of the run `run` that began at `started` and ended. `left_over` counts processes that were still there.
pub(super) fn collect(
    cell: &Cell,
    (name, started): (&str, &str),
    ended: &Ended,
    directory: &CampaignDirectory,
    left_over: u64,
) -> CellResult {
    let run = RunDirectory::open(&directory.runs().join(name)).ok();
    let verdict = run.as_ref().and_then(|run| run.read_verdict().ok());
    let mut result = CellResult {
        run: name.to_owned(),
        page: run.as_ref().is_some_and(|run| run.page_file().exists()),
        started: started.to_owned(),
        took_ms: u64::try_from(ended.took.as_millis()).unwrap_or(u64::MAX),
        exit_code: Exit::Harness.code(),
        verdict: None,
        sentence: String::new(),
        findings: Vec::new(),
        harness_error: None,
        operations: CellOperations::default(),
        health: CellHealth { left_over, ..run.as_ref().map(health).unwrap_or_default() },
        target_version: run
            .as_ref()
            .and_then(|run| run.read_plan().ok())
            .map_or_else(String::new, |plan| plan.versions.target),
    };
    match verdict {
        Some(verdict) => judge(&mut result, cell, &verdict, ended),
        None => {
            let error = no_verdict(ended, &said(directory, name));
            result.sentence.clone_from(&error.text);
            result.harness_error = Some(error);
        }
    }
    result
}

/// What stands of a run that had been judged when its controller ended, before that could say so.
#[derive(Debug)]
pub(super) struct Recorded {
    /// Wall-clock time of its beginning, RFC 3339.
    pub(super) started: String,
    /// From then to its verdict.
    took: Duration,
}

/// Whether a run came to a verdict that was not cut short. How its process ended is not known: it must be judged again.
pub(super) fn recorded(name: &str, directory: &CampaignDirectory) -> Option<Recorded> {
    let run = RunDirectory::open(&directory.runs().join(name)).ok()?;
    let (plan, verdict) = (run.read_plan().ok()?, run.read_verdict().ok()?);
    if verdict.interrupted {
        return None;
    }
    let began: std::time::SystemTime = plan.started.parse::<jiff::Timestamp>().ok()?.into();
    let judged = fs::metadata(run.verdict_file()).and_then(|file| file.modified()).ok()?;
    Some(Recorded { started: plan.started, took: judged.duration_since(began).unwrap_or_default() })
}

impl Recorded {
    /// How the run ended, by the end of the process that judged it again: that one knows nothing of what was expected.
    pub(super) fn ended(&self, cell: &Cell, again: &Ended) -> Ended {
        let code = again.code.map(|code| match u8::try_from(code).map(Exit::of_code) {
            Ok(exit) => i32::from(exit.expecting(expected(cell)).code()),
            Err(_) => code,
        });
        let status = format!("{} when it was judged again", again.status);
        Ended { code, status, asked: again.asked, took: self.took }
    }
}

/// Another verdict than valid, where one is expected.
fn expected(cell: &Cell) -> Option<Gravity> {
    Some(cell.expect).filter(|expected| *expected != Gravity::Valid)
}

/// A run that came to a verdict.
fn judge(result: &mut CellResult, cell: &Cell, verdict: &Verdict, ended: &Ended) {
    let due = Exit::of(verdict, verdict.interrupted).expecting(expected(cell));
    result.verdict = Some(verdict.verdict);
    result.sentence = cut(&verdict.sentence, TOLD);
    result.findings = verdict.findings.iter().map(finding).collect();
    let counts = &verdict.operations;
    result.operations = CellOperations { total: counts.total, ok: counts.ok, fail: counts.fail, info: counts.info };
    result.harness_error = verdict.harness_error.as_ref().map(|error| error_of(HarnessReason::Run, error));
    let mut exit = due;
    if ended.asked == Some(Why::Deadline) && due == Exit::Interrupted {
        let text = format!("the run was not done after {} s, and was ended", ended.took.as_secs());
        result.harness_error = Some(error_of(HarnessReason::Deadline, &text));
        exit = Exit::Harness;
    } else if ended.asked.is_none() && due == Exit::Interrupted {
        let text = "somebody else than the campaign had the run end by a signal";
        result.harness_error = Some(error_of(HarnessReason::Crashed, text));
        exit = Exit::Harness;
    } else if ended.code != Some(i32::from(due.code())) {
        let text = format!(
            "the verdict is {}, which comes to exit code {}; but the run's process ended by {}",
            verdict.verdict,
            due.code(),
            ended.status
        );
        result.harness_error.get_or_insert(error_of(HarnessReason::Contradiction, &text));
        // What is proven stays proven.
        exit = if due == Exit::Invalid { due } else { Exit::Harness };
    }
    result.exit_code = exit.code();
}

fn finding(finding: &Finding) -> CellFinding {
    CellFinding {
        rule: finding.rule.clone().into_owned(),
        gravity: finding.gravity,
        reason: finding.reason,
        sentence: cut(&finding.sentence, TOLD),
        count: finding.count,
    }
}

/// A run that came to none.
fn no_verdict(ended: &Ended, said: &str) -> HarnessError {
    let (reason, what) = match (ended.asked, ended.code) {
        (Some(Why::Deadline), _) => (HarnessReason::Deadline, "it was not done in its time, and was ended"),
        (_, Some(254)) => (HarnessReason::Refused, "it refused to run"),
        (_, _) => (HarnessReason::Crashed, "it ended without a verdict"),
    };
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    error_of(reason, &format!("{what} ({}, after {} s){said}", ended.status, ended.took.as_secs()))
}

fn error_of(reason: HarnessReason, text: &str) -> HarnessError {
    HarnessError { reason, text: cut(text, TOLD) }
}

/// What the run wrote to its terminal.
fn said(directory: &CampaignDirectory, run: &str) -> String {
    let text = fs::read(directory.output_file(run)).unwrap_or_default();
    cut(String::from_utf8_lossy(&text).trim(), TOLD)
}

/// What the run's events say of how far it can be trusted.
fn health(run: &RunDirectory) -> CellHealth {
    let faults = run.read_plan().map_or(0, |plan| plan.faults.len() as u64);
    let mut health = CellHealth { faults, ..CellHealth::default() };
    for stamped in run.read_events().unwrap_or_default() {
        match stamped.event {
            RunEvent::Stall { for_ms } => {
                health.stalls += 1;
                health.longest_stall_ms = health.longest_stall_ms.max(for_ms);
            }
            RunEvent::Warning { .. } => health.warnings += 1,
            _ => {}
        }
    }
    health
}

#[cfg(test)]
mod tests {
    use dsjepsen_history::{CellState, Plan, UnknownReason};

    use super::*;

    const RUN: &str = "a-run";

    /// A campaign whose one run has this verdict, or none.
    fn of(verdict: Option<Verdict>, expect: Gravity, ended: &Ended) -> CellResult {
        let store = tempfile::tempdir().unwrap();
        let cell = cell(expect);
        let directory =
            CampaignDirectory::create(store.path(), &super::super::empty("campaign", vec![cell.clone()])).unwrap();
        let run = RunDirectory::create(&directory.runs(), &Plan::of_nodes(RUN, "raft", 1)).unwrap();
        if let Some(verdict) = verdict {
            run.write_verdict(&verdict).unwrap();
        }
        std::fs::create_dir_all(directory.output_file(RUN).parent().unwrap()).unwrap();
        std::fs::write(directory.output_file(RUN), "thread panicked").unwrap();
        collect(&cell, (RUN, "2026-01-01T00:00:00Z"), ended, &directory, 0)
    }

    fn cell(expect: Gravity) -> Cell {
        Cell {
            id: 1,
            workload: "lock".to_owned(),
            target: "raft".to_owned(),
            nemesis: "none".to_owned(),
            seed: 1,
            expect,
            own_time_ms: 1,
            options: String::new(),
            command: Vec::new(),
            attempts: 1,
            state: CellState::Waiting,
        }
    }

    fn verdict(gravity: Gravity) -> Verdict {
        let findings = match gravity {
            Gravity::Valid => Vec::new(),
            Gravity::Unknown => vec![Finding::unknown(UnknownReason::Interrupted, "cut short")],
            Gravity::Invalid => vec![Finding::invalid("lock.exclusion", "two held it", vec![1])],
        };
        let judgement = dsjepsen_history::Judgement::new("lock", 3, findings);
        Verdict::merge(vec![judgement], Default::default(), "fine")
    }

    fn ended(code: Option<i32>, asked: Option<Why>) -> Ended {
        Ended { code, status: format!("{code:?}"), asked, took: Duration::from_secs(3) }
    }

    #[test]
    fn only_a_verdict_and_its_exit_code_together_are_a_pass() {
        let code = |verdict, expect, ended: &Ended| of(verdict, expect, ended).exit_code;
        let (valid, invalid) = (Some(verdict(Gravity::Valid)), Some(verdict(Gravity::Invalid)));
        assert_eq!(code(valid.clone(), Gravity::Valid, &ended(Some(0), None)), 0);
        assert_eq!(code(invalid.clone(), Gravity::Valid, &ended(Some(1), None)), 1);
        assert_eq!(code(invalid.clone(), Gravity::Invalid, &ended(Some(0), None)), 0);
        assert_eq!(code(valid.clone(), Gravity::Invalid, &ended(Some(1), None)), 1);
        assert_eq!(code(Some(verdict(Gravity::Unknown)), Gravity::Valid, &ended(Some(2), None)), 2);
        // They do not agree.
        assert_eq!(code(valid.clone(), Gravity::Valid, &ended(None, None)), 255);
        assert_eq!(code(valid, Gravity::Valid, &ended(Some(2), None)), 255);
        assert_eq!(code(invalid, Gravity::Valid, &ended(Some(0), None)), 1, "what is proven stays proven");
        assert_eq!(code(None, Gravity::Valid, &ended(Some(0), None)), 255);
    }

    #[test]
    fn a_run_without_a_verdict_says_why_and_what_it_wrote() {
        let reason = |code, asked| {
            let result = of(None, Gravity::Valid, &ended(code, asked));
            assert_eq!((result.exit_code, result.verdict), (255, None));
            let error = result.harness_error.unwrap();
            assert!(error.text.contains("thread panicked"), "{error:?}");
            error.reason
        };
        assert_eq!(reason(None, None), HarnessReason::Crashed);
        assert_eq!(reason(Some(254), None), HarnessReason::Refused);
        assert_eq!(reason(None, Some(Why::Deadline)), HarnessReason::Deadline);
    }

    #[test]
    fn a_run_that_was_ended_at_its_deadline_is_no_verdict_on_the_target_unless_it_found_something() {
        let mut cut_short = verdict(Gravity::Unknown);
        cut_short.interrupted = true;
        let result = of(Some(cut_short.clone()), Gravity::Valid, &ended(Some(130), Some(Why::Deadline)));
        assert_eq!((result.exit_code, result.harness_error.unwrap().reason), (255, HarnessReason::Deadline));
        let result = of(Some(cut_short), Gravity::Valid, &ended(Some(130), None));
        assert_eq!((result.exit_code, result.harness_error.unwrap().reason), (255, HarnessReason::Crashed));
        let mut found = verdict(Gravity::Invalid);
        found.interrupted = true;
        let result = of(Some(found), Gravity::Valid, &ended(Some(1), Some(Why::Deadline)));
        assert_eq!((result.exit_code, result.harness_error), (1, None));
    }
}
