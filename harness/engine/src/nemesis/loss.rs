//! `loss`: segments are lost and sent again; no byte of a stream is lost by that, but all wait for it.

use dsjepsen_history::Pattern;

use super::links::LinkFault;
use crate::network::Effect;

/// The fault `loss`.
pub(super) const FAULT: LinkFault = LinkFault {
    name: "loss",
    about: "segments are lost: their streams stall until they would be sent again, 200 ms or more later",
    arguments: "`A > B` for the data of A on their way to B, `A` for all to and from A, each one, minority, majority, all, leader, or nodes as in `n1 n3` (default: all); then, behind a comma, how many, as in `5%` (default: 2%)",
    label: "lossy",
    colours: ["#4f6d3a", "#a5c58c"],
    pattern: Pattern::Crosses,
    between: "all",
    value: "2%",
    effect,
    rhythm: |_| None,
    forms: "a share from 0.0001% to 90%, as in `5%`",
};

fn effect(value: &str) -> Option<Effect> {
    let percent = value.strip_suffix('%')?.parse::<f64>().ok()?;
    let per_million = (percent > 0.0 && percent <= 90.0).then(|| (percent * 1e4).round() as u32)?;
    Some(Effect::Loss { per_million })
}
