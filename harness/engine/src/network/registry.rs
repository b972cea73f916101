//! All that a network knows, under one lock: rules, connections, what was delivered. Every byte moves under this lock, so
//! that what is decided under it holds for every byte.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::net::TcpStream;
use tokio::sync::watch;

use super::connection::{Connection, Ending, Way};
use super::pipe::{Leave, Means, Wait};
use super::rules::{Effect, Flow, LinkRule, RuleEvidence, RuleId, RuleTable};
use super::subnet::{DIALLERS, Subnet};
use super::{Delivery, Link, LinkTraffic};

/// The registry, shared by the proxy's thread and everybody who holds the network.
#[derive(Clone)]
pub(super) struct SharedRegistry {
    locks: Arc<Locks>,
}

struct Locks {
    /// Held only while waiting for the registry. A busy proxy takes the registry again within nanoseconds of letting it
    /// go; but it cannot pass by whoever waits with the turn, so that nobody waits longer than a step.
    turn: Mutex<()>,
    registry: Mutex<Registry>,
}

impl SharedRegistry {
    pub(super) fn new(links: &[Link]) -> Self {
        Self { locks: Arc::new(Locks { turn: Mutex::new(()), registry: Mutex::new(Registry::new(links)) }) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Registry> {
        let _turn = self.locks.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.locks.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's name within its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConnectionId(u64);

/// What the task of a connection does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Wait(Wait),
    /// The connection has ended.
    Leave,
}

/// Whether the node of a new connection may be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialling {
    Allowed,
    NotYet,
    Never,
}

#[derive(Debug, Default)]
struct Dialler {
    delivered: u64,
    banned: bool,
    open: BTreeSet<ConnectionId>,
}

pub(super) struct Registry {
    rules: RuleTable,
    connections: BTreeMap<ConnectionId, Connection>,
    diallers: BTreeMap<Ipv4Addr, Dialler>,
    traffic: Vec<LinkTraffic>,
    accepted: u64,
    next_dialler: u32,
    means: Means,
}

impl Registry {
    fn new(links: &[Link]) -> Self {
        let idle = |link: &Link| LinkTraffic { link: *link, bytes_forward: 0, bytes_back: 0, connections: 0 };
        Self {
            rules: RuleTable::default(),
            connections: BTreeMap::new(),
            diallers: BTreeMap::new(),
            traffic: links.iter().map(idle).collect(),
            accepted: 0,
            next_dialler: 0,
            means: Means::new(),
        }
    }

    /// Takes a new connection in, unless its dialler is banned or the link is being reset.
    pub(super) fn admit(
        &mut self,
        link: usize,
        dialler: Ipv4Addr,
        client: Arc<TcpStream>,
    ) -> Option<(ConnectionId, watch::Receiver<()>)> {
        let traffic = &mut self.traffic[link];
        traffic.connections += 1;
        let flow = Flow::between(traffic.link.from.site(), traffic.link.to);
        let record = self.diallers.entry(dialler).or_default();
        if record.banned {
            return None;
        }
        let mut connection = Connection::new(self.accepted, link, flow, dialler, client);
        for way in [Way::Forward, Way::Back] {
            for (rule, bytes) in self.rules.half_closes(connection.flow(way)) {
                connection.end_after(way, rule, bytes);
            }
        }
        for rule in self.rules.acting(&connection.flows(), Effect::cuts) {
            self.rules.evidence_mut(rule).connections_refused_or_pending += 1;
        }
        if self.rules.is_reset(flow) {
            return None;
        }
        let id = ConnectionId(self.accepted);
        self.accepted += 1;
        record.open.insert(id);
        let changes = connection.subscribe();
        self.connections.insert(id, connection);
        Some((id, changes))
    }

    pub(super) fn dialling(&self, id: ConnectionId) -> Dialling {
        match self.connections.get(&id) {
            Some(connection) if connection.ending().is_none() => {
                if connection.flows().into_iter().any(|flow| self.rules.is_held(flow)) {
                    Dialling::NotYet
                } else {
                    Dialling::Allowed
                }
            }
            _ => Dialling::Never,
        }
    }

    /// Gives the connection the socket of its node. If it has ended meanwhile, its pumps will find out.
    pub(super) fn attach(&mut self, id: ConnectionId, node: Arc<TcpStream>) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.attach(node);
        }
    }

