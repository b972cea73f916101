//! Histories in Jepsen's log lines: `history.txt`, and logs in which such lines stand among others.

use super::error::{Place, Trouble};
use super::event::{Draft, Field};
use super::scan::{Memory, Scanner, Stop};
use super::value::Value;
use super::window::{Lines, Window};
use super::{Format, Take};
use crate::EventType;

/// What Jepsen's logger writes before an operation.
const LOGGER: &[u8] = b"jepsen.util";

/// Reads all events.
pub(super) fn read_events(window: &mut Window<'_>, format: Format, take: &mut Take<'_>) -> Result<(), Trouble> {
    let mut memory = Memory::new();
    let mut lines = Lines::new(window);
    while let Some((number, line)) = lines.next()? {
        let text = if format == Format::HistoryTxt { Some(line) } else { after_logger(line) };
        let Some(text) = text.filter(|text| !text.trim_ascii().is_empty()) else { continue };
        if format == Format::JepsenUtilLog && !is_event(text) {
            continue;
        }
        let event = event(text, number, &mut memory)
            .and_then(|draft| draft.finish(format, number, &mut memory.words).map_err(|problem| (0, problem)));
        take(event.map_err(|(at, problem)| {
            let column = u32::try_from(line.len() - text.len() + at + 1).unwrap_or(u32::MAX);
            Trouble::Malformed(Place::Line { line: number, column }, problem)
        })?)?;
    }
    Ok(())
}

/// What Jepsen logged on this line, if it did: `INFO  jepsen.util - 0⇥:invoke⇥:read⇥nil`.
pub(super) fn after_logger(line: &[u8]) -> Option<&[u8]> {
    let from = memchr::memmem::find(line, LOGGER)? + LOGGER.len();
    let rest = line[from..].trim_ascii_start();
    rest.strip_prefix(b"-").or_else(|| rest.strip_prefix(b":"))
}

/// Whether a line says who, and that he invoked or completed something.
pub(super) fn is_event(text: &[u8]) -> bool {
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.next().is_some() && matches!(words.next(), Some(b":invoke" | b":ok" | b":fail" | b":info"))
}

/// `process⇥:type⇥:f⇥value[⇥error]`, each of them EDN. The error is anything, also what is no EDN.
fn event(text: &[u8], line: u32, memory: &mut Memory) -> Result<Draft, (usize, String)> {
    let mut scanner = Scanner { bytes: text, is_last: true, at: 0, line, memory };
    let mut draft = Draft::new();
    for field in [Field::Process, Field::Type, Field::F, Field::Value] {
        let present = scanner.peek().map_err(unstopped)?;
        let at = scanner.at;
        let value = match (present, field) {
            (None, Field::Value) => break,
            (None, _) => return Err((at, "a line is `process type f value`".to_owned())),
            (Some(_), _) => scanner.value().map_err(unstopped)?,
        };
        draft.take(field, value).map_err(|problem| (at, problem))?;
    }
    // Some clients put the reason where the value belongs: `:info :write :timed-out`.
    let is_reason =
        matches!(draft.event_type, Some(EventType::Fail | EventType::Info)) && matches!(draft.value, Value::Keyword(_));
    draft.has_error = is_reason || !text[scanner.at..].trim_ascii().is_empty();
    Ok(draft)
}

fn unstopped(stop: Stop) -> (usize, String) {
    match stop {
        Stop::Wrong(problem) => *problem,
        Stop::More => (0, "the line ends within a value".to_owned()),
    }
}
