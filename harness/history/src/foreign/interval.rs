//! Histories of complete operations with a start and an end each: those of PolyLin and of fptlin.

use super::error::{Place, Trouble};
use super::room::Tally;
use super::window::{Lines, Window};
use super::{Format, Text};

/// Operations with their times.
///
/// **An end that equals another's start comes before it**: in both formats such operations are ordered, and verdicts depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignIntervals {
    /// The data type that they were done on, in the history's own word: `stack`, `queue`, `priorityqueue`, …
    pub model: Option<Text>,
    /// The operations, in the order of the file.
    pub operations: Vec<ForeignInterval>,
}

/// One operation that began and ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignInterval {
    /// Who did it; PolyLin does not say.
    pub process: Option<i64>,
    /// The method, in the history's own word.
    pub method: Text,
    /// The argument or the result, or both; a truth is 1 or 0.
    pub values: Vec<i64>,
    /// When it was called, in whatever unit.
    pub start: i64,
    /// When it returned.
    pub end: i64,
    /// The line, counted from 1.
    pub line: u32,
}

/// Reads all intervals.
pub(super) fn read(window: &mut Window<'_>, format: Format) -> Result<ForeignIntervals, Trouble> {
    let mut words = super::value::Words::new();
    let mut tally = Tally::new(window.room(), "operations");
    let mut lines = Lines::new(window);
    let mut history = ForeignIntervals { model: None, operations: Vec::new() };
    while let Some((number, line)) = lines.next()? {
        let line = std::str::from_utf8(line).map_err(|_| Trouble::at_line(number, "this line is no UTF-8"))?.trim();
        if let Some(comment) = line.strip_prefix('#') {
            if history.model.is_none() {
                history.model = words.text(comment.trim().as_bytes()).filter(|model| !model.is_empty());
            }
        } else if !line.is_empty() {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let interval = if format == Format::Polylin {
                polylin(&fields, number, &mut words)
            } else {
                fptlin(&fields, number, &mut words)
            };
            let interval = interval.map_err(|problem| Trouble::at_line(number, problem))?;
            // With the allocations of its values and of its part of the list.
            let bytes = 2 * size_of::<ForeignInterval>() + interval.values.capacity() * size_of::<i64>();
            tally.one(bytes, Place::line(number))?;
            history.operations.push(interval);
        }
    }
    Ok(history)
}

/// `method value… start end`.
fn polylin(fields: &[&str], line: u32, words: &mut super::value::Words) -> Result<ForeignInterval, String> {
    let [method, values @ .., start, end] = fields else { return Err("a line is `method value start end`".to_owned()) };
    interval(None, method, values, [start, end], line, words)
}

/// `process start end METHOD value…`.
fn fptlin(fields: &[&str], line: u32, words: &mut super::value::Words) -> Result<ForeignInterval, String> {
    let [process, start, end, method, values @ ..] = fields else {
        return Err("a line is `process start end METHOD value`".to_owned());
    };
    interval(Some(integer(process)?), method, values, [start, end], line, words)
}

fn interval(
    process: Option<i64>,
    method: &str,
    values: &[&str],
    [start, end]: [&str; 2],
    line: u32,
    words: &mut super::value::Words,
) -> Result<ForeignInterval, String> {
    if integer(method).is_ok() {
        return Err(format!("`{method}` is no method"));
    }
    let method = words.text(method.as_bytes()).ok_or("no UTF-8")?;
    let values = values.iter().map(|value| integer(value)).collect::<Result<_, _>>()?;
    let (start, end) = (integer(start)?, integer(end)?);
    if end < start {
        return Err(format!("it ends at {end}, before it starts at {start}"));
    }
    Ok(ForeignInterval { process, method, values, start, end, line })
}

fn integer(text: &str) -> Result<i64, String> {
    match text {
        "true" => Ok(1),
        "false" => Ok(0),
        _ => text.parse().map_err(|_| format!("`{text}` is no integer from {} to {}", i64::MIN, i64::MAX)),
    }
}
