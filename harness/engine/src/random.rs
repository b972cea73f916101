//! Every random decision of a run comes from here: one portable ChaCha stream for each (seed, purpose, worker), so that the
//! schedule of faults never shares randomness with the clients, nor one client with another.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

/// The generator of random numbers. Portable: a seed means the same on every machine.
pub type Random = ChaCha12Rng;

/// What a stream of random numbers is for. The numbers are part of the streams: a new purpose gets a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The schedule of faults and whom they hit.
    Schedule = 0,
    /// The calls of a worker.
    Calls = 1,
    /// The times of the calls.
    Stagger = 2,
    /// A process's own doings beside its calls (the way of a write to the resource).
    Client = 3,
    /// Whom a fault with times of its own hits; in the place of the worker stands the fault.
    TimedFault = 4,
    /// When a node is killed as it boots; in the place of the worker stands the node.
    Boots = 5,
}

/// The stream for this purpose and worker (or process).
pub fn stream(seed: u64, purpose: Purpose, worker: usize) -> Random {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    random.set_stream(((purpose as u64) << 32) | worker as u64);
    random
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn streams_are_fixed_by_seed_purpose_and_worker_alone() {
        let first = |seed, purpose, worker| stream(seed, purpose, worker).random::<u64>();
        assert_eq!(first(1, Purpose::Calls, 0), first(1, Purpose::Calls, 0));
        let others = [
            first(1, Purpose::Calls, 0),
            first(2, Purpose::Calls, 0),
            first(1, Purpose::Schedule, 0),
            first(1, Purpose::Calls, 1),
        ];
        let distinct: std::collections::BTreeSet<_> = others.iter().collect();
        assert_eq!(distinct.len(), others.len());
    }
}
