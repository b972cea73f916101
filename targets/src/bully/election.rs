//! What a node of `bully` does all its life: looks for a leader, follows it, or leads.
//!
//! Without faults there is one leader at a time. A lower node takes over only when a higher one does not answer in time; a
//! higher one only when each lower one has answered, and a lower one stops leading before it answers.

use std::time::Duration;

use dsjepsen_history::NodeId;
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{sleep, timeout};

use super::node::Node;
use super::state::Role;

/// How long a node that starts waits for others that start with it.
const START_DELAY: Duration = Duration::from_millis(300);

/// How often a follower pings its leader.
const PING_EVERY: Duration = Duration::from_millis(100);

/// So many pings in a row without an answer, and the leader counts as lost.
const MISSES: u32 = 3;

/// How often a leader tells everybody that it leads: by that two sides of a partition find each other after the heal.
const ANNOUNCE_EVERY: Duration = Duration::from_millis(500);

/// How long a node waits for the higher one that lives to take over, before it looks again.
const COORDINATOR_DUE: Duration = Duration::from_secs(2);

/// Runs the algorithm for ever.
pub(crate) async fn take_part(node: &Node) {
    sleep(START_DELAY).await;
    loop {
        match node.change(|state| state.role()) {
            Role::Looking | Role::Candidate => look(node).await,
            Role::Follower(leader) => follow(node, leader).await,
            Role::Leader => lead(node).await,
        }
    }
}

/// Calls an election: asks the higher nodes, and takes over if none of them answers.
async fn look(node: &Node) {
    let round = node.change(|state| state.round());
    if !higher_lives(node).await {
        if !node.change(|state| state.stand(round)) {
            return;
        }
        tracing::info!("no higher node answers; tells the others");
        if !announce(node).await {
            if node.change(|state| state.win(round)) {
                tracing::info!("leads");
            }
            return;
        }
        node.change(|state| state.stand_down());
    }
    tracing::info!("a higher node lives; waits for it to take over");
    let followed = async {
        while node.change(|state| state.role()) == Role::Looking {
            node.called().await;
        }
    };
    // Where it does not take over in time, the next round asks again.
    let _ = timeout(COORDINATOR_DUE, followed).await;
}

/// Whether any higher node answers; the first answer decides.
async fn higher_lives(node: &Node) -> bool {
    let mut answers: FuturesUnordered<_> =
        node.peers.higher().map(|other| node.peers.asks_to_elect(other)).collect();
    while let Some(lives) = answers.next().await {
        if lives {
            return true;
        }
    }
    false
}

/// Tells all others that this node takes over or leads, and waits until each has answered or cannot. Whether one objects.
async fn announce(node: &Node) -> bool {
    let answers = join_all(node.peers.others().map(|other| node.peers.tells_to_follow(other))).await;
    answers.contains(&Some(false))
}

/// Pings the leader until it is lost, or another takes over.
async fn follow(node: &Node, leader: NodeId) {
    tracing::info!("follows {leader}");
    let mut misses = 0;
    while node.change(|state| state.role()) == Role::Follower(leader) {
        match node.peers.pings(leader).await {
            Some(true) => misses = 0,
            Some(false) => {
                tracing::info!("{leader} leads no more");
                node.change(|state| state.lose(leader));
                return;
            }
            None => misses += 1,
        }
        if misses == MISSES {
            tracing::info!("{leader} does not answer");
            node.change(|state| state.lose(leader));
            return;
        }
        let _ = timeout(PING_EVERY, node.called()).await;
    }
}

/// Leads until a higher node takes over.
async fn lead(node: &Node) {
    while node.change(|state| state.role()) == Role::Leader {
        let _ = timeout(ANNOUNCE_EVERY, node.called()).await;
        if announce(node).await {
            tracing::info!("a higher node lives; leads no more");
            node.change(|state| state.stand_down());
        }
    }
}
