//! What is undecided, and what was not run. None of it is a pass.

use dsjepsen_history::{Campaign, Cell, CellState, HarnessReason};
use maud::{Markup, html};

use super::marks::{Mark, why};
use super::{run_page, section as framed};
use crate::marks::State;
use crate::sections::banner::remedy;
use crate::sections::{Section, wide};
use crate::text::{CELL, NAME, SENTENCE, shown, thousands};

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
    rows.extend(campaign.unavailable.iter().map(|one| Row {
        state: html! { span.st.none { (Mark::NotRun.shape()) "unavailable" } },
        name: format!("{} on {}, {}", one.workload, one.target, one.nemesis),
        seed: None,
        page: None,
        why: one.reason.clone(),
        mend: "A machine, or a target, that has it.".to_owned(),
    }));
    if rows.is_empty() {
        return None;
    }
    let tally = campaign.tally();
    let state = match () {
        () if tally.harness > 0 => Some(State::Harness),
        () if tally.unknown + tally.not_run > 0 => Some(State::Unknown),
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
            td.num { @match row.seed { Some(seed) => (seed), None => "all" } }
            td { (shown(&row.why, SENTENCE)) }
            td.dim { (shown(&row.mend, SENTENCE)) }
        }
    }
}

fn of_cell(cell: &Cell) -> Option<Row<'_>> {
    let mark = Mark::of(cell);
    let mend = match &cell.state {
        CellState::NotRun { .. } => "To resume the campaign, with more time.".to_owned(),
        CellState::Done(result) if result.exit_code > 1 => match &result.harness_error {
            Some(error) => of_harness(error.reason).to_owned(),
            None => result
                .findings
                .iter()
                .find_map(|finding| finding.reason)
                .map_or_else(String::new, |reason| mend_of(remedy(reason))),
        },
        _ => return None,
    };
    let result = cell.result();
    Some(Row {
        state: mark.told(),
        name: format!("{} on {}, {}", cell.workload, cell.target, cell.nemesis),
        seed: Some(cell.seed),
        page: result.filter(|result| result.page).map(|result| result.run.as_str()),
        why: why(cell).unwrap_or_else(|| shown(mark.word(), NAME).into_string()),
        mend,
    })
}

/// The part of a remedy that says what to do.
fn mend_of(remedy: &str) -> String {
    remedy.split_once(". ").map_or(remedy, |(_, mend)| mend).to_owned()
}

fn of_harness(reason: HarnessReason) -> &'static str {
    match reason {
        HarnessReason::Run => "A run whose set-up and recording succeed. This says nothing about the target.",
        HarnessReason::Deadline => "More time (--grace), fewer runs at once (--jobs), or the mend of what hangs.",
        HarnessReason::Crashed => "The mend of what ended it: its output is kept beside the runs.",
        HarnessReason::Refused => "What the campaign found here when it began, and that is gone.",
        HarnessReason::Contradiction => "The mend of dsjepsen: its exit code and its verdict must agree.",
        HarnessReason::NotStarted => "A machine with room for another process.",
    }
}
