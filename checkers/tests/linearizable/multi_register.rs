//! Several registers at once.

use dsjepsen_checkers::models::multi_register::{MultiRegister, Step};

use crate::kit::{Play, Random, compare};

struct Registers(MultiRegister<u32, u32>);

impl Play for Registers {
    type Model = MultiRegister<u32, u32>;

    fn model(&self) -> &MultiRegister<u32, u32> {
        &self.0
    }

    /// What a transaction reads is drawn before it happens; where it finds something else, it fails.
    fn call(&self, random: &mut Random, _fresh: u32, _process: u32) -> Vec<Step<u32, u32>> {
        let steps = 1 + random.below(2);
        let step = |_| {
            let (key, value) = (random.below(2), random.below(2));
            if random.percent(50) { Step::Read(key, value) } else { Step::Write(key, value) }
        };
        (0..steps).map(step).collect()
    }

    fn answer(&self, state: &Vec<(u32, u32)>, call: &Vec<Step<u32, u32>>) -> Option<((), Vec<(u32, u32)>)> {
        let mut after = state.clone();
        for step in call {
            match *step {
                Step::Read(key, value) => {
                    let held = after.iter().find(|(held, _)| *held == key).map_or(0, |(_, held)| *held);
                    (held == value).then_some(())?;
                }
                Step::Write(key, value) => {
                    after.retain(|(held, _)| *held != key);
                    after.push((key, value));
                }
            }
        }
        Some(((), after))
    }

    fn any_reply(&self, _call: &Vec<Step<u32, u32>>, _random: &mut Random) {}
}

#[test]
fn several_registers() {
    let tally = compare(&Registers(MultiRegister { initial: vec![(1, 2)], nil: 0 }), 1);
    assert!(tally.right > 100 && tally.wrong > 50, "{tally:?}");
}