    /// Moves what can be moved in one direction of a connection.
    pub(super) fn step(&mut self, id: ConnectionId, way: Way) -> Next {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Next::Leave;
        };
        if connection.ending().is_some() {
            return Next::Leave;
        }
        let flow = connection.flow(way);
        if self.rules.is_held(flow) {
            return Next::Wait(Wait::default());
        }
        let (shape, now) = (self.rules.shape(flow), Instant::now());
        let (bytes, until) = shape.rate.map_or((0, None), |rate| self.rules.allowance(flow, rate, now));
        let step = connection.step(way, &Leave { shape: &shape, bytes, until, now }, &mut self.means);
        let written = step.written as u64;
        let traffic = &mut self.traffic[connection.link];
        match way {
            Way::Forward => {
                traffic.bytes_forward += written;
                if let Some(dialler) = self.diallers.get_mut(&connection.dialler) {
                    dialler.delivered += written;
                }
            }
            Way::Back => traffic.bytes_back += written,
        }
        if let Some(rule) = step.half_closed_by {
            self.rules.evidence_mut(rule).connections_half_closed += 1;
        }
        if !shape.is_free() {
            self.rules.note(flow, &shape, &step, now);
        }
        match connection.ending() {
            None => Next::Wait(step.wait),
            Some(Ending::Finished) => Next::Leave,
            Some(Ending::Aborted) => {
                break_off(connection, &mut self.rules);
                Next::Leave
            }
        }
    }

    /// Forgets a connection; how it ended. One that its task gives up before its end counts as broken off.
    pub(super) fn leave(&mut self, id: ConnectionId) -> Ending {
        let Some(mut connection) = self.connections.remove(&id) else {
            return Ending::Aborted;
        };
        if let Some(dialler) = self.diallers.get_mut(&connection.dialler) {
            dialler.open.remove(&id);
        }
        if let Some(ending) = connection.ending() {
            return ending;
        }
        break_off(&mut connection, &mut self.rules);
        Ending::Aborted
    }

    pub(super) fn install(&mut self, rules: &[LinkRule]) -> RuleId {
        let held_before: BTreeSet<ConnectionId> =
            self.connections.iter().filter(|(_, connection)| self.is_held(connection)).map(|(id, _)| *id).collect();
        let installed = self.rules.add(rules);
        for (id, connection) in &mut self.connections {
            if connection.ending().is_some() || self.rules.acting(&connection.flows(), |_| true).is_empty() {
                continue;
            }
            if self.rules.is_reset(connection.flow(Way::Forward)) {
                break_off(connection, &mut self.rules);
                for rule in self.rules.acting(&connection.flows(), |effect| effect == Effect::Reset) {
                    self.rules.evidence_mut(rule).connections_reset += 1;
                }
                continue;
            }
            for way in [Way::Forward, Way::Back] {
                let breaks = |rule: &RuleId| *rule == installed;
                let counts = |effect| matches!(effect, Effect::ResetAfter { .. });
                if self.rules.acting(&[connection.flow(way)], counts).iter().any(breaks) {
                    connection.begin_count(way);
                }
                set_ends(connection, way, &self.rules, breaks);
            }
            if !held_before.contains(id) {
                connection.begin_hold();
            }
            connection.wake();
        }
        installed
    }

    pub(super) fn remove(&mut self, id: RuleId) -> RuleEvidence {
        let evidence = self.evidence(id);
        let holds: Vec<(ConnectionId, [bool; 2])> =
            self.connections.iter().map(|(id, connection)| (*id, self.holds(connection))).collect();
        let touched = self.rules.take(id);
        if touched.is_empty() {
            return evidence;
        }
        *self.rules.evidence_mut(id) = evidence;
        for (held, held_before) in holds {
            let Some(connection) = self.connections.get_mut(&held) else {
                continue;
            };
            if !connection.flows().into_iter().flatten().any(|flow| touched.contains(&flow)) {
                continue;
            }
            if connection.unset_ends(id) {
                // A stream that has ended cannot go on, and half a connection is none.
                break_off(connection, &mut self.rules);
                continue;
            }
            for way in [Way::Forward, Way::Back] {
                set_ends(connection, way, &self.rules, |_| true);
            }
            let held_after = connection.flows().map(|flow| self.rules.is_held(flow));
            let healed = held_before.iter().zip(held_after).any(|(before, after)| *before && !after);
            if healed && connection.ending().is_none() && connection.was_closed_while_held() {
                break_off(connection, &mut self.rules);
            } else {
                connection.wake();
            }
        }
        evidence
    }

    /// What the rules have met up to now: what was put down already, and what the connections hold at this moment.
    pub(super) fn evidence(&self, id: RuleId) -> RuleEvidence {
        let mut evidence = self.rules.evidence(id);
        for connection in self.connections.values().filter(|connection| connection.ending().is_none()) {
            if let Some(bytes) = held_bytes(connection, &self.rules, id) {
                count_held(&mut evidence, connection, bytes);
            }
        }
        evidence
    }

    fn holds(&self, connection: &Connection) -> [bool; 2] {
        connection.flows().map(|flow| self.rules.is_held(flow))
    }

    fn is_held(&self, connection: &Connection) -> bool {
        self.holds(connection).contains(&true)
    }

    pub(super) fn delivered(&self, dialler: Ipv4Addr) -> u64 {
        self.diallers.get(&dialler).map_or(0, |record| record.delivered)
    }

    pub(super) fn settle(&mut self, dialler: Ipv4Addr) -> Delivery {
        let record = self.diallers.entry(dialler).or_default();
        record.banned = true;
        for id in &record.open {
            if let Some(connection) = self.connections.get_mut(id).filter(|open| open.ending().is_none()) {
                break_off(connection, &mut self.rules);
            }
        }
        Delivery { bytes: record.delivered }
    }

    pub(super) fn fresh_dialler(&mut self, subnet: &Subnet) -> Ipv4Addr {
        let mut address = subnet.dialler(self.next_dialler);
        for _ in 0..DIALLERS {
            address = subnet.dialler(self.next_dialler);
            self.next_dialler = self.next_dialler.wrapping_add(1) % DIALLERS;
            if self.diallers.get(&address).is_none_or(|record| record.open.is_empty()) {
                break;
            }
        }
        let record = self.diallers.entry(address).or_default();
        record.banned = false;
        record.delivered = 0;
        address
    }

    #[cfg(test)]
    pub(super) fn open_connections(&self) -> usize {
        self.connections.len()
    }

    /// The piece that is read next on the oldest connection with such a flow.
    #[cfg(test)]
    pub(super) fn next_piece(&self, flow: Flow) -> Option<super::shape::Piece> {
        self.connections.values().find_map(|connection| connection.next_piece(flow))
    }

    #[cfg(test)]
    pub(super) fn spliced_bytes(&self) -> usize {
        self.connections.values().map(Connection::spliced_bytes).sum()
    }

    pub(super) fn traffic(&self) -> Vec<LinkTraffic> {
        self.traffic.clone()
    }
}

