//! Whether a run showed anything at all. A rule that was never put to the test is not kept: it is unknown.

use std::collections::BTreeSet;

use dsjepsen_history::{
    Call, FaultInterval, FaultOutcome, Figure, Finding, Judgement, Operation, OperationCounts, UnknownReason,
};

use crate::words::{count, counted, moment};
use crate::{Checker, RunView};

/// Finds what a run lacks to be called valid. It never finds a run invalid.
#[derive(Debug, Clone, Copy)]
pub struct Vacuity {
    /// The kinds of operations that must have succeeded.
    pub required: &'static [&'static str],
}

impl<C: Call, R> Checker<C, R> for Vacuity {
    fn name(&self) -> &'static str {
        "vacuity"
    }

    fn check(&self, run: &RunView<'_, C, R>) -> Judgement {
        let operations = &run.history.operations;
        // What else a run lacks that was cut short follows from that, and would only hide it.
        let findings = if run.interrupted { cut_short(run).into_iter().collect() } else { lacking(run, self.required) };
        let mut judgement = Judgement::new("vacuity", operations.len() as u64, findings);
        let faults = &run.history.faults;
        let seen = faults.iter().filter(|fault| confirmed(fault)).count();
        judgement.figures = vec![
            Figure::new("faults planned", count(run.plan.faults.len() as u64)),
            Figure::new("faults confirmed", count(seen as u64)),
        ];
        judgement
    }
}

/// What a run lacks that went its whole way.
fn lacking<C: Call, R>(run: &RunView<'_, C, R>, required: &[&'static str]) -> Vec<Finding> {
    let operations = &run.history.operations;
    let mut findings = Vec::new();
    if operations.is_empty() {
        let sentence = "The run recorded no operation, so nothing was judged.";
        findings.push(Finding::unknown(UnknownReason::NoObservations, sentence));
    } else {
        findings.extend(never_succeeded(operations, required));
    }
    findings.extend(not_confirmed(run));
    if !operations.is_empty() {
        findings.extend(nothing_before_the_faults(run));
        findings.extend(nothing_after_the_faults(run));
    }
    findings.extend(cut_short(run));
    findings
}

fn confirmed(fault: &FaultInterval) -> bool {
    fault.confirmed && fault.took_place()
}

