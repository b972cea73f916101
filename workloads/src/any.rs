//! Workloads without their types, so that the command line can hold them all in one list.

use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use dsjepsen_checkers::{Checker, RunView, Stats, Vacuity, judge};
use dsjepsen_engine::api::Abilities;
use dsjepsen_engine::nemesis::{Nemesis, Scene, monotonic_rate_error_ppm};
use dsjepsen_engine::runner::{self, Conditions};
use dsjepsen_engine::{Cluster, Recording, StopReason};
use dsjepsen_history::{
    Call, ExportError, FaultInterval, Finding, History, HistoryError, JepsenNotation, Lanes, OperationCounts, Plan,
    RunDirectory, UnknownReason, Verdict, read_history, thousands, type_history, write_jepsen,
};
use thiserror::Error;

use crate::workload::{OptionSpec, Setup, Workload};

/// Why a recorded run cannot be judged.
#[derive(Debug, Error)]
pub enum JudgeError {
    /// Its history cannot be read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Its history is another workload's.
    #[error("the history is of workload `{found}`, the plan of `{planned}`")]
    OtherWorkload {
        /// What the history says.
        found: String,
        /// What the plan says.
        planned: String,
    },
}

/// The target does not offer what the workload needs, or the run's files cannot be made.
#[derive(Debug, Error)]
pub enum Unsupported {
    /// The target lacks an ability.
    #[error("target `{target}` does not serve workload `{workload}`")]
    Ability {
        /// The target.
        target: String,
        /// The workload.
        workload: &'static str,
    },
    /// A file of the run cannot be made.
    #[error("cannot begin the recording: {0}")]
    Recording(#[from] std::io::Error),
}

/// What a run needs beside its workload.
pub struct RunInput<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What the target offers.
    pub abilities: &'a Abilities,
    /// The conditions.
    pub conditions: &'a Conditions,
    /// The cluster, up and ready.
    pub cluster: Cluster,
    /// Where everything is recorded.
    pub directory: &'a RunDirectory,
}

/// What comes of judging a run.
#[derive(Debug)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// What is drawn of it beside.
    pub lanes: Lanes,
}

/// A workload, whatever its calls.
#[async_trait(?Send)]
pub trait AnyWorkload: Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// One line about it.
    fn about(&self) -> &'static str;

    /// Its options.
    fn options(&self) -> Vec<OptionSpec>;

    /// The rules by which it is judged.
    fn rules(&self) -> Vec<&'static str>;

    /// Whether a target that offers this can serve it.
    fn is_served_by(&self, abilities: &Abilities) -> bool;

    /// Runs it through all phases, stops the nodes (unless they are to be left running), judges what was recorded, and keeps its
    /// lanes in the directory. That they cannot be kept is told, and changes no verdict.
    ///
    /// # Errors
    /// [`Unsupported`]; then nothing was run.
    async fn run(&self, input: RunInput<'_>, leave_running: bool) -> Result<Verdict, Unsupported>;

    /// Judges a recorded run from its directory.
    ///
    /// # Errors
    /// [`JudgeError`] where the history is damaged.
    fn judge(&self, directory: &RunDirectory, plan: &Plan, cut_short: bool) -> Result<Judged, JudgeError>;

    /// Writes a recorded run's history as Jepsen's tools read it, and gives back what the reader noticed.
    ///
    /// # Errors
    /// [`ExportError`] where the history is damaged or none of this workload's, or cannot be written.
    fn export(
        &self,
        directory: &RunDirectory,
        notation: JepsenNotation,
        out: &mut dyn Write,
    ) -> Result<Vec<String>, ExportError>;
}

