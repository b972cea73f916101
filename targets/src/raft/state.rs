//! The replicated state of `raft`: leases, locks, a counter, registers and remembered replies. Pure: no clock, no I/O, no consensus library. Every
//! node applies the same commands in the order of the log and so comes to the same state and the same replies.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many replies are remembered, in the order of the log: far more than a client has requests in doubt.
pub(crate) const REMEMBERED_REPLIES: usize = 100_000;

/// A lease: the log index at which it was started. Written `lease-17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct LeaseId(pub(crate) u64);

impl fmt::Display for LeaseId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "lease-{}", self.0)
    }
}

/// A text that names no lease.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no lease")]
pub(crate) struct NoLease(String);

impl FromStr for LeaseId {
    type Err = NoLease;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let index = text.strip_prefix("lease-").and_then(|index| index.parse().ok());
        index.map(Self).ok_or_else(|| NoLease(text.to_owned()))
    }
}

/// What the log can ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Starts a lease.
    StartLease {
        /// How long it lasts from its start or its last renewal.
        ttl_ms: u64,
    },
    /// Takes a lock if it is free.
    Acquire {
        /// The lock.
        lock: u32,
        /// The lease that it is to hang on.
        lease: LeaseId,
    },
    /// Prolongs a lease.
    Renew {
        /// The lease.
        lease: LeaseId,
    },
    /// Frees a lock and ends its lease.
    Release {
        /// The lock.
        lock: u32,
        /// The lease that it hangs on.
        lease: LeaseId,
    },
    /// Ends a lease and frees what hangs on it.
    Revoke {
        /// The lease.
        lease: LeaseId,
    },
    /// Ends a lease that has run out, unless it was renewed since this was decided.
    Expire {
        /// The lease.
        lease: LeaseId,
        /// Its version when this was decided.
        version: u64,
    },
    /// Adds to the counter.
    Add {
        /// What is added.
        delta: i64,
    },
    /// Sets a register.
    Write {
        /// The register.
        key: u64,
        /// Its new value.
        value: u64,
    },
    /// Sets a register if it has a certain value.
    CompareAndSet {
        /// The register.
        key: u64,
        /// The value that it must have.
        from: u64,
        /// The value that it is given then.
        to: u64,
    },
    /// Changes nothing; its reply says in which term it was written.
    TellTerm,
}

impl Command {
    /// The lease that it concerns, if there is one before it is applied.
    pub(crate) fn lease(&self) -> Option<LeaseId> {
        match self {
            Self::StartLease { .. }
            | Self::Add { .. }
            | Self::Write { .. }
            | Self::CompareAndSet { .. }
            | Self::TellTerm => None,
            Self::Acquire { lease, .. }
            | Self::Renew { lease }
            | Self::Release { lease, .. }
            | Self::Revoke { lease }
            | Self::Expire { lease, .. } => Some(*lease),
        }
    }
}

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// An entry of the consensus library's own.
    Nothing,
    /// A lease was started.
    Started(LeaseId),
    /// The lock is the caller's, under this token.
    Granted(u64),
    /// Somebody else has the lock; nothing was changed.
    Held,
    /// The lease has ended; nothing was changed.
    LeaseGone,
    /// Whether there was something to renew, release, revoke or expire, and it was done.
    Present(bool),
    /// The new value of the counter.
    Sum(i64),
    /// The register was set.
    Written,
    /// Whether the register had the value, and was set.
    Swapped(bool),
    /// The term of the entry.
    Term(u64),
}

/// Where an entry stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The term in which it was written.
    pub(crate) term: u64,
    /// Its index.
    pub(crate) index: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    ttl_ms: u64,
    /// Grows with every renewal.
    version: u64,
}

/// Who holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hold {
    /// The lease that it hangs on.
    pub(crate) lease: LeaseId,
    /// The log index of the grant, so that every grant has a larger one than all before.
    pub(crate) token: u64,
}

/// The replies to the latest requests, forgotten in the order of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(String, Reply)>", into = "Vec<(String, Reply)>")]
struct Replies {
    order: VecDeque<String>,
    by_request: HashMap<String, Reply>,
}

