//! Who has a name, asks for what the model knows nothing of, and is never answered, is no client, but an injector of faults.

use std::collections::BTreeMap;

use dsjepsen_history::foreign::{ClientNames, ForeignOperation, ForeignOutcome};

use super::ForeignModel;
use crate::words::counted;

/// Leaves out the operations of processes with names that all are without an answer and of kinds that the model does not know, as
/// injectors of faults write them (`:chaos :invoke :kill`, then `:chaos :info :kill`); says which. Any other operation of an
/// unknown kind is for the model to refuse.
pub(super) fn leave_out(
    model: &dyn ForeignModel,
    names: &ClientNames,
    operations: &mut Vec<ForeignOperation>,
) -> Vec<String> {
    if names.is_empty() || model.kinds().is_empty() {
        return Vec::new();
    }
    // By process: how many operations, the line of the first, and whether they all are an injector's.
    let mut named: BTreeMap<i64, (u64, u32, bool)> = BTreeMap::new();
    for operation in operations.iter() {
        let Some(process) = operation.process().filter(|process| names.get(*process).is_some()) else { continue };
        let is_strange =
            operation.outcome == ForeignOutcome::Info && model.completion(operation.f.as_deref()).is_none();
        let (count, _, are_strange) = named.entry(process).or_insert((0, operation.line, true));
        *count += 1;
        *are_strange &= is_strange;
    }
    named.retain(|_, (.., are_strange)| *are_strange);
    operations.retain(|operation| operation.process().is_none_or(|process| !named.contains_key(&process)));
    let note = |(process, (count, line, _)): (i64, (u64, u32, bool))| {
        format!(
            "process `{}` asks for nothing that model `{}` knows and is never answered, as an injector of faults, and is no client \
             after all: {} left out, first on line {line}",
            names.get(process).unwrap_or_default(),
            model.name(),
            counted(count, "operation")
        )
    };
    named.into_iter().map(note).collect()
}
