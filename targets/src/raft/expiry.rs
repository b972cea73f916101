//! Ends leases that have run out. Only a leader decides that, by an entry in the log.
//!
//! Why no lease is ever ended early. A lease has a version, which every renewal raises. A node proposes
//! `Expire { lease, version }` only when the lease's length has passed on its own CLOCK_MONOTONIC since *it* applied the
//! entry that made this version; that was after the client sent the request, so the client's own reckoning (the time of its
//! request plus the length) has ended before the proposal is even made. The entry does nothing unless the version is still
//! the same when it is applied. So whatever lies between proposal and application (the leader is stopped and wakes
//! up in a later term; its entry is carried on by another leader; another leader acknowledged a renewal meanwhile), a
//! renewal that comes before it in the log makes it void, and one that comes after it is refused, never acknowledged. Nor
//! does a replay at restart or a snapshot hurt: they set the clocks to the time of the replay, which is later still.
//!
//! That a new leader starts every lease afresh at its election is not for safety but for the clients' sake: while there was
//! no leader they could not renew.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use openraft::ServerState;

use super::machine::Machine;
use super::state::Command;
use super::types::{Proposal, Raft};

/// How often leases are looked at.
const PERIOD: Duration = Duration::from_millis(20);

/// How long a proposal is waited for before the leases are looked at again. To propose twice does no harm.
const PATIENCE: Duration = Duration::from_millis(500);

/// Ends leases that have run out, for ever.
pub(crate) async fn expire_leases(raft: Raft, machine: Machine) {
    let metrics = raft.metrics();
    let mut leading: Option<(u64, Instant)> = None;
    loop {
        tokio::time::sleep(PERIOD).await;
        let (state, term) = {
            let now = metrics.borrow();
            (now.state, now.current_term)
        };
        if state != ServerState::Leader {
            leading = None;
            continue;
        }
        let since = match leading {
            Some((led, since)) if led == term => since,
            _ => leading.insert((term, Instant::now())).1,
        };
        let run_out = machine.run_out(since, Instant::now());
        let proposals = run_out.into_iter().map(|(lease, version)| {
            tracing::info!("{lease} has run out");
            raft.client_write(Proposal::new(None, Command::Expire { lease, version }))
        });
        // What a proposal came to shows in the state. A timeout or a lost leadership is seen again in the next round.
        let _ = tokio::time::timeout(PATIENCE, join_all(proposals)).await;
    }
}
