//! Events of foreign histories: what stands on one line of a history in Jepsen's manner.

use super::Format;
use super::clients;
use super::value::{Text, Value, Words};
use crate::EventType;

/// Who caused a foreign event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ForeignProcess {
    /// A client's process.
    Client(i64),
    /// The injector of faults (`nemesis`), or a client or whatever else goes by a name: [`super::Pairing`] tells them apart.
    Named(Text),
    /// The history does not say. Such events have no order among themselves but that of the file.
    Unstated,
}

/// One event of a foreign history.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignEvent {
    /// Who caused it.
    pub process: ForeignProcess,
    /// What it is.
    pub event_type: EventType,
    /// The kind of operation, in the history's own word without a colon; lists of transactions often have none.
    pub f: Option<Text>,
    /// What was asked, or what came of it. With a key of its own (`edn-lines-kv`) it is `[key value]`, as independent keys are.
    pub value: Value,
    /// Its time in ns, counted from wherever the history counts from.
    pub time: Option<i64>,
    /// The number that the history gives it.
    pub index: Option<i64>,
    /// Whether an `:error` stands there, be it nil: a client that had nothing to say of an exception writes nil.
    pub has_error: bool,
    /// The line that it begins on, counted from 1.
    pub line: u32,
}

/// What an event is, where it is none.
const WITHOUT_TYPE: &str = "an event without a type: an event is a map with `type` (invoke, ok, fail, info), `process`, `f` and `value`, by these names";

/// An event while it is read.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) event_type: Option<EventType>,
    pub(super) process: ForeignProcess,
    pub(super) f: Option<Text>,
    pub(super) value: Value,
    pub(super) key: Option<Value>,
    pub(super) time: Option<Value>,
    pub(super) index: Option<i64>,
    pub(super) has_error: bool,
    pub(super) is_nemesis: bool,
}

impl Draft {
    pub(super) fn new() -> Self {
        Self {
            event_type: None,
            process: ForeignProcess::Unstated,
            f: None,
            value: Value::Nil,
            key: None,
            time: None,
            index: None,
            has_error: false,
            is_nemesis: false,
        }
    }

    /// Takes one field. Those that mean nothing here are ignored.
    pub(super) fn take(&mut self, field: Field, value: Value) -> Result<(), String> {
        match field {
            Field::Type => self.event_type = Some(event_type(&value)?),
            Field::Process => self.process = process(value)?,
            Field::F => self.f = kind(value)?,
            Field::Value => self.value = value,
            Field::Key => self.key = Some(value),
            Field::Time => self.time = Some(value),
            Field::Index => self.index = index(&value),
            Field::Error => self.has_error = true,
            Field::Nemesis => self.is_nemesis = value == Value::Bool(true),
            Field::Other => {}
        }
        Ok(())
    }

    /// The event, with what is peculiar to its format set right.
    pub(super) fn finish(mut self, format: Format, line: u32, words: &mut Words) -> Result<ForeignEvent, String> {
        let event_type = self.event_type.ok_or(WITHOUT_TYPE)?;
        match format {
            Format::EdnLinesKv => {
                let key = self.key.take().ok_or("an event without a key")?;
                self.value = Value::list([key, std::mem::replace(&mut self.value, Value::Nil)]);
            }
            Format::JepsenInJava => {
                let f = self.f.as_deref().map(str::to_lowercase);
                let is_read = f.as_deref() == Some("read");
                let is_unanswered = matches!(event_type, EventType::Fail | EventType::Info) && !self.is_nemesis;
                if (is_read && event_type != EventType::Ok) || (is_unanswered && self.value == Value::Integer(0)) {
                    // Written 0 for want of a nil.
                    self.value = Value::Nil;
                }
                self.f = f.and_then(|f| words.text(f.as_bytes()));
                if self.is_nemesis {
                    self.process = ForeignProcess::Named(Text::new("nemesis"));
                }
            }
            _ => {}
        }
        Ok(ForeignEvent {
            process: self.process,
            event_type,
            f: self.f,
            value: self.value,
            time: self.time.and_then(|time| nanoseconds(&time, format)),
            index: self.index,
            has_error: self.has_error,
            line,
        })
    }
}

