//! Gives the values of a history small numbers, so that they are compared and remembered at no cost.

use std::collections::HashMap;

use dsjepsen_history::foreign::Value;

/// The number of each value, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<Value, u32>);

impl Numbers {
    /// The number of a value. Equal values have equal numbers.
    pub(super) fn number(&mut self, value: &Value) -> u32 {
        if let Some(number) = self.0.get(value) {
            return *number;
        }
        // A history has fewer than 2^32 events.
        let next = self.0.len() as u32;
        self.0.insert(value.clone(), next);
        next
    }
}
