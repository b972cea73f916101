//! `slice`: data arrive in small pieces.

use dsjepsen_history::Pattern;

use super::links::LinkFault;
use crate::network::Effect;
use crate::units::{read_bytes, read_duration};

/// The fault `slice`.
pub(super) const FAULT: LinkFault = LinkFault {
    name: "slice",
    about: "data arrive in small pieces, with pauses between: what takes a read for a message finds out",
    arguments: "`A > B` for the data of A on their way to B, `A` for all to and from A, each one, minority, majority, all, leader, or nodes as in `n1 n3` (default: all); then, behind a comma, the size of a piece, or that and the pause after it, as in `7B every 1ms` (default: 16B every 1ms)",
    label: "sliced",
    colours: ["#7a4a6d", "#cf9cc0"],
    pattern: Pattern::Hatch,
    between: "all",
    value: "16B every 1ms",
    effect,
    rhythm: |_| None,
    forms: "`16B` or `16B every 1ms`",
};

fn effect(value: &str) -> Option<Effect> {
    let (bytes, gap) = value.split_once(" every ").unwrap_or((value, "1ms"));
    let bytes = usize::try_from(read_bytes(bytes.trim())?).ok().filter(|bytes| *bytes > 0)?;
    Some(Effect::Slice { bytes, gap: read_duration(gap.trim())? })
}
