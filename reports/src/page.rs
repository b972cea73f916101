//! Puts the page together: head, list of sections, banner, sections. Everything is inside the one file.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::data::around_the_failure;
use crate::load::RunRecord;
use crate::marks::{OutcomeKind, SYMBOLS, State};
use crate::plot::bands::{Bands, DrawnFault};
use crate::sections::Section;
use crate::sections::banner::banner;
use crate::subject::Subject;
use crate::text::{NAME, harmless, shown};

const STYLE: &str = concat!(include_str!("../assets/page.css"), include_str!("../assets/run.css"));
const SCRIPT: &str = include_str!("../assets/page.js");
/// The script of a run's page, all parts in one scope.
const RUN_SCRIPT: &str = concat!(
    "(() => {\n'use strict';\n",
    include_str!("../assets/run/words.js"),
    include_str!("../assets/run/unpack.js"),
    include_str!("../assets/run/axis.js"),
    include_str!("../assets/run/latency.js"),
    include_str!("../assets/run/filter.js"),
    include_str!("../assets/run/operations.js"),
    include_str!("../assets/run/logs.js"),
    include_str!("../assets/run/run.js"),
    "})();\n",
);

/// What a page is put together from.
pub(crate) struct Frame<'a> {
    /// What is beside the verdict's word in the title.
    pub(crate) title: String,
    /// What stands over the list of sections.
    pub(crate) name: &'a str,
    /// What the page as a whole says.
    pub(crate) state: State,
    /// How faults are drawn.
    pub(crate) bands: &'a Bands,
    /// The sections that are listed.
    pub(crate) sections: &'a [Section],
    /// All that is on the page.
    pub(crate) main: Markup,
}

/// The whole page of a run: its sections, and the data that it carries for its script.
pub(crate) fn page(record: &RunRecord, sections: &[Section], data: &Markup) -> Markup {
    let (on_axis, apart): (Vec<_>, Vec<_>) = sections.iter().partition(|section| section.on_run_axis);
    let (before, after): (Vec<_>, Vec<_>) =
        apart.into_iter().partition(|section| matches!(section.id, "why" | "counterexample"));
    let main = html! {
        (banner(record))
        @for section in before { (section.body) }
        div.timegroup {
            (legend(record))
            @for section in on_axis { (section.body) }
        }
        @for section in after { (section.body) }
        (data)
        script { (PreEscaped(RUN_SCRIPT)) }
    };
    let plan = &record.plan;
    let (workload, target) = (harmless(&plan.workload, NAME), harmless(&plan.target, NAME));
    framed(&Frame {
        title: format!("{workload} on {target} · seed {}", plan.seed),
        name: &plan.run,
        state: record.state(),
        bands: &record.bands,
        sections,
        main,
    })
}

/// A page around its content: head, symbols, list of sections.
pub(crate) fn framed(frame: &Frame<'_>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(frame))
            body {
                svg.defs width="0" height="0" aria-hidden="true" {
                    defs { (PreEscaped(SYMBOLS)) (frame.bands.patterns()) }
                }
                a.skip href="#main" { "Skip to the verdict" }
                div.page {
                    (contents(frame))
                    main #main tabindex="-1" { (frame.main) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn head(frame: &Frame<'_>) -> Markup {
    let title = format!("{} · {} · dsjepsen", frame.state.word(), frame.title);
    // Nothing is ever fetched; the policy holds even if a hostile value found a way through the escaping.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
                  base-uri 'none'; form-action 'none'";
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width,initial-scale=1";
            meta http-equiv="Content-Security-Policy" content=(policy);
            title { (title) }
            link rel="icon" href=(icon(frame.state));
            style { (PreEscaped(STYLE)) (PreEscaped(frame.bands.css())) }
        }
    }
}

/// The verdict's shape and colour for the browser's tab, as a percent-encoded image without any address.
fn icon(state: State) -> String {
    let (shape, colour) = match state {
        State::Valid => ("%3Ccircle cx='12' cy='12' r='10.5'/%3E", "0b6b50"),
        State::Invalid => ("%3Cpath d='M7.6 1.5h8.8l6.1 6.1v8.8l-6.1 6.1H7.6l-6.1-6.1V7.6z'/%3E", "a81717"),
        State::Unknown => ("%3Cpath d='M12 1.2L22.8 12 12 22.8 1.2 12z'/%3E", "966400"),
        State::Harness => ("%3Cpath d='M12 2l10.8 19.5H1.2z'/%3E", "6a3db5"),
    };
    format!(
        "data:image/svg+xml,%3Csvg xmlns='%68ttp%3A%2F%2Fwww.w3.org%2F2000%2Fsvg' viewBox='0 0 24 24' \
         fill='%23{colour}'%3E{shape}%3C/svg%3E"
    )
}

fn contents(frame: &Frame<'_>) -> Markup {
    html! {
        nav.side aria-label="Sections" {
            div { div.brand { "dsjepsen" } div.small.dim.run { (shown(frame.name, NAME)) } }
            ol {
                (entry("main", "Verdict", Some(frame.state)))
                @for section in frame.sections { (entry(section.id, section.name, section.state)) }
            }
            div.foot { button #theme type="button" hidden { "Switch light / dark" } }
        }
    }
}

fn entry(id: &str, name: &str, state: Option<State>) -> Markup {
    html! {
        li {
            a href={ "#" (id) } {
                (name)
                @if let Some(state) = state {
                    span class={ "nav-icon c-" (state.class()) } { (state.icon()) span.vh { (state.class()) } }
                }
            }
        }
    }
}

/// The one legend of all drawings on the run's time axis.
fn legend(record: &RunRecord) -> Markup {
    let mut numbers: Vec<_> = DrawnFault::of(record).iter().map(|fault| fault.band).collect();
    numbers.sort_unstable();
    numbers.dedup();
    html! {
        div.tools {
            div #range-tools.range hidden {
                div.seg role="group" aria-label="Time range" {
                    button #whole type="button" aria-pressed="true" { "Whole run" }
                    @if around_the_failure(record).is_some() { button #around type="button" aria-pressed="false" { "Around the failure" } }
                }
                span #range.small.dim role="status" {}
            }
            span.small.dim.fixed { "One time axis for all drawings below, in seconds since the start of the run" }
            div.legend {
                (OutcomeKind::Ok.mark()) (OutcomeKind::Fail.mark()) (OutcomeKind::Info.mark())
                @for number in numbers {
                    span { (Bands::swatch(number)) (harmless(record.bands.label(number), 40)) }
                }
                @if record.conflict().is_some() {
                    span {
                        (PreEscaped(r#"<svg viewBox="0 0 18 12" aria-hidden="true"><rect x="5" width="8" height="12" class="broken strong-broken"/><path d="M5 0h8l-4 6z" class="broken-mark"/></svg>"#))
                        "rule broken"
                    }
                }
            }
        }
    }
}