#[async_trait(?Send)]
impl<W: Workload> AnyWorkload for W {
    fn name(&self) -> &'static str {
        W::NAME
    }

    fn about(&self) -> &'static str {
        W::ABOUT
    }

    fn options(&self) -> Vec<OptionSpec> {
        Workload::options(self)
    }

    fn rules(&self) -> Vec<&'static str> {
        self.checkers(0).iter().map(|checker| checker.name()).collect()
    }

    fn is_served_by(&self, abilities: &Abilities) -> bool {
        Workload::is_served_by(self, abilities)
    }

    async fn run(&self, input: RunInput<'_>, leave_running: bool) -> Result<Verdict, Unsupported> {
        let RunInput { plan, abilities, conditions, cluster, directory } = input;
        let setup =
            Setup { abilities, options: &plan.options, promises: &plan.promises, conditions, cluster: &cluster };
        let prepared = self
            .prepare(&setup)
            .ok_or_else(|| Unsupported::Ability { target: plan.target.clone(), workload: W::NAME })?;
        let recording = Recording::<W::Call, W::Reply>::begin(&directory.history_file(), W::NAME, conditions.clock)?;
        let recorder = recording.recorder();
        let scene = Scene { cluster: cluster.clone(), gates: conditions.gates.clone() };
        let nemesis =
            Nemesis::new(scene, plan.faults.clone(), Arc::new(recorder.clone()), conditions.events.clone(), directory)?;
        runner::run(conditions, &recorder, prepared.generator, prepared.connect, Some(nemesis)).await;
        if !leave_running {
            cluster.stop().await;
        }
        let (history, failure) = recording.finish();
        if let Some(failure) = failure {
            conditions.stop.ask(StopReason::Failed(failure));
        }
        let reason = conditions.stop.reason();
        let Judged { mut verdict, lanes } = judge_history(self, &history, plan, reason.is_some());
        if let Err(error) = directory.write_lanes(&lanes) {
            conditions.events.warn(format!("the lanes are not kept: {error}"));
        }
        verdict.interrupted = reason == Some(StopReason::Interrupted);
        if let Some(StopReason::Failed(failure)) = reason {
            verdict.harness_error = Some(failure);
        }
        Ok(verdict)
    }

    fn judge(&self, directory: &RunDirectory, plan: &Plan, cut_short: bool) -> Result<Judged, JudgeError> {
        let path = directory.history_file();
        let raw = read_history(&path)?;
        if raw.workload != W::NAME {
            return Err(JudgeError::OtherWorkload { found: raw.workload, planned: W::NAME.to_owned() });
        }
        let history = type_history::<W::Call, W::Reply>(raw, &path)?;
        Ok(judge_history(self, &history, plan, cut_short))
    }

    fn export(
        &self,
        directory: &RunDirectory,
        notation: JepsenNotation,
        out: &mut dyn Write,
    ) -> Result<Vec<String>, ExportError> {
        let path = directory.history_file();
        // What is not this workload's would lose its members without a word.
        type_history::<W::Call, W::Reply>(read_history(&path)?, &path)?;
        write_jepsen(&path, W::JEPSEN, notation, out)
    }
}

fn judge_history<W: Workload>(
    workload: &W,
    history: &History<W::Call, W::Reply>,
    plan: &Plan,
    cut_short: bool,
) -> Judged {
    let required = workload.required();
    let mut checkers: Vec<Box<dyn Checker<W::Call, W::Reply>>> =
        workload.checkers(monotonic_rate_error_ppm(&plan.faults));
    checkers.push(Box::new(Vacuity { required }));
    checkers.push(Box::new(Stats { required }));
    let run = RunView { history, plan, interrupted: cut_short };
    let counts = OperationCounts::of(&history.operations, |call| call.kind());
    let mut verdict = judge(&checkers, &run, valid_sentence(&counts, &history.faults));
    if !history.notes.is_empty() {
        let notes = history.notes.join("; ");
        let finding = Finding::unknown(UnknownReason::Interrupted, format!("The history is cut short: {notes}."));
        if verdict.findings.is_empty() {
            verdict.sentence.clone_from(&finding.sentence);
        }
        verdict.verdict = verdict.verdict.max(finding.gravity);
        verdict.findings.push(finding);
    }
    let lanes = workload.lanes(&run).kept(&verdict, history.end.time);
    Judged { verdict, lanes }
}

fn valid_sentence(counts: &OperationCounts, faults: &[FaultInterval]) -> String {
    let confirmed = faults.iter().filter(|fault| fault.took_place() && fault.confirmed).count();
    let under = match faults.len() {
        0 => "without faults".to_owned(),
        asked => format!("under {confirmed} of {asked} faults that were seen to take effect"),
    };
    format!("No rule was broken in {} operations ({} ok) {under}.", thousands(counts.total), thousands(counts.ok))
}