/// The fields of an event that mean something here.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field {
    Type,
    Process,
    F,
    Value,
    Key,
    Time,
    Index,
    Error,
    Nemesis,
    Other,
}

impl Field {
    pub(super) fn named(name: &[u8], format: Format) -> Self {
        match name {
            b"type" => Self::Type,
            b"process" => Self::Process,
            b"f" => Self::F,
            b"value" => Self::Value,
            b"time" | b"time_ns" => Self::Time,
            b"index" => Self::Index,
            b"error" => Self::Error,
            b"key" if format == Format::EdnLinesKv => Self::Key,
            b"nemesis" if format == Format::JepsenInJava => Self::Nemesis,
            b"p" if format == Format::Synthetic => Self::Process,
            b"t" if format == Format::Synthetic => Self::Type,
            b"v" if format == Format::Synthetic => Self::Value,
            _ => Self::Other,
        }
    }
}

pub(super) fn event_type(value: &Value) -> Result<EventType, String> {
    let known =
        [("invoke", EventType::Invoke), ("ok", EventType::Ok), ("fail", EventType::Fail), ("info", EventType::Info)];
    let word = value.as_word().map(without_colon).unwrap_or_default();
    known.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, known)| known).ok_or_else(|| {
        format!(
            "{} is no type of event: they are invoke, ok, fail, and info where nobody knows what came of it",
            shown(value)
        )
    })
}

/// A keyword that was written as a string, colon and all.
fn without_colon(word: &str) -> &str {
    word.strip_prefix(':').unwrap_or(word)
}

/// A string in place of a keyword.
fn as_keyword(word: Text) -> Text {
    match word.strip_prefix(':') {
        Some(bare) if !bare.is_empty() => Text::new(bare),
        _ => word,
    }
}

pub(super) fn process(value: Value) -> Result<ForeignProcess, String> {
    match value {
        Value::Integer(number) if clients::is_free(number) => Ok(ForeignProcess::Client(number)),
        Value::String(name) => Ok(clients::of_text(as_keyword(name))),
        Value::Keyword(name) | Value::Symbol(name) => Ok(ForeignProcess::Named(name)),
        Value::Nil => Ok(ForeignProcess::Unstated),
        other => Err(format!("{} is no process: they are whole numbers or names", shown(&other))),
    }
}

pub(super) fn kind(value: Value) -> Result<Option<Text>, String> {
    match value {
        Value::Keyword(word) | Value::Symbol(word) => Ok(Some(word)),
        Value::String(word) => Ok(Some(as_keyword(word))),
        Value::Nil => Ok(None),
        other => Err(format!("{} is no kind of operation", shown(&other))),
    }
}

/// The number of an event; some write it as a string, or as a floating point number.
fn index(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(index) => Some(*index),
        Value::String(text) => text.trim().parse().ok(),
        #[expect(clippy::cast_possible_truncation, reason = "the range is held")]
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 9.0e15 => Some(*number as i64),
        _ => None,
    }
}

/// jepsen-in-java counts in ms, all others in ns.
fn nanoseconds(time: &Value, format: Format) -> Option<i64> {
    let unit = if format == Format::JepsenInJava { 1_000_000 } else { 1 };
    let (whole, part) = match time {
        Value::Integer(number) => (*number, 0.0),
        #[expect(clippy::cast_possible_truncation, reason = "the range is held")]
        Value::Float(number) if number.abs() < 9.2e18 => (number.trunc() as i64, number.fract()),
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "less than a millisecond")]
    let part = (part * f64::from(unit)) as i64;
    whole.checked_mul(i64::from(unit))?.checked_add(part)
}

/// A value in a sentence, cut where it would fill the page.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 {
        return format!("`{text}`");
    }
    format!("`{}…`", text.chars().take(60).collect::<String>())
}
