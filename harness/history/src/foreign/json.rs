//! Histories in JSON: one array of objects, or objects one after another; and our own `history.jsonl`.

mod plain;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::{Place, Trouble};
use super::event::{Draft, Field};
use super::scan::no_event;
use super::value::{Items, Text, Value, Words};
use super::window::Window;
use super::{Format, Take};
use crate::{Header, SCHEMA};
use plain::Plain;

/// Reads all events; gives back what is to be noted.
pub(super) fn read_events(
    window: &mut Window<'_>,
    format: Format,
    take: &mut Take<'_>,
) -> Result<Vec<String>, Trouble> {
    let mut objects = Objects { window, line: 1, pending: 0, in_array: false, after: After::Nothing };
    let mut words = Words::new();
    let mut plain = Plain::default();
    if format == Format::JsonArray {
        objects.open_array()?;
    }
    if format == Format::Dsjepsen {
        read_header(&mut objects)?;
    }
    loop {
        let (bytes, line) = match objects.next()? {
            Next::Object(bytes, line) => (bytes, line),
            Next::End => return Ok(Vec::new()),
            Next::Torn(line) if format == Format::Dsjepsen => {
                return Ok(vec![format!(
                    "line {line} is torn and was dropped: the run did not finish writing it (it was killed, or the disk was full)"
                )]);
            }
            Next::Torn(line) => return Err(Trouble::at_line(line, "the file ends within an event")),
        };
        let draft = match plain.event(bytes, &mut words, format) {
            Some(draft) => draft,
            None => EventSeed { words: &mut words, format }
                .deserialize(&mut serde_json::Deserializer::from_slice(bytes))
                .map_err(|error| located(&malformed(bytes).unwrap_or(error), line))?,
        };
        take(draft.finish(format, line, &mut words).map_err(|problem| Trouble::at_line(line, problem))?)?;
    }
}

/// What is wrong with an object's notation, which is said before all else.
fn malformed(bytes: &[u8]) -> Option<serde_json::Error> {
    serde_json::from_slice::<IgnoredAny>(bytes).err()
}

/// An error of serde's, whose lines count from 1 within the object, and whose words end with the place.
fn located(error: &serde_json::Error, line: u32) -> Trouble {
    let before = u32::try_from(error.line().saturating_sub(1)).unwrap_or(u32::MAX);
    let column = u32::try_from(error.column()).unwrap_or(u32::MAX);
    let said = error.to_string();
    let problem = said.rsplit_once(" at line ").map_or(said.as_str(), |(problem, _)| problem);
    Trouble::Malformed(Place::Line { line: line.saturating_add(before), column }, problem.to_owned())
}

fn read_header(objects: &mut Objects<'_, '_>) -> Result<(), Trouble> {
    let Next::Object(bytes, line) = objects.next()? else { return Err(Trouble::at_line(1, "the header is missing")) };
    match serde_json::from_slice::<Header>(bytes) {
        Ok(header) if header.schema > SCHEMA => {
            let found = header.schema;
            Err(Trouble::at_line(line, format!("schema {found}, and this dsjepsen reads up to {SCHEMA}")))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(Trouble::at_line(line, format!("no header: {error}"))),
    }
}

/// What stands before the next object.
enum After {
    Nothing,
    Object,
    Comma,
    Array,
}

/// What comes next.
enum Next<'w> {
    /// An object, and the line that it begins on.
    Object(&'w [u8], u32),
    /// The end.
    End,
    /// An object that the file ends within, and the line that it begins on.
    Torn(u32),
}

/// The objects of a JSON text, one after another: within one array, or bare.
struct Objects<'w, 's> {
    window: &'w mut Window<'s>,
    /// The line of the first byte of the window.
    line: u32,
    /// How many of the window's bytes have been handed out.
    pending: usize,
    in_array: bool,
    after: After,
}

impl Objects<'_, '_> {
    fn open_array(&mut self) -> Result<(), Trouble> {
        if self.skip_spaces()? != Some(b'[') {
            return Err(Trouble::at_line(self.line, "the array of events is missing"));
        }
        self.window.consume(1);
        self.in_array = true;
        Ok(())
    }

    /// The next byte that is no space.
    fn skip_spaces(&mut self) -> Result<Option<u8>, Trouble> {
        let read = std::mem::take(&mut self.pending);
        self.pass(read);
        loop {
            let data = self.window.data();
            let spaces = data.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let next = data.get(spaces).copied();
            self.pass(spaces);
            if next.is_some() || !self.window.hold_more(Place::line(self.line))? {
                return Ok(next);
            }
        }
    }

    fn pass(&mut self, count: usize) {
        let lines = memchr::memchr_iter(b'\n', &self.window.data()[..count]).count();
        self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.window.consume(count);
    }

    /// The next object.
    fn next(&mut self) -> Result<Next<'_>, Trouble> {
        loop {
            let next = self.skip_spaces()?;
            let unexpected = |problem: &str| Err(Trouble::at_line(self.line, problem));
            match (next, &self.after) {
                (None, _) if self.in_array => return unexpected("the array of events has no end"),
                (None, _) => return Ok(Next::End),
                (Some(_), After::Array) => return unexpected("something follows the array of events"),
                (Some(b'{'), After::Object) if self.in_array => return unexpected("a comma is missing between events"),
                (Some(b'{'), _) => break,
                (Some(b','), After::Object) if self.in_array => self.after = After::Comma,
                (Some(b','), After::Object) => {
                    return unexpected(
                        "a comma stands between events that no array encloses: leave it out, or put all into one array",
                    );
                }
                (Some(b']'), After::Comma) if self.in_array => {
                    return unexpected("a comma stands before the end of the array: leave it out");
                }
                (Some(b']'), After::Nothing | After::Object) if self.in_array => {
                    self.after = After::Array;
                    self.in_array = false;
                }
                _ => return Err(Trouble::at_line(self.line, no_event(self.window.data()))),
            }
            self.window.consume(1);
        }
        let line = self.line;
        let mut end = End::default();
        let length = loop {
            if let Some(length) = end.find(self.window.data()) {
                break length;
            }
            if !self.window.hold_more(Place::line(line))? {
                return Ok(Next::Torn(line));
            }
        };
        self.after = After::Object;
        self.pending = length;
        Ok(Next::Object(&self.window.data()[..length], line))
    }
}

