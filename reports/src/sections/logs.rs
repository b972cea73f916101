//! What the nodes said last.

use maud::{Markup, html};

use super::{Section, framed, missing};
use crate::load::RunRecord;
use crate::log::{LogLine, NodeLog};
use crate::text::{LINE, bytes, counted, seconds, shown};

/// How many lines of each log are shown without a script.
const TAIL_LINES: usize = 40;

/// The section; absent where the run has no nodes.
pub(super) fn section(record: &RunRecord) -> Option<Section> {
    if record.logs.is_empty() {
        return None;
    }
    let lede = html! {
        "All logs by the time at which each line reached the controller."
        @if !record.operations().is_empty() {
            span.screen.scripted {
                " They are brought to the chosen operation; choose a line’s time for the operation in flight on its node then, else the \
                 one invoked last."
            }
        }
    };
    let content = html! {
        (view())
        div #log-tails.nodes {
            @for (node, log) in &record.logs {
                details.lost[log.is_err()] {
                    summary { b { (node) } " " span.dim { (summary(log)) } }
                    @match log {
                        Ok(log) => { (lines(tail(log), &format!("Log of {node}"))) }
                        Err(error) => { (missing("This log cannot be shown.", error)) }
                    }
                    p.note { "The whole log is " code { "nodes/" (node) "/log" } "." }
                }
            }
        }
    };
    Some(framed("logs", "Node logs", "Node logs", &lede, &content))
}

/// The frame of what the page's script fills: the lines of all nodes around the chosen operation.
fn view() -> Markup {
    html! {
        div #log-view hidden {
            div.filters {
                div #log-nodes.seg role="group" aria-label="Nodes" {}
                button #earlier type="button" { "500 ms earlier" }
                button #later type="button" { "500 ms later" }
                span #log-count.small.dim role="status" {}
            }
            div #log-lines.logs.merged tabindex="0" role="region" aria-label="Log lines of all nodes" {}
            div #log-left-out {}
        }
    }
}

/// The last lines, oldest first.
fn tail(log: &NodeLog) -> &[LogLine] {
    &log.lines[log.lines.len().saturating_sub(TAIL_LINES)..]
}

fn summary(log: &Result<NodeLog, String>) -> String {
    match log {
        Ok(log) if log.lines.is_empty() => "empty".to_owned(),
        Ok(log) if tail(log).len() < log.lines.len() => {
            format!("last {} of {}", counted(tail(log).len() as u64, "line", "lines"), bytes(log.size))
        }
        Ok(log) => counted(log.lines.len() as u64, "line", "lines"),
        Err(_) => "missing".to_owned(),
    }
}

fn lines(lines: &[LogLine], label: &str) -> Markup {
    html! {
        @if !lines.is_empty() {
            div.logs tabindex="0" role="region" aria-label=(label) {
                @for line in lines {
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
