//! Failures by signature: those of one workload, target and rule are one row.

use dsjepsen_history::{Campaign, Cell, FailureGroup};
use maud::{Markup, html};

use super::marks::mark;
use super::{command, run_page, section as framed};
use crate::marks::State;
use crate::sections::{Section, wide};
use crate::text::{CELL, NAME, SENTENCE, harmless, shown, thousands};

/// How many rows there are at most, and marks in each.
const ROWS: usize = 200;
const MARKS: usize = 60;

/// The section; absent where nothing failed.
pub(super) fn section(campaign: &Campaign) -> Option<Section> {
    let groups = campaign.failures();
    if groups.is_empty() {
        return None;
    }
    let lede = html! {
        "Failures of one rule, workload and target are one row. A mark is a run of that workload on that target that broke the rule, and leads to its page."
    };
    let table = html! {
        table.changes {
            thead { tr {
                th scope="col" { "Rule" } th scope="col" { "Failure" } th scope="col" { "Where" } th scope="col" { "Runs" }
                th.num scope="col" { "First seed" } th scope="col" { span.vh { "Run it again" } }
            } }
            tbody { @for (number, group) in groups.iter().take(ROWS).enumerate() { (row(number, group)) } }
        }
    };
    let content = html! {
        (wide("Failures", &table))
        @if groups.len() > ROWS {
            p.note { "The first " (ROWS) " of " (thousands(groups.len() as u64)) "; campaign.json has all runs." }
        }
    };
    Some(framed("failures", "Failures", Some(State::Invalid), &lede, &content))
}

fn row(number: usize, group: &FailureGroup<'_>) -> Markup {
    let first = group.first();
    let id = format!("cmd-failure-{}", number + 1);
    let faults = faults(&group.cells);
    html! {
        tr {
            td { span.tag.rule-name { (shown(group.rule, NAME)) } }
            td.what { (shown(group.sentence(), SENTENCE)) }
            td { span.nobreak { (shown(group.workload, NAME)) " on " (shown(group.target, NAME)) }
                br; span.dim { (shown(&faults, CELL)) } }
            td {
                span.strip { @for cell in group.cells.iter().take(MARKS) { (mark(cell)) } }
                div.small.dim { (thousands(group.cells.len() as u64)) " of " (thousands(group.of)) }
            }
            td.num { (first.seed) }
            td.num {
                @if let Some(result) = first.result().filter(|result| result.page) {
                    a.open href=(run_page(&result.run)) aria-label={ "Open the run with seed " (first.seed) } { "Open" } " "
                }
                code.vh id=(id) { (harmless(&command(first), super::replay::COMMAND)) }
                button.copy type="button" data-copy=(id) aria-label={ "Copy the command of " (harmless(group.rule, NAME)) } hidden { "Copy" }
            }
        }
    }
}

/// The faults under which it failed, each once.
fn faults(cells: &[&Cell]) -> String {
    let mut all: Vec<&str> = Vec::new();
    for cell in cells {
        if !all.contains(&cell.nemesis.as_str()) {
            all.push(&cell.nemesis);
        }
    }
    all.join("; ")
}
