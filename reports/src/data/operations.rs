//! The columns of all operations, in the order of their invocation.
//!
//! ```text
//! how many operations there are, n; then, column after column, n times:
//!   index       difference to the one before (at first, to 0)
//!   invoked     ns, difference to the one before
//!   scheduled   0 where nothing was scheduled, else 1 + by how many ns it was before the invocation
//!   lasted      0 where nothing completed, else 1 + ns from the invocation to the completion
//!   process     signed difference to the one before
//!   node        0 where there is none, else its number (n1 is 1)
//!   outcome     0 ok, 1 fail, 2 info
//!   kind        a column of texts
//!   asked       a column of texts: the value of the call as JSON; absent where it is null
//!   answered    a column of texts: the value of the result as JSON, of an ok operation; absent where it is null or the same
//!   reason      a column of texts: why it failed or is indeterminate
//! ```
//! Latency counts from the scheduled time, else from the invocation.

use dsjepsen_history::{Outcome, RawOperation};
use serde_json::Value;

use super::bytes::Columns;
use super::texts::Texts;
use crate::marks::OutcomeKind;

/// All operations as columns.
pub(crate) fn encoded(operations: &[RawOperation]) -> Vec<u8> {
    let mut columns = Columns::default();
    columns.number(operations.len() as u64);
    let mut before = 0;
    for operation in operations {
        columns.number(operation.invoked.index.saturating_sub(before));
        before = operation.invoked.index;
    }
    let mut before = 0;
    for operation in operations {
        let time = operation.invoked.time.min(super::bytes::LARGEST);
        columns.number(time.saturating_sub(before));
        before = before.max(time);
    }
    for operation in operations {
        columns.optional(operation.call.scheduled.map(|time| operation.invoked.time.saturating_sub(time)));
    }
    for operation in operations {
        columns.optional(operation.completed.map(|at| at.time.saturating_sub(operation.invoked.time)));
    }
    let mut before = 0;
    for operation in operations {
        columns.difference(u64::from(operation.process.0), before);
        before = u64::from(operation.process.0);
    }
    for operation in operations {
        columns.number(operation.node.map_or(0, |node| u64::from(node.number())));
    }
    for operation in operations {
        columns.number(OutcomeKind::from(&operation.outcome) as u64);
    }
    texts(&mut columns, operations, |operation| Some(operation.call.f.clone()));
    texts(&mut columns, operations, |operation| as_text(&operation.call.value));
    texts(&mut columns, operations, |operation| match &operation.outcome {
        Outcome::Ok(result) if *result != operation.call.value => as_text(result),
        _ => None,
    });
    texts(&mut columns, operations, |operation| match &operation.outcome {
        Outcome::Fail(reason) | Outcome::Info(reason) => Some(reason.as_str().to_owned()),
        Outcome::Ok(_) => None,
    });
    columns.finish()
}

fn texts(columns: &mut Columns, operations: &[RawOperation], text: impl Fn(&RawOperation) -> Option<String>) {
    let mut column = Texts::default();
    for operation in operations {
        column.push(text(operation).as_deref());
    }
    column.finish(columns);
}

fn as_text(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| value.to_string())
}
