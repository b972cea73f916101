//! Reads EDN values out of a part of a text: one pass over the bytes, a stack of its own in place of recursion.
//!
//! The notation is that of <https://github.com/edn-format/edn>, with what Clojure's printer and `clojure.edn` add to it: ratios,
//! `##NaN`, `\uXXXX`, octal and radix integers, namespaced maps, tags of records, metadata (skipped).

use triomphe::Arc;

use super::error::Place;
use super::value::{Items, Text, Value, Words};

/// How deep values may stand inside one another. Also bounds the recursion when values are compared, shown and dropped.
const DEPTH_MAX: usize = 128;

/// Why no value was read.
#[derive(Debug)]
pub(super) enum Stop {
    /// The bytes end within it, and are not the last ones.
    More,
    /// What stands there is no EDN: where in the bytes, and what is wrong.
    Wrong(Box<(usize, String)>),
}

pub(super) fn wrong<T>(at: usize, problem: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Wrong(Box::new((at, problem.into()))))
}

/// What survives from one part of a text to the next.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) words: Words,
    pub(super) done: Vec<Value>,
    open: Vec<Frame>,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self { words: Words::new(), done: Vec::new(), open: Vec::new() }
    }
}

#[derive(Debug)]
struct Frame {
    kind: Kind,
    /// How many values were done before it.
    start: usize,
}

#[derive(Debug)]
enum Kind {
    Vector,
    List,
    Set,
    Map,
    /// A map whose keys are in this namespace.
    NamespacedMap(Text),
    Tag(Text),
    /// The next value is read and dropped.
    Discard,
}

/// Reads values from bytes.
pub(super) struct Scanner<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether nothing follows the bytes.
    pub(super) is_last: bool,
    pub(super) at: usize,
    /// The line of `at`, counted from 1.
    pub(super) line: u32,
    pub(super) memory: &'a mut Memory,
}

/// Whitespace to EDN: commas too.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b',' | b'\n' | b'\r' | b'\t' | 0x0b | 0x0c)
}

/// The bytes that end a token.
const ENDS: [bool; 256] = {
    let mut ends = [false; 256];
    let bytes = b" ,\n\r\t\x0b\x0c\";()[]{}";
    let mut place = 0;
    while place < bytes.len() {
        ends[bytes[place] as usize] = true;
        place += 1;
    }
    ends
};

