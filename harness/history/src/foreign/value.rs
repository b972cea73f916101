//! Data of any foreign history: what EDN and JSON can say, in 16 bytes a value.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use triomphe::{Arc, ThinArc};

/// A word or a string that is cheap to clone and one pointer wide: there is one such pointer in every event.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<String>);

impl Text {
    /// A text of its own; readers share equal ones.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(text.into()))
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As [`Value::heap_bytes`]. The store of [`Words`] and one other hold what nobody shares.
    fn heap_bytes(&self) -> usize {
        if Arc::strong_count(&self.0) > 2 { 0 } else { 64 + self.0.len() }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), out)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self)
    }
}

/// The items of a list, a set or a map. Cheap to clone, one pointer wide.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Items<T>(ThinArc<(), T>);

impl<T> Items<T> {
    pub(super) fn from_exact<I>(items: I) -> Self
    where
        I: Iterator<Item = T> + ExactSizeIterator,
    {
        Self(ThinArc::from_header_and_iter((), items))
    }
}

impl<T> Deref for Items<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0.slice
    }
}

impl<T> From<Vec<T>> for Items<T> {
    fn from(items: Vec<T>) -> Self {
        Self::from_exact(items.into_iter())
    }
}

impl<T: fmt::Debug> fmt::Debug for Items<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, out)
    }
}

/// One value. Lists and vectors are equal, as in Clojure; an integer never equals a float. The order between values is total
/// and says nothing: it is there for ordered maps and sets.
///
/// `Display` writes EDN.
// With a tag of full width values move by whole words; with a byte's, moves stall and reading takes a third longer.
#[derive(Debug, Clone)]
#[repr(u64)]
pub enum Value {
    /// `nil`, `null`, or nothing at all.
    Nil,
    /// `true` or `false`.
    Bool(bool),
    /// An integer of 64 bits; `5N` is one too, as in Clojure.
    Integer(i64),
    /// A number that is neither, exactly as written: a bigger integer, a ratio in lowest terms, a decimal with its `M`.
    Number(Text),
    /// A floating point number. `-0.0` was made `0.0`, and NaN equals itself, so that equal values can be keys.
    Float(f64),
    /// A string.
    String(Text),
    /// A keyword without its colon: `append`, `db/name`.
    Keyword(Text),
    /// A symbol.
    Symbol(Text),
    /// A character.
    Character(char),
    /// A list or a vector.
    List(Items<Value>),
    /// A set, in order.
    Set(Items<Value>),
    /// A map, in the order of its keys.
    Map(Items<(Value, Value)>),
    /// Data under a tag without its `#`: `#inst "2024-01-01"`.
    Tagged(Arc<(Text, Value)>),
}

impl Value {
    /// A list.
    pub fn list(items: impl Into<Vec<Value>>) -> Self {
        Self::List(Items::from(items.into()))
    }

    /// A set; `None` where one value stands twice.
    pub fn set(mut items: Vec<Value>) -> Option<Self> {
        items.sort_unstable();
        items.windows(2).all(|pair| pair[0] != pair[1]).then(|| Self::Set(Items::from(items)))
    }

    /// A map; `None` where one key stands twice.
    pub fn map(mut entries: Vec<(Value, Value)>) -> Option<Self> {
        entries.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        entries.windows(2).all(|pair| pair[0].0 != pair[1].0).then(|| Self::Map(Items::from(entries)))
    }

    /// A keyword.
    pub fn keyword(word: &str) -> Self {
        Self::Keyword(Text::new(word))
    }

    /// A string.
    pub fn string(text: &str) -> Self {
        Self::String(Text::new(text))
    }

    /// A floating point number, made fit to be compared.
    pub fn float(number: f64) -> Self {
        Self::Float(if number.is_nan() {
            f64::NAN
        } else if number == 0.0 {
            0.0
        } else {
            number
        })
    }

