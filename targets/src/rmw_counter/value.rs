//! A copy of the counter: a value with the version by which the last writer wins. Wrong on purpose, in one marked place.

use dsjepsen_history::NodeId;
use serde::{Deserialize, Serialize};

/// A value of the counter, and who wrote it when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Versioned {
    /// The value.
    pub(crate) value: i64,
    /// Larger than that of every version its writer had seen.
    pub(crate) version: u64,
    /// Who wrote it; decides between equal versions.
    pub(crate) writer: NodeId,
}

impl Versioned {
    /// The counter at its start, as this node has it.
    pub(crate) fn start(node: NodeId) -> Self {
        Self { value: 0, version: 0, writer: node }
    }

    /// Writes what was made of a value read before, and says what there is now.
    pub(crate) fn write(&mut self, value: i64, writer: NodeId) -> Self {
        // Wrong: nobody looks whether it is still the value that was read.
        *self = Self { value, version: self.version + 1, writer };
        *self
    }

    /// Takes another node's copy if it was written later. Says whether it was.
    pub(crate) fn merge(&mut self, other: Self) -> bool {
        let later = (other.version, other.writer) > (self.version, self.writer);
        if later {
            *self = other;
        }
        later
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn additions_that_meet_undo_one_another() {
        let n1 = NodeId::at(0);
        let mut copy = Versioned::start(n1);
        let (first, second) = (copy.value, copy.value);
        copy.write(first + 1, n1);
        assert_eq!(copy.write(second + 1, n1).value, 1);
    }

    #[test]
    fn copies_agree_once_each_has_seen_the_other() {
        let nodes = [NodeId::at(0), NodeId::at(1)];
        let mut copies = nodes.map(Versioned::start);
        copies[0].write(5, nodes[0]);
        copies[1].write(7, nodes[1]);
        let [first, second] = copies;
        assert!(copies[0].merge(second), "of equal versions that of the later node wins");
        assert!(!copies[1].merge(first));
        assert_eq!(copies[0], copies[1]);
        assert!(!copies[0].merge(second), "it is no news");
    }
}
