//! Reads the columns back as the page's script does, slowly and plainly, to prove the format.

use std::io::Read as _;

use dsjepsen_history::{Index, Moment, Nanos, NodeId, Outcome, Process, RawCall, RawOperation, Reason};
use flate2::read::DeflateDecoder;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::bytes::LARGEST;
use super::levels::Level;
use super::{deflated, levels, logs, operations, texts};
use crate::log::{LogLine, NodeLog};
use crate::plot::rate::Step;

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> u64 {
        let (mut number, mut scale) = (0, 1);
        loop {
            let (byte, rest) = self.0.split_first().expect("the columns end in the middle of a number");
            self.0 = rest;
            number += u64::from(byte & 0x7f) * scale;
            if byte & 0x80 == 0 {
                return number;
            }
            scale *= 0x80;
        }
    }

    fn signed(&mut self) -> i64 {
        let number = self.number();
        if number.is_multiple_of(2) { (number / 2) as i64 } else { -(number.div_ceil(2) as i64) }
    }

    fn optional(&mut self) -> Option<u64> {
        self.number().checked_sub(1)
    }

    fn text(&mut self) -> String {
        let length = self.number() as usize;
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8(text.to_vec()).unwrap()
    }

    fn many<T>(&mut self, count: usize, mut read: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..count).map(|_| read(self)).collect()
    }

    fn texts(&mut self, count: usize) -> Vec<Option<String>> {
        let forms = self.number() as usize;
        let forms = self.many(forms, |reader| {
            let parts = reader.number() as usize;
            reader.many(parts, Self::text)
        });
        let chosen = self.many(count, Self::optional);
        let mut last: Vec<Vec<i64>> = forms.iter().map(|parts| vec![0; parts.len() - 1]).collect();
        chosen
            .into_iter()
            .map(|form| {
                let form = form? as usize;
                let mut text = forms[form][0].clone();
                for (place, part) in forms[form][1..].iter().enumerate() {
                    last[form][place] += self.signed();
                    text += &last[form][place].to_string();
                    text += part;
                }
                Some(text)
            })
            .collect()
    }
}

/// An operation as the script has it.
#[derive(Debug, PartialEq)]
struct Shown {
    index: Index,
    invoked: Nanos,
    ahead: Option<Nanos>,
    lasted: Option<Nanos>,
    process: u64,
    node: u64,
    outcome: u64,
    texts: [Option<String>; 4],
}

fn decoded(columns: &[u8]) -> Vec<Shown> {
    let mut reader = Reader(columns);
    let count = reader.number() as usize;
    let mut running = 0;
    let index = reader.many(count, |reader| {
        running += reader.number();
        running
    });
    let mut running = 0;
    let invoked = reader.many(count, |reader| {
        running += reader.number();
        running
    });
    let ahead = reader.many(count, Reader::optional);
    let lasted = reader.many(count, Reader::optional);
    let mut running = 0;
    let process = reader.many(count, |reader| {
        running += reader.signed();
        running as u64
    });
    let node = reader.many(count, Reader::number);
    let outcome = reader.many(count, Reader::number);
    let texts: [Vec<Option<String>>; 4] = std::array::from_fn(|_| reader.texts(count));
    assert!(reader.0.is_empty(), "{} bytes are left", reader.0.len());
    (0..count)
        .map(|at| Shown {
            index: index[at],
            invoked: invoked[at],
            ahead: ahead[at],
            lasted: lasted[at],
            process: process[at],
            node: node[at],
            outcome: outcome[at],
            texts: std::array::from_fn(|column| texts[column][at].clone()),
        })
        .collect()
}

fn expected(operation: &RawOperation) -> Shown {
    let json = |value: &Value| (*value != Value::Null).then(|| value.to_string());
    let (outcome, answer, reason) = match &operation.outcome {
        Outcome::Ok(result) if *result == operation.call.value => (0, None, None),
        Outcome::Ok(result) => (0, json(result), None),
        Outcome::Fail(reason) => (1, None, Some(reason.to_string())),
        Outcome::Info(reason) => (2, None, Some(reason.to_string())),
    };
    Shown {
        index: operation.invoked.index,
        invoked: operation.invoked.time,
        ahead: operation.call.scheduled.map(|time| operation.invoked.time - time),
        lasted: operation.completed.map(|at| at.time - operation.invoked.time),
        process: u64::from(operation.process.0),
        node: operation.node.map_or(0, |node| u64::from(node.number())),
        outcome,
        texts: [Some(operation.call.f.clone()), json(&operation.call.value), answer, reason],
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<u64>().prop_map(|token| json!({ "token": token })),
        (0..50_u64, "[a-z]{0,3}").prop_map(|(lock, name)| json!({"lock": lock, "hold": 7, "name": name})),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
        "[0-9 ]{0,80}".prop_map(Value::from),
    ]
}

