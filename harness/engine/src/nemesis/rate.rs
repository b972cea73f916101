//! `rate`: links carry no more than so much.

use dsjepsen_history::Pattern;

use super::links::LinkFault;
use crate::network::Effect;
use crate::units::read_bytes;

/// The fault `rate`.
pub(super) const FAULT: LinkFault = LinkFault {
    name: "rate",
    about: "links carry no more than so many bytes a second, all connections together",
    label: "slow link",
    colours: ["#3d5f8a", "#8fb2dd"],
    pattern: Pattern::Grid,
    between: "all",
    value: "32kB/s",
    effect,
    rhythm: |_| None,
    forms: "how much, above 0, as in `64kB/s`, `1MB/s` or `800kbit/s`",
};

fn effect(value: &str) -> Option<Effect> {
    let bytes_per_second = read_bytes(value.strip_suffix("/s")?).filter(|rate| *rate > 0)?;
    Some(Effect::Rate { bytes_per_second })
}
