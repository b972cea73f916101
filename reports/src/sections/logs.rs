//! What the nodes said last.

use maud::{Markup, html};

use super::{Section, framed, missing};
use crate::load::{LogLine, LogTail, RunRecord, TAIL_LINES};
use crate::text::{LINE, bytes, counted, seconds, shown};

/// The section; absent where the run has no nodes.
pub(super) fn section(record: &RunRecord) -> Option<Section> {
    if record.logs.is_empty() {
        return None;
    }
    let lede = html! {
        "The last " (TAIL_LINES) " lines of each node, by the time at which they reached the controller."
    };
    let content = html! {
        div.nodes {
            @for (node, log) in &record.logs {
                details {
                    summary { b { (node) } " " span.dim { (summary(log)) } }
                    @match log {
                        Ok(tail) => { (lines(tail, &format!("Log of {node}"))) }
                        Err(error) => { (missing("This log cannot be shown.", error)) }
                    }
                    p.note { "The whole log is " code { "nodes/" (node) "/log" } "." }
                }
            }
        }
    };
    Some(framed("logs", "Node logs", "Node logs", &lede, &content))
}

fn summary(log: &Result<LogTail, String>) -> String {
    match log {
        Ok(tail) if tail.lines.is_empty() => "empty".to_owned(),
        Ok(tail) if tail.cut => {
            format!("last {} of {}", counted(tail.lines.len() as u64, "line", "lines"), bytes(tail.size))
        }
        Ok(tail) => counted(tail.lines.len() as u64, "line", "lines"),
        Err(_) => "missing".to_owned(),
    }
}

fn lines(tail: &LogTail, label: &str) -> Markup {
    html! {
        @if !tail.lines.is_empty() {
            div.logs tabindex="0" role="region" aria-label=(label) {
                @for line in &tail.lines {
                    div {
                        span.t { @if let Some(time) = line.time { (seconds(time, 3)) } }
                        span.m.w[is_warning(line)].e[is_error(line)] { (shown(&line.text, LINE)) }
                    }
                }
            }
        }
    }
}

/// The word itself stays in the line; the colour only helps to find it.
fn is_error(line: &LogLine) -> bool {
    ["ERROR", "FATAL", "panicked", "panic:"].iter().any(|word| line.text.contains(word))
}

fn is_warning(line: &LogLine) -> bool {
    !is_error(line) && line.text.contains("WARN")
}
