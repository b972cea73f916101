//! `loss`: segments are lost and sent again; no byte of a stream is lost by that, but all wait for it.

use dsjepsen_history::Pattern;

use super::links::LinkFault;
use crate::network::Effect;
use crate::units::read_decimal;

/// A hundredth, in millionths.
const PER_MILLION_OF_PERCENT: u64 = 10_000;
/// Of more than nine tenths nearly nothing would come through.
const MOST_PER_MILLION: u32 = 900_000;

/// The fault `loss`.
pub(super) const FAULT: LinkFault = LinkFault {
    name: "loss",
    about: "segments are lost: their streams stall until they would be sent again, 200 ms or more later",
    label: "lossy",
    colours: ["#4f6d3a", "#a5c58c"],
    pattern: Pattern::Crosses,
    between: "all",
    value: "2%",
    effect,
    rhythm: |_| None,
    forms: "how many, from 0.0001% to 90%, as in `5%`",
};

fn effect(value: &str) -> Option<Effect> {
    let per_million = u32::try_from(read_decimal(value.strip_suffix('%')?, PER_MILLION_OF_PERCENT)?).ok()?;
    (1..=MOST_PER_MILLION).contains(&per_million).then_some(Effect::Loss { per_million })
}
