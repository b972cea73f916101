//! Splits the operations of an independent test by their keys.

use std::collections::BTreeMap;

use super::error::{ForeignError, Trouble};
use super::event::shown;
use super::operation::{ForeignOperation, ForeignOutcome};
use super::value::Value;

/// The operations of each key, in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KeySplit {
    /// Those of one key each, with the key taken out of call and reply.
    pub keys: BTreeMap<Value, Vec<ForeignOperation>>,
    /// Those whose calls name no key. To Jepsen they are part of every key's history.
    pub whole: Vec<ForeignOperation>,
}

/// Splits operations whose values are `[key value]`, as those of `jepsen.independent` are, and those of `edn-lines-kv`. EDN shows
/// no difference between such a value and any pair: only who knows the test can ask for this.
///
/// A value that was nil in the call is filled in from the reply of a success, as [`super::pair`] does.
///
/// # Errors
/// [`ForeignError::Malformed`] where a success answers a call of one key without that key.
pub fn split_keys(
    operations: impl IntoIterator<Item = ForeignOperation>,
    name: &str,
) -> Result<KeySplit, ForeignError> {
    let mut split = KeySplit::default();
    for mut operation in operations {
        // What was filled in had no key when it was asked.
        let Some((key, call)) = lifted(&operation.call).filter(|_| !operation.is_filled()) else {
            split.whole.push(operation);
            continue;
        };
        let reply = match lifted(&operation.reply).filter(|(answered, _)| *answered == key) {
            Some((_, reply)) => reply,
            None if operation.outcome == ForeignOutcome::Ok => {
                let problem = format!("{} answers a call of the key {key}", shown(&operation.reply));
                return Err(Trouble::at_line(operation.line, problem).named(name));
            }
            None => operation.reply.clone(),
        };
        operation.restate(call, reply);
        split.keys.entry(key).or_default().push(operation);
    }
    Ok(split)
}

fn lifted(value: &Value) -> Option<(Value, Value)> {
    value.as_pair().map(|(key, value)| (key.clone(), value.clone()))
}
