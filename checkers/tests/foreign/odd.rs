//! Odd but plausible files: each comes to the right verdict, or to an error that names the place and what to write instead.

use dsjepsen_checkers::foreign::{ForeignRequest, find_foreign_model, judge_foreign};
use dsjepsen_history::Gravity::{self, Invalid, Unknown, Valid};
use dsjepsen_history::foreign::read_foreign;

/// A write of 1, and a read that follows it.
const EDN: &str = "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write, :value 1}\n\
                   {:process 1, :type :invoke, :f :read, :value nil}\n{:process 1, :type :ok, :f :read, :value 1}\n";
const JSON: &str = "{\"process\":0,\"type\":\"invoke\",\"f\":\"write\",\"value\":1}\n{\"process\":0,\"type\":\"ok\",\"f\":\"write\",\"value\":1}\n\
                    {\"process\":1,\"type\":\"invoke\",\"f\":\"read\",\"value\":null}\n{\"process\":1,\"type\":\"ok\",\"f\":\"read\",\"value\":1}\n";

/// The verdict on a register and what was noted, or the error.
fn said(bytes: &[u8]) -> (Option<Gravity>, String) {
    let request = ForeignRequest::default();
    let history = match read_foreign(bytes, "odd", None) {
        Ok(history) => history,
        Err(error) => return (None, error.to_string()),
    };
    match judge_foreign(history, "odd", find_foreign_model("register").unwrap(), &request) {
        Err(error) => (None, error.to_string()),
        Ok(verdict) => {
            let assumptions = verdict.checkers.iter().flat_map(|judgement| &judgement.assumptions);
            let notes: Vec<_> = assumptions.filter_map(|one| one.strip_prefix("Read so: ")).collect();
            (Some(verdict.verdict), notes.join(" "))
        }
    }
}

/// Each event with another field, by its place.
fn with(text: &str, field: impl Fn(usize) -> String) -> String {
    let lines = text.lines().enumerate();
    lines.map(|(place, line)| format!("{}{}}}\n", line.strip_suffix('}').unwrap(), field(place))).collect()
}

/// A file that comes to the right verdict, which a read of 3 in its place turns round.
fn is_read(name: &str, text: &str, note: &str) {
    let (verdict, notes) = said(text.as_bytes());
    assert_eq!(verdict, Some(Valid), "{name}: {notes}\n{text}");
    assert!(notes.contains(note) && (!note.is_empty() || notes.is_empty()), "{name}: {notes}");
    let last = text.rfind('1').filter(|_| !name.contains("any order"));
    if let Some(last) = last {
        let mut broken = text.to_owned();
        broken.replace_range(last..=last, "3");
        assert_eq!(said(broken.as_bytes()).0, Some(Invalid), "{name}: {broken}");
    }
}

#[test]
fn what_can_be_read_is_read() {
    let strings = JSON.replace("\"invoke\"", "\":invoke\"").replace("\"ok\"", "\":ok\"");
    let strings = strings.replace("\"write\"", "\":write\"").replace("\"read\"", "\":read\"");
    let quoted = JSON.replace("\"process\":0", "\"process\":\"0\"").replace("\"process\":1", "\"process\":\"1\"");
    let names = EDN.replace(":process ", "\"process\" ").replace(":type ", "\"type\" ");
    let names = names.replace(":f ", "\"f\" ").replace(":value ", "\"value\" ");
    let nemesis = format!("{{:process :nemesis, :type :info, :f :cut, :value {{\"n1\" #{{\"n2\"}}}}}}\n{EDN}",);
    let comments = "; a history\r".to_owned() + &EDN.replace('\n', "\r");
    let cases: [(&str, String, &str); 17] = [
        ("strings for keywords", EDN.replace(":ok", "\"ok\"").replace(":invoke", "\"invoke\""), ""),
        ("types in any case", EDN.replace(":ok", ":Ok").replace(":invoke", ":INVOKE"), ""),
        ("keywords in strings", strings, ""),
        ("quoted processes", quoted, ""),
        ("empty lines", format!("\n\n{}", EDN.replace('\n', "\n\n \n")), ""),
        ("byte order mark", format!("\u{feff}{EDN}"), ""),
        ("byte order mark before JSON", format!("\u{feff}{JSON}"), ""),
        ("Windows' lines", EDN.replace('\n', "\r\n"), ""),
        ("Windows' lines of JSON", JSON.replace('\n', "\r\n"), ""),
        ("comments in lines that only return", comments, ""),
        ("JSON's names in EDN", names, ""),
        ("an array over many lines", format!("[{}]", JSON.trim().replace('\n', ",\n").replace(",\"", ",\n  \"")), ""),
        ("a nemesis with maps", nemesis, ""),
        ("times that are floats, in any order", with(EDN, |place| format!(", :time {}.5", 7 - place)), ""),
        ("times that are dates, in any order", with(JSON, |_| ",\"time\":\"2024-01-01T00:00:01Z\"".to_owned()), ""),
        ("indices that are strings, in any order", with(JSON, |place| format!(",\"index\":\"{place}\"")), ""),
        ("indices in any order", with(EDN, |place| format!(", :index {}", [2, 3, 4, 5][place])), ""),
    ];
    for (name, text, note) in cases {
        is_read(name, &text, note);
    }
}

