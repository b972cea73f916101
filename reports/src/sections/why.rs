//! The reason in twenty seconds: the argument of each finding, step by step.

use dsjepsen_history::{Figure, Finding, Gravity, Step};
use maud::{Markup, html};

use super::operations::{MOST_FINDINGS, Tables};
use super::{Section, framed};
use crate::load::RunRecord;
use crate::marks::State;
use crate::text::{CELL, NAME, SENTENCE, counted, shown, thousands};

/// The section; absent where nothing was found.
pub(super) fn section(record: &RunRecord, tables: &Tables) -> Option<Section> {
    let findings = &record.verdict.findings;
    let first = findings.first()?;
    let (title, lede) = match first.gravity {
        Gravity::Invalid => (
            "Why this cannot be right",
            html! {
                "Each step follows from what the clients sent and received, timed on the controller’s monotonic clock. No \
                 node’s clock is trusted."
            },
        ),
        _ => ("Why this is undecided", Markup::default()),
    };
    let content = html! {
        (argument(first, tables, super::state(record) == State::Harness))
        p.note.rule { (rule(first)) }
        @if findings.len() > 1 { (others(record, tables)) }
    };
    Some(framed("why", "Why", title, &lede, &content))
}

/// The argument of the first finding; `apart` where the banner speaks of something else and so lacks its detail.
fn argument(finding: &Finding, tables: &Tables, apart: bool) -> Markup {
    html! {
        @if finding.steps.is_empty() {
            p.plain { (shown(&finding.sentence, SENTENCE)) " " (shown(&finding.detail, SENTENCE)) }
            @if !finding.operations.is_empty() { p.plain { "Operations: " (references(finding, tables)) } }
        } @else {
            dl.why { @for step in &finding.steps { (line(step, tables)) } }
            @if apart && !finding.detail.is_empty() { p.plain { (shown(&finding.detail, SENTENCE)) } }
        }
        (figures(&finding.figures))
    }
}

fn line(step: &Step, tables: &Tables) -> Markup {
    html! {
        dt.turn[step.lead == "However"] { (shown(&step.lead, NAME)) }
        dd { (shown(&step.text, SENTENCE)) @if let Some(index) = step.operation { " " (tables.link(index)) } }
    }
}

fn figures(figures: &[Figure]) -> Markup {
    html! {
        @if !figures.is_empty() {
            div.figs {
                @for figure in figures { div { b { (shown(&figure.value, NAME)) } span { (shown(&figure.name, CELL)) } } }
            }
        }
    }
}

/// The first few operations of a finding.
fn references(finding: &Finding, tables: &Tables) -> Markup {
    const SHOWN: usize = 12;
    html! {
        @for index in finding.operations.iter().take(SHOWN) { (tables.link(*index)) " " }
        @if finding.operations.len() > SHOWN { "and " (thousands((finding.operations.len() - SHOWN) as u64)) " more" }
    }
}

fn rule(finding: &Finding) -> Markup {
    html! {
        "Rule " code { (shown(&finding.rule, NAME)) }
        @if finding.gravity == Gravity::Invalid {
            ", broken " (counted(finding.count, "time", "times")) " in this run"
            @if finding.count > 1 { "; one is shown" }
        } @else if finding.count > 1 {
            ", " (counted(finding.count, "time", "times"))
        }
        "."
    }
}

fn others(record: &RunRecord, tables: &Tables) -> Markup {
    let findings = &record.verdict.findings;
    html! {
        h3.also { "Also found" }
        ul.findings {
            @for (position, finding) in findings.iter().enumerate().take(MOST_FINDINGS).skip(1) {
                li {
                    (State::from(finding.gravity).mark())
                    div {
                        p { (shown(&finding.sentence, SENTENCE)) " " span.dim { (shown(&finding.detail, SENTENCE)) } }
                        p.note { (rule(finding)) " " (references(finding, tables)) }
                        (more(record, tables, position))
                    }
                }
            }
        }
        @if findings.len() > MOST_FINDINGS {
            p.note { (thousands((findings.len() - MOST_FINDINGS) as u64)) " more findings are in verdict.json." }
        }
    }
}

/// The argument of a further finding, folded away.
fn more(record: &RunRecord, tables: &Tables, position: usize) -> Markup {
    let finding = &record.verdict.findings[position];
    let table = tables.table(record, position);
    html! {
        @if !finding.steps.is_empty() || !finding.figures.is_empty() || !table.0.is_empty() {
            details {
                summary { "Argument and operations" }
                @if !finding.steps.is_empty() {
                    dl.why.small { @for step in &finding.steps { (line(step, tables)) } }
                }
                (figures(&finding.figures))
                (table)
            }
        }
    }
}
