//! The lanes of the workload `lock`: who held which lock, and which tokens were granted.

use std::collections::{BTreeMap, HashMap};

use dsjepsen_checkers::{LockCall, LockHold, LockReply, RunView, lock_holds};
use dsjepsen_engine::nemesis::monotonic_rate_error_ppm;
use dsjepsen_history::{
    Curve, Index, Lane, Lanes, Nanos, NodeId, Operation, Outcome, Panel, Point, PointStyle, Span, SpanStyle, thousands,
};

/// Up to so many locks have a lane and a curve of their own.
const FEW_LOCKS: usize = 8;

type LockOperation = Operation<LockCall, LockReply>;

/// The lanes of a run.
pub(super) fn lanes(run: &RunView<'_, LockCall, LockReply>) -> Lanes {
    let holds = match lock_holds(run, monotonic_rate_error_ppm(&run.plan.faults)) {
        Ok(holds) => holds,
        Err(problem) => return Lanes::new("Who held the locks", problem),
    };
    let doubtful = doubtful_acquires(run);
    let mut locks: Vec<u32> = holds.iter().map(|hold| hold.lock).chain(doubtful.iter().map(|hold| hold.lock)).collect();
    locks.sort_unstable();
    locks.dedup();
    let title = if locks.len() == 1 { "Who held the lock" } else { "Who held the locks" };
    let mut lanes = Lanes::new(title, text(run, &holds, doubtful.len(), locks.len()));
    if locks.is_empty() {
        return lanes;
    }
    let one = locks.len() == 1;
    let drawing = Drawing { concurrency: run.plan.settings.concurrency.max(1), holds: &holds, doubtful: &doubtful };
    lanes.panels.push(drawing.by_client(one));
    if locks.len() <= FEW_LOCKS {
        lanes.panels.push(drawing.by_lock());
        lanes.panels.extend(tokens(run, &holds, one));
    }
    lanes
}

fn text(run: &RunView<'_, LockCall, LockReply>, holds: &[LockHold], acquires: usize, locks: usize) -> String {
    let definite = holds.iter().filter(|hold| hold.definite.is_some()).count() as u64;
    let releases = holds.iter().filter(|hold| hold.unanswered_release.is_some()).count() as u64;
    let possible = acquires as u64 + releases;
    let mut text = format!("{} definite holds", thousands(definite));
    if possible > 0 {
        text += &format!(" and {} possible ones (acquires and releases without an answer)", thousands(possible));
    }
    text += ". A hold is definite from its grant until its release is asked for or its lease may have ended";
    text += "; dotted, its client believed in it beyond that.";
    if locks <= FEW_LOCKS && holds.iter().any(|hold| hold.token.is_some()) {
        text += " Tokens of long holds are written beside them.";
        text += match run.plan.promises.fencing_tokens {
            true => " Below, each token at the time it was granted: it must only rise.",
            false => " Below, each token at the time it was granted; the target promises nothing of them.",
        };
    }
    text
}

/// An acquire of which nobody knows whether it was granted.
struct Doubtful {
    lock: u32,
    process: u32,
    node: Option<NodeId>,
    from: Nanos,
    to: Nanos,
    acquire: Index,
}

/// The acquires without an answer: possibly held until what they may have taken was given back, else for a lease after they were
/// given up.
fn doubtful_acquires(run: &RunView<'_, LockCall, LockReply>) -> Vec<Doubtful> {
    let (operations, end) = (&run.history.operations, run.history.end.time);
    let ttl = run.plan.options.number("lease-ttl-ms", 2000).saturating_mul(1_000_000);
    let given_back: HashMap<u64, Nanos> = operations
        .iter()
        .filter(|operation| matches!(operation.call, LockCall::GiveUp { .. }) && !operation.outcome.is_info())
        .filter_map(|operation| Some((operation.call.hold(), operation.completed?.time)))
        .collect();
    let doubtful = |operation: &LockOperation| {
        let LockCall::Acquire { lock, hold } = operation.call else { return None };
        if !operation.outcome.is_info() {
            return None;
        }
        let given_up = operation.completed.map_or(end, |completed| completed.time);
        let over = given_back.get(&hold).copied().unwrap_or_else(|| given_up.saturating_add(ttl));
        let (from, to) = (operation.invoked.time, over.min(end).max(operation.invoked.time));
        let (process, node) = (operation.process.0, operation.node);
        Some(Doubtful { lock, process, node, from, to, acquire: operation.invoked.index })
    };
    operations.iter().filter_map(doubtful).collect()
}

struct Drawing<'a> {
    concurrency: u32,
    holds: &'a [LockHold],
    doubtful: &'a [Doubtful],
}

