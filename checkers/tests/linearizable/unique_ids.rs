//! Sources of ids.

use std::collections::BTreeSet;

use dsjepsen_checkers::models::unique_ids::{Generate, UniqueIds};

use crate::kit::{Play, Random, compare};

struct Sources(UniqueIds<u32>);

impl Play for Sources {
    type Model = UniqueIds<u32>;

    fn model(&self) -> &UniqueIds<u32> {
        &self.0
    }

    fn call(&self, _random: &mut Random, _fresh: u32, _process: u32) -> Generate {
        Generate
    }

    fn answer(&self, given: &BTreeSet<u32>, _call: &Generate) -> Option<(u32, BTreeSet<u32>)> {
        let id = given.last().map_or(0, |last| last + 1);
        Some((id, given.iter().copied().chain([id]).collect()))
    }

    fn any_reply(&self, _call: &Generate, random: &mut Random) -> u32 {
        random.below(8)
    }
}

#[test]
fn ids() {
    let tally = compare(&Sources(UniqueIds::default()), 50);
    assert!(tally.right > 1_000 && tally.by_itself == tally.right + tally.wrong, "{tally:?}");
    assert!(tally.by_itself_wrong > 200, "{tally:?}");
}
