//! `delay`: data arrive later, in order.

use dsjepsen_history::Pattern;

use super::links::LinkFault;
use crate::network::{Distribution, Effect};
use crate::units::read_duration;

/// The fault `delay`.
pub(super) const FAULT: LinkFault = LinkFault {
    name: "delay",
    about: "data between nodes, and of their clients, arrive later, in order",
    arguments: "`A > B` for the data of A on their way to B, `A` for all to and from A, each one, minority, majority, all, leader, or nodes as in `n1 n3` (default: all); then, behind a comma, `50ms`, `20ms..80ms`, `50ms +- 10ms` (normal) or `exp 50ms` (default: 20ms..80ms)",
    label: "delayed",
    colours: ["#8a5a2b", "#d9a86c"],
    pattern: Pattern::Dashes,
    between: "all",
    value: "20ms..80ms",
    effect,
    rhythm: |_| None,
    forms: "`50ms`, `20ms..80ms`, `50ms +- 10ms` or `exp 50ms`",
};

fn effect(value: &str) -> Option<Effect> {
    let by = if let Some((from, to)) = value.split_once("..") {
        let (from, to) = (read_duration(from.trim())?, read_duration(to.trim())?);
        (from <= to).then_some(Distribution::Uniform { from, to })?
    } else if let Some((mean, deviation)) = value.split_once("+-") {
        Distribution::Normal { mean: read_duration(mean.trim())?, deviation: read_duration(deviation.trim())? }
    } else if let Some(mean) = value.strip_prefix("exp ") {
        Distribution::Exponential { mean: read_duration(mean.trim())? }
    } else {
        Distribution::Constant(read_duration(value)?)
    };
    Some(Effect::Delay { by })
}
