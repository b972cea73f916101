//! Pages of whole run directories: their structure, their safety, and what is left of them when files are damaged.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use dsjepsen_history::{NodeId, RunDirectory, RunEvent, StampedEvent};
use dsjepsen_reports::{ReportError, write_page};

mod fixture;
mod markup;

use fixture::{HOSTILE, Shape};
use markup::{assert_sound, elements};

fn run(store: &Path, name: &str, shape: Shape) -> RunDirectory {
    fixture::write(store, name, shape).expect("a fixture can be written and read")
}

fn page_of(directory: &RunDirectory) -> String {
    let path = write_page(directory).expect("a fixture can be written and read");
    assert_eq!(path, directory.page_file());
    fs::read_to_string(path).expect("a fixture can be written and read")
}

fn sections(page: &str) -> Vec<String> {
    let parsed = elements(page);
    let named = parsed.iter().filter(|element| element.name == "section");
    named.filter_map(|element| element.attribute("id").map(str::to_owned)).collect()
}

#[test]
fn a_violation_has_every_section_and_links_that_lead_somewhere() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), "one", Shape::Invalid);
    let page = page_of(&directory);
    assert_sound(&page);
    assert_eq!(
        sections(&page),
        [
            "why",
            "counterexample",
            "faults",
            "latency",
            "lanes",
            "clocks",
            "links",
            "checkers",
            "operations",
            "logs",
            "notes",
            "reproduce"
        ]
    );
    assert!(page.contains(r#"<header class="verdict invalid">"#));
    assert!(page.contains("Two clients held lock m at the same time, for 642 ms."));
    let verdict = directory.read_verdict().unwrap();
    for index in &verdict.findings[0].operations {
        assert!(page.contains(&format!(r##"href="#op-{index}""##)), "operation {index} has no link");
        assert!(page.contains(&format!(r#"<tr id="op-{index}">"#)), "operation {index} has no row");
    }
    assert!(page.contains("dsjepsen test lock --target raft:unfenced"));
    assert!(page.contains("system’s own timing is not fixed by a seed"));
    assert!(page.contains("5 of 5 faults were installed, 5 confirmed"));
}

#[test]
fn a_valid_run_has_no_reason_and_no_counterexample() {
    let store = tempfile::tempdir().unwrap();
    let page = page_of(&run(store.path(), "one", Shape::Valid));
    assert_sound(&page);
    assert_eq!(
        sections(&page),
        ["faults", "latency", "lanes", "clocks", "links", "checkers", "operations", "logs", "notes", "reproduce"]
    );
    assert!(page.contains(r#"<header class="verdict valid">"#) && page.contains("Judged by 5 checkers"));
    assert!(!page.contains("rule broken"));
}

#[test]
fn an_unknown_verdict_says_what_would_decide_it() {
    let store = tempfile::tempdir().unwrap();
    let page = page_of(&run(store.path(), "one", Shape::Unknown));
    assert_sound(&page);
    assert!(page.contains(r#"<header class="verdict unknown">"#));
    assert!(page.contains("fault-not-confirmed: ") && page.contains("would decide it"));
    assert!(page.contains("installed, not confirmed") && page.contains("4 of 5 confirmed"));
    assert!(sections(&page).contains(&"why".to_owned()) && !sections(&page).contains(&"counterexample".to_owned()));
}

#[test]
fn a_failure_of_the_harness_says_nothing_about_the_target_unless_something_was_proved() {
    let store = tempfile::tempdir().unwrap();
    let page = page_of(&run(store.path(), "one", Shape::Harness));
    assert_sound(&page);
    assert!(page.contains(r#"<header class="verdict harness">"#) && page.contains("HARNESS ERROR"));
    assert!(page.contains("could not bind its port") && page.contains("This says nothing about raft:unfenced"));
    assert!(page.contains("not known") || page.contains("never asked for"));

    let directory = run(store.path(), "two", Shape::Invalid);
    let mut verdict = directory.read_verdict().unwrap();
    verdict.harness_error = Some("a proxy failed".to_owned());
    directory.write_verdict(&verdict).unwrap();
    let page = page_of(&directory);
    assert!(page.contains(r#"<header class="verdict invalid">"#));
    assert!(page.contains("The harness failed as well: a proxy failed"));
}

/// Adds readings of clocks to a run's events: the second, the number of the node, and how far ahead it read its clock, in ns.
fn add_readings(directory: &RunDirectory, readings: &[(u64, usize, i64)]) -> io::Result<()> {
    let mut events = fs::OpenOptions::new().append(true).open(directory.events_file())?;
    for &(second, node, ahead_ns) in readings {
        let event = RunEvent::ClockRead { node: NodeId::at(node - 1), ahead_ns };
        let event = StampedEvent { time_ns: second * 1_000_000_000, event };
        writeln!(events, "{}", serde_json::to_string(&event)?)?;
    }
    Ok(())
}

#[test]
fn skewed_clocks_are_drawn_as_they_were_read_back() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), "one", Shape::Valid);
    let readings =
        [(1, 1, 0), (1, 2, -900), (2, 1, 60_000_000_000), (4, 1, 60_000_000_000), (5, 1, 0), (6, 3, -7_000_000)];
    add_readings(&directory, &readings).unwrap();
    let page = page_of(&directory);
    assert_sound(&page);
    assert_eq!(
        sections(&page),
        ["faults", "latency", "lanes", "clocks", "links", "checkers", "operations", "logs", "notes", "reproduce"]
    );
    assert!(page.contains("+60.0 s") && page.contains("−7.00 ms"));
    assert!(page.contains("n2 never read another time than the true one"));
    let curves: Vec<_> = elements(&page).into_iter().filter(|at| at.attribute("class") == Some("clock-read")).collect();
    assert_eq!(curves.len(), 2);
    // n1 was not read for two seconds: the curve has a gap, and none is drawn over it.
    assert_eq!(curves[0].attribute("d").unwrap().matches('M').count(), 2);
}

#[test]
fn of_more_skewed_clocks_than_are_drawn_the_others_are_named() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), "one", Shape::Valid);
    let readings: Vec<_> = (1..=52).map(|node| (1, node, 60_000_000_000)).collect();
    add_readings(&directory, &readings[..50]).unwrap();
    assert!(!page_of(&directory).contains("nodes whose clocks were skewed are drawn"));
    add_readings(&directory, &readings[50..]).unwrap();
    let page = page_of(&directory);
    assert_sound(&page);
    assert!(page.contains("50 of 52 nodes whose clocks were skewed are drawn; the others are n51 n52."));
}

#[test]
fn hostile_values_stay_text() {
    let store = tempfile::tempdir().unwrap();
    let page = page_of(&run(store.path(), "one", Shape::Hostile));
    assert_sound(&page);
    assert!(HOSTILE.contains("<script>") && !page.contains("<script>alert"));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("<bdi>") && page.contains("⟨U+202E⟩"));
    assert!(page.contains("bytes in all"), "the long value is cut with a note");
    assert!(page.len() < 600_000, "{} bytes", page.len());
}

#[test]
fn without_history_and_events_the_verdict_is_still_shown() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), "one", Shape::Invalid);
    fs::remove_file(directory.history_file()).unwrap();
    fs::remove_file(directory.events_file()).unwrap();
    fs::remove_dir_all(directory.node(NodeId::at(2))).unwrap();
    let page = page_of(&directory);
    assert_sound(&page);
    assert!(page.contains(r#"<header class="verdict invalid">"#));
    assert!(page.contains("Latencies cannot be shown.") && page.contains("The operations cannot be shown."));
    assert!(page.contains("The run’s events cannot be shown.") && page.contains("This log cannot be shown."));
    assert!(page.contains("not known"), "planned faults are still listed");
    assert!(!page.contains(r##"href="#op-"##), "a link would lead nowhere");
}

#[test]
fn a_damaged_history_is_named_with_its_line() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), "one", Shape::Valid);
    let text = fs::read_to_string(directory.history_file()).unwrap();
    fs::write(directory.history_file(), text.replacen("\"type\":\"ok\"", "\"type\":\"\u{1}<b>\"", 1)).unwrap();
    fs::write(directory.events_file(), [0xff, 0x00, b'\n', 0xfe]).unwrap();
    let page = page_of(&directory);
    assert_sound(&page);
    assert!(page.contains("history.jsonl, line "), "the damaged line is named");

    // A torn last line is no damage: the run was killed while writing it.
    fs::write(directory.history_file(), format!("{text}{{\"index\":99")).unwrap();
    let page = page_of(&directory);
    assert!(page.contains("is torn and was dropped: the run did not finish writing it"));
}

#[test]
fn nothing_is_written_without_plan_or_verdict() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), "one", Shape::Valid);
    fs::write(directory.verdict_file(), "{").unwrap();
    assert!(matches!(write_page(&directory), Err(ReportError::Run(_))));
    assert!(!directory.page_file().exists());
    let names = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| name.to_str().unwrap().ends_with(".tmp")));
}

#[test]
fn a_page_is_replaced_whole() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), "one", Shape::Valid);
    fs::write(directory.page_file(), "an older page").unwrap();
    let first = page_of(&directory);
    assert!(first.starts_with("<!DOCTYPE html>") && first.ends_with("</html>"));
    assert_eq!(first, page_of(&directory), "the same record makes the same page");
}

