//! Tests of the readers by small samples, and by garbage.

mod edn;
mod formats;
mod garbage;
mod memory;
mod oracle;
mod order;
mod pairing;

use super::*;
use crate::EventType;

fn events(text: &str) -> Vec<ForeignEvent> {
    events_as(text, None)
}

fn events_as(text: &str, format: Option<Format>) -> Vec<ForeignEvent> {
    let mut events = Vec::new();
    let history = read_foreign_with(text.as_bytes(), "sample", format, |event| events.push(event)).unwrap();
    assert!(matches!(history.body, ForeignBody::Operations(_)), "{history:?}");
    events
}

fn problem(text: &str) -> String {
    read_foreign_with(text.as_bytes(), "sample", None, drop).unwrap_err().to_string()
}

/// An event in few words: `3 invoke cas [1 2]`.
fn brief(event: &ForeignEvent) -> String {
    let process = match &event.process {
        ForeignProcess::Client(number) => number.to_string(),
        ForeignProcess::Named(name) => name.to_string(),
        ForeignProcess::Unstated => "-".to_owned(),
    };
    let event_type = match event.event_type {
        EventType::Invoke => "invoke",
        EventType::Ok => "ok",
        EventType::Fail => "fail",
        EventType::Info => "info",
    };
    format!("{process} {event_type} {} {}", event.f.as_deref().unwrap_or("-"), event.value)
}

fn briefs(text: &str) -> Vec<String> {
    events(text).iter().map(brief).collect()
}
