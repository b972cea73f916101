//! Pages of other tools' histories that were judged here: what stands on them, and that nothing hostile acts.

use std::fs;

use dsjepsen_history::{
    Figure, Finding, Judgement, Lane, OperationCounts, Span, SpanStyle, Step, Timeline, UnknownReason, Verdict,
};
use dsjepsen_reports::{CheckedHistory, ReportError, write_check_page};

mod markup;

use markup::{assert_sound, elements};

const HOSTILE: &str =
    "<script>alert(1)</script>\"' onload='x' \u{0}\u{1b}[31m\u{202e}evil </style>]]> http://evil.example/ \u{ffff}";

fn page(name: &str, verdict: &Verdict) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("verdict.html");
    let command = ["dsjepsen", "check", name, "--model", "cas-register"].map(str::to_owned);
    let (options, version) = ("--init 0", "0.1.0");
    let checked = CheckedHistory { name, model: "cas-register", options, verdict, command: &command, version };
    write_check_page(&checked, &path).expect("a page can be written");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left");
    fs::read_to_string(path).expect("a page can be read")
}

fn counts(kind: &str) -> OperationCounts {
    let mut counts = OperationCounts { total: 1204, ok: 1200, fail: 3, info: 1, ..OperationCounts::default() };
    counts.by_kind.insert(kind.to_owned(), counts.clone());
    counts
}

/// A violation in which every text is `text`.
fn violation(text: &str, timeline: bool) -> Verdict {
    let mut finding = Finding::invalid("cas-register.linearizable", text, vec![4, 9]);
    finding.detail = text.to_owned();
    finding.count = 2;
    let step = |lead: &'static str| Step { lead: lead.into(), text: text.to_owned(), operation: Some(4) };
    finding.steps = vec![step("Let"), step("However")];
    finding.figures = vec![Figure::new("operations shown", text)];
    let span = |from_ns, to_ns, style| Span { from_ns, to_ns, style, label: text.to_owned(), operation: Some(4) };
    let spans = vec![span(5, 90, SpanStyle::Ok), span(60, 200, SpanStyle::Info)];
    let lanes = vec![Lane { label: text.to_owned(), spans, ..Lane::default() }];
    finding.timeline = timeline.then_some(Timeline { from_ns: 0, to_ns: 210, lanes, conflict_ns: None });
    let mut other = finding.clone();
    other.sentence = format!("another: {text}");
    let mut judgement = Judgement::new(text, 1204, vec![finding, other]);
    judgement.assumptions = vec![text.to_owned()];
    Verdict::merge(vec![judgement], counts(text), "")
}

fn sections(page: &str) -> Vec<String> {
    let parsed = elements(page);
    let named = parsed.iter().filter(|element| element.name == "section");
    named.filter_map(|element| element.attribute("id").map(str::to_owned)).collect()
}

#[test]
fn a_violation_has_its_argument_its_drawing_and_its_command() {
    let page = page("a history.edn", &violation("Nobody wrote 7.", true));
    assert_sound(&page);
    assert_eq!(sections(&page), ["why", "counterexample", "checkers", "operations", "reproduce"]);
    assert!(page.contains(r#"<header class="verdict invalid">"#) && page.contains("Nobody wrote 7."));
    assert!(page.contains("broken 2 times in this history") && page.contains("another: Nobody wrote 7."));
    assert!(page.contains("dsjepsen check 'a history.edn' --model cas-register"));
    assert!(page.contains("1,200 ok, 3 fail, 1 info") && page.contains("--init 0"));
    assert!(!page.contains("op 4") && !page.contains("clients sent"), "the page has no operations to name");
}

#[test]
fn without_a_drawing_the_steps_are_enough() {
    let page = page("history.edn", &violation("Nobody wrote 7.", false));
    assert_sound(&page);
    assert_eq!(sections(&page), ["why", "checkers", "operations", "reproduce"]);
}

#[test]
fn valid_and_unknown_histories_have_pages_too() {
    let judgement = Judgement::new("cas-register.linearizable", 1204, Vec::new());
    let valid = page("history.edn", &Verdict::merge(vec![judgement], counts("read"), "All agree."));
    assert_sound(&valid);
    assert_eq!(sections(&valid), ["checkers", "operations", "reproduce"]);
    assert!(valid.contains(r#"<header class="verdict valid">"#) && valid.contains("All agree."));

    let finding = Finding::unknown(UnknownReason::Deadline, "The search was given up.");
    let judgement = Judgement::new("cas-register.linearizable", 0, vec![finding]);
    let unknown = page("history.edn", &Verdict::merge(vec![judgement], OperationCounts::default(), ""));
    assert_sound(&unknown);
    assert_eq!(sections(&unknown), ["why", "checkers", "reproduce"]);
    assert!(unknown.contains(r#"<header class="verdict unknown">"#) && unknown.contains("deadline: "));
}

#[test]
fn hostile_values_stay_text() {
    let page = page(HOSTILE, &violation(HOSTILE, true));
    assert_sound(&page);
    assert!(!page.contains("<script>alert") && page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("⟨U+202E⟩"));
}

#[test]
fn a_page_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nowhere").join("verdict.html");
    let verdict = violation("x", false);
    let checked = CheckedHistory { name: "-", model: "set", options: "", verdict: &verdict, command: &[], version: "" };
    let error = write_check_page(&checked, &path).expect_err("there is no folder");
    assert!(matches!(&error, ReportError::Write { path: named, .. } if *named == path), "{error}");
}