impl Replies {
    fn remember(&mut self, request: &str, reply: Reply, most: usize) {
        if self.by_request.insert(request.to_owned(), reply).is_none() {
            self.order.push_back(request.to_owned());
        }
        while self.order.len() > most {
            if let Some(oldest) = self.order.pop_front() {
                self.by_request.remove(&oldest);
            }
        }
    }
}

impl From<Vec<(String, Reply)>> for Replies {
    fn from(replies: Vec<(String, Reply)>) -> Self {
        Self {
            order: replies.iter().map(|(request, _)| request.clone()).collect(),
            by_request: replies.into_iter().collect(),
        }
    }
}

impl From<Replies> for Vec<(String, Reply)> {
    fn from(replies: Replies) -> Self {
        let Replies { order, mut by_request } = replies;
        order.into_iter().filter_map(|request| by_request.remove_entry(&request)).collect()
    }
}

/// The state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct State {
    leases: BTreeMap<LeaseId, Lease>,
    locks: BTreeMap<u32, Hold>,
    counter: i64,
    registers: BTreeMap<u64, u64>,
    replies: Replies,
}

impl State {
    /// Applies the command at this position of the log. A request that was applied before gets its first reply, and changes nothing.
    /// `remembered` is the number of replies to keep; every node must be given the same.
    pub(crate) fn apply(&mut self, at: Position, request: Option<&str>, command: &Command, remembered: usize) -> Reply {
        if let Some(reply) = request.and_then(|request| self.replies.by_request.get(request)) {
            return *reply;
        }
        let reply = self.execute(at, command);
        if let Some(request) = request {
            self.replies.remember(request, reply, remembered);
        }
        reply
    }

    fn execute(&mut self, at: Position, command: &Command) -> Reply {
        match *command {
            Command::StartLease { ttl_ms } => {
                let lease = LeaseId(at.index);
                self.leases.insert(lease, Lease { ttl_ms, version: 0 });
                Reply::Started(lease)
            }
            Command::Acquire { lock, lease } => self.acquire(at.index, lock, lease),
            Command::Renew { lease } => match self.leases.get_mut(&lease) {
                Some(lease) => {
                    lease.version += 1;
                    Reply::Present(true)
                }
                None => Reply::Present(false),
            },
            Command::Release { lock, lease } => {
                let held = self.locks.get(&lock).is_some_and(|hold| hold.lease == lease);
                self.end(lease);
                Reply::Present(held)
            }
            Command::Revoke { lease } => Reply::Present(self.end(lease)),
            Command::Expire { lease, version } => {
                let unchanged = self.version(lease) == Some(version);
                Reply::Present(unchanged && self.end(lease))
            }
            Command::Add { delta } => {
                self.counter = self.counter.wrapping_add(delta);
                Reply::Sum(self.counter)
            }
            Command::Write { key, value } => {
                self.registers.insert(key, value);
                Reply::Written
            }
            Command::CompareAndSet { key, from, to } => {
                let equal = self.registers.get(&key) == Some(&from);
                if equal {
                    self.registers.insert(key, to);
                }
                Reply::Swapped(equal)
            }
            Command::TellTerm => Reply::Term(at.term),
        }
    }

    fn acquire(&mut self, index: u64, lock: u32, lease: LeaseId) -> Reply {
        if !self.leases.contains_key(&lease) {
            return Reply::LeaseGone;
        }
        match self.locks.get(&lock) {
            Some(hold) if hold.lease == lease => Reply::Granted(hold.token),
            Some(_) => Reply::Held,
            None => {
                self.locks.insert(lock, Hold { lease, token: index });
                Reply::Granted(index)
            }
        }
    }

    /// Ends a lease; says whether there was one.
    fn end(&mut self, lease: LeaseId) -> bool {
        self.locks.retain(|_, hold| hold.lease != lease);
        self.leases.remove(&lease).is_some()
    }

