//! Tells the format of a history by its first bytes.

use super::scan::{Memory, Scanner};
use super::value::Value;
use super::{Format, dbcop, log, transaction};

/// How many bytes are looked at: a log may begin with many lines of others.
pub(super) const SAMPLE: usize = 1 << 18;

/// The format of a history that begins with these bytes. Nothing at all is a history without events.
pub(super) fn recognise(sample: &[u8]) -> Option<Format> {
    if dbcop::is_binary(sample) {
        return Some(Format::DbcopBincode);
    }
    if lines(sample).filter_map(log::after_logger).any(log::is_event) {
        return Some(Format::JepsenUtilLog);
    }
    let mut memory = Memory::new();
    let mut scanner = Scanner { bytes: sample, is_last: true, at: 0, line: 1, memory: &mut memory };
    match scanner.peek_past_discards() {
        Ok(None) => Some(Format::EdnLines),
        Ok(Some(b'{')) => in_map(&mut scanner),
        Ok(Some(byte @ (b'[' | b'('))) => {
            scanner.at += 1;
            match scanner.peek_past_discards() {
                Ok(Some(b'{')) => match in_map(&mut scanner)? {
                    Format::EdnLines => Some(Format::EdnVector),
                    Format::EdnLinesKv => Some(Format::EdnLinesKv),
                    _ if byte == b'[' => Some(Format::JsonArray),
                    _ => None,
                },
                Ok(Some(b']' | b')' | b'#')) => Some(Format::EdnVector),
                _ => None,
            }
        }
        Ok(Some(b'#')) if !sample[scanner.at + 1..].starts_with(b" ") => Some(Format::EdnLines),
        _ => by_lines(sample),
    }
}

/// What may help where no format is recognised.
pub(super) fn mend(sample: &[u8]) -> &'static str {
    if sample.starts_with(&[0xff, 0xfe]) || sample.starts_with(&[0xfe, 0xff]) {
        return "It is UTF-16: write it as UTF-8";
    }
    let has_event = lines(sample).any(|line| matches!(line, [b'{', ..] | [b'[', b'{', ..]));
    if has_event {
        return "Leave out what is no event, such as log lines, a heading, or comments in JSON; or say which format it is with --format";
    }
    "An event is a map of its own, `{:process 0, :type :invoke, :f :read, :value nil}` or the same in JSON; where it is another \
     format, say so with --format"
}

/// The lines of the sample that have content.
fn lines(sample: &[u8]) -> impl Iterator<Item = &[u8]> {
    sample.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
}

/// By the first event, whose brace is next.
fn in_map(scanner: &mut Scanner<'_>) -> Option<Format> {
    let from = scanner.at;
    scanner.at += 1;
    let next = scanner.peek_past_discards().ok()?;
    scanner.at = from;
    if next == Some(b'"') {
        let bytes = &scanner.bytes[from..];
        // As EDN a text of JSON has no types, if it can be read at all.
        let is_edn = scanner.value().is_ok_and(|event| event.get("type").is_some());
        return if is_edn { Some(Format::EdnLines) } else { in_object(bytes) };
    }
    let is_kv = scanner.value().is_ok_and(|event| {
        let f = event.get("f").and_then(Value::as_word);
        event.get("key").is_some() && matches!(f, Some("get" | "put" | "append"))
    });
    Some(if is_kv { Format::EdnLinesKv } else { Format::EdnLines })
}

fn in_object(bytes: &[u8]) -> Option<Format> {
    let mut objects = serde_json::Deserializer::from_slice(bytes).into_iter::<serde_json::Value>();
    // What cannot be read is for the reader to complain of.
    let Some(Ok(object)) = objects.next() else { return Some(Format::JsonLines) };
    let has = |name: &str| object.get(name).is_some();
    if has("schema") && has("workload") {
        return Some(Format::Dsjepsen);
    }
    if has("p") && has("t") {
        return Some(Format::Synthetic);
    }
    // What has no type at all is for the reader to complain of.
    match object.get("type").and_then(serde_json::Value::as_str) {
        Some("INVOKE" | "OK" | "FAIL" | "INFO") => Some(Format::JepsenInJava),
        _ => Some(Format::JsonLines),
    }
}

fn by_lines(sample: &[u8]) -> Option<Format> {
    let first = lines(sample).next()?;
    let content = lines(sample).find(|line| !line.starts_with(b"#"))?;
    if log::is_event(content) {
        return Some(Format::HistoryTxt);
    }
    if content.starts_with(b"- ") || content == b"-" {
        return Some(Format::DbcopYaml);
    }
    if first == b"---" && lines(sample).nth(1).is_some_and(|line| line.starts_with(b"- ")) {
        return Some(Format::DbcopYaml);
    }
    if transaction::plume_access(content).is_some() {
        return Some(Format::Plume);
    }
    let is_rule = transaction::is_rule(content, b'-') || transaction::is_rule(content, b'=');
    if is_rule || transaction::awdit_access(content).is_some() {
        return Some(Format::Awdit);
    }
    interval(content)
}

fn interval(line: &[u8]) -> Option<Format> {
    let fields: Vec<&str> = std::str::from_utf8(line).ok()?.split_ascii_whitespace().collect();
    let is_number = |field: &&str| field.parse::<i64>().is_ok();
    match fields.as_slice() {
        [process, start, end, method, ..] if [process, start, end].into_iter().all(is_number) && !is_number(method) => {
            Some(Format::Fptlin)
        }
        [method, .., start, end] if [start, end].into_iter().all(is_number) && !is_number(method) => {
            Some(Format::Polylin)
        }
        _ => None,
    }
}
