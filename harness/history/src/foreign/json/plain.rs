//! Events in plain JSON, which is nearly all there is. A third of the time that a whole reader takes; what it does not know it
//! leaves to that. Integers of any length are read here, and exactly: the whole reader would round what has no room in 64 bits.

use std::borrow::Cow;

use super::super::Format;
use super::super::event::{Draft, Field};
use super::super::value::{Items, Value, Words};

/// How deep lists and objects may stand inside one another: as deep as the whole reader takes them.
const DEPTH_MAX: usize = 120;

/// What survives from one event to the next.
#[derive(Debug, Default)]
pub(super) struct Plain {
    /// The values of lists that have no end yet.
    done: Vec<Value>,
}

impl Plain {
    /// The event that an object is, these bytes and no more; `None` where another must read it, also where it is none.
    pub(super) fn event(&mut self, bytes: &[u8], words: &mut Words, format: Format) -> Option<Draft> {
        self.done.clear();
        let mut reader = Reader { bytes, at: 0, words, done: &mut self.done };
        let mut draft = Draft::new();
        reader.take(b'{')?;
        loop {
            let field = Field::named(&reader.string()?, format);
            reader.take(b':')?;
            let value = reader.value(0)?;
            draft.take(field, value).ok()?;
            match reader.next()? {
                b',' => reader.at += 1,
                b'}' => return (reader.at + 1 == bytes.len()).then_some(draft),
                _ => return None,
            }
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    words: &'a mut Words,
    done: &'a mut Vec<Value>,
}

impl<'a> Reader<'a> {
    /// The next byte that is no space.
    fn next(&mut self) -> Option<u8> {
        loop {
            match *self.bytes.get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        let is_next = self.next()? == byte;
        self.at += 1;
        is_next.then_some(())
    }

    /// A string: as it stands where it is of ASCII without escapes, else as the whole reader unescapes it.
    #[inline]
    fn string(&mut self) -> Option<Cow<'a, [u8]>> {
        self.take(b'"')?;
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\'))?;
        if rest[length] == b'"' {
            self.at += length + 1;
            return Some(Cow::Borrowed(&rest[..length]));
        }
        self.unescaped(length)
    }

    /// The rest of a string with escapes or other characters, the first of which stands so far from its beginning.
    #[cold]
    #[inline(never)]
    fn unescaped(&mut self, mut end: usize) -> Option<Cow<'a, [u8]>> {
        let rest = &self.bytes[self.at..];
        while rest.get(end)? != &b'"' {
            end += if rest[end] == b'\\' { 2 } else { 1 };
        }
        let quoted = &self.bytes[self.at - 1..=self.at + end];
        self.at += end + 1;
        Some(Cow::Owned(serde_json::from_slice::<String>(quoted).ok()?.into_bytes()))
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        match self.next()? {
            b'"' => {
                let text = self.string()?;
                self.words.text(&text).map(Value::String)
            }
            b'[' if depth < DEPTH_MAX => self.list(depth),
            b'{' if depth < DEPTH_MAX => self.map(depth),
            b'n' => self.literal(b"null", Value::Nil),
            b't' => self.literal(b"true", Value::Bool(true)),
            b'f' => self.literal(b"false", Value::Bool(false)),
            _ => self.number(),
        }
    }

    #[inline(never)]
    fn map(&mut self, depth: usize) -> Option<Value> {
        let mut entries = Vec::new();
        self.at += 1;
        if self.next()? == b'}' {
            self.at += 1;
            return Value::map(entries);
        }
        loop {
            let key = self.string()?;
            let key = Value::String(self.words.text(&key)?);
            self.take(b':')?;
            entries.push((key, self.value(depth + 1)?));
            let next = self.next()?;
            self.at += 1;
            match next {
                b',' => {}
                b'}' => return Value::map(entries),
                _ => return None,
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        let start = self.done.len();
        self.at += 1;
        if self.next()? == b']' {
            self.at += 1;
            return Some(Value::List(Items::from_exact(self.done.drain(start..))));
        }
        loop {
            let value = self.value(depth + 1)?;
            self.done.push(value);
            let next = self.next()?;
            self.at += 1;
            match next {
                b',' => {}
                b']' => return Some(Value::List(Items::from_exact(self.done.drain(start..)))),
                _ => return None,
            }
        }
    }

    fn literal(&mut self, word: &[u8], value: Value) -> Option<Value> {
        let is_next = self.bytes[self.at..].starts_with(word);
        self.at += word.len();
        is_next.then_some(value)
    }

    /// A number: short integers at once, longer ones by their digits, others as the whole reader reads them.
    fn number(&mut self) -> Option<Value> {
        match self.short_integer() {
            Some(number) => Some(Value::Integer(number)),
            None => self.long_number(),
        }
    }

    #[cold]
    #[inline(never)]
    fn long_number(&mut self) -> Option<Value> {
        let rest = &self.bytes[self.at..];
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let token = &rest[..rest.iter().position(|byte| !is_part(byte))?];
        self.at += token.len();
        let digits = token.strip_prefix(b"-").unwrap_or(token);
        if digits.len() > 1 && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit) {
            let text = std::str::from_utf8(token).ok()?;
            return match text.parse() {
                Ok(number) => Some(Value::Integer(number)),
                Err(_) => self.words.text(token).map(Value::Number),
            };
        }
        // Also -0, which is a float.
        serde_json::from_slice::<f64>(token).ok().map(Value::float)
    }

    /// An integer of up to 18 digits; what follows it is no part of a number.
    fn short_integer(&mut self) -> Option<i64> {
        let is_negative = self.bytes[self.at] == b'-';
        let digits = &self.bytes[self.at + usize::from(is_negative)..];
        let length = digits.iter().take(18).take_while(|byte| byte.is_ascii_digit()).count();
        let number = digits[..length].iter().fold(0, |number, digit| number * 10_i64 + i64::from(digit - b'0'));
        let follows = digits.get(length)?;
        // -0 is a float, and 01 is no number.
        let is_short = length > 0 && (digits[0] != b'0' || (length == 1 && !is_negative));
        if !is_short || !matches!(follows, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') {
            return None;
        }
        self.at += usize::from(is_negative) + length;
        Some(if is_negative { -number } else { number })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde::de::DeserializeSeed;

    use super::super::EventSeed;
    use super::*;

    fn plainly(text: &[u8], format: Format) -> Option<String> {
        Plain::default().event(text, &mut Words::new(), format).map(|draft| format!("{draft:?}"))
    }

    fn wholly(text: &[u8], format: Format) -> Option<String> {
        let mut words = Words::new();
        let mut bytes = serde_json::Deserializer::from_slice(text);
        let draft = EventSeed { words: &mut words, format }.deserialize(&mut bytes).ok()?;
        bytes.end().ok()?;
        Some(format!("{draft:?}"))
    }

    #[test]
    fn what_is_plain_is_read_here() {
        for text in [
            r#"{"p":5,"t":"invoke","f":"cas","v":[1,-2]}"#,
            r#"{ "type" : "ok", "process" : null , "value":[[["r",1,[]]], true, false] , "x": "" }"#,
            r#"{"v":[-0, 1.0, 1e3, 1234567890123456789, -92233720368547758080, "\n", "é", "\u0041\"", {}, {"a\\": {"b": 1}}]}"#,
            "{\"index\":999999999999999999,\n\t\"error\":\"no, {none}\",\r\"value\":0}",
        ] {
            assert!(plainly(text.as_bytes(), Format::Synthetic).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_not_is_left_to_others() {
        for value in [
            "01",
            "1.",
            "-",
            "1234567890123456789x",
            "\"\\x\"",
            "{\"a\":1,\"a\":1}",
            "{1:2}",
            "{\"a\":1,}",
            "nul",
            "[1",
            "[1,]",
            "\"\t\"",
            "+1",
        ] {
            let text = format!("{{\"value\":{value}}}");
            assert_eq!(plainly(text.as_bytes(), Format::JsonLines), None, "{text}");
        }
        for text in ["{\"value\":1}}", "{\"value\":1},", "{\"value\" 1}", "{\"type\":\"no\"}", "{\"value\":1,}", "{,}"]
        {
            assert_eq!(plainly(text.as_bytes(), Format::JsonLines), None, "{text}");
        }
    }

    #[test]
    fn integers_of_any_length_are_read_by_their_digits() {
        for digits in
            ["9223372036854775808", "18446744073709551616", "-9223372036854775809", "123456789012345678901234567890"]
        {
            let text = format!("{{\"value\":[{digits},{{\"a\":{digits}}}]}}");
            let draft = Plain::default().event(text.as_bytes(), &mut Words::new(), Format::JsonLines).unwrap();
            assert_eq!(draft.value.to_string(), format!("[{digits} {{\"a\" {digits}}}]"));
        }
        for edge in ["9223372036854775807", "-9223372036854775808"] {
            let text = format!("{{\"value\":{edge}}}");
            let draft = Plain::default().event(text.as_bytes(), &mut Words::new(), Format::JsonLines).unwrap();
            assert_eq!(draft.value, Value::Integer(edge.parse().unwrap()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

        /// What is read here is read by the whole reader as the same. That knows no integers beyond 64 bits: here are none.
        #[test]
        fn nothing_is_read_otherwise_here(
            pieces in vec(select(vec![
                "\"value\":", "\"process\":", "\"t\":", "\"type\":\"ok\"", "\"f\":\"read\"", "\"index\":", "\"x\":",
                "1", "-7", "0", "-0", "00", "12345678901234567890", "1.5", "2e3", "-0.25", "null", "true", "false", "\"a b\"", "\"\\\\u0041\"",
                "\"é\"", "[", "]", "{", "}", ",", ",", ",", ":", " ", "\n", "[]", "[1,[2,\"x\"]]", "[1, 2 ,3]",
            ]), 0..10),
            joined in select(vec!["", ",", " "]),
            format in select(vec![Format::Synthetic, Format::JsonLines, Format::JepsenInJava]),
        ) {
            let text = format!("{{{}}}", pieces.join(joined));
            if let Some(draft) = plainly(text.as_bytes(), format) {
                prop_assert_eq!(Some(draft), wholly(text.as_bytes(), format), "{}", text);
            }
        }

        /// And so are objects that are well-formed.
        #[test]
        fn nothing_well_formed_is_read_otherwise_here(
            fields in vec((
                select(vec!["value", "process", "type", "f", "index", "time", "x", "p", "t", "v", "nemesis"]),
                select(vec!["1", "-7", "0", "-0", "12345678901234567890", "1.5", "null", "true", "\"ok\"", "\"\\\\u0041\"", "[]",
                    "[1,[2,\"x\"]]", "[ 1 , 2]", "{\"a\":1}", "[{}]", "{\"\\u00e9\\n\": [\"é\", -0.5e-7, 123456789012345678]}"]),
            ), 0..6),
        ) {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
            let text = format!("{{{}}}", fields.join(", "));
            if let Some(draft) = plainly(text.as_bytes(), Format::Synthetic) {
                prop_assert_eq!(Some(draft), wholly(text.as_bytes(), Format::Synthetic), "{}", text);
            }
        }
    }
}