/// Looks for the end of an object, by its brackets.
#[derive(Default)]
struct End {
    searched: usize,
    depth: usize,
    in_string: bool,
}

impl End {
    /// The length of the object that the bytes begin with. May be asked again with more bytes behind the same ones.
    fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        while self.searched < bytes.len() {
            if self.in_string {
                self.searched += memchr::memchr2(b'"', b'\\', &bytes[self.searched..])?;
                if bytes[self.searched] == b'\\' {
                    bytes.get(self.searched + 1)?;
                    self.searched += 1;
                } else {
                    self.in_string = false;
                }
            } else {
                match bytes[self.searched] {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => {
                        self.depth -= 1;
                        if self.depth == 0 {
                            return Some(self.searched + 1);
                        }
                    }
                    _ => {}
                }
            }
            self.searched += 1;
        }
        None
    }
}

/// Reads an event out of an object.
struct EventSeed<'w> {
    words: &'w mut Words,
    format: Format,
}

impl<'de> DeserializeSeed<'de> for EventSeed<'_> {
    type Value = Draft;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Draft, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EventSeed<'_> {
    type Value = Draft;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
        let mut draft = Draft::new();
        while let Some(field) = map.next_key_seed(FieldSeed(self.format))? {
            if matches!(field, Field::Other) {
                map.next_value::<IgnoredAny>()?;
            } else {
                let value = map.next_value_seed(ValueSeed(self.words))?;
                draft.take(field, value).map_err(A::Error::custom)?;
            }
        }
        Ok(draft)
    }
}

struct FieldSeed(Format);

impl<'de> DeserializeSeed<'de> for FieldSeed {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for FieldSeed {
    type Value = Field;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Field, E> {
        Ok(Field::named(name.as_bytes(), self.0))
    }
}

/// Reads any value.
struct ValueSeed<'w>(&'w mut Words);

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or_else(|_| Value::Number(Text::new(number.to_string())), Value::Integer))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        // An integer beyond 64 bits comes here rounded: two that differ would look equal. Well-formed objects are read by `plain`.
        if number.abs() >= 9_223_372_036_854_775_808.0 {
            return Err(E::custom(
                "a number beyond 64 bits stands in an object with the same key twice, or too deep in others",
            ));
        }
        Ok(Value::float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.0.text(text.as_bytes()).map(Value::String).ok_or_else(|| E::custom("no UTF-8"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(ValueSeed(self.0))? {
            items.push(item);
        }
        Ok(Value::List(Items::from(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key_seed(ValueSeed(self.0))? {
            entries.push((key, map.next_value_seed(ValueSeed(self.0))?));
        }
        Value::map(entries).ok_or_else(|| A::Error::custom("an object with the same key twice"))
    }
}
