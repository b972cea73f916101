//! Deques.

use dsjepsen_checkers::models::deque::{Call, Deque, End, Reply};

use crate::kit::{Play, Random, compare};

struct Deques(Deque<u32>);

impl Play for Deques {
    type Model = Deque<u32>;

    fn model(&self) -> &Deque<u32> {
        &self.0
    }

    fn call(&self, random: &mut Random, _fresh: u32, _process: u32) -> Call<u32> {
        let end = if random.percent(50) { End::Front } else { End::Back };
        match random.below(5) {
            0 => Call::Peek(end),
            1 | 2 => Call::Pop(end),
            _ => Call::Push(end, random.below(4)),
        }
    }

    fn answer(&self, state: &Vec<u32>, call: &Call<u32>) -> Option<(Reply<u32>, Vec<u32>)> {
        let mut after = state.clone();
        let (Call::Push(end, _) | Call::Pop(end) | Call::Peek(end)) = call;
        let found = if *end == End::Front { state.first() } else { state.last() };
        let found = found.map_or(Reply::Empty, |found| Reply::Found(*found));
        match call {
            Call::Push(End::Front, value) => after.insert(0, *value),
            Call::Push(End::Back, value) => after.push(*value),
            Call::Pop(End::Front) if !after.is_empty() => drop(after.remove(0)),
            Call::Pop(End::Back) => drop(after.pop()),
            Call::Pop(End::Front) | Call::Peek(_) => {}
        }
        Some((if matches!(call, Call::Push(..)) { Reply::Done } else { found }, after))
    }

    fn any_reply(&self, call: &Call<u32>, random: &mut Random) -> Reply<u32> {
        match call {
            Call::Push(..) => Reply::Done,
            Call::Pop(_) | Call::Peek(_) if random.percent(20) => Reply::Empty,
            Call::Pop(_) | Call::Peek(_) => Reply::Found(random.below(5)),
        }
    }
}

#[test]
fn deques() {
    let tally = compare(&Deques(Deque::new()), 1);
    assert!(tally.right > 100 && tally.wrong > 100, "{tally:?}");
}
