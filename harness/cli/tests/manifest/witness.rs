//! An independent look at what is shown of an invalid verdict: the operations that the first finding names are held against the
//! file by plain code, which knows nothing of the checkers.

use std::collections::HashSet;

use dsjepsen_history::foreign::{ForeignBody, ForeignHistory, ForeignOperation};
use serde_json::Value as Json;

use super::{objects, sessions, transactions, workloads};

/// Takes the witness of a row apart, and says why it shows nothing.
pub(crate) fn shows(history: &ForeignHistory, row: &Json) -> Result<(), String> {
    let named: Vec<u64> = row["witness"].as_array().into_iter().flatten().filter_map(Json::as_u64).collect();
    let named: HashSet<u64> = named.into_iter().collect();
    let model = row["model"].as_str().unwrap_or_default();
    if objects::first(model).is_some() {
        return objects::shows(history, row, &named);
    }
    match &history.body {
        ForeignBody::Operations(paired) => {
            let all = &paired.operations;
            let shown: Vec<&ForeignOperation> =
                all.iter().filter(|operation| named.contains(&operation.invoked.into())).collect();
            ensure(shown.len() == named.len(), "operations are named that the file does not hold")?;
            if model.starts_with("txn-") {
                transactions::shows(all, &shown, row)
            } else {
                workloads::shows(all, &shown, row["rule"].as_str().unwrap_or_default())
            }
        }
        ForeignBody::Sessions(sessions) => sessions::shows(sessions, history.format, model, &named),
        ForeignBody::Intervals(_) => Err(format!("no object is known here as {model}")),
    }
}

/// The row with witnesses that show nothing: an empty one, and of an anomaly each edge of the circle the other way round.
pub(crate) fn spoilt(row: &Json) -> Vec<Json> {
    let mut spoilt = vec![with(row, "witness", Vec::new())];
    if row["rule"].as_str().is_some_and(|rule| rule.starts_with("transactions.")) {
        let cycle = row["cycle"].as_array().cloned().unwrap_or_default();
        spoilt.extend((0..cycle.len()).map(|at| {
            let mut cycle = cycle.clone();
            let (from, to) = (cycle[at]["from"].clone(), cycle[at]["to"].clone());
            (cycle[at]["from"], cycle[at]["to"]) = (to, from);
            with(row, "cycle", cycle)
        }));
    }
    spoilt
}

/// The row with a witness of one operation less, each in turn.
pub(crate) fn fewer(row: &Json) -> Vec<Json> {
    let named = row["witness"].as_array().cloned().unwrap_or_default();
    let without = |at: usize| [&named[..at], &named[at + 1..]].concat();
    (0..named.len()).map(|at| with(row, "witness", without(at))).collect()
}

fn with(row: &Json, name: &str, list: Vec<Json>) -> Json {
    let mut row = row.clone();
    row[name] = list.into();
    row
}

/// `why` where something is not so.
pub(crate) fn ensure(is_so: bool, why: &str) -> Result<(), String> {
    is_so.then_some(()).ok_or_else(|| why.to_owned())
}

/// Whether edges between things numbered below `count` go in a circle.
pub(crate) fn has_circle(count: usize, edges: &[(usize, usize)]) -> bool {
    let reaches = closure(count, edges);
    (0..count).any(|thing| reaches[thing][thing])
}

/// Who reaches whom over one edge or more.
pub(crate) fn closure(count: usize, edges: &[(usize, usize)]) -> Vec<Vec<bool>> {
    let mut reaches = vec![vec![false; count]; count];
    edges.iter().for_each(|&(from, to)| reaches[from][to] = true);
    for middle in 0..count {
        let onwards = reaches[middle].clone();
        for row in reaches.iter_mut().filter(|row| row[middle]) {
            row.iter_mut().zip(&onwards).for_each(|(reached, further)| *reached |= further);
        }
    }
    reaches
}
