//! The sections of the page, one file each, in the order in which they are read. A section without content is absent.

use maud::{Markup, html};

use crate::load::RunRecord;
use crate::marks::State;
use crate::plot::bands::DrawnFault;
use operations::Tables;

pub(crate) mod banner;
mod browse;
pub(crate) mod checkers;
mod clocks;
pub(crate) mod counterexample;
pub(crate) mod counts;
mod faults;
mod lanes;
mod latency;
mod links;
mod logs;
mod notes;
pub(crate) mod operations;
pub(crate) mod replay;
pub(crate) mod why;

/// One section with its entry in the list of sections.
pub(crate) struct Section {
    /// Its anchor.
    pub(crate) id: &'static str,
    /// Its name in the list of sections.
    pub(crate) name: &'static str,
    /// The icon beside its name.
    pub(crate) state: Option<State>,
    /// Whether it is drawn on the run's time axis, and so stands under the one legend.
    pub(crate) on_run_axis: bool,
    /// The section itself.
    pub(crate) body: Markup,
}

/// All sections that have content.
pub(crate) fn sections(record: &RunRecord) -> Vec<Section> {
    let tables = Tables::new(record);
    let faults = DrawnFault::of(record);
    [
        why::section(record, &tables),
        counterexample::section(record, &tables, &faults),
        faults::section(record, &faults),
        Some(latency::section(record, &faults)),
        lanes::section(record, &faults),
        clocks::section(record, &faults),
        links::section(record, &faults),
        checkers::section(record),
        browse::section(record),
        logs::section(record),
        notes::section(record),
        Some(replay::section(record)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A section with its heading. `lede` may be empty.
pub(crate) fn framed(id: &'static str, name: &'static str, title: &str, lede: &Markup, content: &Markup) -> Section {
    let heading = format!("h-{id}");
    Section {
        id,
        name,
        state: None,
        on_run_axis: false,
        body: html! {
            section id=(id) aria-labelledby=(heading) {
                h2 id=(heading) { (title) }
                @if !lede.0.is_empty() { p.lede { (lede) } }
                (content)
            }
        },
    }
}

/// A part that cannot be shown, with the reason.
fn missing(what: &str, why: &str) -> Markup {
    html! {
        p.missing role="note" { b { (what) } " " (crate::text::shown(why, 400)) }
    }
}

/// What scrolls in itself where the page is narrow.
pub(crate) fn wide(label: &str, content: &Markup) -> Markup {
    html! { div.wide tabindex="0" role="region" aria-label=(label) { (content) } }
}
