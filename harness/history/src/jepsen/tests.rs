//! Hand-written runs, written as Jepsen's and read again as a foreign history.

use std::io::Write;

use super::*;
use crate::foreign::{ForeignEvent, Format, Paired, PairingRules, pair, read_foreign_with};

const REGISTER: [JepsenShape; 3] = [
    JepsenShape::new("read", JepsenValue::Nil, JepsenValue::Member("value")).of_object("key"),
    JepsenShape::new("write", JepsenValue::Member("value"), JepsenValue::AsCalled).of_object("key"),
    JepsenShape::new("cas", JepsenValue::Members(&["from", "to"]), JepsenValue::AsCalled)
        .of_object("key")
        .took_effect("swapped"),
];

const COUNTER: [JepsenShape; 1] =
    [JepsenShape::new("add", JepsenValue::Member("delta"), JepsenValue::AsCalled).attempts_at("id")];

/// A history of short lines: `process type f value-as-json`, and perhaps `! error`. Indices leave gaps, as ours may.
fn written(events: &str, shapes: &[JepsenShape], notation: JepsenNotation) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, r#"{{"schema":1,"workload":"sample"}}"#).unwrap();
    for (place, event) in events.lines().map(str::trim).filter(|event| !event.is_empty()).enumerate() {
        let (event, error) = match event.split_once(" ! ") {
            Some((event, error)) => (event, format!(r#","error":{}"#, Value::from(error))),
            None => (event, String::new()),
        };
        let mut words = event.splitn(4, ' ');
        let mut word = || words.next().unwrap_or("null");
        let (process, kind, f, value) = (word(), word(), word(), word());
        let process = if process == "nemesis" { r#""nemesis""#.to_owned() } else { process.to_owned() };
        let (index, time) = (2 * place, 10 * place);
        let head = format!(r#"{{"index":{index},"time_ns":{time},"process":{process},"type":"{kind}","f":"{f}""#);
        writeln!(file, r#"{head},"value":{value}{error}}}"#).unwrap();
    }
    let mut out = Vec::new();
    write_jepsen(file.path(), shapes, notation, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn read(text: &str) -> (Format, Vec<ForeignEvent>) {
    let mut events = Vec::new();
    let history = read_foreign_with(text.as_bytes(), "export", None, |event| events.push(event)).unwrap();
    (history.format, events)
}

fn paired(text: &str) -> Paired {
    let (_, events) = read(text);
    let rules = PairingRules { may_overlap: false, may_be_bare: false, keeps_named: true };
    pair(events, "export", rules).unwrap()
}

/// `process f call reply outcome` of each operation.
fn briefs(text: &str) -> Vec<String> {
    let brief = |operation: crate::foreign::ForeignOperation| {
        let process = operation.process().unwrap();
        let error = if operation.has_error() { " error" } else { "" };
        let f = operation.f.unwrap();
        format!("{process} {f} {} {} {:?}{error}", operation.call, operation.reply, operation.outcome)
    };
    paired(text).operations.into_iter().map(brief).collect()
}

const REGISTERS: &str = r#"
    0 invoke write {"key":7,"value":1}
    1 invoke read {"key":7}
    0 ok write
    1 ok read {"value":null}
    nemesis invoke partition {"id":0,"action":"inject"}
    nemesis info partition {"id":0,"action":"inject","target":"n1 | n2","outcome":"installed","evidence":{"n1 \"x\"":"cut"}}
    1 invoke cas {"key":7,"from":1,"to":2}
    1 ok cas {"swapped":true}
    0 invoke cas {"key":7,"from":1,"to":3}
    0 ok cas {"swapped":false}
    0 invoke cas {"key":7,"from":2,"to":4}
    0 fail cas null ! refused: "no" \ é
    nemesis invoke partition {"id":0,"action":"heal"}
    nemesis info partition {"id":0,"action":"heal","outcome":"installed"}
    0 invoke write {"key":8,"value":18446744073709551615}
    0 info write null ! timeout
    1 invoke read {"key":7}
"#;

#[test]
fn registers_stand_as_independent_tuples_in_both_notations() {
    let expected = [
        "0 write [7 1] [7 1] Ok",
        "1 read [7 nil] [7 nil] Ok",
        "1 cas [7 [1 2]] [7 [1 2]] Ok",
        "0 cas [7 [1 3]] [7 [1 3]] Fail",
        "0 cas [7 [2 4]] [7 [2 4]] Fail error",
        "0 write [8 18446744073709551615N] [8 18446744073709551615N] Info error",
        "1 read [7 nil] nil Info",
    ];
    for (notation, format) in [(JepsenNotation::Edn, Format::EdnLines), (JepsenNotation::Json, Format::JsonArray)] {
        let text = written(REGISTERS, &REGISTER, notation);
        assert_eq!(read(&text).0, format, "{text}");
        let found: Vec<String> = briefs(&text).into_iter().map(|brief| brief.replace("5N", "5")).collect();
        assert_eq!(found, expected.map(|brief| brief.replace("5N", "5")), "{text}");
    }
}

#[test]
fn lines_are_those_of_jepsen_and_numbered_without_gaps() {
    let text = written(REGISTERS, &REGISTER, JepsenNotation::Edn);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "{:index 0, :time 0, :type :invoke, :process 0, :f :write, :value [7 1]}");
    assert_eq!(lines[3], "{:index 3, :time 30, :type :ok, :process 1, :f :read, :value [7 nil]}");
    assert_eq!(
        lines[11],
        r#"{:index 11, :time 110, :type :fail, :process 0, :f :cas, :value [7 [2 4]], :error "refused: \"no\" \\ é"}"#
    );
    let named = paired(&text).named;
    let faults: Vec<_> = named.iter().map(|(_, event)| (event.f.as_deref().unwrap(), event.event_type)).collect();
    let (start, stop) = (("start-partition", EventType::Info), ("stop-partition", EventType::Info));
    assert_eq!(faults, [start, start, stop, stop]);
    let value = &named[1].1.value;
    assert_eq!(value.get("target").and_then(|target| target.as_word()), Some("n1 | n2"));
    assert!(value.get("evidence").unwrap().get("n1 \"x\"").unwrap().is_word("cut"), "{value}");
    assert!(lines[5].starts_with("{:index 5, :time 50, :type :info, :process :nemesis, :f :start-partition, :value {"));
}

#[test]
fn a_fault_that_waited_and_is_asked_for_twice_is_begun_once() {
    let events = r#"
        nemesis invoke pause {"id":3,"action":"inject"}
        nemesis invoke pause {"id":3,"action":"inject"}
        nemesis info pause {"id":3,"action":"inject","outcome":"installed"}
        nemesis invoke pause {"id":3,"action":"heal"}
        nemesis info pause {"id":3,"action":"heal","outcome":"installed"}
        nemesis invoke pause {"id":4,"action":"inject"}
    "#;
    let text = written(events, &REGISTER, JepsenNotation::Edn);
    let kinds: Vec<_> = text.lines().filter_map(|line| line.split(":f :").nth(1)?.split(',').next()).collect();
    assert_eq!(kinds, ["start-pause", "start-pause", "stop-pause", "stop-pause", "start-pause"], "{text}");
}

#[test]
fn what_no_shape_names_is_a_map_and_what_is_left_out_is_not_there() {
    let events =
        "0 invoke poll {\"node\":\"n1\"}\n0 invoke renew\n0 ok poll {\"leader\":\"n2\",\"claims\":[3]}\n0 ok renew\n";
    let text = written(events, &[JepsenShape::left_out("renew")], JepsenNotation::Edn);
    assert_eq!(
        text,
        "{:index 0, :time 0, :type :invoke, :process 0, :f :poll, :value {:node \"n1\"}}\n\
         {:index 1, :time 20, :type :ok, :process 0, :f :poll, :value {:claims [3], :leader \"n2\"}}\n"
    );
    assert_eq!(written("", &[], JepsenNotation::Edn), "");
    assert_eq!(written("", &[], JepsenNotation::Json), "[]\n");
}

#[test]
fn attempts_under_one_key_are_one_operation() {
    let events = r#"
        0 invoke add {"id":1,"delta":5}
        0 info add null ! timeout
        1 invoke add {"id":2,"delta":6}
        2 invoke add {"id":3,"delta":7}
        2 fail add null ! refused
        2 invoke add {"id":3,"delta":7}
        2 info add null ! timeout
        3 invoke add {"id":1,"delta":5}
        3 info add null ! timeout
        4 invoke add {"id":1,"delta":5}
        4 fail add null ! refused
        4 invoke add {"id":1,"delta":5}
        4 ok add {"value":5}
        4 invoke add {"id":1,"delta":5}
        4 ok add {"value":5}
        4 invoke add {"id":2,"delta":6}
        4 ok add {"value":11}
        4 invoke add {"id":3,"delta":7}
        5 invoke add {"id":4,"delta":8}
        5 ok add {"value":19}
        5 invoke add {"id":4,"delta":8}
        5 ok add {"value":19}
    "#;
    let found = briefs(&written(events, &COUNTER, JepsenNotation::Edn));
    let expected = ["0 add 5 5 Ok", "1 add 6 6 Ok", "2 add 7 7 Fail error", "2 add 7 7 Info error", "5 add 8 8 Ok"];
    assert_eq!(found, expected);
    // Without the shape each counts.
    let plain = [JepsenShape::new("add", JepsenValue::Member("delta"), JepsenValue::AsCalled)];
    assert_eq!(briefs(&written(events, &plain, JepsenNotation::Edn)).len(), 12);
}

#[test]
fn what_ends_without_having_begun_is_named_by_its_event() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let line = r#"{"index":4,"time_ns":1,"process":0,"type":"ok","f":"add","value":null}"#;
    let header = r#"{"schema":1,"workload":"sample"}"#;
    writeln!(file, "{header}\n{line}").unwrap();
    let problem = write_jepsen(file.path(), &COUNTER, JepsenNotation::Edn, &mut Vec::new()).unwrap_err().to_string();
    assert!(problem.contains("event 4: a `add` ends that did not begin"), "{problem}");
}
