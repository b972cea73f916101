//! A run in Markdown as GitHub has it.

use std::fmt::Write;

use dsjepsen_history::{FaultInterval, Finding, shell_line};

use super::seen;
use crate::exit::{Exit, Failure};
use crate::run::Ran;
use crate::words::{cut, headline, tell};

/// How many findings are told, and how many faults.
const FINDINGS: usize = 10;
const FAULTS: usize = 40;
/// How long a word, a sentence, and an argument may be, in bytes before escaping.
const WORD: usize = 160;
const SENTENCE: usize = 1_000;
const ARGUMENT: usize = 8_000;

/// Everything that matters of a run.
pub(super) fn section(ran: &Ran, exit: Exit, faults: &[FaultInterval]) -> String {
    let mut out = heading(ran, exit);
    write_checkers(&mut out, ran);
    write_findings(&mut out, &ran.verdict.findings);
    write_faults(&mut out, faults);
    out += &ending(ran);
    out
}

/// The verdict alone, and how to see it again.
pub(super) fn short_section(ran: &Ran, exit: Exit) -> String {
    heading(ran, exit) + &ending(ran)
}

/// A command that came to no verdict.
pub(super) fn failure(message: &str, failure: &Failure) -> String {
    let word = if failure.unavailable { "SKIPPED" } else { "FAILED" };
    format!("\n### {word}: dsjepsen test\n\n{}\n", plain(&cut(message, SENTENCE)))
}

fn heading(ran: &Ran, exit: Exit) -> String {
    let (plan, verdict) = (&ran.plan, &ran.verdict);
    let word = verdict.verdict.to_string().to_uppercase();
    let mut out = format!(
        "\n### {word}: {} on {} under {}, seed {}\n\n{}\n",
        plain(&cut(&plan.workload, WORD)),
        plain(&cut(&plan.target, WORD)),
        plain(&cut(&plan.nemesis, WORD)),
        plan.seed,
        plain(&cut(&verdict.sentence, SENTENCE))
    );
    if let Some(error) = &verdict.harness_error {
        let error = plain(&cut(error, SENTENCE));
        let _ =
            writeln!(out, "\nThe harness or the set-up failed, so this says nothing in favour of the target: {error}");
    }
    if exit == Exit::Valid && !verdict.findings.is_empty() {
        out += "\nThis was expected.\n";
    }
    out
}

fn write_checkers(out: &mut String, ran: &Ran) {
    *out += "\n| checker | verdict | operations judged |\n|---|---|---|\n";
    for checker in &ran.verdict.checkers {
        let _ = writeln!(out, "| {} | {} | {} |", cell(&checker.checker), checker.verdict, checker.judged);
    }
}

fn write_findings(out: &mut String, findings: &[Finding]) {
    for finding in findings.iter().take(FINDINGS) {
        let sentence = plain(&cut(&headline(finding), SENTENCE));
        let _ = writeln!(out, "\n**{sentence}** {}", plain(&cut(&finding.detail, SENTENCE)));
        if !finding.operations.is_empty() || !finding.steps.is_empty() {
            // The blank line ends the one block of HTML; that of `pre` ends with its tag.
            let argument = html(&cut(&tell(finding), ARGUMENT));
            let _ = writeln!(out, "\n<details><summary>Proof</summary>\n\n<pre>{argument}</pre>\n\n</details>");
        }
    }
    write_left_out(out, findings.len(), FINDINGS, "findings");
}

fn write_faults(out: &mut String, faults: &[FaultInterval]) {
    if faults.is_empty() {
        return;
    }
    *out += "\n| fault | from | on | outcome | evidence |\n|---|---|---|---|---|\n";
    for fault in faults.iter().take(FAULTS) {
        let evidence = fault.evidence.iter().chain(&fault.heal_evidence);
        let evidence: Vec<String> = evidence.map(|(of, what)| format!("{of}: {what}")).collect();
        let _ = writeln!(
            out,
            "| {} | {:.3} s | {} | {} | {} |",
            cell(&fault.fault),
            fault.requested.time as f64 / 1e9,
            cell(&fault.target),
            seen(fault),
            cell(&evidence.join("; "))
        );
    }
    write_left_out(out, faults.len(), FAULTS, "faults");
}

fn write_left_out(out: &mut String, all: usize, shown: usize, what: &str) {
    if all > shown {
        let _ = writeln!(out, "\nand {} more {what}, on the page", all - shown);
    }
}

/// The command, and where the page is.
fn ending(ran: &Ran) -> String {
    let mut out = format!("\nAgain:\n\n{}", code(&cut(&shell_line(&ran.plan.command), SENTENCE)));
    if let Some(page) = &ran.page {
        let _ = writeln!(out, "\nPage: {}", plain(&cut(page, SENTENCE)));
    }
    out
}

/// As a block of code, whose fence is longer than any in it.
pub(super) fn code(text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for letter in text.chars() {
        run = if letter == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(3.max(longest + 1));
    let text: String = text.chars().map(|letter| if letter == '\r' { '\n' } else { visible(letter) }).collect();
    format!("{fence}sh\n{text}\n{fence}\n")
}

/// As a cell of a table.
pub(super) fn cell(text: &str) -> String {
    plain(&cut(text, WORD))
}

/// As words of one line that mean nothing but themselves: a character that is written as a reference is never markup.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' => out.push(' '),
            '&' | '<' | '>' | '"' | '\'' | '\\' | '`' | '*' | '_' | '~' | '[' | ']' | '(' | ')' | '{' | '}' | '#'
            | '!' | '|' | '$' | '@' | ':' | '+' | '=' => {
                let _ = write!(out, "&#{};", u32::from(letter));
            }
            _ => out.push(visible(letter)),
        }
    }
    out
}

/// As text within an element of HTML.
fn html(text: &str) -> String {
    let text: String = text.chars().map(visible).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Controls are shown as what they are: nothing that can be read.
fn visible(letter: char) -> char {
    if letter.is_control() && !matches!(letter, '\n' | '\t') { char::REPLACEMENT_CHARACTER } else { letter }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_never_markup() {
        assert_eq!(
            plain("<b>|`x`\r\n*a* [l](u)\0é"),
            "&#60;b&#62;&#124;&#96;x&#96;  &#42;a&#42; &#91;l&#93;&#40;u&#41;\u{fffd}é"
        );
        assert_eq!(html("</pre>&\0\n\n<script>"), "&lt;/pre&gt;&amp;\u{fffd}\n\n&lt;script&gt;");
        assert_eq!(cell(&"|".repeat(1000)).matches("&#124;").count(), WORD - " … (cut: it has 1000 bytes)".len());
    }

    #[test]
    fn no_code_ends_its_own_block() {
        assert_eq!(code("a `b`"), "```sh\na `b`\n```\n");
        assert_eq!(code("a\n````\r# b"), "`````sh\na\n````\n# b\n`````\n");
    }
}
