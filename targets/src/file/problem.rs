//! What can be wrong with a target's file, and where: line, column and key.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use thiserror::Error;
use toml::de::{DeTable, DeValue};

/// Something is wrong at a place of the text; the sentence holds the mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    place: Option<Range<usize>>,
    sentence: String,
}

impl Problem {
    pub(super) fn new(place: Range<usize>, sentence: impl Into<String>) -> Self {
        Self { place: Some(place), sentence: sentence.into() }
    }

    /// With line, column and key.
    pub(super) fn locate(self, path: &Path, text: &str) -> FileError {
        let Some(place) = self.place else {
            return FileError { path: path.to_owned(), place: None, sentence: self.sentence };
        };
        let before = &text[..floor(text, place.start)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let place = Some(Place { line, column, key: key_at(text, &place) });
        FileError { path: path.to_owned(), place, sentence: self.sentence }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.sentence)
    }
}

impl From<toml::de::Error> for Problem {
    fn from(error: toml::de::Error) -> Self {
        Self { place: error.span(), sentence: error.message().replace('\n', "; ") }
    }
}

/// Where something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    /// `node.command[2]`; empty where the text is no TOML at all, or for the whole file.
    key: String,
}

/// Why a target's file is of no use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{}: {sentence}", .path.display(), shown(.place.as_ref()))]
pub struct FileError {
    path: PathBuf,
    place: Option<Place>,
    sentence: String,
}

impl FileError {
    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self { path: path.to_owned(), place: None, sentence: format!("cannot be read: {error}") }
    }
}

fn shown(place: Option<&Place>) -> String {
    match place {
        None => String::new(),
        Some(Place { line, column, key }) if key.is_empty() => format!(", line {line}, column {column}"),
        Some(Place { line, column, key }) => format!(", line {line}, column {column}, `{key}`"),
    }
}

/// The nearest start of a character at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// The key whose own text or value begins nearest before a place and holds it.
fn key_at(text: &str, place: &Range<usize>) -> String {
    let (document, _) = DeTable::parse_recoverable(text);
    let mut path = String::new();
    descend(document.get_ref(), place, &mut path);
    let word = text.get(place.clone()).unwrap_or_default();
    let is_key = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    // A key that was not taken, such as one that stands there twice, is in no table; the place is all there is of it.
    if path.is_empty() && word.chars().all(is_key) { word.to_owned() } else { path }
}

fn descend(table: &DeTable<'_>, place: &Range<usize>, path: &mut String) {
    let holds = |span: Range<usize>| span.start <= place.start && place.end <= span.end;
    for (key, value) in table {
        let named = holds(key.span());
        if named || holds(value.span()) || value.get_ref().as_table().is_some_and(|table| mentions(table, place)) {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(key.get_ref());
            if !named {
                inside(value.get_ref(), place, path);
            }
            return;
        }
    }
}

/// Whether something in a table holds the place; the table itself may be spread over the text.
fn mentions(table: &DeTable<'_>, place: &Range<usize>) -> bool {
    let mut path = String::new();
    descend(table, place, &mut path);
    !path.is_empty()
}

fn inside(value: &DeValue<'_>, place: &Range<usize>, path: &mut String) {
    match value {
        DeValue::Table(table) => descend(table, place, path),
        DeValue::Array(values) => {
            let within = |span: Range<usize>| span.start <= place.start && place.end <= span.end;
            if let Some(position) = values.iter().position(|value| within(value.span())) {
                path.push_str(&format!("[{position}]"));
                inside(values[position].get_ref(), place, path);
            }
        }
        _ => {}
    }
}
