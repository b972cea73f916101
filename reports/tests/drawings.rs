//! Drawings that a workload or the network has a part in, on pages of whole run directories; and drawings as files of their own.

use std::fs;
use std::io::Write;
use std::path::Path;

use dsjepsen_history::{
    Curve, Lane, Lanes, Mark, Moved, NodeId, Panel, Point, PointStyle, RunDirectory, RunEvent, Span, SpanStyle,
    StampedEvent, Verdict,
};
use dsjepsen_reports::{ReportError, write_page, write_page_and_plots};
use resvg::tiny_skia::Pixmap;
use resvg::usvg::roxmltree::Document;

mod fixture;
mod markup;

use fixture::{HOSTILE, Shape};
use markup::assert_sound;

const SECOND: u64 = 1_000_000_000;

fn run(store: &Path, shape: Shape) -> RunDirectory {
    fixture::write(store, "one", shape).expect("a fixture can be written")
}

fn page_of(directory: &RunDirectory) -> String {
    fs::read_to_string(write_page(directory).expect("a page can be drawn")).expect("it can be read")
}

/// The part of the page from a section's start to the next one's.
fn section<'a>(page: &'a str, id: &str) -> &'a str {
    let from = page.find(&format!(r#"<section id="{id}""#)).unwrap_or_else(|| panic!("no section {id}"));
    let rest = &page[from..];
    &rest[..rest.find("</section>").expect("a section ends")]
}

fn span(from_ns: u64, to_ns: u64, style: SpanStyle, label: &str, operation: u64) -> Span {
    Span { from_ns, to_ns, style, label: label.to_owned(), operation: Some(operation) }
}

/// Holds of two clients that meet where the first finding says, and a token that was refused.
fn lanes(verdict: &Verdict, label: &str) -> Lanes {
    let finding = &verdict.findings[0];
    let (from, to) = finding.timeline.as_ref().and_then(|timeline| timeline.conflict_ns).expect("a conflict");
    let [first, .., last] = finding.operations.as_slice() else { panic!("{finding:?}") };
    let lane = |client: u64, spans| Lane { label: format!("client {client} on n4{label}"), spans, ..Lane::default() };
    let mut lanes = Lanes::new(format!("Who held the lock{label}"), format!("392 definite holds.{label}"));
    lanes.panels.push(Panel::Lanes {
        name: format!("Client{label}"),
        lanes: vec![
            lane(3, vec![span(from - SECOND, to, SpanStyle::Definite, &format!("453{label}"), *first)]),
            lane(7, vec![span(from, to + SECOND, SpanStyle::Definite, "455", *last)]),
        ],
        left_out: 41,
        items_left_out: 0,
    });
    let point = Point {
        at_ns: to,
        value: 453,
        style: PointStyle::Refused,
        label: format!("write with 453 refused after 455{label}"),
        operation: Some(*last),
    };
    let curves = vec![Curve { label: format!("lock 1{label}"), steps: vec![(from, 453), (to, 455)] }];
    lanes.panels.push(Panel::Values {
        name: "Token".to_owned(),
        curves,
        points: vec![point],
        left_out: 0,
        outstanding_left_out: 0,
    });
    lanes
}

#[test]
fn lanes_show_the_conflict_and_lead_to_the_operations() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), Shape::Invalid);
    let verdict = directory.read_verdict().unwrap();
    directory.write_lanes(&lanes(&verdict, "")).unwrap();
    let page = page_of(&directory);
    assert_sound(&page);
    let section = section(&page, "lanes");
    assert!(section.contains("Who held the lock") && section.contains("2 of 43 lanes"), "{section}");
    assert_eq!(section.matches(r#"class="hot""#).count(), 2, "both holds are hatched where they meet");
    for operation in [verdict.findings[0].operations.first(), verdict.findings[0].operations.last()] {
        assert!(section.contains(&format!(r##"<a href="#op-{}" class="hit"><title>"##, operation.unwrap())));
    }
    assert!(section.contains("write with 453 refused after 455") && section.contains(r#"class="value-refused""#));
}

#[test]
fn a_run_without_lanes_says_so_and_nothing_else_is_missing() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), Shape::Invalid);
    let page = page_of(&directory);
    assert!(section(&page, "lanes").contains("This run’s directory has no lanes."));
    assert!(section(&page, "latency").contains("<svg"));
    fs::write(directory.lanes_file(), r#"{"schema": 1, "title": 7}"#).unwrap();
    let page = page_of(&directory);
    assert_sound(&page);
    assert!(section(&page, "lanes").contains("lanes.json is damaged: title"), "{}", section(&page, "lanes"));
}

#[test]
fn whatever_the_lanes_say_is_shown_as_text() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), Shape::Invalid);
    let verdict = directory.read_verdict().unwrap();
    directory.write_lanes(&lanes(&verdict, HOSTILE)).unwrap();
    let page = page_of(&directory);
    assert_sound(&page);
    assert!(!page.contains("<script>alert"));
    let written = write_page_and_plots(&directory).unwrap();
    assert!(written.problem.is_none(), "{:?}", written.problem);
    let svg = fs::read_to_string(directory.plots().join("lanes.svg")).unwrap();
    assert!(Document::parse(&svg).is_ok() && !svg.contains("<script"), "{svg}");
}

/// The lanes of a run of a million operations: a quarter of them holds, a quarter reads.
fn many(verdict: &Verdict, end: u64) -> Lanes {
    let mut lanes = Lanes::new("Who held the locks", "");
    let hold =
        |at: u64| span(at * end / 25_000, at * end / 25_000 + end / 60_000, SpanStyle::Definite, "lock 1: 7", at);
    let lane =
        |client| Lane { label: format!("client {client}"), spans: (0..25_000).map(hold).collect(), ..Lane::default() };
    lanes.panels.push(Panel::Lanes {
        name: "Client".into(),
        lanes: (0..10).map(lane).collect(),
        left_out: 0,
        items_left_out: 0,
    });
    let point = |at: u64| Point {
        at_ns: at * end / 250_000,
        value: (at % 1_009) as i64 + at as i64 / 100,
        style: PointStyle::Plain,
        label: String::new(),
        operation: Some(at),
    };
    let steps: Vec<_> = (0..250_000).map(|at| (at * end / 250_000, (at % 7) as i64 + at as i64 / 100)).collect();
    let curve = |label: &str| Curve { label: label.into(), steps: steps.clone() };
    lanes.panels.push(Panel::Values {
        name: "Value".into(),
        curves: vec![curve("at most"), curve("at least")],
        points: (0..250_000).map(point).collect(),
        left_out: 0,
        outstanding_left_out: 0,
    });
    lanes.kept(verdict, end)
}

#[test]
fn the_lanes_of_a_million_operations_take_less_than_two_megabytes() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), Shape::Invalid);
    let without = page_of(&directory).len();
    let end = 31 * SECOND;
    directory.write_lanes(&many(&directory.read_verdict().unwrap(), end)).unwrap();
    let page = page_of(&directory);
    assert!(page.len() - without < 2_000_000, "{} bytes", page.len() - without);
    let section = section(&page, "lanes");
    assert!(section.contains("of 250,000 observations"));
    // Each tick tells how much it stands for: 2.5 % of 25,000 holds in 956 px leave none out.
    let told = section.matches(" intervals, ").count();
    assert!((2_000..12_000).contains(&told), "{told} ticks");
}