    /// Whether this is nil.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The integer.
    pub fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// The text of a keyword, a string or a symbol: where EDN has a keyword, JSON has a string.
    pub fn as_word(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Keyword(text) | Self::Symbol(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is the keyword, string or symbol of that text.
    pub fn is_word(&self, word: &str) -> bool {
        self.as_word() == Some(word)
    }

    /// The items of a list or vector, be it under tags that mean nothing here.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::List(items) = self.data() { Some(items) } else { None }
    }

    /// The key and the value of `[key value]`, be it tagged as Jepsen's independent tuple.
    pub fn as_pair(&self) -> Option<(&Value, &Value)> {
        match self.untagged() {
            Self::List(items) => match &**items {
                [key, value] => Some((key, value)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether its tag says that it is a key and a value of an independent test: `#jepsen.independent/tuple [key value]`.
    pub fn is_tuple(&self) -> bool {
        match self {
            Self::Tagged(tagged) => {
                let tag = tagged.0.to_ascii_lowercase();
                tag.contains("independent") && tag.ends_with("tuple") && self.as_pair().is_some()
            }
            _ => false,
        }
    }

    /// The items of a list, a vector or a set: a read of a set comes as any of them.
    pub fn as_collection(&self) -> Option<&[Value]> {
        match self.data() {
            Self::List(items) | Self::Set(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a map.
    pub fn as_map(&self) -> Option<&[(Value, Value)]> {
        if let Self::Map(entries) = self.data() { Some(entries) } else { None }
    }

    /// What a map has under a keyword or string of that text.
    pub fn get(&self, word: &str) -> Option<&Value> {
        self.as_map()?.iter().find(|(key, _)| key.is_word(word)).map(|(_, value)| value)
    }

    /// The value under the tags that mean nothing here; a tuple is of two objects, and no list like others.
    fn data(&self) -> &Value {
        let mut value = self;
        while let Self::Tagged(tagged) = value
            && !value.is_tuple()
        {
            value = &tagged.1;
        }
        value
    }

    /// The value under all its tags.
    pub fn untagged(&self) -> &Value {
        let mut value = self;
        while let Self::Tagged(tagged) = value {
            value = &tagged.1;
        }
        value
    }

    /// About how many bytes it takes beside its own 16. A word that others share is theirs.
    pub(super) fn heap_bytes(&self) -> usize {
        // The counts of an `Arc` and what the allocator adds.
        const BLOCK: usize = 32;
        match self {
            Self::Nil | Self::Bool(_) | Self::Integer(_) | Self::Float(_) | Self::Character(_) => 0,
            Self::Number(text) | Self::String(text) | Self::Keyword(text) | Self::Symbol(text) => text.heap_bytes(),
            Self::List(items) | Self::Set(items) => {
                BLOCK + size_of_val(&**items) + items.iter().map(Self::heap_bytes).sum::<usize>()
            }
            Self::Map(entries) => {
                let parts = entries.iter().map(|(key, value)| key.heap_bytes() + value.heap_bytes());
                BLOCK + size_of_val(&**entries) + parts.sum::<usize>()
            }
            Self::Tagged(tagged) => BLOCK + size_of_val(&**tagged) + tagged.0.heap_bytes() + tagged.1.heap_bytes(),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Nil => 0,
            Self::Bool(_) => 1,
            Self::Integer(_) => 2,
            Self::Number(_) => 3,
            Self::Float(_) => 4,
            Self::String(_) => 5,
            Self::Keyword(_) => 6,
            Self::Symbol(_) => 7,
            Self::Character(_) => 8,
            Self::List(_) => 9,
            Self::Set(_) => 10,
            Self::Map(_) => 11,
            Self::Tagged(_) => 12,
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Integer(left), Self::Integer(right)) => left.cmp(right),
            (Self::Float(left), Self::Float(right)) => left.total_cmp(right),
            (Self::Number(left), Self::Number(right))
            | (Self::String(left), Self::String(right))
            | (Self::Keyword(left), Self::Keyword(right))
            | (Self::Symbol(left), Self::Symbol(right)) => left.cmp(right),
            (Self::Character(left), Self::Character(right)) => left.cmp(right),
            (Self::List(left), Self::List(right)) | (Self::Set(left), Self::Set(right)) => left.cmp(right),
            (Self::Map(left), Self::Map(right)) => left.cmp(right),
            (Self::Tagged(left), Self::Tagged(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            Self::Nil => {}
            Self::Bool(value) => value.hash(state),
            Self::Integer(value) => value.hash(state),
            Self::Float(value) => value.to_bits().hash(state),
            Self::Number(text) | Self::String(text) | Self::Keyword(text) | Self::Symbol(text) => text.hash(state),
            Self::Character(value) => value.hash(state),
            Self::List(items) | Self::Set(items) => items.hash(state),
            Self::Map(entries) => entries.hash(state),
            Self::Tagged(tagged) => tagged.hash(state),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => out.write_str("nil"),
            Self::Bool(value) => value.fmt(out),
            Self::Integer(value) => value.fmt(out),
            Self::Float(value) if value.is_nan() => out.write_str("##NaN"),
            Self::Float(value) if value.is_infinite() => out.write_str(if *value > 0.0 { "##Inf" } else { "##-Inf" }),
            Self::Float(value) => fmt::Debug::fmt(value, out),
            Self::Number(text) => out.write_str(text),
            Self::String(text) => fmt_string(text, out),
            Self::Keyword(text) => write!(out, ":{}", text.as_str()),
            Self::Symbol(text) => out.write_str(text),
            Self::Character(value) => fmt_character(*value, out),
            Self::List(items) => fmt_items(out, "[", items, "]"),
            Self::Set(items) => fmt_items(out, "#{", items, "}"),
            Self::Map(entries) => {
                out.write_str("{")?;
                for (position, (key, value)) in entries.iter().enumerate() {
                    write!(out, "{}{key} {value}", if position == 0 { "" } else { ", " })?;
                }
                out.write_str("}")
            }
            Self::Tagged(tagged) => write!(out, "#{} {}", tagged.0.as_str(), tagged.1),
        }
    }
}

fn fmt_items(out: &mut fmt::Formatter<'_>, open: &str, items: &[Value], close: &str) -> fmt::Result {
    out.write_str(open)?;
    for (position, item) in items.iter().enumerate() {
        write!(out, "{}{item}", if position == 0 { "" } else { " " })?;
    }
    out.write_str(close)
}

fn fmt_string(text: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    out.write_str("\"")?;
    for character in text.chars() {
        match character {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            other => write!(out, "{other}")?,
        }
    }
    out.write_str("\"")
}

fn fmt_character(character: char, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    match character {
        '\n' => out.write_str("\\newline"),
        '\r' => out.write_str("\\return"),
        '\t' => out.write_str("\\tab"),
        ' ' => out.write_str("\\space"),
        control if control.is_control() && u32::from(control) < 0x1_0000 => {
            write!(out, "\\u{:04x}", u32::from(control))
        }
        other => write!(out, "\\{other}"),
    }
}

/// Shares equal short texts, so that a million `:append` are one. A cache of fixed size: what it has forgotten is made anew.
#[derive(Debug)]
pub(super) struct Words {
    slots: Vec<Option<Text>>,
}

impl Words {
    const SLOTS: usize = 1 << 11;
    /// Longer texts are seldom repeated.
    const LENGTH_MAX: usize = 48;

    pub(super) fn new() -> Self {
        Self { slots: vec![None; Self::SLOTS] }
    }

    /// The text of these bytes; `None` where they are no UTF-8.
    pub(super) fn text(&mut self, bytes: &[u8]) -> Option<Text> {
        if bytes.len() > Self::LENGTH_MAX {
            return std::str::from_utf8(bytes).ok().map(Text::new);
        }
        // FNV-1a: short, and spread well enough for words.
        let hash = bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
        let slot = &mut self.slots[(hash ^ (hash >> 11)) as usize % Self::SLOTS];
        if let Some(text) = slot
            && text.as_bytes() == bytes
        {
            return Some(text.clone());
        }
        let text = std::str::from_utf8(bytes).ok().map(Text::new)?;
        *slot = Some(text.clone());
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_small() {
        assert_eq!((size_of::<Value>(), size_of::<Option<Value>>()), (16, 16));
        assert_eq!(size_of::<Option<Text>>(), 8);
    }

    #[test]
    fn sets_and_maps_are_equal_in_any_order_and_refuse_repetition() {
        let numbers = |numbers: &[i64]| numbers.iter().map(|number| Value::Integer(*number)).collect::<Vec<_>>();
        assert_eq!(Value::set(numbers(&[3, 1])), Value::set(numbers(&[1, 3])));
        assert_ne!(Value::set(numbers(&[3, 1])), Value::set(numbers(&[1, 2])));
        assert_eq!(Value::set(numbers(&[1, 1])), None);
        let entry = |key: i64, value: i64| (Value::Integer(key), Value::Integer(value));
        assert_eq!(Value::map(vec![entry(1, 2), entry(3, 4)]), Value::map(vec![entry(3, 4), entry(1, 2)]));
        assert_eq!(Value::map(vec![entry(1, 2), entry(1, 4)]), None);
    }

    #[test]
    fn floats_can_be_keys_and_are_no_integers() {
        assert_eq!(Value::float(-0.0), Value::float(0.0));
        assert_eq!(Value::float(f64::NAN), Value::float(-f64::NAN));
        assert_ne!(Value::float(1.0), Value::Integer(1));
    }

    #[test]
    fn words_are_shared_and_must_be_text() {
        let mut words = Words::new();
        let first = words.text(b"append").unwrap();
        assert!(Arc::ptr_eq(&first.0, &words.text(b"append").unwrap().0));
        assert_eq!(words.text(&[0xff]), None);
        for number in 0..20_000 {
            let text = number.to_string();
            assert_eq!(words.text(text.as_bytes()).unwrap().as_str(), text);
        }
    }
}
