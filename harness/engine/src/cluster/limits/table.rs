//! Which limits are in force, and what each process had of its own will. Nothing acts here; it is only decided.

use std::collections::BTreeMap;

use dsjepsen_history::NodeId;

use super::{LimitId, Resource};

/// A process of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    pub(super) node: NodeId,
    pub(super) pid: i32,
    /// Whether it is the one that was started; the others are its descendants.
    pub(super) is_first: bool,
}

/// What a process should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) soft: u64,
    /// Whether a limit is in force for it.
    pub(super) limited: bool,
}

#[derive(Debug)]
struct Live {
    id: LimitId,
    node: NodeId,
    resource: Resource,
    /// What a process may have of which nothing else is said.
    most: u64,
    of_each: BTreeMap<i32, u64>,
}

/// What we have set for a process, and what it had before.
#[derive(Debug, Clone, Copy)]
struct Set {
    node: NodeId,
    own: u64,
    set: u64,
}

/// The limits in force.
#[derive(Debug, Default)]
pub(super) struct Table {
    live: Vec<Live>,
    set: BTreeMap<(i32, Resource), Set>,
    /// What the first process of a node had; its children inherit what was set for it.
    first: BTreeMap<(NodeId, Resource), Set>,
    next: u32,
}

impl Table {
    pub(super) fn begin(
        &mut self,
        node: NodeId,
        resource: Resource,
        most: u64,
        of_each: BTreeMap<i32, u64>,
    ) -> LimitId {
        self.next += 1;
        let id = LimitId(self.next);
        self.live.push(Live { id, node, resource, most, of_each });
        id
    }

    pub(super) fn end(&mut self, id: LimitId) {
        self.live.retain(|live| live.id != id);
    }

    /// Forgets the processes of a node that are none of these: their numbers may be given away.
    pub(super) fn keep_only(&mut self, node: NodeId, processes: &[i32]) {
        self.set.retain(|(pid, _), set| set.node != node || processes.contains(pid));
        self.live.iter_mut().filter(|live| live.node == node).for_each(|live| {
            live.of_each.retain(|pid, _| processes.contains(pid));
        });
    }

    /// What a process that has `soft` now should have: the least that any limit allows it, and no more than it has of its own
    /// will; without a limit what it has of its own will. `None` where that is none of our business.
    pub(super) fn wanted(&mut self, process: Own, resource: Resource, soft: u64) -> Option<Wanted> {
        let Own { node, pid, is_first } = process;
        let own = match (self.set.get(&(pid, resource)), self.first.get(&(node, resource))) {
            (Some(set), _) if set.set == soft => set.own,
            // It has set another limit itself.
            (Some(_), _) => soft,
            (None, Some(first)) if !is_first && first.set == soft => first.own,
            (None, _) => soft,
        };
        let of_node = self.live.iter().filter(|live| live.node == node && live.resource == resource);
        let most = of_node.map(|live| live.of_each.get(&pid).copied().unwrap_or(live.most)).min();
        let Some(most) = most else {
            let restored = (own != soft).then_some(Wanted { soft: own, limited: false });
            if restored.is_none() {
                self.set.remove(&(pid, resource));
            }
            return restored;
        };
        let set = Set { node, own, set: most.min(own) };
        self.set.insert((pid, resource), set);
        if is_first {
            self.first.insert((node, resource), set);
        }
        Some(Wanted { soft: set.set, limited: most < own })
    }

    /// Whether a process without a limit still has what was set for it.
    pub(super) fn is_to_be_restored(&self, pid: i32, resource: Resource, soft: Option<u64>) -> bool {
        let set = self.set.get(&(pid, resource));
        let limited = |node| self.live.iter().any(|live| live.node == node && live.resource == resource);
        set.is_some_and(|set| !limited(set.node) && set.own != set.set && soft == Some(set.set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: Resource = Resource::Files;

    fn process(pid: i32) -> Own {
        Own { node: NodeId::at(0), pid, is_first: pid == 1 }
    }

    fn soft(table: &mut Table, pid: i32, has: u64) -> Option<u64> {
        table.wanted(process(pid), FILES, has).map(|wanted| wanted.soft)
    }

    #[test]
    fn the_least_limit_holds_and_each_ends_by_itself() {
        let mut table = Table::default();
        let node = NodeId::at(0);
        let wide = table.begin(node, FILES, 64, BTreeMap::new());
        assert_eq!(soft(&mut table, 1, 1024), Some(64));
        let tight = table.begin(node, FILES, 32, BTreeMap::new());
        table.begin(NodeId::at(1), FILES, 8, BTreeMap::new());
        table.begin(node, Resource::Memory, 8, BTreeMap::new());
        assert_eq!(soft(&mut table, 1, 64), Some(32));
        table.end(tight);
        assert_eq!(soft(&mut table, 1, 32), Some(64));
        table.end(wide);
        assert_eq!(soft(&mut table, 1, 64), Some(1024));
        assert_eq!(soft(&mut table, 1, 1024), None);
    }

    #[test]
    fn what_a_process_sets_itself_is_its_own_will() {
        let mut table = Table::default();
        let limit = table.begin(NodeId::at(0), FILES, 64, BTreeMap::new());
        assert_eq!(soft(&mut table, 1, 1024), Some(64));
        // As Go's runtime does at its start.
        assert_eq!(soft(&mut table, 1, 4096), Some(64));
        table.end(limit);
        assert_eq!(soft(&mut table, 1, 64), Some(4096));
        table.begin(NodeId::at(0), FILES, 64, BTreeMap::new());
        assert_eq!(
            table.wanted(process(1), FILES, 16),
            Some(Wanted { soft: 16, limited: false }),
            "it is never raised"
        );
    }

    #[test]
    fn a_child_of_a_limited_process_gets_what_its_parent_had() {
        let mut table = Table::default();
        let limit = table.begin(NodeId::at(0), FILES, 64, BTreeMap::new());
        assert_eq!(soft(&mut table, 1, 1024), Some(64));
        assert_eq!(soft(&mut table, 2, 64), Some(64));
        table.end(limit);
        assert_eq!(soft(&mut table, 2, 64), Some(1024));
        assert_eq!(soft(&mut table, 3, 64), Some(1024), "one that was forked at the last moment, too");
    }

    #[test]
    fn a_limit_above_what_is_used_is_each_process_s_own_and_that_of_the_first_for_those_that_come_later() {
        let mut table = Table::default();
        table.begin(NodeId::at(0), FILES, 30, BTreeMap::from([(1, 30), (2, 12)]));
        assert_eq!(
            (soft(&mut table, 1, 99), soft(&mut table, 2, 99), soft(&mut table, 3, 99)),
            (Some(30), Some(12), Some(30))
        );
        table.keep_only(NodeId::at(0), &[1]);
        assert_eq!(soft(&mut table, 2, 99), Some(30), "the number was given away");
    }
}