/// Has those of the rules end a direction that ask for it; what the link has received by now still passes.
fn set_ends(connection: &mut Connection, way: Way, rules: &RuleTable, which: impl Fn(&RuleId) -> bool) {
    for (rule, bytes) in rules.half_closes(connection.flow(way)).filter(|(rule, _)| which(rule)) {
        let bytes = if bytes == 0 { connection.waiting(way) } else { bytes };
        connection.end_after(way, rule, bytes);
    }
}

/// Ends a connection for good, after putting down what the rules in force held of it: a client that gives up during a
/// partition must not take the proof away that the partition met it.
fn break_off(connection: &mut Connection, rules: &mut RuleTable) {
    for rule in rules.acting(&connection.flows(), |effect| effect == Effect::Blackhole) {
        if let Some(bytes) = held_bytes(connection, rules, rule) {
            count_held(rules.evidence_mut(rule), connection, bytes);
        }
    }
    connection.abort();
}

/// The bytes that wait in those directions of the connection that the rule cuts; none if it cuts neither.
fn held_bytes(connection: &Connection, rules: &RuleTable, rule: RuleId) -> Option<u64> {
    let cut = |way: &Way| rules.acting(&[connection.flow(*way)], |effect| effect == Effect::Blackhole).contains(&rule);
    [Way::Forward, Way::Back]
        .into_iter()
        .filter(cut)
        .map(|way| connection.waiting(way))
        .reduce(|one, other| one + other)
}

fn count_held(evidence: &mut RuleEvidence, connection: &Connection, bytes: u64) {
    evidence.bytes_held += bytes;
    if bytes > 0 && connection.is_attached() {
        evidence.connections_held += 1;
    }
}
