//! The lanes of the workload `counter`: what a read may show at most and at least over the run, and what reads showed.

use dsjepsen_checkers::{CounterCall, CounterReply, RunView, counter_values};
use dsjepsen_history::{Curve, Lanes, Nanos, Panel, Point, PointStyle, thousands};

/// The lanes of a run.
pub(super) fn lanes(run: &RunView<'_, CounterCall, CounterReply>) -> Lanes {
    let title = "What the counter may have shown, and what it showed";
    let values = match counter_values(run) {
        Ok(values) => values,
        Err(problem) => return Lanes::new(title, problem),
    };
    let outside = values.reads.iter().filter(|read| read.outside).count() as u64;
    let bounds = if values.present {
        "The lines are what was surely and what was possibly added by then: a read that is asked and answered at once lies between \
         them, one that takes longer may lie off by what changes meanwhile."
    } else {
        "The target promises no linearizable reads, so a read may show any past: the outer lines bound everything that was ever sent, \
         the one between them is what had been acknowledged."
    };
    let text = format!(
        "{bounds} {} reads, {} of them out of their bounds.",
        thousands(values.reads.len() as u64),
        thousands(outside)
    );
    let mut lanes = Lanes::new(title, text);
    if values.reads.is_empty() && values.most.len() < 2 && values.least.len() < 2 {
        return lanes;
    }
    let points = values.reads.iter().map(|read| Point {
        at_ns: read.at,
        value: read.value,
        style: if read.outside { PointStyle::Broken } else { PointStyle::Plain },
        label: if read.outside { format!("read {}", figure(read.value.into())) } else { String::new() },
        operation: Some(read.operation),
    });
    let mut curves = vec![curve("at most", &values.most), curve("at least", &values.least)];
    if !values.present {
        curves.push(curve("answered", &values.acknowledged));
    }
    lanes.panels.push(Panel::Values { name: "Value".to_owned(), curves, points: points.collect(), left_out: 0, outstanding_left_out: 0 });
    lanes
}

fn curve(label: &str, steps: &[(Nanos, i128)]) -> Curve {
    let shown = |value: i128| i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX });
    Curve { label: label.to_owned(), steps: steps.iter().map(|(time, value)| (*time, shown(*value))).collect() }
}

/// A value with its sign and commas.
fn figure(value: i128) -> String {
    let size = u64::try_from(value.unsigned_abs()).unwrap_or(u64::MAX);
    format!("{}{}", if value < 0 { "−" } else { "" }, thousands(size))
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
