//! The campaign in two seconds: word, icon, one sentence, and the facts.

use std::collections::BTreeSet;

use dsjepsen_history::{Campaign, Tally};
use jiff::Timestamp;
use maud::{Markup, html};

use super::state;
use crate::sections::banner::{fact, framed};
use crate::text::{CELL, NAME, counted, shown, thousands};

/// Of how many workloads and targets the first failure is told.
const TOLD: usize = 2;

/// The exit code of what a signal ended.
const INTERRUPTED: u8 = 130;

/// The banner.
pub(super) fn banner(campaign: &Campaign) -> Markup {
    framed(state(campaign), &headline(campaign), &below(campaign), "cmd-first", &facts(campaign))
}

/// The sentence of the page.
pub(super) fn headline(campaign: &Campaign) -> String {
    let tally = campaign.tally();
    let failures = campaign.failures().len() as u64;
    let mut parts: Vec<String> = Vec::new();
    if failures > 0 {
        let failed = counted(failures, "failure", "failures");
        parts.push(format!("{failed} in {} of {}", thousands(tally.invalid), counted(tally.ended(), "run", "runs")));
    }
    if tally.harness > 0 {
        parts.push(counted(tally.harness, "harness error", "harness errors"));
    }
    if tally.unknown > 0 {
        parts.push(format!("{} undecided", counted(tally.unknown, "run", "runs")));
    }
    if tally.not_run > 0 {
        parts.push(format!("{} not run", thousands(tally.not_run)));
    }
    if campaign.missing() > 0 {
        parts.push(unavailable(campaign));
    }
    if tally.open > 0 {
        parts.push(format!("{} of {} runs ended so far", thousands(tally.ended()), thousands(tally.all())));
    }
    if !parts.is_empty() {
        return parts.join(", ") + ".";
    }
    let said = match (tally.valid, tally.as_expected) {
        (0, 0) => "Nothing was run".to_owned(),
        (valid, 0) => format!("All {} are valid", counted(valid, "run", "runs")),
        (0, found) => format!("All {} were found", counted(found, "planted flaw", "planted flaws")),
        (valid, found) => format!(
            "{} valid, and all {} found",
            counted(valid, "run", "runs"),
            counted(found, "planted flaw", "planted flaws")
        ),
    };
    if campaign.unavailable.is_empty() { format!("{said}.") } else { format!("{said}; {}.", unavailable(campaign)) }
}

/// `3 combinations unavailable here`.
fn unavailable(campaign: &Campaign) -> String {
    format!("{} unavailable here", counted(campaign.unavailable.len() as u64, "combination", "combinations"))
}

/// What stands under it: the first failures in words, and what is left to be done.
fn below(campaign: &Campaign) -> Vec<String> {
    let tally = campaign.tally();
    let mut said: Vec<String> = Vec::new();
    let mut pairs = BTreeSet::new();
    for group in campaign.failures() {
        if pairs.len() < TOLD && pairs.insert((group.workload, group.target)) {
            said.push(format!("{} on {}: {}", group.workload, group.target, group.sentence()));
        }
    }
    if tally.open > 0 {
        said.push(match campaign.exit_code {
            None => "It goes on: this page is written anew as runs end. What has not ended is no pass.".to_owned(),
            Some(code) => {
                let how = if code == INTERRUPTED { "interrupted" } else { "broken off" };
                format!("It was {how}: what had ended is kept, and it can be resumed. What has not ended is no pass.")
            }
        });
    }
    said
}

