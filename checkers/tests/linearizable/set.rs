//! Sets: elements that are inserted, removed and looked for, elements that are added and read, and all of it at once.

use dsjepsen_checkers::models::set::{Call, Reply, Set};

use crate::containers::check;
use crate::kit::{Play, Random, compare};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// So many elements, each answer a boolean.
    Elements(u32),
    /// Each element is added once, and all are read.
    Reads,
    /// Anything.
    All,
}

struct Sets {
    set: Set<u32>,
    kind: Kind,
}

impl Play for Sets {
    type Model = Set<u32>;

    fn model(&self) -> &Set<u32> {
        &self.set
    }

    fn call(&self, random: &mut Random, fresh: u32, _process: u32) -> Call<u32> {
        let elements = if let Kind::Elements(elements) = self.kind { elements } else { 3 };
        match (self.kind, random.below(5)) {
            (Kind::Reads, 0 | 1) | (Kind::All, 0) => Call::Read,
            (Kind::Reads, _) => Call::Insert(fresh),
            (_, 0 | 1) => Call::Insert(random.below(elements)),
            (_, 2 | 3) => Call::Contains(random.below(elements)),
            (_, _) => Call::Remove(random.below(elements)),
        }
    }

    fn answer(&self, state: &Vec<u32>, call: &Call<u32>) -> Option<(Reply<u32>, Vec<u32>)> {
        let mut after = state.clone();
        let answer = match call {
            Call::Insert(element) => {
                let is_new = !state.contains(element);
                after.extend(is_new.then_some(*element));
                is_new
            }
            Call::Remove(element) => {
                after.retain(|held| held != element);
                after.len() < state.len()
            }
            Call::Contains(element) => state.contains(element),
            Call::Read => return Some((Reply::All(state.clone().into()), after)),
        };
        after.sort_unstable();
        let says = self.kind != Kind::Reads && (self.kind != Kind::All || answer || matches!(call, Call::Contains(_)));
        Some((if says { Reply::Answer(answer) } else { Reply::Done }, after))
    }

    fn any_reply(&self, call: &Call<u32>, random: &mut Random) -> Reply<u32> {
        match call {
            Call::Read => {
                let most = if self.kind == Kind::Reads { 8 } else { 3 };
                let mask = random.below(256);
                Reply::All((0..most).filter(|element| mask >> element & 1 == 1).collect())
            }
            Call::Insert(_) | Call::Remove(_) if random.percent(15) => Reply::Done,
            _ => Reply::Answer(random.percent(50)),
        }
    }
}

#[test]
fn sets_of_elements() {
    for (seed, elements) in (1..).zip([1, 3, 6]) {
        check(&Sets { set: Set::new(), kind: Kind::Elements(elements) }, seed);
    }
}

#[test]
fn sets_that_are_read() {
    check(&Sets { set: Set::new(), kind: Kind::Reads }, 4);
}

#[test]
fn sets_of_which_anything_is_asked() {
    let tally = compare(&Sets { set: Set::new(), kind: Kind::All }, 5);
    assert!(tally.right > 100 && tally.wrong > 100, "{tally:?}");
}
