//! The least that shows the violation: the first finding's drawing to scale, and its operations.

use dsjepsen_history::{Gravity, SpanStyle, Timeline};
use maud::{Markup, PreEscaped, html};

use super::operations::{Tables, describe};
use super::{Section, framed, missing, wide};
use crate::plot::bands::{Bands, DrawnFault};
use crate::plot::lane::MOST_ITEMS;
use crate::plot::timeline::{MOST_LANES, TimelinePlot};
use crate::subject::Subject;
use crate::text::{counted, thousands};

/// The section; absent where the first finding has neither a drawing nor operations to show.
pub(crate) fn section(subject: &dyn Subject, tables: &Tables, faults: &[DrawnFault]) -> Option<Section> {
    let finding = subject.verdict().findings.first()?;
    if finding.timeline.is_none() && (finding.operations.is_empty() || !tables.names) {
        return None;
    }
    let proof = finding.operations.len() as u64;
    let lede = html! {
        (thousands(proof)) " of " (counted(subject.verdict().operations.total, "operation", "operations"))
        @if proof == 1 { " makes" } @else { " make" } " the case"
        @if finding.timeline.is_some() { "; the drawing is to scale" } "."
    };
    let title = match finding.gravity {
        Gravity::Invalid => "The smallest counterexample",
        _ => "The operations concerned",
    };
    let describe = |index| describe(subject, index);
    let content = html! {
        @if let Some(timeline) = &finding.timeline {
            (legend(timeline, faults, subject.bands()))
            (wide("Timeline", &TimelinePlot {
                timeline,
                end: subject.end(),
                faults,
                targets: &tables.targets,
                describe: &describe,
            }.draw()))
            (cut(timeline))
        }
        @match subject.unreadable() {
            None => { (tables.table(subject, 0)) }
            Some(error) => { (missing("The operations cannot be shown.", error)) }
        }
    };
    Some(framed("counterexample", "Counterexample", title, &lede, &content))
}

/// What the drawing leaves out, if anything.
fn cut(timeline: &Timeline) -> Markup {
    let lanes = timeline.lanes.len();
    let crowded = timeline.lanes.iter().any(|lane| lane.spans.len() > MOST_ITEMS || lane.marks.len() > MOST_ITEMS);
    html! {
        @if lanes > MOST_LANES { p.note { "The first " (MOST_LANES) " of " (thousands(lanes as u64)) " lanes are drawn." } }
        @if crowded { p.note { "Of each lane, the first " (MOST_ITEMS) " spans and marks are drawn." } }
    }
}

/// The signs that this drawing uses.
fn legend(timeline: &Timeline, faults: &[DrawnFault], bands: &Bands) -> Markup {
    let used = |style| timeline.lanes.iter().flat_map(|lane| &lane.spans).any(|span| span.style == style);
    let sign = |shape: &str, word: &str| {
        html! { span { svg viewBox="0 0 18 12" aria-hidden="true" { (PreEscaped(shape)) } (word) } }
    };
    let mut numbers: Vec<_> = faults
        .iter()
        .filter(|fault| fault.to >= timeline.from_ns && fault.from <= timeline.to_ns)
        .map(|fault| fault.band)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    html! {
        div.legend {
            @if used(SpanStyle::Definite) { (sign(r#"<rect width="18" height="12" class="definite"/>"#, "surely held")) }
            @if used(SpanStyle::Possible) {
                (sign(r#"<rect x=".5" y="2.5" width="17" height="7" class="possible"/>"#, "promised or possible"))
            }
            @if used(SpanStyle::Belief) {
                (sign(r#"<rect x=".5" y="2.5" width="17" height="7" class="belief"/>"#, "believed by the client"))
            }
            @if timeline.conflict_ns.is_some() {
                (sign(r#"<rect x=".5" y=".5" width="17" height="11" class="hot"/>"#, "rule broken"))
            }
            @if used(SpanStyle::Ok) { (sign(r#"<rect x="1" y="2" width="16" height="8" class="span-ok"/>"#, "ok")) }
            @if used(SpanStyle::Fail) {
                (sign(concat!(
                    r#"<rect x="1.8" y="2.8" width="14.4" height="6.4" class="span-fail"/>"#,
                    r#"<path d="M6 3.5l6 5M12 3.5l-6 5" class="span-cross"/>"#
                ), "fail"))
            }
            @if used(SpanStyle::Info) {
                (sign(concat!(
                    r#"<rect x="1.8" y="1.8" width="14.4" height="8.4" class="span-info"/>"#,
                    r#"<path d="M9 3.4l3 5.2h-6z" class="span-triangle"/>"#
                ), "info"))
            }
            @for number in numbers { span { (Bands::swatch(number)) (crate::text::harmless(bands.label(number), 40)) } }
        }
    }
}
