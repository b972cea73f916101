//! The reason in twenty seconds: the argument of each finding, step by step.

use dsjepsen_history::{Figure, Finding, Gravity, Step};
use maud::{Markup, html};

use super::operations::{MOST_FINDINGS, Tables};
use super::{Section, framed};
use crate::marks::State;
use crate::subject::Subject;
use crate::text::{CELL, NAME, SENTENCE, counted, shown, thousands};

/// The section; absent where nothing was found.
pub(crate) fn section(subject: &dyn Subject, tables: &Tables) -> Option<Section> {
    let findings = &subject.verdict().findings;
    let first = findings.first()?;
    let (title, lede) = match first.gravity {
        Gravity::Invalid => ("Why this cannot be right", html! { (subject.grounds()) }),
        _ => ("Why this is undecided", Markup::default()),
    };
    let content = html! {
        (argument(first, tables, subject.state() == State::Harness))
        p.note.rule { (rule(first, subject)) }
        @if findings.len() > 1 { (others(subject, tables)) }
    };
    Some(framed("why", "Why", title, &lede, &content))
}

/// The argument of the first finding; `apart` where the banner speaks of something else and so lacks its detail.
fn argument(finding: &Finding, tables: &Tables, apart: bool) -> Markup {
    html! {
        @if finding.steps.is_empty() {
            p.plain { (shown(&finding.sentence, SENTENCE)) " " (shown(&finding.detail, SENTENCE)) }
            @if !finding.operations.is_empty() && tables.names { p.plain { "Operations: " (references(finding, tables)) } }
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
    if !tables.names {
        return Markup::default();
    }
    html! {
        @for index in finding.operations.iter().take(SHOWN) { (tables.link(*index)) " " }
        @if finding.operations.len() > SHOWN { "and " (thousands((finding.operations.len() - SHOWN) as u64)) " more" }
    }
}

fn rule(finding: &Finding, subject: &dyn Subject) -> Markup {
    html! {
        "Rule " code { (shown(&finding.rule, NAME)) }
        @if finding.gravity == Gravity::Invalid {
            ", broken " (counted(finding.count, "time", "times")) " in this " (subject.noun())
            @if finding.count > 1 { "; one is shown" }
        } @else if finding.count > 1 {
            ", " (counted(finding.count, "time", "times"))
        }
        "."
    }
}

fn others(subject: &dyn Subject, tables: &Tables) -> Markup {
    let findings = &subject.verdict().findings;
    html! {
        h3.also { "Also found" }
        ul.findings {
            @for (position, finding) in findings.iter().enumerate().take(MOST_FINDINGS).skip(1) {
                li {
                    (State::from(finding.gravity).mark())
                    div {
                        p { (shown(&finding.sentence, SENTENCE)) " " span.dim { (shown(&finding.detail, SENTENCE)) } }
                        p.note { (rule(finding, subject)) " " (references(finding, tables)) }
                        (more(subject, tables, position))
                    }
                }
            }
        }
        @if findings.len() > MOST_FINDINGS {
            p.note { (thousands((findings.len() - MOST_FINDINGS) as u64)) " more findings are " (subject.elsewhere()) "." }
        }
    }
}

/// The argument of a further finding, folded away.
fn more(subject: &dyn Subject, tables: &Tables, position: usize) -> Markup {
    let finding = &subject.verdict().findings[position];
    let table = tables.table(subject, position);
    html! {
        @if !finding.steps.is_empty() || !finding.figures.is_empty() || !table.0.is_empty() {
            details {
                summary { (if table.0.is_empty() { "Argument" } else { "Argument and operations" }) }
                @if !finding.steps.is_empty() {
                    dl.why.small { @for step in &finding.steps { (line(step, tables)) } }
                }
                (figures(&finding.figures))
                (table)
            }
        }
    }
}
