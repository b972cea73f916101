//! The lanes of registers: what may have taken effect is an interval, what only showed something a moment.

use dsjepsen_checkers::{RegisterCall, RegisterReply};
use dsjepsen_history::{Panel, SpanStyle};

use super::super::WORKLOAD;
use crate::script::{Saw, Script};

#[test]
fn writes_are_intervals_and_reads_moments() {
    let mut script = Script::new(3, 2);
    let cas = |from, to| RegisterCall::Cas { key: 3, from, to };
    script.add(0, 100, RegisterCall::Write { key: 3, value: 1 }, Saw::Ok(110, RegisterReply::Write));
    script.add(0, 200, RegisterCall::Read { key: 3 }, Saw::Ok(210, RegisterReply::Read { value: Some(1) }));
    script.add(0, 300, cas(1, 2), Saw::Info(1_300));
    script.add(1, 400, cas(9, 8), Saw::Ok(410, RegisterReply::Cas { swapped: false }));
    script.add(1, 500, RegisterCall::Write { key: 3, value: 5 }, Saw::Fail(510, "refused"));
    script.add(1, 600, RegisterCall::Read { key: 4 }, Saw::Ok(610, RegisterReply::Read { value: None }));
    script.add(1, 700, RegisterCall::Read { key: 4 }, Saw::Info(710));
    let lanes = script.lanes(&WORKLOAD, 2_000);
    assert!(lanes.text.contains("one without an answer may take effect at any time later"), "{}", lanes.text);
    let [Panel::Lanes { lanes, .. }] = lanes.panels.as_slice() else { panic!("{lanes:?}") };
    let ms = 1_000_000;
    let spans: Vec<_> =
        lanes[0].spans.iter().map(|span| (span.from_ns / ms, span.to_ns / ms, span.style, span.label.as_str())).collect();
    assert_eq!(spans, [(100, 110, SpanStyle::Ok, "=1"), (300, 1_300, SpanStyle::Info, "1→2")]);
    let marks = |at: usize| lanes[at].marks.iter().map(|mark| mark.label.as_str()).collect::<Vec<_>>();
    assert_eq!((marks(0), marks(1)), (vec!["1", "not 9"], vec!["nothing"]));
}
