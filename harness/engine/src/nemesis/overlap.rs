//! Faults that overlap: which are in force, what each of them holds, and so what is to be undone when one of them ends.
//!
//! - Several faults may stop one node, or one worker: it goes on when the last of them ends.
//! - A kill ends every pause of its node: the node that is started again is not stopped. So does a restart, and its heal.
//! - A node that is down can be neither stopped nor killed nor started anew: a fault acts on the others of its choice. One that
//!   is killed at each boot counts as down. A throttle or a skew of its clock holds all the same, and acts once it runs again.
//! - A restart that ends while its node is down leaves it down: whoever starts it again starts it as it was.
//! - Partitions and other faults of links have nothing in common to wait for: the network holds the rules of each apart, a link is cut
//!   as long as any of them cuts it, and each heals by itself. Nor have skews of a clock: what those in force make together is worked
//!   out whenever one begins or ends, in the order in which they began; an offset hides what began before it, all others add to it. Nor have
//!   limits of what a node's processes may use, of which the least holds, also for processes that are started later.
//!
//! Nothing acts here; it is only decided.

use std::fmt;

use dsjepsen_history::NodeId;

use super::Undo;

/// A fault in force.
pub(super) struct LiveFault {
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) target: String,
    /// How it is undone, part by part.
    undo: Vec<Undo>,
    /// The parts that another fault has ended, by their positions, with the number of that fault.
    ended: Vec<(usize, u32)>,
}

impl LiveFault {
    pub(super) fn new(id: u32, name: String, target: String, undo: Vec<Undo>) -> Self {
        Self { id, name, target, undo, ended: Vec::new() }
    }

    fn ended_by(&self, part: usize) -> Option<u32> {
        self.ended.iter().find(|(ended, _)| *ended == part).map(|(_, by)| *by)
    }

    /// Whether it holds this still.
    fn holds(&self, hold: Hold) -> bool {
        let mut parts = self.undo.iter().enumerate();
        parts.any(|(part, undo)| undo.hold() == Some(hold) && self.ended_by(part).is_none())
    }
}

/// What a part of a fault holds in a state that is not its own, and other faults can hold as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// A node is stopped.
    Stopped(NodeId),
    /// A node is down.
    Down(NodeId),
    /// A worker's gate is closed.
    Gate(usize),
}

impl Undo {
    /// What is held until this is carried out; `None` where nobody else can hold it.
    fn hold(&self) -> Option<Hold> {
        match self {
            Self::Reconnect { .. }
            | Self::Clear { .. }
            | Self::Unskew { .. }
            | Self::Unthrottle { .. }
            | Self::Lift { .. }
            | Self::Restore { .. } => None,
            Self::Resume { node } => Some(Hold::Stopped(*node)),
            Self::Restart { node } | Self::Boot { node, .. } => Some(Hold::Down(*node)),
            Self::OpenGate { worker } => Some(Hold::Gate(*worker)),
        }
    }

    /// The node that must run for this to be done to it.
    fn needs(&self) -> Option<NodeId> {
        match (self, self.hold()) {
            (Self::Restore { node, .. }, _) => Some(*node),
            (_, Some(Hold::Stopped(node) | Hold::Down(node))) => Some(node),
            _ => None,
        }
    }
}

/// What becomes of the parts of a fault that ends.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Release {
    /// To be undone now.
    pub(super) now: Vec<Undo>,
    /// Not to be undone, and why.
    pub(super) left: Vec<(Undo, Left)>,
}

/// Why a part is not undone when its fault ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// This other fault holds the same still.
    HeldBy(u32),
    /// This other fault, a kill or a restart, ended it.
    EndedBy(u32),
}

impl fmt::Display for Left {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeldBy(id) => write!(out, "left as it is for fault {id}"),
            Self::EndedBy(id) => write!(out, "fault {id} had ended this by ending the process"),
        }
    }
}

/// What is left of an aim without the nodes that are down, and these nodes. It is asked between aiming and the journal, and
/// holds for every fault that stops, kills or starts anew.
pub(super) fn without_down(aimed: Vec<Undo>, is_down: impl Fn(NodeId) -> bool) -> (Vec<Undo>, Vec<NodeId>) {
    let mut passed_over = Vec::new();
    let mut possible = aimed;
    possible.retain(|undo| match undo.needs() {
        Some(node) if is_down(node) => {
            passed_over.push(node);
            false
        }
        Some(_) | None => true,
    });
    (possible, passed_over)
}

