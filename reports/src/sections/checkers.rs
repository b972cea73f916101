//! What each checker judged, found and takes for granted.

use dsjepsen_history::{Gravity, Judgement};
use maud::{Markup, html};

use super::{Section, framed, wide};
use crate::marks::State;
use crate::subject::Subject;
use crate::text::{CELL, NAME, SENTENCE, shown, thousands};

/// The section; absent where no checker ran.
pub(crate) fn section(subject: &dyn Subject) -> Option<Section> {
    let checkers = &subject.verdict().checkers;
    if checkers.is_empty() {
        return None;
    }
    let table = html! {
        table.checks {
            thead { tr {
                th scope="col" { "Result" } th scope="col" { "Checker" } th scope="col" { "Found" }
                th scope="col" { "Assumes" } th.num scope="col" { "Judged" }
            } }
            tbody {
                @for judgement in checkers {
                    tr {
                        td { (State::from(judgement.verdict).mark()) }
                        td { b { (shown(&judgement.checker, NAME)) } }
                        td { (found(subject, judgement)) }
                        td.dim {
                            @for (position, assumption) in judgement.assumptions.iter().enumerate() {
                                @if position > 0 { " " } (shown(assumption, SENTENCE))
                            }
                            @if judgement.assumptions.is_empty() { "–" }
                        }
                        td.num { (thousands(judgement.judged)) }
                    }
                }
            }
        }
    };
    let gravest = checkers.iter().map(|judgement| judgement.verdict).max().unwrap_or_default();
    let lede = html! { "The gravest result is the verdict: invalid before unknown before valid." };
    let mut section = framed("checkers", "Checkers", "Every checker’s result", &lede, &wide("Checkers", &table));
    section.state = Some(State::from(gravest));
    Some(section)
}

/// The sentences of a checker and its figures. The verdict keeps findings apart from checkers, so a sentence is attributed
/// only where one checker alone can have it.
fn found(subject: &dyn Subject, judgement: &Judgement) -> Markup {
    let gravest = |other: &&Judgement| other.verdict >= judgement.verdict;
    let alone = subject.verdict().checkers.iter().filter(gravest).count() == 1;
    let mut sentences: Vec<&str> = judgement.findings.iter().map(|finding| finding.sentence.as_str()).collect();
    if sentences.is_empty() && judgement.verdict != Gravity::Valid && alone {
        let findings = subject.verdict().findings.iter();
        sentences = findings
            .filter(|finding| finding.gravity == judgement.verdict)
            .map(|finding| finding.sentence.as_str())
            .take(3)
            .collect();
    }
    html! {
        @for sentence in &sentences { (shown(sentence, SENTENCE)) " " }
        @if sentences.is_empty() && judgement.verdict != Gravity::Valid && !subject.verdict().findings.is_empty() {
            a href="#why" { "see the findings" } ". "
        }
        @for (position, figure) in judgement.figures.iter().enumerate() {
            @if position > 0 { ", " }
            span.figure { (shown(&figure.name, CELL)) " " b { (shown(&figure.value, CELL)) } }
        }
        @if sentences.is_empty() && judgement.verdict == Gravity::Valid && judgement.figures.is_empty() { "no violation" }
    }
}
