//! Whether things that each take one stretch of an order, with nothing between, can be put one after the other in real time: the
//! zones of Gibbons and Korach, "Testing Shared Memories" (SIAM J. Comput. 26(4), 1997), section 4.
//!
//! A must come before B where an operation of A returned before one of B was invoked. If no two must each come before the other
//! there is an order of all, so pairs are all that need be looked at. Of two such the one is *forward* (its first answer came
//! before its last invocation), and the other is forward too and overlaps it, or lies within it. O(n log n).

use dsjepsen_history::Index;

/// The zone of some operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Zone {
    /// The first answer to any of them.
    pub(super) returned: Index,
    /// The last invocation of any of them.
    pub(super) invoked: Index,
    /// Whose it is.
    pub(super) of: u32,
}

impl Zone {
    /// The zone of nothing yet.
    pub(super) fn empty(of: u32) -> Self {
        Self { returned: Index::MAX, invoked: 0, of }
    }

    /// Takes in an operation. What surely happened at some time, or may have, returns at the end of time.
    pub(super) fn add(&mut self, invoked: Index, returned: Index) {
        self.returned = self.returned.min(returned);
        self.invoked = self.invoked.max(invoked);
    }

    fn is_forward(&self) -> bool {
        self.returned < self.invoked
    }
}

/// Two that must each come before the other.
pub(super) fn contradiction(zones: &mut [Zone]) -> Option<(Zone, Zone)> {
    zones.sort_unstable_by_key(|zone| (!zone.is_forward(), *zone));
    let (forward, backward) = zones.split_at(zones.partition_point(Zone::is_forward));
    let overlap = forward.windows(2).find(|pair| pair[1].returned < pair[0].invoked);
    if let Some(pair) = overlap {
        return Some((pair[0], pair[1]));
    }
    // The forward ones follow one another now, so only the last that begins before this one can reach beyond it.
    backward.iter().find_map(|inner| {
        let begun = forward.partition_point(|outer| outer.returned < inner.invoked);
        let outer = forward[..begun].last()?;
        (inner.returned < outer.invoked).then_some((*outer, *inner))
    })
}
