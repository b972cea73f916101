//! What a command says. A reader that is gone, or a full disk behind a redirection, is no reason to end otherwise, and `println!` would:
//! it panics, and the exit code of the verdict is lost.

use std::fmt::Display;
use std::io::{Write, stdout};

/// Writes a line to standard output, if anybody is there to read it.
pub(crate) fn say(text: impl Display) {
    let _ = writeln!(stdout(), "{text}");
}
