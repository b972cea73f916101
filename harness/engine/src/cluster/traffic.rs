//! What the links carry, told while the run goes on: what moved since the last look, and at the end what moved in all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dsjepsen_history::{Moved, Nanos, RunEvent};
use tokio::time::sleep;

use super::Cluster;
use crate::network::{LinkTraffic, Source};

/// The time between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// About the most looks of a run: a long run is looked at less often, so that its events do not fill the disk.
const MOST_LOOKS: u32 = 2_400;

/// What was told of the links last.
#[derive(Debug, Default)]
pub(super) struct ToldTraffic(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    at: Nanos,
    links: Vec<LinkTraffic>,
}

impl ToldTraffic {
    /// What moved since it was told last, which is so many ns ago.
    fn since(&self, now: Nanos, links: Vec<LinkTraffic>) -> (Nanos, Vec<Moved>) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The links of a network never change, and neither does their order.
        let before = std::mem::replace(&mut *last, Last { at: now, links });
        let moved = last.links.iter().enumerate().filter_map(|(at, link)| {
            let known = before.links.get(at).map_or((0, 0), |known| (known.bytes_forward, known.bytes_back));
            let forward = link.bytes_forward.saturating_sub(known.0);
            let back = link.bytes_back.saturating_sub(known.1);
            let from = link.link.from.to_string();
            (forward > 0 || back > 0).then_some(Moved { from, to: link.link.to, forward, back })
        });
        (now.saturating_sub(before.at), moved.collect())
    }
}

impl Cluster {
    /// Tells from time to time what the links carried, until the cluster ends.
    pub(super) fn watch_traffic(&self) {
        let weak = Arc::downgrade(&self.inner);
        let began = self.inner.plan.clock.now();
        tokio::spawn(async move {
            let mut wait = LOOK;
            loop {
                sleep(wait).await;
                let Some(inner) = weak.upgrade() else { break };
                let cluster = Self { inner };
                cluster.tell_moved();
                let elapsed = Duration::from_nanos(cluster.inner.plan.clock.now().saturating_sub(began));
                wait = LOOK.max(elapsed / MOST_LOOKS);
            }
        });
    }

    fn tell_moved(&self) {
        let inner = &self.inner;
        let (over_ns, links) = inner.told_traffic.since(inner.plan.clock.now(), inner.network.traffic());
        if over_ns > 0 {
            inner.plan.events.emit(RunEvent::Traffic { over_ns, links });
        }
    }

    /// Tells what moved last, and what every link carried in all.
    pub(super) fn tell_traffic(&self) {
        self.tell_moved();
        let (network, events) = (&self.inner.network, &self.inner.plan.events);
        if let Some(lookups) = network.lookups() {
            events.emit(RunEvent::Note { text: lookups.to_string() });
        }
        for traffic in network.traffic() {
            let from = traffic.link.from;
            if from == Source::Node(traffic.link.to) && traffic.connections == 0 {
                // Few nodes ever dial themselves.
                continue;
            }
            events.emit(RunEvent::Link {
                from: from.to_string(),
                to: traffic.link.to,
                bytes_forward: traffic.bytes_forward,
                bytes_back: traffic.bytes_back,
                connections: traffic.connections,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use dsjepsen_history::NodeId;

    use super::*;
    use crate::network::Link;

    fn link(bytes_forward: u64, bytes_back: u64, to: usize) -> LinkTraffic {
        let link = Link { from: Source::Clients(NodeId::at(0)), to: NodeId::at(to) };
        LinkTraffic { link, bytes_forward, bytes_back, connections: 1 }
    }

    #[test]
    fn each_byte_is_told_once_and_idle_links_not_at_all() {
        let told = ToldTraffic::default();
        let (over, moved) = told.since(500, vec![link(10, 5, 0), link(0, 0, 1)]);
        let shown = |moved: Vec<Moved>| {
            moved.into_iter().map(|link| (link.to.to_string(), link.forward, link.back)).collect::<Vec<_>>()
        };
        assert_eq!((over, shown(moved)), (500, vec![("n1".to_owned(), 10, 5)]));
        let (over, moved) = told.since(1_200, vec![link(10, 5, 0), link(3, 0, 1)]);
        assert_eq!((over, shown(moved)), (700, vec![("n2".to_owned(), 3, 0)]));
        assert_eq!(told.since(1_300, vec![link(10, 5, 0), link(3, 0, 1)]).1, []);
    }
}
