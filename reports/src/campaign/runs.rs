//! Every run as a row: the text form of the matrix.

use dsjepsen_history::{Campaign, Cell};
use maud::{Markup, html};

use super::marks::{Mark, why};
use super::{name, run_page, section as framed};
use crate::sections::{Section, wide};
use crate::text::{CELL, SENTENCE, counted, shown, thousands};

/// How many rows there are at most.
const ROWS: usize = 5_000;

/// The section; absent where nothing has ended.
pub(super) fn section(campaign: &Campaign) -> Option<Section> {
    let ended: Vec<&Cell> = campaign.cells.iter().filter(|cell| cell.result().is_some()).collect();
    if ended.is_empty() {
        return None;
    }
    let table = html! {
        table {
            thead { tr {
                th.num scope="col" { "Seed" } th scope="col" { "Run" } th scope="col" { "Verdict" } th.num scope="col" { "Operations" }
                th.num scope="col" { "Time" } th scope="col" { "What it says" }
            } }
            tbody { @for cell in ended.iter().take(ROWS) { (row(cell)) } }
        }
    };
    let content = html! {
        details {
            summary { (counted(ended.len() as u64, "run", "runs")) " with their verdicts, operations and times" }
            (wide("Every run", &table))
            @if ended.len() > ROWS { p.note { "The first " (thousands(ROWS as u64)) "; campaign.json has all." } }
        }
    };
    Some(framed("runs", "Every run", None, &Markup::default(), &content))
}

fn row(cell: &Cell) -> Markup {
    let Some(result) = cell.result() else { return Markup::default() };
    let name = name(cell);
    html! {
        tr {
            td.num { (cell.seed) }
            td { @if result.page { a href=(run_page(&result.run)) { (shown(&name, CELL)) } } @else { (shown(&name, CELL)) } }
            td { (cell.kind().told()) }
            td.num { (thousands(result.operations.total)) }
            td.num { (result.took_ms / 1000) "." (result.took_ms % 1000 / 100) " s" }
            td.dim { (shown(&why(cell).unwrap_or_default(), SENTENCE)) }
        }
    }
}