    /// Who holds a lock.
    pub(crate) fn holder(&self, lock: u32) -> Option<Hold> {
        self.locks.get(&lock).copied()
    }

    /// The value of the counter.
    pub(crate) fn counter(&self) -> i64 {
        self.counter
    }

    /// The value of a register; `None` where nothing was written.
    pub(crate) fn register(&self, key: u64) -> Option<u64> {
        self.registers.get(&key).copied()
    }

    /// The version of a lease; `None` once it has ended.
    pub(crate) fn version(&self, lease: LeaseId) -> Option<u64> {
        self.leases.get(&lease).map(|lease| lease.version)
    }

    /// Every lease with its length in ms and its version.
    pub(crate) fn leases(&self) -> impl Iterator<Item = (LeaseId, u64, u64)> + '_ {
        self.leases.iter().map(|(id, lease)| (*id, lease.ttl_ms, lease.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A state with its log: what it is told, it applies at the next index.
    #[derive(Default)]
    struct Told {
        state: State,
        index: u64,
        remembered: usize,
    }

    impl Told {
        fn sound() -> Self {
            Self { remembered: REMEMBERED_REPLIES, ..Self::default() }
        }

        fn keyed(&mut self, request: &str, command: Command) -> Reply {
            self.index += 1;
            self.state.apply(at(self.index), Some(request), &command, self.remembered)
        }

        fn tell(&mut self, command: Command) -> Reply {
            self.index += 1;
            self.state.apply(at(self.index), None, &command, self.remembered)
        }

        fn lease(&mut self) -> LeaseId {
            match self.tell(Command::StartLease { ttl_ms: 2000 }) {
                Reply::Started(lease) => lease,
                other => panic!("no lease: {other:?}"),
            }
        }

        fn acquire(&mut self, lock: u32, lease: LeaseId) -> Reply {
            self.tell(Command::Acquire { lock, lease })
        }
    }

    fn at(index: u64) -> Position {
        Position { term: 7, index }
    }

    #[test]
    fn a_repeated_addition_counts_once() {
        let mut told = Told::sound();
        assert_eq!(told.keyed("a", Command::Add { delta: 2 }), Reply::Sum(2));
        assert_eq!(told.keyed("b", Command::Add { delta: -5 }), Reply::Sum(-3));
        assert_eq!(told.keyed("a", Command::Add { delta: 2 }), Reply::Sum(2), "the first reply");
        assert_eq!(told.state.counter(), -3);
        assert_eq!(told.keyed("c", Command::TellTerm), Reply::Term(7));
    }

    #[test]
    fn a_register_is_set_only_from_the_value_that_it_has() {
        let mut told = Told::sound();
        assert_eq!(told.tell(Command::CompareAndSet { key: 1, from: 0, to: 3 }), Reply::Swapped(false));
        assert_eq!(told.state.register(1), None);
        assert_eq!(told.tell(Command::Write { key: 1, value: 3 }), Reply::Written);
        assert_eq!(told.keyed("x", Command::CompareAndSet { key: 1, from: 3, to: 4 }), Reply::Swapped(true));
        assert_eq!(told.keyed("x", Command::CompareAndSet { key: 1, from: 3, to: 4 }), Reply::Swapped(true));
        assert_eq!((told.state.register(1), told.state.register(2)), (Some(4), None));
    }

    #[test]
    fn a_lock_has_one_holder_and_tokens_rise() {
        let mut told = Told::sound();
        let (a, b) = (told.lease(), told.lease());
        let Reply::Granted(first) = told.acquire(1, a) else { panic!("not granted") };
        assert_eq!(told.acquire(1, b), Reply::Held);
        assert_eq!(told.acquire(1, a), Reply::Granted(first), "the holder's own lock");
        assert!(matches!(told.acquire(2, b), Reply::Granted(second) if second > first));
        assert_eq!(told.tell(Command::Release { lock: 1, lease: a }), Reply::Present(true));
        let again = told.lease();
        assert!(matches!(told.acquire(1, again), Reply::Granted(third) if third > first));
    }

    #[test]
    fn a_release_by_another_frees_nothing_but_its_own_lease() {
        let mut told = Told::sound();
        let (a, b) = (told.lease(), told.lease());
        told.acquire(1, a);
        assert_eq!(told.tell(Command::Release { lock: 1, lease: b }), Reply::Present(false));
        assert_eq!(told.state.holder(1).map(|hold| hold.lease), Some(a));
        assert_eq!(told.acquire(2, b), Reply::LeaseGone);
    }

    #[test]
    fn what_has_ended_is_not_brought_back() {
        let mut told = Told::sound();
        let lease = told.lease();
        told.acquire(1, lease);
        assert_eq!(told.tell(Command::Revoke { lease }), Reply::Present(true));
        assert_eq!(told.tell(Command::Renew { lease }), Reply::Present(false));
        assert_eq!(told.tell(Command::Revoke { lease }), Reply::Present(false));
        assert_eq!(told.acquire(1, lease), Reply::LeaseGone);
        assert_eq!(told.state, told.state.clone());
        assert_eq!(told.state.holder(1), None);
    }

    #[test]
    fn an_expiry_that_was_decided_before_a_renewal_does_nothing() {
        let mut told = Told::sound();
        let lease = told.lease();
        told.acquire(1, lease);
        assert_eq!(told.tell(Command::Renew { lease }), Reply::Present(true));
        assert_eq!(told.tell(Command::Expire { lease, version: 0 }), Reply::Present(false));
        assert!(told.state.holder(1).is_some(), "the renewed lease was taken away");
        assert_eq!(told.tell(Command::Expire { lease, version: 1 }), Reply::Present(true));
        assert_eq!(told.state.holder(1), None);
    }

    #[test]
    fn a_repeated_request_gets_its_first_reply() {
        let mut told = Told::sound();
        let lease = told.lease();
        told.keyed("acquire", Command::Acquire { lock: 1, lease });
        let release = Command::Release { lock: 1, lease };
        assert_eq!(told.keyed("release", release.clone()), Reply::Present(true));
        let before = told.state.clone();
        assert_eq!(told.keyed("release", release), Reply::Present(true));
        assert_eq!(told.state, before);
        assert_eq!(
            told.keyed("lease", Command::StartLease { ttl_ms: 1 }),
            told.keyed("lease", Command::StartLease { ttl_ms: 1 }),
            "one request, one lease"
        );
    }

    #[test]
    fn the_flaw_no_dedupe_executes_a_repeated_request_again() {
        let mut told = Told { remembered: 0, ..Told::default() };
        let lease = told.lease();
        told.acquire(1, lease);
        let release = Command::Release { lock: 1, lease };
        assert_eq!(told.keyed("release", release.clone()), Reply::Present(true));
        assert_eq!(told.keyed("release", release), Reply::Present(false));
    }

    #[test]
    fn replies_are_forgotten_in_the_order_of_the_log_also_over_a_snapshot() {
        let mut told = Told { remembered: 2, ..Told::default() };
        let lease = told.lease();
        for request in ["a", "b", "c"] {
            told.keyed(request, Command::Renew { lease });
        }
        let stored = serde_json::to_string(&told.state).unwrap();
        let mut read: State = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, told.state);
        let version = |state: &State| state.version(lease);
        assert_eq!(version(&read), Some(3));
        read.apply(at(10), Some("c"), &Command::Renew { lease }, 2);
        read.apply(at(11), Some("b"), &Command::Renew { lease }, 2);
        assert_eq!(version(&read), Some(3), "remembered requests were executed again");
        read.apply(at(12), Some("a"), &Command::Renew { lease }, 2);
        assert_eq!(version(&read), Some(4), "the oldest request should have been forgotten");
    }

    #[test]
    fn the_name_of_a_lease_reads_back() {
        assert_eq!(LeaseId(17).to_string().parse(), Ok(LeaseId(17)));
        for bad in ["", "17", "lease-", "lease--1", "lease-x"] {
            assert!(bad.parse::<LeaseId>().is_err(), "{bad}");
        }
    }
}
