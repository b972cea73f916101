//! Mutexes: without an owner, with one, with tokens, and reentrant ones.

use dsjepsen_checkers::models::fenced_mutex::{self, FencedMutex};
use dsjepsen_checkers::models::mutex::{self, Mutex};
use dsjepsen_checkers::models::owner_mutex::{self, OwnerMutex};
use dsjepsen_checkers::models::reentrant_mutex::{self, ReentrantMutex};

use crate::kit::{CallOf, Play, Random, ReplyOf, StateOf, Tally, compare};

/// Draws a mutex whose calls are made of whether they acquire, and of a number for the caller.
struct Mutexes<M> {
    model: M,
    /// Whether few callers come again and again; else a call is its process's.
    few_callers: bool,
}

impl<M> Mutexes<M> {
    fn caller(&self, random: &mut Random, process: u32) -> u32 {
        if self.few_callers && random.percent(30) { random.below(2) } else { process }
    }
}

impl Play for Mutexes<Mutex> {
    type Model = Mutex;

    fn model(&self) -> &Mutex {
        &self.model
    }

    fn call(&self, random: &mut Random, _fresh: u32, _process: u32) -> mutex::Call {
        if random.percent(50) { mutex::Call::Acquire } else { mutex::Call::Release }
    }

    fn answer(&self, held: &bool, call: &mutex::Call) -> Option<((), bool)> {
        (*held == (*call == mutex::Call::Release)).then_some(((), !held))
    }

    fn any_reply(&self, _call: &mutex::Call, _random: &mut Random) {}
}

impl Play for Mutexes<OwnerMutex> {
    type Model = OwnerMutex;

    fn model(&self) -> &OwnerMutex {
        &self.model
    }

    fn call(&self, random: &mut Random, _fresh: u32, process: u32) -> owner_mutex::Call {
        let caller = self.caller(random, process);
        if random.percent(50) { owner_mutex::Call::Acquire(caller) } else { owner_mutex::Call::Release(caller) }
    }

    fn answer(&self, holder: &Option<u32>, call: &owner_mutex::Call) -> Option<((), Option<u32>)> {
        match *call {
            owner_mutex::Call::Acquire(caller) => holder.is_none().then_some(((), Some(caller))),
            owner_mutex::Call::Release(caller) => (*holder == Some(caller)).then_some(((), None)),
        }
    }

    fn any_reply(&self, _call: &owner_mutex::Call, _random: &mut Random) {}
}

impl Play for Mutexes<ReentrantMutex> {
    type Model = ReentrantMutex;

    fn model(&self) -> &ReentrantMutex {
        &self.model
    }

    fn call(&self, random: &mut Random, _fresh: u32, process: u32) -> reentrant_mutex::Call {
        let caller = self.caller(random, process);
        if random.percent(60) { reentrant_mutex::Call::Acquire(caller) } else { reentrant_mutex::Call::Release(caller) }
    }

    fn answer(&self, state: &StateOf<Self>, call: &CallOf<Self>) -> Option<((), StateOf<Self>)> {
        let times = state.map_or(0, |(_, times)| times);
        let is_own = |caller: u32| state.is_some_and(|(holder, _)| holder == caller);
        match *call {
            reentrant_mutex::Call::Acquire(caller) => {
                ((times == 0 || is_own(caller)) && times < self.model.limit).then_some(((), Some((caller, times + 1))))
            }
            reentrant_mutex::Call::Release(caller) => {
                is_own(caller).then(|| ((), (times > 1).then(|| (caller, times - 1))))
            }
        }
    }

    fn any_reply(&self, _call: &CallOf<Self>, _random: &mut Random) {}
}

impl Play for Mutexes<FencedMutex> {
    type Model = FencedMutex;

    fn model(&self) -> &FencedMutex {
        &self.model
    }

    fn call(&self, random: &mut Random, _fresh: u32, process: u32) -> fenced_mutex::Call {
        let caller = self.caller(random, process);
        if random.percent(50) { fenced_mutex::Call::Acquire(caller) } else { fenced_mutex::Call::Release(caller) }
    }

    fn answer(
        &self,
        &(holder, largest): &StateOf<Self>,
        call: &CallOf<Self>,
    ) -> Option<(ReplyOf<Self>, StateOf<Self>)> {
        match *call {
            fenced_mutex::Call::Acquire(caller) if holder.is_none() => {
                let token = Some(largest.unwrap_or(0) + 1 + i64::from(caller % 2)).filter(|token| token % 5 != 4);
                Some((fenced_mutex::Reply::Granted(token), (Some(caller), token.or(largest))))
            }
            fenced_mutex::Call::Release(caller) if holder == Some(caller) => {
                Some((fenced_mutex::Reply::Released, (None, largest)))
            }
            _ => None,
        }
    }

    fn any_reply(&self, call: &CallOf<Self>, random: &mut Random) -> ReplyOf<Self> {
        match call {
            fenced_mutex::Call::Acquire(_) => {
                fenced_mutex::Reply::Granted(random.percent(80).then(|| i64::from(random.below(7))))
            }
            fenced_mutex::Call::Release(_) => fenced_mutex::Reply::Released,
        }
    }
}

/// Most histories are decided, and of each kind many.
fn decides_many(tally: &Tally) {
    assert!(tally.right > 1_000 && tally.wrong > 80, "{tally:?}");
    assert!(tally.by_itself > (tally.right + tally.wrong) / 2 && tally.by_itself_wrong > 50, "{tally:?}");
}

#[test]
fn mutexes_without_an_owner() {
    for (seed, held) in [(10, false), (11, true)] {
        let tally = compare(&Mutexes { model: Mutex { held }, few_callers: false }, seed);
        assert!(tally.by_itself == tally.right + tally.wrong && tally.by_itself_wrong > 150, "{tally:?}");
    }
}

#[test]
fn mutexes_with_an_owner() {
    decides_many(&compare(&Mutexes { model: OwnerMutex, few_callers: false }, 12));
    decides_many(&compare(&Mutexes { model: OwnerMutex, few_callers: true }, 13));
}

#[test]
fn mutexes_with_tokens() {
    decides_many(&compare(&Mutexes { model: FencedMutex, few_callers: false }, 14));
    decides_many(&compare(&Mutexes { model: FencedMutex, few_callers: true }, 15));
}

#[test]
fn reentrant_mutexes() {
    for (seed, limit) in [(16, 1), (17, 2), (18, 3)] {
        decides_many(&compare(&Mutexes { model: ReentrantMutex { limit }, few_callers: false }, seed));
        decides_many(&compare(&Mutexes { model: ReentrantMutex { limit }, few_callers: true }, seed));
    }
}
