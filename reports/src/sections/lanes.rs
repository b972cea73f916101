//! Who held what when, and which values there were: the lanes that the workload describes.

use std::collections::BTreeSet;

use dsjepsen_history::{Finding, Index, Lanes, MOST_LANES, Panel, Point, PointStyle, SpanStyle};
use maud::{Markup, PreEscaped, html};

use super::operations::MOST_FINDINGS;
use super::{Section, framed, missing, wide};
use crate::load::RunRecord;
use crate::plot::axis::TimeAxis;
use crate::plot::bands::DrawnFault;
use crate::plot::lanes::{self, Conflict, Ground};
use crate::plot::outstanding::{outstanding, stands_out};
use crate::plot::svg::{Anchor, Canvas};
use crate::plot::values::{MOST_CURVES, Values};
use crate::text::{SENTENCE, counted, shown, thousands};

/// The most panels that are drawn.
const MOST_PANELS: usize = 8;

/// The section; it says why where there are no lanes to draw.
pub(super) fn section(record: &RunRecord, faults: &[DrawnFault]) -> Option<Section> {
    let (title, lede, content) = match &record.lanes {
        Ok(Some(lanes)) => {
            let Some(drawing) = draw(record, lanes, faults) else {
                // Without an operation there is nothing to miss.
                return None;
            };
            let title = crate::text::harmless(&lanes.title, 80);
            let content = html! { (legend(lanes)) (wide(&title, &drawing)) (left_out(lanes, &TimeAxis::of_run(record.end()), &proof(record))) };
            (title, html! { (shown(&lanes.text, SENTENCE)) }, content)
        }
        Ok(None) if record.operations().is_empty() => return None,
        Ok(None) => {
            let why = "The run was judged by an earlier version. To judge it again (dsjepsen check) makes them.";
            ("Lanes".to_owned(), Markup::default(), missing("This run’s directory has no lanes.", why))
        }
        Err(error) => ("Lanes".to_owned(), Markup::default(), missing("The lanes cannot be shown.", error)),
    };
    let mut section = framed("lanes", "Lanes", &title, &lede, &content);
    section.on_run_axis = true;
    Some(section)
}

/// Where a finding's rule is broken, as far as it is an interval.
fn conflict(finding: &Finding) -> Option<Conflict<'_>> {
    Some((finding.timeline.as_ref()?.conflict_ns?, finding.operations.as_slice()))
}

/// The operations that prove the verdict.
fn proof(record: &RunRecord) -> BTreeSet<Index> {
    record.verdict.findings.iter().flat_map(|finding| finding.operations.iter().copied()).collect()
}

/// All panels in one drawing; nothing where there is none.
pub(crate) fn draw(record: &RunRecord, all: &Lanes, faults: &[DrawnFault]) -> Option<Markup> {
    if all.panels.is_empty() {
        return None;
    }
    let proof = proof(record);
    let axis = TimeAxis::of_run(record.end());
    let conflicts: Vec<Conflict<'_>> =
        record.verdict.findings.iter().take(MOST_FINDINGS).filter_map(conflict).collect();
    let ground = Ground { axis, faults, conflict: record.conflict(), conflicts: &conflicts, proof: &proof };
    let mut canvas = Canvas::default();
    let mut bottom = ground.draw_labels(&mut canvas, 0.0);
    for (position, panel) in all.panels.iter().take(MOST_PANELS).enumerate() {
        let top = if position == 0 { bottom } else { bottom + 26.0 };
        bottom = match panel {
            Panel::Lanes { name, lanes, .. } => {
                if position > 0 {
                    canvas.text((0.0, top - 6.0), Anchor::Start, "strong", &format!("By {}", name.to_lowercase()));
                }
                lanes::draw(&mut canvas, &ground, lanes, top)
            }
            Panel::Values { name, curves, points, .. } => {
                Values { name, curves, points }.draw(&mut canvas, &ground, top)
            }
        };
    }
    axis.draw(&mut canvas, bottom + 3.0);
    Some(canvas.finish_on_run(&axis, bottom + 26.0, "group", &all.title))
}

