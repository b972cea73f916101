use super::*;

fn read(bytes: &[u8]) -> ForeignHistory {
    read_foreign_with(bytes, "sample", None, drop).unwrap()
}

fn format_of(text: &str) -> Format {
    read(text.as_bytes()).format
}

#[test]
fn names_and_formats_are_one_to_one() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert!("edn".parse::<Format>().unwrap_err().contains("edn-lines, edn-vector"));
}

#[test]
fn what_is_no_history_is_refused_with_the_names_of_those_that_are() {
    for text in ["hello, world", "\u{0}\u{1}\u{2}", "<html></html>", "[1 2 3]", "# stack", "1 2 3 4"] {
        let said = problem(text);
        assert!(
            said.contains("is no history in a format known here") && said.contains("edn-lines-kv"),
            "{text}: {said}"
        );
    }
    let said = problem("hello\nworld");
    assert!(said.contains("line 1 begins with `hello\\nworld`. An event is a map of its own"), "{said}");
}

#[test]
fn a_byte_order_mark_is_passed() {
    assert_eq!(briefs("\u{feff}{:type :ok}"), ["- ok - nil"]);
}

#[test]
fn key_value_lines_carry_their_key() {
    let text = "{:process 0, :type :invoke, :f :get, :key \"7\", :value nil}\n{:process 0, :type :ok, :f :get, :key \"7\", :value \"\"}";
    assert_eq!(format_of(text), Format::EdnLinesKv);
    assert_eq!(briefs(text), [r#"0 invoke get ["7" nil]"#, r#"0 ok get ["7" ""]"#]);
    let error = problem("{:type :ok :f :put :key 1}\n{:type :ok :f :put}");
    assert_eq!(error, "sample, line 2, column 1: an event without a key");
}

#[test]
fn json_says_what_edn_says() {
    let array = "[{\"type\":\"invoke\",\"f\":\"txn\",\"value\":[[\"r\",\"x\",null],[\"w\",2,{\"a\":1.5}]],\"process\":0,\"index\":1,\
                 \"time\":12},\n {\"type\":\"info\",\"process\":\"nemesis\",\"error\":null,\"node\":\"n1\"}]\n";
    assert_eq!(format_of(array), Format::JsonArray);
    assert_eq!(briefs(array), [r#"0 invoke txn [["r" "x" nil] ["w" 2 {"a" 1.5}]]"#, "nemesis info - nil"]);
    let events = events(array);
    assert_eq!((events[0].index, events[0].time, events[0].line, events[0].has_error), (Some(1), Some(12), 1, false));
    assert_eq!((events[1].line, events[1].has_error), (2, true));
    // The same one after another, over as many lines as they like.
    let lines = "\n{\"type\": \"ok\",\n \"value\": \"a\\\"}{\"}\n{\"type\":\"fail\",\"process\":3}";
    assert_eq!(format_of(lines), Format::JsonLines);
    assert_eq!(briefs(lines), ["- ok - \"a\\\"}{\"", "3 fail - nil"]);
    assert_eq!(super::events(lines).iter().map(|event| event.line).collect::<Vec<_>>(), [2, 4]);
}

#[test]
fn what_is_wrong_with_json_is_said_with_its_line() {
    for (text, expected) in [
        ("{\"type\":\"ok\"}\n{\"type\":\"done\"}", "line 2, column 15: `\"done\"` is no type of event"),
        ("{\"type\":\"ok\"}\n{\"process\":0}", "line 2: an event without a type"),
        ("{\"type\":\"ok\"}\n\n{\"type\":\n x}", "line 4, column 2: expected value"),
        ("{\"type\":\"ok\"}\n[", "line 2: an event begins with `{`"),
        ("{\"type\":\"ok\"}\n{\"type\":\"ok\"", "line 2: the file ends within an event"),
        ("{\"type\":\"ok\",\"value\":{\"a\":1,\"a\":2}}", "line 1, column 34: an object with the same key twice"),
        (
            "{\"type\":\"ok\",\"value\":[18446744073709551616,{\"a\":1,\"a\":2}]}",
            "line 1, column 42: a number beyond 64 bits",
        ),
        ("{\"type\":\"ok\",\"value\":18446744073709551616,}", "line 1, column 43: key must be a string"),
        ("[{\"type\":\"ok\"}\n{\"type\":\"ok\"}]", "line 2: a comma is missing between events"),
        ("[{\"type\":\"ok\"},]", "line 1: a comma stands before the end of the array: leave it out"),
        ("{\"type\":\"ok\"},\n{\"type\":\"ok\"}", "line 1: a comma stands between events that no array encloses"),
        (
            "{\"type\":\"ok\"}\nWARN {slow}\n{\"type\":\"ok\"}",
            "line 2: an event begins with `{`, and here stands `WARN {slow}`: leave out",
        ),
        ("{\"a\": 1}", "line 1: an event without a type: an event is a map with `type`"),
        ("[{\"type\":\"ok\"}\n", "line 2: the array of events has no end"),
        ("[{\"type\":\"ok\"}]\n{}", "line 2: something follows the array of events"),
    ] {
        let said = problem(text);
        assert!(said.starts_with(&format!("sample, {expected}")), "{text}: {said}");
    }
    let deep = format!("{{\"type\":\"ok\",\"value\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(problem(&deep).contains("recursion limit"), "{}", problem(&deep));
}

#[test]
fn integers_of_json_keep_their_value() {
    let text = "{\"type\":\"ok\",\"value\":[9223372036854775807,18446744073709551615,-1]}";
    assert_eq!(briefs(text), ["- ok - [9223372036854775807 18446744073709551615 -1]"]);
}

#[test]
fn jepsen_in_java_means_none_by_zero() {
    let line = |kind: &str, f: &str, value: i64, time: &str, nemesis: bool| {
        format!(
            "{{\"process\":1,\"type\":\"{kind}\",\"value\":{value},\"f\":\"{f}\",\"time\":{time},\"nemesis\":{nemesis},\"index\":0}}\n"
        )
    };
    let text = [
        line("INVOKE", "READ", 0, "1.651418395262E12", false),
        line("OK", "READ", 0, "1.651418395262E12", false),
        line("INVOKE", "WRITE", 0, "5", false),
        line("FAIL", "READ", 0, "5", false),
        line("INFO", "START", 0, "5", true),
    ]
    .concat();
    assert_eq!(format_of(&text), Format::JepsenInJava);
    assert_eq!(
        briefs(&text),
        ["1 invoke read nil", "1 ok read 0", "1 invoke write 0", "1 fail read nil", "nemesis info start 0"]
    );
    let times: Vec<_> = events(&text).iter().map(|event| event.time).collect();
    assert_eq!((times[0], times[2]), (Some(1_651_418_395_262_000_000), Some(5_000_000)));
}

#[test]
fn synthetic_lines_are_short() {
    let text =
        "{\"p\":5,\"t\":\"invoke\",\"f\":\"cas\",\"v\":[1,2]}\n{\"p\":5,\"t\":\"fail\",\"f\":\"cas\",\"v\":[1,2]}\n";
    assert_eq!(format_of(text), Format::Synthetic);
    assert_eq!(briefs(text), ["5 invoke cas [1 2]", "5 fail cas [1 2]"]);
    assert!(!events(text)[1].has_error);
}

#[test]
fn our_own_histories_are_events_too() {
    let header = "{\"schema\":1,\"workload\":\"lock\"}\n";
    let event = |index: u64, kind: &str, f: &str| {
        format!(
            "{{\"index\":{index},\"time_ns\":{index},\"process\":3,\"node\":\"n1\",\"type\":\"{kind}\",\"f\":\"{f}\"}}\n"
        )
    };
    let nemesis =
        "{\"index\":4,\"time_ns\":400,\"process\":\"nemesis\",\"type\":\"info\",\"f\":\"kill\",\"value\":{}}\n";
    let text = [header, &event(0, "invoke", "write"), &event(1, "invoke", "renew"), &event(2, "ok", "renew"), nemesis]
        .concat();
    let torn = format!("{text}{{\"index\":5,\"ti");
    let history = read(torn.as_bytes());
    assert_eq!(history.format, Format::Dsjepsen);
    assert_eq!(
        history.notes,
        ["line 6 is torn and was dropped: the run did not finish writing it (it was killed, or the disk was full)"]
    );
    let events = super::events(&torn);
    assert_eq!(events, super::events(&text));
    assert_eq!((events[1].line, events[1].index, events[1].time), (3, Some(1), Some(1)));
    // A renewal runs beside the other calls.
    let paired = pair(events, "sample", PairingRules::of(history.format)).unwrap();
    let spans: Vec<_> = paired.operations.iter().map(|it| (it.invoked, it.completed())).collect();
    assert_eq!(spans, [(0, None), (1, Some(2))]);
    let newer = problem("{\"schema\":99,\"workload\":\"lock\"}\n");
    assert_eq!(newer, "sample, line 1: schema 99, and this dsjepsen reads up to 1");
}

#[test]
fn history_txt_has_tabs_or_spaces_and_errors_of_any_shape() {
    let text = "0\t:invoke\t:write\t[1 2]\n:nemesis\t:info\t:start\tnil\n0\t:info\t:write\t[1 2]\t#object[broken\n3  :ok   :read   \n";
    assert_eq!(format_of(text), Format::HistoryTxt);
    assert_eq!(briefs(text), ["0 invoke write [1 2]", "nemesis info start nil", "0 info write [1 2]", "3 ok read nil"]);
    assert_eq!(events(text).iter().map(|event| event.has_error).collect::<Vec<_>>(), [false, false, true, false]);
    assert_eq!(
        problem("0\t:invoke\t:write\t1\n0\t:ok\t:write\t[1"),
        "sample, line 2, column 16: the text ends where a value is unfinished"
    );
    assert_eq!(problem("0\t:invoke\t:write\t1\nhello\n"), "sample, line 2, column 6: a line is `process type f value`");
}

#[test]
fn logs_hold_other_lines_too() {
    let text = "INFO  jepsen.core - Running test\nINFO  jepsen.util - 0\t:invoke\t:read\tnil\nWARN  jepsen.util - oh dear\n\
                INFO  jepsen.util - 0   :fail   :read   :timed-out\n\
                2024-01-01 10:00:00,000{GMT}\tINFO\t[jepsen worker 1] jepsen.util: 1\t:fail\t:cas\t[3 4]\n";
    assert_eq!(format_of(text), Format::JepsenUtilLog);
    assert_eq!(briefs(text), ["0 invoke read nil", "0 fail read :timed-out", "1 fail cas [3 4]"]);
    let told: Vec<_> = events(text).iter().map(|event| (event.line, event.has_error)).collect();
    assert_eq!(told, [(2, false), (4, true), (5, false)]);
    let torn = "INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:ok\t:read\t[";
    assert_eq!(problem(torn), "sample, line 2, column 34: the text ends where a value is unfinished");
}

#[test]
fn intervals_are_told_apart_by_where_the_method_stands() {
    let ForeignBody::Intervals(polylin) = read(b"# set\ninsert 5 true 1 3\n\ncontains 5 0 3 4\n").body else {
        panic!()
    };
    assert_eq!(polylin.model.as_deref(), Some("set"));
    let shown =
        |it: &ForeignInterval| (it.process, it.method.to_string(), it.values.clone(), it.start, it.end, it.line);
    assert_eq!(shown(&polylin.operations[0]), (None, "insert".to_owned(), vec![5, 1], 1, 3, 2));
    assert_eq!(shown(&polylin.operations[1]), (None, "contains".to_owned(), vec![5, 0], 3, 4, 4));
    let history = read(b"# semaphore\n0 3 5 DECR 1\n1 0 4 READ_MODIFY_WRITE 0 -1");
    assert_eq!(history.format, Format::Fptlin);
    let ForeignBody::Intervals(fptlin) = history.body else { panic!() };
    assert_eq!(shown(&fptlin.operations[1]), (Some(1), "READ_MODIFY_WRITE".to_owned(), vec![0, -1], 0, 4, 3));
    assert_eq!(problem("# stack\npush 1 1 2\npush 1 3 2"), "sample, line 3: it ends at 2, before it starts at 3");
    assert_eq!(
        problem("# stack\npush 1 1 2\npush x 3 4"),
        "sample, line 3: `x` is no integer from -9223372036854775808 to 9223372036854775807"
    );
    assert_eq!(problem("# stack\npush 1 1 2\npush"), "sample, line 3: a line is `method value start end`");
    assert_eq!(problem("0 1 5 ENQ 10\n0 1 5"), "sample, line 2: a line is `process start end METHOD value`");
}

fn sessions(bytes: &[u8]) -> (Format, Vec<ForeignSession>) {
    let history = read(bytes);
    let ForeignBody::Sessions(sessions) = history.body else { panic!("no sessions") };
    (history.format, sessions)
}

/// Sessions in few words: `w1=2 r3=4 | …`.
fn words(sessions: &[ForeignSession]) -> Vec<String> {
    let access = |it: &ForeignAccess| {
        format!("{}{}={}{}", if it.is_write { "w" } else { "r" }, it.key, it.value, if it.is_ok { "" } else { "!" })
    };
    let transaction = |it: &ForeignTransaction| {
        let accesses = it.accesses.iter().map(access).collect::<Vec<_>>().join(" ");
        format!("{accesses}{}", if it.is_committed { "" } else { " aborted" })
    };
    sessions.iter().map(|it| it.transactions.iter().map(transaction).collect::<Vec<_>>().join(" | ")).collect()
}

#[test]
fn rules_part_transactions_and_sessions() {
    let (format, sessions) = sessions(b"w 1 2\nr 3 4\n-----\nr 1 2\n=====\n\n-----\nr 3 0\n-----\n=====\nw 0 0");
    assert_eq!(format, Format::Awdit);
    assert_eq!(words(&sessions), ["w1=2 r3=4 | r1=2", "r3=0", "w0=0"]);
    assert_eq!(sessions[0].transactions[1].line, 4);
    assert_eq!(problem("w 1 2\nx 1 2"), "sample, line 2: `x 1 2` is no `w key value` or `r key value`");
    assert!(problem("w 1 2\nw 1 2 3").starts_with("sample, line 2: "));
}

#[test]
fn sessions_of_plume_are_gathered_from_their_lines() {
    let (format, sessions) = sessions(b"w(0,1,7,1)\nr(0,1,8,2)\nw(0,2,7,3)\nr(5, 0, 8, 2)\nw(0,3,7,1)\n");
    assert_eq!(format, Format::Plume);
    assert_eq!(words(&sessions), ["w0=1 w0=3 | w0=2", "r0=1 r5=0"]);
    assert_eq!((sessions[1].id, sessions[1].transactions[0].id), (Some(8), Some(2)));
    assert!(problem("w(0,1,7,1)\nw(0,1,7)").starts_with("sample, line 2: `w(0,1,7)` is no `w(key"));
}

/// What dbcop tells of an event: write, variable, value, success.
type Event = (bool, u64, u64, bool);

/// dbcop's binary form, written by hand: of each transaction its events and its success.
fn dbcop(sessions: &[&[(&[Event], bool)]]) -> Vec<u8> {
    let number = |number: usize| (number as u64).to_le_bytes();
    let mut bytes: Vec<u8> = (1..=5).flat_map(number).collect();
    for text in ["AntidoteDB", "2019-04-03", ""] {
        bytes.extend(number(text.len()));
        bytes.extend(text.bytes());
    }
    bytes.extend(number(sessions.len()));
    for session in sessions {
        bytes.extend(number(session.len()));
        for (events, success) in *session {
            bytes.extend(number(events.len()));
            for (write, variable, value, success) in *events {
                bytes.push(u8::from(*write));
                bytes.extend(variable.to_le_bytes());
                bytes.extend(value.to_le_bytes());
                bytes.push(u8::from(*success));
            }
            bytes.push(u8::from(*success));
        }
    }
    bytes
}

#[test]
fn both_forms_of_dbcop_say_the_same() {
    let binary = dbcop(&[
        &[(&[(true, 1, 2, true), (false, 3, 0, false)], true), (&[(true, 4, 9, true)], false)],
        &[],
        &[(&[], true)],
    ]);
    let (format, from_binary) = sessions(&binary);
    assert_eq!(format, Format::DbcopBincode);
    assert_eq!(words(&from_binary), ["w1=2 r3=0! | w4=9 aborted", "", ""]);
    let yaml = "---\n- - events:\n    - write:    true\n      variable: 1 # of many\n      value:    2\n      success:  true\n    \
                - success: false\n      write: false\n      variable: 3\n      value: 0\n    success: true\n  - success: false\n    \
                events:\n      - write: true\n        variable: 4\n        value: 9\n        success: true\n- []\n- - events: []\n    success: true\n";
    let (format, from_yaml) = sessions(yaml.as_bytes());
    assert_eq!(format, Format::DbcopYaml);
    assert_eq!(words(&from_yaml), words(&from_binary));
    assert_eq!(from_yaml[0].transactions[1].line, 12);
}

#[test]
fn what_is_wrong_with_dbcops_is_said_with_its_place() {
    let binary = dbcop(&[&[(&[(true, 1, 2, true)], true)]]);
    for length in 64..binary.len() {
        let said = read_foreign(&binary[..length], "sample", None).unwrap_err().to_string();
        assert!(said.starts_with("sample, byte ") && said.contains("the file ends within"), "{length}: {said}");
    }
    let more = [&binary[..], b"x"].concat();
    let said = read_foreign(&more[..], "sample", None).unwrap_err().to_string();
    assert_eq!(said, format!("sample, byte {}: something follows the last session", binary.len()));
    let mut many = binary.clone();
    let count = binary.len() - 19 - 8;
    many[count..count + 8].fill(0xff);
    assert!(read_foreign(&many[..], "sample", None).is_err(), "more events than there are bytes");
    for (yaml, expected) in [
        ("- - events:\n    - write: true\n    success: true\n", "line 3"),
        ("- - events:\n    - write: perhaps\n", "line 2: `perhaps` is nothing that `write` can be"),
        ("- - events: []\n", "line 1: a transaction without `success`"),
        ("- - events: []\n    success: true\n    success: true\n", "line 3: `success` stands there twice"),
        ("- - events: []\n    colour: red\n", "line 2: `colour` is nothing that a transaction has"),
        ("- 5\n", "line 1: `5` is no `key: value`"),
    ] {
        let said = problem(yaml);
        assert!(said.starts_with(&format!("sample, {expected}")), "{yaml}: {said}");
    }
}