#[test]
fn what_is_decided_by_the_file_is_told() {
    // The read stands first, and its indices say that it is last.
    let turned: String = EDN.lines().skip(2).chain(EDN.lines().take(2)).map(|line| format!("{line}\n")).collect();
    for index in [
        |place: usize| format!(", :index {}", [2, 3, 0, 1][place]),
        |place| format!(", :index \"{}\"", [2, 3, 0, 1][place]),
        |place| format!(", :index {}.0", [2, 3, 0, 1][place]),
    ] {
        let (verdict, notes) = said(with(&turned, index).as_bytes());
        assert_eq!(verdict, Some(Valid));
        assert_eq!(notes, "the events do not stand in the order of their indices; that of the indices was taken.");
    }
    // Two are the same, or one is missing: nobody knows where they belong.
    for index in [
        |place: usize| format!(", :index {}", [2, 3, 0, 0][place]),
        |place: usize| [", :index 2", ", :index 3", "", ", :index 1"][place].to_owned(),
    ] {
        let (verdict, notes) = said(with(&turned, index).as_bytes());
        assert_eq!(verdict, Some(Invalid));
        assert!(
            notes.contains("the indices do not ascend, first on line ")
                && notes.contains("the order of the file was taken"),
            "{notes}"
        );
    }
    assert_eq!(said(with(EDN, |place| format!(", :index {}", place / 2)).as_bytes()), (Some(Valid), String::new()));
    let again = format!("{EDN}{}\n", EDN.lines().last().unwrap());
    assert!(said(again.as_bytes()).1.contains("completions without an invocation: 1, first on line 5"));
    // The text is a result, or the value of which nobody reads: not for us to say.
    let (verdict, notes) = said(JSON.replacen(":1}", ":\"1\"}", 1).as_bytes());
    assert_eq!(verdict, Some(Unknown));
    assert!(notes.contains("line 1: \"1\" and then 1; taken for results"), "{notes}");
}

#[test]
fn what_holds_nothing_is_unknown() {
    for text in ["", "\u{feff}", "[]", "()", "; nothing", "\r\n\r\n"] {
        assert_eq!(said(text.as_bytes()).0, Some(Unknown), "{text:?}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place_and_mend() {
    let lines = JSON.trim().replace('\n', ",\n");
    let cases: [(&str, String, &str, &str); 24] = [
        (
            "no kind",
            EDN.replace(":f :read, ", ""),
            "line 3",
            "has a name (its `f`: read, write), and this one has none",
        ),
        (
            "kinds in capitals",
            EDN.replace(":write", ":WRITE"),
            "line 1",
            "`WRITE` is no operation of model `register`: it knows read, write",
        ),
        (
            "another type",
            EDN.replace(":invoke", ":invoked"),
            "line 1, column 20",
            "`:invoked` is no type of event: they are invoke, ok, fail, and info where",
        ),
        (
            "a type that is a reason",
            EDN.replacen(":ok", ":timeout", 1),
            "line 2",
            "info where nobody knows what came of it",
        ),
        (
            "no type",
            EDN.replacen(":type :ok, ", "", 1),
            "line 2",
            "an event is a map with `type` (invoke, ok, fail, info)",
        ),
        ("names in capitals", JSON.replace("\"type\"", "\"Type\""), "line 1", "an event is a map with `type`"),
        ("a map of the history", format!("{{:history [{EDN}]}}"), "line 1", "an event is a map with `type`"),
        ("an object of the history", format!("{{\"history\":[{lines}]}}"), "line 1", "an event is a map with `type`"),
        ("a last comma", format!("[{lines},]"), "line 4", "a comma stands before the end of the array: leave it out"),
        ("commas between lines", lines.clone(), "line 1", "a comma stands between events that no array encloses"),
        ("a last comma in an object", JSON.replacen("1}", "1,}", 1), "line 1, column 52", "key must be a string"),
        ("comments in JSON", format!("// one\n{JSON}"), "line 1", "comments in JSON"),
        (
            "log lines first",
            format!("INFO start\n{EDN}"),
            "line 1 begins with `INFO start",
            "Leave out what is no event, such as log lines",
        ),
        (
            "log lines between",
            JSON.replacen("}\n", "}\nWARN slow\n", 1),
            "line 2",
            "here stands `WARN slow`: leave out what is no event",
        ),
        (
            "log lines at the end",
            format!("{EDN}done in 3 s"),
            "line 5",
            "here stands `done in 3 s`: leave out what is no event",
        ),
        ("a vector of vectors", "[[0 :invoke :write 1]]".to_owned(), "line 1", "An event is a map of its own"),
        ("a table", "process,type,f,value\n0,invoke,write,1\n".to_owned(), "line 1", "An event is a map of its own"),
        (
            "a process that is a float",
            JSON.replace("\"process\":0", "\"process\":0.0"),
            "line 1",
            "they are whole numbers or names",
        ),
        ("no end", EDN[..EDN.len() - 5].to_owned(), "line 4", "unfinished"),
        ("a brace too many", EDN.replacen("}\n", "}}\n", 1), "line 1", "here stands `}`: leave out"),
        ("zeros", format!("{EDN}\0\0"), "line 5", "here stands `\\0\\0`: leave out"),
        ("no number", JSON.replacen(":1}", ":NaN}", 1), "line 1, column 50", "expected value"),
        (
            "Python's notation",
            JSON.replace('"', "'").replace("null", "None"),
            "line 1",
            "an event is a map with `type`",
        ),
        ("two arrays", format!("[]\n[{lines}]"), "line 2", "something follows"),
    ];
    for (name, text, place, mend) in cases {
        let (verdict, error) = said(text.as_bytes());
        assert_eq!(verdict, None, "{name}: {error}");
        assert!(error.starts_with("odd") && error.contains(place) && error.contains(mend), "{name}: {error}");
    }
    let wide: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(said(&wide).1.contains("It is UTF-16: write it as UTF-8"), "{}", said(&wide).1);
    let no_text = [EDN.as_bytes(), b"{:process 1 :type :invoke :f :write :value \"\xff\"}"].concat();
    assert!(said(&no_text).1.contains("line 5, column 44: this string is no UTF-8"));
}
