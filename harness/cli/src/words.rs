//! A finding in plain text, for those who read it elsewhere than on the page.

use std::fmt::Write;

use dsjepsen_history::{EdgeKind, Finding};

/// A finding: its sentence, what it rests on step by step, and the operations that prove it.
pub(crate) fn tell(finding: &Finding) -> String {
    let mut text = headline(finding);
    let mut line = |words: std::fmt::Arguments<'_>| {
        let _ = write!(text, "\n{words}");
    };
    if !finding.detail.is_empty() {
        line(format_args!("  {}", finding.detail));
    }
    for step in &finding.steps {
        line(format_args!("    {:<8} {}", step.lead, step.text));
    }
    for edge in &finding.cycle {
        let key = edge.key.as_ref().map_or_else(String::new, |key| format!(" of {key}"));
        line(format_args!("    operation {} came before {}: {}{key}", edge.from, edge.to, why(edge.kind)));
    }
    for figure in &finding.figures {
        line(format_args!("  {}: {}", figure.name, figure.value));
    }
    if !finding.operations.is_empty() {
        let operations: Vec<_> = finding.operations.iter().map(ToString::to_string).collect();
        line(format_args!("  operations (by the index of their invocation): {}", operations.join(", ")));
    }
    text
}

/// Its rule and its sentence.
pub(crate) fn headline(finding: &Finding) -> String {
    let more = if finding.count > 1 { format!(" (and {} more like it)", finding.count - 1) } else { String::new() };
    format!("{}: {}{more}", finding.rule, finding.sentence)
}

fn why(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Overwrote => "the second wrote on top of the first's version",
        EdgeKind::Read => "the second read what the first wrote",
        EdgeKind::Missed => "the first read a version that the second overwrote, or none",
        EdgeKind::Session => "they follow each other in their session",
        EdgeKind::RealTime => "the first had completed before the second was invoked",
        EdgeKind::Visible => "the first was visible to a reader of the second",
    }
}

/// The command as it was given to this process, wherever its program lies.
pub(crate) fn own_command() -> Vec<String> {
    let given = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    std::iter::once("dsjepsen".to_owned()).chain(given).collect()
}

/// A text of at most `limit` bytes: one that is longer is cut, and says so.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let note = format!(" … (cut: it has {} bytes)", text.len());
    let most = limit.saturating_sub(note.len());
    let kept = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}{note}", &text[..kept])
}

#[cfg(test)]
mod tests {
    use dsjepsen_history::{Edge, Figure, Step};

    use super::*;

    #[test]
    fn a_finding_is_told_with_everything_that_it_rests_on() {
        let step = Step { lead: "Let".into(), text: "a hold the lock".to_owned(), operation: Some(4) };
        let edge = |kind, key| Edge { from: 4, to: 9, kind, key, before: None, after: None, reader: None };
        let finding = Finding {
            count: 3,
            detail: "It lasted.".to_owned(),
            steps: vec![step],
            cycle: vec![edge(EdgeKind::Read, Some("x".to_owned())), edge(EdgeKind::Session, None)],
            figures: vec![Figure::new("overlap", "1 s")],
            ..Finding::invalid("lock.exclusion", "Two held it.", vec![4, 9])
        };
        let expected = "lock.exclusion: Two held it. (and 2 more like it)\n  It lasted.\n    Let      a hold the lock\n    \
                        operation 4 came before 9: the second read what the first wrote of x\n    \
                        operation 4 came before 9: they follow each other in their session\n  overlap: 1 s\n  \
                        operations (by the index of their invocation): 4, 9";
        assert_eq!(tell(&finding), expected);
    }

    #[test]
    fn what_is_cut_says_so_and_ends_between_letters() {
        assert_eq!(cut("short", 5), "short");
        let long = "é".repeat(1_000);
        let short = cut(&long, 100);
        assert!(short.len() <= 100 && short.len() > 95, "{}", short.len());
        assert!(short.starts_with("éé") && short.ends_with("é … (cut: it has 2000 bytes)"), "{short}");
    }
}
