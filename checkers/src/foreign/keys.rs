//! The operations of each key.

use std::collections::BTreeMap;

use dsjepsen_history::foreign::{ForeignError, ForeignOperation, ForeignOutcome, Format, Value, split_keys};

use super::{ForeignProblem, Given, KeyRule, Operations};

/// Whether the operations of a history are split by key, and what is to be said of it.
///
/// EDN shows no difference between `[key value]` and any pair, so that somebody must say so: the request, the format, or a tag
/// on every value.
///
/// # Errors
/// Where some values have the tag and others not, and nobody says what they are.
pub(super) fn splits(
    name: &str,
    format: Format,
    rule: KeyRule,
    operations: &[ForeignOperation],
) -> Result<(bool, Option<String>), ForeignProblem> {
    match rule {
        KeyRule::Auto if format == Format::EdnLinesKv => return Ok((true, None)),
        KeyRule::Auto => {}
        KeyRule::Independent => return Ok((true, None)),
        KeyRule::Whole => return Ok((false, None)),
    }
    let happened = || operations.iter().filter(|operation| operation.outcome != ForeignOutcome::Fail);
    let is_tuple = |operation: &&ForeignOperation| operation.call.is_tuple();
    match (happened().find(is_tuple), happened().find(|operation| !is_tuple(operation))) {
        (None, _) => Ok((false, None)),
        (Some(_), None) => {
            let note = "every value is tagged as a key and a value of an independent test, so that each key is judged by itself, as \
                        with --independent";
            Ok((true, Some(note.to_owned())))
        }
        (Some(with), Some(without)) => {
            let problem = format!(
                "{} is tagged as a key and a value of an independent test, and the value {} of line {} is not: say --no-split where all \
                 of it is one object, or leave out what is of no key",
                with.call, without.call, without.line
            );
            Err(ForeignProblem::Corrupt(ForeignError::at_line(name, with.line, problem)))
        }
    }
}

/// The operations of a history by key; under `None` all of them, where it has one object.
pub(super) fn by_key(given: &Given<'_>) -> Result<BTreeMap<Option<Value>, Operations>, ForeignProblem> {
    let operations = given.operations()?;
    if !given.splits {
        return Ok(BTreeMap::from([(None, operations.clone())]));
    }
    let split = split_keys(operations.iter().cloned(), given.name)?;
    // To Jepsen such an operation is part of every key's history; one that surely had no effect can be left out of all.
    if let Some(whole) = split.whole.iter().find(|operation| operation.outcome != ForeignOutcome::Fail) {
        return Err(given.refuse(whole.line, format!("{} is no `[key value]`", whole.call)));
    }
    Ok(split.keys.into_iter().map(|(key, operations)| (Some(key), operations.into())).collect())
}
