//! Why a foreign history cannot be read, and where.

use std::fmt;
use std::io;

use thiserror::Error;

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A place in a text.
    Line {
        /// The line, counted from 1.
        line: u32,
        /// The byte within the line, counted from 1; 0 where the whole line is meant.
        column: u32,
    },
    /// A place in binary data: the byte, counted from 0.
    Byte(u64),
}

impl Place {
    pub(super) fn line(line: u32) -> Self {
        Self::Line { line, column: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { line, column: 0 } => write!(out, "line {line}"),
            Self::Line { line, column } => write!(out, "line {line}, column {column}"),
            Self::Byte(byte) => write!(out, "byte {byte}"),
        }
    }
}

/// Why a foreign history cannot be read.
#[derive(Debug, Error)]
pub enum ForeignError {
    /// The source cannot be read, or its compression is damaged.
    #[error("cannot read {name}: {source}")]
    Io {
        /// The history.
        name: String,
        /// The cause.
        source: io::Error,
    },
    /// The bytes are of no format that is known here.
    #[error(
        "{name} is no history in a format known here; line 1 begins with `{beginning}`. {mend}. The formats are {known}"
    )]
    Unrecognised {
        /// The history.
        name: String,
        /// The names of the formats.
        known: String,
        /// Its first characters.
        beginning: String,
        /// What may help.
        mend: &'static str,
    },
    /// Something in it does not belong there.
    #[error("{name}, {place}: {problem}")]
    Malformed {
        /// The history.
        name: String,
        /// Where.
        place: Place,
        /// What is wrong.
        problem: String,
    },
    /// It takes more memory than it may.
    #[error(
        "{name}, {place}: the {count} {what} up to here take {} of memory, and no more than {} is to be had: split the history by \
         its keys, or where nothing is in flight; or judge it where there is more memory",
        Size(*.bytes),
        Size(*.limit)
    )]
    TooLarge {
        /// The history.
        name: String,
        /// How far it was read.
        place: Place,
        /// How many operations, events or transactions were read.
        count: u64,
        /// Which of them.
        what: &'static str,
        /// How many bytes they take.
        bytes: u64,
        /// How many bytes they may take.
        limit: u64,
    },
}

/// Bytes in a sentence.
pub(super) struct Size(pub(super) u64);

impl fmt::Display for Size {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes >= 10 << 20 => write!(out, "{} MiB", bytes >> 20),
            bytes => write!(out, "{} KiB", bytes >> 10),
        }
    }
}

impl ForeignError {
    /// Something that does not belong on a line, found by whoever knows what the history is of. Lines count from 1; a history
    /// without lines has 0.
    pub fn at_line(name: &str, line: u32, problem: impl Into<String>) -> Self {
        Trouble::at_line(line, problem).named(name)
    }
}

/// A [`ForeignError`] before the name of the history is known.
#[derive(Debug)]
pub(super) enum Trouble {
    Io(io::Error),
    Malformed(Place, String),
    TooLarge { place: Place, count: u64, what: &'static str, bytes: u64, limit: u64 },
}

impl Trouble {
    pub(super) fn at_line(line: u32, problem: impl Into<String>) -> Self {
        Self::Malformed(Place::line(line), problem.into())
    }

    pub(super) fn named(self, name: &str) -> ForeignError {
        let name = name.to_owned();
        match self {
            Self::Io(source) => ForeignError::Io { name, source },
            Self::Malformed(place, problem) => ForeignError::Malformed { name, place, problem },
            Self::TooLarge { place, count, what, bytes, limit } => {
                ForeignError::TooLarge { name, place, count, what, bytes, limit }
            }
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(source: io::Error) -> Self {
        Self::Io(source)
    }
}
