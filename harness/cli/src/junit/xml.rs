//! Suites as XML 1.0.

use std::fmt::Write;

use super::{Case, Outcome, Reason, Suite};
use crate::words::cut;

/// How long an attribute may be, in bytes before escaping.
const ATTRIBUTE: usize = 2_000;
/// How long a text may be.
const TEXT: usize = 64 * 1024;

/// The whole file.
pub(super) fn document(suites: &[Suite]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (number, suite) in suites.iter().enumerate() {
        write_suite(&mut out, number, suite);
    }
    out += "</testsuites>\n";
    out
}

fn write_suite(out: &mut String, number: usize, suite: &Suite) {
    let subject = &suite.subject;
    let seconds = format!("{:.3}", subject.took.as_secs_f64());
    let tests = suite.cases.len();
    let failures = suite.count(|outcome| matches!(outcome, Outcome::Failure(_)));
    let errors = suite.count(|outcome| matches!(outcome, Outcome::Error(_)));
    let skipped = suite.count(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let (name, package) = (attribute(&subject.name), attribute(&subject.class));
    let (host, timestamp) = (attribute(&host()), timestamp(&subject.started));
    let _ = writeln!(
        out,
        "  <testsuite id=\"{number}\" name=\"{name}\" package=\"{package}\" hostname=\"{host}\" timestamp=\"{timestamp}\" \
         tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{seconds}\">"
    );
    *out += "    <properties>\n";
    for (name, value) in &subject.properties {
        let _ = writeln!(out, "      <property name=\"{}\" value=\"{}\"/>", attribute(name), attribute(value));
    }
    *out += "    </properties>\n";
    for (number, case) in suite.cases.iter().enumerate() {
        // Checkers judge what one run recorded: its time is that of the first case, which is the run's.
        let own = case.took.map(|took| format!("{:.3}", took.as_secs_f64()));
        let of_suite = if number == 0 { seconds.as_str() } else { "0.000" };
        write_case(out, &package, own.as_deref().unwrap_or(of_suite), case);
    }
    let mut output = suite.output.clone();
    if let Some(page) = &subject.page {
        let _ = writeln!(output, "page: {page}");
    }
    if !subject.command.is_empty() {
        let _ = writeln!(output, "again: {}", subject.command);
    }
    let _ = writeln!(out, "    <system-out>{}</system-out>\n    <system-err></system-err>", text(&output));
    *out += "  </testsuite>\n";
}

fn write_case(out: &mut String, class: &str, seconds: &str, case: &Case) {
    let name = attribute(&case.name);
    let _ = write!(out, "    <testcase name=\"{name}\" classname=\"{class}\" time=\"{seconds}\"");
    let (element, Reason { kind, message, text: body }) = match &case.outcome {
        Outcome::Passed => {
            *out += "/>\n";
            return;
        }
        Outcome::Failure(reason) => ("failure", reason),
        Outcome::Error(reason) => ("error", reason),
        Outcome::Skipped(reason) => ("skipped", reason),
    };
    let (kind, message, body) = (attribute(kind), attribute(message), text(body));
    let _ = writeln!(out, ">\n      <{element} type=\"{kind}\" message=\"{message}\">{body}</{element}>");
    *out += "    </testcase>\n";
}

/// `2026-07-01T12:00:00`: Ant's schema has no zone, and no fractions.
fn timestamp(started: &str) -> String {
    let started = started.parse().unwrap_or_else(|_| jiff::Timestamp::now());
    started.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

fn host() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

/// As the value of an attribute: there white space would not come back as it went.
fn attribute(value: &str) -> String {
    let escaped = escape(&cut(value, ATTRIBUTE));
    escaped.replace('\t', "&#9;").replace('\n', "&#10;")
}

/// As the text of an element.
fn text(value: &str) -> String {
    escape(&cut(value, TEXT))
}

/// Everything that has a meaning is escaped, so that no `]]>` is left either. What XML 1.0 cannot hold in any way is replaced.
fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&apos;",
            '\r' => out += "&#13;",
            '\t' | '\n' => out.push(letter),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_is_escaped_and_what_cannot_stand_is_replaced() {
        assert_eq!(text("<a b=\"c\" d='e'>&]]>"), "&lt;a b=&quot;c&quot; d=&apos;e&apos;&gt;&amp;]]&gt;");
        assert_eq!(text("a\0b\u{1b}[1mc\u{fffe}d\r\n\te"), "a\u{fffd}b\u{fffd}[1mc\u{fffd}d&#13;\n\te");
        assert_eq!(attribute("a\tb\nc\rd"), "a&#9;b&#10;c&#13;d");
        assert_eq!(text("é 🦀 \u{7f}\u{85}"), "é 🦀 \u{7f}\u{85}");
    }

    #[test]
    fn what_is_long_is_cut_before_it_is_escaped() {
        let long = attribute(&"<".repeat(1_000_000));
        assert!(long.len() < 4 * ATTRIBUTE + 100 && long.ends_with("&lt; … (cut: it has 1000000 bytes)"));
    }

    #[test]
    fn times_have_no_zone_and_no_fractions() {
        assert_eq!(timestamp("2026-07-01T12:34:56.789Z"), "2026-07-01T12:34:56");
        assert_eq!(timestamp("nonsense").len(), 19);
    }
}
