//! Faults on the pages of whole run directories: which are drawn, and that none covers another.

use std::fs;

use dsjepsen_reports::write_page;
use resvg::usvg::roxmltree::Document;

mod fixture;
mod markup;

use fixture::Shape;
use markup::assert_sound;

/// The page of a run whose faults overlap, and of which some did nothing.
fn awkward() -> String {
    let store = tempfile::tempdir().expect("a folder");
    let directory = fixture::write(store.path(), "one", Shape::Awkward).expect("a fixture can be written");
    let page = fs::read_to_string(write_page(&directory).expect("a page can be drawn")).expect("it can be read");
    assert_sound(&page);
    page
}

/// The row of a fault in the table.
fn row(page: &str, id: u32) -> Vec<&str> {
    let (before, after) =
        page.split_once(&format!("<span class=\"dimmer\">{id}</span></td>")).expect("the fault has a row");
    assert!(before.rfind("<table class=\"faults\">").is_some());
    after.split("</tr>").next().expect("a row").split("</td>").collect()
}

#[test]
fn a_fault_that_did_nothing_has_no_end_and_no_operations() {
    let page = awkward();
    for (id, word) in [(7, "skipped"), (8, "failed")] {
        let cells = row(&page, id);
        let none = "<span class=\"dimmer\">–</span>";
        assert!(cells[2].ends_with(none), "{id} has no end: {cells:?}");
        assert!(cells[4].contains(word), "{cells:?}");
        assert!(cells[6].ends_with(none), "no operation was in {id}: {cells:?}");
    }
    assert!(!page.contains("not healed"));
    let healed = row(&page, 6);
    assert!(healed[2].ends_with("22.601") && !healed[6].contains('–'), "{healed:?}");
    // Nor is it in the plots, or among the faults in force at an operation.
    let facts =
        page.split_once(r#"id="run-facts">"#).and_then(|(_, rest)| rest.split("</script>").next()).expect("facts");
    let facts: serde_json::Value = serde_json::from_str(facts).expect("JSON");
    let labels: Vec<_> =
        facts["faults"].as_array().expect("faults").iter().filter_map(|fault| fault["label"].as_str()).collect();
    assert_eq!(labels.len(), 6, "{labels:?}");
    assert!(!labels.iter().any(|label| label.contains("the leader") && !label.contains("n1")), "{labels:?}");
}

#[test]
fn partitions_at_one_time_lie_below_one_another() {
    let page = awkward();
    let section = page.split_once(r#"<section id="faults""#).expect("a section of faults").1;
    let svg = &section[section.find(r#"<svg class="plot"#).expect("a strip")..];
    let svg = &svg[..svg.find("</svg>").expect("its end") + 6];
    let drawing = Document::parse(svg).expect("well-formed");
    let number = |rect: &resvg::usvg::roxmltree::Node<'_, '_>, name: &str| rect.attribute(name)?.parse::<f64>().ok();
    let is_side = |class: &str| class.starts_with("fill-") || class.starts_with("band-");
    let rects: Vec<(f64, f64, f64, f64)> = drawing
        .descendants()
        .filter(|rect| rect.attribute("class").is_some_and(is_side))
        .filter_map(|rect| {
            Some((number(&rect, "data-t")?, number(&rect, "data-u")?, number(&rect, "y")?, number(&rect, "height")?))
        })
        .collect();
    assert!(rects.iter().filter(|rect| rect.3 == 8.0).count() >= 15, "three partitions of five nodes: {rects:?}");
    for (at, one) in rects.iter().enumerate() {
        for other in &rects[at + 1..] {
            let apart_in_time = one.1 <= other.0 || other.1 <= one.0;
            let apart_in_height = one.2 + one.3 <= other.2 || other.2 + other.3 <= one.2;
            assert!(apart_in_time || apart_in_height, "{one:?} covers {other:?}");
        }
    }
}
