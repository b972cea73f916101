//! Random small histories: from stores that are strictly serializable, serializable, of snapshots, or of nothing; then spoilt or not.

use dsjepsen_checkers::transactions::Outcome;

use crate::script::{Script, Step, Txn};

/// A small generator of our own, so that a seed tells a history.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((mixed ^ (mixed >> 31)) >> 33) % u64::from(limit)) as u32
    }

    fn one_in(&mut self, many: u32) -> bool {
        self.below(many) == 0
    }
}

/// How the store behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// Each transaction takes effect at one moment between its invocation and its completion.
    Strict,
    /// Each takes effect at one moment, in an order that has nothing to do with time or sessions.
    Serial,
    /// Each reads from a snapshot taken at its invocation; of two that write one key at the same time the later fails.
    Snapshots,
    /// Reads show whatever they like of what was written.
    Chaos,
}

impl Store {
    pub(crate) const ALL: [Self; 4] = [Self::Strict, Self::Serial, Self::Snapshots, Self::Chaos];
}

type State = Vec<Vec<u32>>;

fn run(steps: &mut [Step], state: &mut State) {
    for step in steps {
        match step {
            Step::Write(key, value) => state[*key as usize].push(*value),
            Step::Read(key, list) => *list = state[*key as usize].clone(),
        }
    }
}

/// A history of at most so many transactions over at most so many keys.
pub(crate) fn history(store: Store, dice: &mut Dice, transactions: u32, keys: u32) -> Script {
    let mut next_value = 0;
    let mut script = timed(dice, transactions);
    for txn in &mut script {
        for _ in 0..1 + dice.below(3) {
            let key = dice.below(keys);
            txn.steps.push(if dice.one_in(2) {
                Step::Read(key, Vec::new())
            } else {
                next_value += 1;
                Step::Write(key, next_value)
            });
        }
    }
    let count = script.len();
    let mut state: State = vec![Vec::new(); keys as usize];
    match store {
        Store::Strict | Store::Serial => {
            let mut order: Vec<usize> = (0..count).collect();
            if store == Store::Strict {
                let moment = |txn: &Txn, dice: &mut Dice| {
                    let end = txn.completed.unwrap_or(4 * count as u64);
                    (txn.invoked * 8 + 1) + u64::from(dice.below(((end - txn.invoked) * 8 - 1) as u32))
                };
                let moments: Vec<_> = script.iter().map(|txn| moment(txn, dice)).collect();
                order.sort_by_key(|&at| moments[at]);
            } else {
                shuffle(&mut order, dice);
            }
            for at in order {
                let txn = &mut script[at];
                if txn.outcome == Outcome::Ok || (txn.outcome == Outcome::Info && dice.one_in(2)) {
                    run(&mut txn.steps, &mut state);
                }
            }
        }
        Store::Snapshots => snapshots(&mut script, state),
        Store::Chaos => chaos(&mut script, state, dice),
    }
    script
}

fn shuffle(order: &mut [usize], dice: &mut Dice) {
    for at in (1..order.len()).rev() {
        order.swap(at, dice.below(at as u32 + 1) as usize);
    }
}

/// Transactions without steps, run by three processes.
fn timed(dice: &mut Dice, transactions: u32) -> Script {
    let mut script: Script = Vec::new();
    let mut running: [(u32, Option<usize>); 3] = [(0, None), (1, None), (2, None)];
    let mut now = 0;
    while (script.len() as u32) < transactions || running.iter().any(|(_, txn)| txn.is_some()) {
        let worker = &mut running[dice.below(3) as usize];
        match worker.1.take() {
            None if (script.len() as u32) < transactions => {
                worker.1 = Some(script.len());
                let (process, outcome) = (worker.0, Outcome::Ok);
                script.push(Txn { process, outcome, invoked: now, completed: None, steps: Vec::new() });
            }
            None => {}
            Some(at) if dice.one_in(8) => {
                script[at].outcome = Outcome::Info;
                worker.0 += 3;
            }
            Some(at) => {
                script[at].completed = Some(now);
                if dice.one_in(8) {
                    script[at].outcome = Outcome::Fail;
                }
            }
        }
        now += 1;
    }
    script
}

fn snapshots(script: &mut Script, mut state: State) {
    let mut events: Vec<(u64, bool, usize)> = Vec::new();
    for (at, txn) in script.iter().enumerate() {
        events.push((txn.invoked, false, at));
        events.extend(txn.completed.map(|completed| (completed, true, at)));
    }
    events.sort_unstable();
    let mut taken: Vec<State> = vec![Vec::new(); script.len()];
    for (_, commits, at) in events {
        if !commits {
            taken[at] = state.clone();
            continue;
        }
        let mut seen = taken[at].clone();
        let txn = &mut script[at];
        if txn.outcome != Outcome::Ok {
            continue;
        }
        run(&mut txn.steps, &mut seen);
        let writes: Vec<_> = txn.steps.iter().filter(|step| matches!(step, Step::Write(..))).map(Step::key).collect();
        if writes.iter().any(|&key| state[key as usize] != taken[at][key as usize]) {
            txn.outcome = Outcome::Fail;
            continue;
        }
        for key in writes {
            state[key as usize].clone_from(&seen[key as usize]);
        }
    }
}

/// Reads show a prefix of some order of the writes of their key, mostly of one order for all.
fn chaos(script: &mut Script, mut state: State, dice: &mut Dice) {
    let mut order: Vec<usize> = (0..script.len()).collect();
    shuffle(&mut order, dice);
    for &at in &order {
        let mostly = script[at].outcome != Outcome::Fail || dice.one_in(4);
        for step in script[at].steps.iter().filter(|_| mostly) {
            if let Step::Write(key, value) = *step {
                state[key as usize].push(value);
            }
        }
    }
    for step in script.iter_mut().flat_map(|txn| &mut txn.steps) {
        if let Step::Read(key, list) = step {
            let all = &state[*key as usize];
            *list = all[..dice.below(all.len() as u32 + 1) as usize].to_vec();
        }
    }
}

/// Changes something at random.
pub(crate) fn spoil(script: &mut Script, dice: &mut Dice) {
    let at = dice.below(script.len() as u32) as usize;
    let txn = &mut script[at];
    let step = dice.below(txn.steps.len() as u32) as usize;
    match (&mut txn.steps[step], dice.below(6)) {
        (Step::Read(_, list), 0 | 1) => drop(list.pop()),
        (Step::Read(_, list), 2) => list.reverse(),
        (Step::Read(_, list), 3) => list.push(1 + dice.below(12)),
        (Step::Read(_, list), 4) => list.insert(0, 1 + dice.below(12)),
        (_, 5) => txn.outcome = Outcome::Fail,
        _ => txn.steps.swap(0, step),
    }
}
