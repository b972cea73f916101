//! Who holds a lock: the client that an operation names, as in Jepsen's tests of Hazelcast, or else its process.

use dsjepsen_history::foreign::{ForeignOperation, Value};

use super::numbers::Numbers;
use super::objects::Refused;

/// What an operation does to a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Acquire,
    Release,
}

/// What an operation on a lock does, by its name.
pub(super) fn action(operation: &ForeignOperation) -> Result<Action, Refused> {
    match operation.f.as_deref() {
        Some("acquire" | "lock") => Ok(Action::Acquire),
        Some("release" | "unlock") => Ok(Action::Release),
        _ => Err(Refused::Stranger),
    }
}

/// The numbers of owners.
#[derive(Debug, Default)]
pub(super) struct Owners(Numbers);

impl Owners {
    /// Whose operation it is, and what it does. A client is told from a process of the same number.
    pub(super) fn read(&mut self, operation: &ForeignOperation) -> Result<(u32, Action), Refused> {
        let action = action(operation)?;
        let client = member(&operation.call, "client").or_else(|| member(&operation.reply, "client"));
        let owner = match (client, operation.process()) {
            (Some(client), _) => client.clone(),
            (None, Some(process)) => Value::list(vec![Value::Integer(process)]),
            (None, _) => return Err(Refused::Malformed("it does not say whose it is".to_owned())),
        };
        Ok((self.0.number(&owner), action))
    }
}

/// The member of a map that has this name.
pub(super) fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let (_, found) = value.as_map()?.iter().find(|(key, _)| key.as_word() == Some(name))?;
    Some(found).filter(|found| !found.is_nil())
}
