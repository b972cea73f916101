//! `slice`: data arrive in small pieces.

use dsjepsen_history::Pattern;

use super::links::LinkFault;
use crate::network::Effect;
use crate::units::{read_bytes, read_duration};

/// The fault `slice`.
pub(super) const FAULT: LinkFault = LinkFault {
    name: "slice",
    about: "data arrive in small pieces, with pauses between: what takes a read for a message finds out",
    label: "sliced",
    colours: ["#7a4a6d", "#cf9cc0"],
    pattern: Pattern::Hatch,
    between: "all",
    value: "16B every 1ms",
    effect,
    rhythm: |_| None,
    forms: "the size of a piece and the pause after it, both above 0, as in `7B every 1ms`, or the size alone",
};

fn effect(value: &str) -> Option<Effect> {
    let (bytes, gap) = value.split_once(" every ").unwrap_or((value, "1ms"));
    let bytes = usize::try_from(read_bytes(bytes.trim())?).ok().filter(|bytes| *bytes > 0)?;
    let gap = read_duration(gap.trim()).filter(|gap| !gap.is_zero())?;
    Some(Effect::Slice { bytes, gap })
}
