//! Random events in any order, paired as they come, in every format: nothing but memory depends on that they come one by one.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::oracle::agrees_with_the_oracle;
use super::*;

/// How the events are numbered.
#[derive(Debug, Clone)]
enum Numbering {
    None,
    Ascending(i64),
    /// By these, whatever they are.
    By(Vec<i64>),
    /// Ascending, but for two that change places.
    Swapped(usize, usize),
    /// Ascending, but for one that has none.
    AllBut(usize),
}

fn numbering() -> impl Strategy<Value = Numbering> {
    prop_oneof![
        1 => Just(Numbering::None),
        2 => (1_i64..4).prop_map(Numbering::Ascending),
        2 => vec(-1_i64..40, 30).prop_map(Numbering::By),
        2 => Just((0..30).collect::<Vec<i64>>()).prop_shuffle().prop_map(Numbering::By),
        4 => (0_usize..30, 0_usize..30).prop_map(|(one, other)| Numbering::Swapped(one, other)),
        2 => (0_usize..30).prop_map(Numbering::AllBut),
    ]
}

impl Numbering {
    fn index(&self, place: usize) -> Option<i64> {
        match self {
            Self::None => None,
            Self::Ascending(step) => i64::try_from(place).ok().map(|place| place * step),
            Self::By(indices) => indices.get(place).copied(),
            Self::Swapped(one, other) if place == *one => i64::try_from(*other).ok(),
            Self::Swapped(one, other) if place == *other => i64::try_from(*one).ok(),
            Self::AllBut(one) if place == *one => None,
            Self::Swapped(..) | Self::AllBut(_) => i64::try_from(place).ok(),
        }
    }
}

/// An event that little distinguishes from others: with few processes and values much is in flight, and much is ambiguous.
fn event() -> impl Strategy<Value = ForeignEvent> {
    let process = prop_oneof![
        6 => (0_i64..3).prop_map(ForeignProcess::Client),
        1 => Just(ForeignProcess::Unstated),
        2 => select(vec!["nemesis", "chaos", "w1", "w2"]).prop_map(|name| ForeignProcess::Named(Text::new(name))),
    ];
    let kinds = [EventType::Invoke, EventType::Invoke, EventType::Ok, EventType::Fail, EventType::Info];
    let values = [
        Value::Nil,
        Value::Integer(1),
        Value::Integer(2),
        Value::list(vec![Value::Integer(1), Value::Nil]),
        Value::list(vec![Value::Integer(1), Value::Integer(2)]),
        Value::list(vec![Value::Integer(1), Value::string("x")]),
    ];
    let f = prop_oneof![1 => Just(None), 4 => Just(Some("read")), 1 => Just(Some("write"))];
    let rest = (any::<bool>(), proptest::option::weighted(0.95, 0_i64..9), 1_u32..3);
    (process, select(kinds.to_vec()), f, select(values.to_vec()), rest).prop_map(
        |(process, event_type, f, value, (has_error, time, line))| ForeignEvent {
            process,
            event_type,
            f: f.map(Text::new),
            value,
            time,
            index: None,
            has_error,
            line,
        },
    )
}

/// Events of which a process mostly completes what it invoked.
fn events() -> impl Strategy<Value = Vec<ForeignEvent>> {
    (vec(event(), 0..30), numbering(), any::<bool>()).prop_map(|(mut events, numbering, keeps_turns)| {
        let mut is_open: BTreeMap<ForeignProcess, bool> = BTreeMap::new();
        let mut line = 0;
        for (place, event) in events.iter_mut().enumerate() {
            let is_client = match &event.process {
                ForeignProcess::Client(_) => true,
                ForeignProcess::Named(name) => name.starts_with('w'),
                ForeignProcess::Unstated => false,
            };
            if is_client && keeps_turns {
                let is_open = is_open.entry(event.process.clone()).or_default();
                event.event_type = match event.event_type {
                    _ if !*is_open => EventType::Invoke,
                    EventType::Invoke => EventType::Ok,
                    completion => completion,
                };
                *is_open = !*is_open;
                event.f = Some(Text::new("read"));
            }
            line += event.line;
            event.line = line;
            event.index = numbering.index(place);
        }
        events
    })
}