fn never_succeeded<C: Call, R>(operations: &[Operation<C, R>], required: &[&'static str]) -> Vec<Finding> {
    let counts = OperationCounts::of(operations, |call| call.kind());
    required
        .iter()
        .filter_map(|&kind| {
            let of_kind = counts.by_kind.get(kind).cloned().unwrap_or_default();
            (of_kind.ok == 0).then(|| kind_never_succeeded(kind, &of_kind))
        })
        .collect()
}

/// The finding that no operation of a kind was ok.
pub(crate) fn kind_never_succeeded(kind: &str, counts: &OperationCounts) -> Finding {
    let sentence = format!(
        "No `{kind}` succeeded: {} sent, {} failed, {} indeterminate.",
        count(counts.total),
        count(counts.fail),
        count(counts.info)
    );
    Finding::unknown(UnknownReason::KindNeverSucceeded, sentence)
}

/// The faults asked for of which not one was seen to take effect.
fn not_confirmed<C, R>(run: &RunView<'_, C, R>) -> Vec<Finding> {
    let asked: BTreeSet<&str> = run.plan.faults.iter().map(|fault| fault.fault.as_str()).collect();
    asked
        .into_iter()
        .filter_map(|name| {
            let tried: Vec<_> = run.history.faults.iter().filter(|fault| fault.fault == name).collect();
            (!tried.iter().any(|fault| confirmed(fault))).then(|| {
                let sentence = format!(
                    "The fault `{name}` was asked for, but was never seen to take effect: {}.",
                    observed(&tried)
                );
                Finding::unknown(UnknownReason::FaultNotConfirmed, sentence)
            })
        })
        .collect()
}

/// What came of the attempts at a fault, in words.
fn observed(tried: &[&FaultInterval]) -> String {
    if tried.is_empty() {
        return "it was never injected".to_owned();
    }
    let parts = [
        (Some(FaultOutcome::Installed), "done, but not confirmed"),
        (Some(FaultOutcome::Skipped), "skipped"),
        (Some(FaultOutcome::Failed), "failed"),
        (None, "cut off"),
    ];
    let parts: Vec<_> = parts
        .into_iter()
        .filter_map(|(outcome, what)| {
            let of_it: Vec<_> = tried.iter().filter(|fault| fault.outcome == outcome).collect();
            let why: BTreeSet<&str> =
                of_it.iter().filter_map(|fault| fault.evidence.get(NEMESIS)).map(String::as_str).collect();
            let why = if why.is_empty() { String::new() } else { format!(" ({})", told(why)) };
            let number = match of_it.len() {
                0 => return None,
                all if all == tried.len() && all == 1 => "the only injection was".to_owned(),
                all if all == tried.len() => format!("all {} were", counted(all as u64, "injection")),
                1 => "1 was".to_owned(),
                several => format!("{} were", count(several as u64)),
            };
            Some(format!("{number} {what}{why}"))
        })
        .collect();
    let of = if parts.len() > 1 { format!("of {}, ", counted(tried.len() as u64, "injection")) } else { String::new() };
    let seen: BTreeSet<String> = tried
        .iter()
        .flat_map(|fault| fault.evidence.iter().chain(&fault.heal_evidence))
        .filter(|(place, _)| *place != NEMESIS)
        .map(|(place, seen)| format!("{place}: {seen}"))
        .collect();
    let seen = if seen.is_empty() { String::new() } else { format!("; what was seen: {}", told(seen)) };
    format!("{of}{}{seen}", parts.join(" and "))
}

/// Under this name the nemesis itself says why it did nothing; under others, what was seen there.
const NEMESIS: &str = "nemesis";

/// The first three.
fn told<T: AsRef<str>>(words: BTreeSet<T>) -> String {
    let words: Vec<_> = words.iter().take(3).map(AsRef::as_ref).collect();
    words.join("; ")
}

fn nothing_before_the_faults<C: Call, R>(run: &RunView<'_, C, R>) -> Option<Finding> {
    let first = first_request(run)?;
    let before = |operation: &Operation<C, R>| operation.completed.is_some_and(|at| at.index < first.requested.index);
    let worked = run.history.operations.iter().any(|operation| succeeded(operation) && before(operation));
    (!worked).then(|| {
        let sentence = format!(
            "No operation had succeeded when the first fault (`{}`) was asked for, at {}: nothing shows that the system \
             worked before.",
            first.fault,
            moment(first.requested.time)
        );
        Finding::unknown(UnknownReason::NoObservations, sentence)
    })
}

fn nothing_after_the_faults<C: Call, R>(run: &RunView<'_, C, R>) -> Option<Finding> {
    first_request(run)?;
    if unhealed(run).is_some() {
        // There is no last heal, and that is said already.
        return None;
    }
    let (healed, fault) = run
        .history
        .faults
        .iter()
        .filter_map(|fault| Some((fault.healed?, fault)))
        .max_by_key(|(healed, _)| healed.index)?;
    let after = |operation: &Operation<C, R>| operation.invoked.index > healed.index;
    let worked = run.history.operations.iter().any(|operation| succeeded(operation) && after(operation));
    (!worked).then(|| {
        let sentence = format!(
            "No operation begun after the last fault (`{}`) was healed, at {}, succeeded: nothing shows that the system \
             recovered.",
            fault.fault,
            moment(healed.time)
        );
        Finding::unknown(UnknownReason::NoObservations, sentence)
    })
}

/// Whether it shows that the system works. A background operation runs beside the others and shows too little; what the
/// harness answered itself shows nothing.
fn succeeded<C: Call, R>(operation: &Operation<C, R>) -> bool {
    let call = &operation.call;
    operation.outcome.ok().is_some() && !call.is_background() && call.is_answered_by_target()
}

/// The first fault that was asked for, in a run that was meant to have faults.
fn first_request<'a, C, R>(run: &RunView<'a, C, R>) -> Option<&'a FaultInterval> {
    let faults = run.history.faults.iter().filter(|_| !run.plan.faults.is_empty());
    faults.min_by_key(|fault| fault.requested.index)
}

/// A fault that took place, or may have, and was still in force at the end.
fn unhealed<'a, C, R>(run: &RunView<'a, C, R>) -> Option<&'a FaultInterval> {
    run.history.faults.iter().find(|fault| {
        let in_force = matches!(fault.outcome, Some(FaultOutcome::Installed) | None);
        in_force && fault.healed.is_none()
    })
}

fn cut_short<C, R>(run: &RunView<'_, C, R>) -> Option<Finding> {
    let end = moment(run.history.end.time);
    let open = unhealed(run).map(|fault| format!("the fault `{}` (number {})", fault.fault, fault.id));
    let sentence = match (run.interrupted, open) {
        (false, None) => return None,
        (true, None) => format!("The run was cut short at {end}: what would have followed was not judged."),
        (true, Some(fault)) => format!("The run was cut short at {end}, while {fault} was in force."),
        (false, Some(fault)) => format!("The history ends at {end}, while {fault} was in force: it was never healed."),
    };
    Some(Finding::unknown(UnknownReason::Interrupted, sentence))
}