impl<'a> Scanner<'a> {
    /// The next byte that is no space and no comment; `None` at the end of the last bytes.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Stop> {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\n' => {
                    self.line = self.line.saturating_add(1);
                    self.at += 1;
                }
                // As to Clojure, a carriage return ends a line too.
                b';' => match memchr::memchr2(b'\n', b'\r', &self.bytes[self.at..]) {
                    Some(length) => self.at += length,
                    None if self.is_last => self.at = self.bytes.len(),
                    None => return Err(Stop::More),
                },
                byte if is_space(byte) => self.at += 1,
                byte => return Ok(Some(byte)),
            }
        }
        if self.is_last { Ok(None) } else { Err(Stop::More) }
    }

    /// As [`Scanner::peek`], where something must follow.
    pub(super) fn expect(&mut self) -> Result<u8, Stop> {
        match self.peek()? {
            Some(byte) => Ok(byte),
            None => wrong(self.at, "the text ends where a value is unfinished"),
        }
    }

    /// Skips values under `#_` and metadata; then as [`Scanner::peek`].
    pub(super) fn peek_past_discards(&mut self) -> Result<Option<u8>, Stop> {
        loop {
            let next = self.peek()?;
            if next != Some(b'#') {
                return Ok(next);
            }
            match self.bytes.get(self.at + 1) {
                Some(b'_') => {
                    self.at += 2;
                    self.value()?;
                }
                Some(_) => return Ok(next),
                None if self.is_last => return Ok(next),
                None => return Err(Stop::More),
            }
        }
    }

    /// The next value.
    pub(super) fn value(&mut self) -> Result<Value, Stop> {
        self.memory.done.clear();
        self.memory.open.clear();
        loop {
            let value = match self.expect()? {
                b'[' => {
                    self.open(Kind::Vector, 1)?;
                    self.integers();
                    continue;
                }
                b'(' => {
                    self.open(Kind::List, 1)?;
                    self.integers();
                    continue;
                }
                b'{' => {
                    self.open(Kind::Map, 1)?;
                    continue;
                }
                b'^' => {
                    self.open(Kind::Discard, 1)?;
                    continue;
                }
                b'#' => match self.dispatch()? {
                    Some(value) => value,
                    None => continue,
                },
                byte @ (b']' | b')' | b'}') => self.close(byte)?,
                b'"' => self.string()?,
                b'\\' => self.character()?,
                _ => self.atom()?,
            };
            if let Some(value) = self.settle(value) {
                return Ok(value);
            }
        }
    }

    fn open(&mut self, kind: Kind, length: usize) -> Result<(), Stop> {
        if self.memory.open.len() >= DEPTH_MAX {
            return wrong(self.at, format!("values stand more than {DEPTH_MAX} deep inside one another"));
        }
        self.at += length;
        self.memory.open.push(Frame { kind, start: self.memory.done.len() });
        Ok(())
    }

    /// Hands a value to what encloses it; gives it back where nothing does.
    fn settle(&mut self, mut value: Value) -> Option<Value> {
        while let Some(frame) = self.memory.open.last() {
            match &frame.kind {
                Kind::Discard => {
                    self.memory.open.pop();
                    return None;
                }
                Kind::Tag(tag) => {
                    value = tagged(tag.clone(), value);
                    self.memory.open.pop();
                }
                _ => {
                    self.memory.done.push(value);
                    // A space is what mostly follows; the rest is for the next look.
                    if self.bytes.get(self.at) == Some(&b' ') {
                        self.at += 1;
                    }
                    self.integers();
                    return None;
                }
            }
        }
        Some(value)
    }

    fn close(&mut self, byte: u8) -> Result<Value, Stop> {
        let at = self.at;
        let fits = self.memory.open.last().is_some_and(|frame| match frame.kind {
            Kind::Vector => byte == b']',
            Kind::List => byte == b')',
            Kind::Set | Kind::Map | Kind::NamespacedMap(_) => byte == b'}',
            Kind::Tag(_) | Kind::Discard => false,
        });
        let Some(frame) = self.memory.open.pop().filter(|_| fits) else {
            return wrong(at, format!("`{}` closes nothing that is open", char::from(byte)));
        };
        self.at += 1;
        let items = self.memory.done.drain(frame.start..);
        let value = match frame.kind {
            Kind::Set => Value::set(items.collect()),
            Kind::Map => entries(items, None),
            Kind::NamespacedMap(space) => entries(items, Some(&space)),
            _ => Some(Value::List(Items::from_exact(items))),
        };
        match value {
            Some(value) => Ok(value),
            None => wrong(at, "a set or map that ends here has a key twice, or a key without value"),
        }
    }

    /// What stands after `#`: a value, or something opened.
    fn dispatch(&mut self) -> Result<Option<Value>, Stop> {
        let Some(&next) = self.bytes.get(self.at + 1) else {
            return if self.is_last { wrong(self.at, "a lone `#` at the end") } else { Err(Stop::More) };
        };
        match next {
            b'{' => self.open(Kind::Set, 2)?,
            b'_' => self.open(Kind::Discard, 2)?,
            b'#' => {
                let token = self.token(self.at + 2)?;
                let number = match token {
                    b"NaN" => f64::NAN,
                    b"Inf" => f64::INFINITY,
                    b"-Inf" => f64::NEG_INFINITY,
                    _ => return wrong(self.at, "`##` stands before NaN, Inf or -Inf"),
                };
                self.at += 2 + token.len();
                return Ok(Some(Value::Float(number)));
            }
            // A pattern, as Clojure prints it.
            b'"' => {
                let tag = self.text(b"regex", self.at)?;
                self.open(Kind::Tag(tag), 1)?;
            }
            b':' => {
                let token = self.token(self.at + 2)?;
                let space = self.text(token, self.at)?;
                let length = 2 + token.len();
                self.at += length;
                if self.expect()? != b'{' {
                    return wrong(self.at, "a map belongs after a namespace");
                }
                self.open(Kind::NamespacedMap(space), 1)?;
            }
            _ => {
                let token = self.token(self.at + 1)?;
                if token.is_empty() || token.starts_with(b"<") {
                    return wrong(self.at, "`#` stands before no tag");
                }
                let tag = self.text(token, self.at)?;
                self.open(Kind::Tag(tag), 1 + token.len())?;
            }
        }
        Ok(None)
    }

    /// The bytes from there to the next that cannot be part of a token.
    pub(super) fn token(&self, from: usize) -> Result<&'a [u8], Stop> {
        let rest: &'a [u8] = &self.bytes[from.min(self.bytes.len())..];
        match rest.iter().position(|byte| ENDS[usize::from(*byte)]) {
            Some(length) => Ok(&rest[..length]),
            None if self.is_last => Ok(rest),
            None => Err(Stop::More),
        }
    }
}

/// A map of alternating keys and values. Keys without a namespace come into the one given; `_` keeps them out.
fn entries(mut items: impl ExactSizeIterator<Item = Value>, space: Option<&str>) -> Option<Value> {
    if !items.len().is_multiple_of(2) {
        return None;
    }
    let mut entries = Vec::with_capacity(items.len() / 2);
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        let key = match (key, space) {
            (Value::Keyword(word), Some(space)) => match word.strip_prefix("_/") {
                Some(bare) => Value::keyword(bare),
                None if word.contains('/') => Value::Keyword(word),
                None => Value::keyword(&format!("{space}/{}", word.as_str())),
            },
            (key, _) => key,
        };
        entries.push((key, value));
    }
    Value::map(entries)
}

/// A record prints as its dotted class before a map, and is that map.
fn tagged(tag: Text, value: Value) -> Value {
    if tag.contains('.') && matches!(value, Value::Map(_)) {
        return value;
    }
    Value::Tagged(Arc::new((tag, value)))
}

/// What stands where an event is expected, and how to mend it.
pub(super) fn no_event(rest: &[u8]) -> String {
    let line = rest.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let text = String::from_utf8_lossy(&line[..line.len().min(160)]);
    let mut excerpt: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().count() > 40 {
        excerpt.push('…');
    }
    format!("an event begins with `{{`, and here stands `{excerpt}`: leave out what is no event")
}

/// Where in a text a byte stands.
pub(super) fn place(bytes: &[u8], at: usize, line: u32) -> Place {
    let before = &bytes[..at.min(bytes.len())];
    let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1) + 1;
    Place::Line { line, column: u32::try_from(column).unwrap_or(u32::MAX) }
}
