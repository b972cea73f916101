//! EDN's values without parts: numbers, words, strings, characters.

use super::scan::{Scanner, Stop, wrong};
use super::value::{Text, Value};

impl<'a> Scanner<'a> {
    /// A shared text of these bytes.
    pub(super) fn text(&mut self, bytes: &[u8], at: usize) -> Result<Text, Stop> {
        match self.memory.words.text(bytes) {
            Some(text) => Ok(text),
            None => wrong(at, "these bytes are no UTF-8"),
        }
    }

    /// A number, a keyword, a symbol, or one of `nil`, `true`, `false`.
    pub(super) fn atom(&mut self) -> Result<Value, Stop> {
        if let Some(number) = self.short_integer() {
            return Ok(Value::Integer(number));
        }
        let at = self.at;
        let token = self.token(at)?;
        let value = match token {
            b"nil" => Value::Nil,
            b"true" => Value::Bool(true),
            b"false" => Value::Bool(false),
            [b':', word @ ..] => {
                let word = word.strip_prefix(b":").unwrap_or(word);
                if word.is_empty() {
                    return wrong(at, "a colon without a keyword");
                }
                Value::Keyword(self.text(word, at)?)
            }
            [b'0'..=b'9', ..] | [b'+' | b'-', b'0'..=b'9', ..] => match number(token) {
                Some(number) => number,
                None => return wrong(at, format!("`{}` is no number", String::from_utf8_lossy(shortened(token)))),
            },
            _ => Value::Symbol(self.text(token, at)?),
        };
        self.at = at + token.len();
        Ok(value)
    }

    /// Reads the run of short integers that stands next, into what is open: most of a history is lists of them.
    pub(super) fn integers(&mut self) {
        while let Some(number) = self.short_integer() {
            self.memory.done.push(Value::Integer(number));
            if self.bytes.get(self.at) == Some(&b' ') {
                self.at += 1;
            }
        }
    }

    /// The integers that nearly all numbers are: up to 18 digits, and what ends them.
    fn short_integer(&mut self) -> Option<i64> {
        let rest = &self.bytes[self.at..];
        let negative = rest.first() == Some(&b'-');
        let digits = &rest[usize::from(negative)..];
        let mut number = 0;
        let mut length = 0;
        for &byte in &digits[..digits.len().min(18)] {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            number = number * 10 + i64::from(digit);
            length += 1;
        }
        // With a leading zero it would be octal.
        let is_short = length == 1 || (length > 1 && digits[0] != b'0');
        if !is_short || !matches!(digits.get(length), Some(b' ' | b',' | b']' | b')' | b'}' | b'\n')) {
            return None;
        }
        self.at += usize::from(negative) + length;
        Some(if negative { -number } else { number })
    }

    /// A string, whose opening quote is next.
    pub(super) fn string(&mut self) -> Result<Value, Stop> {
        let from = self.at + 1;
        let mut at = from;
        let mut unescaped: Option<Vec<u8>> = None;
        loop {
            let Some(length) = memchr::memchr2(b'"', b'\\', &self.bytes[at..]) else {
                return if self.is_last { wrong(self.at, "a string without end") } else { Err(Stop::More) };
            };
            let run = &self.bytes[at..at + length];
            at += length;
            if self.bytes[at] == b'"' {
                let text = match &mut unescaped {
                    Some(bytes) => {
                        bytes.extend_from_slice(run);
                        self.memory.words.text(bytes)
                    }
                    None => self.memory.words.text(run),
                };
                let Some(text) = text else { return wrong(self.at, "this string is no UTF-8") };
                let lines = memchr::memchr_iter(b'\n', &self.bytes[from..at]).count();
                self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
                self.at = at + 1;
                return Ok(Value::String(text));
            }
            let (character, length) = self.escape(at)?;
            let bytes = unescaped.get_or_insert_default();
            bytes.extend_from_slice(run);
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            at += length;
        }
    }

    /// The character that an escape in a string means, and the length of the escape.
    fn escape(&self, at: usize) -> Result<(char, usize), Stop> {
        // Enough for two `\uXXXX`.
        let available = &self.bytes[at + 1..self.bytes.len().min(at + 12)];
        if available.len() < 11 && !self.is_last {
            return Err(Stop::More);
        }
        let found = match available.first() {
            Some(b't') => Some(('\t', 2)),
            Some(b'b') => Some(('\u{8}', 2)),
            Some(b'n') => Some(('\n', 2)),
            Some(b'r') => Some(('\r', 2)),
            Some(b'f') => Some(('\u{c}', 2)),
            Some(byte @ (b'"' | b'\\' | b'/' | b'\'')) => Some((char::from(*byte), 2)),
            Some(b'u') => utf16(&available[1..]).map(|(character, length)| (character, length + 2)),
            Some(b'0'..=b'7') => {
                let length = available.iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                radix(&available[..length], 8).and_then(char::from_u32).map(|character| (character, length + 1))
            }
            _ => None,
        };
        match found {
            Some(found) => Ok(found),
            None => wrong(at, "an escape that means no character"),
        }
    }

