//! Can the verdicts be trusted? Only what is recorded is said.

use dsjepsen_history::{Campaign, CellResult, Gravity, HarnessReason, UnknownReason};
use maud::{Markup, html};

use super::section as framed;
use crate::marks::State;
use crate::sections::{Section, wide};
use crate::text::{counted, thousands};

struct Row {
    is_good: bool,
    question: &'static str,
    figure: String,
    wanted: &'static str,
    note: String,
}

/// The section; absent until a run has ended.
pub(super) fn section(campaign: &Campaign) -> Option<Section> {
    let results: Vec<&CellResult> = campaign.cells.iter().filter_map(|cell| cell.result()).collect();
    if results.is_empty() {
        return None;
    }
    let rows = rows(campaign, &results);
    let state = if rows.iter().all(|row| row.is_good) { State::Valid } else { State::Harness };
    let lede = html! {
        "A harness that finds nothing in a planted flaw, or in which faults do not act, is broken itself. A run that says nothing for such a reason is \
         never counted as a pass."
    };
    let table = html! {
        table.health {
            thead { tr {
                th scope="col" { "State" } th scope="col" { "Question" } th.num scope="col" { "Here" } th scope="col" { "Wanted" } th scope="col" { "Note" }
            } }
            tbody { @for row in &rows { (drawn(row)) } }
        }
    };
    Some(framed("health", "Harness health", Some(state), &lede, &wide("Harness health", &table)))
}

fn drawn(row: &Row) -> Markup {
    let (state, word) = if row.is_good { (State::Valid, "good") } else { (State::Harness, "look") };
    html! {
        tr {
            td { span class={ "st " (state.class()) } { (state.icon()) (word) } }
            td { (row.question) }
            td.num { b { (row.figure) } }
            td.dim.nobreak { (row.wanted) }
            td.dim { (row.note) }
        }
    }
}

fn rows(campaign: &Campaign, results: &[&CellResult]) -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(planted(campaign));
    let by = |reason| {
        let errors = results.iter().filter_map(|result| result.harness_error.as_ref());
        errors.filter(|error| error.reason == reason).count() as u64
    };
    let failed = results.iter().filter(|result| result.harness_error.is_some()).count() as u64;
    let none = |question, count: u64, note: String| Row {
        is_good: count == 0,
        question,
        figure: thousands(count),
        wanted: "0",
        note,
    };
    rows.push(none("Runs in which the harness or the set-up failed", failed, String::new()));
    rows.push(none("Runs that were ended at their deadline", by(HarnessReason::Deadline), String::new()));
    let unconfirmed = results.iter().filter(|result| {
        result.findings.iter().any(|finding| finding.reason == Some(UnknownReason::FaultNotConfirmed))
    });
    let faults: u64 = results.iter().map(|result| result.health.faults).sum();
    rows.push(none(
        "Runs in which a fault was never seen to act",
        unconfirmed.count() as u64,
        format!("{} planned in all", counted(faults, "fault was", "faults were")),
    ));
    let stalls: u64 = results.iter().map(|result| result.health.stalls).sum();
    let stalled = results.iter().filter(|result| result.health.stalls > 0).count() as u64;
    let longest = results.iter().map(|result| result.health.longest_stall_ms).max().unwrap_or_default();
    let note = match stalls {
        0 => String::new(),
        _ => format!(
            "in {}, {} ms at most: latencies around them are not the target’s; fewer runs at once have fewer",
            counted(stalled, "run", "runs"),
            thousands(longest)
        ),
    };
    rows.push(none("Times a controller stood still for over 50 ms", stalls, note));
    let left: u64 = results.iter().map(|result| result.health.left_over).sum();
    rows.push(none("Processes that runs left behind", left, String::new()));
    let again: u64 = campaign.cells.iter().map(|cell| u64::from(cell.attempts.saturating_sub(1))).sum();
    if again > 0 {
        let note = "the campaign was interrupted or killed, and resumed".to_owned();
        rows.push(Row {
            is_good: true,
            question: "Runs that were broken off and made again",
            figure: thousands(again),
            wanted: "–",
            note,
        });
    }
    rows
}

/// Planted flaws; none where the campaign has none.
fn planted(campaign: &Campaign) -> Option<Row> {
    let planted = campaign.cells.iter().filter(|cell| cell.expect == Gravity::Invalid).filter_map(|cell| cell.result());
    let (found, all) = planted.fold((0, 0), |(found, all), result| (found + u64::from(result.exit_code == 0), all + 1));
    (all > 0).then(|| Row {
        is_good: found == all,
        question: "Planted flaws that were found",
        figure: format!("{} of {}", thousands(found), thousands(all)),
        wanted: "all",
        note: "runs that should be invalid".to_owned(),
    })
}
