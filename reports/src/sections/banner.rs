//! The verdict in two seconds: word, icon, one sentence, and the facts of the run.

use std::collections::BTreeMap;

use dsjepsen_history::{OptionValue, RunEvent, UnknownReason};
use jiff::Timestamp;
use maud::{Markup, html};

use crate::load::RunRecord;
use crate::marks::State;
use crate::subject::Subject;
use crate::text::{CELL, NAME, SENTENCE, counted, seconds, sentence, shown, span, thousands};

/// The banner of a run.
pub(crate) fn banner(record: &RunRecord) -> Markup {
    let (headline, sentences) = words(record, record.state());
    framed(record.state(), &headline, &sentences, "cmd-run", &facts(record))
}

/// Word, icon, sentences and facts; the button copies the command with this id.
pub(crate) fn framed(state: State, headline: &str, sentences: &[String], command: &str, facts: &Markup) -> Markup {
    html! {
        header class={ "verdict " (state.class()) } {
            div.head {
                (state.icon())
                div {
                    div.word { (state.word()) }
                    h1 { (sentence(headline, SENTENCE)) }
                    @for below in sentences { p.sub { (sentence(below, SENTENCE)) } }
                }
                button.act.copy type="button" data-copy=(command) hidden { "Copy command" }
            }
            (facts)
        }
    }
}

/// One fact with what stands small under it.
pub(crate) fn fact(name: &str, value: &Markup, small: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) @if !small.0.is_empty() { small { (small) } } } } }
}

/// The headline and what stands under it.
fn words(record: &RunRecord, state: State) -> (String, Vec<String>) {
    let verdict = &record.verdict;
    let finding = verdict.findings.first();
    let mut below: Vec<String> = Vec::new();
    let headline = match (state, &verdict.harness_error) {
        (State::Harness, Some(error)) => {
            if verdict.sentence != *error && !verdict.sentence.is_empty() {
                below.push(verdict.sentence.clone());
            }
            below.push(format!(
                "{} recorded and judged. This says nothing about {}.",
                counted(verdict.operations.total, "operation was", "operations were"),
                record.plan.target
            ));
            error.clone()
        }
        _ => verdict.sentence.clone(),
    };
    if let Some(finding) = finding.filter(|_| state != State::Harness) {
        if let Some(reason) = finding.reason {
            below.push(format!("{reason}: {}", remedy(reason)));
        }
        below.push(finding.detail.clone());
    }
    if state == State::Valid {
        below.push(coverage(record));
    }
    if let (State::Invalid, Some(error)) = (state, &verdict.harness_error) {
        below.push(format!("The harness failed as well: {error}"));
    }
    if verdict.interrupted && state != State::Harness {
        below.push("The run was cut short; what was recorded until then is judged.".to_owned());
    }
    below.retain(|sentence| !sentence.is_empty());
    (headline, below)
}

/// What would decide an undecided run.
pub(crate) fn remedy(reason: UnknownReason) -> &'static str {
    match reason {
        UnknownReason::NoObservations => {
            "nothing was recorded that could be judged. A run with operations would decide it."
        }
        UnknownReason::KindNeverSucceeded => {
            "a kind of operation that the workload needs never succeeded. A run in which it does would decide it."
        }
        UnknownReason::NoFinalRead => "the final reads are missing. A run that ends with them would decide it.",
        UnknownReason::Deadline => "a checker ran out of time. More time, or a shorter run, would decide it.",
        UnknownReason::Memory => "a checker ran out of memory. More memory, or a shorter run, would decide it.",
        UnknownReason::CheckerError => "a checker failed, which is a fault of dsjepsen.",
        UnknownReason::FaultNotConfirmed => {
            "a fault was never seen to take effect. A run in which every fault does would decide it."
        }
        UnknownReason::BelowMinRate => "there were too few operations. A longer or faster run would decide it.",
        UnknownReason::Interrupted => "the run was cut short. A complete run would decide it.",
        UnknownReason::SetupFailed => "the cluster or the harness did not come up, so nothing was tested.",
        UnknownReason::TwoReadings => {
            "the history says two things of an operation. One that says each value once would decide it."
        }
    }
}

/// What a valid verdict rests on.
fn coverage(record: &RunRecord) -> String {
    let checkers = counted(record.verdict.checkers.len() as u64, "checker", "checkers");
    let took: Vec<_> = record.faults().iter().filter(|fault| fault.took_place()).collect();
    if took.is_empty() {
        return format!("Judged by {checkers}. No fault took effect in this run.");
    }
    let overlapped = super::faults::overlapped_by_any(record);
    format!(
        "Judged by {checkers}. {} of {} took effect, and {} overlapped one.",
        took.len(),
        counted(record.faults().len().max(record.plan.faults.len()) as u64, "fault", "faults"),
        counted(overlapped, "operation", "operations")
    )
}