#[test]
fn a_run_without_a_single_operation_has_a_page() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), "one", Shape::Unknown);
    fs::write(directory.history_file(), "{\"schema\":1,\"workload\":\"lock\"}\n").unwrap();
    let page = page_of(&directory);
    assert!(page.contains("No operation completed"));
    assert!(page.contains("never asked for"));
    assert_sound(&page);
}

#[test]
fn many_operations_are_thinned_and_it_is_said() {
    let store = tempfile::tempdir().unwrap();
    let page = page_of(&run(store.path(), "one", Shape::Large(30_000)));
    assert_sound(&page);
    assert!(page.contains("too many to draw each") && page.contains("px of time"));
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

#[test]
fn times_at_the_ends_of_their_range_are_drawn() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), "one", Shape::Invalid);
    let late = u64::MAX;
    let lines = [
        r#"{"schema":1,"workload":"lock"}"#.to_owned(),
        r#"{"index":0,"time_ns":0,"process":0,"type":"invoke","f":"write","scheduled_ns":0}"#.to_owned(),
        r#"{"index":1,"time_ns":0,"process":"nemesis","type":"invoke","f":"flood","value":{"id":9,"action":"inject"}}"#
            .to_owned(),
        format!(r#"{{"index":2,"time_ns":{late},"process":0,"type":"ok","f":"write"}}"#),
        format!(r#"{{"index":3,"time_ns":{late},"process":1,"type":"invoke","f":"write","scheduled_ns":{late}}}"#),
        format!(r#"{{"index":4,"time_ns":{late},"process":1,"type":"info","f":"write","error":"timeout"}}"#),
    ];
    fs::write(directory.history_file(), lines.join("\n") + "\n").unwrap();
    let mut verdict = directory.read_verdict().unwrap();
    let timeline = verdict.findings[0].timeline.as_mut().unwrap();
    (timeline.from_ns, timeline.to_ns) = (late, 0);
    timeline.conflict_ns = Some((late, 3));
    timeline.lanes[0].spans[0].to_ns = 0;
    directory.write_verdict(&verdict).unwrap();
    let mut plan = directory.read_plan().unwrap();
    plan.settings.nodes = u16::MAX;
    plan.settings.time_limit_ms = late;
    plan.faults[0].heal_ns = late;
    directory.write_plan(&plan).unwrap();
    let page = page_of(&directory);
    assert_sound(&page);
    assert!(page.contains("50 of 65,535 nodes are drawn"));
    assert!(page.contains("asked for, no answer"));
}
