//! Large histories of objects, made in linear time: fifty processes, whose operations take effect at some moment while they are under
//! way; one in twenty is never answered, and may have had its effect.

use dsjepsen_checkers::linearizable::{Entry, EntryOf};
use dsjepsen_checkers::models::counter::{self, Counter};
use dsjepsen_checkers::models::fenced_mutex::{self, FencedMutex};
use dsjepsen_checkers::models::fetch_add::{Add, FetchAdd};
use dsjepsen_checkers::models::mutex::{self, Mutex};
use dsjepsen_checkers::models::owner_mutex::{self, OwnerMutex};
use dsjepsen_checkers::models::register::{self, Register};
use dsjepsen_checkers::models::semaphore::{self, Semaphore};
use dsjepsen_checkers::models::unique_ids::{Generate, UniqueIds};

const PROCESSES: usize = 50;
const OPEN_PERCENT: u64 = 5;

/// What becomes of an operation at the moment of its effect.
enum Effect<R> {
    Done(R),
    /// It surely never happens.
    Failed,
    /// It cannot happen now.
    Waits,
}

struct Slot<R> {
    process: u32,
    place: Option<usize>,
    reply: Option<R>,
    is_lost: bool,
}

/// A number below a limit, by a linear congruence.
pub(crate) struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// `call` makes the call of a process, with a number that no other is given; `effect` answers it, where the flag says whether the
/// answer will be lost.
fn history<S, C, R>(
    operations: usize,
    mut state: S,
    mut call: impl FnMut(&S, &mut Draw, u32, u32) -> C,
    mut effect: impl FnMut(&mut S, &C, bool) -> Effect<R>,
) -> Vec<Entry<C, R>> {
    let mut draw = Draw(1);
    let mut entries: Vec<Entry<C, R>> = Vec::with_capacity(operations);
    let mut failed = vec![false; operations];
    let mut processes = PROCESSES as u32;
    let mut slots: Vec<Slot<R>> =
        (0..processes).map(|process| Slot { process, place: None, reply: None, is_lost: false }).collect();
    let mut busy = 0;
    for now in 1_u64.. {
        if entries.len() == operations && busy == 0 {
            break;
        }
        let slot = &mut slots[draw.below(PROCESSES as u64) as usize];
        let Some(place) = slot.place else {
            if entries.len() < operations {
                let position = entries.len();
                let call = call(&state, &mut draw, position as u32, slot.process);
                slot.place = Some(position);
                slot.is_lost = draw.below(100) < OPEN_PERCENT;
                busy += 1;
                entries.push(Entry { position, call, invoked: now, answer: None });
            }
            continue;
        };
        if let Some(reply) = slot.reply.take() {
            entries[place].answer = Some((reply, now));
            slot.place = None;
            busy -= 1;
            continue;
        }
        let is_lost = slot.is_lost;
        match effect(&mut state, &entries[place].call, is_lost) {
            _ if is_lost => {
                *slot = Slot { process: processes, place: None, reply: None, is_lost: false };
                processes += 1;
                busy -= 1;
            }
            Effect::Done(reply) => slot.reply = Some(reply),
            Effect::Failed => {
                failed[place] = true;
                slot.place = None;
                busy -= 1;
            }
            // At the end nobody may be left to wait for.
            Effect::Waits if entries.len() == operations => {
                failed[place] = true;
                slot.place = None;
                busy -= 1;
            }
            Effect::Waits => {}
        }
    }
    entries.retain(|entry| !failed[entry.position]);
    entries
}

/// Reads, writes and cas operations, each with a value of its own.
pub(crate) fn register(operations: usize) -> Vec<EntryOf<Register<u32>>> {
    use register::{Call, Reply};
    let call = |state: &u32, draw: &mut Draw, fresh: u32, _| match draw.below(4) {
        0 => Call::Write(fresh + 1),
        1 => Call::Cas { from: *state, to: fresh + 1 },
        _ => Call::Read,
    };
    history(operations, 0, call, |state, call, _| match *call {
        Call::Read => Effect::Done(Reply::Found(*state)),
        Call::Write(value) => {
            *state = value;
            Effect::Done(Reply::Done)
        }
        Call::Cas { from, to } if from == *state => {
            *state = to;
            Effect::Done(Reply::Swapped(true))
        }
        Call::Cas { .. } => Effect::Failed,
    })
}

