//! The page of a history that another tool wrote and that was judged here. It has the verdict, and no more of the history than its
//! findings tell.

use std::path::Path;

use dsjepsen_history::{Gravity, Index, Nanos, RawOperation, Verdict};
use maud::{Markup, html};

use crate::marks::State;
use crate::page::{Frame, framed};
use crate::plot::bands::Bands;
use crate::sections::operations::Tables;
use crate::sections::{Section, banner, checkers, counterexample, counts, replay, why};
use crate::subject::Subject;
use crate::text::{CELL, NAME, harmless, shown, thousands};
use crate::{ReportError, write_whole};

/// A history of another tool, and what was found of it.
#[derive(Debug)]
pub struct CheckedHistory<'a> {
    /// The history's name: its path.
    pub name: &'a str,
    /// The model that it was held against.
    pub model: &'a str,
    /// The options of the judgement as they were given; may be empty.
    pub options: &'a str,
    /// What came of it.
    pub verdict: &'a Verdict,
    /// The command that judges it again, word by word.
    pub command: &'a [String],
    /// The version of dsjepsen.
    pub version: &'a str,
}

/// Draws the page of a judged history. It is written beside its name and renamed, so that nobody reads half of it.
///
/// # Errors
/// [`ReportError::Write`].
pub fn write_check_page(checked: &CheckedHistory<'_>, path: &Path) -> Result<(), ReportError> {
    let record = CheckRecord { checked, bands: Bands::new(&[]) };
    write_whole(path, &record.page().into_string())
}

struct CheckRecord<'a> {
    checked: &'a CheckedHistory<'a>,
    bands: Bands,
}

impl Subject for CheckRecord<'_> {
    fn verdict(&self) -> &Verdict {
        self.checked.verdict
    }

    fn noun(&self) -> &'static str {
        "history"
    }

    fn grounds(&self) -> &'static str {
        "Each step follows from what the history says."
    }

    fn elsewhere(&self) -> &'static str {
        "in what --json prints"
    }

    fn operation(&self, _: Index) -> Option<&RawOperation> {
        None
    }

    fn names_operations(&self) -> bool {
        false
    }

    fn unreadable(&self) -> Option<&str> {
        None
    }

    fn end(&self) -> Nanos {
        0
    }

    fn bands(&self) -> &Bands {
        &self.bands
    }
}

impl CheckRecord<'_> {
    fn page(&self) -> Markup {
        let tables = Tables::new(self);
        let sections: Vec<Section> = [
            why::section(self, &tables),
            counterexample::section(self, &tables, &[]),
            checkers::section(self),
            counts::section(&self.verdict().operations),
            Some(replay::of_history(self.checked.command)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let main = html! {
            (self.banner())
            @for section in &sections { (section.body) }
        };
        framed(&Frame {
            title: format!("{} of {}", harmless(self.checked.model, NAME), harmless(self.checked.name, NAME)),
            name: self.checked.name,
            state: self.state(),
            bands: &self.bands,
            style: "",
            sections: &sections,
            main,
        })
    }

    fn banner(&self) -> Markup {
        let verdict = self.verdict();
        let mut below = Vec::new();
        if let Some(finding) = verdict.findings.first() {
            below.extend(finding.reason.map(|reason| format!("{reason}: {}", banner::remedy(reason))));
            below.extend(Some(finding.detail.clone()).filter(|detail| !detail.is_empty()));
        }
        if verdict.verdict == Gravity::Valid {
            below.push("A verdict on this history alone; nothing is said of runs that were not recorded.".to_owned());
        }
        banner::framed(State::from(verdict.verdict), &verdict.sentence, &below, "cmd-check", &self.facts())
    }

    fn facts(&self) -> Markup {
        let operations = &self.verdict().operations;
        let nothing = Markup::default();
        let outcomes = html! {
            (thousands(operations.ok)) " ok, " (thousands(operations.fail)) " fail, " (thousands(operations.info)) " info"
        };
        html! {
            dl.facts {
                (banner::fact("History", &shown(self.checked.name, CELL), &nothing))
                (banner::fact("Model", &shown(self.checked.model, NAME), &shown(self.checked.options, CELL)))
                (banner::fact("Operations", &html! { (thousands(operations.total)) }, &outcomes))
                (banner::fact("dsjepsen", &shown(self.checked.version, NAME), &nothing))
            }
        }
    }
}
