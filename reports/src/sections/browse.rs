//! All operations of the run in a table that the page's script fills: what is here is its frame, and what stands in its place
//! without a script.

use maud::{Markup, html};

use super::{Section, framed};
use crate::load::RunRecord;
use crate::marks::OutcomeKind;
use crate::text::counted;

/// The columns, and whether each holds numbers.
const COLUMNS: [(&str, bool); 9] = [
    ("Operation", true),
    ("Invoked, s", true),
    ("Process", false),
    ("Node", false),
    ("Kind", false),
    ("Value", false),
    ("Outcome", false),
    ("Latency, ms", true),
    ("Reason", false),
];

/// The section; absent where there is no operation.
pub(super) fn section(record: &RunRecord) -> Option<Section> {
    let total = record.operations().len() as u64;
    if total == 0 {
        return None;
    }
    let proof = record.verdict.findings.first().is_some_and(|finding| !finding.operations.is_empty());
    let lede = html! {
        span.screen { "Choose one to mark it in every plot and to bring the node logs to it." }
        span.keys {
            " Keys in this section: " kbd { "/" } " search, " kbd { "↑" } " " kbd { "↓" } " move, " kbd { "Enter" } " choose, " kbd { "Esc" } " clear."
        }
    };
    let all = counted(total, "operation", "operations");
    let content = html! {
        p.note.paper { "The table of all " (all) " is on the screen only; they are in " code { "history.jsonl" } "." }
        noscript { p.note { "The table of all " (all) " needs a script. They are in " code { "history.jsonl" } "." } }
        p #unpacking.note role="status" hidden { "Unpacking " (all) "…" }
        p #no-such.missing role="status" hidden {}
        div #browse.screen hidden {
            (filters(proof))
            div.grid-frame {
                div #grid.list role="grid" aria-labelledby="h-operations" aria-colcount=(COLUMNS.len()) aria-rowcount=(total + 1) tabindex="0" {
                    div.top role="rowgroup" {
                        div role="row" aria-rowindex="1" {
                            @for (name, number) in COLUMNS { div.num[number] role="columnheader" { (name) } }
                        }
                    }
                    div.rows role="rowgroup" {}
                }
                p #none.none hidden { "No operation matches this search." }
            }
            (card())
            div #chosen-now.small role="status" hidden {}
        }
    };
    Some(framed("operations", "Operations", "Operations", &lede, &content))
}

fn filters(proof: bool) -> Markup {
    html! {
        div.filters role="search" aria-label="Operations" {
            input #find type="search" aria-label="Search operations" aria-keyshortcuts="/" autocomplete="off" spellcheck="false"
                placeholder="Search: op 2024, p3, n2, token 453, stale";
            select #kind aria-label="Kind" { option value="" { "every kind" } }
            div #outcomes.seg role="group" aria-label="Outcome" {
                @for kind in [OutcomeKind::Ok, OutcomeKind::Fail, OutcomeKind::Info] {
                    button type="button" aria-pressed="true" data-outcome=(kind as u8) { (kind.mark()) }
                }
            }
            @if proof { button #in-proof type="button" aria-pressed="false" { "In the counterexample" } }
            span #count.small.dim role="status" {}
        }
    }
}

/// The chosen operation with all that is known of it.
fn card() -> Markup {
    html! {
        div #chosen.card role="region" aria-labelledby="chosen-title" hidden {
            div.card-head {
                h3 #chosen-title {}
                a #chosen-link.small href="#operations" { "Permalink" }
                a.small href="#logs" { "To the logs" }
                button #chosen-none type="button" { "Clear" }
            }
            dl #chosen-fields.kv {}
        }
    }
}
