//! The guarded resource: what the lock is for. It sees the writes of all holders in one exact order.

use std::collections::BTreeMap;

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    /// Its place among all writes that arrived.
    pub(super) position: u64,
    /// Whether it was let through.
    pub(super) accepted: bool,
}

/// The resources, one a lock.
#[derive(Debug)]
pub(super) struct Guard {
    enforcing: bool,
    arrived: u64,
    largest: BTreeMap<u32, u64>,
}

impl Guard {
    /// An enforcing guard refuses a token below the largest that it let through.
    pub(super) fn new(enforcing: bool) -> Self {
        Self { enforcing, arrived: 0, largest: BTreeMap::new() }
    }

    /// A write arrives.
    pub(super) fn write(&mut self, lock: u32, token: Option<u64>) -> Arrival {
        let position = self.arrived;
        self.arrived += 1;
        let token = token.unwrap_or(0);
        let largest = self.largest.entry(lock).or_insert(0);
        let accepted = !self.enforcing || token >= *largest;
        if accepted {
            *largest = token.max(*largest);
        }
        Arrival { position, accepted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enforcing_guard_refuses_stale_tokens_only() {
        let mut guard = Guard::new(true);
        let accepted: Vec<bool> =
            [(1, 5), (1, 5), (1, 8), (1, 5), (2, 5), (1, 8)].map(|(lock, token)| guard.write(lock, Some(token)).accepted).into();
        assert_eq!(accepted, [true, true, true, false, true, true]);
        assert_eq!(guard.write(1, Some(9)).position, 6);
        let mut open = Guard::new(false);
        open.write(1, Some(8));
        assert!(open.write(1, Some(5)).accepted);
    }
}
