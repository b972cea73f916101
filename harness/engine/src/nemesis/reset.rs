//! `reset`: connections are broken off.

use dsjepsen_history::Pattern;

use super::links::LinkFault;
use crate::network::Effect;
use crate::units::read_bytes;

/// The fault `reset`.
pub(super) const FAULT: LinkFault = LinkFault {
    name: "reset",
    about: "connections are closed with RST, new ones as soon as they are accepted, or each after so many bytes",
    label: "reset",
    colours: ["#5a5a5a", "#bdbdbd"],
    pattern: Pattern::Crosses,
    between: "one",
    value: "",
    effect,
    rhythm: |_| None,
    forms: "`after 2kB` for each after so many bytes of that direction, above 0, or nothing for all at once",
};

fn effect(value: &str) -> Option<Effect> {
    match value.strip_prefix("after ") {
        None => value.is_empty().then_some(Effect::Reset),
        Some(bytes) => Some(Effect::ResetAfter { bytes: read_bytes(bytes.trim()).filter(|bytes| *bytes > 0)? }),
    }
}
