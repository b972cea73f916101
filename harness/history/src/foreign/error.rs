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
    #[error("{name} is no history in a format known here ({known}); it begins with `{beginning}`")]
    Unrecognised {
        /// The history.
        name: String,
        /// The names of the formats.
        known: String,
        /// Its first characters.
        beginning: String,
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
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(source: io::Error) -> Self {
        Self::Io(source)
    }
}
