//! Histories in EDN: a stream of maps, or one vector or list of them; with comments, over as many lines as they like.

use super::error::{Place, Trouble};
use super::event::{Draft, Field, ForeignEvent};
use super::scan::{Memory, Scanner, Stop, no_event, place, wrong};
use super::value::Value;
use super::window::Window;
use super::{Format, Take};

/// Reads all events.
pub(super) fn read_events(window: &mut Window<'_>, format: Format, take: &mut Take<'_>) -> Result<(), Trouble> {
    let mut memory = Memory::new();
    let mut stage = Stage::Start;
    let mut line = 1;
    // What of the line of the first byte was read and forgotten.
    let mut column = 0;
    loop {
        let mut scanner =
            Scanner { bytes: window.data(), is_last: window.is_finished(), at: 0, line, memory: &mut memory };
        let mut read = 0;
        let stop = loop {
            match step(&mut scanner, &mut stage, format) {
                Ok(Some(event)) => take(event)?,
                Ok(None) if matches!(stage, Stage::End) => return Ok(()),
                Ok(None) => {}
                Err(stop) => break stop,
            }
            (read, line) = (scanner.at, scanner.line);
        };
        let here = scanner.line;
        if let Stop::Wrong(problem) = stop {
            let (at, problem) = *problem;
            return Err(Trouble::Malformed(
                shifted(place(window.data(), at, here), window.data(), at, column),
                problem,
            ));
        }
        if window.is_finished() {
            return Err(Trouble::at_line(line, "the file ends within an event"));
        }
        column = match memchr::memrchr(b'\n', &window.data()[..read]) {
            Some(newline) => read - newline - 1,
            None => column + read,
        };
        window.consume(read);
        window.hold_more(Place::line(line))?;
    }
}

/// Reads a text that is one value, such as an option.
///
/// # Errors
/// What is wrong with it.
pub fn read_value(text: &str) -> Result<Value, String> {
    let mut memory = Memory::new();
    let mut scanner = Scanner { bytes: text.as_bytes(), is_last: true, at: 0, line: 1, memory: &mut memory };
    let said = |stop: Stop| match stop {
        Stop::More => format!("`{text}` ends within a value"),
        Stop::Wrong(problem) => format!("`{text}` is no EDN: {}", problem.1),
    };
    if scanner.peek().map_err(said)?.is_none() {
        return Err("a value is missing".to_owned());
    }
    let value = scanner.value().map_err(said)?;
    match scanner.peek().map_err(said)? {
        None => Ok(value),
        Some(_) => Err(format!("`{text}` is more than one value")),
    }
}

/// A place on the line that the window begins with, counted from where that line begins.
fn shifted(place: Place, bytes: &[u8], at: usize, forgotten: usize) -> Place {
    match place {
        Place::Line { line, column } if !bytes[..at.min(bytes.len())].contains(&b'\n') => {
            Place::Line { line, column: column.saturating_add(u32::try_from(forgotten).unwrap_or(u32::MAX)) }
        }
        place => place,
    }
}

/// Where in the file the reader is.
enum Stage {
    /// Before the first event: a bracket may open.
    Start,
    /// Among events that nothing encloses.
    Open,
    /// Within one vector or list that ends with this byte.
    Inside(u8),
    /// After its end.
    After,
    /// At the end of the file.
    End,
}

/// Reads one event, or passes one bracket.
fn step(scanner: &mut Scanner<'_>, stage: &mut Stage, format: Format) -> Result<Option<ForeignEvent>, Stop> {
    let Some(byte) = scanner.peek_past_discards()? else {
        if matches!(stage, Stage::Inside(_)) {
            return wrong(scanner.at, "the vector of events has no end");
        }
        *stage = Stage::End;
        return Ok(None);
    };
    match (&*stage, byte) {
        (Stage::Start, b'[') => *stage = Stage::Inside(b']'),
        (Stage::Start, b'(') => *stage = Stage::Inside(b')'),
        (Stage::Inside(close), byte) if *close == byte => *stage = Stage::After,
        (Stage::Start | Stage::Open | Stage::Inside(_), b'{') => {
            let event = event(scanner, format)?;
            if matches!(stage, Stage::Start) {
                *stage = Stage::Open;
            }
            return Ok(Some(event));
        }
        (Stage::Start | Stage::Open | Stage::Inside(_), b'#') => return past_tag(scanner),
        (Stage::After, _) => return wrong(scanner.at, "something follows the vector of events"),
        _ => return wrong(scanner.at, no_event(&scanner.bytes[scanner.at..])),
    }
    scanner.at += 1;
    Ok(None)
}

/// Passes the tag of a record: `#jepsen.history.Op{…}`.
fn past_tag(scanner: &mut Scanner<'_>) -> Result<Option<ForeignEvent>, Stop> {
    let tag = scanner.token(scanner.at + 1)?;
    if tag.is_empty() || tag.starts_with(b"#") {
        return wrong(scanner.at, "an event begins with `{`");
    }
    scanner.at += 1 + tag.len();
    match scanner.expect()? {
        b'{' | b'#' => Ok(None),
        _ => wrong(scanner.at, "an event begins with `{`"),
    }
}

/// The event whose brace is next.
fn event(scanner: &mut Scanner<'_>, format: Format) -> Result<ForeignEvent, Stop> {
    let (start, line) = (scanner.at, scanner.line);
    let mut draft = Draft::new();
    scanner.at += 1;
    loop {
        let at = match scanner.peek_past_discards()? {
            Some(b'}') => break,
            Some(_) => scanner.at,
            None => return wrong(start, "this event has no end"),
        };
        let field = if scanner.bytes[at] == b':' {
            let name = scanner.token(at + 1)?;
            scanner.at += 1 + name.len();
            Field::named(name, format)
        } else {
            // JSON's names, where somebody wrote it as EDN.
            match scanner.value()? {
                Value::String(name) => Field::named(name.as_bytes(), format),
                _ => Field::Other,
            }
        };
        scanner.peek_past_discards()?;
        let at = scanner.at;
        let value = scanner.value()?;
        if let Err(problem) = draft.take(field, value) {
            return wrong(at, problem);
        }
    }
    scanner.at += 1;
    match draft.finish(format, line, &mut scanner.memory.words) {
        Ok(event) => Ok(event),
        Err(problem) => {
            scanner.line = line;
            wrong(start, problem)
        }
    }
}
