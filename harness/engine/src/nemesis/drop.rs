//! `drop`: data hang, in the asked direction alone.

use dsjepsen_history::Pattern;

use super::links::LinkFault;
use crate::network::Effect;

/// The fault `drop`.
pub(super) const FAULT: LinkFault = LinkFault {
    name: "drop",
    about: "data hang, on open and new connections, in one direction where one is asked for, until the heal",
    label: "dropped",
    colours: ["#8a3d3d", "#dd9090"],
    pattern: Pattern::Zigzag,
    between: "one > all",
    value: "",
    effect,
    rhythm: |_| None,
    forms: "",
};

fn effect(value: &str) -> Option<Effect> {
    value.is_empty().then_some(Effect::Blackhole)
}
