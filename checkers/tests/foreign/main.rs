//! Histories of other tools, judged by every model: small ones of our own, valid and invalid, with the judges' words.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod counter;
mod odd;
mod oracle;
mod reading;
mod samples;
mod words;

use dsjepsen_checkers::foreign::{ForeignProblem, ForeignRequest, find_foreign_model, judge_foreign};
use dsjepsen_history::Verdict;
use dsjepsen_history::foreign::{Format, read_foreign};

/// Judges a text. Events of EDN are written short: `0 invoke read nil`, a line each; other texts are taken as they are.
fn judge(model: &str, format: Format, text: &str, request: &ForeignRequest) -> Result<Verdict, ForeignProblem> {
    let text = if format == Format::EdnLines { edn(text) } else { text.to_owned() };
    let history = read_foreign(text.as_bytes(), "sample", Some(format))?;
    judge_foreign(history, "sample", find_foreign_model(model).unwrap(), request)
}

/// `process type f value`, a line each, or `;` between.
fn edn(text: &str) -> String {
    let mut lines = String::new();
    for event in text.split([';', '\n']).map(str::trim).filter(|event| !event.is_empty()) {
        let mut words = event.splitn(4, ' ');
        let mut word = || words.next().unwrap_or("nil");
        let (process, kind, f, value) = (word(), word(), word(), word());
        lines += &format!("{{:process {process}, :type :{kind}, :f :{f}, :value {value}}}\n");
    }
    lines
}
