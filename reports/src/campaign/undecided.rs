//! What is undecided, and what was not run. None of it is a pass.

use dsjepsen_history::{Campaign, Cell, CellKind, CellState, HarnessReason};
use maud::{Markup, html};

use super::marks::{Mark, why};
use super::{name, run_page, section as framed};
use crate::marks::State;
use crate::sections::banner::remedy;
use crate::sections::{Section, wide};
use crate::text::{CELL, SENTENCE, counted, shown, thousands};

/// How many rows there are at most; beyond them a page is no help.
const ROWS: usize = 500;

struct Row<'a> {
    state: Markup,
    name: String,
    seed: Option<u64>,
    page: Option<&'a str>,
    why: String,
    mend: String,
}

/// The section; absent where everything was run and decided.
pub(super) fn section(campaign: &Campaign) -> Option<Section> {
    let mut rows: Vec<Row<'_>> = campaign.cells.iter().filter_map(of_cell).collect();
    rows.extend(not_run(campaign));
    rows.extend(unavailable(campaign));
    if rows.is_empty() {
        return None;
    }
    let tally = campaign.tally();
    let state = match () {
        () if tally.harness > 0 => Some(State::Harness),
        () if tally.unknown + tally.not_run + campaign.missing() > 0 => Some(State::Unknown),
        () => None,
    };
    let table = html! {
        table.undecided {
            thead { tr {
                th scope="col" { "State" } th scope="col" { "Run" } th.num scope="col" { "Seed" } th scope="col" { "Reason" }
                th scope="col" { "What would decide it" }
            } }
            tbody { @for row in rows.iter().take(ROWS) { (drawn(row)) } }
        }
    };
    let content = html! {
        (wide("Undecided, and not run", &table))
        @if rows.len() > ROWS {
            p.note { "The first " (ROWS) " of " (thousands(rows.len() as u64)) "; campaign.json has all." }
        }
    };
    Some(framed("undecided", "Undecided, and not run", state, &html! { "None of these counts as a pass." }, &content))
}

fn drawn(row: &Row<'_>) -> Markup {
    html! {
        tr {
            td { (row.state) }
            td { @match row.page {
                Some(run) => { a href=(run_page(run)) { (shown(&row.name, CELL)) } }
                None => { (shown(&row.name, CELL)) }
            } }
            td.num { @match row.seed { Some(seed) => (seed), None => "–" } }
            td { (shown(&row.why, SENTENCE)) }
            td.dim { (shown(&row.mend, SENTENCE)) }
        }
    }
}

fn of_cell(cell: &Cell) -> Option<Row<'_>> {
    let kind = cell.kind();
    let mend = match &cell.state {
        CellState::Done(result) if result.exit_code > 1 => match &result.harness_error {
            Some(error) => of_harness(error.reason).to_owned(),
            None => result
                .findings
                .iter()
                .find_map(|finding| finding.reason)
                .map_or_else(String::new, |reason| capital(remedy(reason))),
        },
        _ => return None,
    };
    let result = cell.result();
    Some(Row {
        state: kind.told(),
        name: name(cell),
        seed: Some(cell.seed),
        page: result.filter(|result| result.page).map(|result| result.run.as_str()),
        why: why(cell).unwrap_or_default(),
        mend,
    })
}

fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What cannot be run here, the faults of one reason together.
fn unavailable(campaign: &Campaign) -> Vec<Row<'_>> {
    let mut found: Vec<(String, &str, Vec<&str>)> = Vec::new();
    for one in &campaign.unavailable {
        let name = format!("{} on {}", one.workload, one.target);
        match found.iter_mut().find(|(known, reason, _)| *known == name && *reason == one.reason) {
            Some((_, _, faults)) => faults.push(&one.nemesis),
            None => found.push((name, &one.reason, vec![&one.nemesis])),
        }
    }
    let row = |(name, reason, faults): (String, &str, Vec<&str>)| Row {
        state: html! { span.st.none { (CellKind::NotRun.shape()) "unavailable" } },
        name: format!("{name}, {}", faults.join("; ")),
        seed: None,
        page: None,
        why: capital(reason),
        mend: "A machine, or a target, that has it.".to_owned(),
    };
    found.into_iter().map(row).collect()
}

/// What was not run, all runs of one reason as one.
fn not_run(campaign: &Campaign) -> Vec<Row<'_>> {
    let mut reasons: Vec<(&str, u64)> = Vec::new();
    for cell in &campaign.cells {
        let CellState::NotRun { reason } = &cell.state else { continue };
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((reason, 1)),
        }
    }
    let row = |(reason, count): (&str, u64)| Row {
        state: CellKind::NotRun.told(),
        name: format!("{}: the dashes of the matrix", counted(count, "run", "runs")),
        seed: None,
        page: None,
        why: capital(reason),
        mend: "To resume the campaign.".to_owned(),
    };
    reasons.into_iter().map(row).collect()
}

fn of_harness(reason: HarnessReason) -> &'static str {
    match reason {
        HarnessReason::Run => "A run whose set-up and recording succeed. This says nothing about the target.",
        HarnessReason::Deadline => "More time (--grace), fewer runs at once (--jobs), or the mend of what hangs.",
        HarnessReason::Crashed => "The mend of what ended it: its output is kept beside the runs.",
        HarnessReason::Refused => "What the campaign found here when it began, and that is gone.",
        HarnessReason::Contradiction => "The mend of dsjepsen: its exit code and its verdict must agree.",
    }
}