#[test]
fn the_lanes_of_a_million_operations_that_overlap_take_less_than_two_megabytes_too() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), Shape::Invalid);
    let without = page_of(&directory).len();
    let verdict = directory.read_verdict().unwrap();
    let proof = *verdict.findings[0].operations.last().unwrap();
    let end = 31 * SECOND;
    // Writes and reads of ten keys, four at a time.
    let write = |at: u64| {
        let from = at * end / 50_000;
        Span { operation: (at == 31_415).then_some(proof), ..span(from, from + end / 12_500, SpanStyle::Ok, "=7", at) }
    };
    let read = |at: u64| Mark { at_ns: at * end / 50_000, label: "7".to_owned(), operation: None };
    let lane = |key| Lane {
        label: format!("key {key}"),
        spans: (0..50_000).map(write).collect(),
        marks: (0..50_000).map(read).collect(),
        ..Lane::default()
    };
    let mut lanes = Lanes::new("What the registers held", "");
    let panel = |lanes| Panel::Lanes { name: "Key".into(), lanes, left_out: 0, items_left_out: 0 };
    lanes.panels.push(panel((0..10).map(lane).collect()));
    directory.write_lanes(&lanes.kept(&verdict, end)).unwrap();
    let kept = fs::metadata(directory.lanes_file()).unwrap().len();
    assert!(kept < 6_000_000, "{kept} bytes of lanes");
    let page = page_of(&directory);
    assert!(page.len() - without < 2_000_000, "{} bytes", page.len() - without);
    let section = section(&page, "lanes");
    assert_eq!(section.matches(&format!(r##"<a href="#op-{proof}""##)).count(), 10, "the proof, in each lane");
    assert!(section.contains("are left out, for there are more at those times than can be told apart."));
    assert!(section.contains(" intervals, some at a time, in "));
}

#[test]
fn what_breaks_a_rule_is_drawn_however_much_was_refused_before() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), Shape::Invalid);
    let verdict = directory.read_verdict().unwrap();
    let proof = *verdict.findings[0].operations.last().unwrap();
    let point = |at: u64, style, operation| Point {
        at_ns: at * SECOND / 100,
        value: (at % 7) as i64,
        style,
        label: "refused".to_owned(),
        operation,
    };
    let mut points: Vec<_> = (0..2_000).map(|at| point(at, PointStyle::Refused, None)).collect();
    points.push(point(2_500, PointStyle::Broken, Some(proof)));
    let mut lanes = Lanes::new("Tokens", "");
    let name = "Token".to_owned();
    lanes.panels.push(Panel::Values { name, curves: vec![], points, left_out: 0, outstanding_left_out: 7 });
    directory.write_lanes(&lanes).unwrap();
    let page = page_of(&directory);
    assert_sound(&page);
    let section = section(&page, "lanes");
    assert_eq!(section.matches(r#"class="value-broken""#).count(), 2, "in the drawing and in its legend");
    assert!(section.contains(&format!(r##"<a href="#op-{proof}" class="hit">"##)), "{section}");
    let said =
        section.split_once(" of the 2,008 observations that stand out are drawn").expect("what is left out is said").0;
    let said: u64 = said.rsplit_once(": ").unwrap().1.parse().unwrap();
    assert!((100..=301).contains(&said), "{said}");
}

#[test]
fn links_are_drawn_by_pairs_and_their_totals_listed() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), Shape::Invalid);
    let page = page_of(&directory);
    assert!(section(&page, "links").contains("When it went was not recorded."), "{}", section(&page, "links"));
    let mut events = fs::File::options().append(true).open(directory.events_file()).unwrap();
    for half in 1..=60_u64 {
        let moved = |from: &str, forward| Moved { from: from.to_owned(), to: NodeId::at(1), forward, back: 10 };
        let links = vec![moved("n1", half * 100), moved("c2", 77)];
        let event = RunEvent::Traffic { over_ns: SECOND / 2, links };
        let stamped = StampedEvent { time_ns: half * SECOND / 2, event };
        writeln!(events, "{}", serde_json::to_string(&stamped).unwrap()).unwrap();
    }
    let page = page_of(&directory);
    assert_sound(&page);
    let section = section(&page, "links");
    assert!(section.contains("n1 → n2") && section.contains("clients → n2") && section.contains("max 12.0 kB/s"));
    assert!(section.contains("Totals of 20 links") && section.contains("A gap was not looked at"));
}

#[test]
fn clocks_are_said_to_be_unread_and_never_to_be_right() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), Shape::Invalid);
    assert!(section(&page_of(&directory), "clocks").contains("No fault of this run touches a clock"));
    let mut plan = directory.read_plan().unwrap();
    plan.faults[0].fault = "clock".to_owned();
    directory.write_plan(&plan).unwrap();
    let page = page_of(&directory);
    assert!(section(&page, "clocks").contains("no node was seen to read its own"));
    let read = RunEvent::ClockRead { node: NodeId::at(2), ahead_ns: 250_000_000 };
    let (from, _) = directory.read_verdict().unwrap().findings[0].timeline.as_ref().unwrap().conflict_ns.unwrap();
    let mut events = fs::File::options().append(true).open(directory.events_file()).unwrap();
    let stamped = StampedEvent { time_ns: from + 1, event: read };
    writeln!(events, "{}", serde_json::to_string(&stamped).unwrap()).unwrap();
    let page = page_of(&directory);
    assert_sound(&page);
    assert!(section(&page, "clocks").contains("When the rule was broken, n3 was off by +250 ms."));
}

