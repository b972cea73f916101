//! Draws the transactions of a counterexample: one lane a process.

use dsjepsen_history::{Lane, Span, SpanStyle, Timeline};

use super::history::{Outcome, TransactionHistory};

/// A chart of some transactions, numbered as in the words beside it; none where their times are not known.
pub(super) fn draw(history: &TransactionHistory, transactions: &[u32]) -> Option<Timeline> {
    let mut lanes: Vec<(u32, Lane)> = Vec::new();
    for (at, &number) in transactions.iter().enumerate() {
        let transaction = history.transaction(number);
        let (from_ns, to_ns) = transaction.times.filter(|&(from, to)| to > 0 && from <= to)?;
        let style = match transaction.outcome {
            Outcome::Ok => SpanStyle::Ok,
            Outcome::Fail => SpanStyle::Fail,
            Outcome::Info => SpanStyle::Info,
        };
        let label = format!("T{}", at + 1);
        let span = Span { from_ns, to_ns, style, label, operation: Some(transaction.invoked) };
        let place = lanes.iter().position(|&(process, _)| process == transaction.process).unwrap_or_else(|| {
            let label = format!("process {}", transaction.process);
            lanes.push((transaction.process, Lane { label, ..Lane::default() }));
            lanes.len() - 1
        });
        lanes[place].1.spans.push(span);
    }
    let spans = || lanes.iter().flat_map(|(_, lane)| &lane.spans);
    let from = spans().map(|span| span.from_ns).min()?;
    let to = spans().map(|span| span.to_ns).max()?;
    let margin = (to - from) / 20 + 1;
    Some(Timeline {
        from_ns: from.saturating_sub(margin),
        to_ns: to.saturating_add(margin),
        lanes: lanes.into_iter().map(|(_, lane)| lane).collect(),
        conflict_ns: None,
    })
}
