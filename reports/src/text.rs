//! Values of a run as text: made harmless, cut to length, and figures in the one notation of the page.
//!
//! Whatever a target, a client or a file brought in goes through [`harmless`] before it is shown; maud escapes the rest.

use dsjepsen_history::Nanos;
pub(crate) use dsjepsen_history::thousands;
use maud::{Markup, html};

/// The longest sentence shown in full, in characters.
pub(crate) const SENTENCE: usize = 600;
/// The longest value in a table's cell, in characters.
pub(crate) const CELL: usize = 160;
/// The longest line of a log, in characters.
pub(crate) const LINE: usize = 400;
/// The longest short name, in characters.
pub(crate) const NAME: usize = 80;

/// The text with each character made visible that would otherwise act on the page or vanish: line ends become ↵, other
/// control characters and marks that change the direction of writing become their code points, and what XML forbids
/// becomes U+FFFD. Cut after `limit` characters; the second part tells whether it was cut.
fn cut_harmless(text: &str, limit: usize) -> (String, bool) {
    let mut out = String::with_capacity(text.len().min(limit * 2));
    let mut characters = text.chars();
    for character in characters.by_ref().take(limit) {
        match character {
            '\n' | '\u{2028}' | '\u{2029}' => out.push('↵'),
            '\t' => out.push(' '),
            '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{61c}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                out.push_str(&format!("⟨U+{:04X}⟩", u32::from(character)));
            }
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    (out, characters.next().is_some())
}

/// Text for attributes, titles and drawings: harmless, and cut with an ellipsis.
pub(crate) fn harmless(text: &str, limit: usize) -> String {
    match cut_harmless(text, limit) {
        (shown, false) => shown,
        (shown, true) => shown + "…",
    }
}

/// Text for the page: harmless, isolated from the direction of writing around it, and cut with a note of its full length.
pub(crate) fn shown(text: &str, limit: usize) -> Markup {
    let (shown, cut) = cut_harmless(text, limit);
    html! {
        bdi { (shown) @if cut { "…" } }
        @if cut { " " span.cut { "cut: " (thousands(text.len() as u64)) " bytes in all" } }
    }
}

/// The same of a sentence, whose names and commands stand between backticks.
pub(crate) fn sentence(text: &str, limit: usize) -> Markup {
    let (words, cut) = cut_harmless(text, limit);
    let parts: Vec<&str> = words.split('`').collect();
    // One that has no fellow is itself.
    if cut || parts.len().is_multiple_of(2) {
        return shown(text, limit);
    }
    html! {
        bdi {
            @for (place, part) in parts.iter().enumerate() {
                @if place.is_multiple_of(2) { (part) } @else { code { (part) } }
            }
        }
    }
}

/// The start of a text of more than so many bytes, with a note of its full length; nothing where it is no longer.
pub(crate) fn cut_with_note(text: &str, most: usize) -> Option<String> {
    if text.len() <= most {
        return None;
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at))?;
    Some(format!("{}… (cut: {} bytes in all)", &text[..end], thousands(text.len() as u64)))
}

/// The line without a terminal's control sequences (ESC `[` … final byte), which many systems write into their logs.
pub(crate) fn without_colour(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(&rest[..at]);
        let sequence = &rest[at + 2..];
        match sequence.find(|character: char| ('@'..='~').contains(&character)) {
            Some(last) => rest = &sequence[last + 1..],
            None => return out,
        }
    }
    out + rest
}

/// `one` or `many` behind the number: `1 operation`, `4,197 operations`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// A time in seconds with this many digits, rounded, without its unit.
pub(crate) fn seconds(time: Nanos, digits: u32) -> String {
    fixed(time, 1_000_000_000, digits)
}

/// A latency in milliseconds with this many digits, rounded, without its unit.
pub(crate) fn millis(time: Nanos, digits: u32) -> String {
    fixed(time, 1_000_000, digits)
}

/// A length of time in the unit that suits it: `642 ms`, `1.864 s`.
pub(crate) fn span(time: Nanos) -> String {
    match time {
        0..1_000_000 => format!("{} µs", fixed(time, 1_000, 0)),
        1_000_000..10_000_000 => format!("{} ms", millis(time, 1)),
        10_000_000..1_000_000_000 => format!("{} ms", millis(time, 0)),
        _ => format!("{} s", seconds(time, 3)),
    }
}

/// `value / unit` in decimal notation, computed on integers so that no digit is invented. At most six digits.
fn fixed(value: u64, unit: u64, digits: u32) -> String {
    let scale = 10_u64.pow(digits.min(6));
    let scaled = (u128::from(value) * u128::from(scale) + u128::from(unit) / 2) / u128::from(unit);
    let whole = u64::try_from(scaled / u128::from(scale)).unwrap_or(u64::MAX);
    let rest = scaled % u128::from(scale);
    if digits == 0 { thousands(whole) } else { format!("{}.{rest:0width$}", thousands(whole), width = digits as usize) }
}

/// Bytes in the unit that suits them: `412 B`, `1.2 MB`.
pub(crate) fn bytes(number: u64) -> String {
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{} kB", fixed(number, 1_000, 1)),
        _ => format!("{} MB", fixed(number, 1_000_000, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_the_page() {
        let page = shown("<script>alert('x')</script>\0\u{1b}[31m\u{202e}gnp\u{ffff}", SENTENCE).into_string();
        assert!(page.contains("&lt;script&gt;") && page.contains("⟨U+0000⟩⟨U+001B⟩[31m⟨U+202E⟩gnp\u{fffd}"), "{page}");
        assert!(page.starts_with("<bdi>"), "{page}");
    }

    #[test]
    fn what_stands_between_backticks_is_set_apart() {
        let said = |text: &str| sentence(text, SENTENCE).into_string();
        assert_eq!(said("No `a<b` in `c`."), "<bdi>No <code>a&lt;b</code> in <code>c</code>.</bdi>");
        assert_eq!(said("one ` alone"), "<bdi>one ` alone</bdi>");
        let cut = sentence("`abcdef` and more", 3).into_string();
        assert!(cut.contains("`ab…") && cut.contains("bytes in all"), "{cut}");
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let page = shown(&"x".repeat(1 << 20), CELL).into_string();
        assert!(page.len() < 400 && page.contains("1,048,576 bytes in all"), "{page}");
        assert!(!shown("short", CELL).into_string().contains("cut"));
        assert_eq!(harmless("abcdef", 3), "abc…");
        assert_eq!(harmless("abc", 3), "abc");
    }

    #[test]
    fn figures_have_one_notation() {
        assert_eq!(
            (thousands(0), thousands(999), thousands(1_234_567)),
            ("0".into(), "999".into(), "1,234,567".into())
        );
        assert_eq!(seconds(14_668_400_000, 3), "14.668");
        assert_eq!(seconds(999_999_999, 3), "1.000");
        assert_eq!(millis(27_049_999, 1), "27.0");
        assert_eq!(
            (span(642_000_000), span(1_864_000_000), span(5_340_000)),
            ("642 ms".into(), "1.864 s".into(), "5.3 ms".into())
        );
        assert_eq!(seconds(u64::MAX, 6), "18,446,744,073.709552");
        assert_eq!(bytes(1_250_000), "1.3 MB");
    }

    #[test]
    fn colours_of_a_terminal_are_taken_off() {
        assert_eq!(without_colour("\u{1b}[31mred\u{1b}[0m plain"), "red plain");
        assert_eq!(without_colour("torn \u{1b}[3"), "torn ");
        assert_eq!(without_colour("é plain"), "é plain");
    }
}