/// All drawings of a violation with lanes.
fn plotted(store: &Path) -> RunDirectory {
    let directory = run(store, Shape::Invalid);
    let verdict = directory.read_verdict().expect("a fixture has a verdict");
    directory.write_lanes(&lanes(&verdict, "")).expect("lanes can be written");
    let written = write_page_and_plots(&directory).expect("a page can be drawn");
    assert!(written.problem.is_none() && written.page == directory.page_file(), "{written:?}");
    for plot in &written.plots {
        assert!(plot.is_file() && plot.starts_with(directory.plots()), "{}", plot.display());
    }
    assert_eq!(written.plots.len(), 8, "{written:?}");
    directory
}

const PLOTS: [&str; 4] = ["counterexample", "faults", "latency", "lanes"];

#[test]
fn every_svg_stands_for_itself() {
    let store = tempfile::tempdir().unwrap();
    let directory = plotted(store.path());
    for name in PLOTS {
        let text = fs::read_to_string(directory.plots().join(format!("{name}.svg"))).unwrap();
        let svg = Document::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let ids: Vec<_> = svg.descendants().filter_map(|element| element.attribute("id")).collect();
        for element in svg.descendants().filter(roxmltree_element) {
            for attribute in element.attributes() {
                let (key, value) = (attribute.name(), attribute.value());
                assert!(!key.ends_with("href") && !key.starts_with("data-") && !key.starts_with("on"), "{name}: {key}");
                assert!(!value.contains("//") && !value.contains("var("), "{name}: {key}={value}");
            }
            assert!(!["a", "script", "image", "use", "foreignObject"].contains(&element.tag_name().name()), "{name}");
        }
        for (at, _) in text.match_indices("url(") {
            let wanted = text[at + 4..].strip_prefix('#').and_then(|rest| rest.split(')').next());
            assert!(wanted.is_some_and(|wanted| ids.contains(&wanted)), "{name}: {wanted:?}");
        }
        assert!(!text.contains("@import") && !text.contains("var(") && text.contains("fill=\"#ffffff\""), "{name}");
        assert!(svg.descendants().any(|element| element.tag_name().name() == "title"), "{name}");
        assert!(text.contains("lock on raft:unfenced, seed"), "{name} says whose it is");
    }
}

