//! What a node of `bully` knows and believes. Every change is one step, so that what it says of itself is never half true.

use dsjepsen_history::NodeId;

/// What a node takes itself for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It knows of no leader.
    Looking,
    /// No higher node answered it; it tells the others that it takes over.
    Candidate,
    /// It leads.
    Leader,
    /// It follows this node.
    Follower(NodeId),
}

/// The state of a node.
#[derive(Debug)]
pub(crate) struct State {
    me: NodeId,
    role: Role,
    /// Raised whenever a higher node takes over: a candidacy that began before is void.
    round: u64,
    /// How often it became the leader.
    leaderships: u64,
}

impl State {
    /// A node that has just started.
    pub(crate) fn new(me: NodeId) -> Self {
        Self { me, role: Role::Looking, round: 0, leaderships: 0 }
    }

    /// What it takes itself for.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// The number of the round, by which a candidacy is known.
    pub(crate) fn round(&self) -> u64 {
        self.round
    }

    /// Whom it takes for the leader.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        match self.role {
            Role::Leader => Some(self.me),
            Role::Follower(leader) => Some(leader),
            Role::Looking | Role::Candidate => None,
        }
    }

    /// The number of its leadership, while it leads.
    pub(crate) fn since(&self) -> Option<u64> {
        (self.role == Role::Leader).then_some(self.leaderships)
    }

    /// Whether it leads or is about to.
    pub(crate) fn is_at_the_head(&self) -> bool {
        matches!(self.role, Role::Leader | Role::Candidate)
    }

    /// Another node says that it takes over: follows it iff it is higher, and stops leading before anybody is answered.
    pub(crate) fn hear_coordinator(&mut self, other: NodeId) -> bool {
        if other <= self.me {
            return false;
        }
        self.round += 1;
        self.role = Role::Follower(other);
        true
    }

    /// No higher node answered in this round: stands, unless one took over meanwhile.
    pub(crate) fn stand(&mut self, round: u64) -> bool {
        let stands = self.round == round && self.role == Role::Looking;
        if stands {
            self.role = Role::Candidate;
        }
        stands
    }

    /// Every other node has answered, or cannot: leads, unless a higher one took over meanwhile.
    pub(crate) fn win(&mut self, round: u64) -> bool {
        let wins = self.round == round && self.role == Role::Candidate;
        if wins {
            self.role = Role::Leader;
            self.leaderships += 1;
        }
        wins
    }

    /// A higher node lives, so this one is not at the head any more.
    pub(crate) fn stand_down(&mut self) {
        if self.is_at_the_head() {
            self.role = Role::Looking;
        }
    }

    /// The leader that it follows does not answer, or leads no more.
    pub(crate) fn lose(&mut self, leader: NodeId) {
        if self.role == Role::Follower(leader) {
            self.role = Role::Looking;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: usize) -> NodeId {
        NodeId::at(number - 1)
    }

    #[test]
    fn who_hears_of_no_higher_node_leads_and_counts_it() {
        let mut state = State::new(node(3));
        assert_eq!((state.leader(), state.since()), (None, None));
        for leadership in 1..3 {
            let round = state.round();
            assert!(!state.win(round), "before it stood");
            assert!(state.stand(round) && state.leader().is_none() && state.is_at_the_head());
            assert!(state.win(round) && !state.win(round));
            assert_eq!((state.leader(), state.since()), (Some(node(3)), Some(leadership)));
            state.stand_down();
            assert_eq!((state.role(), state.since()), (Role::Looking, None));
        }
    }

    #[test]
    fn a_higher_node_ends_a_leadership_and_voids_a_candidacy() {
        for steps in 0..3 {
            let mut state = State::new(node(3));
            let round = state.round();
            assert!(steps < 1 || state.stand(round));
            assert!(steps < 2 || state.win(round));
            assert!(state.hear_coordinator(node(4)));
            assert_eq!(state.role(), Role::Follower(node(4)));
            assert!(!state.stand(round) && !state.win(round));
            // Also when the higher node is lost again while the old answers are still on their way.
            state.lose(node(4));
            assert!(!state.stand(round) && !state.win(round), "an old candidacy lives on");
            assert!(state.stand(state.round()));
        }
    }

    #[test]
    fn a_lower_node_changes_nothing_and_another_leader_is_not_lost() {
        let mut state = State::new(node(3));
        assert!(state.stand(0) && state.win(0));
        assert!(!state.hear_coordinator(node(2)));
        assert!(!state.hear_coordinator(node(3)));
        assert_eq!(state.since(), Some(1));
        assert!(state.hear_coordinator(node(4)) && state.hear_coordinator(node(5)));
        state.lose(node(4));
        assert_eq!(state.leader(), Some(node(5)));
    }
}
