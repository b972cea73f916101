//! A history as text: `{"p":0,"t":"invoke","f":"cas","v":[1,2]}`, an event a line.

use std::io::{self, Write};

use crate::generator::{Call, Event, History, Reply, Value};

/// Writes a history.
///
/// # Errors
/// Those of `to`.
pub(crate) fn write_lines(history: &History, mut to: impl Write) -> io::Result<()> {
    for &event in &history.events {
        let (place, is_end) = match event {
            Event::Invoked(place) => (place, false),
            Event::Ended(place) => (place, true),
        };
        let operation = &history.operations[place];
        let kind = match operation.reply {
            _ if !is_end => "invoke",
            None => "info",
            Some(Reply::Swapped(false)) => "fail",
            Some(_) => "ok",
        };
        let (f, value) = match (operation.call, operation.reply.filter(|_| is_end)) {
            (Call::Read, Some(Reply::Found(value))) => ("read", text(value)),
            (Call::Read, _) => ("read", text(None)),
            (Call::Write(value), _) => ("write", text(value)),
            (Call::Cas { from, to }, _) => ("cas", format!("[{},{}]", text(from), text(to))),
        };
        writeln!(to, r#"{{"p":{},"t":"{kind}","f":"{f}","v":{value}}}"#, operation.process)?;
    }
    to.flush()
}

fn text(value: Value) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}