fn facts(campaign: &Campaign) -> Markup {
    let tally = campaign.tally();
    let host = &campaign.host;
    let operations: u64 =
        campaign.cells.iter().filter_map(|cell| cell.result()).map(|result| result.operations.total).sum();
    let time = time(campaign);
    let memory = host.memory_bytes.map_or_else(String::new, |bytes| format!(", {} GiB", (bytes + (1 << 29)) >> 30));
    html! {
        dl.facts {
            (fact("Began", &html! { (date(&campaign.started)) }, &html! { (time) }))
            (fact("Runs", &html! { (thousands(tally.ended())) " of " (thousands(tally.all())) }, &html! { (shape(campaign)) }))
            (fact("Verdicts", &html! { (verdicts(&tally).0) }, &html! { (verdicts(&tally).1) }))
            (fact("Operations judged", &html! { (thousands(operations)) }, &html! { "each recorded and checked" }))
            (fact("Seeds", &html! { (seeds(campaign)) }, &html! { "they fix the plans, not the systems’ own timing" }))
            @match &host.commit {
                Some(commit) => (fact("Commit", &shown(commit, 12), &html! { "dsjepsen " (shown(&host.dsjepsen, NAME)) })),
                None => (fact("dsjepsen", &shown(&host.dsjepsen, NAME), &Markup::default())),
            }
            (fact("Machine", &html! { (counted(u64::from(host.cores), "core", "cores")) (memory) },
                &html! { (counted(u64::from(campaign.jobs), "run", "runs")) " at once, " (shown(&host.system, CELL)) }))
            (fact("Exit code", &html! {
                @match campaign.exit_code { Some(code) => (code), None => "none yet" }
            }, &html! { "campaign.json holds all of this" }))
        }
    }
}

/// How long it was at work, and how long it may be, which counts anew each time that it is resumed.
fn time(campaign: &Campaign) -> String {
    let since = minutes(campaign.worked_ms.saturating_sub(campaign.worked_before_ms));
    match (campaign.for_ms, campaign.worked_before_ms) {
        (Some(limit), 0) => format!("{since} of {} allowed", minutes(limit)),
        (Some(limit), before) => format!("{since} of {} allowed, after {} before", minutes(limit), minutes(before)),
        (None, _) => minutes(campaign.worked_ms),
    }
}

/// The gravest count, and the others.
fn verdicts(tally: &Tally) -> (String, String) {
    let named = [
        (tally.invalid, "invalid"),
        (tally.unknown, "unknown"),
        (tally.harness, "harness errors"),
        (tally.not_run, "not run"),
        (tally.as_expected, "planted flaws found"),
        (tally.valid, "valid"),
    ];
    let mut some =
        named.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{} {what}", thousands(*count)));
    let first = some.next().unwrap_or_else(|| "none yet".to_owned());
    (first, some.collect::<Vec<_>>().join(", "))
}

/// How many pairs and faults the matrix has.
fn shape(campaign: &Campaign) -> String {
    let pairs: BTreeSet<_> = campaign.cells.iter().map(|cell| (&cell.workload, &cell.target)).collect();
    let faults: BTreeSet<_> = campaign.cells.iter().map(|cell| &cell.nemesis).collect();
    let unavailable = match campaign.unavailable.len() {
        0 => String::new(),
        _ => format!("; {}", unavailable(campaign)),
    };
    format!(
        "{}, {}{unavailable}",
        counted(pairs.len() as u64, "pair of workload and target", "pairs of workload and target"),
        counted(faults.len() as u64, "schedule of faults", "schedules of faults")
    )
}

fn seeds(campaign: &Campaign) -> String {
    let all: BTreeSet<u64> = campaign.cells.iter().map(|cell| cell.seed).collect();
    match (all.first(), all.last()) {
        (Some(first), Some(last)) if first == last => first.to_string(),
        (Some(first), Some(last)) if last - first + 1 == all.len() as u64 => format!("{first} to {last}"),
        (Some(first), Some(last)) => format!("{} between {first} and {last}", all.len()),
        _ => "none".to_owned(),
    }
}

/// `21 Nov 2026, 02:00 UTC`.
fn date(started: &str) -> String {
    started
        .parse::<Timestamp>()
        .map_or_else(|_| "unknown".to_owned(), |time| time.strftime("%-d %b %Y, %H:%M UTC").to_string())
}

/// `38 min`, `2 h 00 min`, `14 s`, `1 min 21 s`.
fn minutes(ms: u64) -> String {
    let seconds = ms / 1000;
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes @ 1..10) if !seconds.is_multiple_of(60) => format!("{minutes} min {:02} s", seconds % 60),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}