fn operation() -> impl Strategy<Value = (u64, u64, RawOperation)> {
    let reason = "(timeout|stale): [0-9a-z ]{0,9}|\\PC{0,9}".prop_map(Reason::new);
    let outcome = prop_oneof![
        value().prop_map(Outcome::Ok),
        reason.clone().prop_map(Outcome::Fail),
        reason.prop_map(Outcome::Info)
    ];
    let times = (1..3_u64, 0..2_000_000_000_u64, prop::option::of(0..2_000_u64), prop::option::of(0..u64::MAX >> 20));
    let who = (any::<u32>(), prop::option::of(0..60_000_usize), prop::sample::select(vec!["acquire", "write 2", "é"]));
    (times, who, value(), outcome).prop_map(|((step, wait, ahead, lasted), (process, node, kind), value, outcome)| {
        let at = |time| Moment { index: 0, time };
        let scheduled = ahead;
        let operation = RawOperation {
            process: Process(process),
            node: node.map(NodeId::at),
            call: RawCall { f: kind.to_owned(), value, scheduled },
            invoked: at(0),
            outcome,
            completed: lasted.map(at),
        };
        (step, wait, operation)
    })
}

/// A history: indices and times rise.
fn history() -> impl Strategy<Value = Vec<RawOperation>> {
    prop::collection::vec(operation(), 0..60).prop_map(|drafts| {
        let (mut index, mut time) = (0, 10_000);
        let placed = drafts.into_iter().map(|(step, wait, mut operation)| {
            (index, time) = (index + step, time + wait);
            operation.invoked = Moment { index, time };
            operation.call.scheduled = operation.call.scheduled.map(|ahead| time - ahead);
            operation.completed = operation.completed.map(|at| Moment { index, time: time + at.time });
            operation
        });
        placed.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_operation_comes_back(operations in history()) {
        let packed = deflated(&operations::encoded(&operations));
        let mut unpacked = Vec::new();
        DeflateDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
        let found = decoded(&unpacked);
        prop_assert_eq!(found, operations.iter().map(expected).collect::<Vec<_>>());
    }

    #[test]
    fn every_line_of_a_log_comes_back(lines in prop::collection::vec((prop::option::of(0..LARGEST - 1), ".{0,20}"), 0..20)) {
        let lines: Vec<_> = lines.into_iter().map(|(time, text)| LogLine { time, text }).collect();
        let log = |node| NodeLog { lines: lines.clone(), size: 0, left_out: "é".repeat(node) };
        let node = NodeId::at(7);
        let columns = logs::encoded(&[(node, Ok(log(0))), (node, Err("gone".to_owned())), (node, Ok(log(1)))]);
        let mut reader = Reader(&columns);
        prop_assert_eq!(reader.number(), 2);
        for left_out in ["", "é"] {
            prop_assert_eq!((reader.text(), reader.text()), ("n8".to_owned(), left_out.to_owned()));
            let count = reader.number() as usize;
            let mut running = 0;
            let times = reader.many(count, |reader| { running += reader.signed(); running });
            let texts = reader.many(count, Reader::text);
            let found: Vec<_> = times.iter().zip(texts)
                .map(|(time, text)| LogLine { time: (*time as u64).checked_sub(1), text }).collect();
            prop_assert_eq!(&found, &lines);
        }
        prop_assert!(reader.0.is_empty());
    }
}

#[test]
fn levels_come_back() {
    let step = |from, quantiles| Step { from, to: from + 5, counts: [1, 0, 300], quantiles };
    let sample = [Level { length: 5, steps: vec![step(0, None), step(5, Some([0, 7, 200, 1 << 40]))] }];
    let columns = levels::encoded(&sample);
    let mut reader = Reader(&columns);
    assert_eq!([reader.number(), reader.number(), reader.number()], [1, 5, 2]);
    assert_eq!(reader.many(6, Reader::number), [1, 1, 0, 0, 300, 300]);
    let quantiles = reader.many(8, Reader::optional);
    assert_eq!(quantiles, [None, Some(0), None, Some(7), None, Some(200), None, Some(1 << 40)]);
    assert!(reader.0.is_empty());
}

#[test]
fn texts_that_would_not_survive_stay_whole_or_say_what_is_cut() {
    let awkward = ["007", "9999999999999999", "1.5e300", "a\u{0}5", "", &"1 ".repeat(60), &"é".repeat(2_000)];
    let mut column = texts::Texts::default();
    for text in awkward {
        column.push(Some(text));
    }
    column.push(None);
    let mut columns = super::bytes::Columns::default();
    column.finish(&mut columns);
    let columns = columns.finish();
    let found = Reader(&columns).texts(awkward.len() + 1);
    assert_eq!(found[..3], awkward[..3].iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>());
    assert_eq!(found[3].as_deref(), Some("a⟨U+0000⟩5"));
    assert_eq!((found[4].as_deref(), found[5].as_deref()), (Some(""), Some(awkward[5])));
    assert_eq!(found[6], Some(format!("{}… (cut: 4,000 bytes in all)", "é".repeat(1_000))));
    assert_eq!(found[7], None);
}

#[test]
fn times_that_the_script_cannot_hold_are_the_largest_that_it_can() {
    let operation = RawOperation {
        process: Process(u32::MAX),
        node: None,
        call: RawCall { f: "write".to_owned(), value: Value::Null, scheduled: Some(u64::MAX) },
        invoked: Moment { index: 3, time: u64::MAX },
        outcome: Outcome::Info(Reason::unfinished()),
        completed: Some(Moment { index: 4, time: u64::MAX }),
    };
    let [shown] = &decoded(&operations::encoded(&[operation]))[..] else { panic!("one operation") };
    assert_eq!((shown.invoked, shown.ahead, shown.lasted), (LARGEST, Some(0), Some(0)));
}