/// The signs that the drawing uses.
fn legend(lanes: &Lanes) -> Markup {
    let lanes_of_all = || {
        let lanes = lanes.panels.iter().filter_map(|panel| match panel {
            Panel::Lanes { lanes, .. } => Some(lanes),
            Panel::Values { .. } => None,
        });
        lanes.flatten()
    };
    let used = |style| {
        lanes_of_all().any(|lane| {
            let mut styles =
                lane.spans.iter().map(|span| span.style).chain(lane.crowds.iter().map(|crowd| crowd.style));
            styles.any(|other| other == style)
        })
    };
    let points = |style| {
        lanes.panels.iter().any(|panel| match panel {
            Panel::Values { points, .. } => points.iter().any(|point| point.style == style),
            Panel::Lanes { .. } => false,
        })
    };
    let sign = |shape: &str, word: &str| {
        html! { span { svg viewBox="0 0 18 12" aria-hidden="true" { (PreEscaped(shape)) } (word) } }
    };
    html! {
        div.legend {
            @if used(SpanStyle::Definite) { (sign(r#"<rect y="1" width="18" height="10" class="definite"/>"#, "surely")) }
            @if used(SpanStyle::Possible) {
                (sign(r#"<rect x=".5" y="2.5" width="17" height="7" class="possible"/>"#, "possibly"))
            }
            @if used(SpanStyle::Belief) {
                (sign(r#"<rect x=".5" y="2.5" width="17" height="7" class="belief"/>"#, "believed by the client"))
            }
            @if used(SpanStyle::Ok) { (sign(r#"<rect x="1" y="2" width="16" height="8" class="span-ok"/>"#, "ok")) }
            @if used(SpanStyle::Info) {
                (sign(r#"<rect x="1.8" y="1.8" width="14.4" height="8.4" class="span-info"/>"#, "no answer"))
            }
            @if points(PointStyle::Refused) { (sign(r#"<path d="M5 2l8 8m0-8l-8 8" class="value-refused"/>"#, "refused")) }
            @if points(PointStyle::Broken) { (sign(r#"<path d="M5 2l8 8m0-8l-8 8" class="value-broken"/>"#, "breaks a rule")) }
        }
    }
}

/// What the drawing leaves out, if anything.
fn left_out(all: &Lanes, axis: &TimeAxis, proof: &BTreeSet<Index>) -> Markup {
    html! {
        @if all.panels.len() > MOST_PANELS { p.note { "The first " (MOST_PANELS) " panels are drawn; lanes.json has all." } }
        @for panel in all.panels.iter().take(MOST_PANELS) {
            @match panel {
                Panel::Lanes { name, lanes, left_out, items_left_out } => {
                    @let all = left_out + lanes.len() as u64;
                    @if *left_out > 0 || lanes.len() > MOST_LANES {
                        p.note {
                            (shown(name, 40)) ": " (lanes.len().min(MOST_LANES)) " of " (counted(all, "lane", "lanes"))
                            ", those in the counterexample and the busiest."
                        }
                    }
                    @let items = items_left_out + lanes::left_out(lanes, axis, proof);
                    @if items > 0 {
                        p.note {
                            (shown(name, 40)) ": " (counted(items, "interval or moment is", "intervals and moments are"))
                            " left out, for there are more at those times than can be told apart."
                        }
                    }
                }
                Panel::Values { name, curves, points, left_out, outstanding_left_out } => {
                    @let all = left_out + points.len() as u64;
                    @if (Values { name, curves, points }).is_crowded() {
                        p.note { (shown(name, 40)) ": of " (thousands(all)) " observations, their range in each pixel is drawn." }
                    }
                    (standing_out(name, (points, *outstanding_left_out), axis, proof))
                    @if curves.len() > MOST_CURVES {
                        p.note { (shown(name, 40)) ": " (MOST_CURVES) " of " (thousands(curves.len() as u64)) " lines are drawn." }
                    }
                }
            }
        }
    }
}

/// How many of the observations that stand out are drawn by themselves, where that is not all of few.
fn standing_out(name: &str, (points, left_out): (&[Point], u64), axis: &TimeAxis, proof: &BTreeSet<Index>) -> Markup {
    let drawn = outstanding(points, axis, proof).len() as u64;
    let all = points.iter().filter(|point| stands_out(point, proof)).count() as u64 + left_out;
    html! {
        @if drawn < all {
            p.note {
                (shown(name, 40)) ": " (thousands(drawn)) " of the " (thousands(all))
                " observations that stand out are drawn, among them all that prove the verdict; the others lie between these."
            }
        }
    }
}
