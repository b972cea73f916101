//! The operations of each key.

use std::collections::BTreeMap;

use dsjepsen_history::foreign::{ForeignOutcome, Format, Value, split_keys};

use super::{ForeignProblem, Given, KeyRule, Operations};

/// The operations of a history by key; under `None` all of them, where it has one object.
pub(super) fn by_key(given: &Given<'_>) -> Result<BTreeMap<Option<Value>, Operations>, ForeignProblem> {
    let splits = match given.request.keys {
        KeyRule::Auto => given.format == Format::EdnLinesKv,
        KeyRule::Independent => true,
        KeyRule::Whole => false,
    };
    let operations = given.operations()?;
    if !splits {
        return Ok(BTreeMap::from([(None, operations.clone())]));
    }
    let split = split_keys(operations.iter().cloned(), given.name)?;
    // To Jepsen such an operation is part of every key's history; one that surely had no effect can be left out of all.
    if let Some(whole) = split.whole.iter().find(|operation| operation.outcome != ForeignOutcome::Fail) {
        return Err(given.refuse(whole.line, format!("{} is no `[key value]`", whole.call)));
    }
    Ok(split.keys.into_iter().map(|(key, operations)| (Some(key), operations.into())).collect())
}
