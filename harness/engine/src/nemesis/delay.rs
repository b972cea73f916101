//! `delay`: data arrive later, in order.

use std::time::Duration;

use dsjepsen_history::Pattern;

use super::links::LinkFault;
use crate::network::{Distribution, Effect};
use crate::units::read_duration;

/// The fault `delay`.
pub(super) const FAULT: LinkFault = LinkFault {
    name: "delay",
    about: "data between nodes, and of their clients, arrive later, in order",
    label: "delayed",
    colours: ["#8a5a2b", "#d9a86c"],
    pattern: Pattern::Dashes,
    between: "all",
    value: "20ms..80ms",
    effect,
    rhythm: |_| None,
    forms: "how late, `50ms`, `20ms..80ms`, `50ms +- 10ms` (normal) or `exp 50ms`, and at least 100us at the longest or on average",
};

/// A shorter delay than this is lost among the others that every link has.
const LEAST: Duration = Duration::from_micros(100);

fn effect(value: &str) -> Option<Effect> {
    let (by, size) = if let Some((from, to)) = value.split_once("..") {
        let (from, to) = (read_duration(from.trim())?, read_duration(to.trim())?);
        (from <= to).then_some((Distribution::Uniform { from, to }, to))?
    } else if let Some((mean, deviation)) = value.split_once("+-") {
        let (mean, deviation) = (read_duration(mean.trim())?, read_duration(deviation.trim())?);
        (Distribution::Normal { mean, deviation }, mean.max(deviation))
    } else if let Some(mean) = value.strip_prefix("exp ") {
        let mean = read_duration(mean.trim())?;
        (Distribution::Exponential { mean }, mean)
    } else {
        let by = read_duration(value)?;
        (Distribution::Constant(by), by)
    };
    (size >= LEAST).then_some(Effect::Delay { by })
}