    /// A character, whose backslash is next: `\a`, `\newline`, `\u0041`, `\o101`.
    pub(super) fn character(&mut self) -> Result<Value, Stop> {
        let from = self.at + 1;
        let Some(&first) = self.bytes.get(from) else {
            return if self.is_last { wrong(self.at, "a backslash at the end") } else { Err(Stop::More) };
        };
        // The first byte belongs to it whatever it is: `\(` is a character.
        let token = &self.bytes[from..from + 1 + self.token(from + 1)?.len()];
        let character = match token {
            b"newline" => Some('\n'),
            b"space" => Some(' '),
            b"tab" => Some('\t'),
            b"return" => Some('\r'),
            b"backspace" => Some('\u{8}'),
            b"formfeed" => Some('\u{c}'),
            [b'u', hex @ ..] if hex.len() == 4 => radix(hex, 16).and_then(char::from_u32),
            [b'o', octal @ ..] if matches!(octal.len(), 1..=3) => radix(octal, 8).and_then(char::from_u32),
            _ => std::str::from_utf8(token).ok().and_then(single),
        };
        let Some(character) = character else { return wrong(self.at, "a backslash before no character") };
        if first == b'\n' {
            self.line = self.line.saturating_add(1);
        }
        self.at = from + token.len();
        Ok(Value::Character(character))
    }
}

fn single(text: &str) -> Option<char> {
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}

fn shortened(token: &[u8]) -> &[u8] {
    &token[..token.len().min(40)]
}

fn radix(digits: &[u8], radix: u32) -> Option<u32> {
    // from_str_radix would take a sign.
    digits
        .iter()
        .try_fold(0_u32, |number, digit| number.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(radix)?))
}

/// The character behind `\u`, and how many bytes it takes: half of a pair wants the other half, `\uD83D\uDE00`.
fn utf16(after: &[u8]) -> Option<(char, usize)> {
    let high = radix(after.get(..4)?, 16)?;
    if let Some(character) = char::from_u32(high) {
        return Some((character, 4));
    }
    let low = radix(after.get(4..10)?.strip_prefix(b"\\u")?, 16)?;
    let units = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
    char::decode_utf16(units).next()?.ok().map(|character| (character, 10))
}

/// A number that is no short integer.
fn number(token: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(token).ok()?;
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Some(decimal) = text.strip_suffix('M') {
        return decimal.parse::<f64>().ok().map(|_| Value::Number(Text::new(text)));
    }
    if let Some((numerator, denominator)) = text.split_once('/') {
        return ratio(numerator, denominator);
    }
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let digits = digits.strip_suffix('N').unwrap_or(digits);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0')) {
        return Some(integer(negative, digits, 10));
    }
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return is_radix(hex, 16).then(|| integer(negative, hex, 16));
    }
    if digits.starts_with('0') && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')) {
        return Some(integer(negative, digits, 8));
    }
    if let Some((base, rest)) = digits.split_once(['r', 'R']) {
        let base = base.parse().ok().filter(|base| (2..=36).contains(base))?;
        return is_radix(rest, base).then(|| integer(negative, rest, base));
    }
    let is_float = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    text.parse().ok().filter(|_| is_float).map(Value::float)
}

fn is_radix(digits: &str, radix: u32) -> bool {
    !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix))
}

/// An integer; one that has no room in 64 bits stays as it is written (never with a base other than ten in histories).
fn integer(negative: bool, digits: &str, radix: u32) -> Value {
    let sign = if negative { "-" } else { "" };
    let text = format!("{sign}{digits}");
    match i64::from_str_radix(&text, radix) {
        Ok(number) => Value::Integer(number),
        Err(_) if radix == 10 => Value::Number(Text::new(text)),
        Err(_) => Value::Number(Text::new(format!("{sign}{radix}r{}", digits.to_lowercase()))),
    }
}

/// A ratio in lowest terms, as Clojure reads it; one of big integers stays as it is written.
fn ratio(numerator: &str, denominator: &str) -> Option<Value> {
    let unsigned = numerator.strip_prefix('-').unwrap_or(numerator);
    if !is_radix(unsigned, 10) || !is_radix(denominator, 10) {
        return None;
    }
    let (Ok(above), Ok(below)) = (numerator.parse::<i64>(), denominator.parse::<i64>()) else {
        return Some(Value::Number(Text::new(format!("{numerator}/{denominator}"))));
    };
    if below == 0 {
        return None;
    }
    let (mut left, mut right) = (above.unsigned_abs(), below.unsigned_abs());
    while right != 0 {
        (left, right) = (right, left % right);
    }
    let divisor = i64::try_from(left).ok()?;
    let (above, below) = (above / divisor, below / divisor);
    Some(if below == 1 { Value::Integer(above) } else { Value::Number(Text::new(format!("{above}/{below}"))) })
}
