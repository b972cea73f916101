//! The locks of `ttl-lock`: keys with wall-clock deadlines. Wrong on purpose in three places, each marked.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// Who set a key, and until when it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    owner: String,
    // Wrong: wall-clock time may jump; a lease should run on a monotonic clock.
    deadline: SystemTime,
}

/// All locks, in memory alone.
#[derive(Debug, Default)]
pub(crate) struct Table {
    keys: BTreeMap<u32, Key>,
}

impl Table {
    /// Sets the key unless it lives: the seed's `set_if_not_exists`. Says whether it was set.
    pub(crate) fn acquire(&mut self, lock: u32, owner: &str, ttl: Duration, now: SystemTime) -> bool {
        if self.holder(lock, now).is_some() {
            return false;
        }
        self.keys.insert(lock, Key { owner: owner.to_owned(), deadline: now + ttl });
        true
    }

    /// Pushes the deadline of a living key, whoever set it (as Redis's EXPIRE does). Says whether there was one.
    pub(crate) fn renew(&mut self, lock: u32, ttl: Duration, now: SystemTime) -> bool {
        match self.keys.get_mut(&lock) {
            // Wrong: the owner is not looked at.
            Some(key) if key.deadline > now => {
                key.deadline = now + ttl;
                true
            }
            _ => false,
        }
    }

    /// Deletes the key, whoever set it. Says whether there was one.
    pub(crate) fn release(&mut self, lock: u32, now: SystemTime) -> bool {
        // Wrong: the owner is not looked at. The lock may be another's by now.
        self.keys.remove(&lock).is_some_and(|key| key.deadline > now)
    }

    /// Who holds the lock.
    pub(crate) fn holder(&self, lock: u32, now: SystemTime) -> Option<&str> {
        self.keys.get(&lock).filter(|key| key.deadline > now).map(|key| key.owner.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(2);

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn one_holder_at_a_time_while_nothing_goes_wrong() {
        let mut table = Table::default();
        assert!(table.acquire(1, "a", TTL, at(0)));
        assert!(!table.acquire(1, "b", TTL, at(1)));
        assert!(table.renew(1, TTL, at(1)));
        assert!(!table.acquire(1, "b", TTL, at(2)), "the renewal pushed the deadline");
        assert!(table.acquire(2, "b", TTL, at(2)), "another lock is another key");
        assert!(table.release(1, at(2)));
        assert!(table.acquire(1, "b", TTL, at(2)));
    }

    #[test]
    fn a_key_lives_until_its_deadline_and_is_gone_after() {
        let mut table = Table::default();
        assert!(table.acquire(1, "a", TTL, at(0)));
        assert_eq!(table.holder(1, at(1)), Some("a"));
        assert_eq!(table.holder(1, at(2)), None);
        assert!(!table.renew(1, TTL, at(2)), "what expired is not brought back");
        assert!(!table.release(1, at(2)));
        assert!(table.acquire(1, "b", TTL, at(2)));
    }

    #[test]
    fn a_late_release_deletes_anothers_lock() {
        let mut table = Table::default();
        assert!(table.acquire(1, "a", TTL, at(0)));
        assert!(table.acquire(1, "b", TTL, at(3)), "a's lock expired");
        assert!(table.release(1, at(3)), "a's late release");
        assert!(table.acquire(1, "c", TTL, at(3)), "c holds it beside b");
    }

    #[test]
    fn a_late_renewal_prolongs_anothers_lock_and_a_clock_jump_expires_it() {
        let mut table = Table::default();
        assert!(table.acquire(1, "a", TTL, at(0)));
        assert!(table.acquire(1, "b", TTL, at(3)));
        assert!(table.renew(1, TTL, at(4)), "a's late renewal");
        assert_eq!(table.holder(1, at(5)), Some("b"));
        assert!(table.acquire(1, "c", TTL, at(5 + 3600)), "n1's clock jumped an hour ahead");
    }
}
