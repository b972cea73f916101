//! The data that the run's page carries for its script: every operation, the plot's levels of detail, the nodes' logs.
//!
//! Each part is a stream of columns (see [`bytes`]), deflated (RFC 1951) and written as base64 into a `script` element of a
//! type that no browser runs. The page's script unpacks them with `DecompressionStream` after the first paint. A small part
//! of JSON tells what the script must know besides.

use std::collections::BTreeSet;
use std::io::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dsjepsen_history::Index;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use maud::{Markup, PreEscaped, html};
use serde_json::json;

use crate::load::RunRecord;
use crate::plot::bands::DrawnFault;

pub(crate) mod bytes;
pub(crate) mod levels;
pub(crate) mod logs;
pub(crate) mod operations;
pub(crate) mod texts;

#[cfg(test)]
mod round_trip;

/// The elements with all data, to stand after everything that is read without a script.
pub(crate) fn embedded(record: &RunRecord, faults: &[DrawnFault]) -> Markup {
    html! {
        (json_part("run-facts", &facts(record, faults)))
        @if record.history.is_ok() {
            (packed_part("run-operations", &operations::encoded(record.operations())))
            (packed_part("run-levels", &levels::encoded(&levels::levels(record))))
        }
        (packed_part("run-logs", &logs::encoded(&record.logs)))
    }
}

/// What the script must know of the run besides the columns. Times are ns.
fn facts(record: &RunRecord, faults: &[DrawnFault]) -> serde_json::Value {
    let faults: Vec<_> = faults
        .iter()
        .map(|fault| {
            let nodes: Vec<_> = fault.nodes.iter().map(ToString::to_string).collect();
            json!({
                "label": fault.label, "from": fault.from, "to": fault.to, "confirmed": fault.confirmed, "nodes": nodes,
            })
        })
        .collect();
    json!({
        "end": record.end(),
        "conflict": record.conflict(),
        "failure": around_the_failure(record),
        "proof": proof(record),
        "faults": faults,
    })
}

/// The operations of the first finding, in order.
fn proof(record: &RunRecord) -> Vec<Index> {
    let operations = record.verdict.findings.first().map(|finding| finding.operations.as_slice()).unwrap_or_default();
    operations.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The interval that shows the first finding with something around it; nothing where it names no time.
pub(crate) fn around_the_failure(record: &RunRecord) -> Option<(u64, u64)> {
    let finding = record.verdict.findings.first()?;
    let (from, to) = match &finding.timeline {
        Some(timeline) => (timeline.from_ns, timeline.to_ns),
        None => {
            let named: Vec<_> = finding.operations.iter().filter_map(|index| record.operation(*index)).collect();
            let from = named.iter().map(|operation| operation.invoked.time).min()?;
            let ended = named.iter().filter_map(|operation| operation.completed).map(|moment| moment.time).max();
            (from, ended.unwrap_or(from))
        }
    };
    let margin = (to.saturating_sub(from) / 10).max(50_000_000);
    let (from, to) = (from.saturating_sub(margin), to.saturating_add(margin).min(record.end()));
    (from < to).then_some((from, to))
}

/// JSON in an element; no text in it can end the element.
fn json_part(id: &str, value: &serde_json::Value) -> Markup {
    let text = value.to_string().replace('<', "\\u003c");
    html! { script type="application/json" id=(id) { (PreEscaped(text)) } }
}

fn packed_part(id: &str, columns: &[u8]) -> Markup {
    html! { script type="application/octet-stream+deflate" id=(id) { (PreEscaped(STANDARD.encode(deflated(columns)))) } }
}

/// Writing to memory cannot fail.
fn deflated(columns: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(columns.len() / 2), Compression::new(6));
    let _ = encoder.write_all(columns);
    encoder.finish().unwrap_or_default()
}
