//! What the clients felt: latency of every operation, its quantiles, and the rate of completions.

use maud::{Markup, html};

use super::{Section, framed, missing, wide};
use crate::load::RunRecord;
use crate::plot::axis::TimeAxis;
use crate::plot::bands::DrawnFault;
use crate::plot::latency::LatencyPlot;
use crate::plot::rate::{quantile, step_length, steps};
use crate::plot::scatter::{Sample, samples};
use crate::text::{counted, seconds, span, thousands};

/// The section; it says why where there is nothing to draw.
pub(super) fn section(record: &RunRecord, faults: &[DrawnFault]) -> Section {
    let samples = samples(record);
    let (lede, content) = match &record.history {
        Err(error) => (Markup::default(), missing("Latencies cannot be shown.", error)),
        Ok(_) if samples.is_empty() => {
            (html! { "No operation completed, so there is no latency and no rate to draw." }, Markup::default())
        }
        Ok(_) => (lede(record, &samples), plot(record, &samples, faults)),
    };
    let mut section = framed("latency", "Latency and rate", "Latency and rate", &lede, &content);
    section.on_run_axis = true;
    section
}

fn lede(record: &RunRecord, samples: &[Sample]) -> Markup {
    let mut latencies: Vec<_> = samples.iter().map(|sample| sample.latency).collect();
    let unfinished = record.operations().len() - samples.len();
    html! {
        "Median " (span(quantile(&mut latencies, 0.5))) ", 99th percentile " (span(quantile(&mut latencies, 0.99)))
        ", of " (counted(samples.len() as u64, "operation", "operations")) " that completed, whatever the outcome. Each is \
        drawn at its completion; its latency counts from the time it was scheduled for. Quantiles and rates are of steps of "
        (seconds(step_length(record.end()), 0)) " s; a step of fewer than three completions has no quantiles."
        @if unfinished > 0 {
            " " (thousands(unfinished as u64)) " never completed and " @if unfinished == 1 { "is" } @else { "are" } " not drawn."
        }
    }
}

fn plot(record: &RunRecord, samples: &[Sample], faults: &[DrawnFault]) -> Markup {
    let steps = steps(samples, record.end());
    let plot = LatencyPlot {
        axis: TimeAxis::of_run(record.end()),
        samples,
        steps: &steps,
        faults,
        conflict: record.conflict(),
    };
    match plot.draw() {
        Ok((drawing, note)) => html! {
            (wide("Latency, quantiles and rate over time", &drawing))
            p #scatter-note.note role="status" { (note.unwrap_or_default()) }
        },
        Err(error) => missing("The plot is missing.", &error.to_string()),
    }
}