impl Drawing<'_> {
    /// A lane for each client: a worker with all processes that it ever was.
    fn by_client(&self, one: bool) -> Panel {
        let name = |lock: u32| if one { String::new() } else { format!("lock {lock}") };
        let mut spans: BTreeMap<u32, (String, Vec<Span>)> = BTreeMap::new();
        for hold in self.holds {
            let client = hold.process.0 % self.concurrency;
            let entry = spans.entry(client).or_insert_with(|| (label_of(client, hold.node), Vec::new()));
            entry.1.extend(spans_of(hold, &name(hold.lock)));
        }
        for acquire in self.doubtful {
            let client = acquire.process % self.concurrency;
            let entry = spans.entry(client).or_insert_with(|| (label_of(client, acquire.node), Vec::new()));
            entry.1.push(possible(acquire, &name(acquire.lock)));
        }
        panel("Client", spans)
    }

    /// A lane for each lock, in which two clients that held it at one time lie over one another.
    fn by_lock(&self) -> Panel {
        let mut spans: BTreeMap<u32, (String, Vec<Span>)> = BTreeMap::new();
        let client = |process: u32| format!("client {}", process % self.concurrency);
        for hold in self.holds {
            let entry = spans.entry(hold.lock).or_insert_with(|| (format!("lock {}", hold.lock), Vec::new()));
            entry.1.extend(spans_of(hold, &client(hold.process.0)));
        }
        for acquire in self.doubtful {
            let entry = spans.entry(acquire.lock).or_insert_with(|| (format!("lock {}", acquire.lock), Vec::new()));
            entry.1.push(possible(acquire, &client(acquire.process)));
        }
        panel("Lock", spans)
    }
}

fn label_of(client: u32, node: Option<NodeId>) -> String {
    node.map_or_else(|| format!("client {client}"), |node| format!("client {client} on {node}"))
}

fn panel(name: &str, spans: BTreeMap<u32, (String, Vec<Span>)>) -> Panel {
    let lanes = spans.into_values().map(|(label, mut spans)| {
        spans.sort_by_key(|span| (span.from_ns, span.operation));
        Lane { label, spans, ..Lane::default() }
    });
    Panel::Lanes { name: name.to_owned(), lanes: lanes.collect(), left_out: 0, items_left_out: 0 }
}

/// What is drawn of a hold: while it surely lasted, and what its client or an unanswered release makes of it beyond that.
fn spans_of(hold: &LockHold, name: &str) -> Vec<Span> {
    let label = match (name, hold.token) {
        (name, None) => name.to_owned(),
        ("", Some(token)) => token.to_string(),
        (name, Some(token)) => format!("{name}: {token}"),
    };
    let span = |(from_ns, to_ns): (Nanos, Nanos), style, label: String| Span {
        from_ns,
        to_ns,
        style,
        label,
        operation: Some(hold.acquire),
    };
    let mut spans = Vec::new();
    let sure = hold.definite.map_or(hold.granted, |definite| definite.1);
    spans.extend(hold.definite.map(|definite| span(definite, SpanStyle::Definite, label.clone())));
    // What is left of a belief by rounding is no belief of its own.
    if let Some((_, to)) = hold.believed.filter(|believed| believed.1 > sure) {
        let label = if hold.definite.is_none() { label } else { String::new() };
        spans.push(span((sure, to), SpanStyle::Belief, label));
    }
    spans.extend(hold.unanswered_release.map(|possible| span(possible, SpanStyle::Possible, String::new())));
    spans
}

fn possible(acquire: &Doubtful, name: &str) -> Span {
    let label = name.to_owned();
    Span { from_ns: acquire.from, to_ns: acquire.to, style: SpanStyle::Possible, label, operation: Some(acquire.acquire) }
}

/// Each lock's tokens by the time of their grants, with the writes whose token was behind.
fn tokens(run: &RunView<'_, LockCall, LockReply>, holds: &[LockHold], one: bool) -> Option<Panel> {
    let mut curves: BTreeMap<u32, Curve> = BTreeMap::new();
    for hold in holds {
        let Some(token) = hold.token else { continue };
        let label = if one { String::new() } else { format!("lock {}", hold.lock) };
        let curve = curves.entry(hold.lock).or_insert_with(|| Curve { label, steps: Vec::new() });
        curve.steps.push((hold.granted, i64::try_from(token).unwrap_or(i64::MAX)));
    }
    if curves.is_empty() {
        return None;
    }
    let points = stale_writes(run);
    Some(Panel::Values { name: "Token".to_owned(), curves: curves.into_values().collect(), points, left_out: 0, outstanding_left_out: 0 })
}

/// The writes that came to the guarded resource with an older token than one before: refused, or wrongly taken.
fn stale_writes(run: &RunView<'_, LockCall, LockReply>) -> Vec<Point> {
    let promises = &run.plan.promises;
    if !(promises.fencing_tokens || promises.enforcing_guard) {
        return Vec::new();
    }
    let arrived = |operation: &LockOperation| match (&operation.call, &operation.outcome) {
        (LockCall::Write { lock, token: Some(token), .. }, Outcome::Ok(LockReply::Write { position, accepted })) => {
            Some((*lock, *position, *token, *accepted, operation.completed?.time, operation.invoked.index))
        }
        _ => None,
    };
    let mut arrivals: Vec<_> = run.history.operations.iter().filter_map(arrived).collect();
    arrivals.sort_unstable();
    let mut points = Vec::new();
    let mut newest: Option<(u32, u64)> = None;
    for (lock, _, token, accepted, at_ns, operation) in arrivals {
        let before = newest.filter(|(of, _)| *of == lock).map(|(_, token)| token);
        let style = if accepted { PointStyle::Broken } else { PointStyle::Refused };
        if let Some(before) = before.filter(|before| *before > token) {
            let came = if accepted { "taken" } else { "refused" };
            let label = format!("write with {token} {came} after {before}");
            let value = i64::try_from(token).unwrap_or(i64::MAX);
            points.push(Point { at_ns, value, style, label, operation: Some(operation) });
        }
        if accepted && before.is_none_or(|before| before < token) {
            newest = Some((lock, token));
        }
    }
    points.sort_by_key(|point| (point.at_ns, point.operation));
    points
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