/// Who acquires and who releases: the holder does the latter.
fn locks<C, R>(
    operations: usize,
    call: impl Fn(u32, bool) -> C,
    acquires: impl Fn(&C) -> Option<u32>,
    reply: impl Fn(bool, i64) -> R,
) -> Vec<Entry<C, R>> {
    let draw_call = |holder: &(Option<u32>, i64), _: &mut Draw, _, process| call(process, holder.0 != Some(process));
    history(operations, (None, 0), draw_call, |(holder, token), call, is_lost| match acquires(call) {
        // A process whose acquire is lost would hold it for ever.
        Some(_) if is_lost => Effect::Failed,
        Some(_) if holder.is_some() => Effect::Waits,
        Some(process) => {
            *holder = Some(process);
            *token += 1;
            Effect::Done(reply(true, *token))
        }
        None => {
            *holder = None;
            Effect::Done(reply(false, *token))
        }
    })
}

pub(crate) fn mutex(operations: usize) -> Vec<EntryOf<Mutex>> {
    // The caller is put into the call only to draw, and taken out again.
    let drawn = owner_mutex(operations);
    let call = |call: &owner_mutex::Call| match call {
        owner_mutex::Call::Acquire(_) => mutex::Call::Acquire,
        owner_mutex::Call::Release(_) => mutex::Call::Release,
    };
    let entry = |entry: Entry<owner_mutex::Call, ()>| Entry {
        call: call(&entry.call),
        position: entry.position,
        invoked: entry.invoked,
        answer: entry.answer,
    };
    drawn.into_iter().map(entry).collect()
}

pub(crate) fn owner_mutex(operations: usize) -> Vec<EntryOf<OwnerMutex>> {
    use owner_mutex::Call;
    let call = |process, acquires| if acquires { Call::Acquire(process) } else { Call::Release(process) };
    let acquires = |call: &Call| match *call {
        Call::Acquire(process) => Some(process),
        Call::Release(_) => None,
    };
    locks(operations, call, acquires, |_, _| ())
}

pub(crate) fn fenced_mutex(operations: usize) -> Vec<EntryOf<FencedMutex>> {
    use fenced_mutex::{Call, Reply};
    let call = |process, acquires| if acquires { Call::Acquire(process) } else { Call::Release(process) };
    let acquires = |call: &Call| match *call {
        Call::Acquire(process) => Some(process),
        Call::Release(_) => None,
    };
    let reply = |granted, token| if granted { Reply::Granted(Some(token)) } else { Reply::Released };
    locks(operations, call, acquires, reply)
}

pub(crate) fn semaphore(operations: usize) -> Vec<EntryOf<Semaphore>> {
    use semaphore::{Call, Reply};
    let call = |_: &u64, draw: &mut Draw, _, _| if draw.below(2) == 0 { Call::Raise } else { Call::Lower };
    history(operations, 0, call, |state, call, _| match call {
        Call::Raise => {
            *state += 1;
            Effect::Done(Reply::Done)
        }
        Call::Lower if *state > 0 => {
            *state -= 1;
            Effect::Done(Reply::Done)
        }
        Call::Lower => Effect::Failed,
    })
}

/// As many additions of 1 as reads.
pub(crate) fn counter(operations: usize) -> Vec<EntryOf<Counter>> {
    use counter::{Call, Reply};
    let call = |_: &i64, draw: &mut Draw, _, _| if draw.below(2) == 0 { Call::Add(1) } else { Call::Read };
    history(operations, 0, call, |state, call, _| {
        Effect::Done(match call {
            Call::Add(amount) => {
                *state += amount;
                Reply::Done
            }
            Call::Read => Reply::Found(*state),
        })
    })
}

pub(crate) fn fetch_add(operations: usize) -> Vec<EntryOf<FetchAdd>> {
    history(
        operations,
        0,
        |_, _, _, _| Add(1),
        |state, Add(amount), _| {
            let found = *state;
            *state += amount;
            Effect::Done(found)
        },
    )
}

pub(crate) fn unique_ids(operations: usize) -> Vec<EntryOf<UniqueIds<u32>>> {
    history(
        operations,
        0,
        |_, _, _, _| Generate,
        |next, Generate, _| {
            *next += 1;
            // As if several nodes gave them.
            Effect::Done(u32::wrapping_mul(*next, 2_654_435_761))
        },
    )
}
