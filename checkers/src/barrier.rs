//! Barriers: nobody leaves a generation before all have entered it, and generations do not mix.
//!
//! [`check_barrier`] judges barriers that are passed again and again, and phasers, whose phases are their generations;
//! [`check_latch`] judges a latch, which opens once.
//!
//! A barrier trips at some instant between the arrivals and the departures of a generation. Where generations are told, they trip in
//! their order; where they are not, any set of as many passes as there are parties may be one. Both are decided exactly.

mod generations;
mod latch;
mod untold;

use std::collections::BTreeMap;

use dsjepsen_history::{Index, Judgement};

use crate::Outcome;
use crate::broken::{Broken, counting, impossible, malformed};

pub use latch::{CountDown, LatchWait, check_latch};

const CHECKER: &str = "barrier";
const LEFT_EARLY: &str = "barrier.left-early";

/// One arrival at a barrier, and the departure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarrierPass {
    /// Who arrived. One participant counts once in a generation. Where a barrier counts arrivals and not names, whoever goes on
    /// after an indeterminate arrival needs a new number, as processes do.
    pub participant: u32,
    /// The generation, or phase, that it entered, where that is known: 0, 1, …
    pub generation: Option<u64>,
    /// The index of the invocation: it did not enter before.
    pub arrived: Index,
    /// The index of the completion; none where there was none.
    pub left: Option<Index>,
    /// How it ended.
    pub outcome: BarrierOutcome,
}

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BarrierOutcome {
    /// It waited, and was let through.
    Passed,
    /// It entered a generation that is told, and does not wait for the others (a phaser's `arrive`).
    Arrived,
    /// It entered, and was told that the barrier broke.
    Broken,
    /// It surely never entered.
    Fail,
    /// It may have entered.
    Info,
}

/// How many must enter before anybody leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parties {
    /// As many in each generation.
    Fixed(u32),
    /// A number for each generation: a phaser, where parties come and go.
    Each(BTreeMap<u64, u32>),
}

/// What is promised of a barrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarrierOptions {
    /// How many must enter.
    pub parties: Parties,
    /// Whether some of a generation may be let through where others are told that it broke.
    pub may_mix: bool,
}

/// Judges `barrier.left-early` and, where passes tell their generation, `barrier.generation-order`, `barrier.too-many` and
/// `barrier.mixed`. O(n log n).
///
/// It is unknown where nobody was let through, and where only some of those who were told their generation.
pub fn check_barrier(passes: &[BarrierPass], options: &BarrierOptions) -> Judgement {
    let spans = passes.iter().map(|pass| (pass.arrived, pass.left, pass.outcome.plain()));
    if let Some(problem) = impossible(spans).or_else(|| misfit(passes, &options.parties)) {
        return malformed(CHECKER, problem);
    }
    let mut broken = Broken::default();
    let Counts { through, told, broken: broken_off, unanswered } = Counts::of(passes);
    let generations = match options.parties {
        Parties::Fixed(parties) if told == 0 && !tells(passes) => {
            untold::judge(passes, parties, options.may_mix, &mut broken)
        }
        _ if told < through => {
            let problem = "Some of those let through told their generation and others did not.";
            return malformed(CHECKER, problem);
        }
        _ => generations::judge(passes, options, &mut broken),
    };
    let figures = vec![
        counting("passes", through),
        counting("generations passed", generations),
        counting("arrivals told that the barrier broke", broken_off),
        counting("arrivals without an answer", unanswered),
    ];
    let nothing = (through == 0).then(|| "Nobody was let through the barrier, so nothing was judged.".to_owned());
    broken.judgement(CHECKER, passes.len() as u64, nothing, figures)
}

/// How many passes ended in which way.
#[derive(Default)]
struct Counts {
    through: u64,
    /// Those let through that tell their generation.
    told: u64,
    broken: u64,
    unanswered: u64,
}

impl Counts {
    fn of(passes: &[BarrierPass]) -> Self {
        let mut counts = Self::default();
        for pass in passes {
            match pass.outcome {
                BarrierOutcome::Passed => {
                    counts.through += 1;
                    counts.told += u64::from(pass.generation.is_some());
                }
                BarrierOutcome::Broken => counts.broken += 1,
                BarrierOutcome::Info => counts.unanswered += 1,
                BarrierOutcome::Arrived | BarrierOutcome::Fail => {}
            }
        }
        counts
    }
}

impl BarrierOutcome {
    fn plain(self) -> Outcome {
        match self {
            Self::Passed | Self::Arrived | Self::Broken => Outcome::Ok,
            Self::Fail => Outcome::Fail,
            Self::Info => Outcome::Info,
        }
    }
}

/// Whether any generation is known.
fn tells(passes: &[BarrierPass]) -> bool {
    passes.iter().any(|pass| pass.generation.is_some() && pass.outcome != BarrierOutcome::Fail)
}

/// What of the observations does not go with the barrier.
fn misfit(passes: &[BarrierPass], parties: &Parties) -> Option<String> {
    match parties {
        Parties::Fixed(0) => return Some("A barrier needs at least one party.".to_owned()),
        Parties::Fixed(_) => {}
        Parties::Each(parties) => {
            let unknown = |&generation: &u64| parties.get(&generation).is_none_or(|&parties| parties == 0);
            if let Some(generation) = passes.iter().filter_map(|pass| pass.generation).find(unknown) {
                return Some(format!("How many parties generation {generation} has is not known."));
            }
        }
    }
    let untold = |pass: &&BarrierPass| pass.outcome == BarrierOutcome::Arrived && pass.generation.is_none();
    passes
        .iter()
        .find(untold)
        .map(|pass| format!("The arrival at index {} did not wait, and does not tell its generation.", pass.arrived))
}