fn roxmltree_element(node: &resvg::usvg::roxmltree::Node<'_, '_>) -> bool {
    node.is_element()
}

/// The number of pixels that are clearly not white.
fn ink(image: &Pixmap) -> u64 {
    image.pixels().iter().filter(|pixel| pixel.red().min(pixel.green()).min(pixel.blue()) < 200).count() as u64
}

#[test]
fn every_png_is_the_svg_twice_as_large_with_its_text() {
    let store = tempfile::tempdir().unwrap();
    let directory = plotted(store.path());
    for name in PLOTS {
        let text = fs::read_to_string(directory.plots().join(format!("{name}.svg"))).unwrap();
        let bytes = fs::read(directory.plots().join(format!("{name}.png"))).unwrap();
        let image = Pixmap::decode_png(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let size = |key| Document::parse(&text).unwrap().root_element().attribute(key).unwrap().parse::<f32>().unwrap();
        assert_eq!(
            (image.width(), image.height()),
            ((size("width") * 2.0).ceil() as u32, (size("height") * 2.0).ceil() as u32)
        );
        let all = u64::from(image.width()) * u64::from(image.height());
        let drawn = ink(&image);
        assert!((all / 1_000..all / 2).contains(&drawn), "{name}: {drawn} of {all} pixels");
        // Without a font nothing is written: the rest of the drawing has less ink.
        let options = resvg::usvg::Options::default();
        let tree = resvg::usvg::Tree::from_str(&text, &options).unwrap();
        let mut silent = Pixmap::new(image.width(), image.height()).unwrap();
        resvg::render(&tree, resvg::tiny_skia::Transform::from_scale(2.0, 2.0), &mut silent.as_mut());
        assert!(drawn > ink(&silent) + 2_000, "{name}: {drawn} with text, {} without", ink(&silent));
    }
}

#[test]
fn plots_that_cannot_be_written_are_told_and_the_page_is_there() {
    let store = tempfile::tempdir().unwrap();
    let directory = run(store.path(), Shape::Valid);
    fs::write(directory.plots(), "in the way").unwrap();
    let written = write_page_and_plots(&directory).unwrap();
    assert!(matches!(written.problem, Some(ReportError::Write { .. })), "{written:?}");
    assert!(written.plots.is_empty() && written.page.is_file());
}

#[test]
fn a_plot_of_an_earlier_page_goes_with_what_it_showed() {
    let store = tempfile::tempdir().unwrap();
    let directory = plotted(store.path());
    fs::remove_file(directory.lanes_file()).unwrap();
    let written = write_page_and_plots(&directory).unwrap();
    assert_eq!(written.plots.len(), 6);
    assert!(!directory.plots().join("lanes.svg").exists() && !directory.plots().join("lanes.png").exists());
}