/// An event as its format writes it, in as many lines as it takes to be on its own.
fn written(event: &ForeignEvent, format: Format) -> String {
    let kind = match event.event_type {
        EventType::Invoke => "invoke",
        EventType::Ok => "ok",
        EventType::Fail => "fail",
        EventType::Info => "info",
    };
    let process = match &event.process {
        ForeignProcess::Client(number) => number.to_string(),
        ForeignProcess::Named(name) if format.is_json() => format!("\"{name}\""),
        ForeignProcess::Named(name) => format!(":{name}"),
        ForeignProcess::Unstated if format.is_json() => "null".to_owned(),
        ForeignProcess::Unstated => "nil".to_owned(),
    };
    let value = event.value.to_string();
    let f = event.f.as_deref();
    if !format.is_json() {
        let f = f.map_or_else(|| "nil".to_owned(), |f| format!(":{f}"));
        let log = format!("{process}\t:{kind}\t{f}\t{value}{}", if event.has_error { "\toops" } else { "" });
        return match format {
            Format::HistoryTxt => log,
            Format::JepsenUtilLog => format!("INFO jepsen.util - {log}"),
            _ => {
                let field = |name: &str, number: Option<i64>| {
                    number.map_or_else(String::new, |number| format!(" :{name} {number}"))
                };
                let (index, time) = (field("index", event.index), field("time", event.time));
                let error = if event.has_error { " :error nil" } else { "" };
                format!("{{:type :{kind} :process {process} :f {f} :key 7 :value {value}{index}{time}{error}}}")
            }
        };
    }
    let kind = if format == Format::JepsenInJava { kind.to_uppercase() } else { kind.to_owned() };
    let [p, t, v] = if format == Format::Synthetic { ["p", "t", "v"] } else { ["process", "type", "value"] };
    let value = value.replace("nil", "null").replace(' ', ",");
    let f = f.map_or_else(|| "null".to_owned(), |f| format!("\"{f}\""));
    let field =
        |name: &str, number: Option<i64>| number.map_or_else(String::new, |number| format!(",\"{name}\":{number}"));
    let (index, time) = (field("index", event.index), field("time", event.time));
    let error = if event.has_error { ",\"error\":null" } else { "" };
    format!("{{\"{p}\":{process},\"{t}\":\"{kind}\",\"f\":{f},\"{v}\":{value}{index}{time}{error}}}")
}

impl Format {
    fn is_json(self) -> bool {
        matches!(self, Self::JsonArray | Self::JsonLines | Self::JepsenInJava | Self::Synthetic | Self::Dsjepsen)
    }
}

fn file(events: &[ForeignEvent], format: Format) -> String {
    let lines: Vec<String> = events.iter().map(|event| written(event, format)).collect();
    match format {
        Format::EdnVector => format!("[{}]", lines.join("\n\n")),
        Format::JsonArray => format!("[{}]", lines.join(",\n")),
        Format::Dsjepsen => {
            format!("{{\"schema\":1,\"workload\":\"lock\"}}\n{}\n", lines.join("\n"))
        }
        _ => lines.join("\n"),
    }
}

const WITH_EVENTS: [Format; 10] = [
    Format::EdnLines,
    Format::EdnVector,
    Format::EdnLinesKv,
    Format::JsonArray,
    Format::JsonLines,
    Format::JepsenInJava,
    Format::HistoryTxt,
    Format::JepsenUtilLog,
    Format::Synthetic,
    Format::Dsjepsen,
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn pairing_one_by_one_is_pairing_all_at_once(
        events in events(), may_overlap: bool, may_be_bare: bool, keeps_named: bool,
    ) {
        agrees_with_the_oracle(&events, PairingRules { may_overlap, may_be_bare, keeps_named });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn files_of_every_format_are_paired_as_their_events_are(events in events()) {
        for format in WITH_EVENTS {
            let text = file(&events, format);
            let read = events_as(&text, Some(format));
            prop_assert_eq!(read.len(), events.len());
            let rules = PairingRules::of(format);
            agrees_with_the_oracle(&read, rules);
            let all = pair(read, "sample", rules).map_err(|error| error.to_string());
            let came = read_foreign(text.as_bytes(), "sample", Some(format)).map_err(|error| error.to_string());
            let came = came.map(|history| match history.body {
                ForeignBody::Operations(paired) => paired,
                other => panic!("{other:?}"),
            });
            prop_assert_eq!(came, all, "{}", format);
        }
    }
}

#[test]
fn a_kind_that_only_the_completion_names_is_no_part_of_the_invocation() {
    let text = "{:index 0 :process 0 :type :invoke :value 1}\n{:index 2 :process 0 :type :ok :f :x :value 1}\n\
                {:index 1 :process 0 :type :ok :f :y :value 1}";
    agrees_with_the_oracle(&super::events(text), PairingRules::of(Format::EdnLines));
    assert!(pair(super::events(text), "sample", PairingRules::of(Format::EdnLines)).is_ok());
}