/// The faults in force.
#[derive(Default)]
pub(super) struct InForce {
    live: Vec<LiveFault>,
}

impl InForce {
    /// A fault is about to act. From now on it has to be healed.
    pub(super) fn begin(&mut self, fault: LiveFault) -> &mut [Undo] {
        self.live.push(fault);
        self.live.last_mut().map_or(&mut [], |live| &mut live.undo)
    }

    /// A fault has acted: what it killed, or started anew, is stopped by no other any more. A node that is not down in spite of it
    /// is not killed.
    pub(super) fn acted(&mut self, id: u32, is_down: impl Fn(NodeId) -> bool) {
        let Some(fault) = self.live.iter().find(|live| live.id == id) else { return };
        let anew = fault.undo.iter().filter_map(|undo| match (undo, undo.hold()) {
            (Undo::Restore { node, .. }, _) => Some(*node),
            (_, Some(Hold::Down(node))) if is_down(node) => Some(node),
            _ => None,
        });
        let anew: Vec<NodeId> = anew.collect();
        self.ended_pauses(id, &anew);
    }

    /// A fault has ended the processes of these nodes: nothing stops them any more.
    fn ended_pauses(&mut self, id: u32, nodes: &[NodeId]) {
        for other in self.live.iter_mut().filter(|live| live.id != id) {
            for (part, undo) in other.undo.iter().enumerate() {
                if matches!(undo.hold(), Some(Hold::Stopped(node)) if nodes.contains(&node))
                    && other.ended.iter().all(|(at, _)| *at != part)
                {
                    other.ended.push((part, id));
                }
            }
        }
    }

    /// What is to be undone now if this fault ends, and what is not. It stays in force until [`InForce::end`], so that whoever
    /// is interrupted in between still heals it.
    pub(super) fn release(&self, id: u32) -> Option<(&LiveFault, Release)> {
        let fault = self.live.iter().find(|live| live.id == id)?;
        let mut release = Release::default();
        for (part, undo) in fault.undo.iter().enumerate() {
            let other = undo.hold().and_then(|hold| self.live.iter().find(|live| live.id != id && live.holds(hold)));
            match (fault.ended_by(part), other) {
                (Some(by), _) => release.left.push((undo.clone(), Left::EndedBy(by))),
                (None, Some(other)) => release.left.push((undo.clone(), Left::HeldBy(other.id))),
                (None, None) => release.now.push(self.may_start(id, undo)),
            }
        }
        Some((fault, release))
    }

    /// Leaves a node down that another fault than this one holds so.
    fn may_start(&self, id: u32, undo: &Undo) -> Undo {
        let mut undo = undo.clone();
        if let Undo::Restore { node, stays_down, .. } = &mut undo {
            *stays_down = self.live.iter().any(|live| live.id != id && live.holds(Hold::Down(*node)));
        }
        undo
    }

    /// A fault has ended, and has started these nodes anew for that.
    pub(super) fn end(&mut self, id: u32, anew: &[NodeId]) {
        self.ended_pauses(id, anew);
        self.live.retain(|live| live.id != id);
    }

    /// Every fault in force, the newest first.
    pub(super) fn all(&self) -> Vec<u32> {
        self.live.iter().rev().map(|live| live.id).collect()
    }

    /// The order in which these are to be healed: before those that start nodes again, whatever could keep a node from becoming
    /// ready (a member that is cut off from the others, say), and all the others with it.
    pub(super) fn healing_order(&self, mut ids: Vec<u32>) -> Vec<u32> {
        let starts_nodes = |id: &u32| {
            let mut parts = self.live.iter().filter(|live| live.id == *id).flat_map(|live| &live.undo);
            parts.any(|undo| matches!(undo, Undo::Restore { .. }) || matches!(undo.hold(), Some(Hold::Down(_))))
        };
        ids.sort_by_key(starts_nodes);
        ids
    }
}

#[cfg(test)]
mod tests;
