//! `half-close`: one direction of a connection comes to its end, the other goes on.

use dsjepsen_history::Pattern;

use super::links::LinkFault;
use crate::network::Effect;
use crate::units::read_bytes;

/// The fault `half-close`.
pub(super) const FAULT: LinkFault = LinkFault {
    name: "half-close",
    about: "one direction of each connection ends with FIN, open or new, while the other goes on; they are reset at the heal",
    label: "half closed",
    colours: ["#2f6b66", "#86c7c0"],
    pattern: Pattern::Hatch,
    between: "one > all",
    value: "",
    effect,
    rhythm: |_| None,
    forms: "`after 2kB` for each after so many bytes of that direction, above 0, or nothing for all at once, behind what had been sent",
};

fn effect(value: &str) -> Option<Effect> {
    match value.strip_prefix("after ") {
        None => value.is_empty().then_some(Effect::HalfClose { after: 0 }),
        Some(bytes) => read_bytes(bytes.trim()).filter(|after| *after > 0).map(|after| Effect::HalfClose { after }),
    }
}
