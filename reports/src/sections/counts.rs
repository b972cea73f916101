//! How many operations there are of each kind, and what came of them.

use dsjepsen_history::OperationCounts;
use maud::{Markup, html};

use super::{Section, framed, wide};
use crate::text::{NAME, shown, thousands};

/// The most kinds in the table.
const MOST_KINDS: usize = 200;

/// The section; absent where there is no operation.
pub(crate) fn section(counts: &OperationCounts) -> Option<Section> {
    if counts.total == 0 {
        return None;
    }
    let row = |name: Markup, counts: &OperationCounts| {
        html! {
            tr {
                td { (name) } td.num { (thousands(counts.total)) } td.num { (thousands(counts.ok)) }
                td.num { (thousands(counts.fail)) } td.num { (thousands(counts.info)) }
            }
        }
    };
    let table = html! {
        table.notes {
            thead { tr {
                th scope="col" { "Kind" } th.num scope="col" { "Operations" } th.num scope="col" { "ok" }
                th.num scope="col" { "fail" } th.num scope="col" { "info" }
            } }
            tbody {
                @for (kind, counts) in counts.by_kind.iter().take(MOST_KINDS) { (row(shown(kind, NAME), counts)) }
                (row(html! { b { "all" } }, counts))
            }
        }
    };
    let content = html! {
        (wide("Operations by kind", &table))
        @if counts.by_kind.len() > MOST_KINDS {
            p.note { "The first " (MOST_KINDS) " of " (thousands(counts.by_kind.len() as u64)) " kinds." }
        }
    };
    let lede = html! { "An operation is info where nobody knows whether it took effect." };
    Some(framed("operations", "Operations", "Operations by kind", &lede, &content))
}