fn facts(record: &RunRecord) -> Markup {
    let plan = &record.plan;
    let operations = &record.verdict.operations;
    let (faults, faults_small) = fault_facts(record);
    let fact = |name: &str, value: Markup, small: Markup| fact(name, &value, &small);
    let target = if plan.versions.target.is_empty() {
        plan.target.clone()
    } else {
        format!("{} {}", plan.target, plan.versions.target)
    };
    let clients = counted(u64::from(plan.settings.concurrency), "client", "clients");
    html! {
        dl.facts {
            (fact("Target", html! { (shown(&target, NAME)) ", " (counted(u64::from(plan.settings.nodes), "node", "nodes")) },
                shown(&plan.versions.system, CELL)))
            (fact("Workload", html! { (shown(&plan.workload, NAME)) ", " (clients) }, shown(&options(record), CELL)))
            (fact("Faults", shown(&faults, CELL), shown(&faults_small, CELL)))
            (fact("Seed", html! { (plan.seed) }, html! { "fixes the plan, not the system’s timing" }))
            (fact("Duration", html! { (seconds(record.end(), 1)) " s" }, html! { (phases(record)) }))
            (fact("Operations", html! { (thousands(operations.total)) }, html! {
                (thousands(operations.ok)) " ok, " (thousands(operations.fail)) " fail, " (thousands(operations.info)) " info"
            }))
            (fact("dsjepsen", shown(&plan.versions.dsjepsen, NAME), Markup::default()))
            (fact("Started", shown(&started(&plan.started), NAME), Markup::default()))
        }
    }
}

/// The workload's options in one line.
fn options(record: &RunRecord) -> String {
    let options: Vec<_> = record
        .plan
        .options
        .0
        .iter()
        .map(|(name, value)| match value {
            OptionValue::Number(number) => format!("{name} {}", thousands(*number)),
            OptionValue::Word(word) => format!("{name} {word}"),
        })
        .collect();
    options.join(", ")
}

/// The faults by kind in the plan's order, and how many took effect.
fn fault_facts(record: &RunRecord) -> (String, String) {
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (position, fault) in record.plan.faults.iter().enumerate() {
        kinds.entry(&fault.fault).or_insert((position, 0)).1 += 1;
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, (first, _))| *first);
    let names: Vec<_> = kinds.iter().map(|(name, (_, count))| format!("{name} ×{count}")).collect();
    if names.is_empty() {
        return ("none".to_owned(), String::new());
    }
    let planned = record.plan.faults.len();
    let confirmed = record.faults().iter().filter(|fault| fault.confirmed).count();
    let small = match &record.history {
        Err(_) => "whether they took effect cannot be read".to_owned(),
        Ok(_) if confirmed == planned && planned == 1 => "confirmed by what was observed".to_owned(),
        Ok(_) if confirmed == planned => format!("all {planned} confirmed by what was observed"),
        Ok(_) => format!("{confirmed} of {planned} confirmed by what was observed"),
    };
    (names.join(", "), small)
}

/// How long the main phase was, and how soon something succeeded.
fn phases(record: &RunRecord) -> String {
    let main = record.phase("main").map(|began| {
        let ended = ["recovery", "final", "stop"].into_iter().find_map(|name| record.phase(name));
        let ended = ended.unwrap_or(record.end());
        format!("main phase {} s", seconds(ended.saturating_sub(began), 1))
    });
    let first = record.events().iter().find_map(|event| match event.event {
        RunEvent::FirstOk { since_process_start_ms } => {
            Some(format!("first ok after {}", span(since_process_start_ms.saturating_mul(1_000_000))))
        }
        _ => None,
    });
    main.into_iter().chain(first).collect::<Vec<_>>().join(", ")
}

/// The start in the page's notation, or as it was written where that is no time.
fn started(written: &str) -> String {
    written
        .parse::<Timestamp>()
        .map_or_else(|_| written.to_owned(), |time| time.strftime("%-d %b %Y, %H:%M:%S UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_shown_as_it_can_be_read() {
        assert_eq!(started("2026-11-21T02:14:07Z"), "21 Nov 2026, 02:14:07 UTC");
        assert_eq!(started("2026-11-21T04:14:07.25+02:00"), "21 Nov 2026, 02:14:07 UTC");
        assert_eq!(started("<yesterday>"), "<yesterday>");
    }
}
