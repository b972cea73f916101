//! `reset`: connections are broken off.

use dsjepsen_history::Pattern;

use super::links::LinkFault;
use crate::network::Effect;
use crate::units::read_bytes;

/// The fault `reset`.
pub(super) const FAULT: LinkFault = LinkFault {
    name: "reset",
    about: "connections are closed with RST, new ones as soon as they are accepted, or each after so many bytes",
    arguments: "`A > B` for the data of A on their way to B, `A` for all to and from A, each one, minority, majority, all, leader, or nodes as in `n1 n3` (default: one); then, behind a comma, `after 2kB` for each after so many bytes of that direction (default: all at once)",
    label: "reset",
    colours: ["#5a5a5a", "#bdbdbd"],
    pattern: Pattern::Crosses,
    between: "one",
    value: "",
    effect,
    rhythm: |_| None,
    forms: "`after 2kB`, or nothing",
};

fn effect(value: &str) -> Option<Effect> {
    match value.strip_prefix("after ") {
        None => value.is_empty().then_some(Effect::Reset),
        Some(bytes) => Some(Effect::ResetAfter { bytes: read_bytes(bytes.trim())? }),
    }
}
