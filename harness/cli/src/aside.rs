//! What is said beside the output. A terminal that is gone is no reason to end otherwise, and `eprintln!` would.

use std::fmt::Display;
use std::io::{Write, stderr};

/// Writes a line to standard error, if anybody is there to read it.
pub(crate) fn aside(text: impl Display) {
    let _ = writeln!(stderr(), "{text}");
}
